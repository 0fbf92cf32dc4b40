"""Day-of-week effects: taken out of daily counts before a method sees them, and put back into its bounds."""

from dataclasses import dataclass, replace

import numpy as np

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.detector import Detection, Reason

DAYS_A_YEAR = 365
LEAST_WEEKS, MOST_WEEKS = 4, 52
"""Weeks before a day that its factor is learnt from."""


@dataclass(frozen=True, eq=False)
class WeekdayEffect:
    """`factors` (S, T): how many times the week's daily mean is counted on that day of the week; NaN where unknown."""

    factors: np.ndarray

    def put_back(self, detection: Detection, targets: np.ndarray) -> Detection:
        """Return `detection`, made without the effect, with ``expected`` and ``upperbound`` in cases of that day.

        Scores, p-values and alarms stay; days whose factor is unknown are ``TOO_SHORT``.
        """
        factor = self.factors[:, targets]
        unknown = np.isnan(factor)
        return replace(
            detection,
            expected=detection.expected * factor,
            upperbound=detection.upperbound * factor,
            reason=np.where(unknown, np.uint8(Reason.TOO_SHORT), detection.reason),
        )


def without_weekday_effect(observations: Observations, targets: np.ndarray) -> tuple[Observations, WeekdayEffect]:
    r"""Return daily `observations` with each count divided by the factor of its day of the week, and the factors.

    The factors multiply to the mean, $E(y_t) = \text{level} \cdot f_{d(t)}$, average 1 over the week, and are fitted
    to the last `MOST_WEEKS` weeks of ``history`` before the day (before the first target, for days before that), with
    counts further than 2.58 standard deviations drawn in and a gamma prior of mean 1 and 8 cases for each. Nothing
    on or after a target bears on it. The divided counts are not rounded. Series with fewer than `LEAST_WEEKS` weeks
    of known days before a target have no factor there: the counts of such days are missing.

    Raises `InputError` where the series are not daily.
    """
    from mamori.surveillance._weekday import DAYS, weekday_factors

    if observations.frequency != DAYS_A_YEAR:
        raise InputError(
            f"day-of-week effects need daily counts; these have {observations.frequency or 'an unknown number of'} "
            "periods a year. Give daily data (freq = 365), or leave the option out"
        )
    end = int(targets[-1]) + 1
    start = max(int(targets[0]), LEAST_WEEKS * DAYS)
    factors = np.full(observations.counts.shape, np.nan)
    if start < end:
        weights = np.empty((0, 0)) if observations.weights is None else observations.weights[:, :end]
        part = np.empty((len(factors), end))
        weekday_factors(
            np.ascontiguousarray(observations.history[:, :end]),
            np.ascontiguousarray(weights),
            start,
            MOST_WEEKS,
            part,
        )
        known = np.cumsum(~np.isnan(observations.history[:, :end]), axis=1)
        before = np.concatenate([np.zeros((len(factors), 1)), known[:, :-1]], axis=1)
        before[:, :start] = before[:, [start]]
        part[before < LEAST_WEEKS * DAYS] = np.nan
        factors[:, :end] = part
    level = replace(observations, counts=observations.counts / factors, history=observations.history / factors)
    return level, WeekdayEffect(factors)
