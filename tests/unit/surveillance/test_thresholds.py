"""Bounds and tail probabilities against scipy's distributions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mamori.surveillance._thresholds import Power, count_bound, power_bound


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.floats(1e-6, 1e5), st.one_of(st.just(1.0), st.floats(1.001, 500.0)), st.integers(0, 10_000)),
        min_size=1,
        max_size=10,
    ),
    st.sampled_from([0.1, 0.05, 0.01, 1e-4, 1e-6]),
)
def test_count_bound_is_the_quantile(cases: list[tuple[float, float, int]], alpha: float) -> None:
    mean, phi, observed = (np.array(column, dtype=float) for column in zip(*cases, strict=True))
    bound, pvalue = count_bound(mean, phi, observed, alpha)
    for m, f, y, u, p in zip(mean, phi, observed, bound, pvalue, strict=True):
        counts = stats.poisson(m) if f == 1.0 else stats.nbinom(m / (f - 1.0), 1.0 / f)
        assert counts.sf(u) <= alpha * (1 + 1e-9)
        assert u == 0 or counts.sf(u - 1) > alpha * (1 - 1e-9)
        assert p == pytest.approx(counts.sf(y - 1), rel=1e-8, abs=1e-300)


def test_what_is_not_known_stays_unknown() -> None:
    mean, phi = np.array([[2.0, np.nan, np.inf]]), np.array([[1.5, 1.5, 1.5]])
    bound, pvalue = count_bound(mean, phi, np.array([[np.nan, 3.0, 3.0]]), 0.05)
    assert np.isnan(bound).tolist() == [[False, True, True]]
    assert np.isnan(pvalue).all()


@pytest.mark.parametrize("power", ["2/3", "1/2", "none"])
def test_a_count_at_the_power_bound_has_the_tail_probability(power: Power) -> None:
    mean, error, phi = np.array([0.3, 5.0, 800.0]), np.array([0.1, 1.0, 40.0]), np.array([1.0, 2.0, 7.0])
    bound, _ = power_bound(mean, error, phi, mean, 1.6448536269514722, power)
    _, pvalue = power_bound(mean, error, phi, bound, 1.6448536269514722, power)
    assert pvalue == pytest.approx(0.05)
    assert (bound > mean).all()


def test_the_powers_agree_where_counts_are_many() -> None:
    mean, error, phi = np.array([1e8]), np.array([1e4]), np.array([1.0])
    powers: tuple[Power, ...] = ("2/3", "1/2", "none")
    bounds = [float(power_bound(mean, error, phi, mean, 2.0, power)[0][0]) for power in powers]
    assert bounds == pytest.approx([1e8 + 2.0 * 2e8**0.5] * 3, rel=1e-7)
