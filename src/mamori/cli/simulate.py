"""`mamori simulate`: an epidemic in any places of the world, or a nimue parameter set run again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mamori.cli import _simulation_settings as settings
from mamori.cli._common import Language, prepare_kernels, progress_bar
from mamori.core.errors import InputError, did_you_mean
from mamori.core.files import atomic_path, check_table_format, write_table
from mamori.core.messages import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl
    from rich.table import Table

    from mamori.epidemic.simulation import Simulation

NIMUE = "nimue"
SHOWN_PLACES = 10
"""Places in the printed summary; more are in the file."""
ALL_PLACES = "ALL"
HEADINGS = {"mean": "Mean", "q05": "5 %", "q95": "95 %"}
LABELS = {
    "infections": "Infections",
    "deaths": "Deaths",
    "first_doses": "People vaccinated",
    "bed_days_refused": "Bed-days refused",
    "peak_ward_demand": "Peak need of ward beds",
    "ward_beds": "Ward beds free that day",
    "peak_icu_demand": "Peak need of ICU beds",
    "icu_beds": "ICU beds free that day",
}


def simulate(
    ctx: typer.Context,
    places: Annotated[
        list[str] | None,
        typer.Argument(help="Codes or names of countries and other places, or WORLD.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write: .csv, .parquet or .json.", show_default=False)
    ] = None,
    pathogen: Annotated[
        str, typer.Option(help="Name of a built-in pathogen, or a CSV table of your own.")
    ] = "sars-cov-2",
    r0: Annotated[
        float | None, typer.Option("--r0", help="Basic reproduction number in place of the pathogen's.")
    ] = None,
    immunity_days: Annotated[
        float | None, typer.Option(help="Mean days of immunity in place of the pathogen's; inf is lifelong.")
    ] = None,
    days: Annotated[int, typer.Option(help="Length of the run.")] = 365,
    draws: Annotated[int, typer.Option(help="Number of draws.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    workers: Annotated[
        int | None, typer.Option(help="Threads; by default one per processor.", show_default=False)
    ] = None,
    stochastic: Annotated[
        bool,
        typer.Option("--stochastic/--deterministic", help="Exact integer steps while infections are few."),
    ] = True,
    initial_infections: Annotated[
        float, typer.Option(help="People infected on day 0 in each place where it begins.")
    ] = 20.0,
    initial_places: Annotated[
        list[str] | None,
        typer.Option(help="Place where it begins (repeat for several); by default every place.", show_default=False),
    ] = None,
    travel: Annotated[bool, typer.Option("--travel", help="People carry the infection between the places.")] = False,
    vaccine_start_day: Annotated[
        int | None, typer.Option(help="First day of vaccination; without it nobody is vaccinated.")
    ] = None,
    vaccine_doses_per_day_per_100: Annotated[
        float, typer.Option(help="People vaccinated per day for each 100 people.")
    ] = 0.5,
    vaccine_efficacy_infection: Annotated[
        float | None, typer.Option(help="Share of infections prevented.", show_default="0.55")
    ] = None,
    vaccine_efficacy_hospital: Annotated[
        float | None, typer.Option(help="Share of hospital need prevented, in all.", show_default="0.95")
    ] = None,
    vaccine_relative_infectiousness: Annotated[
        float | None,
        typer.Option(help="Infectiousness of the vaccinated who are infected, as a ratio.", show_default="0.65"),
    ] = None,
    vaccine_protection_days: Annotated[
        float | None, typer.Option(help="Mean days of protection; inf is lifelong.", show_default="365")
    ] = None,
    vaccine_strategy: Annotated[
        str, typer.Option(help="Order of ages: all, elderly, working-elderly-children.")
    ] = "elderly",
    vaccine_coverage: Annotated[float, typer.Option(help="Share of each age vaccinated at most.")] = 0.8,
    booster_start_day: Annotated[
        int | None, typer.Option(help="First day of booster doses, at the same rate.", show_default=False)
    ] = None,
    contacts: Annotated[
        list[str] | None,
        typer.Option(
            help="Share of contacts given up by setting between two days, e.g. school=1,work=0.4,from=30,to=120.",
            show_default=False,
        ),
    ] = None,
    trigger: Annotated[
        list[str] | None,
        typer.Option(
            help="The same while a signal is high, e.g. signal=hospital_load,on=0.95,off=0.25,days=7,"
            "school=1; or signal=weekly_incidence, per 100,000 people.",
            show_default=False,
        ),
    ] = None,
    isolation: Annotated[
        str | None,
        typer.Option(
            help="Isolation of people with symptoms, e.g. detected=0.5,effect=0.7,delay=2,from=30.",
            show_default=False,
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            help="A variant that replaces what circulates, e.g. from=200,days=60,transmission=1.5,"
            "severity=1.45,efficacy=0.9,escape=0.2 (form=linear).",
            show_default=False,
        ),
    ] = None,
    limit_beds: Annotated[
        bool, typer.Option("--limit-beds/--no-limit-beds", help="Whether hospital beds can run out.")
    ] = True,
    occupied_beds: Annotated[
        float | None,
        typer.Option(help="Share of beds that other patients take in place of the country's.", show_default=False),
    ] = None,
    deferrable: Annotated[float, typer.Option(help="Share of those other patients who can wait.")] = 0.0,
    surge: Annotated[
        str | None,
        typer.Option(help="Beds added, as a share: ward=0.5,icu=0.95,from=60,ramp=30.", show_default=False),
    ] = None,
    staff_risk: Annotated[
        float, typer.Option(help="Illness among staff relative to everybody; those absent close beds.")
    ] = 0.0,
    pool_beds: Annotated[
        str | None, typer.Option(help="Places of one region or subregion share beds.", show_default=False)
    ] = None,
    pool_share: Annotated[float, typer.Option(help="Share of spare beds that is lent.")] = 1.0,
    icu_fallback: Annotated[
        bool, typer.Option("--icu-fallback", help="Who finds no intensive-care bed takes a ward bed.")
    ] = False,
    year: Annotated[int, typer.Option(help="Year of the population.")] = 2025,
    places_file: Annotated[
        Path | None, typer.Option("--places", help="Table of places of your own.", show_default=False)
    ] = None,
    admin1: Annotated[
        list[str] | None,
        typer.Option(help="Unit of a country to count apart, e.g. KE047 (repeat for several).", show_default=False),
    ] = None,
    travel_file: Annotated[
        Path | None,
        typer.Option(help="Table of travel between places, in place of the model.", show_default=False),
    ] = None,
    by_age: Annotated[
        bool, typer.Option("--by-age", help="Write sums by age too, beside the file (FILE.ages.csv).")
    ] = False,
    per_draw: Annotated[
        bool, typer.Option("--per-draw", help="Write every draw in place of quantiles over draws.")
    ] = False,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="Run a parameter set of another program: nimue.", show_default=False),
    ] = None,
    inputs: Annotated[
        Path | None, typer.Option(help="inputs.json of the set (with --from nimue).", show_default=False)
    ] = None,
    params: Annotated[
        Path | None, typer.Option(help="params.json of the set (with --from nimue).", show_default=False)
    ] = None,
    lang: Language = "en",
) -> None:
    """Simulate an epidemic with hospital care, vaccination, measures and travel, and write it day by day.

    Example: mamori simulate KEN --pathogen sars-cov-2 --r0 2.5 --days 365 --draws 100 --vaccine-start-day 100
    --out kenya.csv
    """
    if out is not None:
        check_table_format(out)
    if from_ is not None:
        others = set(ctx.params) - {"from_", "inputs", "params", "out", "lang"}
        _refuse(ctx, others, f"means nothing with --from {NIMUE}")
        _rerun(from_, inputs, params, out, lang)
        return
    _refuse(ctx, ("inputs", "params"), f"needs --from {NIMUE}")
    if vaccine_start_day is None:
        of_vaccine = [name for name in ctx.params if name.startswith(("vaccine_", "booster_"))]
        _refuse(ctx, of_vaccine, "needs --vaccine-start-day")
    if pool_beds is None:
        _refuse(ctx, ("pool_share",), "needs --pool-beds")
    if not travel:
        _refuse(ctx, ("travel_file",), "needs --travel")
    if out is None:
        _refuse(ctx, ("by_age", "per_draw"), "needs --out")
    if not places:
        raise InputError("no place is given. Name one or more, e.g. mamori simulate KEN, or WORLD for all")

    from mamori.data.world import World
    from mamori.epidemic.health_system import Hospitals
    from mamori.epidemic.measures import Vaccination
    from mamori.epidemic.simulate import simulate as run

    vaccination = None
    if vaccine_start_day is not None:
        vaccination = Vaccination(
            start_day=vaccine_start_day,
            doses_per_day_per_100=vaccine_doses_per_day_per_100,
            vaccine=settings.vaccine(
                vaccine_efficacy_infection,
                vaccine_efficacy_hospital,
                vaccine_relative_infectiousness,
                vaccine_protection_days,
            ),
            strategy=vaccine_strategy,
            coverage=vaccine_coverage,
            booster_start_day=booster_start_day,
        )
    hospitals = Hospitals(
        limited=limit_beds,
        occupied_share=occupied_beds,
        deferrable_share=deferrable,
        staff_risk=staff_risk,
        pool=pool_beds,
        pool_share=pool_share,
        icu_fallback=icu_fallback,
        **settings.surges(surge),
    )
    prepare_kernels(lang)
    with progress_bar(text("Simulating", lang)) as report:
        result = run(
            places if len(places) > 1 else places[0],
            Path(pathogen) if pathogen.endswith(".csv") else pathogen,
            r0=r0,
            immunity_days=immunity_days,
            days=days,
            draws=draws,
            seed=seed,
            stochastic=stochastic,
            initial_infections=initial_infections,
            initial_places=initial_places,
            travel=travel,
            vaccination=vaccination,
            measures=settings.measures(contacts or [], trigger or [], isolation),
            hospitals=hospitals,
            variants=[settings.variant(given) for given in variant or []],
            world=World.load(year, places=places_file, admin1=admin1 or (), travel=travel_file),
            workers=workers,
            progress=report,
        )
    if out is not None:
        _write(result, out, by_age=by_age, per_draw=per_draw)
    _print_summary(result, lang)
    if out is not None:
        typer.echo(f"{text('Written', lang)}: {out}")


def _refuse(ctx: typer.Context, names: Iterable[str], why: str) -> None:
    """Refuse the first option among `names` that was given on the command line."""
    options = {parameter.name: parameter for parameter in ctx.command.params}
    for name in names:
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            parameter = options[name]
            label = parameter.opts[0] if parameter.param_type_name == "option" else f"'{name}'"
            raise InputError(f"{label} {why}. Add that or drop {label}")


def _rerun(source: str, inputs: Path | None, params: Path | None, out: Path | None, lang: str) -> None:
    """Run a parameter set of nimue and write its daily table."""
    if source != NIMUE:
        raise InputError(f"--from '{source}' is not known.{did_you_mean(source, [NIMUE])} It takes {NIMUE}")
    if inputs is None or params is None or out is None:
        raise InputError(f"--from {NIMUE} needs --inputs, --params and --out. Add the missing one")
    from mamori.epidemic.nimue import simulate_nimue

    prepare_kernels(lang, by_day=True)
    write_table(simulate_nimue(inputs, params), out)
    typer.echo(f"{text('Written', lang)}: {out}")


def _write(result: Simulation, out: Path, *, by_age: bool, per_draw: bool) -> None:
    """Write the daily table to `out`, by age and provenance beside it; JSON holds all in one file."""
    from mamori.epidemic.simulation import jsonable

    daily = result.table(per_draw=per_draw)
    if out.suffix == ".json":
        whole = {"provenance": result.provenance, "daily": daily.to_dicts()}
        if by_age:
            whole["ages"] = result.by_age().to_dicts()
        _write_text(json.dumps(jsonable(whole), ensure_ascii=False) + "\n", out)
        return
    write_table(daily, out)
    if by_age:
        write_table(result.by_age(), out.with_suffix(f".ages{out.suffix}"))
    _write_text(
        json.dumps(result.provenance, ensure_ascii=False, indent=1) + "\n",
        out.with_suffix(".provenance.json"),
    )


def _write_text(content: str, out: Path) -> None:
    with atomic_path(out) as partial:
        partial.write_text(content, encoding="utf-8")


def _print_summary(result: Simulation, lang: str) -> None:
    """Print sums and peaks against the beds, with intervals over draws; for several places, the hardest hit."""
    import polars as pl
    from rich.console import Console

    summary = result.summary()
    whole = summary["code"][0]
    console = Console()
    console.print(_whole_table(summary.filter(pl.col("code") == whole), result, lang))
    if whole == ALL_PLACES:
        places = summary.filter(pl.col("code") != whole).pivot("metric", index="code", values="mean")
        hardest = places.sort("deaths", "code", descending=[True, False]).head(SHOWN_PLACES)
        console.print(_place_table(hardest, lang))


def _whole_table(rows: pl.DataFrame, result: Simulation, lang: str) -> Table:
    """Return the table of all places together: a row for each metric."""
    from rich.table import Table

    given = result.provenance["settings"]
    places = text("All places", lang) if rows["code"][0] == ALL_PLACES else rows["code"][0]
    title = text("{places}: {pathogen}, {days} days, draws: {draws}, seed {seed}", lang)
    table = Table(title=title.format(**given | {"places": places}), title_justify="left")
    table.add_column("")
    headings = ("mean", "q05", "q95") if result.draws > 1 else ("mean",)
    for heading in headings:
        table.add_column(text(HEADINGS[heading], lang) if result.draws > 1 else "", justify="right")
    for row in rows.iter_rows(named=True):
        if row["metric"] != "first_doses" or given["vaccination"] is not None:
            table.add_row(text(LABELS[row["metric"]], lang), *(_number(row[name], lang) for name in headings))
    return table


def _place_table(places: pl.DataFrame, lang: str) -> Table:
    """Return the table of single places: means over draws, peaks against the beds."""
    from rich.table import Table

    title = text("The places with the most deaths (means over draws)", lang)
    table = Table(title=title, title_justify="left")
    for heading in ("Place", "Infections", "Deaths", "Ward beds: peak need / free", "ICU beds: peak need / free"):
        table.add_column(text(heading, lang), justify="left" if heading == "Place" else "right")
    for row in places.iter_rows(named=True):
        cell = {metric: _number(row[metric], lang) for metric in LABELS}
        ward = f"{cell['peak_ward_demand']} / {cell['ward_beds']}"
        icu = f"{cell['peak_icu_demand']} / {cell['icu_beds']}"
        table.add_row(row["code"], cell["infections"], cell["deaths"], ward, icu)
    return table


def _number(value: float | None, lang: str) -> str:
    return text("no limit", lang) if value is None else f"{value:,.0f}"
