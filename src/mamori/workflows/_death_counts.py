"""Deaths of many places by week from a table of counts, corrections and late lumps put where they belong."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mamori.core.errors import InputError
from mamori.data.adapters._table import numbers, open_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from mamori.data.world import World

    FloatArray = NDArray[np.float64]

Kind = Literal["reported", "excess"]
PLACE_NAMES = ("place", "code", "iso3", "id", "country", "location", "entity")
DEATH_NAMES = ("deaths", "new_deaths", "excess_deaths", "count", "observed", "value")
LONGEST_PERIOD = 31  # days that one row can stand for
WEEK = 7
LUMP_RATIO, LUMP_DEATHS, LUMP_WEEKS, SHORT_LUMP_WEEKS = 4.0, 50.0, 52, 5
DAYS_BEFORE = 63  # room for infections before the first count


@dataclass(frozen=True, eq=False)
class WeeklyDeaths:
    """Deaths by week of each place, (P, W), after the rules of `read_deaths`; weeks begin on ``monday`` (W,).

    ``given`` (P,): the sum of the file's counts in these weeks; ``moved`` (P,): deaths that corrections and lumps put
    elsewhere; ``added`` (P,): what the counts have more than was given (negative excess, or corrections larger
    than all earlier counts). ``unknown``: names in the file that are no places of the world.
    """

    codes: tuple[str, ...]
    monday: tuple[dt.date, ...]
    deaths: FloatArray
    given: FloatArray
    moved: FloatArray
    added: FloatArray
    unknown: tuple[str, ...]


def read_deaths(
    path: Path, world: World, kind: Kind, columns: Mapping[str, str] | None = None, codes: Sequence[str] | None = None
) -> WeeklyDeaths:
    """Return the deaths by week in the table ``path`` (CSV, TSV or Parquet: place, date, deaths; a row per period).

    ``codes`` are the places of the world to take, None for all.

    Rules. A row stands for the days since the place's row before (the first one for as many as the second; at most
    31), its deaths spread evenly over them; missing counts stand for nothing and pass their days on to the next row.
    Negative reported counts are corrections: they come off the days before in proportion to their counts.
    Negative excess deaths are set to 0. A week with more than four times the median of the four weeks before and of
    the four after, and 50 deaths above the larger of the two, holds a lump of late reports: what is above goes to
    the weeks before in proportion to their counts, to so many that none more than doubles; where the 52 weeks before
    do not suffice, evenly to the five weeks up to it. The last week counts only when it is whole.

    Raises `InputError` for a file, date or number that cannot be read, or a place with two rows of one date.
    """
    frame, unknown = read_by_place(path, "deaths", DEATH_NAMES, world, columns, signed=True, codes=codes)
    days: list[dt.date] = frame["date"].to_list()
    first = min(days) - dt.timedelta(days=DAYS_BEFORE + LONGEST_PERIOD)
    first -= dt.timedelta(days=first.weekday())
    weeks = ((max(days) - first).days + 1) // WEEK
    found = tuple(sorted(frame["code"].unique().to_list()))
    deaths, given, moved, added = np.zeros((len(found), weeks)), *np.zeros((3, len(found)))
    for (code,), rows in frame.group_by("code"):
        p = found.index(str(code))
        when = np.array([(day - first).days for day in rows["date"]])
        daily = _spread(when, rows["deaths"].to_numpy(), weeks * WEEK)
        given[p] = daily.sum()
        if kind == "excess":
            daily = np.maximum(daily, 0.0)
        else:
            moved[p] = -daily[daily < 0].sum()
            daily = correct_backwards(daily)
        added[p] = daily.sum() - given[p]
        by_week = daily.reshape(weeks, WEEK).sum(axis=1)
        deaths[p] = spread_lumps(by_week)
        moved[p] += np.maximum(deaths[p] - by_week, 0.0).sum()
    monday = tuple(first + dt.timedelta(days=WEEK * k) for k in range(weeks))
    return WeeklyDeaths(found, monday, deaths, given, moved, added, unknown)


def read_by_place(
    path: Path,
    role: str,
    names: tuple[str, ...],
    world: World,
    columns: Mapping[str, str] | None,
    *,
    signed: bool,
    codes: Sequence[str] | None = None,
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return code, date and the number ``role`` of each row, sorted, and the names that are no places of the world.

    Numbers may be negative when ``signed``; rows without one, and places not among ``codes``, are left out. Raises
    `InputError` as `read_deaths`.
    """
    import polars as pl

    table = open_table(path, {"place": PLACE_NAMES, "date": ("date",), role: names}, columns)
    for needed in ("place", "date", role):
        if not table.has(needed):
            raise InputError(f"{path} has no column for '{needed}'. Name it: --column {needed}=NAME")
    parts = []
    for rows, batch in table.batches(["place", "date", role]):
        dates = batch.get_column("date")
        days = dates.str.strip_chars().str.to_date("%Y-%m-%d", strict=False) if dates.dtype == pl.String else dates
        if not (days.dtype == pl.Date or isinstance(days.dtype, pl.Datetime)) or days.null_count():
            bad = int(days.is_null().arg_max() or 0)
            raise table.refuse("date", int(rows[bad]), dates[bad], "it must be a date", "Write it YYYY-MM-DD")
        values = numbers(table, role, rows, batch, whole=False, signed=signed)
        parts.append(pl.DataFrame({"place": batch["place"].cast(pl.String), "date": days.cast(pl.Date), role: values}))
    frame = pl.concat(parts).filter(pl.col(role).is_not_nan())
    meant = {name: _code(name, world) for name in frame["place"].unique().to_list()}
    unknown = tuple(sorted(str(name) for name, code in meant.items() if code is None))
    frame = frame.with_columns(code=pl.col("place").replace_strict(meant, return_dtype=pl.String))
    frame = (
        frame.filter(pl.col("code").is_in(world.codes if codes is None else codes))
        .sort("code", "date")
        .select("code", "date", role)
    )
    if frame.height == 0:
        raise InputError(f"{path} has no numbers for the places asked for. Give ISO codes such as KEN, or names")
    if twice := frame.filter(frame.select("code", "date").is_duplicated()).head(1).rows():
        raise InputError(f"{path}: {twice[0][0]} has two rows of {twice[0][1]}. Keep one, or add them")
    return frame, unknown


