"""Scores of forecasts that are given as quantiles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mamori.core.errors import InputError
from mamori.inference._arrays import Floats, matrix, vector

HUB_LEVELS: Floats = np.array([0.01, 0.025, *np.arange(1, 20) / 20, 0.975, 0.99])
"""The 23 quantile levels of the forecast hubs of COVID-19 and influenza."""

_BLOCK = 2048
"""Forecasts at a time, so that what is computed of them stays in the processor's cache."""
_ROUNDING = 1e-9
"""Levels closer than this are the same: 1 - 0.95 is not 0.05 in floating point."""


@dataclass(frozen=True, eq=False)
class IntervalScore:
    """The weighted interval score and its parts, each (N,); ``wis`` is the sum of the other three."""

    wis: Floats
    dispersion: Floats
    overprediction: Floats
    underprediction: Floats


def weighted_interval_score(observed: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> IntervalScore:
    """Return the weighted interval score of each forecast and what of it is width, too high and too low.

    `observed` (N,), `quantiles` (N, Q) ascending in each row, `levels` (Q,) ascending in (0, 1), each with its
    mirror image 1 - level; the median may be missing. With K central intervals [l, u] of level 1 - α and median m,

        WIS = (½|y - m| + Σ_k α_k/2 [(u - l) + 2/α_k (l - y)₊ + 2/α_k (y - u)₊]) / (K + ½),

    without the median the first term and the ½ below are not there. Dispersion is the part of (u - l),
    overprediction that of (l - y)₊ and (m - y)₊, underprediction that of (y - u)₊ and (y - m)₊.
    Equals twice the mean pinball loss over the levels. Raises `InputError` for another shape, a value that is
    not finite, levels that are not in pairs, and quantiles that cross.
    Source: Bracher et al. 2021, PLoS Comput Biol 17:e1008618.
    """
    y, q, tau = _checked(observed, quantiles, levels)
    if (lone := np.abs(tau + tau[::-1] - 1.0) > _ROUNDING).any():
        raise InputError(
            f"level {tau[np.argmax(lone)]:g} has no partner: the levels must be in pairs around 0.5, as 0.05 and "
            f"0.95. Add the level {1 - tau[np.argmax(lone)]:g} or leave it out"
        )
    half = len(tau) // 2
    has_median = len(tau) % 2
    share = 1.0 / (half + 0.5 * has_median)
    # α/2 is the lower level itself. The median counts half, as the interval of no width.
    width = np.concatenate([-tau[:half], np.zeros(has_median), tau[:half][::-1]]) * share
    below = np.concatenate([np.ones(half), np.full(has_median, 0.5)]) * share
    above = below[::-1]
    parts = np.empty((3, len(y)))
    for start in range(0, len(y), _BLOCK):
        rows = slice(start, start + _BLOCK)
        block, seen = q[rows], y[rows, None]
        parts[0, rows] = block @ width
        parts[1, rows] = np.maximum(block[:, : len(below)] - seen, 0.0) @ below
        parts[2, rows] = np.maximum(seen - block[:, half:], 0.0) @ above
    return IntervalScore(parts.sum(axis=0), parts[0], parts[1], parts[2])


def interval_coverage(
    observed: ArrayLike, quantiles: ArrayLike, levels: ArrayLike, interval: float
) -> NDArray[np.bool_]:
    """Return whether the central interval that should hold a share `interval` of the observations holds each, (N,).

    The bounds belong to the interval. Raises `InputError` as `weighted_interval_score` does, and when one of the
    levels (1 ± interval)/2 is missing.
    """
    y, q, tau = _checked(observed, quantiles, levels)
    lower, upper = (_position(tau, 0.5 + sign * 0.5 * interval) for sign in (-1, 1))
    return np.asarray((q[:, lower] <= y) & (y <= q[:, upper]))


def quantile_coverage(observed: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> Floats:
    """Return the share of observations at or below the quantile of each level, (Q,): the level itself when calibrated.

    Raises `InputError` as `weighted_interval_score` does, and when there is no forecast.
    """
    y, q, _ = _checked(observed, quantiles, levels)
    if not len(y):
        raise InputError("there is no forecast to take the coverage of. Give at least one")
    return np.asarray((y[:, None] <= q).mean(axis=0))


def quantile_bias(observed: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> Floats:
    """Return how far each forecast lies too high (up to 1) or too low (down to -1), (N,).

    1 - 2 max{τ: q_τ <= y} where y is above the median, 1 - 2 min{τ: q_τ >= y} where below, 0 at the median;
    1 below and -1 above all quantiles. Raises `InputError` as `weighted_interval_score` does, and when the
    median is missing. Source: Funk et al. 2019, PLoS Comput Biol 15:e1006785; Bosse et al. 2022, arXiv:2205.07090.
    """
    y, q, tau = _checked(observed, quantiles, levels)
    median = q[:, _position(tau, 0.5)]
    padded = np.concatenate([[0.0], tau, [1.0]])
    highest_below = np.where(y > q[:, -1], 1.0, padded[(q <= y[:, None]).sum(axis=1)])
    lowest_above = np.where(y < q[:, 0], 0.0, padded[(q < y[:, None]).sum(axis=1) + 1])
    return np.asarray(np.select([y > median, y < median], [1.0 - 2.0 * highest_below, 1.0 - 2.0 * lowest_above], 0.0))


def crps_from_quantiles(observed: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> Floats:
    """Return the continuous ranked probability score of each forecast, approximated from its quantiles, (N,).

    CRPS = 2 ∫ ρ_τ(y - q_τ) dτ over (0, 1) with the pinball loss ρ_τ(x) = x (τ - [x < 0]), by the trapezoidal
    rule over the levels; the loss is 0 at 0 and 1. Unlike the weighted interval score it does not give the
    levels of the tails, which lie closer together, more weight. Raises `InputError` as
    `weighted_interval_score` does; the levels need not be in pairs. Source: Gneiting & Ranjan 2011,
    J Bus Econ Stat 29:411.
    """
    y, q, tau = _checked(observed, quantiles, levels)
    ends = np.concatenate([[0.0], tau, [1.0]])
    weights = ends[2:] - ends[:-2]  # 2 × half the distance of the neighbours
    error = y[:, None] - q
    return np.asarray((error * (tau - (error < 0.0))) @ weights)


def _position(tau: Floats, level: float) -> int:
    place = int(np.argmin(np.abs(tau - level)))
    if abs(tau[place] - level) > _ROUNDING:
        raise InputError(f"the level {level:g} is needed; the levels are {', '.join(f'{t:g}' for t in tau)}. Add it")
    return place


def _checked(observed: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return the arguments as arrays, or raise `InputError` for the first thing that is wrong with them."""
    q = matrix("quantiles", quantiles, "levels")
    y = vector("observed", observed, len(q))
    tau = vector("levels", levels)
    if len(tau) != q.shape[1]:
        raise InputError(f"there are {len(tau)} levels for {q.shape[1]} columns of quantiles; give one for each")
    if not (tau[0] > 0.0 and tau[-1] < 1.0 and (np.diff(tau) > _ROUNDING).all()):
        raise InputError(f"the levels are {', '.join(f'{t:g}' for t in tau)}; they must rise within (0, 1). Sort them")
    for start in range(0, len(q), _BLOCK):
        block = q[start : start + _BLOCK]
        if (crossing := block[:, 1:] < block[:, :-1]).any():
            row, column = (int(i) for i in np.unravel_index(np.argmax(crossing), crossing.shape))
            raise InputError(
                f"quantiles row {start + row} cross: {block[row, column]:g} at level {tau[column]:g} but "
                f"{block[row, column + 1]:g} at {tau[column + 1]:g}; they must not fall. Sort or correct them"
            )
    return y, q, tau
