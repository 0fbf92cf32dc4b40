"""Mamori's own detector: what holds for any series, and that its p-values are what they say."""

from collections.abc import Callable

import numpy as np
import pytest

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.detector import Detection, Reason
from mamori.surveillance.mamori import Mamori

Observe = Callable[..., Observations]
FIELDS = ("expected", "upperbound", "score", "pvalue", "phi", "alarm", "reason")


def last(observe: Observe, counts: np.ndarray, periods: int = 1, **fields: object) -> Detection:
    length = np.atleast_2d(counts).shape[1]
    return Mamori().detect(observe(counts, **fields), np.arange(length - periods, length))


@pytest.fixture(scope="module")
def seasonal() -> np.ndarray:
    """Negative binomial counts (40, 260) without outbreaks: means 0.3 to 60, dispersion 2, an annual wave."""
    rng = np.random.default_rng(3)
    level = np.geomspace(0.3, 60.0, 40)[:, None]
    mean = level * np.exp(0.4 * np.cos(2.0 * np.pi * np.arange(260) / 52.0))
    counts: np.ndarray = rng.negative_binomial(mean, 0.5).astype(np.float64)
    return counts


def test_a_series_gives_the_same_alone_as_among_others(observe: Observe, seasonal: np.ndarray) -> None:
    together = last(observe, seasonal[:8], 3)
    for row in range(8):
        alone = last(observe, seasonal[row], 3)
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(alone, name)[0], getattr(together, name)[row], err_msg=name)


def test_a_target_gives_the_same_whichever_range_is_asked_and_whatever_follows(
    observe: Observe, seasonal: np.ndarray
) -> None:
    counts = seasonal[20:24].copy()
    wide = Mamori().detect(observe(counts), np.arange(240, 260))
    counts[:, 251:] += 1000.0
    narrow = Mamori().detect(observe(counts), np.arange(250, 251))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(narrow, name)[:, 0], getattr(wide, name)[:, 10], err_msg=name)


def test_p_values_are_as_rare_as_they_say(observe: Observe) -> None:
    rng = np.random.default_rng(11)
    level = np.geomspace(0.5, 40.0, 30)[:, None]
    mean = level * np.exp(0.3 * np.cos(2.0 * np.pi * np.arange(312) / 52.0))
    pvalue = last(observe, rng.negative_binomial(mean / 0.5, 1.0 / 1.5).astype(np.float64), 104).pvalue
    for level_of_p in (0.01, 0.05, 0.2):
        share = (pvalue <= level_of_p).mean()
        assert 0.6 * level_of_p < share < 1.4 * level_of_p


def test_alarms_are_the_counts_above_the_bound_and_the_small_p_values(observe: Observe, seasonal: np.ndarray) -> None:
    counts = seasonal.copy()
    counts[::2, -2:] *= 3.0
    found = last(observe, counts, 4)
    assert found.alarm.any()
    np.testing.assert_array_equal(found.alarm, counts[:, -4:] > found.upperbound)
    np.testing.assert_array_equal(found.alarm, (found.pvalue <= Mamori().alpha) & (counts[:, -4:] > 0.0))


def test_more_cases_are_never_less_suspect(observe: Observe, seasonal: np.ndarray) -> None:
    counts = np.repeat(seasonal[15:16], 60, axis=0)
    counts[:, -1] = np.arange(60)
    found = last(observe, counts)
    assert (np.diff(found.pvalue[:, 0]) <= 0.0).all()
    assert (np.diff(found.score[:, 0]) >= 0.0).all()
    assert found.pvalue[0, 0] > 0.5
    assert found.pvalue[-1, 0] < 1e-6


def test_two_raised_weeks_are_more_than_one(observe: Observe, seasonal: np.ndarray) -> None:
    counts = np.repeat(seasonal[25:26], 2, axis=0)
    expected = last(observe, counts).expected[0, 0]
    counts[:, -1] = np.round(expected + 1.5 * np.sqrt(2.0 * expected))
    counts[:, -2] = np.round(expected), np.round(expected + 1.5 * np.sqrt(2.0 * expected))
    once, twice = last(observe, counts).pvalue[:, 0]
    assert twice < 0.5 * once


def test_a_past_outbreak_hardly_moves_the_baseline(observe: Observe, seasonal: np.ndarray) -> None:
    with_outbreak = seasonal.copy()
    with_outbreak[:, 200:203] += np.ceil(6.0 * np.sqrt(2.0 * seasonal.mean(axis=1)))[:, None]
    plain, bent = last(observe, seasonal), last(observe, with_outbreak)
    assert np.median(np.abs(np.log(bent.expected / plain.expected))) < 0.05
    assert np.median(bent.phi / plain.phi) < 1.1


