"""Sums over groups, statistics over draws, and the day on which a number is reached."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.exercise.statistics import QUANTILES, Groups, day_reached, statistics


@pytest.fixture
def groups() -> Groups:
    return Groups(codes=("AAA", "BBB", "CCC"), income=np.array([3, 0, 3]), population=np.array([1.0, 2.0, 3.0]))


def test_groups_are_the_world_the_income_groups_present_and_the_places(groups: Groups) -> None:
    keys = groups.keys()
    assert keys["group"].to_list() == ["WORLD", "HIC", "LIC", "AAA", "BBB", "CCC"]
    assert keys["group_kind"].to_list() == ["world", "income", "income", "country", "country", "country"]


def test_sums_means_and_firsts_over_groups(groups: Groups) -> None:
    values = np.array([[10.0, 20.0, 60.0]])
    np.testing.assert_allclose(groups.total(values), [[90, 20, 70, 10, 20, 60]])
    np.testing.assert_allclose(groups.mean_by_people(values), [[230 / 6, 20, 190 / 4, 10, 20, 60]])
    np.testing.assert_allclose(groups.earliest(values), [[10, 20, 10, 10, 20, 60]])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_quantiles_are_those_of_numpy(values: list[float]) -> None:
    found = statistics(np.array(values)[:, None])
    for name, share in QUANTILES.items():
        assert found[name][0] == pytest.approx(np.quantile(values, share), rel=1e-9, abs=1e-9)
    assert found["mean"][0] == pytest.approx(np.mean(values), rel=1e-9, abs=1e-9)


def test_a_day_that_may_never_come_has_no_mean_and_its_late_quantiles_never_come() -> None:
    found = statistics(np.array([10.0, 20.0, 30.0, np.inf, np.inf])[:, None])
    assert found["q25"][0] == 20.0
    assert found["q50"][0] == 30.0
    assert found["q75"][0] == np.inf
    assert found["mean"][0] == np.inf


def test_the_day_on_which_a_number_is_reached() -> None:
    cumulative = np.array([[0.0, 0.0], [7.0, 0.0], [70.0, 0.0]])[None]
    np.testing.assert_allclose(day_reached(cumulative, np.array([1.0, 1.0])), [[8.0, np.inf]])
    np.testing.assert_allclose(day_reached(cumulative, np.array([7.0, 1.0])), [[14.0, np.inf]])
    np.testing.assert_allclose(day_reached(cumulative, np.array([70.0, 1.0])), [[21.0, np.inf]])
    np.testing.assert_allclose(day_reached(cumulative, np.array([71.0, 1.0])), [[np.inf, np.inf]])
