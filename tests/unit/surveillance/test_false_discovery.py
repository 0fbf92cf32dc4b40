"""q-values: the published procedures, their rate of false discoveries, series that were not tested."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, false_discovery_control, norm, poisson

from mamori.core.errors import InputError
from mamori.surveillance.false_discovery import METHODS, SPLIT, Method, null_share, q_values

probabilities = st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.04, 0.5, 1.0])
columns = st.integers(1, 30).flatmap(lambda n: arrays(np.float64, (n, 2), elements=probabilities | st.just(np.nan)))


def test_the_worked_example_of_benjamini_and_hochberg() -> None:
    # The 15 p-values of their section 3.1: four are significant at 5 % and no more.
    given_p = "0.0001 0.0004 0.0019 0.0095 0.0201 0.0278 0.0298 0.0344 0.0459 0.3240 0.4262 0.5719 0.6528 0.7590 1"
    pvalues = np.array([float(p) for p in given_p.split()])
    assert (q_values(pvalues) <= 0.05).tolist() == [True] * 4 + [False] * 11
    assert q_values(pvalues)[3] == pytest.approx(0.0095 * 15 / 4)


@given(columns)
def test_bh_is_that_of_scipy_on_the_series_that_were_tested(pvalues: np.ndarray) -> None:
    found = q_values(pvalues)
    for column in range(pvalues.shape[1]):
        tested = ~np.isnan(pvalues[:, column])
        assert np.isnan(found[~tested, column]).all()
        if tested.any():
            expected = false_discovery_control(pvalues[tested, column])
            np.testing.assert_allclose(found[tested, column], expected, rtol=1e-14)


def test_storey_in_closed_form() -> None:
    # Ten tests, two above one half: (1 + 2) / (10 x 0.5) = 0.6 of the Benjamini-Hochberg values.
    pvalues = np.array([0.001, 0.9, 0.002, 0.003, 0.04, np.nan, 0.05, 0.06, 0.1, 0.3, 0.7])
    assert null_share(pvalues) == pytest.approx(0.6)
    expected = 0.6 * np.array([0.01, np.nan, 0.01, 0.01, 0.1, np.nan, 0.1, 0.1, 1 / 7, 3 / 8, np.nan])
    expected[[1, 10]] = 1.0
    np.testing.assert_allclose(q_values(pvalues, "storey"), expected, rtol=1e-14)


@given(st.integers(1, 200), st.integers(0, 200))
def test_the_null_share_in_closed_form_is_never_above_one(below: int, above: int) -> None:
    pvalues = np.concatenate([np.full(below, 0.2), np.full(above, 0.8)])
    assert null_share(pvalues) == min((1 + above) / (0.5 * (below + above)), 1.0)


def test_one_half_belongs_to_the_lower_part() -> None:
    assert null_share(np.full(4, SPLIT)) == 0.5


@given(columns, st.sampled_from(METHODS))
def test_q_values_keep_the_order_and_are_at_least_the_p_values_times_the_null_share(
    pvalues: np.ndarray, method: Method
) -> None:
    found = q_values(pvalues, method)
    share = null_share(pvalues) if method == "storey" else np.ones(pvalues.shape[1])
    for p, q, least in zip(pvalues.T, found.T, share, strict=True):
        tested = ~np.isnan(p)
        assert np.array_equal(np.isnan(q), ~tested)
        order = np.argsort(p[tested], kind="stable")
        assert (np.diff(q[tested][order]) >= 0).all()
        assert (q[tested] >= p[tested] * least * (1 - 1e-15)).all()
        assert (q[tested] <= 1).all()
        ties = p[tested, None] == p[None, tested]
        assert (q[tested, None] == q[None, tested])[ties].all()


@given(columns)
def test_storey_alarms_wherever_bh_does(pvalues: np.ndarray) -> None:
    bh, storey = q_values(pvalues), q_values(pvalues, "storey")
    low = bh <= SPLIT
    assert (storey[low] <= bh[low]).all()


@given(columns, st.sampled_from(METHODS))
def test_columns_stand_alone_and_the_order_of_series_does_not_matter(pvalues: np.ndarray, method: Method) -> None:
    found = q_values(pvalues, method)
    np.testing.assert_array_equal(q_values(pvalues[::-1], method), found[::-1])
    np.testing.assert_array_equal(q_values(pvalues[:, 0].copy(), method), found[:, 0])


def _false_discoveries(pvalues: np.ndarray, null: np.ndarray, method: Method, level: float) -> int:
    """In how many columns an alarm drawn at random is false: binomial with the false-discovery rate."""
    draw = np.random.default_rng(5).random(pvalues.shape)
    draw[q_values(pvalues, method) > level] = -1.0
    drawn = draw.argmax(axis=0)
    return int(((draw.max(axis=0) >= 0) & null[drawn]).sum())


WEEKS, SERIES, LEVEL = 4000, 100, 0.2
NULL = np.arange(SERIES) >= 20


def _panel(kind: str) -> np.ndarray:
    """p-values of 100 series, 20 of them with outbreaks, over independent weeks."""
    random = np.random.default_rng(11)
    if kind == "poisson":
        return np.asarray(poisson.sf(random.poisson(np.where(NULL, 2.0, 7.0)[:, None], (SERIES, WEEKS)) - 1, 2.0))
    shared = random.standard_normal(WEEKS) * np.sqrt(0.5) if kind == "dependent" else 0.0
    own = random.standard_normal((SERIES, WEEKS)) * (np.sqrt(0.5) if kind == "dependent" else 1.0)
    return np.asarray(norm.sf(own + shared + np.where(NULL, 0.0, 2.5)[:, None]))


@pytest.mark.parametrize(
    ("kind", "method"),
    [("continuous", "bh"), ("continuous", "storey"), ("poisson", "bh"), ("poisson", "storey"), ("dependent", "bh")],
)
def test_the_rate_of_false_discoveries_is_kept(kind: str, method: Method) -> None:
    false = _false_discoveries(_panel(kind), NULL, method, LEVEL)
    assert false <= binom.isf(1e-6, WEEKS, LEVEL)
    if (kind, method) == ("continuous", "bh"):  # exactly the level times the share of null series
        assert binom.isf(1 - 1e-6, WEEKS, LEVEL * 0.8) <= false <= binom.isf(1e-6, WEEKS, LEVEL * 0.8)


def test_storey_finds_more_where_many_series_have_outbreaks() -> None:
    pvalues = _panel("continuous")
    bh, storey = ((q_values(pvalues, method) <= LEVEL)[~NULL].mean() for method in METHODS)
    assert storey > bh + 0.01


def test_without_any_outbreak_a_week_has_an_alarm_as_often_as_the_level_says() -> None:
    pvalues = np.random.default_rng(3).random((SERIES, WEEKS))
    weeks = int((q_values(pvalues) <= LEVEL).any(axis=0).sum())
    assert binom.isf(1 - 1e-6, WEEKS, LEVEL) <= weeks <= binom.isf(1e-6, WEEKS, LEVEL)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (2, 3)])
def test_nothing_tested_gives_nothing(method: Method, shape: tuple[int, int]) -> None:
    found = q_values(np.full(shape, np.nan), method)
    assert found.shape == shape
    assert np.isnan(found).all()


@pytest.mark.parametrize(
    ("pvalues", "method", "message"),
    [
        (
            np.array([[0.1, 0.2], [np.nan, 1.5]]),
            "bh",
            "the p-value at row 1, column 1 is 1.5; a p-value lies in [0, 1]",
        ),
        (np.array([0.1, -0.01]), "storey", "the p-value at row 1 is -0.01"),
        (np.array([0.1]), "story", "method is 'story'; choose bh or storey. Did you mean 'storey'?"),
    ],
)
def test_what_is_no_p_value_is_refused(pvalues: np.ndarray, method: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        q_values(pvalues, method)
    assert message in str(error.value)
