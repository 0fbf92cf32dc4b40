"""`mamori calibrate`: deaths become infections and the reproduction number of each week, for all places at once."""

import datetime as dt
import hashlib
import json
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mamori.cli._common import Language, prepare_kernels, progress_bar
from mamori.core.errors import InputError
from mamori.core.files import atomic_path, check_table_format, write_table
from mamori.core.messages import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mamori.workflows._death_counts import Kind
    from mamori.workflows.back_calculation import BackCalculation

KINDS = ("reported", "excess")
GOOD_FIT = 0.05
MANY_DEATHS = 500
SHOWN_PLACES = 15


def calibrate(
    deaths: Annotated[
        Path, typer.Argument(help="Table of place, date and deaths: CSV, TSV or Parquet.", show_default=False)
    ],
    doses: Annotated[
        Path | None,
        typer.Option(
            help="Table of place, date and vaccine doses given so far; without it nobody is vaccinated.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File of a row per place and week: .csv, .parquet or .json; how well each place is fitted lies in "
            "FILE.fit beside it.",
            show_default=False,
        ),
    ] = None,
    brief: Annotated[
        bool, typer.Option("--brief", help="Write the reproduction numbers alone, rounded: a small file.")
    ] = False,
    last: Annotated[
        str | None, typer.Option(help="Last date to write (YYYY-MM-DD); all counts are used.", show_default=False)
    ] = None,
    kind: Annotated[
        str,
        typer.Option(help="What is counted: reported deaths (negative: corrections) or excess (negative: none)."),
    ] = "reported",
    place: Annotated[
        list[str] | None,
        typer.Option("--place", help="Place to take, by code or name (may repeat); all when not given."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="OURS=THEIRS: what the column place, date or deaths is called (may repeat)."),
    ] = None,
    draws: Annotated[int, typer.Option(min=0, help="Draws of the uncertain; 0: the central run alone.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    year: Annotated[int, typer.Option(help="Year of the population.")] = 2021,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; all cores when not given.", show_default=False)
    ] = None,
    lang: Language = "en",
) -> None:
    """Estimate COVID-19 infections and the reproduction number of each week from daily, weekly or monthly deaths.

    Every place runs on the epidemic engine with its people, contacts, beds and vaccine doses until the engine's deaths
    follow the counts. The fit of each place is reported, and what had to be changed to reach it.

    Example: mamori calibrate deaths.csv --doses doses.csv --out reproduction.parquet
    """
    if out is not None:
        check_table_format(out)
    if kind not in KINDS:
        raise InputError(f"--kind is '{kind}'; choose {' or '.join(KINDS)}")
    columns = dict(_pair(given) for given in column or ())
    until = _day(last)
    from mamori.workflows import back_calculation

    prepare_kernels(lang)
    with progress_bar(text("Calibrating", lang)) as progress:
        result = back_calculation.back_calculate(
            deaths,
            doses,
            kind=cast("Kind", kind),
            columns=columns,
            places=place or "WORLD",
            year=year,
            draws=draws,
            seed=seed,
            workers=workers or cpu_count() or 1,
            progress=progress,
        )
    _print_summary(result, lang)
    if out is not None:
        fit = out.with_suffix(f".fit{out.suffix}")
        table = result.table()
        if until is not None:
            table = table.filter(table["week"] <= until)
        write_table(back_calculation.brief(table) if brief else table, out)
        write_table(result.fit, fit)
        origin = dict(result.provenance) | {
            f"{name}_sha256": _digest(path) for name, path in (("deaths", deaths), ("doses", doses)) if path
        }
        with atomic_path(out.with_suffix(".provenance.json")) as partial:
            partial.write_text(json.dumps(origin, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        typer.echo(f"{text('Written', lang)}: {out}, {fit}")


def _pair(given: str) -> tuple[str, str]:
    ours, equals, theirs = given.partition("=")
    if not equals or not ours or not theirs:
        raise InputError(f"--column '{given}' is not OURS=THEIRS; write e.g. deaths=new_deaths")
    return ours.strip(), theirs.strip()


def _day(given: str | None) -> dt.date | None:
    if given is None:
        return None
    try:
        return dt.date.fromisoformat(given)
    except ValueError:
        raise InputError(f"--last is '{given}'; give a date, e.g. 2022-12-31") from None


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _print_summary(result: "BackCalculation", lang: str) -> None:
    """Print how many places are fitted, what was left out, and the places that are fitted worst."""
    import polars as pl

    fit = result.fit
    many = fit.filter(pl.col("deaths") >= MANY_DEATHS)
    good = many.filter(pl.col("total_error").abs() <= GOOD_FIT)
    typer.echo(
        text("{places} places, {weeks} weeks; of {many} with {deaths} deaths or more, {good} within 5 % of them", lang)
        .format(places=fit.height, weeks=len(result.counts.monday), many=many.height, deaths=MANY_DEATHS,
                good=good.height)
    )  # fmt: skip
    few = len(result.counts.codes) - fit.height
    _mention(text("Too few deaths to estimate: {number} places", lang).format(number=few), few)
    unknown = result.counts.unknown
    _mention(text("No places of the world: {names}", lang).format(names=", ".join(unknown)), len(unknown))
    raised = fit.filter(pl.col("fatality_multiplier") > 1.0)
    names = ", ".join(f"{code} × {factor:.2f}" for code, factor in raised.select("code", "fatality_multiplier").rows())
    _mention(text("Fatality raised to reach the deaths: {names}", lang).format(names=names), raised.height)
    _print_worst(many.sort("curve_error", "code", descending=[True, False]).head(SHOWN_PLACES).rows(named=True), lang)


def _mention(line: str, number: int) -> None:
    if number:
        typer.echo(line)


def _print_worst(rows: "Sequence[dict[str, float]]", lang: str) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    table = Table(title=text("Places whose curve is fitted worst", lang))
    for heading in ("Place", "Deaths", "Fitted", "Error of the curve", "Error by week", "Infections per person"):
        table.add_column(text(heading, lang), justify="left" if heading == "Place" else "right")
    for row in rows:
        table.add_row(
            str(row["code"]), f"{row['deaths']:,.0f}", f"{row['deaths_fitted']:,.0f}", f"{row['curve_error']:.1%}",
            f"{row['weekly_error']:.1%}", f"{row['infections_per_person']:.2f}",
        )  # fmt: skip
    Console().print(table)
