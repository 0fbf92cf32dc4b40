"""Read tidy tables of counts: long (a row per series and period) or wide (a column per series)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mamori.core.contracts import LABELS, Observations
from mamori.core.errors import InputError, did_you_mean
from mamori.core.tables import TableDefinition
from mamori.core.time import CALENDARS
from mamori.data.adapters._grid import Grid, Rules, read_long
from mamori.data.adapters._series import COORDINATES
from mamori.data.adapters._table import Rows, Table, numbers, open_table
from mamori.data.adapters._time import time_axis

if TYPE_CHECKING:
    import polars as pl

DEFINITION = "observations"
ALIASES = {"count": "observed", "population": "denominator"}


def known_roles() -> dict[str, tuple[str, ...]]:
    """Return the roles that a column of a tidy table can play, each with the name that means it."""
    return {role: (role,) for role in TableDefinition.load(DEFINITION).attributes}


def read_tidy(
    path: Path, rules: Rules, by: Sequence[str] = (), columns: Mapping[str, str] | None = None, drop: Sequence[str] = ()
) -> Observations:
    """Return the observations in a tidy table, long or wide; raises `InputError` as `read_observations` says.

    A table without a column `observed` or `count` is wide. The series of a long table are told apart by the
    roles or columns in `by`, else by `series`, else by all of `LABELS` that the table has.
    """
    table = _without_aliases(open_table(path, known_roles(), columns, drop))
    if not table.has("observed"):
        return _read_wide(table, rules, by)
    table, rules = _with_calendar(_with_date(table, rules), rules)
    return read_long(*with_keys(table, by), rules)


def with_keys(table: Table, by: Sequence[str]) -> tuple[Table, list[str]]:
    """Return the table with a role for each of `by`, and the roles that tell its series apart.

    Raises `InputError` for a name in `by` that is neither a role nor a column.
    """
    roles = dict(table.roles)
    for name in by:
        if name not in roles and name not in table.columns:
            raise InputError(
                f"{table.path} has no column '{name}' to tell series apart.{did_you_mean(name, table.columns)} "
                "Name a column of the file"
            )
        roles.setdefault(name, name)
    table = replace(table, roles=roles)
    if by:
        keys = list(dict.fromkeys(by))
        return _with_labels_that_go_with(table, keys), keys
    return table, ["series"] if table.has("series") else [label for label in LABELS if table.has(label)]


def _with_labels_that_go_with(table: Table, keys: list[str]) -> Table:
    """Return the table without the roles of labels that differ among the rows of one series."""
    size = table.distinct(keys).height
    differing = [
        role
        for role in (*LABELS, *COORDINATES)
        if table.has(role) and role not in keys and table.distinct([*keys, role]).height > size
    ]
    return replace(table, roles={role: name for role, name in table.roles.items() if role not in differing})


def _without_aliases(table: Table) -> Table:
    roles = dict(table.roles)
    for alias, role in ALIASES.items():
        if alias in roles:
            if role in roles:
                raise InputError(
                    f"{table.path} has both '{roles[role]}' and '{roles[alias]}', which mean the same. Drop one"
                )
            roles[role] = roles.pop(alias)
    return replace(table, roles=roles)


def _with_date(table: Table, rules: Rules) -> Table:
    """Return the table with a date made of the columns year and week, where it has no other period."""
    import polars as pl

    roles = {role: name for role, name in table.roles.items() if role not in ("year", "week")}
    if table.has("t") or table.has("date") or not table.has("year", "week"):
        return replace(table, roles=roles)
    if rules.calendar is None and not table.has("calendar"):
        raise InputError(
            f"{table.path} numbers its weeks by year and week, which have another meaning in each calendar. "
            "Say which: calendar ISO or MMWR"
        )
    parts = [pl.col(table.roles[role]).cast(pl.String).str.strip_chars() for role in ("year", "week")]
    frame = table.frame.with_columns(pl.concat_str([parts[0], pl.lit("-W"), parts[1]]).alias("year and week"))
    return replace(table, frame=frame, roles={**table.roles, "date": "year and week"})


def _with_calendar(table: Table, rules: Rules) -> tuple[Table, Rules]:
    """Return the rules with the calendar that the table's own column names."""
    if not table.has("calendar"):
        return table, rules
    cells = table.distinct(["calendar"]).get_column("calendar").to_list()
    for cell in cells:
        if cell not in CALENDARS:
            raise table.refuse(
                "calendar", table.row_of({"calendar": cell}), cell, "it must be ISO or MMWR", "Correct it"
            )
        if cell != (rules.calendar or cells[0]):
            row, other = table.row_of({"calendar": cell}), rules.calendar or cells[0]
            raise table.refuse("calendar", row, cell, f"one file has one calendar, here {other}", "Split the file")
    return table, replace(rules, calendar=cells[0])


