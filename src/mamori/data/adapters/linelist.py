"""Read line lists: a row per case becomes counts per period and series."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - a reader's argument is called date
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from mamori.core.contracts import LABELS, Dropped, Observations
from mamori.core.errors import InputError
from mamori.core.time import Calendar, week_of, week_start
from mamori.data.adapters._grid import FLAGS
from mamori.data.adapters._periods import Axis, Period, dated_axis, month, parse_days, plain_day
from mamori.data.adapters._series import JOIN
from mamori.data.adapters._table import ROW, Table, open_table, readable
from mamori.data.adapters.tidy import with_keys

if TYPE_CHECKING:
    import polars as pl

DateOfCase = Literal["onset", "report"]
PeriodOfCounts = Literal["day", "week", "month"]

DATES: dict[str, tuple[str, ...]] = {
    "onset": ("onset", "date_onset", "onset_date", "date_of_onset", "symptom_onset", "symptom_onset_date",
              "date_symptom_onset", "date_of_symptom_onset", "symptoms_onset_date", "date_onset_symptoms"),
    "report": ("report", "date_report", "report_date", "date_of_report", "date_of_reporting", "reporting_date",
               "date_reported", "notification_date", "date_notification", "date_of_notification"),
}  # fmt: skip
"""The names under which the two dates of a case are known."""
ROLES: dict[str, tuple[str, ...]] = {
    **DATES,
    "known_outbreak": ("known_outbreak",),
    **{label: (label,) for label in LABELS},
}


CASES = "_cases"


@dataclass(frozen=True)
class Counting:
    """How cases become counts: by which date, per which period, in whose weeks, and which belong to outbreaks."""

    date: DateOfCase | None = None
    period: PeriodOfCounts = "week"
    calendar: Calendar | None = None
    outbreak_values: Sequence[str] = ()


def read_linelist(
    path: Path,
    counting: Counting,
    by: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
) -> Observations:
    """Return the counts of the cases in a line list; raises `InputError` as `read_observations` says."""
    return count_cases(open_table(path, ROLES, columns, drop), counting, by)


def count_cases(
    table: Table, counting: Counting, by: Sequence[str] = (), dropped: tuple[Dropped, ...] = ()
) -> Observations:
    """Return the cases of `table` counted by period and by the roles or columns `by`.

    A period without a case between the first and the last of all cases is zero: a line list holds every case.
    A case without the date that counts, or without a value in `by`, is counted in `dropped`.
    """
    import polars as pl

    role = _date_role(table, counting.date)
    table, keys = with_keys(table, by) if by else (table, [])
    used = [role, *keys, *(["known_outbreak"] if table.has("known_outbreak") else [])]
    groups = _groups(table, used)
    groups, dropped = _leave_out(table, groups, [role, *keys], dropped)
    if groups.height == 0:
        raise InputError(f"{table.path} has no case with {table.named(role)} filled. Name the column of the date")
    axis = _axis(table, groups, role, counting)
    labels = groups.select(pl.col(key).cast(pl.String).str.strip_chars() for key in keys)
    series = labels.unique(maintain_order=True) if keys else pl.DataFrame({"series": [table.path.stem]})
    row = np.zeros(groups.height, dtype=np.int64)
    if keys:
        lookup = series.with_row_index("_series")
        row = labels.join(lookup, on=keys, how="left", maintain_order="left").get_column("_series").to_numpy()
        names = pl.concat_str(keys, separator=JOIN).alias("series")
        series = series.select(names, *(pl.col(key) for key in keys if key != "series"))
    cases = groups.get_column(CASES).to_numpy().astype(np.float64)
    counts = np.zeros((series.height, len(axis.t)))
    np.add.at(counts, (row, axis.position), cases)
    history = counts
    if table.has("known_outbreak"):
        history = counts.copy()
        np.add.at(history, (row, axis.position), -cases * _outbreak(table, groups, counting.outbreak_values))
    return Observations(
        series=series,
        t=axis.t,
        counts=counts,
        history=history,
        dates=axis.dates,
        frequency=axis.frequency,
        calendar=axis.calendar,
        dropped=dropped,
        ignored=table.ignored(used),
    )


def _date_role(table: Table, date: DateOfCase | None) -> str:
    if date is not None:
        if not table.has(date):
            raise InputError(f"{table.path} has no column of the date of {date}. Name it, e.g. {date}=my_column")
        return date
    found = [role for role in DATES if table.has(role)]
    if not found:
        raise InputError(f"{table.path} has no column with the date of onset or report. Name it, e.g. onset=my_column")
    if len(found) > 1:
        raise InputError(
            f"{table.path} has the date of onset ({table.named('onset')}) and of report ({table.named('report')}). "
            "Say which one counts: date onset or report"
        )
    return found[0]


def _groups(table: Table, roles: Sequence[str]) -> "pl.DataFrame":
    """Return each distinct combination of `roles` with the number of its cases and the first file row of them."""
    import polars as pl

    with readable(table.path):
        return (
            table.numbered()
            .frame.select(ROW, *(pl.col(table.roles[role]).alias(role) for role in roles))
            .group_by(roles)
            .agg(pl.len().alias(CASES), pl.col(ROW).min())
            .sort(ROW)
            .collect()
        )


def _leave_out(
    table: Table, groups: "pl.DataFrame", needed: Sequence[str], dropped: tuple[Dropped, ...]
) -> "tuple[pl.DataFrame, tuple[Dropped, ...]]":
    """Return the groups with all of the `needed` values, and what is left out for lack of each."""
    import polars as pl

    for role in needed:
        empty = (pl.col(role).cast(pl.String).str.strip_chars().fill_null("") == "").alias("empty")
        without = groups.filter(empty)
        if without.height:
            reason = f"no value in {table.named(role)}"
            rows, first = int(without[CASES].sum()), int(without[ROW][0])
            dropped = (*dropped, Dropped(reason, rows, first, "Fill the cells, or count by another column"))
            groups = groups.filter(~empty)
    return groups, dropped


def _axis(table: Table, groups: "pl.DataFrame", role: str, counting: Counting) -> Axis:
    cells = groups.get_column(role).to_list()
    texts = [cell for cell in cells if isinstance(cell, str)]
    days: list[Date | InputError] = parse_days(texts) if texts else [_day(cell) for cell in cells]
    for day, row in zip(days, groups[ROW], strict=True):
        if isinstance(day, InputError):
            raise InputError(f"{table.path}: {table.named(role)} row {row}: {day}")
    calendar: Calendar = counting.calendar or "ISO"
    if counting.calendar is not None and counting.period != "week":
        raise InputError(f"calendar is {calendar}, but the counts are per {counting.period}. Leave the option out")
    found: dict[Date, Period] = {}
    for day in days:
        if isinstance(day, Date) and day not in found:
            found[day] = _period_of(day, counting.period, calendar)
    frequency = {"day": 365, "week": 52, "month": 12}[counting.period]
    return dated_axis([found[day] for day in days if isinstance(day, Date)], frequency)


def _day(cell: object) -> Date | InputError:
    if isinstance(cell, datetime):
        return cell.date()
    return cell if isinstance(cell, Date) else InputError(f"{cell} is no date. Write 2024-01-31")


def _period_of(day: Date, period: PeriodOfCounts, calendar: Calendar) -> Period:
    if period == "day":
        return plain_day(day)
    if period == "month":
        return month(day)
    if not timedelta(days=7) < day - Date.min < Date.max - Date.min - timedelta(days=7):
        raise InputError(f"{day} is out of range. Correct it")
    start = week_start(*week_of(day, calendar), calendar)
    return Period(f"{calendar} week", "week", start.toordinal() // 7, start)


def _outbreak(table: Table, groups: "pl.DataFrame", values: Sequence[str]) -> np.ndarray:
    """Return 1 for the groups whose cases belong to a known outbreak, else 0."""
    cells = ["" if cell is None else str(cell).strip() for cell in groups.get_column("known_outbreak")]
    if values:
        return np.array([float(cell in values) for cell in cells])
    flags = np.zeros(len(cells))
    for index, cell in enumerate(cells):
        if cell.lower() not in FLAGS:
            raise table.refuse(
                "known_outbreak",
                int(groups[ROW][index]),
                cell,
                "without a list of the values that mark known outbreaks it must be yes or no",
                f"Give them, e.g. outbreak_values '{cell}'",
            )
        flags[index] = FLAGS[cell.lower()]
    return flags