def test_a_history_of_zeros_has_a_sensible_bound(observe: Observe) -> None:
    counts = np.zeros((4, 60))
    counts[:, -1] = np.arange(4)
    found = last(observe, counts)
    assert (found.reason == Reason.COMPUTED).all()
    assert (found.expected > 0.0).all()
    assert (found.expected < 0.1).all()
    assert found.pvalue[0, 0] > 0.9
    assert found.alarm[:, 0].tolist() == [False, False, True, True]


def test_eight_periods_are_the_shortest_history(observe: Observe) -> None:
    counts = np.array([[3.0, 2, 4, 3, 3, 1, 4, 3, 30, 3]])
    found = Mamori().detect(observe(counts), np.arange(10))
    assert found.reason[0].tolist() == 8 * [Reason.TOO_SHORT] + 2 * [Reason.COMPUTED]
    assert np.isnan(found.pvalue[0, :8]).all()
    assert not found.alarm[0, :8].any()
    assert found.alarm[0, 8]


def test_missing_counts(observe: Observe, seasonal: np.ndarray) -> None:
    counts = seasonal[20:22].copy()
    counts[0, -1] = np.nan
    counts[:, 100:120] = np.nan
    counts[1, -4:-1] = np.nan
    found = last(observe, counts)
    assert found.reason[:, 0].tolist() == [Reason.MISSING_COUNT, Reason.COMPUTED]
    assert np.isfinite(found.upperbound).all()
    assert np.isfinite(found.expected).all()
    assert np.isnan(found.pvalue[0, 0])
    assert not found.alarm[0, 0]
    np.testing.assert_allclose(found.expected, last(observe, seasonal[20:22]).expected, rtol=0.2)


def test_what_is_weighted_away_is_not_learnt(observe: Observe, seasonal: np.ndarray) -> None:
    counts = seasonal[30:31].copy()
    counts[:, 100:160] *= 5.0
    weights = np.ones_like(counts)
    weights[:, 100:160] = 0.0
    excluded = np.where(weights > 0.0, counts, np.nan)
    weighted, left_out = last(observe, counts, weights=weights), last(observe, counts, history=excluded)
    np.testing.assert_allclose(weighted.expected, left_out.expected, rtol=1e-12)
    np.testing.assert_allclose(left_out.expected, last(observe, seasonal[30:31]).expected, rtol=0.15)


@pytest.mark.parametrize("mean", [0.02, 3.0, 200.0, 1e5])
def test_an_excess_of_six_deviations_is_seen_at_any_level(observe: Observe, mean: float) -> None:
    counts = np.random.default_rng(5).poisson(mean, (1, 200)).astype(np.float64)
    assert last(observe, counts).pvalue[0, 0] > 1e-4
    counts[0, -1] = np.ceil(mean + 6.0 * np.sqrt(mean) + 2.0)
    assert last(observe, counts).alarm[0, 0]


def test_monthly_and_daily_counts_have_their_own_year_and_week(observe: Observe) -> None:
    rng = np.random.default_rng(8)
    months = 30.0 * np.exp(0.8 * np.cos(2.0 * np.pi * np.arange(120) / 12.0))
    monthly = last(observe, rng.poisson(months).astype(np.float64), 12, frequency=12)
    np.testing.assert_allclose(monthly.expected[0], months[-12:], rtol=0.2)
    days = np.where(np.arange(400) % 7 < 5, 30.0, 10.0)
    daily = last(observe, rng.poisson(days).astype(np.float64), 7, frequency=365)
    np.testing.assert_allclose(daily.expected[0], days[-7:], rtol=0.2)


def test_a_year_must_be_known(observe: Observe) -> None:
    with pytest.raises(InputError, match="needs the periods a year; give freq"):
        last(observe, np.ones(30), frequency=None)


def test_a_long_epidemic_with_gaps_is_fitted_and_not_carried_on_as_a_trend(observe: Observe) -> None:
    rng = np.random.default_rng(11)
    weeks = np.arange(420)
    season = np.exp(1.5 * np.cos(2.0 * np.pi * weeks / 52.0)) * rng.gamma(2.0, 0.5, (12, 9)).repeat(52, axis=1)[:, :420]
    wave = np.where(weeks > 380, 60.0 * np.exp(0.12 * (weeks - 380)), 0.0)
    counts = rng.negative_binomial(np.maximum(10.0 * season + wave, 0.01) / 19.0, 0.05).astype(np.float64)
    counts[:, (weeks % 52 > 20) & (weeks % 52 < 38) & (weeks < 370)] = np.nan
    found = last(observe, counts, 45)
    assert not (found.reason == Reason.NO_CONVERGENCE).any()
    highest = np.fmax.accumulate(np.nan_to_num(counts), axis=1)[:, -45:]
    assert (found.expected <= highest).all()
