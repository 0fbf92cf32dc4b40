"""CUSUM by its definition: statistics, bounds that fit them, memory, training."""

from collections.abc import Callable

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.integrate import quad

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.cusum import COUNT, STATISTIC, Cusum, Transformation
from mamori.surveillance.detector import Reason

Observe = Callable[..., Observations]
COUNTS = np.random.default_rng(4).poisson(5.0, (3, 160)).astype(float)
TARGETS = np.arange(110, 160)
TRANSFORMATIONS = list(STATISTIC)


def _cusum(**settings: object) -> Cusum:
    return Cusum.model_validate(settings)


def _by_hand(steps: np.ndarray, *, reset: bool = False) -> np.ndarray:
    total, sums = 0.0, []
    for step in steps:
        total = max(0.0, total + step - 1.04)
        sums.append(total)
        if reset and total >= 2.26:
            total = 0.0
    return np.array(sums)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_sum_starts_with_the_first_target(observe: Observe, transformation: Transformation, reset: bool) -> None:
    result = _cusum(trans=transformation, reset=reset).detect(observe(COUNTS), TARGETS)
    for row, counts in enumerate(COUNTS):
        mean = counts[:110].mean()
        assert result.expected[row] == pytest.approx(mean)
        steps = STATISTIC[transformation](counts[110:], np.full(50, mean), 0.1)
        sums = _by_hand(steps, reset=reset)
        np.testing.assert_allclose(result.score[row], sums, rtol=1e-12)
        np.testing.assert_array_equal(result.alarm[row], sums >= 2.26)


@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_count_and_statistic_are_inverse(transformation: Transformation) -> None:
    mean = np.array([0.3, 2.0, 17.0, 400.0])
    for value in (0.5, 2.0, 6.0):
        count = COUNT[transformation](mean, np.full(4, value), 0.2)
        np.testing.assert_allclose(STATISTIC[transformation](count, mean, 0.2), value, rtol=1e-10)


@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_corrected_bound_gives_the_alarms(observe: Observe, transformation: Transformation) -> None:
    counts = COUNTS.copy()
    counts[1, 130:140] += 6
    result = _cusum(trans=transformation, compat="corrected").detect(observe(counts), TARGETS)
    np.testing.assert_array_equal(result.alarm, counts[:, 110:] >= result.upperbound)
    assert result.alarm.any()


def test_bounds_of_the_package_that_differ(observe: Observe) -> None:
    seen = observe(COUNTS)
    for transformation in ("standard", "anscombe2nd"):
        package = _cusum(trans=transformation).detect(seen, TARGETS).upperbound
        exact = _cusum(trans=transformation, compat="corrected").detect(seen, TARGETS).upperbound
        if transformation == "standard":
            np.testing.assert_array_equal(package, np.ceil(exact))
        else:
            assert (package < exact).all()


@pytest.mark.parametrize(("count", "mean", "a"), [(7.0, 3.5, 0.1), (0.0, 2.0, 0.3), (40.0, 11.0, 0.05)])
def test_anscombe_residual_of_the_negative_binomial(count: float, mean: float, a: float) -> None:
    """It is the integral of the variance to the power -1/3, over the variance to the power 1/6."""
    integral, _ = quad(lambda u: (u + a * u**2) ** (-1 / 3), mean, count, epsabs=1e-12)
    statistic = STATISTIC["anscombeNegBin"](np.array([count]), np.array([mean]), a)
    assert statistic[0] == pytest.approx(integral / (mean + a * mean**2) ** (1 / 6), rel=1e-8)


def test_seasonal_mean_is_the_poisson_regression(observe: Observe) -> None:
    t = np.arange(1, 261)
    truth = np.exp(1.5 + 0.8 * np.cos(2 * np.pi * t / 52))
    counts = np.random.default_rng(7).poisson(truth, (2, 260)).astype(float)
    result = _cusum(m="glm").detect(observe(counts), np.arange(208, 260))
    np.testing.assert_allclose(result.expected, np.tile(truth[208:], (2, 1)), rtol=0.25)
    design = np.stack([np.ones(208), np.cos(2 * np.pi * t[:208] / 52), np.sin(2 * np.pi * t[:208] / 52)])
    for row in (0, 1):  # the score equations at the fit
        coefficients = np.linalg.lstsq(_design(t[208:]), np.log(result.expected[row]), rcond=None)[0]
        fitted = np.exp(_design(t[:208]) @ coefficients)
        np.testing.assert_allclose(design @ (counts[row, :208] - fitted), 0, atol=1e-7 * counts[row].sum())


