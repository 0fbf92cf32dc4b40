"""Scores of forecasts that are negative binomial or Poisson distributions of a count."""

import math
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from mamori.inference._arrays import LARGEST_COUNT, Floats, counts, refuse, vector

_STEP = 0.125
"""Of the trapezoidal rule in `_mean_difference`: its error is about exp(-π²/(2 × step)) = 7e-18."""
_REACH = 40.0
"""The integrand there falls as exp(-|v|) beyond its features: below 1e-17 of it after this."""
_BLOCK = 256
_LEAST_SIZE = 1e-12
"""Of a smaller one the variance would not be a number for large means."""


def log_score_counts(observed: ArrayLike, mean: ArrayLike, size: ArrayLike = np.inf) -> Floats:
    """Return the log score -log P(Y = y) of each forecast, (N,).

    `observed` (N,) counts; Y is negative binomial with `mean` (N,) >= 0 and variance mean + mean²/size, `size`
    (N,) >= 1e-12; Poisson where size is infinite. Infinite where the forecast excludes what came.
    Raises `InputError` for another shape and for values outside these bounds.
    Probabilities by the saddle-point expansion of Loader 2000, "Fast and accurate computation of binomial
    probabilities". Score: Good 1952, J R Stat Soc B 14:107.
    """
    y, mu, k = _checked(observed, mean, size)
    return -_log_pmf(y, mu, k)


def crps_counts(observed: ArrayLike, mean: ArrayLike, size: ArrayLike = np.inf) -> Floats:
    """Return the ranked probability score Σ_x (F(x) - [y <= x])² over x = 0, 1, ... of each forecast, (N,).

    It is the continuous ranked probability score of a count. Arguments and errors as `log_score_counts`.
    Computed as E|Y - y| - ½ E|Y - Y'|, with E|Y - y| = (y - μ)(2F(y) - 1) + 2μ(1 + y/k) f(y) for the size k.
    Source: Epstein 1969, J Appl Meteorol 8:985; Wei & Held 2014, TEST 23:787.
    """
    y, mu, k = _checked(observed, mean, size)
    distance = (y - mu) * (2.0 * _cdf(y, mu, k) - 1.0) + 2.0 * mu * (1.0 + y / k) * np.exp(_log_pmf(y, mu, k))
    return np.asarray(distance - 0.5 * _mean_difference(mu, k))


def dawid_sebastiani_counts(observed: ArrayLike, mean: ArrayLike, size: ArrayLike = np.inf) -> Floats:
    """Return the Dawid-Sebastiani score ((y - μ)/σ)² + 2 log σ of each forecast, (N,).

    Arguments and errors as `log_score_counts`; the mean must be > 0, since the score needs a variance.
    Source: Dawid & Sebastiani 1999, Ann Stat 27:65.
    """
    y, mu, k = _checked(observed, mean, size)
    refuse("mean", mu, mu <= 0.0, "> 0, since the score divides by the variance")
    variance = mu * (1.0 + mu / k)
    return np.asarray((y - mu) ** 2 / variance + np.log(variance))


def cdf_counts(observed: ArrayLike, mean: ArrayLike, size: ArrayLike = np.inf) -> tuple[Floats, Floats]:
    """Return P(Y < y) and P(Y <= y) of each forecast, each (N,): what the PIT of a count needs.

    Arguments and errors as `log_score_counts`.
    """
    y, mu, k = _checked(observed, mean, size)
    return np.where(y > 0, _cdf(np.maximum(y - 1.0, 0.0), mu, k), 0.0), _cdf(y, mu, k)


def _checked(observed: ArrayLike, mean: ArrayLike, size: ArrayLike) -> tuple[Floats, Floats, Floats]:
    y = counts("observed", observed)
    mu = vector("mean", mean, len(y))
    refuse("mean", mu, (mu < 0.0) | (mu > LARGEST_COUNT), "from 0 to 2^53")
    k = np.array(np.broadcast_to(np.asarray(size, dtype=np.float64), y.shape) if np.ndim(size) == 0 else size, float)
    finite = vector("size", np.where(k == np.inf, 1.0, k), len(y))  # infinite: Poisson
    refuse("size", k, finite < _LEAST_SIZE, f">= {_LEAST_SIZE:g}")
    return y, mu, k


