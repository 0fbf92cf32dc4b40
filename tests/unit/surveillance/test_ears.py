"""EARS by its definition, and where baselines are flat, short, gappy or weighted."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError
from scipy.stats import norm

from mamori.core.contracts import Observations
from mamori.surveillance.detector import Reason
from mamori.surveillance.ears import Ears

Observe = Callable[..., Observations]
COUNTS = np.random.default_rng(1).poisson(4.0, 40).astype(float)
LAST = np.array([39])


def _ears(**settings: object) -> Ears:
    return Ears.model_validate(settings)


@pytest.mark.parametrize(("variant", "guard"), [("C1", 0), ("C2", 2)])
def test_bound_is_mean_plus_z_standard_deviations(observe: Observe, variant: str, guard: int) -> None:
    baseline = COUNTS[39 - guard - 7 : 39 - guard]
    result = _ears(variant=variant).detect(observe(COUNTS), LAST)
    sd = baseline.std(ddof=1)
    assert result.expected[0, 0] == pytest.approx(baseline.mean(), rel=1e-14)
    assert result.upperbound[0, 0] == pytest.approx(baseline.mean() + norm.isf(0.001) * sd, rel=1e-13)
    assert result.score[0, 0] == pytest.approx((COUNTS[39] - baseline.mean()) / sd, rel=1e-13)
    assert result.pvalue[0, 0] == pytest.approx(norm.sf(result.score[0, 0]), rel=1e-12)


@pytest.mark.parametrize("compat", ["r", "corrected"])
def test_c3_adds_up_the_excess_of_three_periods(observe: Observe, compat: str) -> None:
    counts = COUNTS.copy()
    counts[37:40] = [9, 11, 14]
    excess = []
    for t in (37, 38, 39):
        baseline = counts[t - 9 : t - 2]
        excess.append(max(0.0, (counts[t] - baseline.mean()) / baseline.std(ddof=1) - 1))
    past = excess[0] + excess[1]
    sd, mean, z = counts[30:37].std(ddof=1), counts[30:37].mean(), norm.isf(0.025)
    result = _ears(variant="C3", compat=compat).detect(observe(counts), LAST)
    if compat == "r":
        assert result.score[0, 0] == pytest.approx(past)
        assert result.upperbound[0, 0] == pytest.approx(max(0.0, 14 + sd * (z - past)))
    else:
        assert result.score[0, 0] == pytest.approx(sum(excess))
        assert result.upperbound[0, 0] == pytest.approx(mean + sd * (z - past + 1) if past < z else 0.0)
    assert result.alarm[0, 0] == (result.score[0, 0] > z)


def test_corrected_c3_sees_an_outbreak_in_its_first_period(observe: Observe) -> None:
    counts = COUNTS.copy()
    counts[39] = 60
    first = {compat: _ears(variant="C3", compat=compat).detect(observe(counts), LAST) for compat in ("r", "corrected")}
    assert not first["r"].alarm[0, 0]
    assert first["corrected"].alarm[0, 0]


@given(arrays(float, 30, elements=st.integers(0, 12).map(float)), st.sampled_from(["C1", "C2", "C3"]))
def test_alarm_is_a_count_above_the_bound(observe: Observe, counts: np.ndarray, variant: str) -> None:
    targets = np.arange(30)
    result = _ears(variant=variant, compat="corrected").detect(observe(counts), targets)
    np.testing.assert_array_equal(result.alarm[0], counts > result.upperbound[0])
    early = 7 + {"C1": 0, "C2": 2, "C3": 4}[variant]
    assert (result.reason[0, :early] == Reason.TOO_SHORT).all()
    assert np.isnan(result.upperbound[0, :early]).all()
    assert np.isfinite(result.upperbound[0, early:]).all()
    assert np.isin(result.reason[0, early:], [Reason.COMPUTED, Reason.ZERO_VARIANCE]).all()


def test_flat_baseline_by_our_rule_and_by_the_packages(observe: Observe) -> None:
    counts = np.full(20, 2.0)
    counts[19] = 3
    target = np.array([19])
    ours = _ears().detect(observe(counts), target)
    assert ours.upperbound[0, 0] == pytest.approx(2 + norm.isf(0.001) * np.sqrt(2.5))
    assert not ours.alarm[0, 0]
    package = _ears(minSigma=0).detect(observe(counts), target)
    assert package.upperbound[0, 0] == 2
    assert package.alarm[0, 0]
    assert np.isnan(package.pvalue[0, 0])
    floor = _ears(minSigma=0.5).detect(observe(counts), target)
    assert floor.upperbound[0, 0] == pytest.approx(2 + norm.isf(0.001) * 0.5)
    for result in (ours, package, floor):
        assert result.reason[0, 0] == Reason.ZERO_VARIANCE
    c3 = _ears(variant="C3", minSigma=0).detect(observe(np.full(20, 2.0)), target)
    assert np.isnan(c3.upperbound[0, 0])
    assert not c3.alarm[0, 0]


def test_flat_zeros_give_false_alarms_no_more_often_than_alpha(observe: Observe) -> None:
    """After 7 weeks without a case the predictive chance of an alarm is below 0.001 (Jeffreys' prior)."""
    from scipy.stats import nbinom

    bound = _ears().detect(observe(np.zeros(8)), np.array([7])).upperbound[0, 0]
    assert nbinom.sf(np.floor(bound), 0.5, 7 / 8) < 0.001


def test_missing_values_in_the_baseline(observe: Observe) -> None:
    counts = COUNTS.copy()
    counts[[33, 35]] = np.nan
    result = _ears().detect(observe(counts), LAST)
    assert result.expected[0, 0] == pytest.approx(np.nanmean(counts[32:39]))
    assert result.upperbound[0, 0] == pytest.approx(
        np.nanmean(counts[32:39]) + norm.isf(0.001) * np.nanstd(counts[32:39], ddof=1)
    )
    counts[[32, 34]] = np.nan
    result = _ears().detect(observe(counts), LAST)
    assert result.reason[0, 0] == Reason.GAP
    assert np.isnan(result.upperbound[0, 0])
    assert not result.alarm[0, 0]


def test_missing_count_has_a_bound_but_no_alarm(observe: Observe) -> None:
    counts = COUNTS.copy()
    counts[39] = np.nan
    result = _ears().detect(observe(counts), LAST)
    assert result.reason[0, 0] == Reason.MISSING_COUNT
    assert np.isfinite(result.upperbound[0, 0])
    assert not result.alarm[0, 0]
    assert np.isnan(result.pvalue[0, 0])


def test_c3_needs_the_two_periods_before(observe: Observe) -> None:
    counts = COUNTS.copy()
    counts[38] = np.nan
    result = _ears(variant="C3").detect(observe(counts), LAST)
    assert result.reason[0, 0] == Reason.GAP
    assert np.isnan(result.upperbound[0, 0])


def test_weights_count_as_parts_of_a_period(observe: Observe) -> None:
    counts = COUNTS.copy()
    weights = np.ones((1, 40))
    weights[0, 34:39] = 0
    without = counts.copy()
    without[34:39] = np.nan
    ears = _ears(baseline=10)
    weighted = ears.detect(observe(counts, weights=weights), LAST)
    left_out = ears.detect(observe(counts, history=without[None]), LAST)
    assert weighted.upperbound[0, 0] == left_out.upperbound[0, 0]
    weights[0, 34:39] = 0.5
    halved = ears.detect(observe(counts, weights=weights), LAST)
    assert halved.expected[0, 0] == pytest.approx(np.average(counts[29:39], weights=weights[0, 29:39]))


def test_series_stand_alone(observe: Observe) -> None:
    many = np.random.default_rng(2).poisson(3.0, (6, 50)).astype(float)
    targets = np.arange(20, 50)
    whole = _ears(variant="C3").detect(observe(many), targets)
    one = _ears(variant="C3").detect(observe(many).rows(3, 4), targets)
    np.testing.assert_array_equal(whole.upperbound[3:4], one.upperbound)


def test_names_of_the_package_are_taken_and_bounds_held() -> None:
    ears = _ears(method="C2", baseline=10, minSigma=1, alpha=0.01)
    assert (ears.variant, ears.min_sigma) == ("C2", 1)
    for wrong in ({"method": "C4"}, {"baseline": 2}, {"minSigma": -1}, {"alpha": 0}, {"window": 7}):
        with pytest.raises(ValidationError):
            _ears(**wrong)
