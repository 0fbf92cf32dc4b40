"""How commands read counts: the options that say what a file means, and what was read, in words."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from mamori.core.errors import InputError
from mamori.core.messages import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamori.core.contracts import Observations
    from mamori.core.time import Calendar

Counts = Annotated[
    Path, typer.Argument(help="File of counts or of cases: CSV, Parquet or JSON, by its format.", show_default=False)
]
Format = Annotated[
    str,
    typer.Option(
        "--format", help="Format: tidy, linelist, dhis2, flunet, erviss, sormas, godata, or auto (told by columns)."
    ),
]
Frequency = Annotated[
    int | None,
    typer.Option("--freq", help="Periods a year of counts without dates: 52, 365 or 12.", show_default=False),
]
CalendarOption = Annotated[
    str | None,
    typer.Option("--calendar", help="Calendar of weeks: ISO or MMWR.", show_default=False),
]
DateOption = Annotated[
    str | None,
    typer.Option("--date", help="Date that counts in a line list: onset or report.", show_default=False),
]
Period = Annotated[str, typer.Option(help="Length of a period counted from a line list: day, week or month.")]
By = Annotated[
    list[str] | None,
    typer.Option("--by", help="Column that tells series apart (repeat for several).", show_default=False),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="OURS=THEIRS: what a column of the file is called (may repeat).", show_default=False),
]
Drop = Annotated[
    list[str] | None,
    typer.Option("--drop", help="Column to leave unread, e.g. one with names (may repeat).", show_default=False),
]
Signal = Annotated[
    str | None,
    typer.Option("--signal", help="What to count where a file holds several, e.g. ah1n12009.", show_default=False),
]

Missing = Annotated[
    str, typer.Option("--missing", help="What a period without a row is: missing (not reported) or zero.")
]
Duplicates = Annotated[
    str, typer.Option("--duplicates", help="Two rows of one series and period: error, or sum to add them.")
]
Negative = Annotated[
    str, typer.Option("--negative", help="A count below zero: error, or missing (a correction of earlier counts).")
]
Outbreak = Annotated[
    list[str] | None,
    typer.Option(
        "--outbreak",
        help="Value of column known_outbreak that marks a case of a known outbreak: judged, not learnt from "
        "(line lists; may repeat).",
        show_default=False,
    ),
]


def read_counts(
    path: Path,
    form: str,
    frequency: int | None,
    calendar: str | None,
    date: str | None,
    period: str,
    by: Sequence[str] | None,
    columns: Sequence[str] | None,
    drop: Sequence[str] | None,
    signal: str | None,
    lang: str,
    missing: str = "missing",
    duplicates: str = "error",
    negative: str = "error",
    outbreak: Sequence[str] | None = None,
) -> Observations:
    """Return what `path` holds and say on stderr what was read and what was left out."""
    from mamori.data.adapters.read import read_observations

    for option, given, words in (
        ("--calendar", calendar, ("ISO", "MMWR")),
        ("--date", date, ("onset", "report")),
        ("--period", period, ("day", "week", "month")),
        ("--missing", missing, ("missing", "zero")),
        ("--duplicates", duplicates, ("error", "sum")),
        ("--negative", negative, ("error", "missing")),
    ):
        if given is not None and given not in words:
            raise InputError(f"{option} is '{given}'; choose {' or '.join(words)}")
    observations = read_observations(
        path,
        form=form,
        frequency=frequency,
        calendar=cast("Calendar | None", calendar),
        date=cast("Literal['onset', 'report'] | None", date),
        period=cast("Literal['day', 'week', 'month']", period),
        by=by or (),
        columns=dict(_pair(given) for given in columns or ()),
        drop=drop or (),
        signal=signal,
        missing=cast("Literal['missing', 'zero']", missing),
        duplicates=cast("Literal['error', 'sum']", duplicates),
        negative=cast("Literal['error', 'missing']", negative),
        outbreak_values=outbreak or (),
    )
    for line in described_observations(observations, lang):
        typer.echo(line, err=True)
    return observations


def _pair(given: str) -> tuple[str, str]:
    ours, equals, theirs = given.partition("=")
    if not equals or not ours or not theirs:
        raise InputError(f"--column '{given}' is not OURS=THEIRS; write e.g. date_onset=onset")
    return ours.strip(), theirs.strip()


def read_neighbours(path: Path) -> list[tuple[str, str]]:
    """Return the pairs of series in the table `path` (columns: table ``neighbours``)."""
    from mamori.data.user_table import read_user_table

    return read_user_table(path, "neighbours").rows()


def described_observations(observations: Observations, lang: str) -> list[str]:
    """Return lines on what was read: series, periods, span, and the rows left out by reason."""
    import numpy as np

    size, width = observations.counts.shape
    span = ""
    if observations.dates is not None and width:
        span = text(", {first} to {last}", lang).format(first=observations.dates[0], last=observations.dates[-1])
    lines = [text("{series} series of {periods} periods{span}", lang).format(series=size, periods=width, span=span)]
    if unknown := int(np.isnan(observations.counts).sum()):
        lines.append(text("missing counts: {number} of {all}", lang).format(number=unknown, all=size * width))
    if observations.ignored:
        lines.append(text("columns not used: {columns}", lang).format(columns=", ".join(observations.ignored)))
    for left in observations.dropped:
        row = "" if left.first_row is None else text(" (first in row {row})", lang).format(row=left.first_row)
        lines.append(
            text("left out: {rows} × {reason}{row}. {repair}", lang).format(
                rows=left.rows, reason=left.reason, row=row, repair=left.repair
            )
        )
    return lines


def period_of(observations: Observations, given: str | None, option: str, *, last: bool = False) -> int | None:
    """Return the value of t that `given` (a date or a number) means, None when not given.

    A date between two periods means the next one, or with `last` the one before.
    """
    import numpy as np

    if given is None or given.strip().isdigit():
        return None if given is None else int(given)
    try:
        day = np.datetime64(dt.date.fromisoformat(given), "D")
    except ValueError:
        raise InputError(f"{option} is '{given}'; give a date (YYYY-MM-DD) or the number of a period") from None
    if observations.dates is None:
        raise InputError(f"{option} is a date, but the counts have none. Give the number of a period")
    index = int(np.searchsorted(observations.dates, day, side="right" if last else "left")) - last
    if not 0 <= index < len(observations.t):
        raise InputError(
            f"{option} is {given}; the counts run from {observations.dates[0]} to {observations.dates[-1]}. "
            "Choose within"
        )
    return int(observations.t[index])