def _log_pmf(y: Floats, mu: Floats, k: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        poisson = np.isinf(k)
        result = np.where(poisson, _log_poisson(y, mu), _log_negative_binomial(y, mu, np.where(poisson, 1.0, k)))
    return np.where(mu > 0.0, result, np.where(y == 0.0, 0.0, -np.inf))


def _log_poisson(y: Floats, mu: Floats) -> Floats:
    some = np.maximum(y, 1.0)
    positive = -0.5 * np.log(2.0 * math.pi * some) - _stirling_error(some) - _deviance(some, mu, some - mu)
    return np.where(y > 0.0, positive, -mu)


def _log_negative_binomial(y: Floats, mu: Floats, k: Floats) -> Floats:
    """f(y) = k/(y + k) × the binomial probability of k in y + k at k/(k + μ), for any real k (Loader 2000)."""
    some = np.maximum(y, 1.0)
    n = some + k
    # What k lies above n k/(k + μ), y lies below n μ/(k + μ); by subtraction the digits would be lost for large k.
    excess = (mu - some) / (1.0 + mu / k)
    binomial = (
        (_stirling_error(n) - _stirling_error(k))
        - _stirling_error(some)
        - _deviance(k, n / (1.0 + mu / k), excess)
        - _deviance(some, n * (mu / (k + mu)), -excess)
        + 0.5 * np.log(n / (2.0 * math.pi * some * k))
    )
    return np.where(y > 0.0, binomial + np.log(k / n), -k * np.log1p(mu / k))


def _stirling_error(n: Floats) -> Floats:
    """log Γ(n + 1) - [(n + ½) log n - n + ½ log 2π]."""
    from scipy.special import gammaln

    small = np.where(n < 16.0, n, 1.0)
    direct = gammaln(small + 1.0) - (small + 0.5) * np.log(small) + small - 0.5 * math.log(2.0 * math.pi)
    large = np.where(n < 16.0, 16.0, n)
    r = 1.0 / (large * large)
    terms = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
    series = np.zeros_like(large)
    for term in reversed(terms):
        series = series * r + term
    return np.asarray(np.where(n < 16.0, direct, series / large))


def _deviance(x: Floats, m: Floats, d: Floats) -> Floats:
    """x log(x/m) + m - x for x, m > 0 with d = x - m known without loss of digits."""
    v = d / (x + m)
    near = np.abs(v) < 0.1
    square = np.where(near, v * v, 0.0)
    series = np.zeros_like(v)
    for j in range(10, 0, -1):
        series = (series + 1.0 / (2 * j + 1)) * square
    return np.where(near, d * v + 2.0 * x * v * series, x * np.log(x / m) - d)


def _cdf(y: Floats, mu: Floats, k: Floats) -> Floats:
    """P(Y <= y) by the incomplete gamma and beta functions."""
    from scipy.special import betainc, betaincc, gammaincc

    poisson = np.isinf(k)
    some = np.where(poisson, 1.0, k)
    rare = mu < some  # then the probability k/(k + μ) is near 1, and its complement is the exact one
    beta = np.where(rare, betaincc(y + 1.0, some, mu / (some + mu)), betainc(some, y + 1.0, some / (some + mu)))
    below: Floats = np.where(poisson, gammaincc(y + 1.0, mu), beta)
    return below


def _mean_difference(mu: Floats, k: Floats) -> Floats:
    """E|Y - Y'| of two independent counts of the same distribution.

    For a whole number d, |d| = (1/π) ∫ (1 - cos td)/(1 - cos t) dt over (0, π), so that with the characteristic
    function φ, E|Y - Y'| = (1/π) ∫ (1 - |φ(t)|²)/(1 - cos t) dt. With tan(t/2) = exp(v) and
    |φ|² = (1 + c sin²(t/2))^-k, c = 4μ(k + μ)/k², the integrand is analytic and falls exponentially on both sides,
    so that the trapezoidal rule is exact to rounding. Poisson: 2μ exp(-2μ)(I₀(2μ) + I₁(2μ)).
    """
    from scipy.special import ive

    poisson = np.isinf(k)
    result = 2.0 * mu * (ive(0, 2.0 * mu) + ive(1, 2.0 * mu))
    binomial = np.flatnonzero(~poisson & (mu > 0.0))
    for start in range(0, len(binomial), _BLOCK):
        rows = binomial[start : start + _BLOCK]
        size = k[rows, None]
        c = 4.0 * (mu[rows, None] / size) * (1.0 + mu[rows, None] / size)
        first = -_REACH - 0.5 * math.log(max(1.0, float(c.max()), float((c * size).max())))
        v = np.arange(first, _REACH, _STEP)
        sine_squared = 1.0 / (1.0 + np.exp(-2.0 * v))
        integrand = -np.expm1(-size * np.log1p(c * sine_squared)) * np.exp(-v)
        result[rows] = integrand.sum(axis=1) * (_STEP / math.pi)
    return cast("Floats", result)
