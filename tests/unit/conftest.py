"""People, contacts and a pathogen for the tests of the epidemic engine."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mamori.core.ages import AGE_GROUPS
from mamori.epidemic.model import Drivers, Epidemic, Flows
from mamori.epidemic.pathogen import Pathogen, Vaccine

AGES = len(AGE_GROUPS)
Build = Callable[..., Epidemic]


@pytest.fixture(scope="session")
def pathogen() -> Pathogen:
    """SARS-CoV-2 whose treatment raises fatality at no age, with lifelong immunity and even infectiousness."""
    wild = Pathogen.load("sars-cov-2")
    return replace(
        wild,
        r0=2.5,
        death_ward=np.minimum(wild.death_ward, wild.death_ward_untreated),
        death_icu=np.minimum(wild.death_icu, wild.death_icu_untreated),
        immunity_days=np.inf,
        dispersion=np.inf,
    )


@pytest.fixture(scope="session")
def lasting() -> Vaccine:
    """A vaccine whose protection is not lost."""
    return Vaccine(0.6, 0.8, 0.7, 0.8, 0.9, 0.6, np.inf, delay_days=14.0, protection_days=np.inf)


@pytest.fixture(scope="session")
def people() -> NDArray[np.float64]:
    """A million people, fewer with age."""
    shares = np.linspace(3.0, 0.5, AGES)
    return np.asarray(1e6 * shares / shares.sum())


@pytest.fixture(scope="session")
def contacts(people: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reciprocal contacts (4, 17, 17): alike at school and at work, families, anybody."""
    gap = np.abs(np.subtract.outer(np.arange(AGES), np.arange(AGES)))
    pupils = (np.arange(AGES) < 4).astype(float)
    workers = ((np.arange(AGES) >= 4) & (np.arange(AGES) < 13)).astype(float)
    total = np.stack(
        [
            2.0 * np.exp(-gap) + 1.0 * np.exp(-np.abs(gap - 6.0)),
            0.5 * np.outer(workers, workers),
            4.0 * np.outer(pupils, pupils) * np.exp(-gap),
            0.3 * np.ones((AGES, AGES)),
        ]
    )
    return np.asarray(total * (people.sum() / AGES) / people[None, :, None])


@pytest.fixture(scope="session")
def build(pathogen: Pathogen, people: NDArray[np.float64], contacts: NDArray[np.float64]) -> Build:
    """Return a maker of epidemics: one draw, one place, without chance, unless told otherwise."""

    def make(places: int = 1, draws: int = 1, **changes: Any) -> Epidemic:
        given: dict[str, Any] = {
            "population": np.tile(people, (places, 1)),
            "contacts": np.tile(contacts, (places, 1, 1, 1)),
            "pathogen": pathogen.repeat(draws),
            "seed": 1,
            "place_codes": [f"P{p}" for p in range(places)],
            "stochastic_below": 0.0,
        } | changes
        return Epidemic(given.pop("population"), given.pop("contacts"), given.pop("pathogen"), **given)

    return make


@pytest.fixture(scope="session")
def joined() -> Callable[[list[Flows]], dict[str, NDArray[np.float64]]]:
    """Return a function that joins the results of several calls of `advance` along the days."""

    def join(parts: list[Flows]) -> dict[str, NDArray[np.float64]]:
        return {name: np.concatenate([getattr(part, name) for part in parts], axis=2) for name in vars(parts[0])}

    return join


@pytest.fixture(scope="session")
def crowded() -> Drivers:
    """Three ward beds and 0.1 ICU beds per 1000 people, far too few for an epidemic without any response."""
    return Drivers(ward_beds=3000.0, icu_beds=100.0)
