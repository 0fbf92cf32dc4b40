"""The two stages of the back-calculation taking turns: deconvolution of the deaths, then the engine along them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mamori.workflows._conditions import coverage, vaccine
from mamori.workflows._deconvolution import deconvolve, expected_deaths, infections_of
from mamori.workflows._delays import generation_time, infection_to_death
from mamori.workflows._tracking import Conditions, Course, follow

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mamori.epidemic.pathogen import PathogenDraws

    FloatArray = NDArray[np.float64]

LONGEST_WAY, SHORTEST_WAY = 0.8, 0.1  # share of the way that log fatality goes to what the engine showed
SMOOTHER = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0
SHORTEN, LENGTHEN = 0.6, 1.1  # of the way of a week where the gap changed its sign, or kept it
PASSES_PER_RAISE = 3  # so that fatality settles before it is raised again
SHORT, LARGEST_RAISE = 1.02, 1.5  # wanted infections over those reached at the highest transmission


@dataclass(frozen=True)
class Block:
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
class Fitted:
    """A pass over a block: what the engine did, and what the curve asked, (D, P, ...)."""

    course: Course
    wanted: FloatArray
    curve: FloatArray
    log_infections: FloatArray
    fatality: FloatArray
    multiplier: FloatArray


@dataclass(frozen=True)
class State:
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
    ) -> State:
        """The state before the first pass."""
        way, gap = np.full(deaths.shape, LONGEST_WAY), np.zeros(deaths.shape)
        return cls(deaths, effects, multiplier, fatality, log_infections, susceptibility, way, gap)

    def at(self, places: NDArray[np.int64]) -> State:
        """Some of the places."""
        cut = {
            f.name: np.take(value, places, axis=2 if f.name == "effects" else 1)
            for f in fields(self)
            if (value := getattr(self, f.name)) is not None
        }
        return replace(self, **cut)


def alternate(block: Block, pathogen: PathogenDraws, state: State, passes: int, converged: float) -> Fitted:
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
        block, left = part_of(block, keep), left[keep]
    return _chosen(joined(done), np.argsort(np.concatenate(order)))


def _pass(block: Block, pathogen: PathogenDraws, state: State, delay: FloatArray, generation: FloatArray) -> Fitted:
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
    return Fitted(course, wanted, curve, log_infections, state.fatality, state.multiplier)


def _next_state(state: State, fitted: Fitted, delay: FloatArray, number: int) -> State:
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


def _chosen(fitted: Fitted, places: NDArray[np.int64]) -> Fitted:
    """Some places, in the order given."""
    return _each(fitted, lambda arrays: np.take(arrays[0], places, axis=1))


def joined(parts: list[Fitted]) -> Fitted:
    """Places of several parts one after the other."""
    return _each(parts[0], lambda arrays: np.concatenate(arrays, axis=1), *parts[1:])


def _each(first: Fitted, change: Callable[[list[Any]], Any], *others: Fitted) -> Fitted:
    """Apply ``change`` to each array of one or several results."""
    parts = (first, *others)

    def changed(name: str) -> Any:
        values = [getattr(part, name) for part in parts]
        if name != "course":
            return change(values)
        return Course(**{f.name: change([getattr(course, f.name) for course in values]) for f in fields(Course)})

    return Fitted(**{f.name: changed(f.name) for f in fields(Fitted)})


def part_of(block: Block, members: slice | NDArray[np.int64]) -> Block:
    """Some of the places."""
    whole = ("monday", "typical")
    cut = {f.name: getattr(block, f.name)[members] for f in fields(Block) if f.name not in (*whole, "codes")}
    codes = tuple(np.array(block.codes)[members].tolist())
    return replace(block, codes=codes, **cut)
