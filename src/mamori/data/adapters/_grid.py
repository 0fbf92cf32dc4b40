"""From rows (series, period, count) to arrays of series by periods on one common time axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mamori.core.contracts import LABELS, Dropped, Observations
from mamori.core.errors import InputError
from mamori.core.time import Calendar
from mamori.data.adapters._periods import (
    Axis,
    NotOnAxisError,
    Period,
    dated_axis,
    numbered_axis,
    parse_period,
    plain_day,
)
from mamori.data.adapters._table import Rows, Table, numbers

if TYPE_CHECKING:
    import polars as pl

Missing = Literal["missing", "zero"]
Duplicates = Literal["error", "sum"]

COORDINATES = {"latitude": 90.0, "longitude": 180.0}
"""Degrees; the bound on either side."""
JOIN = " | "
"""Between the labels in the name of a series."""


MAXIMUM_DENSE = 10_000_000
"""Up to this range of whole numbers an array tells where each lies; beyond it a join does."""
_SLOT_BITS = 21
_SLOT_SHIFT = np.uint64(64 - _SLOT_BITS)
"""A text is found by the first bits of its hash, and by the whole of it where several share them."""
FLAGS = {"": 0.0, "0": 0.0, "false": 0.0, "no": 0.0, "1": 1.0, "true": 1.0, "yes": 1.0}
"""What a cell that marks known outbreaks may hold; an empty one marks none."""


@dataclass(frozen=True)
class Rules:
    """What the user says about the periods: how many a year, whose weeks, and what no row and two rows mean."""

    frequency: int | None = None
    calendar: Calendar | None = None
    missing: Missing = "missing"
    duplicates: Duplicates = "error"


def read_long(table: Table, keys: Sequence[str], rules: Rules, dropped: tuple[Dropped, ...] = ()) -> Observations:
    """Return the observations in a long table: a row per series and period, in any order.

    `keys` are the roles that tell series apart; none of them means one series, named after the file. The roles
    `t` and `date` (at least one) give the period, `observed` the count; `denominator`, `outbreak_cases` and
    `known_outbreak` are taken where the table has them.

    Raises `InputError` as `read_observations` says.
    """
    axis, period_of = time_axis(table, rules)
    series, series_of = _series(table, keys)
    extras = [role for role in ("denominator", "outbreak_cases", "known_outbreak") if table.has(role)]
    shape = (series.height, len(axis.t))
    grids = {role: np.full(shape, np.nan) for role in ("observed", *extras)}
    seen = np.zeros(shape[0] * shape[1], dtype=bool)
    rows_read = 0
    time = period_of.names
    for rows, batch in table.batches([*keys, *time, "observed", *extras]):
        cell = series_of(batch) * shape[1] + period_of(batch)
        for role, grid in grids.items():
            values = _flags(table, rows, batch) if role == "known_outbreak" else None
            if values is None:
                values = numbers(table, role, rows, batch, whole=role != "denominator")
            _put(grid.reshape(-1), cell, values, seen, rules.duplicates)
        seen[cell] = True
        rows_read += batch.height
    if rules.duplicates == "error" and np.count_nonzero(seen) != rows_read:
        raise _duplicate(table, series_of, period_of, series, axis)
    if rules.missing == "zero":
        grids["observed"].reshape(-1)[~seen] = 0.0
    used = [*keys, *time, "observed", *extras, *_label_roles(table), "year", "week", "calendar"]
    return Observations(
        series=series,
        t=axis.t,
        counts=grids["observed"],
        history=_history(table, series, axis, grids),
        dates=axis.dates,
        frequency=axis.frequency,
        calendar=axis.calendar,
        denominator=grids.get("denominator"),
        dropped=dropped,
        ignored=table.ignored(used),
    )


class Lookup:
    """Where each distinct combination of some columns of a table lies: its series, or its period.

    `places` holds the combinations, then the position in its last column. Only these combinations may be asked
    for, so that the hash of a text, checked once to be its own, is enough to know it.
    """

    def __init__(self, places: "pl.DataFrame") -> None:
        import polars as pl

        *self.names, self._position = places.columns
        self._places = places
        self._find = self._joined
        if len(self.names) != 1:
            return
        column, positions = places.get_column(self.names[0]), places.get_column(self._position).to_numpy()
        if column.dtype == pl.Date or column.dtype.is_integer():
            keys = column.to_physical().to_numpy().astype(np.int64)
            if np.ptp(keys) < MAXIMUM_DENSE:
                self._first = keys.min()
                self._dense = np.zeros(int(np.ptp(keys)) + 1, dtype=np.int64)
                self._dense[keys - self._first] = positions
                self._find = self._counted
        elif column.dtype == pl.String:
            hashes = column.hash(0).to_numpy()
            if len(np.unique(hashes)) == len(hashes):
                order = np.argsort(hashes)
                self._hashes, self._positions = hashes[order], positions[order]
                slots = hashes >> _SLOT_SHIFT
                self._dense = np.full(1 << _SLOT_BITS, -1, dtype=np.int64)
                self._dense[slots] = positions
                taken, times = np.unique(slots, return_counts=True)
                self._dense[taken[times > 1]] = -1
                self._find = self._hashed

    def __call__(self, batch: "pl.DataFrame") -> np.ndarray:
        """Return the position of each row of `batch`."""
        return self._find(batch) if self.names else np.zeros(batch.height, dtype=np.int64)

    def _counted(self, batch: "pl.DataFrame") -> np.ndarray:
        return np.asarray(self._dense[batch.get_column(self.names[0]).to_physical().to_numpy() - self._first])

    def _hashed(self, batch: "pl.DataFrame") -> np.ndarray:
        hashes = batch.get_column(self.names[0]).hash(0).to_numpy()
        found = self._dense[hashes >> _SLOT_SHIFT]
        shared = np.flatnonzero(found < 0)
        found[shared] = self._positions[np.searchsorted(self._hashes, hashes[shared])]
        return np.asarray(found)

    def _joined(self, batch: "pl.DataFrame") -> np.ndarray:
        rows = batch.select(self.names)
        joined = rows.join(self._places, on=self.names, how="left", nulls_equal=True, maintain_order="left")
        return joined.get_column(self._position).to_numpy()


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


def time_axis(table: Table, rules: Rules) -> tuple[Axis, Lookup]:
    """Return the time axis of `table`, and where each written period (`t`, `date` or both) lies on it.

    Raises `InputError` for periods that cannot be read or do not fit one axis, naming the row.
    """
    roles = [role for role in ("t", "date") if table.has(role)]
    if not roles:
        raise InputError(f"{table.path} has no column 't' or 'date'. Name the one with the period, e.g. date=week")
    written = table.distinct(roles)
    if roles == ["t", "date"] and written.get_column("date").null_count() == written.height:
        roles, written = ["t"], table.distinct(["t"])
    if roles == ["t"]:
        if rules.calendar is not None:
            raise InputError(f"calendar is {rules.calendar}, but {table.path} has no dates. Leave the option out")
        axis = numbered_axis(_period_numbers(table, written), rules.frequency)
        return axis, _lookup(written, axis)
    axis = _dates(table, written, rules)
    if roles == ["date"]:
        return axis, _lookup(written, axis)
    given = np.asarray(_period_numbers(table, written))
    offset = given - axis.position
    if (offset != offset[0]).any():
        other = written.row(int(np.argmax(offset != offset[0])), named=True)
        raise table.refuse(
            "t",
            table.row_of(other),
            other["t"],
            f"it does not go with the date {other['date']}, counted from the other rows",
            "Correct one of the two, or drop the column t",
        )
    first = int(offset[0])
    shifted = Axis(axis.t - 1 + first, axis.dates, axis.frequency, axis.calendar, axis.position)
    return shifted, _lookup(written, shifted)


def _lookup(written: "pl.DataFrame", axis: Axis) -> Lookup:
    import polars as pl

    return Lookup(written.with_columns(pl.Series("_period", axis.position, dtype=pl.Int64)))


def _period_numbers(table: Table, written: "pl.DataFrame") -> list[int]:
    import polars as pl

    column = written.get_column("t")
    texts = column.cast(pl.String).str.strip_chars()
    values = texts.str.replace(r"\.0+$", "").str.to_integer(strict=False)
    wrong = values.is_null() | (values < 1).fill_null(value=True)
    if wrong.any():
        cell = column[int(wrong.arg_max() or 0)]
        raise table.refuse(
            "t", table.row_of({"t": cell}), cell, "it must be a whole number from 1", "Number the periods 1, 2, 3, ..."
        )
    return values.to_list()


def _dates(table: Table, written: "pl.DataFrame", rules: Rules) -> Axis:
    cells = written.get_column("date").to_list()
    periods = [_period(table, cell, rules.calendar) for cell in cells]
    if rules.calendar is not None and periods[0].kind in ("day", "month"):
        raise InputError(
            f"calendar is {rules.calendar}, but {table.named('date')} of {table.path} holds plain dates, which need "
            "none. Leave the option out"
        )
    try:
        return dated_axis(periods, rules.frequency)
    except NotOnAxisError as wrong:
        cell = cells[wrong.index]
        raise table.refuse("date", table.row_of({"date": cell}), cell, f"it {wrong.problem}", wrong.repair) from None


def _period(table: Table, cell: object, calendar: Calendar | None) -> Period:
    """Return the period in a cell: a text, a number such as 202401, a date, or a time at midnight."""
    from datetime import date, datetime, time

    if isinstance(cell, datetime) and cell.time() == time():
        return plain_day(cell.date())
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return plain_day(cell)
    problem = "a time of the day is not a period. Give the date alone"
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        problem = "each row needs its period. Fill the cell or remove the row"
    elif not isinstance(cell, datetime):
        try:
            return parse_period(str(cell), calendar)
        except InputError as error:
            problem = str(error)
    raise InputError(f"{table.path}: {table.named('date')} row {table.row_of({'date': cell})}: {problem}")


def _label_roles(table: Table) -> list[str]:
    return [role for role in (*LABELS, *COORDINATES) if table.has(role)]


def _series(table: Table, keys: Sequence[str]) -> "tuple[pl.DataFrame, Lookup]":
    """Return the frame of series in the order of the file, and where the keys of a row lie there."""
    import polars as pl

    if not keys:
        series = pl.DataFrame({"series": [table.path.stem]})
        return _with_labels(table, keys, series, series), Lookup(
            pl.DataFrame({"_series": [0]}, schema={"_series": pl.Int64})
        )
    codes = table.distinct(keys)
    texts = codes.select(pl.col(key).cast(pl.String).str.strip_chars() for key in keys)
    empty = pl.select(
        pl.all_horizontal([texts.get_column(key).is_null() | (texts.get_column(key) == "") for key in keys])
    ).to_series()
    if empty.any():
        cell = codes.row(int(empty.arg_max() or 0), named=True)
        raise InputError(
            f"{table.path}: row {table.row_of(cell)} does not name its series: {table.named(keys[0])} is empty. Fill it"
        )
    names = texts.select(pl.concat_str(pl.all().fill_null(""), separator=JOIN).alias("series"))
    if (repeated := names.get_column("series").is_duplicated()).any():
        name = names.get_column("series").filter(repeated)[0]
        raise InputError(f"{table.path}: two series would be named '{name}' but for spaces. Rename one")
    series = names.with_columns(texts.get_column(key) for key in keys if key != "series")
    return _with_labels(table, keys, codes, series), Lookup(
        codes.with_columns(pl.int_range(codes.height, dtype=pl.Int64).alias("_series"))
    )


def _with_labels(table: Table, keys: Sequence[str], codes: "pl.DataFrame", series: "pl.DataFrame") -> "pl.DataFrame":
    """Add the labels and coordinates that are not keys; each must be the same in all rows of a series."""
    labels = [role for role in _label_roles(table) if role not in keys]
    if not labels:
        return series
    found = table.distinct([*keys, *labels])
    if found.height != codes.height:
        repeated = found.select(keys).is_duplicated() if keys else found.select(labels).is_duplicated()
        other = (
            found.row(1, named=True)
            if not keys
            else found.filter(repeated).unique(subset=list(keys), keep="last", maintain_order=True).row(0, named=True)
        )
        shown = ", ".join(f"{label} {other[label]!r}" for label in labels)
        raise InputError(
            f"{table.path}: row {table.row_of(other)} gives {shown} for a series that has another elsewhere; a series "
            "has one place, host, stratum, signal and position. Correct it, or name the columns that tell series apart"
        )
    return series.with_columns(_label(table, label, found) for label in labels)


def _label(table: Table, label: str, found: "pl.DataFrame") -> "pl.Series":
    import polars as pl

    column = found.get_column(label)
    if label not in COORDINATES:
        return column.cast(pl.String).str.strip_chars()
    texts = column.cast(pl.String).str.strip_chars()
    texts = texts.set(texts == "", None)
    degrees = texts.cast(pl.Float64, strict=False)
    wrong = (texts.is_not_null() & degrees.is_null()) | ~(degrees.abs() <= COORDINATES[label]).fill_null(value=True)
    if wrong.any():
        row = found.row(int(wrong.arg_max() or 0), named=True)
        bound = f"{COORDINATES[label]:g}"
        raise table.refuse(
            label, table.row_of(row), row[label], f"it must be -{bound} to {bound} degrees", "Write e.g. -4.05"
        )
    return degrees
