"""Back-calculation: from deaths by country and day to infections and to the reproduction number of each week.

Stage 1 turns weekly deaths into weekly infections (`_deconvolution`), given how many of the infected die. Stage 2 runs
the age-structured engine along these infections (`_tracking`) and sees how many die in it, by age, immunity, vaccines
and beds. The two take turns until the engine's own deaths are the fitted curve. Method and limits:
docs/methods/back-calculation.md.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mamori.core.errors import InputError
from mamori.core.executor import run_chunks
from mamori.core.provenance import provenance
from mamori.core.rng import stream_key
from mamori.data.world import World
from mamori.epidemic.health_system import free_beds
from mamori.epidemic.pathogen import Pathogen, Stays
from mamori.workflows._conditions import assumptions, coverage, read_doses, vaccine, variant_effects
from mamori.workflows._death_counts import Kind, WeeklyDeaths, read_deaths
from mamori.workflows._deconvolution import deconvolve, dispersion_of, expected_deaths, infections_of
from mamori.workflows._delays import generation_time, infection_to_death
from mamori.workflows._tracking import Conditions, Course, follow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from mamori.epidemic.pathogen import PathogenDraws

    FloatArray = NDArray[np.float64]

PATHOGEN = "sars-cov-2"
PLACES_PER_CHUNK = 8
FEWEST_DEATHS = 10.0  # in all: below, a place is not estimated
WEEKS_BEFORE_DEATH = 6  # an epidemic begins so long before the first week with a death
PASSES, PASSES_OF_DRAWS = 12, 6
CONVERGED, CONVERGED_DRAWS = 0.01, 0.02  # sum |engine - fitted curve| / deaths
LONGEST_WAY, SHORTEST_WAY = 0.8, 0.1  # share of the way that log fatality goes to what the engine showed
SMOOTHER = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0
SHORTEN, LENGTHEN = 0.6, 1.1  # of the way of a week where the gap changed its sign, or kept it
SHORTFALL = 0.98  # of the deaths: below this, with transmission at its highest, fatality is raised
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
            columns: dict[str, Any] = {"week": [day for day, in_span in zip(self.counts.monday, span, strict=True) if in_span]}
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


@dataclass(frozen=True)
class _Block:
    """Some places with what the estimate needs, (P, ...)."""

    codes: tuple[str, ...]
    monday: tuple[dt.date, ...]
    population: FloatArray
    contacts: FloatArray
    ward_beds: FloatArray
    icu_beds: FloatArray
    deaths: FloatArray
    courses: FloatArray
    boosters: FloatArray
    start: NDArray[np.int64]
    dispersion: FloatArray


@dataclass(frozen=True)
class _Fitted:
    """The last pass of a block: what the engine did, and what the curve asked, (D, P, ...)."""

    course: Course
    wanted: FloatArray
    curve: FloatArray
    fatality: FloatArray
    multiplier: FloatArray
    passes: int


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
    world = (world or World.load(year)).select(places)
    counts = read_deaths(deaths, world, kind, columns)
    estimated = np.flatnonzero(counts.deaths.sum(axis=1) >= FEWEST_DEATHS)
    if not len(estimated):
        raise InputError(f"{deaths}: no place has {FEWEST_DEATHS:g} deaths or more; there is nothing to estimate from")
    everything = _block(world, counts, estimated, doses)
    blocks = [slice(k, k + PLACES_PER_CHUNK) for k in range(0, len(estimated), PLACES_PER_CHUNK)]

    def run(members: slice) -> tuple[_Fitted, _Fitted | None]:
        block = _part(everything, members)
        central = _central(block)
        return central, _draws(block, central, draws, seed) if draws else None

    results = sorted(run_chunks(run, blocks, workers=workers, progress=progress), key=lambda result: result[0])
    central = _joined([result[1][0] for result in results])
    drawn = _joined([part for result in results if (part := result[1][1]) is not None]) if draws else None
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


def _block(world: World, counts: WeeklyDeaths, estimated: NDArray[np.int64], doses: Path | None) -> _Block:
    rows = np.array([world.codes.index(counts.codes[k]) for k in estimated])
    table = world.table[rows]
    icu, occupied = table["icu_beds"].to_numpy(), table["bed_occupancy_share"].to_numpy()
    deferrable = assumptions()["deferrable_share"]
    deaths = counts.deaths[estimated]
    nothing = np.zeros((len(world.codes), len(counts.monday)))
    courses, boosters = (nothing, nothing) if doses is None else read_doses(doses, world, counts.monday)
    first_death = np.argmax(np.cumsum(deaths, axis=1) >= 1.0, axis=1)
    return _Block(
        codes=tuple(counts.codes[k] for k in estimated),
        monday=counts.monday,
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


def _part(block: _Block, members: slice) -> _Block:
    cut = {f.name: getattr(block, f.name)[members] for f in fields(_Block) if f.name != "monday"}
    return _Block(monday=block.monday, **cut)


def _central(block: _Block) -> _Fitted:
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
    return _alternate(block, pathogen, effects, np.ones_like(mean), deaths, fatality, guess, None, PASSES, CONVERGED)


def _draws(block: _Block, central: _Fitted, draws: int, seed: int) -> _Fitted:
    """Runs with drawn assumptions on drawn deaths, beginning from the central one."""
    given, places = assumptions(), len(block.codes)
    common = np.array([_generator(seed, "", d).standard_normal(5) for d in range(1, draws + 1)])
    own = [[_generator(seed, code, d) for code in block.codes] for d in range(1, draws + 1)]
    pathogen = _vary(Pathogen.load(PATHOGEN).repeat(draws), common[:, 1:])
    normal = np.array([[g.standard_normal(2) for g in row] for row in own])
    shift = np.rint(given["variant_sd_days"] * normal[..., 0]).astype(np.int64)
    factor = np.exp(given["fatality_sd_common"] * common[:, :1] + given["fatality_sd_place"] * normal[..., 1])
    psi = block.dispersion
    deaths = np.array([[g.gamma(central.curve[0, p] / psi[p], psi[p]) for p, g in enumerate(row)] for row in own])
    effects = variant_effects(block.monday, shift)
    fatality = central.fatality * factor[..., None]
    guess = np.broadcast_to(np.log(np.maximum(central.wanted, 1e-3)), (draws, places, len(block.monday)))
    guess = guess - np.log(factor)[..., None]
    return _alternate(
        block, pathogen, effects, central.multiplier * factor, deaths, fatality, guess, central.course.susceptibility,
        PASSES_OF_DRAWS, CONVERGED_DRAWS,
    )  # fmt: skip


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


def _alternate(
    block: _Block,
    pathogen: PathogenDraws,
    effects: FloatArray,
    multiplier: FloatArray,
    deaths: FloatArray,
    fatality: FloatArray,
    log_infections: FloatArray,
    susceptibility: FloatArray | None,
    passes: int,
    converged: float,
) -> _Fitted:
    """Let deconvolution and engine take turns; arrays (D, P, W), ``multiplier`` of the fatality (D, P)."""
    shape = deaths.shape
    size, weeks = shape[0] * shape[1], shape[2]
    typical = block.population.sum(axis=0)
    delay = np.repeat(infection_to_death(pathogen, typical), shape[1], axis=0)
    generation = generation_time(pathogen, typical)
    start, dispersion = np.tile(block.start, shape[0]), np.tile(block.dispersion, shape[0])
    flat = log_infections.reshape(size, weeks)
    guess = susceptibility
    way, last = np.full(shape, LONGEST_WAY), np.zeros(shape)
    for number in range(1, passes + 1):
        flat = deconvolve(
            deaths.reshape(size, weeks), fatality.reshape(size, weeks), delay, start, dispersion, flat
        )
        wanted = infections_of(flat.reshape(shape), block.start)
        curve = expected_deaths(wanted.reshape(size, weeks), fatality.reshape(size, weeks), delay).reshape(shape)
        course = follow(
            block.population, block.contacts, pathogen, vaccine(), coverage(),
            _conditions(block, effects, multiplier), wanted, block.start, generation, guess, block.codes,
        )  # fmt: skip
        guess = course.susceptibility
        error = np.abs(course.deaths - curve).sum(axis=2) / deaths.sum(axis=2)
        if number == passes or np.all(error < converged):
            break
        short = (course.deaths.sum(axis=2) < SHORTFALL * deaths.sum(axis=2)) & course.capped.any(axis=2)
        raised = np.where(short, 1.1 * deaths.sum(axis=2) / course.deaths.sum(axis=2), 1.0)
        multiplier = multiplier * raised
        seen = _seen_fatality(course, delay, fatality)
        gap = _smoothed(np.log(seen / fatality))
        way = np.clip(way * np.where(gap * last < 0, SHORTEN, LENGTHEN), SHORTEST_WAY, LONGEST_WAY)
        last = gap
        fatality = fatality * np.exp(way * gap) * raised[..., None]
    return _Fitted(course, wanted, curve, fatality, multiplier, number)


def _conditions(block: _Block, effects: FloatArray, multiplier: FloatArray) -> Conditions:
    return Conditions(
        first_doses_per_day=block.courses,
        booster_doses_per_day=block.boosters,
        severity=multiplier[..., None] * effects[0],
        vaccine_efficacy_scale=effects[1],
        reinfection_rate=effects[2],
        ward_beds=block.ward_beds,
        icu_beds=block.icu_beds,
    )


def _seen_fatality(course: Course, delay: FloatArray, before: FloatArray) -> FloatArray:
    """Deaths of the engine by week per infection that could have led to them; ``before`` where there is none."""
    shape = course.deaths.shape
    infections = course.infections.reshape(-1, shape[2])
    exposed = expected_deaths(infections, np.ones_like(infections), delay).reshape(shape)
    known = (exposed > 1e-6) & (course.deaths > 0)
    return np.where(known, course.deaths / np.where(known, exposed, 1.0), before)


def _smoothed(gap: FloatArray) -> FloatArray:
    """Weighted mean over five weeks: single weeks of full hospitals must not swing against their neighbours."""
    wide = np.pad(gap, [(0, 0)] * (gap.ndim - 1) + [(2, 2)], mode="edge")
    width = gap.shape[-1]
    return np.asarray(sum(weight * wide[..., k : k + width] for k, weight in enumerate(SMOOTHER)))


def _joined(parts: list[_Fitted]) -> _Fitted:
    """Put blocks of places together again."""
    def along(name: str) -> FloatArray:
        return np.concatenate([getattr(part, name) for part in parts], axis=1)

    course = Course(**{f.name: np.concatenate([getattr(p.course, f.name) for p in parts], axis=1) for f in fields(Course)})
    return _Fitted(
        course, along("wanted"), along("curve"), along("fatality"), along("multiplier"), max(p.passes for p in parts)
    )


def _series(course: Course) -> dict[str, FloatArray]:
    return {
        "reproduction": course.reproduction,
        "effective": course.reproduction * course.susceptibility,
        "infections": course.infections,
    }


def _notes(block: _Block, central: _Fitted) -> NDArray[np.str_]:
    """What to mind about each week, (P, W): capped, incomplete, few-deaths, or nothing."""
    delay = infection_to_death(Pathogen.load(PATHOGEN).repeat(1), block.population.sum(axis=0))[0]
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
    block: _Block, counts: WeeklyDeaths, estimated: NDArray[np.int64], central: _Fitted, drawn: _Fitted | None
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
