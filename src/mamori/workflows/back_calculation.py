"""Back-calculation: from deaths by country and day to infections and to the reproduction number of each week.

Stage 1 turns weekly deaths into weekly infections (`_deconvolution`), given how many of the infected die. Stage 2 runs
the age-structured engine along these infections (`_tracking`) and sees how many die in it, by age, immunity, vaccines
and beds. The two take turns until the engine's own deaths are the fitted curve. Method and limits:
docs/methods/back-calculation.md.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from mamori.core.errors import InputError
from mamori.core.executor import run_chunks
from mamori.core.provenance import provenance
from mamori.core.rng import stream_key
from mamori.data.world import World
from mamori.epidemic.health_system import free_beds
from mamori.epidemic.pathogen import Pathogen, Stays
from mamori.workflows._alternation import Block, Fitted, State, alternate, joined, part_of
from mamori.workflows._conditions import assumptions, read_doses, variant_effects
from mamori.workflows._death_counts import Kind, WeeklyDeaths, read_deaths
from mamori.workflows._deconvolution import dispersion_of
from mamori.workflows._delays import infection_to_death

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from mamori.epidemic.pathogen import PathogenDraws
    from mamori.workflows._tracking import Course

    FloatArray = NDArray[np.float64]

PATHOGEN = "sars-cov-2"
PLACES_PER_CHUNK = 8
FEWEST_DEATHS = 10.0  # in all: below, a place is not estimated
WEEKS_BEFORE_DEATH = 6  # an epidemic begins so long before the first week with a death
PASSES, PASSES_OF_DRAWS = 24, 6
CONVERGED, CONVERGED_DRAWS = 0.01, 0.02  # sum |engine - fitted curve| / deaths
INFORMED_DEATHS = 10.0
INFORMED_SHARE = 0.8


@dataclass(frozen=True, eq=False)
class BackCalculation:
    """Infections and reproduction numbers by week of each place: a central run and draws.

    ``central`` and ``draws`` hold reproduction, effective and infections, (P, W) and (D, P, W): the reproduction
    number without immunity (what drives the engine), that among the people as they are, and infections per week.
    ``deaths_fitted`` (P, W) are those of the engine in the central run. ``fit`` has the columns of the table
    definition ``back_calculation_fit``.
    """

    counts: WeeklyDeaths
    estimated: NDArray[np.int64]  # rows of ``counts``
    start: NDArray[np.int64]
    central: Mapping[str, FloatArray]
    draws: Mapping[str, FloatArray]
    deaths_fitted: FloatArray
    notes: NDArray[np.str_]
    fit: pl.DataFrame
    provenance: Mapping[str, Any]

    def table(self) -> pl.DataFrame:
        """One row per place and week from the place's first, columns of the table ``back_calculation``."""
        import polars as pl

        quantile = {name: np.quantile(values, [0.05, 0.95], axis=0) for name, values in self.draws.items()}
        weeks = np.arange(len(self.counts.monday))
        parts = []
        for p, row in enumerate(self.estimated):
            span = weeks >= self.start[p]
            columns: dict[str, Any] = {
                "week": [day for day, in_span in zip(self.counts.monday, span, strict=True) if in_span]
            }
            for name, values in self.central.items():
                columns[name] = values[p, span]
                if name in quantile:
                    columns[f"{name}_q0.05"], columns[f"{name}_q0.95"] = quantile[name][:, p, span]
            columns["deaths"] = self.counts.deaths[row, span]
            columns["deaths_fitted"] = self.deaths_fitted[p, span]
            columns["note"] = self.notes[p, span]
            parts.append(pl.DataFrame(columns).with_columns(code=pl.lit(self.counts.codes[row])))
        frame = pl.concat(parts).with_columns(pl.col("note").replace("", None))
        return frame.select("code", pl.exclude("code"))


