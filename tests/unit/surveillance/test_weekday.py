"""Day-of-week effects: the factors, that nothing is foreseen, and the way back to cases."""

from collections.abc import Callable

import numpy as np
import pytest

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.cusum import Cusum
from mamori.surveillance.detector import Reason
from mamori.surveillance.ears import Ears
from mamori.surveillance.weekday import LEAST_WEEKS, without_weekday_effect

Observe = Callable[..., Observations]
EFFECT = np.array([1.4, 1.2, 1.1, 1.1, 1.0, 0.7, 0.5])
DAYS = 600
TARGETS = np.arange(500, DAYS)


def _mean(level: float) -> np.ndarray:
    return level * EFFECT[np.arange(DAYS) % 7]


def _counts(level: float, series: int = 4, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(_mean(level), (series, DAYS)).astype(float)


def _daily(observe: Observe, counts: np.ndarray, **fields: object) -> Observations:
    return observe(counts, frequency=365, **fields)


@pytest.mark.parametrize("level", [2000.0, 200.0, 20.0])
def test_factors_are_those_of_the_counts(observe: Observe, level: float) -> None:
    """Within 4.5 standard errors of a year of Poisson counts."""
    _, effect = without_weekday_effect(_daily(observe, _counts(level)), TARGETS)
    error = np.sqrt(_mean(1.0) / (52 * level))
    assert (np.abs(effect.factors - _mean(1.0)) < 4.5 * error).all()


def test_factors_average_one(observe: Observe) -> None:
    _, effect = without_weekday_effect(_daily(observe, _counts(20.0)), TARGETS)
    assert effect.factors[:, :490].reshape(4, 70, 7).mean(axis=2) == pytest.approx(1.0)


def test_few_cases_show_little_effect(observe: Observe) -> None:
    _, effect = without_weekday_effect(_daily(observe, _counts(0.05)), TARGETS)
    assert np.abs(effect.factors - 1).max() < 0.5
    _, none = without_weekday_effect(_daily(observe, np.zeros(DAYS)), TARGETS)
    np.testing.assert_array_equal(none.factors, 1.0)


def test_a_strange_day_moves_the_factors_little(observe: Observe) -> None:
    counts = _counts(50.0, series=1)
    loud = counts.copy()
    loud[0, 480] *= 20
    _, quiet = without_weekday_effect(_daily(observe, counts), TARGETS)
    _, disturbed = without_weekday_effect(_daily(observe, loud), TARGETS)
    np.testing.assert_allclose(disturbed.factors[:, :481], quiet.factors[:, :481], rtol=0.05)


def test_nothing_is_foreseen(observe: Observe) -> None:
    counts = _counts(10.0)
    other = counts.copy()
    other[:, 550:] = 7 * other[:, 550:] + 3
    one, _ = without_weekday_effect(_daily(observe, counts), TARGETS)
    two, _ = without_weekday_effect(_daily(observe, other), TARGETS)
    np.testing.assert_array_equal(one.counts[:, :550], two.counts[:, :550])
    assert (one.counts[:, 550:DAYS] != two.counts[:, 550:DAYS]).any()


def test_missing_and_excluded_days_teach_nothing(observe: Observe) -> None:
    counts = _counts(30.0)
    history = counts.copy()
    history[:, 300:330] = np.nan
    weights = np.ones_like(counts)
    weights[:, 300:330] = 0
    loud = counts.copy()
    loud[:, 300:330:7] += 1000
    _, left_out = without_weekday_effect(_daily(observe, loud, history=history), TARGETS)
    _, weighed = without_weekday_effect(_daily(observe, loud, weights=weights), TARGETS)
    np.testing.assert_allclose(left_out.factors, weighed.factors, rtol=1e-12)
    np.testing.assert_allclose(left_out.factors, np.tile(_mean(1.0), (4, 1)), rtol=0.1)


def test_sundays_no_longer_hide_nor_mondays_alarm(observe: Observe) -> None:
    counts = _counts(100.0, series=40, seed=3)
    ears = Ears.model_validate({"alpha": 0.01})
    plain = ears.detect(_daily(observe, counts), TARGETS)
    level, effect = without_weekday_effect(_daily(observe, counts), TARGETS)
    adjusted = effect.put_back(ears.detect(level, TARGETS), TARGETS)
    by_day = [adjusted.alarm[:, d == TARGETS % 7].mean() for d in range(7)]
    assert plain.alarm[:, TARGETS % 7 > 3].mean() == 0
    assert max(by_day) < 0.1
    assert min(by_day) > 0.005


def test_bounds_come_back_in_cases_of_the_day(observe: Observe) -> None:
    counts = _counts(40.0)
    level, effect = without_weekday_effect(_daily(observe, counts), TARGETS)
    for detector in (Ears(), Cusum.model_validate({"compat": "corrected", "trans": "rossi"})):
        result = effect.put_back(detector.detect(level, TARGETS), TARGETS)
        np.testing.assert_allclose(result.expected / effect.factors[:, TARGETS], 40, rtol=0.4)
        reached = counts[:, TARGETS] >= result.upperbound - 1e-9
        np.testing.assert_array_equal(result.alarm, reached)


def test_a_short_past_has_no_factor(observe: Observe) -> None:
    least = LEAST_WEEKS * 7
    targets = np.arange(10, 60)
    seen = _daily(observe, _counts(20.0)[:, :60])
    level, effect = without_weekday_effect(seen, targets)
    result = effect.put_back(Ears().detect(level, targets), targets)
    np.testing.assert_allclose(effect.factors[:, least:], np.tile(_mean(1.0)[least:60], (4, 1)), rtol=0.25)
    assert (result.reason[:, least - 10 :] == Reason.COMPUTED).all()
    holes = seen.history.copy()
    holes[0, :40] = np.nan
    level, effect = without_weekday_effect(_daily(observe, seen.counts, history=holes), targets)
    result = effect.put_back(Ears().detect(level, targets), targets)
    assert (result.reason[0] == Reason.TOO_SHORT).all()
    assert not result.alarm[0].any()
    assert np.isnan(result.upperbound[0]).all()
    assert (result.reason[1, least - 10 :] == Reason.COMPUTED).all()
    early = np.arange(5, 20)
    level, effect = without_weekday_effect(seen, early)
    assert (effect.put_back(Ears().detect(level, early), early).reason == Reason.TOO_SHORT).all()


def test_only_for_daily_counts(observe: Observe) -> None:
    with pytest.raises(InputError, match="day-of-week effects need daily counts; these have 52 periods a year"):
        without_weekday_effect(observe(_counts(5.0)), TARGETS)
