"""`mamori data`: the world that ships inside, looked at, checked and written out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mamori.cli._common import Language, command_group, described
from mamori.core.files import check_table_format
from mamori.core.messages import text

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from mamori.data.world import World

app = command_group(
    "The data that ship inside: places, their people, contacts, beds and travel.", "mamori data world --check"
)

_SHOWN_CODES = 60
_NARROWEST = 120


@app.command(
    help=described(
        "The world: every country and area with its people, contacts, beds and travel, in a chosen year.\n\n"
        "Without --check or --out it prints a table of the PLACES (codes or names; all when none is named).",
        "mamori data world KEN Japan 'Viet Nam' --year 2030 --out world.csv\n\n"
        "Example: mamori data world --places camp.csv --admin1 KEN --check",
    )
)
def world(
    places: Annotated[
        list[str] | None,
        typer.Argument(help="Codes or names (English or Japanese) of places, or WORLD.", show_default=False),
    ] = None,
    year: Annotated[int, typer.Option(help="Year of the people, 2000 to 2100.")] = 2025,
    check: Annotated[
        bool, typer.Option("--check", help="Print what each column covers, its source, and what is imputed.")
    ] = False,
    places_file: Annotated[
        Path | None,
        typer.Option("--places", help="CSV or Parquet file that changes or adds places.", show_default=False),
    ] = None,
    admin1: Annotated[
        list[str] | None,
        typer.Option(
            help="Administrative unit to count apart: KE047, Kenya:Nairobi, or KEN for all (may repeat).",
            show_default=False,
        ),
    ] = None,
    travel: Annotated[
        Path | None,
        typer.Option(help="CSV or Parquet file of travel instead of the gravity model.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .csv, .parquet or .json.", show_default=False)
    ] = None,
    lang: Language = "en",
) -> None:
    if out is not None:
        check_table_format(out)
    from rich.console import Console

    from mamori.data.world import World

    made = World.load(year, places=places_file, admin1=tuple(admin1 or ()), travel=travel)
    chosen = made.select(places or "WORLD")
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, _NARROWEST))
    if check:
        _print_check(chosen, console, lang)
    elif out is None:
        _print_places(chosen, console, lang)
    if out is not None:
        _write(chosen, out)
        typer.echo(text("{places} places written to {file}", lang).format(places=len(chosen.codes), file=out))


def _print_places(chosen: "World", console: "Console", lang: str) -> None:
    from rich.table import Table

    title = text("The world in {year}: {places} places, {people} people", lang).format(
        year=chosen.year, places=len(chosen.codes), people=f"{chosen.population.sum():,.0f}"
    )
    table = Table(title=title)
    for name in ("Code", "Name", "Income group"):
        table.add_column(text(name, lang))
    for name in (
        "People",
        "Median age",
        "Hospital beds",
        "ICU beds",
        "Physicians per 1000",
        "GDP per person (USD)",
    ):
        table.add_column(text(name, lang), justify="right")
    for row in chosen.table.iter_rows(named=True):
        table.add_row(
            row["code"],
            row["name_ja" if lang == "ja" else "name_en"],
            row["income_group"],
            f"{row['population']:,.0f}",
            f"{row['median_age']:.1f}",
            f"{row['hospital_beds']:,.0f}",
            f"{row['icu_beds']:,.0f}",
            f"{row['physicians_per_1000']:.2f}",
            f"{row['gdp_per_capita_ppp_usd']:,.0f}",
        )
    console.print(table)
    _print_overrides(chosen, console, lang)
    console.print(text("What is imputed and from where: mamori data world --check", lang))


def _print_check(chosen: "World", console: "Console", lang: str) -> None:
    from rich.table import Table

    checked = chosen.check()
    coverage = Table(title=text("Columns of the world in {year}", lang).format(year=chosen.year))
    for name in ("Column", "Unit", "Known", "Imputed", "Year", "Source"):
        coverage.add_column(text(name, lang), justify="right" if name in ("Known", "Imputed") else "left")
    for row in checked.iter_rows(named=True):
        known = f"{row['known']}/{row['places']}"
        coverage.add_row(row["column"], row["unit"], known, str(row["imputed"] or ""), row["year"], row["source"])
    console.print(coverage)

    origins = Table(title=text("Sources", lang))
    for name in ("Source", "Title", "Licence"):
        origins.add_column(text(name, lang), overflow="fold")
    for row in checked.unique("source", maintain_order=True).iter_rows(named=True):
        origins.add_row(row["source"], row["title"], row["licence"])
    console.print(origins)

    rules = Table(title=text("Imputed values", lang))
    rules.add_column(text("Column", lang))
    rules.add_column(text("Rule", lang), overflow="fold")
    rules.add_column(text("Places", lang), justify="right")
    rules.add_column(text("Codes (and the place they are taken from)", lang), overflow="fold")
    for (column, rule), codes in _by_rule(chosen.imputed).items():
        more = f" … (+{len(codes) - _SHOWN_CODES})" if len(codes) > _SHOWN_CODES else ""
        shown = text("all", lang) if len(codes) == len(chosen.codes) else " ".join(codes[:_SHOWN_CODES]) + more
        rules.add_row(column, text(rule, lang), str(len(codes)), shown)
    console.print(rules)
    _print_overrides(chosen, console, lang)


def _by_rule(imputed: "pl.DataFrame") -> dict[tuple[str, str], list[str]]:
    """The codes of the places by (column, rule); a code is followed by its donor where it has one."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for code, column, rule, donor in imputed.sort("column", "rule", "code").iter_rows():
        grouped.setdefault((column, rule), []).append(f"{code}({donor})" if donor else code)
    return grouped


def _print_overrides(chosen: "World", console: "Console", lang: str) -> None:
    if not chosen.overrides:
        return
    from rich.table import Table

    table = Table(title=text("Values set by your files", lang))
    for name in ("Place", "Column", "Before", "After", "File", "Row"):
        table.add_column(text(name, lang), overflow="fold")
    for change in chosen.overrides:
        table.add_row(change.place, change.column, _shown(change.old), _shown(change.new), change.file, str(change.row))
    console.print(table)


def _shown(value: str | float | None) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
    return "" if value is None else str(value)


def _write(chosen: "World", out: Path) -> None:
    """Write the table of the places with their people by age, as the table ``places`` names them."""
    import polars as pl

    from mamori.core.files import write_table
    from mamori.data.overrides import AGE_COLUMNS

    ages = pl.DataFrame(chosen.population, schema=list(AGE_COLUMNS))
    frame = chosen.table.hstack(ages)
    write_table(frame, out)
