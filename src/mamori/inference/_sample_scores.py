"""Scores of forecasts that are given as draws or as probabilities, and the PIT."""

import numpy as np
from numpy.typing import ArrayLike

from mamori.core.errors import InputError
from mamori.inference._arrays import Floats, matrix, refuse, vector

_SUM_TOLERANCE = 1e-6
"""Probabilities written with a few digits need not add up to 1 exactly."""


def crps_samples(observed: ArrayLike, samples: ArrayLike, *, fair: bool = False) -> Floats:
    """Return the continuous ranked probability score of each forecast given as draws, (N,).

    `observed` (N,), `samples` (N, M). E|X - y| - ½ E|X - X'| over the draws; with `fair`, X and X' are different
    draws, so that the mean score does not depend on M. Raises `InputError` for another shape, a value that is not
    finite, and a fair score of fewer than two draws. Source: Gneiting & Raftery 2007, J Am Stat Assoc 102:359;
    fair: Ferro 2014, Q J R Meteorol Soc 140:1917.
    """
    y, x = _checked(observed, samples)
    draws = x.shape[1]
    if fair and draws < 2:
        raise InputError("there is 1 draw a forecast; a fair score needs 2 or more. Give more draws")
    centred = np.sort(x - y[:, None], axis=1)
    rank = 2.0 * np.arange(1, draws + 1) - draws - 1.0
    # Σ_ij |x_i - x_j| = 2 Σ_i (2i - M - 1) x_(i)
    return np.asarray(np.abs(centred).mean(axis=1) - (centred @ rank) / (draws * (draws - 1 if fair else draws)))


def dawid_sebastiani_samples(observed: ArrayLike, samples: ArrayLike) -> Floats:
    """Return the Dawid-Sebastiani score ((y - μ)/σ)² + 2 log σ with mean and SD (M - 1) of the draws, (N,).

    Infinite where all draws are alike: -∞ when they are what came, else ∞. Arguments and errors as `crps_samples`;
    at least two draws. Source: Dawid & Sebastiani 1999, Ann Stat 27:65.
    """
    y, x = _checked(observed, samples)
    if x.shape[1] < 2:
        raise InputError("there is 1 draw a forecast; a variance needs 2 or more. Give more draws")
    mean, variance = x.mean(axis=1), x.var(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (y - mean) ** 2 / variance + np.log(variance)
    return np.where(variance > 0.0, score, np.where(y == mean, -np.inf, np.inf))


def sample_bias(observed: ArrayLike, samples: ArrayLike) -> Floats:
    """Return 1 - P(X < y) - P(X <= y) over the draws, (N,): 1 when all lie above, -1 when all lie below.

    Arguments and errors as `crps_samples`. Source: Funk et al. 2019, PLoS Comput Biol 15:e1006785.
    """
    below, at_most = sample_cdf(observed, samples)
    return np.asarray(1.0 - below - at_most)


def sample_cdf(observed: ArrayLike, samples: ArrayLike) -> tuple[Floats, Floats]:
    """Return the shares of draws below, and at or below, what came, each (N,); arguments as `crps_samples`."""
    y, x = _checked(observed, samples)
    return (x < y[:, None]).mean(axis=1), (x <= y[:, None]).mean(axis=1)


def randomised_pit(below: ArrayLike, at_most: ArrayLike, *, seed: int) -> Floats:
    """Return the randomised probability integral transform of each forecast, (N,): uniform when calibrated.

    F(y-) + v (F(y) - F(y-)), v uniform, with `below` = F(y-) = P(Y < y) and `at_most` = F(y) = P(Y <= y), (N,) each.
    For a continuous forecast the two are equal and nothing is random. The uniform of a row depends on `seed` and
    the row's number only. Raises `InputError` for values outside 0 <= below <= at_most <= 1.
    Source: Smith 1985, J Forecast 4:283.
    """
    from mamori.core.rng import stream_key
    from mamori.inference._paths import uniforms

    low, high = _checked_cdf(below, at_most)
    return np.asarray(low + uniforms(stream_key(seed, "pit", "", 0), len(low)) * (high - low))


def pit_histogram(below: ArrayLike, at_most: ArrayLike, bins: int = 10) -> Floats:
    """Return the heights (`bins`,) of the non-randomised PIT histogram: all 1 when calibrated.

    The mean over forecasts of F(u) = (u - F(y-))/(F(y) - F(y-)) within [F(y-), F(y)], 0 below and 1 above, taken
    between the edges of each bin and divided by its width. Arguments and errors as `randomised_pit`; at least one
    bin and one forecast. Source: Czado, Gneiting & Held 2009, Biometrics 65:1254.
    """
    low, high = _checked_cdf(below, at_most)
    if bins < 1 or not len(low):
        raise InputError(f"there are {bins} bins and {len(low)} forecasts; give at least one of each")
    edges = np.linspace(0.0, 1.0, bins + 1)[:, None]
    width = high - low
    with np.errstate(divide="ignore", invalid="ignore"):
        ramp = np.clip((edges - low) / width, 0.0, 1.0)
    # A jump at the upper edge of a bin lies in it, one at 0 in the first.
    step = np.where(edges > 0.0, edges >= low, False)
    return np.asarray(np.diff(np.where(width > 0.0, ramp, step).mean(axis=1)) * bins)


def brier_score(outcome: ArrayLike, probability: ArrayLike) -> Floats:
    """Return the Brier score (p - o)² of each forecast, (N,): `outcome` 0 or 1, `probability` in [0, 1], (N,) each.

    Raises `InputError` for other values. Source: Brier 1950, Mon Weather Rev 78:1.
    """
    o = vector("outcome", outcome)
    p = vector("probability", probability, len(o))
    refuse("outcome", o, (o != 0.0) & (o != 1.0), "0 or 1")
    refuse("probability", p, (p < 0.0) | (p > 1.0), "within [0, 1]")
    return np.asarray((p - o) ** 2)


def log_score_categories(outcome: ArrayLike, probabilities: ArrayLike) -> Floats:
    """Return -log of the probability given to the category that came, (N,); infinite where that was 0.

    `outcome` (N,) is its number from 0, `probabilities` (N, C) add up to 1 in each row. Raises `InputError` for
    other values. Source: Good 1952, J R Stat Soc B 14:107.
    """
    category, p = _checked_categories(outcome, probabilities)
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log(p[np.arange(len(p)), category]))


