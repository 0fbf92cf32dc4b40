"""`mamori exercise`: run a scenario on the world, look at scenarios, compare runs, replay published fits."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mamori.cli._common import Interrupted, Language, command_group, described, prepare_kernels, progress_bar
from mamori.core.errors import InputError, did_you_mean
from mamori.core.messages import text

if TYPE_CHECKING:
    from rich.console import Console

    from mamori.exercise.loop import Progress
    from mamori.exercise.outcome import Outcome

app = command_group(
    "Exercises: a crisis on the world's people, week by week, from the first case to the last dose.",
    "mamori exercise run",
)

WATSON = "watson-2022"
_NARROWEST = 120
_UNITS = ((1e9, " bn"), (1e6, " M"), (1e4, " k"))

Scenario = Annotated[str, typer.Argument(help="Name of a built-in scenario or a YAML file.", show_default="disease-x")]
PlacesFile = Annotated[
    Path | None,
    typer.Option("--places", help="CSV or Parquet file that changes or adds places.", show_default=False),
]


@app.command(
    help=described(
        "Run a scenario: every arm (a response and a day of vaccine approval) with the same draws of chance.\n\n"
        "An interrupted run goes on where it stopped when the same command is given again.",
        "mamori exercise run disease-x --draws 20 --out results/disease-x",
    )
)
def run(
    scenario: Scenario = "disease-x",
    draws: Annotated[int | None, typer.Option(help="Draws in place of the scenario's.", show_default=False)] = None,
    weeks: Annotated[int | None, typer.Option(help="Weeks in place of the scenario's.", show_default=False)] = None,
    arms: Annotated[
        str | None,
        typer.Option(help="Arms to run, e.g. central-100,central-365; all by default.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 1,
    workers: Annotated[
        int | None, typer.Option(help="Threads; by default one per processor.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder to write; results/SCENARIO by default.", show_default=False)
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Place that takes part (repeat for several) in place of the scenario's.", show_default=False),
    ] = None,
    places: PlacesFile = None,
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
    report: Annotated[bool, typer.Option(help="Write report.html into the run folder.")] = True,
    lang: Language = "en",
) -> None:
    _refuse_watson(scenario)
    text("", lang)  # an unknown language is told before the work begins
    from mamori.data.world import World
    from mamori.exercise.loop import run_exercise
    from mamori.exercise.scenario_file import load_scenario

    resolved = load_scenario(scenario)
    folder = out if out is not None else Path("results") / Path(scenario).stem
    world = World.load(resolved.population_year, places=places, admin1=tuple(admin1 or ()), travel=travel)
    prepare_kernels(lang)
    begun = time.monotonic()
    try:
        with _progress(lang) as tell:
            outcome = run_exercise(
                resolved,
                world=world,
                places=select,
                weeks=weeks,
                draws=draws,
                arms=arms.split(",") if arms is not None else None,
                seed=seed,
                out=folder,
                workers=workers,
                progress=tell,
            )
    except KeyboardInterrupt:
        raise Interrupted(
            text("what is finished is kept in {folder}; give the same command again to go on", lang).format(
                folder=folder
            )
        ) from None
    console = _console()
    _print_outcome(outcome, console, lang)
    minutes, seconds = divmod(round(time.monotonic() - begun), 60)
    console.print(text("Time: {minutes} min {seconds} s", lang).format(minutes=minutes, seconds=seconds))
    if report:
        from mamori.report.html import write_report

        path = write_report(folder, lang)
        console.print(text("The report: {path}", lang).format(path=path), soft_wrap=True)
    else:
        console.print(text("The results: {path}", lang).format(path=folder), soft_wrap=True)


@app.command(name="list", help=described("List the scenarios that come with Mamori.", "mamori exercise list"))
def list_scenarios(lang: Language = "en") -> None:
    from mamori.exercise.scenario_file import built_in_scenarios, load_scenario

    for name in built_in_scenarios():
        scenario = load_scenario(name)
        typer.echo(f"{name}: {text(scenario.title, lang)}")
        typer.echo(f"    {text(scenario.summary, lang)}")
        typer.echo("    " + text("Arms: {arms}", lang).format(arms=", ".join(arm.name for arm in scenario.arms)))


@app.command(
    help=described(
        "Show every value of a scenario with its unit, its meaning and the source of the built-in value.",
        "mamori exercise show disease-x",
    )
)
def show(scenario: Scenario = "disease-x", lang: Language = "en") -> None:
    _refuse_watson(scenario)
    from mamori.exercise.scenario_file import changed_settings, load_scenario

    for setting in changed_settings(load_scenario(scenario)):
        value = "null" if setting.value is None else text(str(setting.value), lang)
        typer.echo(f"{setting.path}: {value} {text(setting.unit, lang) if setting.unit else ''}".rstrip())
        typer.echo(f"    {setting.meaning(lang)}")
        if setting.source:
            typer.echo("    " + text("Source: {source}", lang).format(source=text(setting.source, lang)))


@app.command(
    help=described(
        "Check a scenario without running it: its fields, its pathogen and its places.",
        "mamori exercise validate mine.yaml",
    )
)
def validate(scenario: Scenario, places: PlacesFile = None, lang: Language = "en") -> None:
    _refuse_watson(scenario)
    from mamori.data.world import World
    from mamori.exercise.scenario_file import load_scenario
    from mamori.exercise.setup import Setup

    loaded = load_scenario(scenario)
    setup = Setup.build(loaded, World.load(loaded.population_year, places=places), seed=0)
    typer.echo(
        text("{scenario} is valid: {arms} arms, {places} places, {weeks} weeks, {draws} draws", lang).format(
            scenario=scenario,
            arms=len(loaded.arms),
            places=len(setup.places.codes),
            weeks=loaded.weeks,
            draws=loaded.draws,
        )
    )


@app.command(
    help=described(
        "Compare two run folders arm by arm: the second less the first, paired by draw where the seeds agree.",
        "mamori exercise compare results/disease-x results/fair-shares --out difference.csv",
    )
)
def compare(
    first: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="CSV file for the differences of all groups and places.", show_default=False)
    ] = None,
    lang: Language = "en",
) -> None:
    from mamori.core.files import atomic_path
    from mamori.exercise.compare import compare_runs
    from mamori.exercise.outcome import Outcome

    table = compare_runs(Outcome.read(first), Outcome.read(second))
    if out is not None:
        with atomic_path(out) as partial:
            table.write_csv(partial)
    from rich.table import Table

    shown = Table(title=text("{second} less {first}", lang).format(first=first, second=second))
    for name in ("Arm", "Group", "Outcome"):
        shown.add_column(text(name, lang))
    for name in ("First run", "Second run", "Difference (5–95 %)"):
        shown.add_column(text(name, lang), justify="right")
    for row in table.iter_rows(named=True):
        if row["group_kind"] != "country" and row["metric"] in ("infections", "deaths"):
            difference = "–" if row["difference_q50"] is None else _interval(row, "difference_")
            shown.add_row(
                row["arm"],
                row["group"],
                text(row["metric"].capitalize(), lang),
                _number(row["first_q50"]),
                _number(row["second_q50"]),
                difference,
            )
    console = _console()
    console.print(shown)
    if out is not None:
        console.print(text("Written: {path}", lang).format(path=out), soft_wrap=True)


@app.command(
    help=described(
        "Replay a published analysis from its fits: deaths with and without vaccines, Watson et al. 2022.",
        "mamori exercise replay watson-2022 --fits watson_fits --draw 40 --out replay.csv",
    )
)
def replay(
    name: Annotated[str, typer.Argument(help=f"Name of the analysis: {WATSON}.", show_default=False)],
    fits: Annotated[Path, typer.Option(help="Folder of the published fits.", show_default=False)],
    out: Annotated[Path, typer.Option(help="CSV file to write.", show_default=False)],
    draw: Annotated[int, typer.Option(help="Posterior draw, counted from 1.")] = 40,
    correct: Annotated[
        bool, typer.Option("--correct", help="With the faults of the original mended; as published without.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Threads; by default one per processor.", show_default=False)
    ] = None,
    lang: Language = "en",
) -> None:
    if name != WATSON:
        raise InputError(f"no analysis '{name}' to replay.{did_you_mean(name, [WATSON])} There is {WATSON}")
    from os import cpu_count

    from mamori.core.files import atomic_path
    from mamori.workflows.watson import replay_watson

    prepare_kernels(lang, by_day=True)
    with progress_bar(text("Running", lang)) as advance:
        table = replay_watson(fits, draw, correct, workers=workers or cpu_count() or 1, progress=advance)
    with atomic_path(out) as partial:
        table.write_csv(partial)
    _console().print(text("Written: {path}", lang).format(path=out), soft_wrap=True)


def _refuse_watson(scenario: str) -> None:
    if scenario.startswith("watson"):
        raise InputError(
            f"'{scenario}' is replayed from its published fits: mamori exercise replay {WATSON} --fits FOLDER "
            "--out FILE.csv"
        )


@contextmanager
def _progress(lang: str) -> Iterator[Callable[["Progress"], None]]:
    """Give a function that shows how far a run is: a bar on a terminal, elsewhere a line for every chunk."""
    with progress_bar(text("Running", lang)) as advance:

        def tell(progress: "Progress") -> None:
            advance(progress.done, progress.chunks)
            if progress.chunk is None and progress.resumed:
                typer.echo(
                    text("{done} of {chunks} parts were finished before and are kept", lang).format(
                        done=progress.resumed, chunks=progress.chunks
                    ),
                    err=True,
                )
            if progress.chunk is not None and not sys.stderr.isatty():
                chunk = progress.chunk
                last = chunk.first_draw + chunk.draws - 1
                typer.echo(
                    f"{progress.done}/{progress.chunks} {chunk.arm.name} "
                    + text("draws {first}-{last}", lang).format(first=chunk.first_draw, last=last),
                    err=True,
                )

        yield tell


def _console() -> "Console":
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=max(console.width, _NARROWEST), highlight=False)


def _print_outcome(outcome: "Outcome", console: "Console", lang: str) -> None:
    run = outcome.run
    console.print(
        text("{title}: {places} places, {weeks} weeks from {date}, {draws} draws, seed {seed}", lang).format(
            title=text(run["title"], lang),
            places=len(run["places"]),
            weeks=run["weeks"],
            date=run["start_date"],
            draws=run["draws"],
            seed=run["seed"],
        ),
        soft_wrap=True,
    )
    _print_arms(outcome, console, lang)
    _print_averted(outcome, console, lang)
    console.print(text("Assumptions to judge this by:", lang))
    for assumption in run["assumptions"]:
        console.print(f"- {text(assumption, lang)}", soft_wrap=True)


def _print_arms(outcome: "Outcome", console: "Console", lang: str) -> None:
    """Print what came of every arm: the world's totals, and when doses reached each income group."""
    from rich.table import Table

    table = Table(title=text("Median of the draws (5–95 %)", lang))
    table.add_column(text("Arm", lang))
    for name in ("Infections", "Deaths", "Years of life lost"):
        table.add_column(text(name, lang), justify="right")
    from mamori.exercise.week import INCOME_GROUPS

    present = [group for group in INCOME_GROUPS if group in outcome.summary["group"].unique()]
    for group in present:
        table.add_column(text("First dose {group}, day", lang).format(group=group), justify="right")
    rows = {
        (row["arm"], row["group"], row["metric"]): row
        for row in outcome.summary.filter(outcome.summary["group_kind"] != "country").iter_rows(named=True)
    }
    for arm in (arm["name"] for arm in outcome.run["arms"]):
        totals = [_interval(rows[arm, "WORLD", metric]) for metric in ("infections", "deaths", "yll")]
        days = [rows[arm, group, "first_dose_day"]["q50"] for group in present]
        table.add_row(arm, *totals, *("–" if day is None else f"{day:.0f}" for day in days))
    console.print(table)


