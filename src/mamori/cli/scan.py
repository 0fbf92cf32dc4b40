"""`mamori scan`: clusters of cases in space and time that last until now."""

import hashlib
import json
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mamori.cli import _counts
from mamori.cli._common import Language, compiling, progress_bar
from mamori.core.errors import InputError
from mamori.core.files import atomic_path, check_table_format, write_table
from mamori.core.messages import text

if TYPE_CHECKING:
    from rich.table import Table

    from mamori.surveillance.scan import ClusterScan, Method

PERIODS = {365: "days", 52: "weeks", 12: "months"}
BASELINES = {
    "margins": "cases of the place × cases of the period",
    "history": "each place's own cases, even over time",
    "population": "population",
}
SHOWN_MEMBERS = 5
"""Places named for each printed cluster; all are in the file."""
_NARROWEST = 120


def scan(
    counts: _counts.Counts,
    method: Annotated[
        str, typer.Option(help="permutation (needs cases only) or poisson (expects cases by population).")
    ] = "permutation",
    coordinates: Annotated[
        Path | None,
        typer.Option(help="Table series,latitude,longitude; without it, those columns of COUNTS.", show_default=False),
    ] = None,
    neighbours: Annotated[
        Path | None,
        typer.Option(help="Table series,neighbour: windows grow over neighbours, not in circles.", show_default=False),
    ] = None,
    population: Annotated[
        Path | None,
        typer.Option(
            help="Table series,population (poisson); without it, the column population of COUNTS, else each "
            "place's own history.",
            show_default=False,
        ),
    ] = None,
    max_share: Annotated[float, typer.Option(help="Largest share of all expected cases in a window.")] = 0.5,
    max_radius_km: Annotated[float | None, typer.Option(help="Largest radius of a circle.", show_default=False)] = None,
    max_periods: Annotated[
        int | None,
        typer.Option(help="Longest cluster in periods; by default half of the study.", show_default=False),
    ] = None,
    min_cases: Annotated[int, typer.Option(help="Fewest cases of a cluster.")] = 2,
    replicates: Annotated[int, typer.Option(help="Random tables for the p-values.")] = 999,
    max_clusters: Annotated[int, typer.Option(help="Most clusters to report.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    first: Annotated[
        str | None, typer.Option("--from", help="First period of the study: a date or t.", show_default=False)
    ] = None,
    last: Annotated[
        str | None,
        typer.Option("--to", help="Last period, up to which clusters last: a date or t.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .csv, .parquet or .json; the places lie in FILE.members beside it.",
            show_default=False,
        ),
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
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; all cores when not given.", show_default=False)
    ] = None,
    lang: Language = "en",
) -> None:
    """Find where cases cluster in space and time up to the last period, with the chance of that by accident.

    Each series of COUNTS is a place.

    Example: mamori scan counts.csv --coordinates places.csv --max-periods 8 --out clusters.csv
    """
    if out is not None:
        check_table_format(out)
    if coordinates is not None and neighbours is not None:
        raise InputError("--coordinates and --neighbours exclude each other. Drop one")
    from mamori.surveillance.scan import compile_kernels, scan_clusters

    observations = _counts.read_counts(
        counts, form, freq, calendar, date, period, by, column, drop, signal, lang, missing, duplicates, negative
    )
    inputs = {"counts": counts, "coordinates": coordinates, "neighbours": neighbours, "population": population}
    with compiling(lang):
        compile_kernels()
    with progress_bar(text("Scanning", lang)) as progress:
        result = scan_clusters(
            observations,
            cast("Method", method),
            coordinates=None if coordinates is None else _places(coordinates),
            neighbours=None if neighbours is None else _counts.read_neighbours(neighbours),
            population=None if population is None else _people(population),
            max_share=max_share,
            max_radius_km=max_radius_km,
            max_periods=max_periods,
            min_cases=min_cases,
            replicates=replicates,
            max_clusters=max_clusters,
            seed=seed,
            first=_counts.period_of(observations, first, "--from"),
            last=_counts.period_of(observations, last, "--to", last=True),
            workers=workers or cpu_count() or 1,
            progress=progress,
        )
    _print_summary(result, lang)
    if out is not None:
        _write(result, out, {f"{name}_sha256": _digest(path) for name, path in inputs.items() if path is not None})
        typer.echo(f"{text('Written', lang)}: {out}")


def _by_series(path: Path, definition: str) -> dict[str, tuple[float, ...]]:
    """Return the numbers of each series in a table of the user; raises `InputError` for a series with two rows."""
    from mamori.data.user_table import read_user_table

    found: dict[str, tuple[float, ...]] = {}
    for row, (series, *numbers) in enumerate(read_user_table(path, definition).iter_rows(), start=2):
        if series in found:
            raise InputError(f"{path}: column 'series' row {row} holds '{series}' again. Keep one row for each")
        found[series] = tuple(numbers)
    return found


def _places(path: Path) -> dict[str, tuple[float, float]]:
    return {name: (latitude, longitude) for name, (latitude, longitude) in _by_series(path, "scan_coordinates").items()}


def _people(path: Path) -> dict[str, float]:
    return {name: people for name, (people,) in _by_series(path, "scan_population").items()}


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(result: "ClusterScan", out: Path, digests: dict[str, str]) -> None:
    """Write the clusters to `out`, members and provenance beside it; JSON holds all in one file."""
    origin = (
        dict(result.provenance)
        | digests
        | {
            "baseline": result.baseline,
            "cases": result.cases,
            "missing_counts": result.missing,
            "left_out": [vars(left) for left in result.observations.dropped],
        }
    )
    table, members = result.table(), result.members()
    if out.suffix.lower() == ".json":
        frames = {"clusters": table, "members": members}
        whole = {"provenance": origin} | {name: json.loads(frame.write_json()) for name, frame in frames.items()}
        _write_json(whole, out)
        return
    write_table(table, out)
    write_table(members, out.with_suffix(f".members{out.suffix}"))
    _write_json(origin, out.with_suffix(".provenance.json"))


def _write_json(content: object, out: Path) -> None:
    with atomic_path(out) as partial:
        partial.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _print_summary(result: "ClusterScan", lang: str) -> None:
    """Print what was scanned, then a row per cluster."""
    from rich.console import Console

    seen, settings = result.observations, result.settings
    ends = (settings[name] - int(seen.t[0]) for name in ("first", "last"))
    axis = seen.t if seen.dates is None else seen.dates
    first, last = (axis[end] for end in ends)
    lines = [
        text("{method}: {cases} cases in {places} places, {first} to {last}", lang).format(
            method=settings["method"], cases=f"{result.cases:,}", places=f"{len(seen.counts):,}", first=first, last=last
        ),
        text("expected by: {baseline}", lang).format(baseline=text(BASELINES[result.baseline], lang)),
        text("{zones} zones × 1 to {periods} {unit}, {replicates} replicates", lang).format(
            zones=f"{result.zones:,}",
            periods=settings["max_periods"],
            unit=_unit(result, lang),
            replicates=f"{settings['replicates']:,}",
        ),
    ]
    if result.missing:
        missing = text("missing counts, neither cases nor time at risk: {missing}", lang)
        lines.append(missing.format(missing=f"{result.missing:,}"))
    for line in lines:
        typer.echo(line)
    if not result.clusters:
        typer.echo(text("No window holds more cases than expected.", lang))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, _NARROWEST))
    console.print(_cluster_table(result, lang))


