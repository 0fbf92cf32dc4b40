"""A place run by a schedule: the same as the engine day by day, and what a schedule's days do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mamori.epidemic.model import Drivers, Epidemic
from mamori.epidemic.pathogen import Pathogen, Stays, Vaccine
from mamori.epidemic.schedule import (
    Course,
    NaturalHistory,
    PlaceRun,
    Protection,
    Schedule,
    growth_per_contact,
    run_schedule,
)

FloatArray = NDArray[np.float64]
Build = Callable[..., Epidemic]
DAYS = 150


@pytest.fixture(scope="module")
def symptomatic(pathogen: Pathogen) -> Pathogen:
    """Return the pathogen without infections that have no symptoms, which schedules do not know."""
    return replace(pathogen, asymptomatic_share=np.zeros(17), r0=2.5, immunity_days=300.0)


@pytest.fixture(scope="module")
def history(symptomatic: Pathogen) -> NaturalHistory:
    stays: Stays = symptomatic.stays
    names = ("ward_live", "ward_die", "ward_untreated_live", "ward_untreated_die",
             "icu_live", "icu_die", "icu_untreated_live", "icu_untreated_die")  # fmt: skip
    return NaturalHistory(
        symptomatic.latent_days,
        symptomatic.mild_days,
        symptomatic.case_days,
        np.array([float(np.asarray(getattr(stays, name))) for name in names]),
        float(np.asarray(stays.stepdown)),
        symptomatic.prob_hospital,
        symptomatic.prob_icu,
        symptomatic.death_ward,
        symptomatic.death_ward_untreated,
        symptomatic.death_icu,
        symptomatic.death_icu_untreated,
    )


@pytest.fixture(scope="module")
def steady() -> Schedule:
    """Return 150 days with 3000 doses a day from day 30 and few beds."""
    even = np.ones(DAYS)
    return Schedule(
        reproduction=2.5 * even,
        first_doses=np.where(np.arange(DAYS) >= 30, 3000.0, 0.0),
        immunity_rate=2.0 / 300.0 * even,
        severity=even,
        ward_beds=2000.0 * even,
        icu_beds=60.0 * even,
        efficacy_infection=np.full((DAYS, 17), 0.6),
        efficacy_disease=np.full((DAYS, 17), 0.8),
    )


@pytest.fixture(scope="module")
def run(people: FloatArray, contacts: FloatArray, history: NaturalHistory, steady: Schedule) -> Callable[..., PlaceRun]:
    """Return a run of the steady schedule with some days changed."""
    protection = Protection(14.0, 365.0, 0.7, np.full((1, 17), 0.8))

    def make(seed_day: int = 0, **changes: Any) -> PlaceRun:
        schedule = replace(steady, **changes)
        course = Course.prepare(history, protection)
        return run_schedule(people, contacts.sum(axis=0), np.full(17, 2.0), course, schedule, seed_day)

    return make


def test_a_schedule_is_the_engine_day_by_day(
    run: Callable[..., PlaceRun], build: Build, symptomatic: Pathogen, steady: Schedule, contacts: FloatArray
) -> None:
    vaccine = Vaccine(0.6, 0.8, 0.7, 0.6, 0.8, 0.7, 365.0, delay_days=14.0, protection_days=365.0)
    epidemic = build(pathogen=symptomatic.repeat(1), vaccine=vaccine, contacts=contacts[None])
    epidemic.infect_by_age(np.full((1, 1, 17), 2.0))
    beds = {"ward_beds": 2000.0, "icu_beds": 60.0}
    flows = [
        epidemic.advance(30, Drivers(**beds)),
        epidemic.advance(DAYS - 30, Drivers(first_doses_per_day=3000.0, **beds)),
    ]
    place = run()
    for name in ("infections", "deaths", "first_doses"):
        expected = np.concatenate([getattr(part, name)[0, 0] for part in flows])
        assert getattr(place, name) == pytest.approx(expected, rel=1e-8, abs=1e-6)
    ward = place.stays[1:, :2].sum(axis=1) + place.stepdown[1:]
    assert ward == pytest.approx(np.concatenate([part.ward_occupied[0, 0] for part in flows]), rel=1e-8, abs=1e-6)
    assert place.by_age[3] == pytest.approx(epidemic.deaths_by_age[0, 0], rel=1e-8)


def test_people_are_conserved(run: Callable[..., PlaceRun], people: FloatArray) -> None:
    place = run()
    everybody = place.compartments.sum(axis=1) + place.stays.sum(axis=1) + place.stepdown + place.dead
    assert np.allclose(everybody, people.sum(), rtol=1e-10)
    assert np.allclose(place.by_vaccine.sum(axis=1), people.sum(), rtol=1e-10)
    assert np.allclose(np.diff(place.dead), place.deaths)
    assert place.by_age[:4].sum(axis=1) == pytest.approx(
        [place.infections.sum(), place.first_doses.sum(), 0.0, place.dead[-1]]
    )


def test_the_reproduction_number_sets_beta(history: NaturalHistory, contacts: FloatArray) -> None:
    mixing = contacts.sum(axis=0)
    days = history.prob_hospital * 4.5 + (1 - history.prob_hospital) * 2.1
    expected = np.linalg.eigvals(np.diag(days) @ mixing).real.max()
    assert growth_per_contact(mixing, history) == pytest.approx(expected)


def test_nothing_happens_before_the_seeds_but_vaccination(run: Callable[..., PlaceRun], people: FloatArray) -> None:
    place = run(seed_day=60)
    assert not place.infections[:60].any()
    assert place.compartments[60, 0] == pytest.approx(people.sum())
    assert place.compartments[61, 1:7].sum() > 34.0 * 0.9
    assert place.by_vaccine[60, 1:].sum() == pytest.approx(30 * 3000.0)
    # Vaccinated people stand no nearer to the seeds, which fall on the never-vaccinated.
    assert place.infections[60:].sum() < run().infections[:90].sum()


@pytest.mark.parametrize(
    ("name", "later", "where"),
    [
        ("reproduction", 1.0, "infections"),
        ("severity", 1.5, "deaths"),
        ("immunity_rate", 0.05, "infections"),
        ("icu_beds", 500.0, "deaths"),
        ("ward_beds", 9000.0, "deaths"),
    ],
)
def test_a_day_s_value_holds_from_that_day(
    run: Callable[..., PlaceRun], steady: Schedule, name: str, later: float, where: str
) -> None:
    changed = np.where(np.arange(DAYS) < 70, getattr(steady, name), later)
    one, other = getattr(run(), where), getattr(run(**{name: changed}), where)
    assert np.array_equal(one[:70], other[:70])
    assert abs(one[70:].sum() / other[70:].sum() - 1) > 1e-3


def test_efficacy_by_age_and_day(run: Callable[..., PlaceRun], steady: Schedule) -> None:
    young_only = steady.efficacy_infection.copy()
    young_only[:, 8:] = 0.0
    base, changed = run(), run(efficacy_infection=young_only)
    assert np.all(changed.by_age[0, 8:] > base.by_age[0, 8:])
    late = steady.efficacy_disease.copy()
    late[80:] = 0.0
    worse = run(efficacy_disease=late)
    assert np.array_equal(worse.deaths[:80], base.deaths[:80])
    assert worse.deaths[80:].sum() > 1.01 * base.deaths[80:].sum()
