"""A negative binomial autoregression on the log scale: its design, its fit, draws of its coefficients."""

from dataclasses import dataclass

import numpy as np

from mamori.inference._arrays import Floats

OFFSET = 0.5
"""Added to counts before the logarithm."""
LAGS = 3
"""Counts before that the next depends on: the last, and its last two changes."""
HARMONICS = 2
FEWEST = 12
"""Periods to learn from, at least."""
_PRIOR_SD = (0.3, 0.3, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3)
"""Of the intercept, level, two changes and the sines and cosines of the year, each normal around 0: around a walk."""
_SIZES: Floats = np.geomspace(0.3, 3000.0, 60)
_ITERATIONS = 30


@dataclass(frozen=True, eq=False)
class Fit:
    """The mode of the coefficients (P,), the covariance (P, P) there, the size, and the mean log count."""

    coefficients: Floats
    covariance: Floats
    size: float
    level: float


def design(counts: Floats, season: Floats | None, level: float) -> tuple[Floats, Floats]:
    """Return the covariates (T, P) of the log mean less the last log count, and the last log counts (T,).

    Row t is for the count of period t; NaN where one of the `LAGS` counts before is unknown. `season` (T,) is the
    angle of each period in its year, None without a seasonal part.
    """
    z = np.log(counts + OFFSET)
    before = np.full((LAGS, len(z)), np.nan)
    for k in range(LAGS):
        before[k, k + 1 :] = z[: len(z) - k - 1]
    columns = [np.ones(len(z)), before[0] - level, before[0] - before[1], before[1] - before[2]]
    if season is not None:
        columns += seasonal(season)
    return np.stack(columns, axis=1), before[0]


def seasonal(angle: Floats) -> list[Floats]:
    """Return the sines and cosines of the year."""
    return [wave(h * angle) for h in range(1, HARMONICS + 1) for wave in (np.sin, np.cos)]


def fit(counts: Floats, season: Floats | None) -> Fit | None:
    """Return the posterior mode of the coefficients by Newton's method, the size by its profile likelihood.

    None where fewer than `FEWEST` periods can be learned from.
    """
    level = float(np.log(np.nanmean(counts) + OFFSET))
    covariates, start = design(counts, season, level)
    used = ~np.isnan(covariates).any(axis=1) & ~np.isnan(counts)
    if used.sum() < FEWEST:
        return None
    x, y, start = covariates[used], counts[used], start[used]
    precision = np.diag(np.array(_PRIOR_SD[: x.shape[1]]) ** -2.0)
    beta, size = np.zeros(x.shape[1]), 10.0
    information = precision
    for iteration in range(_ITERATIONS):
        mu = np.exp(np.clip(start + x @ beta, -20.0, 30.0))
        weight = mu / (1.0 + mu / size)
        information = (x.T * weight) @ x + precision
        step = np.linalg.solve(information, x.T @ ((y - mu) / (1.0 + mu / size)) - precision @ beta)
        step *= min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-12))
        beta = beta + step
        if iteration % 4 == 3:
            size = _best_size(y, np.exp(np.clip(start + x @ beta, -20.0, 30.0)))
        elif float(np.abs(step).max()) < 1e-8 and iteration > 4:
            break
    return Fit(beta, np.linalg.inv(information), size, level)


def _best_size(y: Floats, mu: Floats) -> float:
    """Return the most likely size, with a half-normal prior of SD 1 of 1/sqrt(size)."""
    from scipy.special import gammaln

    k = _SIZES[:, None]
    likelihood = gammaln(y + k) - gammaln(k) + k * np.log(k / (k + mu)) + y * np.log(mu / (k + mu))
    return float(_SIZES[np.argmax(likelihood.sum(axis=1) - 0.5 / _SIZES)])


def lag_coefficients(draws: Floats, level: float, angles: Floats | None) -> tuple[Floats, Floats]:
    """Return for `draws` (N, P) of the coefficients those of the last `LAGS` log counts (N, 3), and the rest (N, H)."""
    lags = np.stack([1.0 + draws[:, 1] + draws[:, 2], draws[:, 3] - draws[:, 2], -draws[:, 3]], axis=1)
    fixed = (draws[:, 0] - draws[:, 1] * level)[:, None]
    return lags, fixed if angles is None else fixed + draws[:, 4:] @ np.stack(seasonal(angles))
