"""Read reporting triangles: line lists with two dates, counts by reference and report date, dated snapshots."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - as in the reader of line lists
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from mamori.core.contracts import LABELS, Dropped, Observations, Triangle
from mamori.core.errors import InputError
from mamori.core.time import CALENDARS, Calendar, week_of, week_start
from mamori.data.adapters._periods import MAXIMUM_PERIODS, parse_days
from mamori.data.adapters._series import JOIN
from mamori.data.adapters._table import ROW, Table, numbers, open_table, readable
from mamori.data.adapters.linelist import DATES
from mamori.data.adapters.tidy import with_keys

if TYPE_CHECKING:
    import polars as pl

Unit = Literal["day", "week"]
UNITS: tuple[Unit, ...] = get_args(Unit)
Revisions = Literal["error", "take-back"]
"""What a report with fewer cases than an earlier one is: an error, or a correction taken back to earlier reports."""
REVISIONS: tuple[Revisions, ...] = get_args(Revisions)

REFERENCE = ("reference", "reference_date", "date_reference")
ROLES: dict[str, tuple[str, ...]] = {
    "reference": (*REFERENCE, *DATES["onset"]),
    "report": DATES["report"],
    "count": ("count", "n", "cases", "new"),
    "cumulative": ("cumulative", "confirm"),
    "series": ("series",),
    **{label: (label,) for label in LABELS},
}
"""The names under which the columns of a triangle are known."""
LARGEST = 200_000_000
"""Cells (series x periods x delays) that a triangle may have."""


@dataclass(frozen=True)
class TriangleRules:
    """How reports become a triangle: length of a period and its calendar of weeks, longest delay, corrections.

    `max_delay` (periods): reports that come later are left out and counted. `last` is the date of the last report;
    the last date in the file when not given.
    """

    period: Unit = "day"
    calendar: Calendar = "ISO"
    max_delay: int | None = None
    revisions: Revisions = "error"
    last: Date | None = None

    def __post_init__(self) -> None:
        if self.period not in UNITS or self.revisions not in REVISIONS:
            raise InputError(
                f"period is '{self.period}', revisions '{self.revisions}'; choose {' or '.join(UNITS)}, "
                f"and {' or '.join(REVISIONS)}"
            )
        if self.calendar not in CALENDARS:
            raise InputError(f"calendar is '{self.calendar}'; choose {' or '.join(CALENDARS)}")
        if self.max_delay is not None and self.max_delay < 1:
            raise InputError(f"max_delay is {self.max_delay}; it must be >= 1 period. Give a longer one")


def read_triangle(
    path: Path,
    rules: TriangleRules = TriangleRules(),
    *,
    by: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
) -> Triangle:
    """Return the reporting triangle in the table `path`.

    The table has the two dates of a row, `reference` (of the event, e.g. onset) and `report`. With a column `count`
    a row is that many new cases, with `cumulative` all cases of the reference date known at the report date;
    otherwise a row is one case (a line list). `by` names the columns that tell series apart, `columns` the file's
    column of a role, `drop` columns never to be read.

    A period without a row has no cases, except among cumulative counts, where it is a missing report. Rows without
    one of the dates, with a report before the reference date, after the last report, or with a longer delay than
    ``rules.max_delay`` are left out and told in `dropped`.

    Raises `InputError`, naming row, column, value and repair, as `read_observations` does, and for corrections (new
    counts below 0, cumulative counts that fall) unless the rules take them back.
    """
    path = Path(path)
    with readable(path):
        table = open_table(path, ROLES, columns, drop)
        for role in ("reference", "report"):
            if not table.has(role):
                raise InputError(f"{path} has no column of the {role} date. Name it, e.g. {role}=my_column")
        if table.has("count", "cumulative"):
            raise InputError(f"{path} has new and cumulative counts ({table.named('count')}, "
                             f"{table.named('cumulative')}). Drop one")  # fmt: skip
        table, keys = with_keys(table, by)
        return _triangle(table, keys, rules)


def _triangle(table: Table, keys: list[str], rules: TriangleRules) -> Triangle:
    """Return the triangle of the rows of `table`."""
    import polars as pl

    value = next((role for role in ("count", "cumulative") if table.has(role)), None)
    used = ["reference", "report", *([value] if value else []), *keys]
    frame = table.numbered().frame.select(ROW, *(pl.col(table.roles[role]).alias(role) for role in used)).collect()
    frame, dropped = _without_empty(table, frame, ["reference", "report", *keys])
    frame = frame.with_columns(_days(table, frame, role) for role in ("reference", "report"))
    start, delay, axis, frame, dropped = _placed(table, frame, rules, dropped)
    values = np.ones(frame.height)
    if value:
        values = numbers(table, value, frame[ROW].to_numpy(), frame.select(value), whole=True, signed=True)
    row, series = _series(table, frame, keys)
    width = int(delay.max()) + 1 if rules.max_delay is None else min(rules.max_delay + 1, len(axis))
    if series.height * len(axis) * width > LARGEST:
        raise InputError(
            f"{table.path} gives {series.height:,} series of {len(axis):,} periods with delays to {width - 1:,}, too "
            "many for one triangle. Give a longest delay, or fewer series"
        )
    grid = np.full((series.height, len(axis), width), np.nan if value == "cumulative" else 0.0)
    if value == "cumulative":
        _check_once(table, frame, (row, start, delay), grid.shape)
        grid[row, start, delay] = values
    else:
        if np.isnan(values).any():
            first = int(np.isnan(values).argmax())
            raise table.refuse("count", int(frame[ROW][first]), None, "a count is needed", "Write 0 for no new case")
        np.add.at(grid, (row, start, delay), values)
        grid = np.cumsum(grid, axis=2)
        grid[:, np.arange(len(axis))[:, None] + np.arange(width) >= len(axis)] = np.nan
    grid, corrected = _corrected(grid, rules, series["series"].to_list(), axis)
    return Triangle(
        series, np.arange(1, len(axis) + 1), grid, axis, 365 if rules.period == "day" else 52,
        (*dropped, *corrected), table.ignored(used),
    )  # fmt: skip


def _without_empty(
    table: Table, frame: "pl.DataFrame", needed: Sequence[str]
) -> "tuple[pl.DataFrame, tuple[Dropped, ...]]":
    import polars as pl

    dropped: tuple[Dropped, ...] = ()
    for role in needed:
        cells = pl.col(role).cast(pl.String).str.strip_chars()
        empty = cells.is_null() | cells.is_in(["", "NA"]) if role in ("reference", "report") else cells.is_null()
        frame, dropped = _leave_out(
            frame, empty, dropped, f"no value in {table.named(role)}", "Fill the cells where they are known"
        )
    return frame, dropped


def _leave_out(
    frame: "pl.DataFrame", rows: "pl.Expr", dropped: tuple[Dropped, ...], reason: str, repair: str
) -> "tuple[pl.DataFrame, tuple[Dropped, ...]]":
    """Return the rows of `frame` but those for which `rows` holds, and what was left out."""
    out = frame.filter(rows)
    if not out.height:
        return frame, dropped
    return frame.filter(~rows), (*dropped, Dropped(reason, out.height, int(out[ROW][0]), repair))


def _days(table: Table, frame: "pl.DataFrame", role: str) -> "pl.Series":
    """Return the column of `role` as days."""
    import polars as pl

    cells = frame.get_column(role)
    if cells.dtype.is_temporal() and cells.dtype != pl.Time and cells.dtype != pl.Duration:
        return cells.cast(pl.Date)
    texts = cells.cast(pl.String)
    distinct = texts.unique(maintain_order=True)
    days = dict(zip(distinct, parse_days(distinct.to_list()), strict=True))
    for cell, day in days.items():
        if isinstance(day, InputError):
            row = int(frame.filter(texts == cell)[ROW][0])
            raise InputError(f"{table.path}: {table.named(role)} row {row}: {day}")
    return texts.replace_strict(days, return_dtype=pl.Date).alias(role)


def _placed(
    table: Table, frame: "pl.DataFrame", rules: TriangleRules, dropped: tuple[Dropped, ...]
) -> "tuple[np.ndarray, np.ndarray, np.ndarray, pl.DataFrame, tuple[Dropped, ...]]":
    """Return the reference period and the delay of each row that counts, the dates of the periods, and these rows."""
    import polars as pl

    both = f"{table.named('reference')} and {table.named('report')}"
    frame, dropped = _leave_out(
        frame, pl.col("report") < pl.col("reference"), dropped, f"reported before it happened ({both})",
        "Correct the dates",
    )  # fmt: skip
    if rules.last is not None:
        frame, dropped = _leave_out(
            frame, pl.col("report") > rules.last, dropped, f"reported after {rules.last}", "Choose a later last report"
        )
    if not frame.height:
        raise InputError(f"{table.path} has no row with {both} that counts. Name the columns, and look at the dates")
    begin, end = _number(frame["reference"], rules), _number(frame["report"], rules)
    final = end.max() if rules.last is None else _number(pl.Series([rules.last]), rules)[0]
    first = int(begin.min())
    size = int(final) - first + 1
    if size > MAXIMUM_PERIODS:
        raise InputError(
            f"{table.path}: the dates run over {size:,} {rules.period}s; at most {MAXIMUM_PERIODS:,} are taken. "
            "Look for a wrong date"
        )
    step = 1 if rules.period == "day" else 7
    day: Date = frame["reference"].min()  # type: ignore[assignment]
    origin = np.datetime64(day, "D")
    if rules.period == "week":
        origin = np.datetime64(week_start(*week_of(day, rules.calendar), rules.calendar), "D")
    frame = frame.with_columns(pl.Series("_start", begin - first), pl.Series("_delay", end - begin))
    if rules.max_delay is not None:
        frame, dropped = _leave_out(
            frame, pl.col("_delay") > rules.max_delay, dropped,
            f"reported more than {rules.max_delay} {rules.period}s later", "Choose a longer delay",
        )  # fmt: skip
    if not frame.height:
        raise InputError(f"{table.path} has no row reported within {rules.max_delay} {rules.period}s. Raise max_delay")
    return (
        frame["_start"].to_numpy(), frame["_delay"].to_numpy(), origin + step * np.arange(size), frame, dropped,
    )  # fmt: skip


def _number(days: "pl.Series", rules: TriangleRules) -> np.ndarray:
    """Return the number of the period of each day; periods that follow each other differ by 1."""
    ordinal = days.to_physical().to_numpy().astype(np.int64)
    if rules.period == "day":
        return ordinal
    # Day 0 is Thursday, 1 January 1970: weeks begin on Monday (ISO) or Sunday (MMWR).
    return np.asarray((ordinal + (3 if rules.calendar == "ISO" else 4)) // 7)


def _series(table: Table, frame: "pl.DataFrame", keys: list[str]) -> "tuple[np.ndarray, pl.DataFrame]":
    """Return the series of each row and the frame of series."""
    import polars as pl

    if not keys:
        return np.zeros(frame.height, dtype=np.int64), pl.DataFrame({"series": [table.path.stem]})
    labels = frame.select(pl.col(key).cast(pl.String).str.strip_chars() for key in keys)
    series = labels.unique(maintain_order=True)
    row = labels.join(series.with_row_index("_series"), on=keys, how="left", maintain_order="left")["_series"]
    names = pl.concat_str(keys, separator=JOIN).alias("series")
    return row.to_numpy().astype(np.int64), series.select(names, *(pl.col(key) for key in keys if key != "series"))


def _check_once(table: Table, frame: "pl.DataFrame", place: tuple[np.ndarray, ...], shape: tuple[int, ...]) -> None:
    """Raise for a second cumulative count of one series, reference and report period."""
    cells = np.ravel_multi_index(place, shape)
    order = np.argsort(cells, kind="stable")
    again = np.flatnonzero(np.diff(cells[order]) == 0)
    if len(again):
        one, two = (int(frame[ROW][int(order[again[0] + i])]) for i in (0, 1))
        raise InputError(
            f"{table.path}: rows {one} and {two} both give the cases of one period known at one report. Remove one, "
            "name the columns that tell series apart, or say that the counts are of weeks or days"
        )


def _corrected(
    reported: np.ndarray, rules: TriangleRules, names: Sequence[str], dates: np.ndarray
) -> tuple[np.ndarray, tuple[Dropped, ...]]:
    """Return counts that do not fall: a case that a later report takes away was never there.

    Each count becomes the smallest of its own and all later ones.
    """
    lowest = np.fmin.accumulate(reported[:, :, ::-1], axis=2)[:, :, ::-1]
    with np.errstate(invalid="ignore"):
        wrong = reported > lowest
    if not wrong.any():
        return reported, ()
    s, t, d = (int(i) for i in np.argwhere(wrong)[0])
    if rules.revisions == "error":
        raise InputError(
            f"series '{names[s]}': of {dates[t]}, {reported[s, t, d]:g} cases were known after {d} {rules.period}s, "
            f"and only {lowest[s, t, d]:g} later; a correction. Correct the reports, or take corrections back "
            "(revisions: take-back)"
        )
    repair = "Correct the reports where it is known which was wrong"
    reason = "count above a later report of the same period, lowered to it"
    return np.where(np.isnan(reported), np.nan, lowest), (Dropped(reason, int(wrong.sum()), None, repair),)


def triangle_from_snapshots(
    snapshots: Mapping[Date, Observations], *, max_delay: int | None = None, revisions: Revisions = "error"
) -> Triangle:
    """Return the triangle of counts as they were published at several dates.

    `snapshots` are daily or weekly counts by the date of their publication, with one kind of period and calendar.
    A snapshot tells, of each of its periods, what was known n = (publication - date of the period) periods later,
    rounded down; of two within one period the later counts. A count that a snapshot does not have, and a period
    without a snapshot, is a missing report. Series are told apart by their names.

    Raises `InputError` for no snapshot, for counts without dates or of another frequency, for a count of a period
    after its publication, for counts that fall unless `revisions` takes corrections back, and for weeks that begin
    on different days.
    """
    import polars as pl

    if not snapshots:
        raise InputError("there are no snapshots. Give at least two, published at different dates")
    rules = TriangleRules(max_delay=max_delay, revisions=revisions)
    published = sorted(snapshots)
    frequency = _common_frequency(snapshots)
    step = 7 if frequency == 52 else 1
    dates = {day: _dates_of(day, snapshots[day]) for day in published}
    first = min(days[0] for days in dates.values())
    last = first + step * ((np.datetime64(published[-1], "D") - first).astype(int) // step)
    axis = np.arange(first, last + 1, step)
    series = pl.concat([snapshots[day].series for day in published], how="diagonal").unique(
        subset="series", keep="last", maintain_order=True
    )
    row_of = {name: row for row, name in enumerate(series["series"])}
    width = len(axis) if max_delay is None else min(max_delay + 1, len(axis))
    if series.height * len(axis) * width > LARGEST:
        raise InputError(
            f"the snapshots give {series.height:,} series of {len(axis):,} periods: too many. Give a max_delay"
        )
    grid = np.full((series.height, len(axis), width), np.nan)
    for day in published:
        seen, offset = snapshots[day], (dates[day] - first).astype(int)
        if (offset % step).any():
            raise InputError(f"the weeks of the snapshot of {day} begin on another day than others. Correct it")
        start = offset // step
        # A delay goes by the period in which the report falls, as for all rows of a triangle.
        delay = int((np.datetime64(day, "D") - first).astype(int) // step) - start
        within = (delay >= 0) & (delay < width)
        rows = np.array([row_of[name] for name in seen.names])
        grid[rows[:, None], start[within], delay[within]] = seen.counts[:, within]
    grid, corrected = _corrected(grid, rules, series["series"].to_list(), axis)
    left = tuple(dict.fromkeys((*(d for day in published for d in snapshots[day].dropped), *corrected)))
    return Triangle(series, np.arange(1, len(axis) + 1), grid, axis, frequency, left)


def _common_frequency(snapshots: Mapping[Date, Observations]) -> int:
    for day, seen in snapshots.items():
        if seen.dates is None or seen.frequency not in (365, 52):
            raise InputError(
                f"the snapshot of {day} has counts {seen.frequency or 'an unknown number of'} times a year"
                f"{'' if seen.dates is not None else ' without dates'}; a nowcast needs daily or weekly ones with dates"
            )
    found = {seen.frequency for seen in snapshots.values()}
    if len(found) > 1:
        raise InputError("some snapshots have daily, others weekly counts. Give one kind")
    return 365 if 365 in found else 52


def _dates_of(day: Date, seen: Observations) -> np.ndarray:
    dates = np.asarray(seen.dates)
    if dates[-1] > np.datetime64(day, "D") and np.isfinite(seen.counts[:, dates > np.datetime64(day, "D")]).any():
        raise InputError(f"the snapshot of {day} has a count of {dates[-1]}, after its publication. Correct its date")
    return np.asarray(dates[dates <= np.datetime64(day, "D")])


def snapshot_date(path: Path) -> Date:
    """Return the date of publication in the name of a file, e.g. 2024-01-31_rates.csv.

    Raises `InputError` when there is none, or more than one.
    """
    found = set(re.findall(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)", path.name))
    if len(found) == 1:
        try:
            return Date.fromisoformat(found.pop())
        except ValueError:
            pass
    raise InputError(f"{path} does not tell when it was published. Put it into its name: 2024-01-31_counts.csv")
