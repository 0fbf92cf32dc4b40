"""The engine: people conserved, known sizes and speeds of epidemics, sameness, travel, drivers, what never harms."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import brentq

from mamori.core.errors import InputError
from mamori.epidemic.model import Drivers, Epidemic, Flows, infectious_days
from mamori.epidemic.pathogen import Pathogen, Vaccine, draw_pathogen

FloatArray = NDArray[np.float64]
Build = Callable[..., Epidemic]
Join = Callable[[list[Flows]], dict[str, FloatArray]]

MODES: dict[str, dict[str, Any]] = {
    "equations": {"stochastic_below": 0.0},
    "coarse": {"stochastic_below": 0.0, "accuracy": "coarse"},
    "both regimes": {"stochastic_below": 100.0},
    "whole people": {"stochastic_below": np.inf},
    "ward for ICU": {"stochastic_below": 100.0, "icu_fallback": True},
}


def _waning(pathogen: Pathogen, draws: int) -> Any:
    return replace(pathogen, immunity_days=90.0, dispersion=0.3).repeat(draws)


def _campaign(epidemic: Epidemic, weeks: int, doses: float = 3000.0) -> list[Flows]:
    """Advance week by week: doses from week 3 on, boosters from week 12 on, few beds."""
    return [
        epidemic.advance(
            7,
            Drivers(
                first_doses_per_day=doses * (week >= 3),
                booster_doses_per_day=0.5 * doses * (week >= 12),
                ward_beds=2000.0,
                icu_beds=60.0,
                isolation=0.1,
                severity=1.2,
                reinfection_rate=0.002,
            ),
        )
        for week in range(weeks)
    ]


# People


@pytest.mark.parametrize("mode", MODES)
def test_people_are_conserved_and_no_compartment_is_negative(
    build: Build, pathogen: Pathogen, lasting: Vaccine, mode: str
) -> None:
    epidemic = build(
        places=3,
        draws=2,
        pathogen=_waning(pathogen, 2),
        vaccine=replace(lasting, protection_days=120.0, booster_protection_days=90.0),
        travel=np.array([[0.0, 900.0, 5.0], [900.0, 0.0, 5.0], [5.0, 5.0, 0.0]]),
        **MODES[mode],
    )
    epidemic.infect(np.array([30.0, 0.0, 1.0]))
    population = epidemic.population.sum(axis=1)
    weeks = 8 if mode == "whole people" else 30
    for _ in range(weeks // 2):
        _campaign(epidemic, 2)
        assert np.abs(epidemic.people() / population - 1.0).max() < 1e-9
    assert epidemic.deaths_by_age.sum() > 0
    state = epidemic._state
    # Persons: rounding leaves some 1e-11 of a million.
    assert state.y[..., :9, :].min() > -1e-6
    assert state.care.min() > -1e-6
    assert state.w.min() > -1e-6
    everybody = state.y[..., :9, :].sum(axis=(2, 3)) + state.care[..., :23, :].sum(axis=(2, 3))
    assert np.allclose(everybody, epidemic.population, rtol=1e-9)


def test_flows_and_totals_by_age_agree(build: Build, lasting: Vaccine, joined: Join) -> None:
    epidemic = build(vaccine=lasting)
    epidemic.infect(50.0)
    flows = joined(_campaign(epidemic, 25))
    assert flows["deaths"].sum() == pytest.approx(epidemic.deaths_by_age.sum(), rel=1e-9)
    assert flows["infections"].sum() + 50.0 == pytest.approx(epidemic.infections_by_age.sum(), rel=1e-9)
    assert flows["first_doses"].sum() == pytest.approx(epidemic.first_doses_by_age.sum(), rel=1e-9)
    assert flows["booster_doses"].sum() == pytest.approx(epidemic.booster_doses_by_age.sum(), rel=1e-9)
    assert flows["hospital_need"].sum() == pytest.approx(epidemic.hospital_need_by_age.sum(), rel=1e-6)
    assert epidemic.day == 175


# Known answers of theory


def _everybody_alike(build: Build, pathogen: Pathogen, population: float, **changes: Any) -> Epidemic:
    """Build one place where everybody meets everybody and nobody needs hospital or is without symptoms."""
    people = np.full((1, 17), population / 17)
    mixing = np.ones((1, 4, 17, 17))
    mild = replace(pathogen, prob_hospital=np.zeros(17), asymptomatic_share=np.zeros(17), **changes.pop("course", {}))
    return build(population=people, contacts=mixing, pathogen=mild.repeat(changes.get("draws", 1)), **changes)


@pytest.mark.parametrize("reproduction", [1.5, 2.5, 4.0])
def test_the_reproduction_number_gives_the_final_size(build: Build, pathogen: Pathogen, reproduction: float) -> None:
    epidemic = _everybody_alike(build, pathogen, 1e6, course={"r0": reproduction})
    epidemic.infect(1.0)
    epidemic.advance(700, Drivers())
    share = brentq(lambda z: 1.0 - np.exp(-reproduction * z) - z, 1e-3, 1.0)
    assert epidemic.infections_by_age.sum() / 1e6 == pytest.approx(share, rel=2e-5)


def test_final_size_by_age(build: Build, pathogen: Pathogen, contacts: FloatArray) -> None:
    """ln(S_i(0) / S_i(end)) = beta sum_j c_ij d_j I_j / N_j, with care, symptoms or none, and uneven contacts."""
    epidemic = build()
    epidemic.infect(100.0)
    seeds = epidemic.infections_by_age[0, 0].copy()
    epidemic.advance(500, Drivers())
    population, infected = epidemic.population[0], epidemic.infections_by_age[0, 0]
    days = infectious_days(pathogen.repeat(1))[0]
    mixing = contacts.sum(axis=0)
    beta = 2.5 / np.abs(np.linalg.eigvals(days[:, None] * mixing)).max()
    pressure = beta * mixing @ (days * infected / population)
    left = (population - seeds) * np.exp(-pressure)
    assert population - infected == pytest.approx(left, rel=2e-5)


@pytest.mark.parametrize(("latent", "infectious", "reproduction"), [(4.6, 2.1, 2.5), (1.1, 2.5, 1.6), (3.0, 6.0, 4.0)])
def test_growth_follows_the_characteristic_equation(
    build: Build, pathogen: Pathogen, latent: float, infectious: float, reproduction: float
) -> None:
    """R (a / (a + r))^2 b / (b + r) = 1, with a = 2 / latent (two stages) and b = 1 / infectious."""
    course = {"r0": reproduction, "latent_days": latent, "mild_days": infectious}
    epidemic = _everybody_alike(build, pathogen, 1e12, course=course)
    epidemic.infect(1.0)
    infections = epidemic.advance(70, Drivers()).infections[0, 0]
    growth = np.log(infections[-1] / infections[-11]) / 10
    a, b = 2.0 / latent, 1.0 / infectious
    expected = brentq(lambda r: reproduction * (a / (a + r)) ** 2 * b / (b + r) - 1.0, 1e-6, 5.0)
    assert growth == pytest.approx(expected, rel=1e-4)


def test_asymptomatic_people_infect_by_their_infectiousness(build: Build, pathogen: Pathogen) -> None:
    """Isolation reaches people with symptoms only: the more of the spread is silent, the less it does."""
    silent = replace(
        pathogen, asymptomatic_share=np.full(17, 0.5), asymptomatic_days=pathogen.mild_days, prob_hospital=np.zeros(17)
    )
    sizes = []
    for course in (
        replace(silent, asymptomatic_infectiousness=1.0),
        replace(silent, asymptomatic_infectiousness=0.5),
        replace(silent, asymptomatic_share=np.zeros(17)),
    ):
        epidemic = build(pathogen=course.repeat(1))
        epidemic.infect(10.0)
        sizes.append(epidemic.advance(60, Drivers(isolation=0.4)).infections.sum())
    # Of all infectious days, weighted by infectiousness, 1/2, 1/3 and none are silent.
    assert sizes[0] > 1.2 * sizes[1] > 1.2 * 1.2 * sizes[2]


def test_isolation_of_all_stops_an_epidemic_with_symptoms(build: Build, pathogen: Pathogen) -> None:
    epidemic = build(pathogen=replace(pathogen, asymptomatic_share=np.zeros(17)).repeat(1))
    epidemic.infect(10.0)
    assert epidemic.advance(50, Drivers(isolation=1.0)).infections.sum() == 0


# Drivers


def test_contacts_are_reduced_setting_by_setting(build: Build, contacts: FloatArray) -> None:
    """Scaling all settings alike is scaling transmission; closing schools spares pupils most."""
    cases = {
        "all": Drivers(contact_scale=0.7),
        "transmission": Drivers(transmission=0.7),
        "by setting": Drivers(contact_scale=np.array([0.7, 0.7, 0.7, 0.7])),
        "schools": Drivers(contact_scale=np.array([1.0, 1.0, 0.0, 1.0])),
        "none": Drivers(),
    }
    infections = {}
    for name, drivers in cases.items():
        epidemic = build()
        epidemic.infect(10.0)
        epidemic.advance(40, drivers)
        infections[name] = epidemic.infections_by_age[0, 0].copy()
    assert infections["all"] == pytest.approx(infections["transmission"], rel=1e-12)
    assert np.array_equal(infections["all"], infections["by setting"])
    saved = infections["schools"] / infections["none"]
    assert saved[:4].max() < 0.9 * saved[4:].min() < 1


def test_severity_multiplies_the_share_that_needs_hospital(build: Build, pathogen: Pathogen) -> None:
    for severity in (1.0, 1.5):
        epidemic = build()
        epidemic.infect(100.0)
        epidemic.advance(400, Drivers(severity=severity))
        share = epidemic.hospital_need_by_age[0, 0] / epidemic.infections_by_age[0, 0]
        assert share == pytest.approx(severity * pathogen.prob_hospital, rel=1e-5)


def test_efficacy_scale_of_zero_takes_the_vaccine_away(build: Build, lasting: Vaccine) -> None:
    even = replace(lasting, relative_infectiousness=1.0)
    deaths = []
    for doses, scale in ((0.0, 1.0), (3000.0, 0.0), (3000.0, 1.0)):
        epidemic = build(vaccine=even)
        epidemic.infect(10.0)
        epidemic.advance(200, Drivers(first_doses_per_day=doses, vaccine_efficacy_scale=scale))
        deaths.append(epidemic.deaths_by_age.sum())
    assert deaths[1] == pytest.approx(deaths[0], rel=1e-6)
    assert deaths[2] < 0.9 * deaths[0]


def test_reinfection_rate_brings_people_back(build: Build) -> None:
    infections = []
    for rate in (0.0, 0.02):
        epidemic = build()
        epidemic.infect(10.0)
        epidemic.advance(300, Drivers(reinfection_rate=rate))
        infections.append(epidemic.infections_by_age.sum())
    assert infections[0] < 1e6 < infections[1]


def test_drivers_may_differ_by_draw_and_place(build: Build) -> None:
    epidemic = build(places=2, draws=3)
    epidemic.infect(10.0)
    scale = np.array([[0.2, 0.4], [0.6, 0.8], [1.0, 1.2]])
    infections = epidemic.advance(40, Drivers(transmission=scale)).infections.sum(axis=2)
    assert np.all(np.diff(infections.ravel()) > 0)


# Vaccination


def test_doses_given_are_the_doses_of_the_day_while_people_wait_for_them(build: Build, lasting: Vaccine) -> None:
    epidemic = build(vaccine=lasting)
    flows = epidemic.advance(100, Drivers(first_doses_per_day=4000.0, booster_doses_per_day=500.0))
    assert flows.first_doses[0, 0] == pytest.approx(np.full(100, 4000.0), rel=1e-9)
    # Boosters wait until as many are protected as there are doses in a day; then each finds an arm.
    assert flows.booster_doses[0, 0, 30:] == pytest.approx(np.full(70, 500.0), rel=1e-9)
    assert np.all(flows.booster_doses <= 500.0 * (1 + 1e-12))


def test_first_doses_end_at_the_coverage_in_the_order_of_the_rows(build: Build, lasting: Vaccine) -> None:
    old_first = np.zeros((2, 17))
    old_first[0, 13:] = 0.9
    old_first[1] = [0.0] * 3 + [0.7] * 10 + [0.9] * 4
    epidemic = build(vaccine=lasting, coverage=old_first)
    population = epidemic.population[0]
    old = 0.9 * population[13:].sum()
    epidemic.advance(int(old / 5000.0), Drivers(first_doses_per_day=5000.0))
    assert epidemic.first_doses_by_age[0, 0, :13].max() == 0
    epidemic.advance(200, Drivers(first_doses_per_day=5000.0))
    assert epidemic.first_doses_by_age[0, 0] == pytest.approx(old_first[1] * population, rel=1e-6)


# Sameness


def _history(epidemic: Epidemic, seeds: Any = 5.0) -> dict[str, bytes]:
    epidemic.infect(seeds)
    parts = _campaign(epidemic, 6)
    names = vars(parts[0])
    return {name: np.concatenate([getattr(p, name) for p in parts], axis=2).tobytes() for name in names} | {
        "ages": epidemic.infections_by_age.tobytes()
    }


def test_chunks_of_draws_give_the_bytes_of_one_batch(build: Build, lasting: Vaccine, joined: Join) -> None:
    draws = draw_pathogen("disease-x", 6, seed=3)
    travel = np.array([[0.0, 200.0], [200.0, 0.0]])
    options: dict[str, Any] = {"places": 2, "vaccine": lasting, "travel": travel, "stochastic_below": 100.0}

    def run(first: int, last: int) -> dict[str, FloatArray]:
        epidemic = build(pathogen=draws.select(slice(first, last)), first_draw=first, **options)
        epidemic.infect([5.0, 0.0])
        return joined(_campaign(epidemic, 6))

    whole = run(0, 6)
    parts = [run(first, first + 2) for first in (0, 2, 4)]
    with ThreadPoolExecutor(3) as pool:
        threaded = list(pool.map(lambda first: run(first, first + 2), (0, 2, 4)))
    for name, values in whole.items():
        assert np.concatenate([part[name] for part in parts]).tobytes() == values.tobytes()
        assert np.concatenate([part[name] for part in threaded]).tobytes() == values.tobytes()


def test_days_at_once_or_one_by_one_give_the_same_bytes(build: Build, pathogen: Pathogen) -> None:
    results = []
    for calls, days in ((1, 30), (30, 1)):
        epidemic = build(stochastic_below=100.0, draws=2, pathogen=_waning(pathogen, 2))
        epidemic.infect(3.0)
        parts = [epidemic.advance(days, Drivers()).infections for _ in range(calls)]
        results.append((np.concatenate(parts, axis=2).tobytes(), epidemic.deaths_by_age.tobytes()))
    assert results[0] == results[1]


def test_a_place_does_not_notice_its_neighbours_in_the_batch(build: Build) -> None:
    alone = _history(build(stochastic_below=100.0))
    among = build(places=3, stochastic_below=100.0)
    _history(among, np.array([5.0, 2.0, 0.0]))
    assert among.infections_by_age[:, :1].tobytes() == alone["ages"]


def test_another_seed_gives_another_history(build: Build) -> None:
    assert (
        _history(build(stochastic_below=100.0))["infections"]
        != _history(build(stochastic_below=100.0, seed=2))["infections"]
    )


def test_arms_alike_up_to_a_day_are_alike_up_to_it_and_after_it_where_nothing_differs(
    build: Build, joined: Join
) -> None:
    def arm(late: Drivers) -> dict[str, FloatArray]:
        epidemic = build(
            places=3, draws=4, stochastic_below=100.0, travel=np.diag([100.0, 0.0], 1) + np.diag([100.0, 0.0], -1)
        )
        epidemic.infect([3.0, 0.0, 3.0])
        return joined([epidemic.advance(20, Drivers()), epidemic.advance(20, late)])

    reference = arm(Drivers())
    treated = arm(Drivers(transmission=np.array([0.3, 1.0, 1.0])))
    for name, values in reference.items():
        assert treated[name][..., :20].tobytes() == values[..., :20].tobytes()
        # Nobody travels between the first two places and the third.
        assert treated[name][:, 2].tobytes() == values[:, 2].tobytes()
    assert treated["infections"][:, 0, 20:].sum() < reference["infections"][:, 0, 20:].sum()


# Travel


def test_arrivals_are_the_infected_without_symptoms_by_the_share_who_travel(build: Build) -> None:
    travel = np.array([[0.0, 4000.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    epidemic = build(places=3, travel=travel)
    epidemic.infect([10_000.0, 0.0, 0.0])
    state = epidemic._state.y[0, 0]
    for day in range(20):
        silent = state[:, 1:4].sum()  # both latent stages and those without symptoms
        flows = epidemic.advance(1, Drivers())
        assert flows.imports[0, 1, 0] == pytest.approx(4000.0 / 1e6 * silent, rel=1e-12), day
        assert not flows.imports[0, [0, 2]].any()
    assert np.all(epidemic.infections_by_age[0, 2] == 0)
    assert np.all(epidemic._state.y[0, 2, 0, 0] == epidemic.population[2])
    assert np.all(epidemic.infections_by_age[0, 1, 4:13] > 0)


def test_arrivals_by_chance_have_the_same_mean(build: Build) -> None:
    travel = np.array([[0.0, 100.0], [0.0, 0.0]])
    draws = 300
    chance = build(places=2, draws=draws, travel=travel, stochastic_below=500.0)
    chance.infect([5000.0, 0.0])
    sure = build(places=2, travel=travel)
    sure.infect([5000.0, 0.0])
    came = chance.advance(6, Drivers(transmission=0.0)).imports[:, 1].sum(axis=1)
    expected = sure.advance(6, Drivers(transmission=0.0)).imports[0, 1].sum()
    assert np.all(came == np.round(came))
    assert came.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / draws))


# Chance in the mean, accuracy


def test_chance_gives_the_equations_in_the_mean(build: Build) -> None:
    """The size comes out; steps of a quarter of a day bring the wave forward by about a day (methods page)."""
    sure = build()
    sure.infect(1000.0)
    expected = sure.advance(200, Drivers()).infections[0, 0]
    chance = build(draws=6, stochastic_below=np.inf)
    chance.infect(1000.0)
    mean = chance.advance(200, Drivers()).infections[:, 0].mean(axis=0)
    assert mean.sum() == pytest.approx(expected.sum(), rel=0.005)

    def half(infections: FloatArray) -> float:
        return float(np.interp(0.5 * infections.sum(), np.cumsum(infections), np.arange(200)))

    assert half(mean) == pytest.approx(half(expected), abs=1.5)


def test_coarse_is_near_fine(build: Build, lasting: Vaccine) -> None:
    deaths = []
    for accuracy in ("fine", "coarse"):
        epidemic = build(vaccine=lasting, accuracy=accuracy)
        epidemic.infect(20.0)
        _campaign(epidemic, 40, doses=6000.0)
        deaths.append(epidemic.deaths_by_age.sum())
    assert deaths[1] == pytest.approx(deaths[0], rel=0.005)


# What never raises deaths


def _deaths(
    build: Build,
    vaccine: Vaccine,
    *,
    start: int,
    doses: float,
    ward: float = 2000.0,
    icu: float = 60.0,
    r0: float = 2.5,
) -> float:
    epidemic = build(vaccine=vaccine)
    epidemic.infect(20.0)
    drivers = Drivers(transmission=r0 / 2.5, ward_beds=ward, icu_beds=icu)
    if start > 0:
        epidemic.advance(start, drivers)
    epidemic.advance(700 - start, replace(drivers, first_doses_per_day=doses))
    return float(epidemic.deaths_by_age.sum())


STEADY = 1.0 + 1e-7  # two runs differ by the solver's error where the true difference is nothing


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    start=st.integers(1, 150),
    earlier=st.integers(1, 100),
    doses=st.floats(500, 20_000),
    r0=st.floats(1.2, 4.0),
)
def test_an_earlier_vaccine_never_raises_deaths(
    build: Build, lasting: Vaccine, start: int, earlier: int, doses: float, r0: float
) -> None:
    late = _deaths(build, lasting, start=start, doses=doses, r0=r0)
    assert _deaths(build, lasting, start=max(start - earlier, 0), doses=doses, r0=r0) <= late * STEADY


@settings(max_examples=12, deadline=None, derandomize=True)
@given(more=st.floats(1.0, 5.0), doses=st.floats(100, 10_000), start=st.integers(0, 100), r0=st.floats(1.2, 4.0))
def test_more_doses_never_raise_deaths(
    build: Build, lasting: Vaccine, more: float, doses: float, start: int, r0: float
) -> None:
    few = _deaths(build, lasting, start=start, doses=doses, r0=r0)
    assert _deaths(build, lasting, start=start, doses=more * doses, r0=r0) <= few * STEADY


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    infection=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    disease=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    infectiousness=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    start=st.integers(0, 100),
)
def test_a_better_vaccine_never_raises_deaths(
    build: Build,
    lasting: Vaccine,
    infection: tuple[float, float],
    disease: tuple[float, float],
    infectiousness: tuple[float, float],
    start: int,
) -> None:
    worse = replace(
        lasting,
        efficacy_infection=min(infection),
        efficacy_disease=min(disease),
        relative_infectiousness=max(infectiousness),
    )
    better = replace(
        lasting,
        efficacy_infection=max(infection),
        efficacy_disease=max(disease),
        relative_infectiousness=min(infectiousness),
    )
    deaths = _deaths(build, worse, start=start, doses=4000.0)
    assert _deaths(build, better, start=start, doses=4000.0) <= deaths * STEADY


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    ward=st.floats(0, 6000),
    more_ward=st.floats(0, 6000),
    icu=st.floats(0, 500),
    more_icu=st.floats(0, 500),
    r0=st.floats(1.2, 4.0),
)
def test_more_beds_never_raise_deaths(
    build: Build, lasting: Vaccine, ward: float, more_ward: float, icu: float, more_icu: float, r0: float
) -> None:
    few = _deaths(build, lasting, start=0, doses=0.0, ward=ward, icu=icu, r0=r0)
    more = _deaths(build, lasting, start=0, doses=0.0, ward=ward + more_ward, icu=icu + more_icu, r0=r0)
    assert more <= few * STEADY


# Bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"population": np.ones((1, 16))}, "population has shape (1, 16); it must be (1, 17)"),
        ({"population": np.full((1, 17), -1.0)}, "population holds a negative or missing number"),
        ({"population": np.full((1, 17), np.nan)}, "population holds a negative or missing number"),
        ({"contacts": np.ones((1, 4, 17, 16))}, "contacts has shape (1, 4, 17, 16); it must be (1, 4, 17, 17)"),
        ({"contacts": np.full((1, 4, 17, 17), np.inf)}, "contacts holds a negative or missing number"),
        ({"coverage": np.full((2, 16), 0.5)}, "coverage has shape (2, 16); it must be (2, 17)"),
        ({"coverage": np.full((1, 17), np.nan)}, "coverage holds a negative or missing number"),
        ({"travel": np.ones((2, 2))}, "travel has shape (2, 2); it must be (1, 1)"),
        ({"travel": np.full((1, 1), -1.0)}, "travel holds a negative or missing number"),
        ({"accuracy": "rough"}, "accuracy"),
        ({"coverage": np.zeros((0, 17))}, "coverage"),
        ({"coverage": np.full((1, 17), 1.5)}, "coverage"),
        ({"contacts": np.zeros((1, 4, 17, 17))}, "contacts"),
        ({"stochastic_below": -1.0}, "stochastic_below is -1.0; it must be >= 0"),
        ({"stochastic_below": np.nan}, "stochastic_below is nan; it must be >= 0"),
    ],
)
def test_bad_arguments_are_named(build: Build, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        build(**change)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("drivers", "message"),
    [
        ({"ward_beds": -1.0}, "driver 'ward_beds' holds a negative or missing number"),
        ({"first_doses_per_day": np.nan}, "driver 'first_doses_per_day' holds a negative or missing number"),
        ({"contact_scale": np.ones(3)}, "driver 'contact_scale' has shape (3,), which does not broadcast to (1, 1, 4)"),
        ({"isolation": 1.5}, "driver 'isolation'"),
        ({"first_doses_per_day": np.inf}, "driver 'first_doses_per_day'"),
        ({"transmission": np.inf}, "driver 'transmission'"),
        ({"vaccine_efficacy_scale": 5.0}, "driver 'vaccine_efficacy_scale'"),
        ({"icu_beds": np.ones((2, 1))}, "driver 'icu_beds' has shape (2, 1), which does not broadcast to (1, 1)"),
    ],
)
def test_bad_drivers_are_named(build: Build, lasting: Vaccine, drivers: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        build(vaccine=lasting).advance(1, Drivers(**drivers))
    assert message in str(caught.value)


def test_days_and_seeds_are_checked(build: Build) -> None:
    epidemic = build()
    with pytest.raises(InputError, match="days is 0; it must be >= 1"):
        epidemic.advance(0, Drivers())
    for seeds in (-1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="seeds hold a negative or missing number"):
            epidemic.infect(seeds)
    with pytest.raises(InputError, match="seeds"):
        epidemic.infect_by_age(np.full((1, 1, 17), -1.0))


def test_no_more_are_infected_than_there_are_people(build: Build) -> None:
    epidemic = build(stochastic_below=100.0)
    epidemic.infect(1e9)
    assert epidemic._state.y.min() >= 0
    assert epidemic.people()[0, 0] == pytest.approx(1e6)
