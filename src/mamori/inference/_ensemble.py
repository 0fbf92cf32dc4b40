"""Forecasts of several models joined, or made one."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from mamori.core.contracts import Dropped
from mamori.core.errors import InputError
from mamori.data.adapters.hubverse import TASK, Forecasts
from mamori.inference._arrays import Floats

Combination = Literal["median", "mean", "linear-pool"]
COMBINATIONS: tuple[Combination, ...] = get_args(Combination)


def combine_forecasts(forecasts: Forecasts, how: Combination = "median", name: str = "ensemble") -> Forecasts:
    """Return the ensemble of the models in `forecasts`: of each level the median or mean, or the linear pool.

    The linear pool is the mean of the distributions; it is as wide as its members disagree. Only what all models
    have forecast, with all quantiles, is combined; the rest is counted in `dropped`.

    Raises `InputError` for another combination, for fewer than two models or, for the pool, two levels, and where
    nothing is forecast by all models.
    """
    import polars as pl

    if how not in COMBINATIONS:
        raise InputError(f"an ensemble is the {', '.join(COMBINATIONS)} of its members, not '{how}'. Choose one")
    models = forecasts.tasks["model"].n_unique()
    if models < 2 or (how == "linear-pool" and len(forecasts.levels) < 2):
        raise InputError(f"there are {models} models and {len(forecasts.levels)} levels; an ensemble needs two of each")
    what = [column for column in TASK if column != "model"]
    complete = ~np.isnan(forecasts.quantiles).any(axis=1)
    numbered = forecasts.tasks.with_row_index("row").filter(pl.Series(complete))
    groups = numbered.group_by(what, maintain_order=True).agg("row")
    all_there = groups.filter(pl.col("row").list.len() == models)
    if not all_there.height:
        raise InputError("there is no forecast that all models have made completely. Give the same tasks to all")
    rows = np.array(all_there["row"].to_list(), dtype=np.int64)
    members = forecasts.quantiles[rows]  # (N, K, Q)
    if how == "linear-pool":
        quantiles = np.array([pooled_quantiles(each, forecasts.levels) for each in members])
    else:
        quantiles = np.median(members, axis=1) if how == "median" else members.mean(axis=1)
    dropped = list(forecasts.dropped)
    if left := forecasts.tasks.height - rows.size:
        dropped.append(
            Dropped("forecast that not all models have made", left, None, "Give the same tasks to all models")
        )
    tasks = all_there.with_columns(pl.lit(name).alias("model")).select(TASK)
    return Forecasts(tasks, forecasts.levels, quantiles, np.empty((tasks.height, 0)), tuple(dropped))


def join_forecasts(parts: Sequence[Forecasts]) -> Forecasts:
    """Return forecasts of the same levels as one; raises `InputError` where the levels differ."""
    import polars as pl

    levels = parts[0].levels
    if any(not np.array_equal(part.levels, levels) for part in parts):
        raise InputError("the forecasts have different levels. Join those with the same")
    width = max(part.samples.shape[1] for part in parts)
    samples = [
        np.pad(part.samples, ((0, 0), (0, width - part.samples.shape[1])), constant_values=np.nan) for part in parts
    ]
    return Forecasts(
        pl.concat([part.tasks for part in parts]),
        levels,
        np.concatenate([part.quantiles for part in parts]),
        np.concatenate(samples),
        tuple(dict.fromkeys(left for part in parts for left in part.dropped)),
    )


def pooled_quantiles(quantiles: Floats, levels: Floats) -> Floats:
    """Return the quantiles (Q,) of the mean of distribution functions that are given by `quantiles` (K, Q) at `levels`.

    Each function is linear between its quantiles and, beyond them, goes on to 0 and 1 as it was, but not below 0
    where no quantile is. Source: the linear opinion pool, Stone 1961, Ann Math Stat 32:1339.
    """
    low = quantiles[:, 0] - (quantiles[:, 1] - quantiles[:, 0]) * levels[0] / (levels[1] - levels[0])
    high = quantiles[:, -1] + (quantiles[:, -1] - quantiles[:, -2]) * (1 - levels[-1]) / (levels[-1] - levels[-2])
    if quantiles.min() >= 0.0:
        low = np.maximum(low, 0.0)
    points = np.concatenate([low[:, None], quantiles, high[:, None]], axis=1)
    heights = np.concatenate([[0.0], levels, [1.0]])
    # A point just below each quantile keeps the two values apart that a function has where it jumps.
    grid = np.unique(np.concatenate([np.nextafter(points, -np.inf), points]))
    mean = np.mean([np.interp(grid, row, heights) for row in points], axis=0)
    return np.asarray(np.maximum(np.interp(levels, mean, grid), points.min()))
