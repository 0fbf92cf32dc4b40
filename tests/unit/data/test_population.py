"""People between two counts, life tables and median ages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from mamori.core.errors import InputError
from mamori.data.population import (
    both_sexes,
    check_year,
    collapse_to_17,
    decades_around,
    interpolate_rates,
    median_age,
    mortality_decades,
    people_in_year,
    rake_to_bands,
    remaining_life,
)

RATE = 0.02


def _stationary() -> np.ndarray:
    """21 age groups of a population in which 2 % die each year at every age and births make up for it."""
    edges = np.arange(0.0, 110.0, 5.0)
    alive = np.exp(-RATE * edges)
    people = -np.diff(alive) / RATE
    people[-1] = alive[-2] / RATE
    return 1000 * people


@pytest.mark.parametrize("year", [1999, 2101, -5])
def test_a_year_outside_the_projections_is_refused(year: int) -> None:
    with pytest.raises(InputError, match="must be >= 2000 and <= 2100"):
        check_year(year)


def test_decades_hold_their_years() -> None:
    assert decades_around(2025) == (2020, 2030)
    assert decades_around(2030) == (2030, 2040)
    assert decades_around(2100) == (2090, 2100)


def test_mortality_passes_over_the_pandemic_year() -> None:
    assert mortality_decades(2025) == (2010, 2030)
    assert mortality_decades(2020) == (2010, 2030)
    assert mortality_decades(2030) == (2030, 2040)
    assert mortality_decades(2005) == (2000, 2010)


@pytest.mark.parametrize("years", [0, 2, 5, 7.5, 10])
def test_a_stationary_population_stays_as_it_is(years: float) -> None:
    people = _stationary()
    mortality = np.full(22, RATE)
    between = people_in_year(people, people, mortality, years)
    # children are brought back with a mean hazard: exact to second order in the rate
    assert_allclose(between, people, rtol=2e-4)


def test_a_large_cohort_is_followed_through_the_ages() -> None:
    first, last = np.full(21, 100.0), np.full(21, 100.0)
    first[4], last[6] = 200.0, 200.0  # those of 20-24 at the start are 30-34 ten years later
    middle = people_in_year(first, last, np.zeros(22), 5)
    assert middle[5] == pytest.approx(200.0)
    assert_allclose(np.delete(middle, 5), 100.0)


def test_the_counts_themselves_come_back() -> None:
    rng = np.random.default_rng(1)
    first, last = rng.uniform(1, 9, (2, 3, 21))
    mortality = np.full((3, 22), RATE)
    assert_allclose(people_in_year(first, last, mortality, 0), first)
    assert_allclose(people_in_year(first, last, mortality, 10), last)


def test_constant_hazard_leaves_its_inverse_to_live() -> None:
    life = remaining_life(np.full(22, RATE), np.ones(21))
    assert_allclose(life, 1 / RATE, rtol=0.002)


def test_life_shortens_with_age_and_with_mortality() -> None:
    ages = np.array([0, 1, *range(5, 101, 5)])
    mortality = 0.0005 * np.exp(0.08 * ages)
    life = remaining_life(np.stack([mortality, 2 * mortality]), np.ones((2, 21)))
    assert (np.diff(life, axis=1) < 0).all()
    assert (life[1] < life[0]).all()


def test_sexes_are_weighed_by_their_people() -> None:
    mortality = np.stack([np.full(22, 0.01), np.full(22, 0.03)])
    people = np.stack([np.full(21, 3.0), np.full(21, 1.0)])
    people[:, -1] = 0.0
    rates = both_sexes(mortality, people)
    assert_allclose(rates[:-1], 0.015)
    assert rates[-1] == pytest.approx(0.02)


def test_rates_are_interpolated_geometrically() -> None:
    assert interpolate_rates(np.array([0.01]), np.array([0.04]), 0.5)[0] == pytest.approx(0.02)


def test_ages_over_80_are_joined() -> None:
    people = np.arange(21.0)
    joined = collapse_to_17(people)
    assert joined.shape == (17,)
    assert joined[16] == 16 + 17 + 18 + 19 + 20
    assert joined.sum() == people.sum()


def test_bands_take_their_shares() -> None:
    people = np.arange(1.0, 22.0)
    raked = rake_to_bands(people, people, ((0, 14, 0.5), (15, 64, 0.4), (65, 120, 0.1)))
    assert_allclose([part.sum() / raked.sum() for part in np.split(raked, [3, 13])], [0.5, 0.4, 0.1])
    assert_allclose(raked[3:13] / raked[3], people[3:13] / people[3])


@given(st.lists(st.floats(0.1, 1e6), min_size=17, max_size=17))
def test_half_the_people_are_younger_than_the_median(ages: list[float]) -> None:
    people = np.array(ages)
    median = float(median_age(people))
    edges = np.append(np.arange(0.0, 85.0, 5.0), 100.0)
    younger = np.interp(median, edges, np.concatenate([[0.0], people.cumsum()]))
    assert younger == pytest.approx(people.sum() / 2, rel=1e-9)
