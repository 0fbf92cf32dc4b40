"""From rows (series, period, count) to arrays of series by periods on one common time axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
    counts = Grid(shape, rules)
    others = {role: Grid(shape, Rules(duplicates=rules.duplicates)) for role in extras}
    for rows, batch in table.batches([*keys, *period_of.names, "observed", *extras]):
        cell = series_of(batch) * shape[1] + period_of(batch)
        signed = rules.negative == "missing"
        counts.put(cell, numbers(table, "observed", rows, batch, whole=True, signed=signed), rows)
        for role, grid in others.items():
            values = _flags if role == "known_outbreak" else partial(numbers, whole=role == "outbreak_cases")
            grid.put(cell, values(table, role, rows, batch), rows)
    if counts.repeated:
        raise _duplicate(table, series_of, period_of, series, axis)
    period = ["t", "year", "week", "calendar", *(["date"] if axis.dates is not None else [])]
    return Observations(
        series=series,
        t=axis.t,
        counts=counts.filled(),
        history=_history(table, series, axis, counts.values, others),
        dates=axis.dates,
        frequency=axis.frequency,
        calendar=axis.calendar,
        denominator=others["denominator"].values if "denominator" in others else None,
        dropped=dropped + counts.dropped,
        ignored=table.ignored([*keys, *period, "observed", *extras, *label_roles(table)]),
    )


class Grid:
    """An array (S, T) that is filled in any order, as the rules say; what no row gives is missing.

    `values` is the array, `dropped` tells which values were not taken.
    """

    def __init__(self, shape: tuple[int, int], rules: Rules) -> None:
        self.values = np.full(shape, np.nan)
        self._rules = rules
        self._seen = np.zeros(shape[0] * shape[1], dtype=bool)
        self._put = 0
        self._negative, self._first_negative = 0, 0

    def put(self, cell: np.ndarray, values: np.ndarray, rows: Rows) -> None:
        """Put `values` from the file rows `rows` into the flat positions `cell`."""
        if self._rules.negative == "missing":
            values = self._without_negative(values, rows)
        flat = self.values.reshape(-1)
        if self._rules.duplicates == "sum":
            # A sum with a missing part is missing; cells met for the first time begin at 0.
            flat[cell[~self._seen[cell]]] = 0.0
            np.add.at(flat, cell, values)
        else:
            flat[cell] = values
        self._seen[cell] = True
        self._put += len(cell)

    def _without_negative(self, values: np.ndarray, rows: Rows) -> np.ndarray:
        found = np.flatnonzero(values < 0.0)
        if len(found) == 0:
            return values
        self._first_negative = self._first_negative or int(rows[found[0]])
        self._negative += len(found)
        return np.where(values < 0.0, np.nan, values)

    @property
    def repeated(self) -> bool:
        """Whether a cell was given twice against the rules."""
        return self._rules.duplicates == "error" and np.count_nonzero(self._seen) != self._put

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """What was not taken, as a reader tells it."""
        if not self._negative:
            return ()
        repair = "Correct the counts that the correction is about, where they are known"
        return (Dropped("negative count, taken as missing", self._negative, self._first_negative, repair),)

    def filled(self) -> np.ndarray:
        """Return the values with zeros where no row gives one, if the rules say so."""
        if self._rules.missing == "zero":
            self.values.reshape(-1)[~self._seen] = 0.0
        return self.values


def _flags(table: Table, role: str, rows: Rows, batch: "pl.DataFrame") -> np.ndarray:
    """Return 1 where the cells of `role` say yes, else 0."""
    import polars as pl

    marks = batch.get_column(role).cast(pl.String).str.strip_chars().str.to_lowercase()
    flags = marks.fill_null("").replace_strict(FLAGS, default=None, return_dtype=pl.Float64)
    if flags.has_nulls():
        first = int(flags.is_null().arg_max() or 0)
        raise table.refuse(role, int(rows[first]), marks[first], "it must be true or false", "Correct it")
    return flags.to_numpy()


def _history(
    table: Table, series: "pl.DataFrame", axis: Axis, counts: np.ndarray, others: Mapping[str, Grid]
) -> np.ndarray:
    """Return the counts without those of known outbreaks; the same array where none are known."""
    if "outbreak_cases" not in others and "known_outbreak" not in others:
        return counts
    history = counts.copy()
    if "outbreak_cases" in others:
        outbreak = np.nan_to_num(others["outbreak_cases"].values)
        if (outbreak > counts).any():
            row, column = np.argwhere(outbreak > counts)[0]
            raise InputError(
                f"{table.path}: series '{series['series'][int(row)]}' at {axis.written(int(column))} has "
                f"{outbreak[row, column]:g} cases of known outbreaks, more than its {counts[row, column]:g} cases. "
                "Correct either"
            )
        history -= outbreak
    if "known_outbreak" in others:
        history[others["known_outbreak"].values > 0.0] = np.nan
    return history


def _duplicate(table: Table, series_of: Lookup, period_of: Lookup, series: "pl.DataFrame", axis: Axis) -> InputError:
    """Return the error that names the first two rows for one series and period."""
    first_row = np.zeros(series.height * len(axis.t), dtype=np.int64)
    for rows, batch in table.batches([*series_of.names, *period_of.names]):
        cells = series_of(batch) * len(axis.t) + period_of(batch)
        numbered = np.asarray(rows)
        unique, earliest = np.unique(cells, return_index=True)
        again = np.ones(len(cells), dtype=bool)
        again[earliest[first_row[unique] == 0]] = False
        first_row[unique] = np.where(first_row[unique] == 0, numbered[earliest], first_row[unique])
        if again.any():
            second = int(again.argmax())
            cell = int(cells[second])
            name, period = series["series"][cell // len(axis.t)], axis.written(cell % len(axis.t))
            return InputError(
                f"{table.path}: rows {first_row[cell]} and {numbered[second]} both give series '{name}' at {period}; "
                "a series has one count per period. Remove one, name the columns that tell them apart, or ask for "
                "their sum (duplicates: sum)"
            )
    raise AssertionError
