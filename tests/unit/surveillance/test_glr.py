"""LR and GLR charts against likelihoods maximised otherwise, and their memory, bounds and training."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.optimize import minimize_scalar
from scipy.stats import nbinom, poisson

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.detector import Reason
from mamori.surveillance.glr import Glr, Lr

Observe = Callable[..., Observations]
NEVER = 1e6  # a threshold that is not reached: no restart


def _glr(**settings: object) -> Glr:
    return Glr.model_validate(settings)


def _lr(**settings: object) -> Lr:
    return Lr.model_validate(settings)


def _log_density(count: np.ndarray, mean: np.ndarray, a: float) -> np.ndarray:
    if a == 0:
        return np.asarray(poisson.logpmf(count, mean))
    return np.asarray(nbinom.logpmf(count, 1 / a, 1 / (1 + a * mean)))


def _gain(count: np.ndarray, mean: np.ndarray, changed: np.ndarray, a: float) -> float:
    return float(np.sum(_log_density(count, changed, a) - _log_density(count, mean, a)))


def _bounded_maximum(count: np.ndarray, mean: np.ndarray, a: float) -> float:
    """G at the last count: SciPy's bounded search over kappa for every change point."""
    best = 0.0
    top = math.log(max(count.max(), 1) / mean.min()) + 1
    for k in range(len(count)):
        x, m = count[k:], mean[k:]
        found = minimize_scalar(
            lambda kappa, x=x, m=m: -_gain(x, m, m * np.exp(kappa), a),
            bounds=(0, top),
            method="bounded",
            options={"xatol": 1e-10},
        )
        best = max(best, -float(found.fun))
    return best


