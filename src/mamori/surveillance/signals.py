"""The signals of several streams on one grid of places and weeks, read from tables and checked once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mamori.core.contracts import Dropped
from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.core.time import Calendar
from mamori.surveillance.detector import Reason
from mamori.surveillance.stream import DAYS_A_WEEK, Stream, find_stream

if TYPE_CHECKING:
    import polars as pl

MOST_WEEKS = 5200
"""A hundred years: a longer axis comes from a mistyped date."""
COLUMNS = "fusion_observations"
OUTSIDE, NOT_COMPUTED, EMPTY = "outside the weeks asked for", "detection gave no value", "neither alarm nor pvalue"
REPAIRS = {
    OUTSIDE: "Ask for an earlier start or a later end",
    NOT_COMPUTED: "See the reason codes of detection",
    EMPTY: "Fill one of them where the place was observed",
}


@dataclass(frozen=True, eq=False)
class Signals:
    """What S streams showed at P places in T weeks: alarms (0 or 1) and p-values, NaN where not observed.

    `weeks` (T,) are the first days of consecutive weeks (datetime64[D]); `alarm` and `pvalue` are (P, S, T).
    `dropped` tells which rows of the input are not in them, `joined` how many rows share a cell with another.
    """

    streams: tuple[Stream, ...]
    places: tuple[str, ...]
    weeks: np.ndarray
    alarm: np.ndarray
    pvalue: np.ndarray
    dropped: tuple[Dropped, ...] = ()
    joined: int = 0
    ignored_columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.places), len(self.streams), len(self.weeks))
        for name in ("alarm", "pvalue"):
            if (array := getattr(self, name)).shape != shape:
                raise InputError(f"{name} has shape {array.shape}; it must be {shape}: places by streams by weeks")


def read_signals(
    streams: Sequence[Stream],
    tables: "Mapping[str, Path | pl.DataFrame] | None" = None,
    observations: "Path | pl.DataFrame | None" = None,
    *,
    calendar: Calendar = "ISO",
    start: date | None = None,
    end: date | None = None,
) -> Signals:
    """Put what `streams` showed, from a table for each (`tables`, by name) or one long one, on places and weeks.

    A table is a frame or a CSV, Parquet or JSON file with the columns of ``fusion_observations``; the output of
    ``mamori detect`` is one. Without the column ``place`` the column ``series`` names the place. The long table
    `observations` names the stream in each row. A date belongs to its week in `calendar`; the weeks run from that
    of `start` (by default of the first date) to that of `end` (of the last).

    Several rows of a stream at a place and week are joined: an alarm if any has one; of n p-values the lowest times n
    (Bonferroni), at most 1. Where a stream's missing reports mean no alarm, weeks without a row hold no alarm. A row
    whose reason says that detection gave no value is not observed.

    Raises `InputError` for a file that cannot be read, a bad cell, an unknown stream, one without rows, places that
    differ only in upper and lower case, or an axis of more than 5200 weeks.
    """
    import polars as pl

    parts, ignored = [], set[str]()
    for name, table in (tables or {}).items():
        find_stream(streams, name)
        given, source = _open(table, f"the table of stream '{name}'")
        if "stream" in given.columns:
            raise InputError(
                f"{source}: it has a column 'stream' but is given for the stream '{name}'. Remove the column, or give "
                "it as the table of all streams"
            )
        parts.append(_checked(given.with_columns(pl.lit(name).alias("stream")), source, ignored))
    if observations is not None:
        parts.append(_checked(*_open(observations, "the table of observations"), ignored))
    if not parts:
        raise InputError("no observations are given. Give a table for each stream, or one with a column 'stream'")
    frame = pl.concat(parts)
    for name in frame.get_column("stream").unique().sort():
        find_stream(streams, name)
    for stream in streams:
        if stream.stream not in frame.get_column("stream"):
            raise InputError(
                f"stream '{stream.stream}' has no observations. Give its table, or remove it from the table of streams"
            )
    dates = frame.get_column("date").to_list()
    first, last = _week_start(start or min(dates), calendar), _week_start(end or max(dates), calendar)
    weeks = (last - first).days // DAYS_A_WEEK + 1
    if not 1 <= weeks <= MOST_WEEKS:
        raise InputError(f"the weeks run from {first} to {last}; they must be 1 to {MOST_WEEKS}. Correct the dates")
    places = _place_names(frame)
    frame = frame.with_columns((pl.col("date") - first).dt.total_days().floordiv(DAYS_A_WEEK).alias("week"))
    frame, dropped = _drop(frame, weeks)
    signals = _grid(tuple(streams), places, first, weeks, frame)
    return replace(signals, dropped=dropped, ignored_columns=tuple(sorted(ignored)))


def _open(table: "Path | pl.DataFrame", name: str) -> "tuple[pl.DataFrame, str]":
    """Return the frame and what messages call it."""
    return (_read(table), str(table)) if isinstance(table, Path) else (table, name)


def _read(path: Path) -> "pl.DataFrame":
    """Return the table in `path` as it stands: texts from CSV, types from Parquet and JSON."""
    import polars as pl
    from polars.exceptions import PolarsError

    if not path.is_file():
        raise InputError(f"{path} is not a file. Name a CSV, Parquet or JSON file")
    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(path)
        if path.suffix.lower() == ".json":
            return pl.read_json(path, infer_schema_length=None)
        if path.suffix.lower() == ".csv":
            return pl.read_csv(path, infer_schema=False, encoding="utf8")
    except (PolarsError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} cannot be read as a table: {reason}. Mend the file") from error
    raise InputError(f"{path} ends in '{path.suffix}'; observations are a .csv, .parquet or .json file. Convert it")


def _checked(given: "pl.DataFrame", source: str, ignored: set[str]) -> "pl.DataFrame":
    """Return the known columns of `given`, checked, with source and row of each; others are added to `ignored`."""
    import polars as pl

    if given.height == 0:
        raise InputError(f"{source} has no rows. Add one, or leave it out")
    if "place" not in given.columns and "series" in given.columns:
        given = given.rename({"series": "place"})
    definition = TableDefinition.load(COLUMNS)
    known = [name for name in definition.attributes if name in given.columns]
    if not {"alarm", "pvalue"} & set(known):
        raise InputError(f"{source}: there is no column 'alarm' or 'pvalue'. Add one of them, or both")
    ignored |= set(given.columns) - set(known)
    frame = given.select(known)
    if "alarm" in known:
        words = frame.get_column("alarm").cast(pl.String).str.strip_chars().str.to_lowercase()
        frame = frame.with_columns(words.replace({"1": "true", "0": "false", "1.0": "true", "0.0": "false"}))
    if "pvalue" in known:
        values = frame.get_column("pvalue")
        if values.dtype.is_float():
            frame = frame.with_columns(values.fill_nan(None))
        elif values.dtype == pl.String:
            frame = frame.with_columns(values.replace(["NaN", "nan"], [None, None]))
    rows = pl.Series("row", range(2, frame.height + 2), dtype=pl.Int64)
    return definition.validate(frame, source).with_columns(rows, pl.lit(source).alias("source"))


def _place_names(frame: "pl.DataFrame") -> tuple[str, ...]:
    names: list[str] = frame.get_column("place").unique().sort().to_list()
    folded: dict[str, str] = {}
    for name in names:
        other = folded.setdefault(name.strip().casefold(), name)
        if other != name:
            raise InputError(
                f"places '{other}' and '{name}' differ only in case or blanks. Write one of them everywhere"
            )
    return tuple(names)


def _week_start(day: date, calendar: Calendar) -> date:
    """Return the first day of the week of `day`: Monday (ISO) or Sunday (MMWR)."""
    return day - timedelta(days=day.weekday() if calendar == "ISO" else day.isoweekday() % DAYS_A_WEEK)


def _drop(frame: "pl.DataFrame", weeks: int) -> "tuple[pl.DataFrame, tuple[Dropped, ...]]":
    """Leave out rows outside the weeks, empty those that detection could not compute; count both."""
    import polars as pl

    computed = pl.col("reason").is_null() | pl.col("reason").str.strip_chars().is_in(["", Reason.FEW_CASES.word])
    inside = pl.col("week").is_between(0, weeks - 1)
    empty = pl.col("alarm").is_null() & pl.col("pvalue").is_null()
    fault = (
        pl.when(~inside)
        .then(pl.lit(OUTSIDE))
        .when(~computed)
        .then(pl.lit(NOT_COMPUTED))
        .when(empty)
        .then(pl.lit(EMPTY))
    )
    groups = (
        frame.with_columns(fault.alias("fault"))
        .filter(pl.col("fault").is_not_null())
        .group_by("source", "fault", pl.when(~computed).then("reason"), maintain_order=True)
        .agg(pl.len(), pl.col("row").first())
    )
    dropped = tuple(
        Dropped(f"{source}: {fault}{f' ({reason})' if reason else ''}", rows, first, REPAIRS[fault])
        for source, fault, reason, rows, first in groups.iter_rows()
    )
    values = [pl.when(computed).then(pl.col(name)).alias(name) for name in ("alarm", "pvalue")]
    return frame.filter(inside).with_columns(values), dropped


def _grid(
    streams: tuple[Stream, ...], places: tuple[str, ...], first: date, weeks: int, frame: "pl.DataFrame"
) -> Signals:
    """Join the rows of each place, stream and week and put them on the grid."""
    import polars as pl

    cells = frame.group_by("place", "stream", "week").agg(
        pl.col("alarm").max(),
        (pl.col("pvalue").min() * pl.col("pvalue").count()).clip(upper_bound=1.0),
        pl.len().alias("rows"),
    )
    alarm = np.full((len(places), len(streams), weeks), np.nan)
    alarm[:, [stream.unreported == "no-alarm" for stream in streams]] = 0.0
    pvalue = np.full_like(alarm, np.nan)
    place_row = {name: row for row, name in enumerate(places)}
    stream_row = {stream.stream: row for row, stream in enumerate(streams)}
    at = (
        np.array([place_row[name] for name in cells.get_column("place")], dtype=np.int64),
        np.array([stream_row[name] for name in cells.get_column("stream")], dtype=np.int64),
        cells.get_column("week").to_numpy().astype(np.int64),
    )
    alarm[at] = cells.get_column("alarm").cast(pl.Float64).fill_null(np.nan).to_numpy()
    pvalue[at] = cells.get_column("pvalue").fill_null(np.nan).to_numpy()
    axis = np.datetime64(first, "D") + DAYS_A_WEEK * np.arange(weeks)
    joined = int(cells.get_column("rows").filter(cells.get_column("rows") > 1).sum())
    return Signals(streams, places, axis, alarm, pvalue, joined=joined)
