"""Back-calculation: from deaths by country and day to infections and to the reproduction number of each week.

Stage 1 turns weekly deaths into weekly infections (`_deconvolution`), given how many of the infected die. Stage 2 runs
the age-structured engine along these infections (`_tracking`) and sees how many die in it, by age, immunity, vaccines
and beds. The two take turns until the engine's own deaths are the fitted curve. Method and limits:
docs/methods/back-calculation.md.
"""

from __future__ import annotations

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
    import datetime as dt
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
PASSES, PASSES_OF_DRAWS = 24, 6
CONVERGED, CONVERGED_DRAWS = 0.01, 0.02  # sum |engine - fitted curve| / deaths
LONGEST_WAY, SHORTEST_WAY = 0.8, 0.1  # share of the way that log fatality goes to what the engine showed
SMOOTHER = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0
SHORTEN, LENGTHEN = 0.6, 1.1  # of the way of a week where the gap changed its sign, or kept it
PASSES_PER_RAISE = 3  # so that fatality settles before it is raised again
SHORT, LARGEST_RAISE = 1.02, 1.5  # wanted infections over those reached at the highest transmission
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


@dataclass(frozen=True)
class _Block:
    """Some places with what the estimate needs, (P, ...)."""

    codes: tuple[str, ...]
    monday: tuple[dt.date, ...]
    typical: FloatArray  # (17,) people by age for whom delays are worked out: the same for all places
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
    """A pass over a block: what the engine did, and what the curve asked, (D, P, ...)."""

    course: Course
    wanted: FloatArray
    curve: FloatArray
    log_infections: FloatArray
    fatality: FloatArray
    multiplier: FloatArray


@dataclass(frozen=True)
class _State:
    """What a pass begins from, (D, P, W), ``effects`` (3, D, P, W), ``multiplier`` of the fatality (D, P).

    ``fatality``: deaths by week per infection that could have led to them. ``way``: the share of the way that log
    fatality goes to what the engine shows, and ``gap``, that way the last time.
    """

    deaths: FloatArray
    effects: FloatArray
    multiplier: FloatArray
    fatality: FloatArray
    log_infections: FloatArray
    susceptibility: FloatArray | None
    way: FloatArray
    gap: FloatArray

    @classmethod
    def begin(
        cls,
        deaths: FloatArray,
        effects: FloatArray,
        multiplier: FloatArray,
        fatality: FloatArray,
        log_infections: FloatArray,
        susceptibility: FloatArray | None = None,
    ) -> _State:
        """The state before the first pass."""
        way, gap = np.full(deaths.shape, LONGEST_WAY), np.zeros(deaths.shape)
        return cls(deaths, effects, multiplier, fatality, log_infections, susceptibility, way, gap)

    def at(self, places: NDArray[np.int64]) -> _State:
        """Some of the places."""
        cut = {
            f.name: np.take(value, places, axis=2 if f.name == "effects" else 1)
            for f in fields(self)
            if (value := getattr(self, f.name)) is not None
        }
        return replace(self, **cut)


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
    counts = read_deaths(deaths, world, kind, columns)
    estimated = np.flatnonzero(counts.deaths.sum(axis=1) >= FEWEST_DEATHS)
    if not len(estimated):
        raise InputError(f"{deaths}: no place has {FEWEST_DEATHS:g} deaths or more; there is nothing to estimate from")
    everything = _block(world, everywhere.population.sum(axis=0), counts, estimated, doses)
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


def _block(
    world: World, typical: FloatArray, counts: WeeklyDeaths, estimated: NDArray[np.int64], doses: Path | None
) -> _Block:
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


def _part(block: _Block, members: slice | NDArray[np.int64]) -> _Block:
    whole = ("monday", "typical")
    cut = {f.name: getattr(block, f.name)[members] for f in fields(_Block) if f.name not in (*whole, "codes")}
    codes = tuple(np.array(block.codes)[members].tolist())
    return replace(block, codes=codes, **cut)


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
    state = _State.begin(deaths, effects, np.ones_like(mean), fatality, guess)
    return _alternate(block, pathogen, state, PASSES, CONVERGED)


def _draws(block: _Block, central: _Fitted, draws: int, seed: int) -> _Fitted:
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
    state = _State.begin(deaths, effects, central.multiplier * factor, fatality, guess, susceptibility)
    return _alternate(block, pathogen, state, PASSES_OF_DRAWS, CONVERGED_DRAWS)


def _redrawn(block: _Block, curve: FloatArray, generators: list[list[np.random.Generator]]) -> FloatArray:
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