def _random_cases(cases: int, length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts and means of small to great size; half the rows hold an outbreak that may be enormous."""
    rng = np.random.default_rng(seed)
    mean = np.exp(rng.uniform(-4, 5, (cases, 1)) + rng.normal(0, 0.5, (cases, length)))
    factor = np.exp(
        rng.uniform(0, 6, (cases, 1)) * (rng.uniform(size=(cases, length)) < 0.5) * rng.integers(2, size=(cases, 1))
    )
    return rng.poisson(mean * factor * rng.gamma(2.0, 0.5, (cases, length))).astype(float), mean


@pytest.mark.parametrize("a", [0.0, 0.02, 0.2, 3.0])
def test_g_is_the_maximum_over_time_and_size(observe: Observe, a: float) -> None:
    count, mean = _random_cases(12, 5, seed=3)
    targets = np.arange(2, 7)
    seen = observe(np.concatenate([np.ones((12, 2)), count], axis=1))
    result = _glr(**{"c.ARL": NEVER}, alpha=a).detect_with_mean(seen, targets, mean)
    for row in range(12):
        assert result.score[row, -1] == pytest.approx(_bounded_maximum(count[row], mean[row], a), rel=1e-9, abs=1e-9)


def test_the_case_that_the_package_misses(observe: Observe) -> None:
    """65 cases where 0.15 are expected: R's search ends at 0 and gives no alarm."""
    count, mean = np.array([1.0, 11, 65, 3]), np.array([0.19, 0.17, 0.15, 0.15])
    seen = observe(np.r_[0.0, count])
    result = _glr(alpha=0.2).detect_with_mean(seen, np.arange(1, 5), mean[None])
    assert result.alarm[0].tolist() == [False, True, True, True]
    whole = _glr(**{"c.ARL": NEVER}, alpha=0.2).detect_with_mean(seen, np.arange(1, 5), mean[None])
    assert whole.score[0, 3] == pytest.approx(_bounded_maximum(count, mean, 0.2), rel=1e-9)
    assert whole.score[0, 3] == pytest.approx(236.9, abs=0.01)


@pytest.mark.parametrize("a", [0.0, 0.1, 1.5])
def test_epidemic_change_against_a_fine_grid(observe: Observe, a: float) -> None:
    rng = np.random.default_rng(8)
    mean = np.exp(rng.uniform(-1, 2, (30, 7)))
    count = rng.poisson(mean * np.exp(rng.uniform(0, 2, (30, 7)))).astype(float)
    before = np.concatenate([rng.poisson(2.0, (30, 1)).astype(float), count[:, :-1]], axis=1)
    seen = observe(np.concatenate([before[:, :1], count], axis=1))
    result = _glr(**{"c.ARL": NEVER}, alpha=a, change="epi").detect_with_mean(seen, np.arange(1, 8), mean)
    size = np.concatenate([[0.0], np.geomspace(1e-5, 200, 20001)])
    for row in range(30):
        changed = mean[row][:, None] + before[row][:, None] * size
        gains = _log_density(count[row][:, None], changed, a) - _log_density(count[row], mean[row], a)[:, None]
        best = max(gains[k:].sum(axis=0).max() for k in range(7))
        assert best - 1e-9 <= result.score[row, -1] <= best + 1e-4 * max(best, 1)


@pytest.mark.parametrize("a", [0.0, 0.3])
def test_likelihood_ratio_chart_adds_up_and_restarts(observe: Observe, a: float) -> None:
    rng = np.random.default_rng(5)
    mean = np.full((1, 60), 3.0)
    count = rng.poisson(5.0, 60).astype(float)
    result = _lr(**{"c.ARL": 4}, alpha=a, theta=0.7).detect_with_mean(observe(count), np.arange(60), mean)
    total = 0.0
    for t in range(60):
        total = max(0.0, total + _gain(count[t : t + 1], mean[0, :1], mean[0, :1] * np.exp(0.7), a))
        assert result.score[0, t] == pytest.approx(total, abs=1e-11)
        assert result.alarm[0, t] == (total > 4)
        total = 0.0 if total > 4 else total
    assert result.alarm.sum() >= 2


@pytest.mark.parametrize("settings", [{"alpha": 0.0}, {"alpha": 0.2}, {"alpha": 0.0, "M": 5}, {"alpha": 0.2, "M": 5}])
@pytest.mark.parametrize("change", ["intercept", "epi"])
def test_bound_is_the_count_that_reaches_the_threshold(
    observe: Observe, change: str, settings: dict[str, float]
) -> None:
    rng = np.random.default_rng(6)
    count = rng.poisson(4.0 * np.exp(rng.normal(0, 0.7, 80))).astype(float)
    seen, targets = observe(count), np.arange(1, 80)
    chart = _glr(**settings, change=change)
    mean = np.full((1, 79), 4.0)
    result = chart.detect_with_mean(seen, targets, mean)
    bound = result.upperbound[0]
    known = ~np.isnan(bound)
    np.testing.assert_array_equal(result.alarm[0][known], count[1:][known] >= bound[known])
    assert result.alarm.any()
    (some,) = np.nonzero(known & (bound > 0))
    for t in some[-3:]:
        replaced = count.copy()
        replaced[1 + t] = bound[t]
        score = chart.detect_with_mean(observe(replaced), targets, mean).score[0, t]
        assert score == pytest.approx(chart.threshold, rel=1e-9)


def test_window_and_least_periods_limit_the_change_points(observe: Observe) -> None:
    count = np.array([9.0, 9, 9, 2, 2, 2, 2, 2, 6])
    seen, targets, mean = observe(count), np.arange(9), np.full((1, 9), 2.0)

    def last(**settings: object) -> float:
        chart = _glr(**{"c.ARL": NEVER}, **settings)
        return float(chart.detect_with_mean(seen, targets, mean).score[0, -1])

    def best(periods: range, a: float) -> float:
        return max(_bounded_maximum(count[-n:][:n], mean[0, -n:], a) for n in periods)

    assert last(alpha=0) > last(alpha=0, M=3)
    assert last(alpha=0.2, M=2) == pytest.approx(best(range(1, 4), 0.2), rel=1e-9)
    # A Poisson chart with a window leaves out one period more, as the package does.
    assert last(alpha=0, M=0) == 0
    assert last(alpha=0.2, M=0) > 0
    assert last(alpha=0.2, Mtilde=9) == pytest.approx(_one_change(count, 2.0, 0.2), rel=1e-9)


def _one_change(count: np.ndarray, mean: float, a: float) -> float:
    """Gain with the mean of all counts: the likeliest change of a constant mean."""
    m = np.full(len(count), mean)
    return _gain(count, m, np.full(len(count), count.mean()), a)


def test_dispersion_is_the_likeliest(observe: Observe) -> None:
    rng = np.random.default_rng(10)
    t = np.arange(1, 313)
    truth = np.exp(2 + 0.5 * np.sin(2 * np.pi * t / 52))
    count = rng.negative_binomial(1 / 0.4, 1 / (1 + 0.4 * truth), (4, 312)).astype(float)
    result = _glr(trend=False).detect(observe(count), np.arange(260, 312))
    a = (result.phi - 1) / result.expected
    np.testing.assert_allclose(a, np.tile(a[:, :1], 52), rtol=1e-9)
    wave = np.stack([np.ones(312), np.cos(2 * np.pi * t / 52), np.sin(2 * np.pi * t / 52)], axis=1)
    for row in range(4):
        beta = np.linalg.lstsq(wave[260:], np.log(result.expected[row]), rcond=None)[0]
        fitted = np.exp(wave[:260] @ beta)
        found = minimize_scalar(
            lambda log_a, row=row, fitted=fitted: -_log_density(count[row, :260], fitted, math.exp(log_a)).sum(),
            bounds=(-4, 2),
            method="bounded",
            options={"xatol": 1e-8},
        )
        assert a[row, 0] == pytest.approx(math.exp(found.x), rel=1e-4)
        score = (count[row, :260] - fitted) / (1 + a[row, 0] * fitted)
        np.testing.assert_allclose(wave[:260].T @ score, 0, atol=1e-4)


def test_even_counts_have_no_excess_dispersion(observe: Observe) -> None:
    count = np.tile([4.0, 5, 6, 5], 30)
    result = _glr(S=0).detect(observe(count), np.arange(110, 120))
    np.testing.assert_array_equal(result.phi, 1.0)


def test_missing_counts_add_nothing(observe: Observe) -> None:
    count = np.array([3.0, 8, 5, 9, 4])
    gap = np.array([3.0, 8, np.nan, 5, 9, 4])
    for chart in (_glr(alpha=0.1), _lr(alpha=0.1)):
        full = chart.detect_with_mean(observe(count), np.arange(5), np.full((1, 5), 4.0))
        holed = chart.detect_with_mean(observe(gap), np.arange(6), np.full((1, 6), 4.0))
        np.testing.assert_allclose(np.delete(holed.score[0], 2), full.score[0], rtol=1e-12)
        assert holed.reason[0, 2] == Reason.MISSING_COUNT
        assert not holed.alarm[0, 2]


def test_training_that_cannot_teach(observe: Observe) -> None:
    count = np.random.default_rng(2).poisson(3.0, (3, 120)).astype(float)
    count[0, :110] = 0
    count[1, 5:110] = np.nan
    result = _glr().detect(observe(count), np.arange(110, 120))
    assert (result.reason[0] == Reason.ZERO_VARIANCE).all()
    assert (result.reason[1] == Reason.GAP).all()
    assert (result.reason[2] == Reason.COMPUTED).all()
    assert np.isnan(result.score[:2]).all()
    assert not result.alarm[:2].any()


def test_a_trend_beyond_all_numbers_is_not_judged(observe: Observe) -> None:
    count = np.concatenate([2.0 ** np.arange(20), np.zeros(1100)])
    result = _glr(alpha=0, S=0).detect(observe(count), np.arange(20, 1120))
    assert result.reason[0, 0] == Reason.COMPUTED
    assert result.reason[0, -1] == Reason.NOT_FINITE
    assert np.isnan(result.expected[0, -1])
    assert np.isnan(result.score[0, -1])


def test_a_mean_of_ones_own_is_checked(observe: Observe) -> None:
    seen, targets = observe(np.ones(5)), np.arange(5)
    with pytest.raises(InputError, match=r"the mean has shape \(5,\); it must be series by targets, \(1, 5\)"):
        _lr(alpha=0).detect_with_mean(seen, targets, np.ones(5))
    with pytest.raises(InputError, match="must be above 0 and finite"):
        _lr(alpha=0).detect_with_mean(seen, targets, np.zeros((1, 5)))
    with pytest.raises(InputError, match="dispersion is not set"):
        _lr().detect_with_mean(seen, targets, np.ones((1, 5)))


def test_names_of_the_package_are_taken_and_bounds_held() -> None:
    glr = _glr(**{"c.ARL": 4}, alpha=0.2, M=26, Mtilde=2, change="epi", S=2)
    assert (glr.threshold, glr.window, glr.least_periods, glr.harmonics) == (4, 26, 2, 2)
    assert _lr().theta == pytest.approx(math.log(2))
    for wrong in ({"c.ARL": 0}, {"alpha": -1}, {"M": -2}, {"Mtilde": 0}, {"theta": 1}):
        with pytest.raises(ValidationError):
            _glr(**wrong)
