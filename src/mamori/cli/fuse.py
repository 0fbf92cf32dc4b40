"""`mamori fuse`: streams of humans, animals, environment and events joined into one probability of an event."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mamori.cli._common import Language, compiling, progress_bar
from mamori.core.errors import InputError, did_you_mean
from mamori.core.files import atomic_path, check_table_format, write_table
from mamori.core.messages import text
from mamori.core.time import CALENDARS

if TYPE_CHECKING:
    from rich.table import Table

    from mamori.surveillance.fusion import Evidence, Fusion
    from mamori.surveillance.signals import Signals

SHOWN_PLACES = 10
"""Places in the printed summary; all are in the file."""
SHOWN_STREAMS = 5
"""Streams with a column of their own in the printed summary."""


def fuse(
    observations: Annotated[
        Path | None,
        typer.Argument(
            help="Table of all streams: place, date, stream, and alarm or pvalue or both.", show_default=False
        ),
    ] = None,
    streams: Annotated[
        Path | None,
        typer.Option(help="Table of the streams: host, delay, sensitivity, false alarms.", show_default=False),
    ] = None,
    stream: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=FILE: observations of one stream, e.g. what 'mamori detect' wrote (repeat for several).",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .csv, .parquet or .json.", show_default=False)
    ] = None,
    false_positive_rate: Annotated[
        float, typer.Option(help="Wished share of place-weeks without an event that give an alarm.")
    ] = 0.01,
    prior_per_year: Annotated[float, typer.Option(help="Events that you expect at a place in a year.")] = 0.5,
    duration_weeks: Annotated[float, typer.Option(help="Mean length of an event.")] = 8.0,
    correlation: Annotated[
        float, typer.Option(help="Correlation of the streams' false alarms in a week; evidence counts less.")
    ] = 0.0,
    evidence: Annotated[
        str, typer.Option(help="pvalue: p-values where given, else alarms; alarm: alarms only.")
    ] = "pvalue",
    calendar: Annotated[str, typer.Option(help="Weeks: ISO (from Monday) or MMWR (from Sunday).")] = "ISO",
    from_: Annotated[
        str | None,
        typer.Option("--from", help="First day, YYYY-MM-DD; by default that of the data.", show_default=False),
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Last day, YYYY-MM-DD; by default that of the data.", show_default=False)
    ] = None,
    quiet: Annotated[
        str | None,
        typer.Option(
            help="FROM..TO: weeks without events, from which the threshold is read; by default it is simulated.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the simulated threshold.")] = 0,
    workers: Annotated[
        int | None, typer.Option(help="Threads; by default one per processor.", show_default=False)
    ] = None,
    lang: Language = "en",
) -> None:
    """Join streams of signals into the probability of an event for each place and week, with each stream's part.

    Example: mamori fuse --streams streams.csv --stream wastewater=water.csv --stream human=alarms.parquet
    --out posterior.csv
    """
    if out is not None:
        check_table_format(out)
    if streams is None:
        raise InputError("no table of streams is given. Add --streams FILE; its columns are in 'fusion_streams'")
    if calendar not in CALENDARS:
        hint = did_you_mean(calendar, CALENDARS)
        raise InputError(f"--calendar '{calendar}' is not known.{hint} Take one of {', '.join(CALENDARS)}")
    first, last = (_day(given, option) for given, option in ((from_, "--from"), (to, "--to")))
    files = _named_files(stream or [])
    period = None if quiet is None else _period(quiet)

    from mamori.surveillance.fusion import EventProcess, fuse_streams
    from mamori.surveillance.signals import read_signals
    from mamori.surveillance.stream import load_streams

    process = EventProcess(prior_per_year, duration_weeks, correlation)
    signals = read_signals(load_streams(streams), files, observations, calendar=calendar, start=first, end=last)
    with compiling(lang), progress_bar(text("Fusing", lang)) as report:
        fusion = fuse_streams(
            signals,
            process,
            evidence=cast("Evidence", evidence),
            false_positive_rate=false_positive_rate,
            quiet=period,
            seed=seed,
            workers=workers,
            progress=report,
        )
    if out is not None:
        write_table(fusion.table(), out)
        given = [file for file in (streams, observations, *files.values()) if file is not None]
        made_from = fusion.provenance | {"inputs": {str(file): _digest(file) for file in given}}
        with atomic_path(out.with_suffix(".provenance.json")) as partial:
            partial.write_text(json.dumps(made_from, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    _print_notes(signals, lang)
    _print_summary(fusion, lang)
    if out is not None:
        typer.echo(f"{text('Written', lang)}: {out}")


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _day(given: str | None, option: str) -> date | None:
    if given is None:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise InputError(f"{option} is '{given}'; it must be a date written YYYY-MM-DD. Correct it") from None


def _period(given: str) -> tuple[date, date]:
    first, separator, last = given.partition("..")
    days = _day(first, "--quiet"), _day(last, "--quiet") if separator else None
    if days[0] is None or days[1] is None or days[0] > days[1]:
        raise InputError(f"--quiet '{given}' is not FROM..TO. Write e.g. 2023-01-02..2023-12-31")
    return days[0], days[1]


def _named_files(given: list[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for item in given:
        name, separator, file = item.partition("=")
        if not (name and separator and file):
            raise InputError(f"--stream '{item}' is not NAME=FILE. Write e.g. --stream wastewater=water.csv")
        if name in files:
            raise InputError(f"--stream {name} is given twice. Join its files into one")
        files[name] = Path(file)
    return files


def _print_notes(signals: Signals, lang: str) -> None:
    """Say what of the input was not used, and what was joined."""
    for dropped in signals.dropped:
        note = text("{rows} rows not used, the first is row {first}: {reason}. {repair}", lang)
        typer.echo(
            note.format(rows=dropped.rows, first=dropped.first_row, reason=dropped.reason, repair=dropped.repair),
            err=True,
        )
    if signals.joined:
        note = text("{rows} rows share place, stream and week with another and were joined", lang)
        typer.echo(note.format(rows=signals.joined), err=True)
    if signals.ignored_columns:
        typer.echo(f"{text('Columns not used', lang)}: {', '.join(signals.ignored_columns)}", err=True)


def _print_summary(fusion: Fusion, lang: str) -> None:
    """Print the places by their probability in the last week, with the streams' parts."""
    from rich.console import Console

    alarms = fusion.alarm
    console = Console()
    console.print(_table(fusion, lang))
    lines = (
        text("Prior {prior:.1%}, alarm above {threshold:.1%}", lang),
        text("Wished false alarms: {rate:.2%} of place-weeks without an event", lang),
        text("Alarms in {weeks} of {total} place-weeks, at {places} of {all_places} places", lang),
    )
    for line in lines:
        console.print(
            line.format(
                prior=fusion.process.prior,
                threshold=fusion.threshold,
                rate=fusion.false_positive_rate,
                weeks=int(alarms.sum()),
                total=alarms.size,
                places=int(alarms.any(axis=1).sum()),
                all_places=len(alarms),
            )
        )


