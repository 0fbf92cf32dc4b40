"""Run an epidemic in places of the world: one documented call behind ``mamori simulate``."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mamori.core.errors import InputError
from mamori.core.executor import run_chunks
from mamori.core.provenance import provenance
from mamori.epidemic._conductor import Conductor, Plan
from mamori.epidemic._pathogen_table import read_table
from mamori.epidemic.health_system import Hospitals
from mamori.epidemic.interventions import vaccination_coverage
from mamori.epidemic.measures import Measures, Vaccination
from mamori.epidemic.model import Epidemic
from mamori.epidemic.pathogen import PathogenDraws, draw_pathogen
from mamori.epidemic.simulation import AGE_METRICS, METRICS, Simulation, jsonable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mamori.data.world import World
    from mamori.epidemic.variants import Variant

FloatArray = NDArray[np.float64]
Daily = dict[str, FloatArray]

DRAWS_PER_CHUNK = 4
PLACES_PER_CHUNK = 16
"""What one thread advances together: fixed, so that memory and results do not depend on the machine."""
STOCHASTIC_BELOW = 100.0
"""Active infections under which a stochastic place runs in exact integer steps (the engine's default)."""


def simulate(
    places: str | Sequence[str],
    pathogen: str | Path = "sars-cov-2",
    *,
    r0: float | None = None,
    immunity_days: float | None = None,
    days: int = 365,
    draws: int = 1,
    seed: int = 0,
    stochastic: bool = True,
    initial_infections: float = 20.0,
    initial_places: str | Sequence[str] | None = None,
    travel: bool = False,
    vaccine_start_day: int | None = None,
    vaccination: Vaccination | None = None,
    measures: Measures | None = None,
    hospitals: Hospitals | None = None,
    variants: Sequence[Variant] = (),
    world: World | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Simulation:
    """Simulate an epidemic of one pathogen in places of the world.

    `places` are codes or names, or "WORLD"; `pathogen` a built-in name or a `Path` to a table of your own, of
    which `r0` and `immunity_days` replace the values. Day 0 begins with `initial_infections` persons in the
    first latent stage in each of `initial_places` (all places where it is None). With `travel` people carry
    the infection between the places. `stochastic` places run in exact integer steps while infections are few;
    otherwise the model is deterministic. `vaccine_start_day` is short for `Vaccination(start_day)` with its
    defaults. Without `hospitals`, beds are those of the world's table less those that other patients take.
    `progress` is called with (chunks done, chunks in all). The same arguments and `seed` give the same bytes
    for any number of `workers` (threads; None for one per processor).

    Raises `InputError` for anything unknown or out of bounds, and for draws that would all be the same.
    """
    from mamori.data.world import World

    if vaccine_start_day is not None:
        if vaccination is not None:
            raise InputError("give either vaccine_start_day or vaccination, not both")
        vaccination = Vaccination(vaccine_start_day)
    _check_run(days, initial_infections)
    parameters = _draw(pathogen, draws, seed, r0, immunity_days)
    if draws > 1 and not stochastic and not read_table(pathogen).is_random:
        raise InputError(
            f"the {draws} draws would all be the same: the pathogen has no distribution and the run is "
            "deterministic. Take one draw, or a stochastic run"
        )
    chosen = (world or World.load()).select(places)
    if travel and len(chosen.codes) == 1:
        raise InputError(f"travel needs two places or more, and only {chosen.codes[0]} is given. Add places")
    plan = Plan(
        world=chosen,
        days=days,
        seed=seed,
        stochastic=stochastic,
        initial=_initial(chosen, initial_infections, initial_places),
        travel=travel,
        vaccination=vaccination,
        measures=measures or Measures(),
        hospitals=hospitals or Hospitals(),
        variants=tuple(variants),
    )
    daily, ages = _run(plan, parameters, (os.cpu_count() or 1) if workers is None else workers, progress)
    settings = _settings(plan, parameters, pathogen, r0, immunity_days)
    return Simulation(
        codes=chosen.codes,
        daily=daily,
        ages=ages,
        population=chosen.population,
        provenance=provenance(settings=settings) | {"settings": settings},
    )


def _run(
    plan: Plan, parameters: PathogenDraws, workers: int, progress: Callable[[int, int], None] | None
) -> tuple[dict[str, NDArray[np.float32]], dict[str, FloatArray]]:
    """Run all draws and places in chunks and return daily (D, P, days) and by-age (D, P, 17) results."""
    draws, places = len(parameters.r0), len(plan.world.codes)
    daily = {name: np.empty((draws, places, plan.days), np.float32) for name in METRICS}
    ages = {name: np.empty((draws, places, plan.world.population.shape[1])) for name in AGE_METRICS}
    chunks = [(block, members) for block in _blocks(draws, DRAWS_PER_CHUNK) for members in _place_blocks(plan, places)]

    def run(chunk: tuple[slice, slice]) -> tuple[Daily, Daily]:
        return _run_chunk(plan, parameters.select(chunk[0]), chunk[0].start, chunk[1])

    for index, (chunk_daily, chunk_ages) in run_chunks(run, chunks, workers=workers, progress=progress):
        for target, source in ((daily, chunk_daily), (ages, chunk_ages)):
            for name, values in source.items():
                target[name][chunks[index]] = values
    return daily, ages


def _blocks(number: int, size: int) -> list[slice]:
    return [slice(first, min(first + size, number)) for first in range(0, number, size)]


def _place_blocks(plan: Plan, places: int) -> list[slice]:
    """Return the blocks of places that run apart: all together where one place depends on another."""
    return [slice(0, places)] if plan.couples_places else _blocks(places, PLACES_PER_CHUNK)


def _run_chunk(plan: Plan, parameters: PathogenDraws, first_draw: int, members: slice) -> tuple[Daily, Daily]:
    """Run some draws of some places: stretches of days with constant drivers."""
    population = plan.world.population[members]
    vaccination = plan.vaccination
    epidemic = Epidemic(
        population,
        plan.world.contacts[members],
        parameters,
        seed=plan.seed,
        place_codes=plan.world.codes[members],
        vaccine=None if vaccination is None else vaccination.vaccine,
        coverage=None if vaccination is None else vaccination_coverage(vaccination.strategy, vaccination.coverage),
        travel=plan.world.travel if plan.travel else None,
        stochastic_below=STOCHASTIC_BELOW if plan.stochastic else 0.0,
        icu_fallback=plan.hospitals.icu_fallback,
        first_draw=first_draw,
    )
    draws, places = len(parameters.r0), len(population)
    epidemic.infect(np.broadcast_to(plan.initial[members], (draws, places)))
    daily = {name: np.zeros((draws, places, plan.days)) for name in METRICS}
    conductor = Conductor(plan, parameters, members)
    stops = plan.stops()
    for day, next_day in pairwise(stops):
        drivers = conductor.drivers(day, daily)
        flows = epidemic.advance(next_day - day, drivers)
        for name in METRICS:
            beds = {"ward_beds": drivers.ward_beds, "icu_beds": drivers.icu_beds}
            values = np.asarray(beds[name])[..., None] if name in beds else getattr(flows, name)
            daily[name][:, :, day:next_day] = values
    ages = {name: getattr(epidemic, f"{name}_by_age") for name in AGE_METRICS}
    return daily, ages


def _draw(pathogen: str | Path, draws: int, seed: int, r0: float | None, immunity_days: float | None) -> PathogenDraws:
    parameters = draw_pathogen(pathogen, draws, seed)
    given = {"r0": r0, "immunity_days": immunity_days}
    changed: dict[str, Any] = {name: np.full(draws, v) for name, v in given.items() if v is not None}
    return replace(parameters, **changed)


def _check_run(days: int, initial_infections: float) -> None:
    if days < 1:
        raise InputError(f"days is {days}; it must be >= 1. Give the length of the run in days")
    if not 0 < initial_infections < np.inf:
        raise InputError(f"initial_infections is {initial_infections:g}; it must be a number > 0")


def _initial(world: World, persons: float, places: str | Sequence[str] | None) -> FloatArray:
    """Return the persons infected at the start in each place, (P,)."""
    seeded = world.codes if places is None else world.select(places).codes
    initial = np.where([code in seeded for code in world.codes], persons, 0.0)
    people = world.population.sum(axis=1)
    if np.any(initial > people):
        code = world.codes[int(np.argmax(initial - people))]
        raise InputError(f"initial_infections is {persons:g}, more people than live in {code}. Give fewer")
    return initial


def _settings(
    plan: Plan,
    parameters: PathogenDraws,
    pathogen: str | Path,
    r0: float | None,
    immunity_days: float | None,
) -> dict[str, Any]:
    """Return every setting of the run in words and numbers that JSON holds."""
    settings: dict[str, Any] = jsonable(
        {
            "year": plan.world.year,
            "places": list(plan.world.codes),
            "pathogen": parameters.name,
            "pathogen_table": Path(pathogen).read_text(encoding="utf-8") if isinstance(pathogen, Path) else None,
            "r0": r0,
            "immunity_days": immunity_days,
            "days": plan.days,
            "draws": len(parameters.r0),
            "seed": plan.seed,
            "stochastic": plan.stochastic,
            "initial_infections": dict(zip(plan.world.codes, plan.initial, strict=True)),
            "travel": plan.travel,
            "vaccination": plan.vaccination,
            "measures": plan.measures,
            "hospitals": plan.hospitals,
            "variants": list(plan.variants),
            "overrides": list(plan.world.overrides),
        }
    )
    return settings
