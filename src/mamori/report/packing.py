"""Curves as short strings: two printable characters a number, every number within 0.2 %.

A page with the weekly curves of 200 places holds a million numbers. As JSON they would fill ten megabytes; on
a logarithmic scale with 590 steps a decade, from a thousandth to a hundred billion, they fill two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mamori.core.ages import AGE_GROUPS
from mamori.core.errors import InputError
from mamori.report.run_folder import RunFolder

ALPHABET = "".join(chr(code) for code in range(33, 127) if chr(code) not in '"\\<')
"""The 91 printable characters that neither JSON nor HTML writes otherwise."""

STEPS_PER_DECADE = 590
SMALLEST = 1e-3
"""Anything smaller is packed as zero."""
MISSING = len(ALPHABET) ** 2 - 1

COURSES: tuple[str, ...] = (
    "infections",
    "deaths",
    "ward_occupied",
    "icu_occupied",
    "doses_cum",
    "contact_scale",
)
"""Weekly metrics that are shown with their bands."""
BEDS: tuple[str, ...] = ("ward_beds", "icu_beds")
"""Weekly metrics of which the median is enough: beds free for this outbreak."""
AGE_METRICS: tuple[str, ...] = ("infections", "deaths", "yll", "first_doses")

DAYS_PER_WEEK = 7

_CHARACTERS = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)


def pack(curves: NDArray[np.float64]) -> list[str]:
    """Pack each row of `curves` (N, n), all >= 0 or not-a-number, into at most 2n characters.

    Code 0 is zero, code ``1 + round(590 log10(value / 0.001))`` any other value, the last code a missing one.
    The last number stands for all that would follow it, so a curve that has come to rest costs nothing.
    Raises `ValueError` for values that are negative or too large for the scale.
    """
    known = np.nan_to_num(curves, nan=0.0)
    steps = 1 + np.round(np.log10(np.maximum(known, SMALLEST) / SMALLEST) * STEPS_PER_DECADE)
    codes = np.where(np.isnan(curves), MISSING, np.where(known < SMALLEST, 0, steps)).astype(int)
    if (known < 0).any() or (steps >= MISSING).any():
        raise ValueError(f"values to pack must lie in 0 .. 1e11; got {known.min():g} .. {known.max():g}")
    digits = np.stack(np.divmod(codes, len(ALPHABET)), axis=-1).reshape(len(codes), -1)
    new = np.ones(codes.shape, dtype=bool)
    new[:, 1:] = codes[:, 1:] != codes[:, :-1]
    kept = codes.shape[1] - new[:, ::-1].argmax(axis=1)
    lines = _CHARACTERS[digits]
    return [line[: 2 * length].tobytes().decode() for line, length in zip(lines, kept, strict=True)]


@dataclass(frozen=True)
class Curves:
    """Packed curves of several groups."""

    groups: tuple[str, ...]
    steps: tuple[int, ...]
    """The day of each number of a curve, or its age group, youngest first."""
    quantiles: tuple[str, ...]
    series: dict[str, list[list[list[str]]]]
    """By metric, arm and group: a string for each quantile."""

    @property
    def size(self) -> int:
        """Characters in all strings."""
        return sum(len(text) for arms in self.series.values() for arm in arms for group in arm for text in group)


@dataclass(frozen=True)
class CurveTable:
    """The curves of several groups as numbers; values[metric] is (arms, groups, steps, quantiles)."""

    groups: tuple[str, ...]
    steps: tuple[int, ...]
    quantiles: tuple[str, ...]
    values: dict[str, NDArray[np.float64]]

    def packed(self, every: int = 1, groups: Sequence[int] | None = None) -> Curves:
        """Pack every `every`-th step, ending with the last full one, of all groups or those at `groups`."""
        chosen = range(len(self.groups)) if groups is None else groups
        series = {}
        for metric, values in self.values.items():
            kept = np.moveaxis(values[:, list(chosen), every - 1 :: every], 3, 2)
            arms, number, quantiles, steps = kept.shape
            texts = iter(pack(kept.reshape(-1, steps)))
            series[metric] = [[[next(texts) for _ in range(quantiles)] for _ in range(number)] for _ in range(arms)]
        return Curves(
            groups=tuple(self.groups[index] for index in chosen),
            steps=self.steps[every - 1 :: every],
            quantiles=self.quantiles,
            series=series,
        )


def weekly_curves(
    folder: RunFolder, metrics: Sequence[str], groups: Sequence[str], quantiles: Sequence[str]
) -> CurveTable:
    """Return the weekly curves of `metrics` in `groups`; a step is the last day of its week.

    Raises `InputError` when `weekly.parquet` lacks a week of an arm, group or metric.
    """
    weeks = range(1, folder.weeks + 1)
    axes = {"arm": folder.arm_names, "group": groups, "week": weeks}
    values = _arrays(folder, folder.outcome.weekly, metrics, axes, quantiles)
    return CurveTable(tuple(groups), tuple(DAYS_PER_WEEK * week for week in weeks), tuple(quantiles), values)


def age_profiles(folder: RunFolder, groups: Sequence[str], quantiles: Sequence[str]) -> CurveTable:
    """Return the age profiles of `groups` over the whole run; a step is an age group.

    Raises `InputError` when `ages.parquet` lacks an age of an arm, group or metric.
    """
    axes = {"arm": folder.arm_names, "group": groups, "age_group": AGE_GROUPS}
    values = _arrays(folder, folder.outcome.ages, AGE_METRICS, axes, quantiles)
    return CurveTable(tuple(groups), tuple(range(len(AGE_GROUPS))), tuple(quantiles), values)


def _arrays(
    folder: RunFolder,
    frame: pl.DataFrame,
    metrics: Sequence[str],
    axes: Mapping[str, Sequence[Any]],
    quantiles: Sequence[str],
) -> dict[str, NDArray[np.float64]]:
    """Return the rows of each metric as an array with the given axes and, last, the quantiles."""
    shape = tuple(len(members) for members in axes.values())
    arrays = {}
    for metric in metrics:
        rows = frame.filter(
            pl.col("metric") == metric, *(pl.col(axis).is_in(list(members)) for axis, members in axes.items())
        )
        positions = [
            rows[axis].replace_strict(list(members), list(range(len(members))), return_dtype=pl.Int64)
            for axis, members in axes.items()
        ]
        cells = np.ravel_multi_index(tuple(position.to_numpy() for position in positions), shape)
        if len(np.unique(cells)) != np.prod(shape) or len(cells) != np.prod(shape):
            wanted = " x ".join(f"{size} {axis}s" for axis, size in zip(axes, shape, strict=True))
            raise InputError(
                f"{folder.path}: metric '{metric}' has {len(rows)} rows; {wanted} need {np.prod(shape)}. "
                "Run the exercise again"
            )
        values = np.empty((len(cells), len(quantiles)))
        values[cells] = rows.select(pl.col(quantiles).cast(pl.Float64)).to_numpy()
        arrays[metric] = values.reshape(*shape, len(quantiles))
    return arrays