def brief(table: pl.DataFrame) -> pl.DataFrame:
    """The reproduction numbers of `BackCalculation.table` alone: 4 decimals for the central ones, else 2.

    Four decimals are what a run over three years needs to meet the deaths again; the rest is for reading.
    """
    import polars as pl

    numbers = [name for name in table.columns if name.startswith(("reproduction", "effective"))]
    digits = {name: 4 if name == "reproduction" else 2 for name in numbers}
    rounded = [pl.col(name).round(decimals).cast(pl.Float32) for name, decimals in digits.items()]
    return table.select("code", "week", *rounded, "note")


def covid19_reproduction() -> pl.DataFrame:
    """Our reproduction numbers of COVID-19 by place and week up to the end of 2022, columns as `brief`.

    From reported deaths (Johns Hopkins University) and doses (Bloomberg), 10 draws, seed 0; method and limits:
    docs/methods/back-calculation.md.
    """
    import polars as pl

    return pl.read_parquet(_shipped("covid19_reproduction.parquet"))


def covid19_fit() -> pl.DataFrame:
    """How each place of `covid19_reproduction` is fitted, where it begins and with how many infections."""
    import polars as pl

    return pl.read_parquet(_shipped("covid19_reproduction.fit.parquet"))


def _shipped(name: str) -> bytes:
    return resources.files("mamori").joinpath("workflows", name).read_bytes()


