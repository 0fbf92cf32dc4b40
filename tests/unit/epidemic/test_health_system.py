"""Beds free for an outbreak, staff, surge, and pooling within a region."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mamori.core.errors import InputError
from mamori.epidemic.health_system import Surge, absent_share, free_beds, pool_beds, staffed_beds

counts = arrays(float, (2, 6), elements=st.floats(0, 1e6))
groups = arrays(np.int64, 6, elements=st.integers(0, 2))


def test_beds_taken_by_others_are_not_free() -> None:
    assert free_beds(100, 0.8) == pytest.approx(20)
    assert free_beds(100, 0.8, deferrable_share=0.25) == pytest.approx(40)
    assert free_beds([100, 50], [0.5, 1.0]) == pytest.approx([50, 0])


def test_staff_limit_beds_and_fall_ill() -> None:
    absent = absent_share(0.1, relative_risk=2.0)
    assert absent == pytest.approx(0.2)
    assert absent_share(0.9, 2.0) == 1
    assert staffed_beds(100, staff=100, beds_per_staff=0.5, absent=absent) == pytest.approx(40)
    assert staffed_beds(30, staff=100, beds_per_staff=0.5, absent=absent) == pytest.approx(30)


def test_a_surge_grows_in_a_straight_line_to_its_ceiling() -> None:
    surge = Surge(0.95, start_day=30, ramp_days=10)
    assert [surge.factor(day) for day in (29, 30, 35, 40, 400)] == pytest.approx([1, 1, 1.475, 1.95, 1.95])
    assert Surge(1, 5).factor(5) == 2


@given(counts, counts, groups, st.floats(0, 1))
def test_pooling_lies_between_autarky_and_one_perfect_pool(
    beds: np.ndarray, demand: np.ndarray, group: np.ndarray, shared: float
) -> None:
    pooled = pool_beds(beds, demand, group, shared)
    slack = 1e-9 * (1 + beds.sum() + demand.sum())
    served, alone = np.minimum(pooled, demand), np.minimum(beds, demand)
    assert (pooled >= 0).all()
    assert (served >= alone - slack).all()
    for number in np.unique(group):
        members = group == number
        perfect = np.minimum(beds[:, members].sum(axis=1), demand[:, members].sum(axis=1))
        assert (served[:, members].sum(axis=1) <= perfect + slack).all()
        assert pooled[:, members].sum(axis=1) == pytest.approx(beds[:, members].sum(axis=1), abs=slack)
        if shared == 1:
            assert served[:, members].sum(axis=1) == pytest.approx(perfect, abs=slack)


def test_pooling_stays_within_the_group() -> None:
    beds, demand = np.array([[10.0, 10.0, 10.0]]), np.array([[0.0, 25.0, 25.0]])
    assert pool_beds(beds, demand, np.array([0, 0, 1])).tolist() == [[0, 20, 10]]
    assert pool_beds(beds, demand, np.array([0, 0, 1]), shared=0.5).tolist() == [[5, 15, 10]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: free_beds(-1, 0.5), "beds is -1"),
        (lambda: free_beds(1, 1.5), "occupied by other patients is 1.5"),
        (lambda: staffed_beds(1, 1, 1, absent=2), "share of staff absent is 2"),
        (lambda: absent_share(-0.1), "prevalence is -0.1"),
        (lambda: Surge(-0.5, 3), "added_share of a surge is -0.5"),
        (lambda: pool_beds([1.0], [np.nan], np.array([0])), "demand for beds is nan"),
    ],
)
def test_impossible_capacities_are_refused(make: object, message: str) -> None:
    with pytest.raises(InputError) as error:
        make()  # type: ignore[operator]
    assert message in str(error.value)
