"""Few infected: whole people, extinction against the branching process's root, uneven infectiousness, regimes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq

from mamori.epidemic.model import Drivers, Epidemic, infectiousness_shape
from mamori.epidemic.pathogen import Pathogen, Vaccine

FloatArray = NDArray[np.float64]
Build = Callable[..., Epidemic]
AGE = 6  # everybody is of one age, so that the branching process has one type
ESCAPED = 150  # infected at once: fewer than 1 in 100,000 such outbreaks die out at R = 1.5


def _branching(build: Build, pathogen: Pathogen, outbreaks: int, reproduction: float, dispersion: float) -> Epidemic:
    """Build an outbreak in each of many places of a billion who meet evenly: nobody feels the immune, all are mild."""
    population = np.zeros((outbreaks, 17))
    population[:, AGE] = 1e9
    contacts = np.zeros((outbreaks, 4, 17, 17))
    contacts[:, :, AGE, AGE] = 1.0
    course = replace(
        pathogen,
        r0=reproduction,
        dispersion=dispersion,
        latent_days=4.0,
        mild_days=2.0,
        prob_hospital=np.zeros(17),
        asymptomatic_share=np.zeros(17),
    )
    return build(
        places=outbreaks, population=population, contacts=contacts, pathogen=course.repeat(1), stochastic_below=np.inf
    )


def _infected(epidemic: Epidemic) -> FloatArray:
    """Return the infected by draw and place."""
    return np.asarray(epidemic._state.y[..., 1:7, :].sum(axis=(2, 3, 4)))


def _extinction_root(reproduction: float, shape: float, leave: float) -> float:
    """Smallest root of q = E exp(-R (1 - q) nu T) over the gamma ``shape`` of nu and the steps T of the period.

    One leaves the infectious stage with the probability ``leave`` a step.
    """
    steps = np.arange(1, 5000)
    weights = leave * (1.0 - leave) ** (steps - 1)

    def next_generation(q: float) -> float:
        expected = reproduction * (1.0 - q) * steps * leave
        none = np.exp(-expected) if np.isinf(shape) else (1.0 + expected / shape) ** -shape
        return float(weights @ none)

    return float(brentq(lambda q: next_generation(q) - q, 0.0, 1.0 - 1e-6))


@pytest.mark.parametrize("reproduction", [1.5, 3.0])
@pytest.mark.parametrize("dispersion", [0.1, 0.5, np.inf])
def test_extinction_is_the_root_of_the_branching_process(
    build: Build, pathogen: Pathogen, reproduction: float, dispersion: float
) -> None:
    outbreaks = 2000
    epidemic = _branching(build, pathogen, outbreaks, reproduction, dispersion)
    epidemic.infect(1.0)
    escaped = np.zeros((1, outbreaks), dtype=bool)
    while np.any(alive := (_infected(epidemic) > 0) & ~escaped):
        epidemic.advance(10, Drivers(transmission=alive.astype(float)))
        escaped |= _infected(epidemic) >= ESCAPED
    model = epidemic._model
    expected = _extinction_root(reproduction, model.shape[0], model.rates[0, 2] / model.parts[0])
    error = np.sqrt(expected * (1.0 - expected) / outbreaks)
    assert 1.0 - escaped.mean() == pytest.approx(expected, abs=4.0 * error)


@pytest.mark.parametrize("dispersion", [0.2, np.inf])
def test_offspring_have_the_mean_and_variance_of_infectiousness_times_period(
    build: Build, pathogen: Pathogen, dispersion: float
) -> None:
    """The first case of one age infects those of another, who meet nobody: each outbreak is one person's offspring."""
    outbreaks, reproduction, apart = 4000, 2.0, 1e-9
    epidemic = _branching(build, pathogen, outbreaks, reproduction, dispersion)
    contact = epidemic._places.contact
    contact[:, :, AGE, AGE + 1] = contact[:, :, AGE, AGE]
    contact[:, :, AGE, AGE] *= apart
    epidemic._state.y[:, :, 0, 0, AGE + 1] = 1e9
    first = np.zeros((1, outbreaks, 17))
    first[..., AGE] = 1.0
    epidemic.infect_by_age(first)
    epidemic.advance(60, Drivers())
    offspring = epidemic.infections_by_age[0, :, AGE + 1]
    shape = epidemic._model.shape[0]
    leave = epidemic._model.rates[0, 2] / epidemic._model.parts[0]
    squared_variation = (1.0 + 1.0 / shape) * (2.0 - leave) - 1.0
    variance = reproduction + reproduction**2 * squared_variation
    assert offspring.mean() == pytest.approx(reproduction, abs=4.0 * np.sqrt(variance / outbreaks))
    # The sample variance of so long a tail is itself uncertain: four of its standard errors, by resampling.
    resampled = np.random.default_rng(2).choice(offspring, (400, outbreaks)).var(axis=1)
    assert variance == pytest.approx(offspring.var(), abs=4.0 * resampled.std())