def _read_wide(table: Table, rules: Rules, by: Sequence[str]) -> Observations:
    import polars as pl

    if by:
        raise InputError(
            f"{table.path} has no column 'observed' or 'count', so that each column is a series and 'by' has no "
            "meaning. Name the column of counts, e.g. observed=cases, or leave 'by' out"
        )
    time = [role for role in ("t", "date") if table.has(role)]
    names = [name for name in table.columns if name not in [table.roles[role] for role in time]]
    if not names or not time:
        raise InputError(
            f"{table.path} has no column {'for the period (t or date)' if names else 'of counts'}. "
            "Name the columns of the period and of the counts, e.g. date=week, observed=cases"
        )
    axis, period_of = time_axis(table, rules.frequency, rules.calendar)
    wide = replace(table, roles={name: name for name in names} | {role: table.roles[role] for role in time})
    grid = Grid((len(names), len(axis.t)), rules)
    first_row = np.zeros(len(axis.t), dtype=np.int64)
    for rows, batch in wide.batches([*time, *names]):
        column = period_of(batch)
        if rules.duplicates == "error":
            _check_once(table, rows, column, first_row)
        values = _wide_values(wide, names, rows, batch, signed=rules.negative == "missing")
        cells = np.arange(len(names)) * len(axis.t) + column[:, None]
        grid.put(cells.reshape(-1), values.reshape(-1), np.repeat(rows, len(names)))
    counts = grid.filled()
    return Observations(
        series=pl.DataFrame({"series": names}),
        t=axis.t,
        counts=counts,
        history=counts,
        dates=axis.dates,
        frequency=axis.frequency,
        calendar=axis.calendar,
        dropped=grid.dropped,
    )


def _check_once(table: Table, rows: Rows, column: np.ndarray, first_row: np.ndarray) -> None:
    """Note in `first_row` (T,) the file row of each period, or raise for a period that comes twice."""
    for row, period in zip(rows, column, strict=True):
        if first_row[period]:
            raise InputError(f"{table.path}: rows {first_row[period]} and {row} are of the same period. Remove one")
        first_row[period] = row


def _wide_values(table: Table, names: Sequence[str], rows: Rows, batch: "pl.DataFrame", *, signed: bool) -> np.ndarray:
    """Return the counts of all columns, (rows, series)."""
    import polars as pl

    frame = batch.select(names)
    if all(kind.is_numeric() or kind == pl.String for kind in frame.dtypes):
        # All at once where all cells are sound, as they mostly are; column by column to tell which is not.
        floats = frame.select(pl.all().cast(pl.Float64, strict=False))
        values = floats.fill_null(float("nan")).to_numpy()
        with np.errstate(invalid="ignore"):
            sound = np.isnan(values) | ((values == np.rint(values)) & (signed | (values >= 0.0)) & np.isfinite(values))
        if sound.all() and sum(floats.null_count().row(0)) == sum(frame.null_count().row(0)):
            return values
    try:
        return np.column_stack([numbers(table, name, rows, batch, whole=True, signed=signed) for name in names])
    except InputError as error:
        raise InputError(
            f"{error}. (Without a column 'observed' or 'count', each column but t and date is a series. In a long "
            "table name the column of counts, e.g. observed=cases; else drop what is no series)"
        ) from None