def _print_averted(outcome: "Outcome", console: "Console", lang: str) -> None:
    """Print the deaths that an earlier vaccine averts under each response, paired by draw."""
    from rich.table import Table

    responses = {arm["name"]: arm["response"] for arm in outcome.run["arms"]}
    same = outcome.differences.filter(outcome.differences["metric"] == "deaths_averted")
    from mamori.exercise.week import INCOME_GROUPS

    groups = ("WORLD", *INCOME_GROUPS)
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for row in same.iter_rows(named=True):
        if responses[row["arm"]] == responses[row["compared_with"]] and row["group"] in groups:
            rows.setdefault((row["arm"], row["compared_with"]), {})[row["group"]] = _interval(row)
    if not rows:
        return
    table = Table(title=text("Deaths averted by the earlier vaccine: median (5–95 %), paired by draw", lang))
    table.add_column(text("Arm", lang))
    table.add_column(text("Compared with", lang))
    present = [group for group in groups if any(group in cells for cells in rows.values())]
    for group in present:
        table.add_column(text("All places", lang) if group == "WORLD" else group, justify="right")
    for (arm, other), cells in rows.items():
        table.add_row(arm, other, *(cells[group] for group in present))
    console.print(table)


def _interval(row: dict[str, float], prefix: str = "") -> str:
    """Write median and interval in one unit: 42.7 (10.4–132) k."""
    numbers = [row[f"{prefix}{statistic}"] for statistic in ("q50", "q05", "q95")]
    size = max(abs(number) for number in numbers)
    scale, unit = next(((limit, name) for limit, name in _UNITS if size >= limit), (1.0, ""))
    middle, low, high = (_three_digits(number / scale) for number in numbers)
    return f"{middle} ({low}–{high}){unit}"


def _number(value: float) -> str:
    """Write a count in a unit that keeps it short: 351 M."""
    scale, unit = next(((limit, name) for limit, name in _UNITS if abs(value) >= limit), (1.0, ""))
    return f"{_three_digits(value / scale)}{unit}"


def _three_digits(value: float) -> str:
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"
