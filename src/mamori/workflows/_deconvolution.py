"""From weekly deaths to weekly infections: a penalised likelihood, for many series at once (arrays)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import solveh_banded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

GROWTH_SD = 1.5  # per week: prior of the growth of infections
CHANGE_SD = 0.25  # per week and week: prior of the change of growth
IMPORTED = 1.0  # infections a week that come from elsewhere
LARGEST_STEP = 2.0
ITERATIONS = 60
HALVINGS = 8
TOLERANCE = 1e-4


def expected_deaths(infections: FloatArray, fatality: FloatArray, delay: FloatArray) -> FloatArray:
    """Deaths by week (..., W) = fatality (..., W, by week of death) x infections convolved with ``delay`` (..., L)."""
    total, weeks = np.zeros_like(infections), infections.shape[-1]
    for lag in range(min(delay.shape[-1], weeks)):
        total[..., lag:] += delay[..., lag, None] * infections[..., : weeks - lag]
    return fatality * total


def infections_of(log_infections: FloatArray, start: NDArray[np.int64]) -> FloatArray:
    """Infections by week (..., W): exp x and one imported from week ``start`` on, so that none dies out for good."""
    alive = np.arange(log_infections.shape[-1]) >= start[..., None]
    return np.where(alive, np.exp(log_infections) + IMPORTED, 0.0)


def deconvolve(
    deaths: FloatArray,
    fatality: FloatArray,
    delay: FloatArray,
    start: NDArray[np.int64],
    dispersion: FloatArray,
    log_infections: FloatArray,
) -> FloatArray:
    """Log of infections other than imported by week (N, W), from quasi-Poisson deaths by week (N, W).

    ``dispersion`` (N,) is the variance of the deaths over their mean.

    Minimises sum (mu - D log mu) / psi + sum (second difference of x)^2 / (2 CHANGE_SD^2) + sum (first difference)^2
    / (2 GROWTH_SD^2), mu = fatality x (delay * infections), over x from week ``start`` (N,) on; see `infections_of`.
    Because a shift of x costs no penalty, fitted deaths have the observed total. Starts from ``log_infections``;
    Fisher scoring with banded Hessians.
    """
    x = log_infections.copy()
    size, width = x.shape
    alive = np.arange(width) >= start[:, None]
    penalty = _penalty(alive)
    reach = delay.shape[1] - 1
    weight = 1.0 / dispersion[:, None]
    moving = np.arange(size)
    for _ in range(ITERATIONS):
        now = _Series(
            deaths[moving], fatality[moving], delay[moving], weight[moving], start[moving], penalty[:, moving]
        )
        step = np.clip(_newton_step(x[moving], now, reach), -LARGEST_STEP, LARGEST_STEP)
        before = _log_posterior(x[moving], now)
        for _ in range(HALVINGS):
            worse = _log_posterior(x[moving] + step, now) < before
            if not worse.any():
                break
            step[worse] *= 0.5
        x[moving] += step
        moving = moving[np.abs(step).max(axis=1) > TOLERANCE]
        if not len(moving):
            break
    return x


class _Series(NamedTuple):
    """What the likelihood of some series needs, (N, ...); ``weight`` is 1 / dispersion."""

    deaths: FloatArray
    fatality: FloatArray
    delay: FloatArray
    weight: FloatArray
    start: NDArray[np.int64]
    penalty: FloatArray


def _log_posterior(x: FloatArray, series: _Series) -> FloatArray:
    """Logarithm of the penalised likelihood (N,), constants left out."""
    expected = np.maximum(expected_deaths(infections_of(x, series.start), series.fatality, series.delay), 1e-9)
    fit = series.weight * (series.deaths * np.log(expected) - expected)
    return np.asarray((fit - 0.5 * x * _times_penalty(series.penalty, x)).sum(axis=1))


def _newton_step(x: FloatArray, series: _Series, reach: int) -> FloatArray:
    deaths, fatality, delay, weight, start, penalty = series
    size, width = x.shape
    alive = np.arange(width) >= start[:, None]
    expected = np.maximum(expected_deaths(infections_of(x, start), fatality, delay), 1e-9)
    infections = np.where(alive, np.exp(x), 0.0)
    score = np.zeros_like(x)
    hessian = np.zeros((reach + 1, size, width))  # lower bands: hessian[b, n, v] = H[v + b, v]
    residual = weight * fatality * (deaths / expected - 1.0)
    curvature = weight * fatality**2 / expected
    for lag in range(min(reach + 1, width)):
        score[:, : width - lag] += delay[:, lag, None] * residual[:, lag:]
        for earlier in range(lag + 1):
            band = lag - earlier  # infections of weeks v and v + band meet in the deaths of week v + lag
            product = (delay[:, lag] * delay[:, earlier])[:, None] * curvature[:, lag:]
            hessian[band, :, : width - lag] += product
    score *= infections
    for band in range(min(reach + 1, width)):
        hessian[band, :, : width - band] *= infections[:, : width - band] * infections[:, band:]
    score -= _times_penalty(penalty, x)
    hessian[:3] += penalty
    hessian[0] += np.where(alive, 1e-9, 1.0)
    score[~alive] = 0.0
    return np.array([solveh_banded(hessian[:, n], score[n], lower=True) for n in range(size)])


def _penalty(alive: NDArray[np.bool_]) -> FloatArray:
    """Lower bands (3, N, W) of the precision matrix of the prior over the weeks that are alive."""
    size, width = alive.shape
    bands = np.zeros((3, size, width))
    for coefficients, sd in (((-1.0, 1.0), GROWTH_SD), ((1.0, -2.0, 1.0), CHANGE_SD)):
        order = len(coefficients)
        counted = alive[:, : width - order + 1].astype(float) / sd**2
        for i in range(order):
            for j in range(i + 1):
                bands[i - j, :, j : j + counted.shape[1]] += coefficients[i] * coefficients[j] * counted
    return bands


def _times_penalty(bands: FloatArray, x: FloatArray) -> FloatArray:
    product = bands[0] * x
    for band in (1, 2):
        off = bands[band, :, : x.shape[1] - band]
        product[:, band:] += off * x[:, : x.shape[1] - band]
        product[:, : x.shape[1] - band] += off * x[:, band:]
    return np.asarray(product)


def dispersion_of(deaths: FloatArray) -> FloatArray:
    """Quasi-Poisson dispersion (N,) of weekly deaths (N, W) about a smooth curve, at least 1.

    Third differences of a smooth curve are small and those of independent noise of variance psi mu have variance 20
    psi mu. Their median is taken, so that single weeks do not count: the median of a squared standard normal is 0.455.
    """
    third = np.diff(deaths, n=3, axis=1) ** 2
    width = deaths.shape[1] - 3
    mean = np.mean([deaths[:, k : width + k] for k in range(4)], axis=0)
    found = np.ones(len(deaths))
    for n in range(len(deaths)):
        enough = mean[n] >= 1.0
        if enough.sum() >= 4:
            found[n] = max(1.0, float(np.median(third[n, enough] / (20.0 * mean[n, enough]))) / 0.455)
    return found
