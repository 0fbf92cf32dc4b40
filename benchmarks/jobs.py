"""The jobs: what is run, how long it may take, and what other programs take for the same or a smaller job."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mamori.core.errors import InputError
from mamori.data.world import World
from mamori.epidemic.model import Drivers, Epidemic
from mamori.epidemic.pathogen import Pathogen, Vaccine
from mamori.epidemic.seir import simulate_seir
from mamori.workflows.watson import load_fit, run_fit

FloatArray = NDArray[np.float64]
Accuracy = Literal["fine", "coarse"]
OLD_FIRST = np.array([[0.8 * (age >= 16 - step) for age in range(17)] for step in range(17)])


@dataclass(frozen=True)
class Recorded:
    """CPU milliseconds of another program, measured elsewhere: its machine is in the README."""

    program: str
    cpu_ms: float


@dataclass(frozen=True)
class Job:
    """One job: ``prepare`` loads what it needs and returns the work to be timed."""

    name: str
    what: str
    budget_ms: float
    prepare: Callable[[], Callable[[], object]]
    repeats: int = 5
    peer: Recorded | None = None
    side_by_side: str | None = None  # the program of `benchmarks.peers` that runs the same job


@cache
def world() -> World:
    """Load the world once."""
    return World.load()


def seir_job() -> dict[str, Any]:
    """Return the SEIR job: Britain in 16 ages (75 and over as one), a year, 20 infectious of each age."""
    place = world().select("GBR")
    groups = np.eye(17)[:, :16]
    groups[16, 15] = 1.0
    people = np.round(groups.T @ place.population[0])
    total = groups.T @ (place.contacts[0].sum(axis=0) * place.population[0][:, None]) @ groups
    contacts = total / people[:, None]
    return {
        "population": people.tolist(),
        "contacts": contacts.tolist(),
        "latent_days": 4.6,
        "infectious_days": 2.1,
        "reproduction_number": 2.5,
        "transmission": 2.5 / (2.1 * float(np.abs(np.linalg.eigvals(contacts)).max())),
        "days": 365,
        "draws": 100,
        "seeds": [20.0] * 16,
    }


def _seir(draws: int | None) -> Callable[[], object]:
    job = seir_job()
    contacts, people, seeds = (np.array(job[name]) for name in ("contacts", "population", "seeds"))
    course = {name: job[name] for name in ("latent_days", "infectious_days", "reproduction_number", "days")}
    return lambda: simulate_seir(contacts, people, seeds=seeds, draws=draws, seed=1, **course)


def _pathway(places: World, days: int, accuracy: Accuracy, vaccine_day: int | None) -> Callable[[], object]:
    """Return an epidemic without response from 20 cases in each place; 0.5 % vaccinated a day, the oldest first."""
    people = places.population.sum(axis=1)
    beds = Drivers(
        ward_beds=places.table["hospital_beds"].to_numpy().astype(float),
        icu_beds=places.table["icu_beds"].to_numpy().astype(float),
    )
    pathogen = replace(Pathogen.load("sars-cov-2"), r0=2.5).repeat(1)
    vaccine = Vaccine.default()

    def run() -> FloatArray:
        epidemic = Epidemic(
            places.population,
            places.contacts,
            pathogen,
            seed=1,
            place_codes=places.codes,
            vaccine=vaccine,
            coverage=OLD_FIRST,
            stochastic_below=0.0,
            accuracy=accuracy,
        )
        epidemic.infect(20.0)
        if vaccine_day is None:
            epidemic.advance(days, beds)
        else:
            epidemic.advance(vaccine_day, beds)
            epidemic.advance(days - vaccine_day, replace(beds, first_doses_per_day=0.005 * people))
        return epidemic.deaths_by_age

    return run


def _country(accuracy: Accuracy, vaccine_day: int | None) -> Callable[[], Callable[[], object]]:
    return lambda: _pathway(world().select("GBR"), 365, accuracy, vaccine_day)


def _countries(accuracy: Accuracy) -> Callable[[], object]:
    return _pathway(world().select(world().codes[:200]), 730, accuracy, 100)


def _few_infected() -> Callable[[], object]:
    """Return a hundred outbreaks at R = 0.95 from ten cases each, with overdispersion, for a year."""
    place = world().select("GBR")
    pathogen = replace(Pathogen.load("sars-cov-2"), r0=0.95).repeat(1)
    population, contacts = (np.repeat(values, 100, axis=0) for values in (place.population, place.contacts))

    def run() -> FloatArray:
        codes = [f"P{p}" for p in range(100)]
        epidemic = Epidemic(population, contacts, pathogen, seed=1, place_codes=codes, stochastic_below=np.inf)
        epidemic.infect(10.0)
        return epidemic.advance(365, Drivers()).infections

    return run


def _watson() -> Callable[[], object]:
    """Return one draw of Kenya's fit with its vaccines; needs the published fits."""
    folder = Path(os.environ.get("MAMORI_SHARED", "../shared")) / "data/watson_fits"
    if not folder.is_dir():
        raise InputError(f"the fits of Watson et al. 2022 are not in {folder}. Set MAMORI_SHARED to the folder above")
    fit = load_fit(folder / "KEN.json.gz", json.loads((folder / "contact_matrices.json").read_text()), 40)
    return lambda: run_fit(fit, vaccinate=True, correct=False)


JOBS = (
    Job("seir", "SEIR, 16 ages, 1 year, equations", 1.0, lambda: _seir(None), repeats=50,
        side_by_side="memilio-simulation", peer=Recorded("MEmilio 2.4.1", 1.8)),
    Job("seir-draws", "SEIR, 16 ages, 1 year, 100 draws", 150.0, lambda: _seir(100),
        side_by_side="epydemix", peer=Recorded("epydemix 1.5.0", 11_200.0)),
    Job("country", "full pathway, 1 year", 20.0, _country("fine", None), repeats=20,
        peer=Recorded("nimue 0.1.23", 165.0)),
    Job("country-vaccine", "full pathway with vaccine, 1 year", 20.0, _country("fine", 100), repeats=20,
        peer=Recorded("nimue 0.1.23", 418.0)),
    Job("country-coarse", "the same, coarse", 10.0, _country("coarse", 100), repeats=20,
        peer=Recorded("nimue 0.1.23", 418.0)),
    Job("world", "200 places, 2 years, vaccine", 8_000.0, lambda: _countries("fine"), repeats=1,
        peer=Recorded("nimue 0.1.23", 74_000.0)),
    Job("world-coarse", "the same, coarse", 8_000.0, lambda: _countries("coarse"), repeats=1,
        peer=Recorded("nimue 0.1.23", 74_000.0)),
    Job("few-infected", "100 outbreaks by chance at R 0.95, 1 year", 1_000.0, _few_infected, repeats=3),
    Job("watson", "a fit of Watson et al. 2022, 1 draw", 50.0, _watson, repeats=10,
        peer=Recorded("nimue 0.1.23", 2_300.0)),
)  # fmt: skip