def back_calculate(
    deaths: Path,
    doses: Path | None = None,
    *,
    kind: Kind = "reported",
    columns: Mapping[str, str] | None = None,
    places: str | list[str] = "WORLD",
    year: int = 2021,
    draws: int = 10,
    seed: int = 0,
    world: World | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> BackCalculation:
    """Estimate infections and the reproduction number of each week that explain the deaths of every place.

    ``deaths`` is a table of place, date and deaths (see `read_deaths`) from the beginning of the epidemic on, ``kind``
    "reported" or "excess"; ``doses`` one of place, date and vaccine doses given so far, None for no vaccination.
    ``draws`` vary the fatality, delays, loss of immunity and variants' dates and draw the deaths anew; 0 gives the
    central run alone. People, contacts and beds are those of ``world`` (by default that of ``year``). Raises
    `InputError` for files that cannot be read, and when no place has ten deaths.
    """
    if draws < 0:
        raise InputError(f"draws is {draws}; it must be >= 0")
    everywhere = world or World.load(year)
    world = everywhere.select(places)
    counts = read_deaths(deaths, everywhere, kind, columns, world.codes)
    estimated = np.flatnonzero(counts.deaths.sum(axis=1) >= FEWEST_DEATHS)
    if not len(estimated):
        raise InputError(f"{deaths}: no place has {FEWEST_DEATHS:g} deaths or more; there is nothing to estimate from")
    everything = _block(world, everywhere.population.sum(axis=0), counts, estimated, doses)
    blocks = [slice(k, k + PLACES_PER_CHUNK) for k in range(0, len(estimated), PLACES_PER_CHUNK)]

    def run(members: slice) -> tuple[Fitted, Fitted | None]:
        block = part_of(everything, members)
        central = _central(block)
        return central, _draws(block, central, draws, seed) if draws else None

    results = sorted(run_chunks(run, blocks, workers=workers, progress=progress), key=lambda result: result[0])
    central = joined([result[1][0] for result in results])
    drawn = joined([part for result in results if (part := result[1][1]) is not None]) if draws else None
    settings = {
        "kind": kind, "places": list(everything.codes), "year": world.year, "draws": draws, "seed": seed,
        "pathogen": PATHOGEN, "vaccination": doses is not None, "assumptions": dict(assumptions()),
    }  # fmt: skip
    return BackCalculation(
        counts=counts,
        estimated=estimated,
        start=everything.start,
        central={name: values[0] for name, values in _series(central.course).items()},
        draws=_series(drawn.course) if drawn else {},
        deaths_fitted=central.course.deaths[0],
        notes=_notes(everything, central),
        fit=_fit_table(everything, counts, estimated, central, drawn),
        provenance=provenance(settings=settings) | {"settings": settings, "unknown_places": list(counts.unknown)},
    )


def _block(
    world: World, typical: FloatArray, counts: WeeklyDeaths, estimated: NDArray[np.int64], doses: Path | None
) -> Block:
    rows = np.array([world.codes.index(counts.codes[k]) for k in estimated])
    table = world.table[rows]
    icu, occupied = table["icu_beds"].to_numpy(), table["bed_occupancy_share"].to_numpy()
    deferrable = assumptions()["deferrable_share"]
    deaths = counts.deaths[estimated]
    nothing = np.zeros((len(world.codes), len(counts.monday)))
    courses, boosters = (nothing, nothing) if doses is None else read_doses(doses, world, counts.monday)
    first_death = np.argmax(np.cumsum(deaths, axis=1) >= 1.0, axis=1)
    return Block(
        codes=tuple(counts.codes[k] for k in estimated),
        monday=counts.monday,
        typical=typical,
        population=np.asarray(world.population[rows]),
        contacts=np.asarray(world.contacts[rows]),
        ward_beds=free_beds(table["hospital_beds"].to_numpy() - icu, occupied, deferrable),
        icu_beds=free_beds(icu, occupied, deferrable),
        deaths=deaths,
        courses=courses[rows],
        boosters=boosters[rows],
        start=np.maximum(first_death - WEEKS_BEFORE_DEATH, 0),
        dispersion=dispersion_of(deaths),
    )


def _central(block: Block) -> Fitted:
    """The run with the assumptions as they are on the deaths as they are."""
    pathogen = Pathogen.load(PATHOGEN).repeat(1)
    effects = variant_effects(block.monday, np.zeros((1, len(block.codes)), dtype=np.int64))
    by_age = pathogen.prob_hospital * (
        (1.0 - pathogen.prob_icu) * pathogen.death_ward + pathogen.prob_icu * pathogen.death_icu
    )
    mean = (by_age[:, None] * block.population).sum(axis=2) / block.population.sum(axis=1)
    fatality = mean[..., None] * effects[0]
    deaths = block.deaths[None]
    ahead = np.roll(deaths, -3, axis=2)  # most die three weeks after infection
    smooth = np.apply_along_axis(lambda v: np.convolve(np.pad(v, 3, mode="edge"), np.full(7, 1 / 7), "valid"), 2, ahead)
    guess = np.log(np.maximum(smooth, 0.1) / fatality)
    state = State.begin(deaths, effects, np.ones_like(mean), fatality, guess)
    return alternate(block, pathogen, state, PASSES, CONVERGED)


def _draws(block: Block, central: Fitted, draws: int, seed: int) -> Fitted:
    """Runs with drawn assumptions on drawn deaths, beginning from the central one."""
    given = assumptions()
    common = np.array([_generator(seed, "", d).standard_normal(5) for d in range(1, draws + 1)])
    own = [[_generator(seed, code, d) for code in block.codes] for d in range(1, draws + 1)]
    pathogen = _vary(Pathogen.load(PATHOGEN).repeat(draws), common[:, 1:])
    normal = np.array([[g.standard_normal(2) for g in row] for row in own])
    shift = np.rint(given["variant_sd_days"] * normal[..., 0]).astype(np.int64)
    factor = np.exp(given["fatality_sd_common"] * common[:, :1] + given["fatality_sd_place"] * normal[..., 1])
    deaths = _redrawn(block, central.curve[0], own)
    effects = variant_effects(block.monday, shift)
    fatality = central.fatality * factor[..., None]
    guess = central.log_infections - np.log(factor)[..., None]
    susceptibility = np.repeat(central.course.susceptibility, draws, axis=0)
    state = State.begin(deaths, effects, central.multiplier * factor, fatality, guess, susceptibility)
    return alternate(block, pathogen, state, PASSES_OF_DRAWS, CONVERGED_DRAWS)


def _redrawn(block: Block, curve: FloatArray, generators: list[list[np.random.Generator]]) -> FloatArray:
    """Deaths (D, P, W) with new noise, gamma of variance psi x ``curve`` (P, W), added to the counts.

    Added to the counts, not to the curve: smoothing it twice would flatten every draw.
    """
    psi = block.dispersion[:, None]
    noise = np.array([[g.gamma(mu / k, k) for mu, k, g in zip(curve, psi, row, strict=True)] for row in generators])
    deaths = np.maximum(block.deaths + noise - curve, 0.0)
    total = block.deaths.sum(axis=1) * noise.sum(axis=2) / curve.sum(axis=1)
    return np.asarray(deaths * (total / np.maximum(deaths.sum(axis=2), 1e-300))[..., None])


def _generator(seed: int, code: str, draw: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=stream_key(seed, "back-calculation", code, draw)))