@pytest.mark.parametrize("leaving", [0.05, 0.25])
@pytest.mark.parametrize("dispersion", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("reproduction", [1.5, 3.0, 6.0])
def test_a_case_dies_out_as_often_as_under_the_negative_binomial(
    reproduction: float, dispersion: float, leaving: float
) -> None:
    shape = infectiousness_shape(dispersion, reproduction, leaving)
    root = _extinction_root(reproduction, shape, leaving)
    assert root == pytest.approx((1.0 + reproduction * (1.0 - root) / dispersion) ** -dispersion, abs=1e-6)


def test_without_growth_the_shape_gives_the_variance_of_the_negative_binomial() -> None:
    """R + R^2 / k = R + R^2 ((1 + 1 / k')(2 - p) - 1), periods geometric with probability p."""
    shape = infectiousness_shape(0.3, 0.8, 0.1)
    assert (1.0 + 1.0 / shape) * 1.9 - 1.0 == pytest.approx(1.0 / 0.3)


def test_infectiousness_is_even_where_the_period_alone_varies_more_than_asked() -> None:
    assert [infectiousness_shape(k, 2.0, 0.05) for k in (1.5, 3.0, np.inf)] == [np.inf] * 3


def test_everybody_infected_is_a_whole_person(build: Build, pathogen: Pathogen, lasting: Vaccine) -> None:
    course = replace(pathogen, dispersion=0.3)
    epidemic = build(places=20, stochastic_below=np.inf, vaccine=lasting, pathogen=course.repeat(1))
    epidemic.infect(7.3)
    for _ in range(5):
        flows = epidemic.advance(10, Drivers(first_doses_per_day=777.7, booster_doses_per_day=33.3))
        infected = epidemic._state.y[..., 1:7, :]
        assert np.array_equal(infected, np.round(infected))
        assert np.array_equal(flows.infections, np.round(flows.infections))
    assert flows.infections.sum() > 0


def test_seeds_are_whole_people_of_working_age(build: Build) -> None:
    epidemic = build(draws=3, stochastic_below=100.0)
    epidemic.infect(np.array([[1.0], [4.2], [60.0]]))
    seeds = epidemic.infections_by_age[:, 0]
    assert seeds.sum(axis=1).tolist() == [1.0, 5.0, 60.0]
    assert np.array_equal(seeds, np.round(seeds))
    assert np.all(seeds[:, :4] == 0)
    assert np.all(seeds[:, 13:] == 0)


def test_infectiousness_left_behind_is_what_the_leavers_did_not_take(build: Build, pathogen: Pathogen) -> None:
    """Nobody is infectious where nobody is, and the mean infectiousness of an infectious person stays 1."""
    epidemic = build(places=400, stochastic_below=np.inf, pathogen=replace(pathogen, dispersion=0.2).repeat(1))
    epidemic.infect(20.0)
    epidemic.advance(12, Drivers())
    weight, count = epidemic._state.w, epidemic._state.y[..., 3:7, :]
    assert np.abs(weight[count == 0]).max() < 1e-9
    shape = epidemic._model.shape[0]
    assert weight.sum() == pytest.approx(count.sum(), abs=4.0 * np.sqrt(count.sum() / shape))


def test_even_infectiousness_is_the_number_of_people(build: Build) -> None:
    epidemic = build(places=5, stochastic_below=np.inf)
    epidemic.infect(20.0)
    epidemic.advance(15, Drivers())
    assert np.allclose(epidemic._state.w, epidemic._state.y[..., 3:7, :], atol=1e-9)


def test_places_pass_from_chance_to_the_equations_and_back(build: Build) -> None:
    epidemic = build(draws=4, stochastic_below=100.0)
    epidemic.infect(20.0)

    def regime() -> NDArray[np.int64]:
        return epidemic._state.status[:, 0, 2]

    assert np.all(regime() == 1)
    epidemic.advance(30, Drivers(transmission=1.6))
    assert np.all(regime() == 2)
    assert np.any(epidemic._state.y[..., 1:7, :] % 1 > 0)
    epidemic.advance(80, Drivers(transmission=0.0))
    assert np.all(regime() == 1)
    assert np.all(_infected(epidemic) == 0)
    assert np.abs(epidemic.people() / epidemic.population.sum() - 1.0).max() < 1e-9


def test_rounding_to_whole_people_keeps_the_mean(build: Build) -> None:
    """Some 40 infected, parts of people by age, become whole people; over many draws as many as before."""
    places = 500
    sure = build()
    sure.infect(45.0)
    chance = build(places=places, stochastic_below=100.0)
    chance.infect(1.0)
    chance._state.y[...] = sure._state.y
    chance._state.status[..., 2] = 2
    chance.advance(1, Drivers(transmission=0.0))
    after = _infected(chance)
    assert np.all(chance._state.status[..., 2] == 1)
    assert np.allclose(chance.people(), 1e6, rtol=1e-12)
    # Nobody passes both latent stages and the infectious one within a day but a few.
    assert after.mean() == pytest.approx(45.0, abs=0.5)
    assert after.std() > 1.0


def test_a_place_without_infection_stays_as_it_is(build: Build) -> None:
    epidemic = build(places=2, stochastic_below=100.0)
    epidemic.infect([3.0, 0.0])
    flows = epidemic.advance(20, Drivers())
    assert all(not np.any(values[:, 1]) for values in vars(flows).values())
    assert np.array_equal(epidemic._state.y[0, 1, 0, 0], epidemic.population[1])