def _design(t: np.ndarray) -> np.ndarray:
    return np.stack([np.ones(len(t)), np.cos(2 * np.pi * t / 52), np.sin(2 * np.pi * t / 52)], axis=1)


def test_missing_count_leaves_the_sum(observe: Observe) -> None:
    counts = COUNTS.copy()
    counts[0, 120] = np.nan
    result = _cusum(trans="rossi").detect(observe(counts), TARGETS)
    joined = _cusum(trans="rossi").detect(observe(np.delete(counts[:1], 120, axis=1)), TARGETS[:-1])
    np.testing.assert_array_equal(np.delete(result.score[0], 10), joined.score[0])
    assert result.reason[0, 10] == Reason.MISSING_COUNT
    assert np.isnan(result.score[0, 10])
    assert np.isfinite(result.upperbound[0, 10])
    assert not result.alarm[0, 10]


def test_without_training_the_chart_begins_later(observe: Observe) -> None:
    result = _cusum().detect(observe(COUNTS), np.arange(160))
    assert (result.reason[:, :8] == Reason.TOO_SHORT).all()
    np.testing.assert_array_equal(result.score[:, 8:], _cusum().detect(observe(COUNTS), np.arange(8, 160)).score)
    seasonal = _cusum(m="glm").detect(observe(COUNTS), np.arange(160))
    assert (seasonal.reason[:, :52] == Reason.TOO_SHORT).all()
    assert (seasonal.reason[:, 52:] == Reason.COMPUTED).all()
    none = _cusum(m="glm").detect(observe(COUNTS), np.arange(20, 30))
    assert (none.reason == Reason.TOO_SHORT).all()


def test_no_case_and_no_history_are_told_apart(observe: Observe) -> None:
    counts = COUNTS.copy()
    counts[0, :110] = 0
    counts[1, :107] = np.nan
    result = _cusum(m="glm").detect(observe(counts), TARGETS)
    assert (result.reason[0] == Reason.ZERO_VARIANCE).all()
    assert (result.reason[1] == Reason.GAP).all()
    assert np.isnan(result.upperbound[:2]).all()
    assert not result.alarm[:2].any()
    assert (result.reason[2] == Reason.COMPUTED).all()


def test_past_outbreaks_do_not_teach_the_mean(observe: Observe) -> None:
    history, weights = COUNTS.copy(), np.ones_like(COUNTS)
    history[:, 40:50] = np.nan
    weights[:, 40:50] = 0
    loud = COUNTS.copy()
    loud[:, 40:50] += 100
    left_out = _cusum(m="glm").detect(observe(loud, history=history), TARGETS)
    weighed = _cusum(m="glm").detect(observe(loud, weights=weights), TARGETS)
    np.testing.assert_allclose(left_out.expected, weighed.expected, rtol=1e-12)
    assert left_out.expected.max() < 8


def test_a_season_needs_a_frequency(observe: Observe) -> None:
    with pytest.raises(InputError, match="cusum with a seasonal mean must know how many periods a year has"):
        _cusum(m="glm").detect(observe(COUNTS, frequency=None), TARGETS)
    assert (_cusum().detect(observe(COUNTS, frequency=None), TARGETS).reason == Reason.COMPUTED).all()


def test_names_of_the_package_are_taken_and_bounds_held() -> None:
    cusum = _cusum(k=1, h=3, trans="rossi", alpha=0.2, m="glm")
    assert (cusum.reference_value, cusum.decision_interval, cusum.transformation) == (1, 3, "rossi")
    for wrong in ({"k": -1}, {"h": 0}, {"trans": "log"}, {"alpha": 0}, {"m": 3}):
        with pytest.raises(ValidationError):
            _cusum(**wrong)
