"""The in-control mean: what charts with a memory expect, learnt from all periods before the first that they judge."""

from dataclasses import dataclass

import numpy as np

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.detector import Reason

LEAST_PERIODS = 8
"""Known periods that a constant mean is learnt from at least; with seasons it takes a year."""


@dataclass(frozen=True, eq=False)
class InControl:
    """What is expected in control: ``mean`` (S, K) at the targets, ``dispersion`` (S,), a in variance = m + a m^2.

    ``reason`` (S, K) holds codes; where it is not `Reason.COMPUTED` the mean is NaN.
    """

    mean: np.ndarray
    dispersion: np.ndarray
    reason: np.ndarray


def in_control_mean(
    observations: Observations,
    targets: np.ndarray,
    *,
    harmonics: int,
    trend: bool,
    dispersion: float | None,
    method: str,
) -> InControl:
    r"""Fit $\log\mu_t = \beta_0 + \beta_1 t + \sum_h (\gamma_h \cos + \delta_h \sin)(2\pi h t / f)$ before the targets.

    A negative binomial regression (Poisson for `dispersion` 0, dispersion by maximum likelihood for None) on
    ``history``, with weights, of the periods before the first target (or before the first that leaves
    `LEAST_PERIODS`, with harmonics a year of periods), extrapolated over `targets` (K,).
    ``TOO_SHORT``: before the chart begins; ``GAP``: less than half of the least number of periods is known;
    ``ZERO_VARIANCE``: no case among them; ``NO_CONVERGENCE``: the fit did not settle; ``NOT_FINITE``: a trend
    that leads to no number. Raises `InputError` where harmonics are asked of series without a frequency.
    """
    from mamori.surveillance._in_control import count_regressions

    year = observations.frequency
    if harmonics and year is None:
        raise InputError(
            f"{method} with a seasonal mean must know how many periods a year has; "
            "give dates, or freq = 365, 52 or 12, or take a mean without season"
        )
    least = max(LEAST_PERIODS, year or 0) if harmonics else LEAST_PERIODS
    size, width = observations.counts.shape[0], len(targets)
    start = min(width, max(0, least - int(targets[0])))
    mean, reason = np.full((size, width), np.nan), np.zeros((size, width), dtype=np.uint8)
    dispersions = np.full(size, np.nan)
    reason[:, :start] = Reason.TOO_SHORT
    if start == width:
        return InControl(mean, dispersions, reason)
    stop = int(targets[start])
    design = _design(observations.t, stop, int(targets[-1]) + 1, year or 1, harmonics, trend)
    weights = np.empty((0, 0)) if observations.weights is None else observations.weights
    predicted, converged = np.empty((size, width - start)), np.empty(size, dtype=np.bool_)
    given = np.nan if dispersion is None else dispersion
    count_regressions(observations.history, weights, stop, design, given, predicted, dispersions, converged)
    known, cases = _known(observations, stop)
    if design.shape[1] == 1:  # the mean itself, not what the iterations come to
        predicted[:] = np.divide(cases, known, out=np.zeros(size), where=known > 0)[:, None]
    code = np.where(converged, Reason.COMPUTED, Reason.NO_CONVERGENCE)
    code = np.where(cases == 0, Reason.ZERO_VARIANCE, code)
    code = np.where(known < least / 2, Reason.GAP, code)
    usable = np.isfinite(predicted) & (predicted > 0)
    cell = np.where((code[:, None] == Reason.COMPUTED) & ~usable, Reason.NOT_FINITE, code[:, None])
    reason[:, start:] = cell
    mean[:, start:] = np.where(cell == Reason.COMPUTED, predicted, np.nan)
    return InControl(mean, np.where(code == Reason.COMPUTED, dispersions, np.nan), reason)


def _design(t: np.ndarray, stop: int, end: int, year: int, harmonics: int, trend: bool) -> np.ndarray:
    """Return the regressors (end, P); time runs from -1 to 1 over the training, so that the fit is well conditioned."""
    columns = [np.ones(end)]
    if trend:
        columns.append((2 * np.arange(end) - (stop - 1)) / max(1, stop - 1))
    for h in range(1, harmonics + 1):
        angle = 2 * np.pi * h * t[:end] / year
        columns += [np.cos(angle), np.sin(angle)]
    return np.ascontiguousarray(np.stack(columns, axis=1))


def _known(observations: Observations, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of the known periods before column `stop`, and the weighted cases in them, by series."""
    past = observations.history[:, :stop]
    weights = np.ones_like(past) if observations.weights is None else observations.weights[:, :stop]
    return np.sum(weights * ~np.isnan(past), axis=1), np.nansum(weights * past, axis=1)
