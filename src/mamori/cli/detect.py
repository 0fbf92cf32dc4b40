"""`mamori detect`: counts become alarms."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from mamori.cli import _counts
from mamori.cli._common import Language, compiling, progress_bar
from mamori.core.errors import InputError
from mamori.core.files import atomic_path, check_table_format, write_table
from mamori.core.messages import text

if TYPE_CHECKING:
    import polars as pl

    from mamori.core.contracts import Observations
    from mamori.surveillance.detect import Alerts
    from mamori.surveillance.methods import Control

SHOWN_ALARMS = 20


def detect(
    counts: _counts.Counts,
    method: Annotated[
        str,
        typer.Option(help="mamori, farrington-flexible, farrington, ears, cusum, lr, glr, bayes or rki."),
    ] = "mamori",
    control: Annotated[
        Path | None, typer.Option(help="JSON file with settings of the method.", show_default=False)
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="First period to judge: a date or t.", show_default=False)
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last period to judge: a date or t.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .csv, .parquet or .json.", show_default=False)
    ] = None,
    form: _counts.Format = "auto",
    freq: _counts.Frequency = None,
    calendar: _counts.CalendarOption = None,
    date: _counts.DateOption = None,
    period: _counts.Period = "week",
    by: _counts.By = None,
    column: _counts.Columns = None,
    drop: _counts.Drop = None,
    signal: _counts.Signal = None,
    missing: _counts.Missing = "missing",
    duplicates: _counts.Duplicates = "error",
    negative: _counts.Negative = "error",
    outbreak: _counts.Outbreak = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            help="Period to learn nothing from, START..END or a table of them (may repeat).", show_default=False
        ),
    ] = None,
    status: Annotated[
        Path | None,
        typer.Option(help="Table of what came of each alarm; read, and new alarms added.", show_default=False),
    ] = None,
    exclude_verified: Annotated[
        bool, typer.Option("--exclude-verified", help="Learn nothing from alarms that the status file calls verified.")
    ] = False,
    weekday: Annotated[
        bool, typer.Option("--weekday", help="Take the effect of the day of the week out of daily counts.")
    ] = False,
    neighbours: Annotated[
        Path | None,
        typer.Option(
            help="Table series,neighbour: let related series add to the evidence (method mamori).", show_default=False
        ),
    ] = None,
    fdr: Annotated[
        str | None,
        typer.Option(help="Control false discoveries over the series: bh or storey.", show_default=False),
    ] = None,
    fdr_rate: Annotated[float, typer.Option(help="Share of false alarms among alarms that --fdr allows.")] = 0.05,
    hierarchy: Annotated[
        Path | None,
        typer.Option(help="Table series,parent: report each event once, at its level.", show_default=False),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="HTML report of what deserves a look.", show_default=False)
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Folder for a plot of each series with an alarm.", show_default=False)
    ] = None,
    incomplete: Annotated[int, typer.Option(min=0, help="Last periods still incomplete, greyed in plots.")] = 0,
    suppress_below: Annotated[
        int, typer.Option(min=0, help="Show no count from 1 to below this in the report and plots.")
    ] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; all cores when not given.", show_default=False)
    ] = None,
    lang: Language = "en",
) -> None:
    """Judge counts: an alarm where they are higher than a method expects, and a reason where it cannot tell.

    COUNTS is long (t and/or date, observed or count, optional series), wide (t or date, then a column per series),
    or one of the formats that --format names. Without --from and --to every period is judged.

    Example: mamori detect counts.csv --from 2024-01-01 --out alarms.csv --report alarms.html

    Example: mamori detect cases.csv --format linelist --date onset --by district --method ears --out alarms.csv
    """
    if out is not None:
        check_table_format(out)
    if status is not None:
        check_table_format(status, "--status", formats=(".csv", ".parquet"))
    if fdr not in (None, "bh", "storey"):
        raise InputError(f"--fdr is '{fdr}'; choose bh or storey")
    if exclude_verified and status is None:
        raise InputError("--exclude-verified needs --status. Add the file or drop the option")

    from mamori.surveillance.detect import detect_outbreaks
    from mamori.surveillance.hierarchy import read_hierarchy
    from mamori.surveillance.judgement import read_status, update_status
    from mamori.surveillance.methods import Control, make_detector, read_control

    asked = read_control(control) if control is not None else Control({})
    detector = make_detector(method, asked.settings, source=str(control or "the settings"))
    freq = asked.frequency if freq is None else freq
    observations = _counts.read_counts(
        counts,
        form,
        freq,
        calendar,
        date,
        period,
        by,
        column,
        drop,
        signal,
        lang,
        missing,
        duplicates,
        negative,
        outbreak,
    )
    earlier = read_status(status) if status is not None and status.exists() else None
    observations = _without(observations, exclude or [], earlier if exclude_verified else None)
    start, end = _range(observations, asked, first, last)
    with compiling(lang):
        detect_outbreaks(observations.rows(0, 1), detector, first=end, last=end)
    with progress_bar(text("Detecting", lang)) as progress:
        alerts = detect_outbreaks(
            observations,
            detector,
            first=start,
            last=end,
            weekday=weekday,
            neighbours=_counts.read_neighbours(neighbours) if neighbours is not None else None,
            parents=read_hierarchy(hierarchy) if hierarchy is not None else None,
            false_discovery=cast("Literal['bh', 'storey'] | None", fdr),
            false_discovery_rate=fdr_rate,
            workers=workers or cpu_count() or 1,
            progress=progress,
        )
    alerts = replace(alerts, provenance=dict(alerts.provenance) | {"counts_sha256": _digest(counts)})
    if status is not None:
        alerts = replace(alerts, status=update_status(alerts, earlier))
    _write_tables(alerts, out, status, lang)
    _write_pages(alerts, report, plots, incomplete, suppress_below, lang)
    _print_summary(alerts, lang)


def _without(observations: Observations, given: list[str], earlier: pl.DataFrame | None) -> Observations:
    """Return the observations with the periods left out that the options name."""
    from mamori.surveillance.judgement import exclude, parse_period, read_exclusions, verified_periods

    exclusions = [
        exclusion
        for period in given
        for exclusion in (
            read_exclusions(Path(period)) if period.lower().endswith((".csv", ".parquet")) else [parse_period(period)]
        )
    ]
    if earlier is not None:
        exclusions += verified_periods(earlier)
    return exclude(observations, exclusions) if exclusions else observations


def _range(
    observations: Observations, asked: Control, first: str | None, last: str | None
) -> tuple[int | None, int | None]:
    """Return the first and last t to judge; an option goes before the control file."""
    start = _counts.period_of(observations, first, "--from")
    end = _counts.period_of(observations, last, "--to", last=True)
    return asked.first if start is None else start, asked.last if end is None else end


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_tables(alerts: Alerts, out: Path | None, status: Path | None, lang: str) -> None:
    """Write the table of alarms with its provenance beside it, and the status of alarms."""
    if out is not None:
        write_table(alerts.table(), out)
        with atomic_path(out.with_suffix(".provenance.json")) as partial:
            partial.write_text(json.dumps(_origin(alerts), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        _say_written(out, lang)
    if status is not None and alerts.status is not None:
        write_table(alerts.status, status)
        _say_written(status, lang)


def _write_pages(
    alerts: Alerts, report: Path | None, plots: Path | None, incomplete: int, suppress_below: int, lang: str
) -> None:
    """Write the report and the plots of the series with an alarm."""
    if report is not None:
        from mamori.report.alerts import write_alert_report

        write_alert_report(alerts, report, lang=lang, incomplete=incomplete, suppress_below=suppress_below)
        _say_written(report, lang)
    if plots is not None:
        from mamori.report.series_plot import write_series_plots

        with progress_bar(text("Drawing", lang)) as progress:
            write_series_plots(
                alerts, plots, lang=lang, incomplete=incomplete, suppress_below=suppress_below, progress=progress
            )
        _say_written(plots, lang)


def _say_written(path: Path, lang: str) -> None:
    typer.echo(f"{text('Written', lang)}: {path}")


def _origin(alerts: Alerts) -> dict[str, object]:
    """Return what the alarms were made from: method, settings, periods, rows left out, versions."""
    t = alerts.observations.t[alerts.targets]
    return {
        "method": alerts.method,
        "settings": dict(alerts.settings),
        "false_discovery_rate": alerts.false_discovery_rate,
        "periods": [int(t[0]), int(t[-1])],
        "left_out": [vars(left) for left in alerts.observations.dropped],
        "not_judged": alerts.reasons(),
        "provenance": dict(alerts.provenance),
    }


def _print_summary(alerts: Alerts, lang: str) -> None:
    """Print how many alarms there are and why others could not be judged, then the strongest of the last period."""
    from rich.console import Console
    from rich.table import Table

    seen = alerts.observations
    judged = alerts.alarm.size - sum(alerts.reasons().values())
    typer.echo(
        text("{method}: {alarms} alarms in {judged} of {all} values judged", lang).format(
            method=alerts.method, alarms=f"{alerts.alarm.sum():,}", judged=f"{judged:,}", all=f"{alerts.alarm.size:,}"
        )
    )
    for reason, number in alerts.reasons().items():
        typer.echo(text("not judged, {reason}: {number}", lang).format(reason=reason, number=f"{number:,}"))
    latest = alerts.latest().head(SHOWN_ALARMS)
    if latest.is_empty():
        return
    point = seen.t[alerts.targets[-1]] if seen.dates is None else seen.dates[alerts.targets[-1]]
    table = Table(title=text("Strongest alarms of the last period, {period}", lang).format(period=point))
    table.add_column(text("Series", lang), overflow="fold")
    for name in ("Observed", "Expected", "Bound", "p-value"):
        table.add_column(text(name, lang), justify="right")
    for row in latest.iter_rows(named=True):
        table.add_row(row["series"], *(_shown(row[name]) for name in ("observed", "expected", "upperbound", "pvalue")))
    Console().print(table)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
