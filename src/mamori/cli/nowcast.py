"""`mamori nowcast`: how many cases of the last periods there will be once all are reported."""

import datetime as dt
import hashlib
import json
from dataclasses import replace
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from mamori.cli import _counts
from mamori.cli._common import Language, compiling, progress_bar
from mamori.core.errors import InputError
from mamori.core.files import atomic_path, check_table_format, write_table
from mamori.core.messages import text

if TYPE_CHECKING:
    from mamori.core.contracts import Triangle
    from mamori.core.time import Calendar
    from mamori.data.adapters.triangle import TriangleRules
    from mamori.inference.nowcast import Nowcast

SHOWN_ROWS = 30
SNAPSHOT_FILES = (".csv", ".tsv", ".parquet")


def nowcast(
    reports: Annotated[
        Path,
        typer.Argument(
            help="Table with the dates of event and report (a row a case, or counts), or a folder of dated snapshots.",
            show_default=False,
        ),
    ],
    method: Annotated[str, typer.Option(help="smooth, chain-ladder or truncated.")] = "smooth",
    max_delay: Annotated[
        int | None,
        typer.Option(
            help="Periods after which a count is final; by which 99 % are reported when not given.", show_default=False
        ),
    ] = None,
    period: Annotated[str, typer.Option(help="Length of a period: day or week.")] = "day",
    last: Annotated[
        str | None,
        typer.Option(help="Date of the last report; the last in the file when not given.", show_default=False),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Date (or period): nowcast as it could have been made then.", show_default=False),
    ] = None,
    revisions: Annotated[
        str, typer.Option(help="Later reports with fewer cases: error, or take-back to the earlier reports.")
    ] = "error",
    window: Annotated[
        int | None, typer.Option(help="Last periods from which delays are learnt.", show_default=False)
    ] = None,
    prior_mean: Annotated[
        float | None, typer.Option(help="Prior mean of the count of a period (truncated).", show_default=False)
    ] = None,
    prior_variance: Annotated[
        float | None, typer.Option(help="Prior variance of its expectation (truncated).", show_default=False)
    ] = None,
    detect: Annotated[
        str | None,
        typer.Option(help="Detection method to run on the nowcast: probability of an alarm.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .csv, .parquet or .json.", show_default=False)
    ] = None,
    by: _counts.By = None,
    column: _counts.Columns = None,
    drop: _counts.Drop = None,
    form: Annotated[str, typer.Option("--format", help="Format of snapshots, as for mamori detect.")] = "auto",
    signal: _counts.Signal = None,
    calendar: _counts.CalendarOption = None,
    draws: Annotated[int, typer.Option(min=2, help="Draws of the final counts.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; all cores when not given.", show_default=False)
    ] = None,
    lang: Language = "en",
) -> None:
    """Estimate how many cases of the last days or weeks there will be once all are reported.

    REPORTS has a column `reference` (date of the event; also onset) and a column `report`; with `count` a row is that
    many new cases, with `cumulative` all cases known by then, otherwise one case. A folder holds files of counts, each
    with its date of publication in its name.

    Example: mamori nowcast cases.csv --max-delay 14 --out nowcast.csv

    Example: mamori nowcast cases.csv --period week --by district --detect ears --out nowcast.csv
    """
    if out is not None:
        check_table_format(out)
    if (prior_mean is None) != (prior_variance is None):
        raise InputError("--prior-mean and --prior-variance go together. Give both or none")
    from mamori.data.adapters.triangle import TriangleRules
    from mamori.inference.nowcast import Method, nowcast

    weeks = cast("Calendar | None", calendar)
    rules = TriangleRules(cast("Any", period), weeks or "ISO", max_delay, cast("Any", revisions), _day(last, "--last"))
    triangle, digest = _read(reports, rules, by or [], column or [], drop or [], form, signal, weeks)
    for line in _counts.described_observations(triangle.observations(), lang):
        typer.echo(line, err=True)
    if as_of is not None:
        triangle = _as_of(triangle, as_of)
    prior = None if prior_mean is None or prior_variance is None else (prior_mean, prior_variance)
    threads = workers or cpu_count() or 1
    with compiling(lang), progress_bar(text("Nowcasting", lang)) as progress:
        made = nowcast(triangle, cast("Method", method), max_delay=max_delay, window=window, prior=prior, draws=draws,
                       seed=seed, workers=threads, progress=progress)  # fmt: skip
    made = replace(made, provenance=dict(made.provenance) | {"reports_sha256": digest})
    table, alarms = made.table(), None
    if detect is not None:
        from mamori.workflows.nowcast_detection import detect_on_nowcast

        with compiling(lang), progress_bar(text("Judging the nowcast", lang)) as progress:
            alarms = detect_on_nowcast(made, detect, draws=min(200, draws), workers=threads, progress=progress).table()
    if out is not None:
        write_table(table, out)
        typer.echo(f"{text('Written', lang)}: {out}")
        if alarms is not None:
            beside = out.with_name(f"{out.stem}.alarms{out.suffix}")
            write_table(alarms, beside)
            typer.echo(f"{text('Written', lang)}: {beside}")
        with atomic_path(out.with_suffix(".provenance.json")) as partial:
            partial.write_text(json.dumps(_origin(made), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    _print_summary(made, alarms, lang)


def _day(given: str | None, option: str) -> dt.date | None:
    if given is None:
        return None
    try:
        return dt.date.fromisoformat(given)
    except ValueError:
        raise InputError(f"{option} is '{given}'; give a date, e.g. 2024-01-31") from None


def _as_of(triangle: "Triangle", given: str) -> "Triangle":
    """Return the triangle as it was at the end of the period that `given`, a date or a number, names."""
    import numpy as np

    seen = triangle.observations()
    period = _counts.period_of(seen, given, "--as-of", last=True) or 0
    days = 7 if triangle.frequency == 52 else 1
    if seen.dates is not None and not given.strip().isdigit() and np.datetime64(given) >= seen.dates[-1] + days:
        raise InputError(f"--as-of is {given}; the reports end in the period of {seen.dates[-1]}. Choose one before")
    return triangle.as_of(period)


def _read(
    path: Path,
    rules: "TriangleRules",
    by: list[str],
    column: list[str],
    drop: list[str],
    form: str,
    signal: str | None,
    calendar: "Calendar | None",
) -> "tuple[Triangle, str]":
    """Return the triangle in the file or folder `path`, and a fingerprint of what was read."""
    from mamori.data.adapters.read import read_observations
    from mamori.data.adapters.triangle import read_triangle, snapshot_date, triangle_from_snapshots

    columns = {ours: theirs for ours, _, theirs in (given.partition("=") for given in column)}
    if not path.is_dir():
        if calendar is not None and rules.period == "day":
            raise InputError(f"--calendar is {calendar}, but the periods are days. Leave it out, or give --period week")
        if form != "auto" or signal is not None:
            raise InputError("--format and --signal are for a folder of snapshots. Leave them out for one table")
        triangle = read_triangle(path, rules, by=by, columns=columns, drop=drop)
        return triangle, hashlib.sha256(path.read_bytes()).hexdigest()
    if rules.last is not None:
        raise InputError("--last is for one table; of snapshots the last one tells. Leave it out, or use --as-of")
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in SNAPSHOT_FILES)
    digest = hashlib.sha256()
    snapshots = {}
    for file in files:
        day = snapshot_date(file)
        if day in snapshots:
            raise InputError(f"{path} has two snapshots of {day}. Keep one")
        snapshots[day] = read_observations(
            file, form=form, calendar=calendar, by=by, columns=columns, drop=drop, signal=signal, negative="missing"
        )
        digest.update(file.read_bytes())
    triangle = triangle_from_snapshots(snapshots, max_delay=rules.max_delay, revisions=rules.revisions)
    return triangle, digest.hexdigest()


def _origin(made: "Nowcast") -> dict[str, object]:
    """Return what the nowcast was made from."""
    return {
        "settings": dict(made.settings),
        "left_out": [vars(left) for left in made.triangle.dropped],
        "reasons": made.reasons(),
        "provenance": dict(made.provenance),
    }


def _print_summary(made: "Nowcast", alarms: Any, lang: str) -> None:
    """Print the longest delay, reasons, and the last periods of the first series."""
    from rich.console import Console
    from rich.table import Table

    typer.echo(
        text("{method}: a count is final after {delay} periods", lang).format(method=made.method, delay=made.max_delay)
    )
    for word, number in made.reasons().items():
        typer.echo(text("{word}: {number} periods without a nowcast", lang).format(word=word, number=f"{number:,}"))
    table = Table(title=text("Nowcast of the last periods", lang))
    table.add_column(text("Series", lang), overflow="fold")
    names = ["Period", "Reported", "Share reported", "Median", "90 % interval"]
    for name in [*names, *(["Probability of an alarm"] if alarms is not None else [])]:
        table.add_column(text(name, lang), justify="right")
    rows = made.table()
    if alarms is not None:
        rows = rows.with_columns(alarms["alarm_probability"])
    for row in rows.tail(SHOWN_ROWS).iter_rows(named=True):
        known = row["median"] is not None
        cells = [
            row["series"], str(row["date"] or row["t"]), "" if row["reported"] is None else f"{row['reported']:g}",
            f"{row['share_reported']:.0%}" if known else "", f"{row['median']:g}" if known else row["reason"] or "",
            f"{row['q0.05']:g}–{row['q0.95']:g}" if known else "",
        ]  # fmt: skip
        if alarms is not None:
            probability = row["alarm_probability"]
            cells.append("" if probability is None else f"{probability:.0%}")
        table.add_row(*cells)
    Console().print(table)
    if rows.height > SHOWN_ROWS:
        typer.echo(text("and {number} more; --out writes all", lang).format(number=rows.height - SHOWN_ROWS))
