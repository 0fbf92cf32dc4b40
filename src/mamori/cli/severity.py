"""`mamori severity`: how many of the cases, and of the infected, die."""

import hashlib
import json
from dataclasses import replace
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mamori.cli import _counts
from mamori.cli._common import Language, progress_bar
from mamori.core.errors import InputError
from mamori.core.files import atomic_path, check_table_format, write_table
from mamori.core.messages import text

if TYPE_CHECKING:
    from mamori.core.contracts import Observations
    from mamori.inference.serial_interval import Range
    from mamori.inference.severity import DelayToDeath, Severity

SHOWN_ROWS = 30


def severity(
    counts: Annotated[
        Path,
        typer.Argument(help="Table with date (or t), cases and deaths: CSV or Parquet.", show_default=False),
    ],
    delay: Annotated[
        str | None,
        typer.Option(
            help="From the date of a case to death: MEAN,SD in days, or a table lag,prob.", show_default=False
        ),
    ] = None,
    delay_mean_limits: Annotated[
        str | None,
        typer.Option(help="95 % limits of the delay's mean: LOW,HIGH in days.", show_default=False),
    ] = None,
    delay_sd_limits: Annotated[
        str | None, typer.Option(help="95 % limits of the delay's SD: LOW,HIGH in days.", show_default=False)
    ] = None,
    family: Annotated[str, typer.Option(help="Form of the delay: gamma, lognormal or weibull.")] = "gamma",
    cases: Annotated[str, typer.Option(help="Column of the cases, by onset or report.")] = "cases",
    deaths: Annotated[str, typer.Option(help="Column of the deaths, by day of death.")] = "deaths",
    every: Annotated[bool, typer.Option("--every", help="At each date, from what was known then.")] = False,
    window: Annotated[
        int | None, typer.Option(help="Deaths of so many last periods only: a risk that changes.", show_default=False)
    ] = None,
    case_ascertainment: Annotated[
        str | None,
        typer.Option(
            help="Share of infections counted as cases: a number, or 95 % limits LOW,HIGH.", show_default=False
        ),
    ] = None,
    death_ascertainment: Annotated[
        str | None,
        typer.Option(help="Share of deaths that are counted: a number, or 95 % limits LOW,HIGH.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .csv, .parquet or .json.", show_default=False)
    ] = None,
    by: _counts.By = None,
    column: _counts.Columns = None,
    drop: _counts.Drop = None,
    freq: _counts.Frequency = None,
    calendar: _counts.CalendarOption = None,
    missing: _counts.Missing = "missing",
    draws: Annotated[int, typer.Option(min=100, help="Draws of the risk.")] = 4000,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; all cores when not given.", show_default=False)
    ] = None,
    lang: Language = "en",
) -> None:
    """Estimate how many of the cases die, adjusted for those still ill and for infections never counted.

    The delay to death has no default: give its mean and SD with their source in mind, or its probabilities.

    Example: mamori severity outbreak.csv --delay 8.2,6.1 --delay-mean-limits 7.5,8.9 --out severity.csv
    """
    if out is not None:
        check_table_format(out)
    from mamori.inference.severity import estimate_severity

    distribution = _delay(delay, delay_mean_limits, delay_sd_limits, family)
    of_cases = _share(case_ascertainment, "--case-ascertainment")
    of_deaths = _share(death_ascertainment, "--death-ascertainment")

    def read(ours: str, other: str) -> "Observations":
        return _counts.read_counts(
            counts, "tidy", freq, calendar, None, "week", by, [*(column or []), f"observed={ours}"],
            [*(drop or []), other], None, lang, missing,
        )  # fmt: skip

    if cases == deaths:
        raise InputError(f"--cases and --deaths are both '{cases}'. Name two columns")
    ill, dead = read(cases, deaths), read(deaths, cases)
    with progress_bar(text("Estimating", lang)) as progress:
        found = estimate_severity(ill, dead, distribution, every=every, window=window, case_ascertainment=of_cases,
                                  death_ascertainment=of_deaths, draws=draws, seed=seed,
                                  workers=workers or cpu_count() or 1, progress=progress)  # fmt: skip
    digest = hashlib.sha256(counts.read_bytes()).hexdigest()
    found = replace(found, provenance=dict(found.provenance) | {"counts_sha256": digest})
    if out is not None:
        write_table(found.table(), out)
        origin = {"settings": dict(found.settings), "reasons": found.reasons(), "provenance": dict(found.provenance)}
        with atomic_path(out.with_suffix(".provenance.json")) as partial:
            partial.write_text(json.dumps(origin, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        typer.echo(f"{text('Written', lang)}: {out}")
    _print_summary(found, lang)


def _delay(given: str | None, mean_limits: str | None, sd_limits: str | None, family: str) -> "DelayToDeath":
    from mamori.inference.serial_interval import FAMILIES, Range, read_delay
    from mamori.inference.severity import DelayToDeath, limits

    if given is None:
        raise InputError("the delay to death is missing; it has no default. Give it, e.g. --delay 8.2,6.1")
    if family not in FAMILIES:
        raise InputError(f"--family is '{family}'; choose {', '.join(FAMILIES)}")
    if "," not in given:
        if mean_limits or sd_limits:
            raise InputError("limits go with --delay MEAN,SD, not with a table. Leave them out")
        return DelayToDeath(mass=read_delay(Path(given), "delay to death"), source=given)
    values: list[Range | float] = []
    for value, name, bounds in zip(_pair(given, "--delay"), ("mean", "sd"), (mean_limits, sd_limits), strict=True):
        if bounds is None:
            values.append(value)
            continue
        around = limits(*_pair(bounds, f"--delay-{name}-limits"), f"the delay's {name}")
        values.append(Range(value, around.sd, min(around.lower, value), max(around.upper, value)))
    return DelayToDeath(values[0], values[1], family)


def _pair(given: str, option: str) -> tuple[float, float]:
    first, _, second = given.partition(",")
    try:
        return float(first), float(second)
    except ValueError:
        raise InputError(f"{option} is '{given}'; give two numbers, e.g. {option} 7.5,8.9") from None


def _share(given: str | None, option: str) -> "Range | None":
    from mamori.inference.serial_interval import Range
    from mamori.inference.severity import limits

    if given is None:
        return None
    if "," in given:
        return limits(*_pair(given, option), option, 1.0)
    try:
        value = float(given)
    except ValueError:
        raise InputError(f"{option} is '{given}'; give a share such as 0.2, or limits 0.1,0.4") from None
    if not 0.0 < value <= 1.0:
        raise InputError(f"{option} is {given}; it must be > 0 and <= 1. Correct it")
    return Range(value, 0.0, value, value)


def _print_summary(found: "Severity", lang: str) -> None:
    """Print reasons and the last rows: naive and adjusted risk with their intervals."""
    from rich.console import Console
    from rich.table import Table

    for word, number in found.reasons().items():
        typer.echo(text("{word}: {number} values", lang).format(word=word, number=f"{number:,}"))
    rows = found.table()
    table = Table(title=text("Fatality risk", lang))
    table.add_column(text("Series", lang), overflow="fold")
    prefixes = ["", *(["ifr_"] if found.ifr is not None else [])]
    for name in ("Period", "Cases", "Deaths", "Outcomes known", "Deaths per case", "Adjusted",
                 *(["Of infections"] if found.ifr is not None else [])):  # fmt: skip
        table.add_column(text(name, lang), justify="right")
    for row in rows.tail(SHOWN_ROWS).iter_rows(named=True):
        cells = [row["series"], str(row["date"] or row["t"]), f"{row['cases']:g}", f"{row['deaths']:g}"]
        cells.append("" if row["share_known"] is None else f"{row['share_known']:.0%}")
        cells.append("" if row["naive"] is None else f"{row['naive']:.1%}")
        for prefix in prefixes:
            middle, low, high = (row[f"{prefix}{name}"] for name in ("median", "q0.025", "q0.975"))
            cells.append(
                row["reason"] or "" if middle is None else f"{100 * middle:.3g}% ({100 * low:.3g}–{100 * high:.3g})"
            )
        table.add_row(*cells)
    Console().print(table)
    if rows.height > SHOWN_ROWS:
        typer.echo(text("and {number} more; --out writes all", lang).format(number=rows.height - SHOWN_ROWS))