def _table(fusion: Fusion, lang: str) -> Table:
    from rich.markup import escape
    from rich.table import Table

    signals = fusion.signals
    title = text("Probability of an event in the week from {day}", lang).format(day=signals.weeks[-1])
    table = Table(title=title, title_justify="left")
    shown = min(len(signals.streams), SHOWN_STREAMS)
    order = (-abs(fusion.contributions[:, :, -1]).sum(axis=0)).argsort(kind="stable")[:shown]
    for heading in ("Place", "Probability", "Alarm since", "Likely began"):
        table.add_column(text(heading, lang), justify="left" if heading == "Place" else "right")
    for s in order:
        table.add_column(f"{text('log odds', lang)}: {signals.streams[s].stream}", justify="right")
    for p in (-fusion.log_odds[:, -1]).argsort(kind="stable")[:SHOWN_PLACES]:
        since = ""
        if fusion.alarm[p, -1]:
            quiet = (~fusion.alarm[p]).nonzero()[0]
            since = str(signals.weeks[quiet[-1] + 1 if quiet.size else 0])
        table.add_row(
            escape(signals.places[p]),
            f"{fusion.posterior[p, -1]:.1%}",
            since,
            str(fusion.onset[p, -1]) if since else "",
            *(f"{fusion.contributions[p, s, -1]:+.1f}" for s in order),
        )
    return table
