"""Neighbours: what a series and its neighbours say together, without more false alarms."""

import numpy as np
import pytest

from mamori.core.errors import InputError
from mamori.surveillance.detector import Detection
from mamori.surveillance.neighbours import combine_neighbours

ALPHA = 0.01


def groups(series: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the adjacency of consecutive groups of `size` series that all know each other."""
    rows = [[j for j in range(i // size * size, i // size * size + size) if j != i] for i in range(series)]
    return np.concatenate([[0], np.cumsum([len(row) for row in rows])]), np.array([j for row in rows for j in row])


def detection(pvalue: np.ndarray) -> Detection:
    found = Detection.empty(*pvalue.shape)
    found.pvalue[:] = pvalue
    return found


@pytest.mark.parametrize("size", [2, 5, 9])
def test_independent_neighbours_do_not_raise_the_false_alarms(size: int) -> None:
    pvalue = np.random.default_rng(size).random((450 * size, 200))
    joined = combine_neighbours(detection(pvalue), *groups(450 * size, size), ALPHA)
    for level in (0.001, 0.01, 0.1):
        share = (joined.pvalue <= level).mean()
        assert 0.6 * level < share < level * 1.03 + 3.0 * np.sqrt(level / pvalue.size)


def test_weak_evidence_of_all_neighbours_is_strong_evidence() -> None:
    weak = detection(np.full((5, 1), 0.03))
    joined = combine_neighbours(weak, *groups(5, 5), ALPHA)
    assert (joined.pvalue < 0.001).all()
    assert joined.alarm.all()


def test_quiet_neighbours_cost_little() -> None:
    alone = detection(np.array([[0.001], [0.9], [0.9], [1.0], [1.0]]))
    joined = combine_neighbours(alone, *groups(5, 5), ALPHA)
    assert 0.001 <= joined.pvalue[0, 0] < 0.0021
    assert joined.alarm[:, 0].tolist() == [True, False, False, False, False]


def test_a_series_without_excess_is_not_alarmed_for_its_neighbours() -> None:
    joined = combine_neighbours(detection(np.array([[0.6], [1e-30]])), *groups(2, 2), ALPHA)
    assert joined.pvalue[0, 0] < ALPHA
    assert joined.alarm[:, 0].tolist() == [False, True]


def test_no_known_neighbour_leaves_the_p_value_alone() -> None:
    pvalue = np.array([[0.004], [np.nan], [0.2]])
    joined = combine_neighbours(detection(pvalue), np.array([0, 1, 2, 2]), np.array([1, 0]), ALPHA)
    np.testing.assert_array_equal(joined.pvalue[[0, 2]], pvalue[[0, 2]])
    assert np.isnan(joined.pvalue[1, 0])
    assert joined.alarm[:, 0].tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("indptr", "indices", "message"),
    [
        ([0, 1], [1], "indptr must rise from 0 to 1 (neighbours) in 3 entries (series + 1)"),
        ([0, 1, 2], [1, 2], "neighbours are numbered 1 to 2; give rows from 0 to 1"),
        ([0, 1, 2], [1, 1], "series 1 is its own neighbour; leave it out"),
    ],
)
def test_an_adjacency_that_does_not_fit_is_refused(indptr: list[int], indices: list[int], message: str) -> None:
    with pytest.raises(InputError) as raised:
        combine_neighbours(detection(np.full((2, 1), 0.5)), np.array(indptr), np.array(indices), ALPHA)
    assert str(raised.value) == message
