"""From rows (series, period, count) to arrays of series by periods on one common time axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mamori.core.contracts import Dropped, Observations
from mamori.core.errors import InputError
from mamori.core.time import Calendar
from mamori.data.adapters._lookup import Lookup
from mamori.data.adapters._periods import Axis
from mamori.data.adapters._series import label_roles, series_of_table
from mamori.data.adapters._table import Rows, Table, numbers
from mamori.data.adapters._time import time_axis

if TYPE_CHECKING:
    import polars as pl

Missing = Literal["missing", "zero"]
Duplicates = Literal["error", "sum"]
Negative = Literal["error", "missing"]


FLAGS = {"": 0.0, "0": 0.0, "false": 0.0, "no": 0.0, "1": 1.0, "true": 1.0, "yes": 1.0}
"""What a cell that marks known outbreaks may hold; an empty one marks none."""


@dataclass(frozen=True)
class Rules:
    """What the user says about a file: how many periods a year, whose weeks, and what no row, two rows of one
    period and a negative count mean."""

    frequency: int | None = None
    calendar: Calendar | None = None
    missing: Missing = "missing"
    duplicates: Duplicates = "error"
    negative: Negative = "error"


def read_long(table: Table, keys: Sequence[str], rules: Rules, dropped: tuple[Dropped, ...] = ()) -> Observations:
    """Return the observations in a long table: a row per series and period, in any order.

    `keys` are the roles that tell series apart; none of them means one series, named after the file. The roles
    `t` and `date` (at least one) give the period, `observed` the count; `denominator`, `outbreak_cases` and
    `known_outbreak` are taken where the table has them.

    Raises `InputError` as `read_observations` says.
    """
    axis, period_of = time_axis(table, rules.frequency, rules.calendar)
    series, series_of = series_of_table(table, keys)
    extras = [role for role in ("denominator", "outbreak_cases", "known_outbreak") if table.has(role)]
    shape = (series.height, len(axis.t))
    grids = {role: np.full(shape, np.nan) for role in ("observed", *extras)}
    seen = np.zeros(shape[0] * shape[1], dtype=bool)
    rows_read = 0
    negatives = Negatives() if rules.negative == "missing" else None
    time = period_of.names
    for rows, batch in table.batches([*keys, *time, "observed", *extras]):
        cell = series_of(batch) * shape[1] + period_of(batch)
        for role, grid in grids.items():
            values = _values(table, role, rows, batch, negatives)
            _put(grid.reshape(-1), cell, values, seen, rules.duplicates)
        seen[cell] = True
        rows_read += batch.height
    if rules.duplicates == "error" and np.count_nonzero(seen) != rows_read:
        raise _duplicate(table, series_of, period_of, series, axis)
    if rules.missing == "zero":
        grids["observed"].reshape(-1)[~seen] = 0.0
    used = [
        *keys,
        "t",
        *(["date"] if axis.dates is not None else []),
        "year",
        "week",
        "calendar",
        "observed",
        *extras,
        *label_roles(table),
    ]
    return Observations(
        series=series,
        t=axis.t,
        counts=grids["observed"],
        history=_history(table, series, axis, grids),
        dates=axis.dates,
        frequency=axis.frequency,
        calendar=axis.calendar,
        denominator=grids.get("denominator"),
        dropped=dropped + (negatives.dropped() if negatives else ()),
        ignored=table.ignored(used),
    )


@dataclass
class Negatives:
    """How many negative counts were taken as missing, and the file row of the first."""

    rows: int = 0
    first_row: int | None = None

    def without(self, values: np.ndarray, rows: Rows) -> np.ndarray:
        """Return `values` with NaN in place of what is negative, and note it."""
        found = np.flatnonzero(values < 0.0)
        if len(found) == 0:
            return values
        self.rows += len(found)
        self.first_row = self.first_row or int(rows[found[0]])
        return np.where(values < 0.0, np.nan, values)

    def dropped(self) -> tuple[Dropped, ...]:
        """Return what was taken as missing, as a reader tells it."""
        repair = "Correct the counts before the correction, where they are known"
        return (Dropped("negative count, taken as missing", self.rows, self.first_row, repair),) if self.rows else ()


def _values(table: Table, role: str, rows: Rows, batch: "pl.DataFrame", negatives: Negatives | None) -> np.ndarray:
    """Return the values of `role` in a batch; negative counts are errors unless `negatives` takes them."""
    if role == "known_outbreak":
        return _flags(table, rows, batch)
    signed = negatives is not None and role == "observed"
    values = numbers(table, role, rows, batch, whole=role != "denominator", signed=signed)
    return negatives.without(values, rows) if negatives is not None and signed else values


def _put(grid: np.ndarray, cell: np.ndarray, values: np.ndarray, seen: np.ndarray, duplicates: Duplicates) -> None:
    if duplicates == "sum":
        # A sum with a missing part is missing; cells met for the first time begin at 0.
        fresh = cell[~seen[cell]]
        grid[fresh] = 0.0
        np.add.at(grid, cell, values)
    else:
        grid[cell] = values


def _flags(table: Table, rows: Rows, batch: "pl.DataFrame") -> np.ndarray:
    """Return 1 where the period is marked as a known outbreak, else 0."""
    import polars as pl

    marks = batch.get_column("known_outbreak").cast(pl.String).str.strip_chars().str.to_lowercase()
    flags = marks.fill_null("").replace_strict(FLAGS, default=None, return_dtype=pl.Float64)
    if flags.has_nulls():
        first = int(flags.is_null().arg_max() or 0)
        raise table.refuse("known_outbreak", int(rows[first]), marks[first], "it must be true or false", "Correct it")
    return flags.to_numpy()


def _history(table: Table, series: "pl.DataFrame", axis: Axis, grids: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the counts without those of known outbreaks; the same array where none are known."""
    counts = grids["observed"]
    if "outbreak_cases" not in grids and "known_outbreak" not in grids:
        return counts
    history = counts.copy()
    if "outbreak_cases" in grids:
        outbreak = np.nan_to_num(grids["outbreak_cases"])
        if (outbreak > counts).any():
            row, column = np.argwhere(outbreak > counts)[0]
            period = axis.t[column] if axis.dates is None else axis.dates[column]
            raise InputError(
                f"{table.path}: series '{series['series'][int(row)]}' at {period} has {outbreak[row, column]:g} cases "
                f"of known outbreaks, more than its {counts[row, column]:g} cases. Correct either"
            )
        history -= outbreak
    if "known_outbreak" in grids:
        history[grids["known_outbreak"] > 0.0] = np.nan
    return history


def _duplicate(table: Table, series_of: Lookup, period_of: Lookup, series: "pl.DataFrame", axis: Axis) -> InputError:
    """Return the error that names the first two rows for one series and period."""
    first = np.zeros(series.height * len(axis.t), dtype=np.int64)
    for rows, batch in table.batches([*series_of.names, *period_of.names]):
        cells = series_of(batch) * len(axis.t) + period_of(batch)
        for row, cell in zip(rows, cells, strict=True):
            if first[cell]:
                name = series["series"][int(cell) // len(axis.t)]
                period = (axis.t if axis.dates is None else axis.dates)[cell % len(axis.t)]
                return InputError(
                    f"{table.path}: rows {first[cell]} and {row} both give series '{name}' at {period}; a series has "
                    "one count per period. Remove one, name the columns that tell them apart, or ask for their sum "
                    "(duplicates: sum)"
                )
            first[cell] = row
    raise AssertionError