def ranked_probability_score(outcome: ArrayLike, probabilities: ArrayLike) -> Floats:
    """Return Σ_c (P(C <= c) - [o <= c])² over the ordered categories, (N,), not divided by their number.

    Arguments and errors as `log_score_categories`. Source: Epstein 1969, J Appl Meteorol 8:985.
    """
    category, p = _checked_categories(outcome, probabilities)
    came = category[:, None] <= np.arange(p.shape[1])
    return np.asarray(((np.cumsum(p, axis=1) - came)[:, :-1] ** 2).sum(axis=1))


def _checked(observed: ArrayLike, samples: ArrayLike) -> tuple[Floats, Floats]:
    x = matrix("samples", samples, "draws")
    return vector("observed", observed, len(x)), x


def _checked_cdf(below: ArrayLike, at_most: ArrayLike) -> tuple[Floats, Floats]:
    low = vector("below", below)
    high = vector("at_most", at_most, len(low))
    refuse("below", low, low < 0.0, ">= 0")
    refuse("at_most", high, (high < low) | (high > 1.0), "at least `below` and at most 1")
    return low, high


def _checked_categories(outcome: ArrayLike, probabilities: ArrayLike) -> tuple[np.ndarray, Floats]:
    p = matrix("probabilities", probabilities, "categories")
    o = vector("outcome", outcome, len(p))
    refuse("outcome", o, ~np.isin(o, np.arange(p.shape[1])), f"a category from 0 to {p.shape[1] - 1}")
    least, total = p.min(axis=1), p.sum(axis=1)
    refuse("the least of probabilities", least, least < 0.0, ">= 0")
    refuse("the sum of probabilities", total, np.abs(total - 1.0) > _SUM_TOLERANCE, "1")
    return o.astype(np.int64), p
