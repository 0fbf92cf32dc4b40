"""The time axis of a table: its written periods, read and laid out without gaps."""

from datetime import date, datetime, time
from typing import TYPE_CHECKING

import numpy as np

from mamori.core.errors import InputError
from mamori.core.time import Calendar
from mamori.data.adapters._lookup import Lookup
from mamori.data.adapters._periods import (
    Axis,
    NotOnAxisError,
    Period,
    dated_axis,
    is_local_day,
    numbered_axis,
    parse_days,
    parse_period,
    plain_day,
)
from mamori.data.adapters._table import Table

if TYPE_CHECKING:
    import polars as pl


def time_axis(table: Table, frequency: int | None, calendar: Calendar | None) -> tuple[Axis, Lookup]:
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
        if calendar is not None:
            raise InputError(f"calendar is {calendar}, but {table.path} has no dates. Leave the option out")
        axis = numbered_axis(_period_numbers(table, written), frequency)
        return axis, Lookup(_positions(written, axis))
    axis = _dates(table, written, frequency, calendar)
    if roles == ["date"]:
        return axis, Lookup(_positions(written, axis))
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
    return shifted, Lookup(_positions(written, axis).drop("t").unique())


def _positions(written: "pl.DataFrame", axis: Axis) -> "pl.DataFrame":
    import polars as pl

    return written.with_columns(pl.Series("_period", axis.position, dtype=pl.Int64))


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


def _dates(table: Table, written: "pl.DataFrame", frequency: int | None, calendar: Calendar | None) -> Axis:
    cells = written.get_column("date").to_list()
    periods = _periods(table, cells, calendar)
    if calendar is not None and periods[0].kind in ("day", "month"):
        raise InputError(
            f"calendar is {calendar}, but {table.named('date')} of {table.path} holds plain dates, which need "
            "none. Leave the option out"
        )
    try:
        return dated_axis(periods, frequency)
    except NotOnAxisError as wrong:
        cell = cells[wrong.index]
        raise table.refuse("date", table.row_of({"date": cell}), cell, f"it {wrong.problem}", wrong.repair) from None


def _periods(table: Table, cells: list[object], calendar: Calendar | None) -> list[Period]:
    if not any(is_local_day(cell) for cell in cells):
        return [_period(table, cell, calendar) for cell in cells]
    days = parse_days([str(cell) for cell in cells])
    for cell, day in zip(cells, days, strict=True):
        if isinstance(day, InputError):
            raise InputError(f"{table.path}: {table.named('date')} row {table.row_of({'date': cell})}: {day}")
    return [plain_day(day) for day in days if isinstance(day, date)]


def _period(table: Table, cell: object, calendar: Calendar | None) -> Period:
    """Return the period in a cell: a text, a number such as 202401, a date, or a time at midnight."""
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
