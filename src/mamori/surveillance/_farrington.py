"""What both Farrington methods do: predict every series at every target, and count the cases of the last weeks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mamori.core.contracts import Observations
from mamori.surveillance._baseline import Baseline
from mamori.surveillance._quasipoisson import logarithms, predict_all
from mamori.surveillance.detector import Reason

TREND_YEARS = 3  # a trend is kept only where the baseline has so many years


@dataclass(frozen=True)
class Fit:
    """How a baseline is fitted: see the fields of `FarringtonFlexible`."""

    trend: bool
    keep_trend: bool
    trend_significance: float
    reweight: bool
    weights_threshold: float
    quirk: bool = False
    error_by_phi: bool = False
    population_offset: bool = False


@dataclass(frozen=True, eq=False)
class Prediction:
    """Log mean without an outbreak, its standard error, phi, whether a trend was kept, reason: all (S, K)."""

    log_mean: np.ndarray
    error: np.ndarray
    phi: np.ndarray
    trend: np.ndarray
    reason: np.ndarray


def predict(
    observations: Observations, targets: np.ndarray, baseline: Callable[[int], Baseline | None], fit: Fit
) -> Prediction:
    """Predict each series at each target from the `baseline` of the target; None is `TOO_SHORT` for all series."""
    history = _contiguous(observations.history)
    nothing = np.empty((0, history.shape[1]))
    weights = nothing if observations.weights is None else _contiguous(observations.weights)
    people = nothing
    if fit.population_offset and observations.denominator is not None:
        people = _contiguous(observations.denominator)
    out = np.full((len(targets), 4, len(history)), np.nan)
    reason = np.full((len(targets), len(history)), Reason.TOO_SHORT, dtype=np.uint8)
    for k, target in enumerate(targets):
        base = baseline(int(target))
        if base is None:
            continue
        # Unsigned indices are never negative: the kernel need not look whether they count from the end.
        columns, run_start, run_cell, step_of = (
            i.astype(np.uint64) for i in (base.columns, base.run_start, base.run_cell, base.step_of)
        )
        predict_all(
            history, weights, people, logarithms(), columns, run_start, run_cell, base.times, step_of, base.steps,
            int(target), base.ahead, base.cell, fit.trend, fit.keep_trend,
            _critical(fit.trend_significance, len(columns)), fit.reweight, fit.weights_threshold, fit.quirk,
            fit.error_by_phi, out[k], reason[k],
        )  # fmt: skip
    log_mean, error, phi, trend = np.moveaxis(out, (1, 2, 0), (0, 1, 2))
    return Prediction(log_mean, error, phi, trend == 1.0, reason.T)


def few_cases(counts: np.ndarray, targets: np.ndarray, limit: tuple[int, int]) -> np.ndarray:
    """Return where (S, K) the cases of the last ``limit[1]`` periods, the target included, are below ``limit[0]``.

    A missing count adds nothing.
    """
    least, periods = limit
    first = max(int(targets[0]) - periods + 1, 0)
    total = np.cumsum(np.nan_to_num(counts[:, first : int(targets[-1]) + 1]), axis=1)
    total = np.concatenate([np.zeros((len(counts), 1)), total], axis=1)
    return np.asarray(total[:, targets + 1 - first] - total[:, np.maximum(targets + 1 - periods - first, 0)] < least)


def mark_reasons(reason: np.ndarray, bound: np.ndarray, observed: np.ndarray, few: np.ndarray) -> np.ndarray:
    """Return the reasons (S, K) with those after the fit: no finite bound, no count, too few cases; the first holds."""
    for code, where in (
        (Reason.NOT_FINITE, ~np.isfinite(bound)),
        (Reason.MISSING_COUNT, np.isnan(observed)),
        (Reason.FEW_CASES, few),
    ):
        reason = np.where((reason == Reason.COMPUTED) & where, np.uint8(code), reason)
    return reason


@lru_cache(maxsize=64)
def _critical(significance: float, points: int) -> np.ndarray:
    """Return |t| (points,) above which a two-sided test is significant with 0, 1, ... degrees of freedom."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.maximum(np.arange(points), 1.0), 1.0 - 0.5 * significance))


def _contiguous(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float64)