def _vary(pathogen: PathogenDraws, normal: FloatArray) -> PathogenDraws:
    """Multiply durations by lognormal factors; ``normal`` (D, 4): latent, infectious, to death, immunity."""
    given = assumptions()
    names = ("latent_sd", "infectious_sd", "stay_sd", "immunity_sd")
    latent, infectious, stay, immunity = np.exp(np.array([given[name] for name in names]) * normal).T
    to_death = {f.name: getattr(pathogen.stays, f.name) for f in fields(Stays)}
    to_death |= {name: to_death[name] * stay for name in to_death if name.endswith("die")}
    return replace(
        pathogen,
        latent_days=pathogen.latent_days * latent,
        mild_days=pathogen.mild_days * infectious,
        asymptomatic_days=pathogen.asymptomatic_days * infectious,
        case_days=pathogen.case_days * infectious,
        immunity_days=pathogen.immunity_days * immunity,
        stays=Stays(**to_death),
    )


def _series(course: Course) -> dict[str, FloatArray]:
    return {
        "reproduction": course.reproduction,
        "effective": course.reproduction * course.susceptibility,
        "infections": course.infections,
    }


def _notes(block: Block, central: Fitted) -> NDArray[np.str_]:
    """What to mind about each week, (P, W): capped, incomplete, few-deaths, or nothing."""
    delay = infection_to_death(Pathogen.load(PATHOGEN).repeat(1), block.typical)[0]
    weeks = len(block.monday)
    expected, seen = np.zeros_like(block.deaths), np.zeros(weeks)
    infections, fatality = central.course.infections[0], central.fatality[0]
    for lag in range(min(len(delay), weeks)):
        expected[:, : weeks - lag] += delay[lag] * infections[:, : weeks - lag] * fatality[:, lag:]
        seen[: weeks - lag] += delay[lag]
    notes = np.where(expected < INFORMED_DEATHS, "few-deaths", "")
    notes = np.where(seen < INFORMED_SHARE, "incomplete", notes)
    return np.where(central.course.capped[0], "capped", notes)


def _fit_table(
    block: Block, counts: WeeklyDeaths, estimated: NDArray[np.int64], central: Fitted, drawn: Fitted | None
) -> pl.DataFrame:
    """How well each place is fitted, columns of the table definition ``back_calculation_fit``."""
    import polars as pl

    fitted, curve, counted = central.course.deaths[0], central.curve[0], block.deaths
    total = counted.sum(axis=1)
    first = [block.monday[k] for k in block.start]
    frame = pl.DataFrame(
        {
            "code": list(block.codes),
            "first_week": first,
            "seeds": central.wanted[0, np.arange(len(total)), block.start],
            "deaths_given": counts.given[estimated],
            "deaths_added": counts.added[estimated],
            "deaths_moved": counts.moved[estimated],
            "deaths": total,
            "deaths_fitted": fitted.sum(axis=1),
            "total_error": fitted.sum(axis=1) / total - 1.0,
            "curve_error": np.abs(fitted - curve).sum(axis=1) / total,
            "weekly_error": np.abs(fitted - counted).sum(axis=1) / total,
            "dispersion": block.dispersion,
            "fatality_multiplier": central.multiplier[0],
            "infection_fatality": fitted.sum(axis=1) / central.course.infections[0].sum(axis=1),
            "infections_per_person": central.course.infections[0].sum(axis=1) / block.population.sum(axis=1),
            "weeks_capped": central.course.capped[0].sum(axis=1),
        }
    )
    if drawn is not None:
        worst = np.abs(drawn.course.deaths - drawn.curve).sum(axis=2) / drawn.curve.sum(axis=2)
        frame = frame.with_columns(worst_draw_error=worst.max(axis=0))
    return frame
