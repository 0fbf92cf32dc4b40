"""Curves as short strings: two printable characters a number, every number within 0.2 %.

A page with the weekly curves of 200 places holds a million numbers. As JSON they would fill ten megabytes; on
a logarithmic scale with 590 steps a decade, from a thousandth to a hundred billion, they fill two.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mamori.core.errors import InputError
from mamori.report.run_folder import RunFolder

ALPHABET = "".join(chr(code) for code in range(33, 127) if chr(code) not in '"\\<')
"""The 91 printable characters that neither JSON nor HTML writes otherwise."""

STEPS_PER_DECADE = 590
SMALLEST = 1e-3
"""Anything smaller is packed as zero."""
MISSING = len(ALPHABET) ** 2 - 1

WEEKLY_METRICS: tuple[str, ...] = (
    "infections",
    "deaths",
    "ward_occupied",
    "ward_beds",
    "icu_occupied",
    "icu_beds",
    "doses_cum",
    "contact_scale",
)
AGE_METRICS: tuple[str, ...] = ("infections", "deaths", "yll", "first_doses")


def pack(values: np.ndarray) -> str:
    """Pack `values` (n,), all >= 0 or not-a-number, into at most 2n characters.

    Code 0 is zero, code ``1 + round(590 log10(value / 0.001))`` any other value, the last code a missing one.
    The last number stands for all that would follow it, so a curve that has come to rest costs nothing.
    Raises `ValueError` for values that are negative or too large for the scale.
    """
    present = np.isfinite(values)
    codes = np.full(len(values), MISSING)
    scaled = np.log10(np.maximum(values[present], SMALLEST / 2) / SMALLEST) * STEPS_PER_DECADE
    codes[present] = np.where(values[present] < SMALLEST, 0, 1 + np.round(scaled))
    if (values[present] < 0).any() or (codes[present] >= MISSING).any():
        raise ValueError(
            f"values to pack must lie in 0 .. 1e11; got {values[present].min()} .. {values[present].max()}"
        )
    changes = np.flatnonzero(np.diff(codes))
    codes = codes[: changes[-1] + 2 if len(changes) else 1].astype(int)
    base = len(ALPHABET)
    return "".join(ALPHABET[code // base] + ALPHABET[code % base] for code in codes)


@dataclass(frozen=True)
class Curves:
    """Packed curves of several groups: series[metric][arm][group] is one string per quantile."""

    groups: tuple[str, ...]
    days: tuple[int, ...]
    quantiles: tuple[str, ...]
    series: dict[str, list[list[list[str]]]]

    @property
    def size(self) -> int:
        """Characters in all strings."""
        return sum(
            len(text) for arms in self.series.values() for arm in arms for group in arm for text in group
        )


def weekly_curves(
    folder: RunFolder, kinds: Sequence[str], groups: Sequence[str], quantiles: Sequence[str], every: int = 1
) -> Curves:
    """Pack the weekly curves of `groups`, taking every `every`-th week.

    Raises `InputError` when `weekly.parquet` lacks a week of an arm, group or metric.
    """
    wanted = _in_order(folder, folder.outcome.weekly, kinds, groups, ("week",))
    weeks = wanted["week"].unique().sort()[every - 1 :: every]
    wanted = wanted.filter(pl.col("week").is_in(weeks.implode()))
    days = (7 * weeks).to_list()
    series = {
        metric: _packed(folder, wanted, metric, groups, quantiles, len(weeks)) for metric in WEEKLY_METRICS
    }
    return Curves(tuple(groups), tuple(days), tuple(quantiles), series)


def age_profiles(
    folder: RunFolder, kinds: Sequence[str], groups: Sequence[str], quantiles: Sequence[str]
) -> Curves:
    """Pack the age profiles of `groups`; "days" counts the age groups, youngest first.

    Raises `InputError` when `ages.parquet` lacks an age of an arm, group or metric.
    """
    from mamori.core.ages import AGE_GROUPS

    youngest_first = pl.col("age_group").replace_strict(
        {age: index for index, age in enumerate(AGE_GROUPS)}, return_dtype=pl.Int32
    )
    wanted = _in_order(folder, folder.outcome.ages.with_columns(age=youngest_first), kinds, groups, ("age",))
    series = {
        metric: _packed(folder, wanted, metric, groups, quantiles, len(AGE_GROUPS)) for metric in AGE_METRICS
    }
    return Curves(tuple(groups), tuple(range(len(AGE_GROUPS))), tuple(quantiles), series)


def _in_order(
    folder: RunFolder, frame: pl.DataFrame, kinds: Sequence[str], groups: Sequence[str], within: Sequence[str]
) -> pl.DataFrame:
    arms = {arm.name: index for index, arm in enumerate(folder.arms)}
    order = {group: index for index, group in enumerate(groups)}
    wanted = (
        pl.col("group_kind").is_in(kinds) & pl.col("group").is_in(groups) & pl.col("arm").is_in(list(arms))
    )
    return (
        frame.filter(wanted)
        .with_columns(
            arm_index=pl.col("arm").replace_strict(arms, return_dtype=pl.Int32),
            group_index=pl.col("group").replace_strict(order, return_dtype=pl.Int32),
        )
        .sort("metric", "arm_index", "group_index", *within)
    )


def _packed(
    folder: RunFolder,
    frame: pl.DataFrame,
    metric: str,
    groups: Sequence[str],
    quantiles: Sequence[str],
    length: int,
) -> list[list[list[str]]]:
    rows = frame.filter(pl.col("metric") == metric)
    shape = (len(folder.arms), len(groups), length, len(quantiles))
    if len(rows) * len(quantiles) != np.prod(shape):
        raise InputError(
            f"{folder.path}: metric '{metric}' has {len(rows)} rows; {shape[0]} arms x {shape[1]} groups x "
            f"{length} steps are needed. Run the exercise again."
        )
    values = rows.select(pl.col(quantiles).cast(pl.Float64)).to_numpy().reshape(shape)
    return [
        [[pack(values[arm, group, :, q]) for q in range(len(quantiles))] for group in range(len(groups))]
        for arm in range(len(folder.arms))
    ]
