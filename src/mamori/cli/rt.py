"""`mamori rt`: counts become reproduction numbers."""

import hashlib
import json
from dataclasses import replace
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mamori.cli import _counts
from mamori.cli._common import Language, compiling, progress_bar
from mamori.core.errors import InputError
from mamori.core.files import atomic_path, check_table_format, write_table
from mamori.core.messages import text

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from mamori.core.contracts import Observations
    from mamori.inference.reproduction import ReproductionNumbers
    from mamori.inference.reproduction_settings import ReproductionSettings

SHOWN_SERIES = 20


def rt(
    counts: _counts.Counts,
    serial_interval: Annotated[
        str | None,
        typer.Option(
            "--serial-interval",
            "--pathogen",
            help="Published interval by name, or a table lag,prob (.csv).",
            show_default=False,
        ),
    ] = None,
    mean_si: Annotated[
        float | None, typer.Option(help="Mean of the serial interval, days (gamma).", show_default=False)
    ] = None,
    sd_si: Annotated[
        float | None, typer.Option(help="Standard deviation of the serial interval, days.", show_default=False)
    ] = None,
    uncertain: Annotated[
        bool, typer.Option("--uncertain", help="Take the published limits of the interval into account.")
    ] = False,
    method: Annotated[
        str | None, typer.Option(help="cori, wallinga-teunis or renewal; cori when not given.", show_default=False)
    ] = None,
    window: Annotated[
        int | None, typer.Option(help="Days of a window (cori, wallinga-teunis); 7 when not given.", show_default=False)
    ] = None,
    mean_prior: Annotated[
        float | None, typer.Option(help="Mean of the prior (cori); 5 when not given.", show_default=False)
    ] = None,
    sd_prior: Annotated[
        float | None, typer.Option(help="SD of the prior (cori); 5 when not given.", show_default=False)
    ] = None,
    missing: Annotated[
        str | None,
        typer.Option(
            help="What a day without a count is: missing, or zero; missing when not given.", show_default=False
        ),
    ] = None,
    delay: Annotated[
        str | None,
        typer.Option(
            help="Infection to the date counted (renewal): MEAN,SD in days, or a table lag,prob.", show_default=False
        ),
    ] = None,
    reporting: Annotated[
        str | None,
        typer.Option(
            help="Date counted to entry in the data (renewal): MEAN,SD in days, or a table lag,prob.",
            show_default=False,
        ),
    ] = None,
    control: Annotated[
        Path | None, typer.Option(help="JSON file with settings; options go before it.", show_default=False)
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
    seed: Annotated[int | None, typer.Option(help="Seed of random draws.", show_default=False)] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; all cores when not given.", show_default=False)
    ] = None,
    lang: Language = "en",
) -> None:
    """Estimate how many people each case infects, day by day, with uncertainty.

    COUNTS is as for `mamori detect`; a column `I`, or the columns `local` and `imported`, are taken as counts, too.
    The serial interval has no default: name a published one, or give its mean and SD.

    Example: mamori rt counts.csv --serial-interval measles --out rt.csv

    Example: mamori rt counts.csv --mean-si 2.6 --sd-si 1.5 --method renewal --delay 5,2 --reporting 2,1.5 --out rt.csv
    """  # fmt: skip
    if out is not None:
        check_table_format(out)
    from mamori.inference.reproduction_settings import read_settings

    settings = read_settings(
        control,
        {
            "serial_interval": serial_interval, "mean_days": mean_si, "sd_days": sd_si, "uncertain": uncertain or None,
            "method": method, "window": window, "prior_mean": mean_prior, "prior_sd": sd_prior, "missing": missing,
            "seed": seed, **_delay_option(delay, "delay"), **_delay_option(reporting, "reporting"),
        },
    )  # fmt: skip
    settings.interval()

    def read(columns: list[str], leave: list[str]) -> "Observations":
        return _counts.read_counts(
            counts, form, freq, calendar, date, period, by, [*(column or []), *columns], [*(drop or []), *leave],
            signal, lang,
        )  # fmt: skip

    observations, imported = _read(counts, read, form)
    with compiling(lang), progress_bar(text("Estimating", lang)) as progress:
        numbers = _estimate(observations, imported, settings, workers or cpu_count() or 1, progress)
    with counts.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    numbers = replace(numbers, provenance=dict(numbers.provenance) | {"counts_sha256": digest})
    if out is not None:
        write_table(numbers.table(), out)
        with atomic_path(out.with_suffix(".provenance.json")) as partial:
            partial.write_text(json.dumps(_origin(numbers), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        typer.echo(f"{text('Written', lang)}: {out}")
    _print_summary(numbers, lang)


def _delay_option(given: str | None, what: str) -> dict[str, object]:
    """Return the settings that MEAN,SD or the name of a table means."""
    if given is None:
        return {}
    mean, comma, sd = given.partition(",")
    if not comma:
        return {what: given}
    try:
        return {f"{what}_mean_days": float(mean), f"{what}_sd_days": float(sd)}
    except ValueError:
        raise InputError(f"--{what} is '{given}'; give MEAN,SD in days, e.g. 5,2, or a table lag,prob") from None


def _read(
    path: Path, read: "Callable[[list[str], list[str]], Observations]", form: str
) -> "tuple[Observations, np.ndarray | None]":
    """Return all cases, and those infected elsewhere where the file tells them apart."""
    from mamori.data.adapters._table import column_names, readable

    names: list[str] = []
    if form in ("auto", "tidy") and path.suffix.lower() != ".json":
        with readable(path):
            names = list(column_names(path))
    if "observed" in names or "count" in names:
        return read([], []), None
    if {"local", "imported"} <= set(names):
        local, imported = read(["observed=local"], ["imported"]), read(["observed=imported"], ["local"])
        total = local.counts + imported.counts
        return replace(local, counts=total, history=total), imported.counts
    return read(["observed=I"] if "I" in names else [], []), None


def _estimate(
    observations: "Observations",
    imported: "np.ndarray | None",
    settings: "ReproductionSettings",
    workers: int,
    progress: "Callable[[int, int], None]",
) -> "ReproductionNumbers":
    from mamori.inference.renewal import RenewalModel, estimate_renewal
    from mamori.inference.reproduction import estimate_case_reproduction_number, estimate_reproduction_number
    from mamori.inference.serial_interval import UncertainInterval

    interval = settings.interval()
    if settings.method == "cori":
        return estimate_reproduction_number(observations, interval, imported=imported, **settings.arguments())
    if isinstance(interval, UncertainInterval):
        raise InputError(f"the method {settings.method} takes one serial interval. Leave its limits out, or use cori")
    if settings.method == "wallinga-teunis":
        return estimate_case_reproduction_number(observations, interval, imported=imported, **settings.arguments())
    if imported is not None:
        raise InputError("the renewal model does not tell imported cases apart. Use cori, or one column of all cases")
    model = RenewalModel(interval, settings.delays("delay"), settings.delays("reporting"), settings.weekday)
    return estimate_renewal(observations, model, workers=workers, progress=progress, **settings.arguments())


def _origin(numbers: "ReproductionNumbers") -> dict[str, object]:
    """Return what the reproduction numbers were made from."""
    return {
        "method": numbers.method,
        "settings": dict(numbers.settings),
        "left_out": [vars(left) for left in numbers.observations.dropped],
        "reasons_and_notes": numbers.reasons(),
        "provenance": dict(numbers.provenance),
    }


def _print_summary(numbers: "ReproductionNumbers", lang: str) -> None:
    """Print the serial interval, reasons and notes, and the last value of each series."""
    from rich.console import Console
    from rich.table import Table

    interval = numbers.settings.get("serial_interval") or numbers.settings["generation"]
    mean, sd = (
        f"{value['mean']:g}" if isinstance(value, dict) else f"{value:g}"
        for value in (interval["mean_days"], interval["sd_days"])
    )
    typer.echo(
        text("{method}, {kind} of {mean} days (SD {sd}). {source}", lang)
        .format(method=numbers.method, kind=text(interval["kind"], lang), mean=mean, sd=sd, source=interval["source"])
        .strip()
    )
    for word, number in numbers.reasons().items():
        typer.echo(text("{word}: {number} values", lang).format(word=word, number=f"{number:,}"))
    latest = numbers.table().group_by("series", maintain_order=True).last().head(SHOWN_SERIES)
    table = Table(title=text("Last reproduction number of each series", lang))
    table.add_column(text("Series", lang), overflow="fold")
    for name in ("Period", "Mean", "95 % interval", "Note"):
        table.add_column(text(name, lang), justify="right")
    for row in latest.iter_rows(named=True):
        limits = "" if row["q0.025"] is None else f"{row['q0.025']:.2f}–{row['q0.975']:.2f}"
        shown = "" if row["mean"] is None else f"{row['mean']:.2f}"
        table.add_row(
            row["series"], str(row.get("date") or row["t_end"]), shown, limits, row["reason"] or row["note"] or ""
        )
    Console().print(table)
