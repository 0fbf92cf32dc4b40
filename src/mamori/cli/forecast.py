"""`mamori forecast`: counts become forecasts with uncertainty."""

import hashlib
import json
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mamori.cli import _counts
from mamori.cli._common import Language, compiling, progress_bar
from mamori.core.errors import InputError, did_you_mean
from mamori.core.files import atomic_path, check_table_format, write_table
from mamori.core.messages import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamori.core.contracts import Observations
    from mamori.data.adapters.hubverse import Forecasts
    from mamori.inference.forecast import Combination, DatesAre, Method
    from mamori.inference.serial_interval import SerialInterval

METHODS = ("baseline", "autoregressive", "renewal")
SHOWN_ROWS = 24
"""Forecasts in the printed list; all are in the file."""
_SHOWN_LEVELS = (0.05, 0.5, 0.95)


def forecast(
    counts: _counts.Counts,
    horizon: Annotated[int, typer.Option(help="Periods ahead.")] = 4,
    method: Annotated[
        list[str] | None,
        typer.Option(help="baseline, autoregressive or renewal (repeat for several); autoregressive when not given."),
    ] = None,
    ensemble: Annotated[
        str | None,
        typer.Option(help="Add the ensemble of the methods: median, mean or linear-pool.", show_default=False),
    ] = None,
    serial_interval: Annotated[
        str | None,
        typer.Option(help="For renewal: published interval by name, or a table lag,prob (.csv).", show_default=False),
    ] = None,
    mean_si: Annotated[
        float | None, typer.Option(help="For renewal: mean of the serial interval, days (gamma).", show_default=False)
    ] = None,
    sd_si: Annotated[
        float | None, typer.Option(help="For renewal: its standard deviation, days.", show_default=False)
    ] = None,
    damping: Annotated[
        float | None,
        typer.Option(help="For renewal: factor of log R a day, 1 for none; 0.95 when not given.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File in Hubverse form: .csv, .parquet or .json.", show_default=False)
    ] = None,
    target: Annotated[str, typer.Option(help="What is forecast, for the column target.")] = "",
    dates: Annotated[
        str | None,
        typer.Option(
            help="Whether dates are the start or the end of their periods; Mondays and Saturdays tell it themselves.",
            show_default=False,
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Paths drawn for each series, an even number.")] = 2000,
    form: _counts.Format = "auto",
    freq: _counts.Frequency = None,
    calendar: _counts.CalendarOption = None,
    date: _counts.DateOption = None,
    period: _counts.Period = "week",
    by: _counts.By = None,
    column: _counts.Columns = None,
    drop: _counts.Drop = None,
    signal: _counts.Signal = None,
    seed: Annotated[int, typer.Option(help="Seed of random draws.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; all cores when not given.", show_default=False)
    ] = None,
    lang: Language = "en",
) -> None:
    """Forecast counts by the 23 quantiles of the forecast hubs, in Hubverse form.

    COUNTS is as for `mamori detect`, dated. The renewal method needs a serial interval, which has no default.

    Example: mamori forecast counts.csv --horizon 4 --out forecast.csv

    Example: mamori forecast counts.csv --method autoregressive --method renewal --mean-si 2.8 --sd-si 1.5
    --ensemble median --out forecast.csv
    """
    if out is not None:
        check_table_format(out)
    from mamori.inference.forecast import combine_forecasts, forecast_counts, join_forecasts

    chosen = _methods(method or ["autoregressive"], serial_interval, mean_si, sd_si, damping)
    if ensemble is not None and len(chosen) < 2:
        raise InputError("--ensemble needs two methods or more. Repeat --method")
    observations = _counts.read_counts(counts, form, freq, calendar, date, period, by, column, drop, signal, lang)
    settings: dict[str, object] = {
        "horizon": horizon,
        "draws": draws,
        "seed": seed,
        "dates": dates,
        "ensemble": ensemble,
    }
    with compiling(lang), progress_bar(text("Forecasting", lang)) as progress:
        found = forecast_counts(
            observations,
            chosen,
            horizon,
            target=target,
            dates_are=cast("DatesAre | None", dates),
            draws=draws,
            seed=seed,
            workers=workers or cpu_count() or 1,
            progress=progress,
        )
    if ensemble is not None:
        found = join_forecasts([found, combine_forecasts(found, cast("Combination", ensemble))])
    for left in found.dropped:
        message = text("left out: {rows} × {reason}. {repair}", lang)
        typer.echo(message.format(rows=f"{left.rows:,}", reason=left.reason, repair=left.repair), err=True)
    if out is not None:
        write_table(found.table(), out)
        with atomic_path(out.with_suffix(".provenance.json")) as partial:
            origin = _origin(observations, counts, chosen, settings)
            partial.write_text(json.dumps(origin, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        typer.echo(f"{text('Written', lang)}: {out}")
    _print_forecasts(found, lang)


def _methods(
    names: "Sequence[str]", serial_interval: str | None, mean: float | None, sd: float | None, damping: float | None
) -> "list[Method]":
    """Return the methods that the options name, each once."""
    from mamori.inference.forecast import Autoregressive, Baseline, Renewal
    from mamori.inference.reproduction_settings import read_settings

    for name in names:
        if name not in METHODS:
            known = ", ".join(METHODS)
            raise InputError(f"--method '{name}' is not known.{did_you_mean(name, METHODS)} Choose of {known}")
    only_renewal = {"--serial-interval": serial_interval, "--mean-si": mean, "--sd-si": sd, "--damping": damping}
    chosen: list[Method] = []
    for name in dict.fromkeys(names):
        if name == "renewal":
            given = {"serial_interval": serial_interval, "mean_days": mean, "sd_days": sd}
            interval = cast("SerialInterval", read_settings(None, given).interval())
            chosen.append(Renewal(interval) if damping is None else Renewal(interval, damping=damping))
        else:
            chosen.append(Baseline() if name == "baseline" else Autoregressive())
    if "renewal" not in names:
        for option, value in only_renewal.items():
            if value is not None:
                raise InputError(f"{option} has a meaning for --method renewal only. Add the method or leave it out")
    return chosen


def _origin(
    observations: "Observations", counts: Path, methods: "Sequence[Method]", settings: dict[str, object]
) -> dict[str, object]:
    """Return what the forecasts were made from: methods, settings, rows left out, versions."""
    from mamori.core.provenance import provenance

    with counts.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {
        "methods": [_described(method) for method in methods],
        "settings": settings,
        "left_out": [vars(left) for left in observations.dropped],
        "provenance": {**provenance(), "counts_sha256": digest},
    }


def _described(method: "Method") -> dict[str, object]:
    known = {name: value for name, value in vars(method).items() if name != "needs"}
    return known | {"interval": known["interval"].described()} if "interval" in known else known


def _print_forecasts(found: "Forecasts", lang: str) -> None:
    """Print median and 90 % interval of the first forecasts of the last model."""
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    model = found.tasks["model"][-1]
    rows = np.flatnonzero((found.tasks["model"] == model).to_numpy())
    title = text("Forecasts from {date} by {model}", lang).format(date=found.tasks["origin_date"][0], model=model)
    table = Table(title=title, title_justify="left")
    table.add_column(text("Location", lang), overflow="fold")
    table.add_column(text("Period ends", lang))
    for name in ("Median", "5 %", "95 %"):
        table.add_column(text(name, lang), justify="right")
    places = [int(np.argmin(np.abs(found.levels - level))) for level in _SHOWN_LEVELS]
    for row in rows[:SHOWN_ROWS]:
        task = found.tasks.row(int(row), named=True)
        low, middle, high = (f"{found.quantiles[row, place]:,.0f}" for place in places)
        table.add_row(task["location"], str(task["target_end_date"]), middle, low, high)
    console = Console()
    console.print(table)
    if len(rows) > SHOWN_ROWS:
        console.print(text("and {number} more; --out writes all", lang).format(number=len(rows) - SHOWN_ROWS))
