"""Mamori's own detector: evidence added up over weeks against a baseline that past outbreaks do not bend."""

from functools import cache
from importlib.resources import files
from typing import ClassVar

import numpy as np
from pydantic import Field

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.detector import Detection, Detector

# Prior values; why these: docs/methods/mamori-detector.md, "Prior values".
SLOPE_A_YEAR, ANNUAL, HALF_YEARLY, WEEKDAY = 0.2, 0.8, 0.4, 0.3  # standard deviations on the log scale
GUARD = 8  # periods before the target that the baseline leaves out
WINDOW = 12  # periods over which evidence is added up
SHORTEST = 8  # known periods before the target
DAYS_A_YEAR = 365


class Mamori(Detector):
    r"""The odds that a series is in an outbreak now, and how rarely they come so high without one.

    Baseline: all history up to 8 periods before the target; counts are negative binomial with variance
    $\phi\mu$, $\log\mu$ is a level that drifts from year to year, a slope, an annual and a half-yearly wave (and
    weekdays for daily series), each with a prior; counts are weighted by the probability that they have no
    outbreak. Evidence: a hidden Markov chain of excesses over the last 12 periods. Score: log posterior odds of an
    outbreak; p-value: the probability of a score this high without an outbreak at this mean and dispersion; alarm:
    p-value <= alpha and a count above 0. See ``docs/methods/mamori-detector.md``.
    """

    name: ClassVar[str] = "mamori"

    alpha: float = Field(
        0.007,
        gt=0.0,
        lt=0.5,
        description="P-value at or below which an alarm is given: the share of periods without outbreak that alarm",
    )

    def detect(self, observations: Observations, targets: np.ndarray) -> Detection:
        """Return the detection at the columns `targets` (K,); see `Detector.detect`.

        ``upperbound`` is the largest count without alarm, given what came before; ``phi`` the dispersion of the
        baseline. Reasons: too-short (fewer than 8 known periods of history), no-convergence, missing-count
        (expected, bound and phi are still given). Raises `InputError` without a frequency.
        """
        from mamori.surveillance._mamori import detect_series

        frequency = observations.frequency
        if frequency is None:
            raise InputError("the method 'mamori' needs the periods a year; give freq (365, 52 or 12) or dates")
        known = ~np.isnan(observations.history)
        weight = np.where(known, 1.0 if observations.weights is None else observations.weights, 0.0)
        columns, precision = seasonal_columns(observations.counts.shape[1], frequency)
        found = Detection.empty(observations.counts.shape[0], len(targets))
        detect_series(
            np.ascontiguousarray(observations.counts, dtype=float),
            np.where(known, observations.history, 0.0),
            weight,
            columns,
            precision,
            np.asarray(targets, dtype=np.int64),
            (GUARD, WINDOW, SHORTEST, frequency),
            self.alpha,
            *null_distribution(),
            found.expected,
            found.upperbound,
            found.score,
            found.pvalue,
            found.phi,
            found.alarm,
            found.reason,
        )
        return found


def seasonal_columns(length: int, frequency: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the seasonal columns (C, T) and the precisions (2 + C,) of level, slope and their coefficients."""
    angle = 2.0 * np.pi * np.arange(length) / frequency
    columns = [np.cos(angle), np.sin(angle), np.cos(2.0 * angle), np.sin(2.0 * angle)]
    deviations = [SLOPE_A_YEAR, ANNUAL, ANNUAL, HALF_YEARLY, HALF_YEARLY]
    if frequency == DAYS_A_YEAR:
        columns += [(np.arange(length) % 7 == day).astype(float) for day in range(7)]
        deviations += 7 * [WEEKDAY]
    return np.array(columns), np.array([0.0, *(1.0 / d**2 for d in deviations)])


@cache
def null_distribution() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return means (I,), dispersions (J,) and (I, J, L, 2): scores and the share of null periods that reach them."""
    with (files("mamori.surveillance") / "mamori_null.npz").open("rb") as file:
        stored = np.load(file)
        return stored["means"], stored["phis"], stored["tails"].astype(float)
