"""A negative binomial autoregression on the log scale: its covariates, its fit, draws of its coefficients."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mamori.inference._arrays import Floats

OFFSET = 0.5
"""Added to counts before the logarithm."""
HARMONICS = 2
FEWEST = 12
"""Periods to learn from, at least."""
_WEEK = 7
_INTERCEPT_SD, _LEVEL_SD, _CHANGE_SD, _CALENDAR_SD = 0.3, 0.3, 0.5, 0.3
"""Of the normal priors around 0, that is around a random walk."""
_SIZES: Floats = np.geomspace(0.3, 3000.0, 60)
_ITERATIONS = 30
_SETTLED = 1e-8


@dataclass(frozen=True, eq=False)
class Memory:
    """How the next log count depends on the last L: `start` (L,) weighs what it would be if nothing changed, each row
    of `changes` (K, L) is a change."""

    start: Floats
    changes: Floats

    @property
    def length(self) -> int:
        """The number of counts before that are needed."""
        return len(self.start)


def memory(daily: bool) -> Memory:
    """Return the last count and its last two changes; for daily counts means of weeks, and yesterday beside them."""
    if not daily:
        return Memory(np.array([1.0, 0.0, 0.0]), np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]]))
    this, before = (np.repeat(weeks, _WEEK) / _WEEK for weeks in (np.array([1.0, 0.0]), np.array([0.0, 1.0])))
    yesterday = np.eye(2 * _WEEK)[0]
    return Memory(this, np.stack([yesterday - this, this - before]))


def calendar(angles: Floats | None, weekdays: NDArray[np.int64] | None) -> Floats | None:
    """Return the covariates (T, C) of the season, by `angles` (T,), and of `weekdays` (T,), None without either."""
    columns: list[Floats] = []
    if angles is not None:
        columns += [wave(h * angles) for h in range(1, HARMONICS + 1) for wave in (np.sin, np.cos)]
    if weekdays is not None:
        columns += [np.where(weekdays == day, 1.0, 0.0) for day in range(_WEEK)]
    return np.stack(columns, axis=1) if columns else None


@dataclass(frozen=True, eq=False)
class Fit:
    """The mode of the coefficients (P,): intercept, level, changes, calendar; the covariance (P, P) there; the size;
    the mean log count; the memory."""

    coefficients: Floats
    covariance: Floats
    size: float
    level: float
    memory: Memory

    def paths(self, normal: Floats, ahead: Floats | None) -> tuple[Floats, Floats]:
        """Return the weights (N, L) of the last log counts and the rest of the log means (N, H or 1) of each path.

        `normal` (N, P) are standard normal numbers, `ahead` (H, C) the calendar's covariates to come. A level
        pulls back to the mean, if anything: its coefficient is cut at 0.
        """
        beta = self.coefficients + normal @ np.linalg.cholesky(self.covariance).T
        beta[:, 1] = np.minimum(beta[:, 1], 0.0)
        split = 2 + len(self.memory.changes)
        lags = (1.0 + beta[:, 1:2]) * self.memory.start + beta[:, 2:split] @ self.memory.changes
        fixed = (beta[:, 0] - beta[:, 1] * self.level)[:, None]
        return lags, fixed if ahead is None else fixed + beta[:, split:] @ ahead.T


def fit(counts: Floats, known: Floats | None, remembered: Memory) -> Fit | None:
    """Return the posterior mode of the coefficients by Newton's method, the size by its profile likelihood.

    `known` (T, C) are the calendar's covariates. None where fewer than `FEWEST` periods can be learned from.
    """
    level = float(np.log(np.nanmean(counts) + OFFSET))
    z = np.log(counts + OFFSET)
    before = np.full((len(z), remembered.length), np.nan)
    for k in range(remembered.length):
        before[k + 1 :, k] = z[: len(z) - k - 1]
    start = before @ remembered.start
    parts = [np.ones((len(z), 1)), (start - level)[:, None], before @ remembered.changes.T]
    x = np.concatenate(parts if known is None else [*parts, known], axis=1)
    used = ~np.isnan(before).any(axis=1) & ~np.isnan(counts)
    if used.sum() < FEWEST:
        return None
    sd = np.full(x.shape[1], _CALENDAR_SD)
    sd[: 2 + len(remembered.changes)] = [_INTERCEPT_SD, _LEVEL_SD, *[_CHANGE_SD] * len(remembered.changes)]
    found = _mode(x[used], counts[used], start[used], sd)
    if found[0][1] > 0.0:  # a level that pushes away from the mean would make paths run off
        sd[1] = 1e-6
        found = _mode(x[used], counts[used], start[used], sd)
    return Fit(*found, level, remembered)


def _mode(x: Floats, y: Floats, start: Floats, sd: Floats) -> tuple[Floats, Floats, float]:
    """Return mode and covariance of the coefficients of log mean = start + x β under normal priors, and the size."""
    precision = np.diag(sd**-2.0)
    beta, size = np.zeros(x.shape[1]), 10.0
    information = precision
    for iteration in range(_ITERATIONS):
        mu = np.exp(np.clip(start + x @ beta, -20.0, 30.0))
        information = (x.T * (mu / (1.0 + mu / size))) @ x + precision
        step = np.linalg.solve(information, x.T @ ((y - mu) / (1.0 + mu / size)) - precision @ beta)
        step *= min(1.0, 1.0 / max(float(np.abs(step).max()), _SETTLED))
        beta = beta + step
        if iteration % 4 == 3:
            size = _best_size(y, np.exp(np.clip(start + x @ beta, -20.0, 30.0)))
        elif iteration > 4 and float(np.abs(step).max()) < _SETTLED:
            break
    return beta, np.asarray(np.linalg.inv(information), dtype=np.float64), size


def _best_size(y: Floats, mu: Floats) -> float:
    """Return the most likely size, with a half-normal prior of SD 1 of 1/sqrt(size)."""
    from scipy.special import gammaln

    k = _SIZES[:, None]
    likelihood = gammaln(y + k) - gammaln(k) + k * np.log(k / (k + mu)) + y * np.log(mu / (k + mu))
    return float(_SIZES[np.argmax(likelihood.sum(axis=1) - 0.5 / _SIZES)])