def _code(name: str | None, world: World) -> str | None:
    if name is None or name in world.codes:
        return name
    try:
        return world.select(name).codes[0] if name.strip().upper() != "WORLD" else None
    except InputError:
        return None


def _spread(when: NDArray[np.int64], counts: FloatArray, days: int) -> FloatArray:
    """Spread each row's count evenly over the days since the row before, as daily numbers (days,)."""
    daily = np.zeros(days)
    lengths = np.minimum(np.diff(when), LONGEST_PERIOD)
    lengths = np.concatenate([lengths[:1] if len(lengths) else [1], lengths])
    for last, length, count in zip(when, lengths, counts, strict=True):
        span = slice(max(last - length + 1, 0), min(last + 1, days))
        daily[span] += count / length
    return daily


def correct_backwards(daily: FloatArray) -> FloatArray:
    """Take each negative count off the days before it in proportion to their counts, so that sums stay."""
    daily = daily.copy()
    for day in np.flatnonzero(daily < 0):
        before = daily[:day].sum()
        if before > 0:
            daily[:day] *= max(1.0 + daily[day] / before, 0.0)
        daily[day] = 0.0
    return daily


def spread_lumps(weekly: FloatArray) -> FloatArray:
    """Spread late reports that came in one week over the weeks before it; see `read_deaths`."""
    weekly = weekly.copy()
    for week in range(1, len(weekly) - 1):
        before, after = weekly[max(week - 4, 0) : week], weekly[week + 1 : week + 5]
        usual = float(max(np.median(before), np.median(after)))
        surplus = weekly[week] - usual
        if weekly[week] <= LUMP_RATIO * usual or surplus <= LUMP_DEATHS:
            continue
        so_far = np.cumsum(weekly[max(week - LUMP_WEEKS, 0) : week][::-1])
        length = int(np.searchsorted(so_far, surplus)) + 1
        weekly[week] = usual
        if length <= len(so_far):
            weekly[week - length : week] *= 1.0 + surplus / so_far[length - 1]
        else:
            span = slice(max(week - SHORT_LUMP_WEEKS + 1, 0), week + 1)
            weekly[span] += surplus / len(weekly[span])
    return weekly
