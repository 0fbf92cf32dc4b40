"""What carries the renewal equation into the future: cases by day, how fast R changes, how much counts scatter."""

import numpy as np
from numpy.typing import NDArray

from mamori.inference._arrays import Floats

_LARGEST_VARIATION = 0.3
"""Windows with a less certain reproduction number do not tell how fast it changes."""
_LATEST = 26
"""Periods, or windows, from which scatter and change are taken."""
_SIZES = (0.1, 1e4)
"""The size is kept within these."""


def spread_over_days(counts: Floats, days: int) -> Floats:
    """Return cases by day (T × days) with the sum of each period kept, smooth from one to the next.

    The log of the daily mean (plus half a case a period) is linear between the middles of the periods, and goes on
    as it was before the first and after the last.
    """
    if days == 1 or len(counts) < 2:
        return np.repeat(counts / days, days)
    level = np.log((counts + 0.5) / days)
    ends = [2.0 * level[0] - level[1], *level, 2.0 * level[-1] - level[-2]]
    day = (np.arange(len(counts) * days) + 0.5) / days + 0.5
    shape = np.exp(np.interp(day, np.arange(len(ends)), ends)).reshape(len(counts), days)
    return np.asarray((shape * (counts / shape.sum(axis=1))[:, None]).ravel())


def pressure_by_day(cases: Floats, weights: Floats) -> Floats:
    """Return the infection pressure Σ_k w_k C_{t-k} of each day (T,)."""
    return np.convolve(cases, weights)[: len(cases)]


def step_of_log_r(mean: Floats, sd: Floats, window: int) -> float:
    """Return the standard deviation of the change of log R in a day, from windows (T,) that end on each day.

    Variance of the changes between neighbouring windows that do not overlap, less that of the estimates, over the
    days between them; 0 where no two windows are known well enough.
    """
    latest = slice(None, -1 - _LATEST * window, -window)
    variation = (sd / mean)[latest]
    change = np.diff(np.log(mean[latest]))
    known = (variation[1:] < _LARGEST_VARIATION) & (variation[:-1] < _LARGEST_VARIATION)
    if not known.any():
        return 0.0
    noise = (variation[1:] ** 2 + variation[:-1] ** 2)[known]
    return float(np.sqrt(max(0.0, float(np.mean(change[known] ** 2 - noise))) / window))


def range_of_r(mean: Floats, sd: Floats, window: int) -> tuple[float, float]:
    """Return the least and greatest R of the windows (T,) that are known well enough and do not overlap the last one.

    No limits where there is none. A last window beyond them is more often imports, or reporting that began again,
    than transmission as it never was before.
    """
    earlier = mean[:-window][(sd / mean)[:-window] < _LARGEST_VARIATION]
    return (float(earlier.min()), float(earlier.max())) if len(earlier) else (0.0, np.inf)


def size_of_counts(counts: Floats, expected: Floats, window: int) -> float:
    """Return the size of the negative binomial of counts (T,) around what was `expected` from their own windows.

    1/size = Σ((y - m)² - m) / Σm² over the last periods, over 1 - 1/w for windows of w periods, to which each count
    belongs itself.
    """
    y, m = counts[-_LATEST:], expected[-_LATEST:]
    total = float((m**2).sum()) * (1.0 - 1.0 / max(window, 2))
    excess = float(((y - m) ** 2 - m).sum()) / total if total > 0.0 else 0.0
    return float(np.clip(1.0 / max(excess, 1e-12), *_SIZES))


def angles_of_year(days: NDArray[np.datetime64]) -> Floats:
    """Return the angle of each day (datetime64[D]) in its year, 2π a year."""
    start = days.astype("datetime64[Y]")
    length = (start + 1).astype("datetime64[D]") - start.astype("datetime64[D]")
    return np.asarray(2.0 * np.pi * (days - start.astype("datetime64[D]")).astype(float) / length.astype(float))