def _unit(result: "ClusterScan", lang: str) -> str:
    frequency = result.observations.frequency
    return text("periods" if frequency is None else PERIODS.get(frequency, "periods"), lang)


def _cluster_table(result: "ClusterScan", lang: str) -> "Table":
    """Return the printed table: a row per cluster, the most likely first."""
    from rich.table import Table

    table = Table(title=text("Clusters, the most likely first", lang), title_justify="left")
    table.add_column(text("Places, from the centre", lang), overflow="fold")
    reach = text("Radius, km", lang) if result.unit == "km" else text("Steps", lang)
    once = text("By chance once in … {unit}", lang).format(unit=_unit(result, lang))
    for heading in (reach, *(text(name, lang) for name in ("Since", "Observed", "Expected", "Relative risk"))):
        table.add_column(heading, justify="right")
    table.add_column(text("p-value", lang), justify="right")
    table.add_column(once, justify="right")
    axis = result.observations.t if result.observations.dates is None else result.observations.dates
    for found in result.clusters:
        more = len(found.places) - SHOWN_MEMBERS
        others = [text("and {number} more", lang).format(number=more)] if more > 0 else []
        table.add_row(
            ", ".join([*found.places[:SHOWN_MEMBERS], *others]),
            f"{found.distance:.0f}",
            str(axis[found.first]),
            f"{found.observed:,}",
            f"{found.expected:,.1f}",
            "∞" if found.relative_risk is None else f"{found.relative_risk:.2f}",
            f"{found.pvalue:.3g}",
            f"{found.recurrence:,.0f}",
        )
    return table
