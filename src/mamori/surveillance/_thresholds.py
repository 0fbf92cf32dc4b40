"""Upper bounds of a predicted count, and the probability of a count that high."""

from typing import Literal

import numpy as np

LARGEST_COUNT = 2.0**53
Power = Literal["2/3", "1/2", "none"]


def power_bound(
    mean: np.ndarray, error: np.ndarray, phi: np.ndarray, observed: np.ndarray, z: float, power: Power
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bound at the normal quantile `z` and P(Y >= observed), a power of the count taken as normal.

    `error` is the standard error of the mean. The variance phi mean + error^2 is carried to the power's scale by
    the delta method (Farrington et al. 1996, section 3.7).
    """
    tau = phi + error**2 / mean
    if power == "2/3":
        centre, spread, value = np.cbrt(mean) ** 2, np.sqrt(4.0 / 9.0 * np.cbrt(mean) * tau), np.cbrt(observed) ** 2
        bound = (centre + z * spread) ** 1.5
    elif power == "1/2":
        centre, spread, value = np.sqrt(mean), np.sqrt(0.25 * tau), np.sqrt(observed)
        bound = (centre + z * spread) ** 2
    else:
        centre, spread, value = mean, np.sqrt(mean * tau), observed
        bound = centre + z * spread
    return bound, _normal_tail((value - centre) / spread)


def normal_quantile(probability: float) -> float:
    """Return the value below which a standard normal variable lies with this probability."""
    from scipy.special import ndtri

    return float(ndtri(probability))


def _normal_tail(z: np.ndarray) -> np.ndarray:
    from scipy.special import ndtr

    return np.asarray(ndtr(-z))


def count_bound(mean: np.ndarray, phi: np.ndarray, observed: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the 1 - `alpha` quantile and P(Y >= observed) of counts with that mean and variance phi mean.

    Y is negative binomial where phi > 1, otherwise Poisson (Noufaily et al. 2013). NaN gives NaN, and so does a
    mean beyond the whole numbers that a float tells apart.
    """
    known = (mean < LARGEST_COUNT) & np.isfinite(phi)
    mean, phi, alike = mean[known], phi[known], known.shape
    bound, pvalue = np.full(alike, np.nan), np.full(alike, np.nan)
    bound[known] = _quantile(mean, phi, alpha)
    pvalue[known] = _tail(observed[known], mean, phi)
    return bound, pvalue


def _tail(count: np.ndarray, mean: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """P(Y >= count) by the incomplete beta function, of Poisson counts by the incomplete gamma function."""
    from scipy.special import betainc, gammainc

    tail = np.ones(mean.shape)
    tail[np.isnan(count)] = np.nan
    over, even = (count > 0.0) & (phi > 1.0), (count > 0.0) & (phi <= 1.0)
    excess = phi[over] - 1.0
    tail[over] = betainc(count[over], mean[over] / excess, excess / phi[over])
    tail[even] = gammainc(count[even], mean[even])
    return tail


def _quantile(mean: np.ndarray, phi: np.ndarray, alpha: float) -> np.ndarray:
    """The least count x with P(Y > x) <= alpha: from a Cornish-Fisher start, steps that double, then bisection."""
    z = normal_quantile(1.0 - alpha)
    probe = np.maximum(np.floor(mean + z * np.sqrt(phi * mean) + (2.0 * phi - 1.0) * (z * z - 1.0) / 6.0), 0.0)
    low, high, step = np.full(mean.shape, -1.0), np.full(mean.shape, np.inf), 1.0
    open_ = np.arange(len(mean))
    while len(open_):
        tail = _tail(probe + 1.0, mean[open_], phi[open_])
        enough = tail <= alpha
        high[open_[enough]] = probe[enough]
        low[open_[~enough]] = probe[~enough]
        high[open_[np.isnan(tail) | (probe >= LARGEST_COUNT)]] = np.nan
        open_ = open_[high[open_] - low[open_] > 1.0]
        below, above = low[open_], high[open_]
        middle = np.floor(0.5 * (below + above))
        probe = np.where(np.isinf(above), below + step, np.where(below < 0.0, np.maximum(above - step, 0.0), middle))
        step *= 2.0
    return high
