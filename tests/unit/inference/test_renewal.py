"""The renewal model: its derivatives, the R it finds again, weekly and missing counts, incomplete last days."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.inference._renewal_posterior import Problem
from mamori.inference.renewal import RenewalModel, estimate_renewal, fit_renewal
from mamori.inference.reproduction import Note, Reason
from mamori.inference.serial_interval import SerialInterval, delay_distribution

GENERATION = SerialInterval(5.0, 2.0)
DELAY = delay_distribution(3.0, 1.5)
REPORTING = np.array([0.2, 0.3, 0.2, 0.2, 0.1])
DAYS = 70
R = np.where(np.arange(DAYS) < 35, 1.3, 0.8)


def observe(counts: object, frequency: int | None = 365) -> Observations:
    """Return counts (S, T) as observations that begin on a Tuesday."""
    table = np.atleast_2d(np.array(counts, dtype=float))
    names = pl.DataFrame({"series": [f"s{i}" for i in range(len(table))]})
    dates = np.datetime64("2024-01-02") + np.arange(table.shape[1]) if frequency == 365 else None
    return Observations(names, np.arange(1, table.shape[1] + 1), table, table, dates, frequency)


def expected_counts(r: np.ndarray) -> np.ndarray:
    """Return the expected counts of an epidemic with that R and those delays, without weekdays."""
    weights = GENERATION.complete()
    lead = 40
    infections = np.full(lead + len(r), 100.0)
    for t in range(lead, lead + len(r)):
        infections[t] = r[t - lead] * (weights[1:] @ infections[t - 1 : t - len(weights) : -1])
    return np.asarray(np.convolve(infections, DELAY)[lead : lead + len(r)])


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    """Poisson counts that are 30 % lower at weekends."""
    weekend = np.where((1 + np.arange(DAYS)) % 7 >= 5, 0.7, 1.0)
    return np.random.default_rng(2).poisson(expected_counts(R) * weekend).astype(float)


def test_derivatives_are_those_of_differences() -> None:
    model = RenewalModel(GENERATION, DELAY, REPORTING)
    problem = Problem.make(expected_counts(R)[:20], model, 1, 1)
    rng = np.random.default_rng(0)
    theta = problem.prior_mean + 0.1 * rng.normal(size=len(problem.prior_mean))
    mean, slope = problem.expected(theta)
    for j in range(len(theta)):
        step = np.zeros(len(theta))
        step[j] = 1e-6
        difference = (problem.expected(theta + step)[0] - problem.expected(theta - step)[0]) / 2e-6
        np.testing.assert_allclose(slope[:, j], difference, rtol=1e-6, atol=1e-6 * mean.max())


def test_it_finds_r_and_the_weekdays_again(counts: np.ndarray) -> None:
    fit = fit_renewal(counts, RenewalModel(GENERATION, DELAY), first_weekday=1, draws=200)
    assert fit is not None
    low, median, high = np.quantile(np.exp(fit.log_r), [0.05, 0.5, 0.95], axis=0)
    assert median[10:28].mean() == pytest.approx(1.3, abs=0.04)
    assert median[45:60].mean() == pytest.approx(0.8, abs=0.03)
    assert ((low < R) & (high > R)).mean() > 0.85
    ratio = fit.weekday[5:].mean() / fit.weekday[:5].mean()
    assert ratio == pytest.approx(0.7, abs=0.06)
    assert fit.size > 30.0


def test_draws_depend_on_seed_and_name_alone(counts: np.ndarray) -> None:
    model = RenewalModel(GENERATION, DELAY)
    two = observe(np.array([counts, counts + 3.0]))
    got = estimate_renewal(two, model, draws=50, workers=2)
    again = estimate_renewal(two.rows(1, 2), model, draws=50)
    other = estimate_renewal(two.rows(1, 2), model, draws=50, seed=1)
    np.testing.assert_array_equal(got.quantiles[1], again.quantiles[0])
    assert (again.quantiles != other.quantiles).any()


def test_weekly_counts_give_a_value_a_week() -> None:
    weeks = expected_counts(R).reshape(-1, 7).sum(axis=1).round()
    got = estimate_renewal(observe(weeks, 52), RenewalModel(GENERATION, DELAY), draws=100)
    assert got.mean.shape == (1, DAYS // 7)
    assert got.mean[0, 2] == pytest.approx(1.3, abs=0.1)
    assert got.mean[0, 7] == pytest.approx(0.8, abs=0.1)


def test_missing_counts_are_left_out(counts: np.ndarray) -> None:
    gaps = counts.copy()
    gaps[[20, 21, 40]] = np.nan
    model = RenewalModel(GENERATION, DELAY)
    full, holes = (estimate_renewal(observe(given), model, draws=100) for given in (counts, gaps))
    assert not holes.reason.any()
    np.testing.assert_allclose(holes.quantiles[:, :, 3], full.quantiles[:, :, 3], atol=0.1)


def test_incomplete_last_days_are_put_right() -> None:
    r = np.full(DAYS, 1.1)
    age = np.minimum(np.arange(DAYS)[::-1], len(REPORTING) - 1)
    seen = np.round(expected_counts(r) * np.cumsum(REPORTING)[age])
    right, wrong = (
        estimate_renewal(observe(seen), RenewalModel(GENERATION, DELAY, reporting, weekday=False), draws=100)
        for reporting in (REPORTING, None)
    )
    assert right.quantiles[0, -1, 3] == pytest.approx(1.1, abs=0.1)
    assert wrong.quantiles[0, -1, 3] < 0.8
    words = [Note(note).word for note in right.note[0]]
    assert words[-1] == "incomplete"
    assert words[-10] == ""


def test_few_cases_have_a_reason() -> None:
    got = estimate_renewal(observe(np.eye(3, 30) * 4.0), RenewalModel(GENERATION))
    assert (got.reason == Reason.NO_CASES).all()
    assert np.isnan(got.mean).all()


@pytest.mark.parametrize(
    ("observations", "options", "words"),
    [
        (observe(np.ones(24), 12), {}, "12 times a year; the renewal model needs daily or weekly"),
        (observe([3.0, -1.0]), {}, "t=2 holds -1"),
        (observe(np.ones(10)), {"draws": 1}, "draws is 1; it must be >= 2"),
    ],
)
def test_what_cannot_be_used_is_refused(observations: Observations, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        estimate_renewal(observations, RenewalModel(GENERATION), **options)


def test_a_delay_that_is_no_distribution_is_refused() -> None:
    with pytest.raises(InputError, match="reporting delay sum to 0.5"):
        RenewalModel(GENERATION, None, np.array([0.5]))


COUNTS = arrays(
    float,
    st.integers(1, 15),
    elements=st.one_of(st.integers(0, 5).map(float), st.just(np.nan), st.integers(0, 10**9).map(float)),
)


@settings(max_examples=8, deadline=None)
@given(COUNTS, st.sampled_from([365, 52]))
def test_any_counts_give_numbers_or_reasons(given_counts: np.ndarray, frequency: int) -> None:
    got = estimate_renewal(observe(given_counts, frequency), RenewalModel(GENERATION, DELAY, REPORTING), draws=20)
    assert (np.isfinite(got.mean) == (got.reason == Reason.COMPUTED)).all()
    assert (np.isfinite(got.quantiles).all(axis=2) == (got.reason == Reason.COMPUTED)).all()
