"""What the window methods share: which past periods are pooled for each target, and their moments."""

from dataclasses import dataclass

import numpy as np

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.detector import Reason

KNOWN_SHARE = 0.5
"""The share of the windows that must be known; with less the value is not computed (`Reason.GAP`)."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Of each series (S) and target (K): weight ``total`` of the pooled values, ``mean``, ``sd``, ``reason`` codes.

    Where the reason is not `Reason.COMPUTED` the other values are NaN.
    """

    total: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    reason: np.ndarray


def previous_periods(periods: int, gap: int = 0) -> np.ndarray:
    """Return the window (1, 2) of the `periods` before a target, less the last `gap`: first and last offset."""
    return np.array([[-periods - gap, -1 - gap]], dtype=np.int64)


def seasonal_windows(
    observations: Observations, years_back: int, half_window: int, *, current_year: bool, method: str
) -> np.ndarray:
    """Return windows (N, 2) of offsets: `half_window` periods around the same period of each of `years_back` years.

    With `current_year` also the `half_window` periods before the target. Raises `InputError` where earlier years
    are asked of series without a frequency.
    """
    if years_back and observations.frequency is None:
        raise InputError(
            f"{method} with {years_back} years back must know how many periods a year has; "
            "give dates, or freq = 365, 52 or 12"
        )
    year = observations.frequency or 0
    windows = [[-i * year - half_window, -i * year + half_window] for i in range(1, years_back + 1)]
    if current_year:
        windows.append([-half_window, -1])
    return np.array(windows, dtype=np.int64)


def window_moments(observations: Observations, targets: np.ndarray, windows: np.ndarray) -> Moments:
    """Return the moments of the known, weighted values of ``history`` in `windows` before each of `targets` (K,).

    ``TOO_SHORT`` where a window begins before the series; ``GAP`` where less than half of the windows' weight is
    known, or too little for a standard deviation.
    """
    from mamori.surveillance._windows import pool

    shape = (observations.counts.shape[0], len(targets))
    total, mean, sd = np.full((3, *shape), np.nan)
    reason = np.zeros(shape, dtype=np.uint8)
    early = int(np.sum(targets + windows.min() < 0))
    reason[:, :early] = Reason.TOO_SHORT
    if early < len(targets):
        weights = np.empty((0, 0)) if observations.weights is None else observations.weights
        parts = [np.empty((shape[0], shape[1] - early)) for _ in range(3)]
        pool(observations.history, weights, int(targets[early]), windows, *parts)
        gap = (parts[0] < KNOWN_SHARE * np.sum(windows[:, 1] - windows[:, 0] + 1)) | np.isnan(parts[2])
        reason[:, early:][gap] = Reason.GAP
        for whole, part in zip((total, mean, sd), parts, strict=True):
            whole[:, early:] = np.where(gap, np.nan, part)
    return Moments(total, mean, sd, reason)