def _alternate(block: _Block, pathogen: PathogenDraws, state: _State, passes: int, converged: float) -> _Fitted:
    """Let deconvolution and engine take turns; a place whose draws have all converged is done."""
    delay, generation = infection_to_death(pathogen, block.typical), generation_time(pathogen, block.typical)
    order, done = [], []
    left = np.arange(len(block.codes))
    for number in range(1, passes + 1):
        fitted = _pass(block, pathogen, state, delay, generation)
        deaths = state.deaths.sum(axis=2)
        error = np.abs(fitted.course.deaths - fitted.curve).sum(axis=2) / deaths
        ready = np.all(error < converged, axis=0) | (number == passes)
        order.append(left[ready])
        done.append(_chosen(fitted, np.flatnonzero(ready)))
        keep = np.flatnonzero(~ready)
        if not len(keep):
            break
        state = _next_state(state, fitted, delay[:, None], number).at(keep)
        block, left = _part(block, keep), left[keep]
    return _chosen(_joined(done), np.argsort(np.concatenate(order)))


def _pass(block: _Block, pathogen: PathogenDraws, state: _State, delay: FloatArray, generation: FloatArray) -> _Fitted:
    """Infections from the deaths, then the engine along them."""
    draws, places, weeks = shape = state.deaths.shape
    log_infections = deconvolve(
        state.deaths.reshape(-1, weeks),
        state.fatality.reshape(-1, weeks),
        np.repeat(delay, places, axis=0),
        np.tile(block.start, draws),
        np.tile(block.dispersion, draws),
        state.log_infections.reshape(-1, weeks),
    ).reshape(shape)
    wanted = infections_of(log_infections, block.start)
    conditions = Conditions(
        first_doses_per_day=block.courses,
        booster_doses_per_day=block.boosters,
        severity=state.multiplier[..., None] * state.effects[0],
        vaccine_efficacy_scale=state.effects[1],
        reinfection_rate=state.effects[2],
        ward_beds=block.ward_beds,
        icu_beds=block.icu_beds,
    )
    course = follow(
        block.population, block.contacts, pathogen, vaccine(), coverage(), conditions, wanted, block.start, generation,
        state.susceptibility, block.codes,
    )  # fmt: skip
    curve = expected_deaths(wanted, state.fatality, delay[:, None])
    return _Fitted(course, wanted, curve, log_infections, state.fatality, state.multiplier)


def _next_state(state: _State, fitted: _Fitted, delay: FloatArray, number: int) -> _State:
    """Take from the engine how many of the infected die, and raise that where it is too few whatever spreads."""
    course = fitted.course
    short = fitted.wanted.sum(axis=2) / course.infections.sum(axis=2)
    settled = number % PASSES_PER_RAISE == 0
    unreached = settled & (short > SHORT) & course.capped.any(axis=2)
    raised = np.where(unreached, np.minimum(short, LARGEST_RAISE), 1.0)
    exposed = expected_deaths(course.infections, np.ones_like(state.deaths), delay)
    known = (exposed > 1e-6) & (course.deaths > 0)
    seen = np.where(known, course.deaths / np.where(known, exposed, 1.0), state.fatality)
    gap = _smoothed(np.log(seen / state.fatality))
    way = np.clip(state.way * np.where(gap * state.gap < 0, SHORTEN, LENGTHEN), SHORTEST_WAY, LONGEST_WAY)
    return replace(
        state,
        log_infections=fitted.log_infections,
        susceptibility=course.susceptibility,
        fatality=state.fatality * np.exp(way * gap) * raised[..., None],
        multiplier=state.multiplier * raised,
        way=way,
        gap=gap,
    )


def _smoothed(gap: FloatArray) -> FloatArray:
    """Weighted mean over five weeks: single weeks of full hospitals must not swing against their neighbours."""
    wide = np.pad(gap, [(0, 0)] * (gap.ndim - 1) + [(2, 2)], mode="edge")
    width = gap.shape[-1]
    return np.asarray(sum(weight * wide[..., k : k + width] for k, weight in enumerate(SMOOTHER)))


def _chosen(fitted: _Fitted, places: NDArray[np.int64]) -> _Fitted:
    """Some places, in the order given."""
    return _each(fitted, lambda arrays: np.take(arrays[0], places, axis=1))


def _joined(parts: list[_Fitted]) -> _Fitted:
    """Places of several parts one after the other."""
    return _each(parts[0], lambda arrays: np.concatenate(arrays, axis=1), *parts[1:])


def _each(first: _Fitted, change: Callable[[list[Any]], Any], *others: _Fitted) -> _Fitted:
    """Apply ``change`` to each array of one or several results."""
    parts = (first, *others)

    def changed(name: str) -> Any:
        values = [getattr(part, name) for part in parts]
        if name != "course":
            return change(values)
        return Course(**{f.name: change([getattr(course, f.name) for course in values]) for f in fields(Course)})

    return _Fitted(**{f.name: changed(f.name) for f in fields(_Fitted)})


def _series(course: Course) -> dict[str, FloatArray]:
    return {
        "reproduction": course.reproduction,
        "effective": course.reproduction * course.susceptibility,
        "infections": course.infections,
    }


def _notes(block: _Block, central: _Fitted) -> NDArray[np.str_]:
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
