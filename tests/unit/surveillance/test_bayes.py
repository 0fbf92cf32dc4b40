"""Bayes by its definition, and the baseline that it shares with RKI."""

from collections.abc import Callable

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import nbinom

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.bayes import Bayes
from mamori.surveillance.detector import Reason

Observe = Callable[..., Observations]
COUNTS = np.random.default_rng(3).poisson(3.0, 160).astype(float)
TARGET = np.array([150])


def _bayes(**settings: object) -> Bayes:
    return Bayes.model_validate(settings)


@pytest.mark.parametrize(
    ("system", "columns"),
    [
        (1, list(range(144, 150))),
        (2, [*range(92, 105), *range(144, 150)]),
        (3, [*range(42, 51), *range(94, 103)]),
    ],
)
def test_bound_is_the_predictive_quantile_of_the_pooled_weeks(
    observe: Observe, system: int, columns: list[int]
) -> None:
    pooled = COUNTS[columns]
    result = Bayes.system(system).detect(observe(COUNTS), TARGET)
    predictive = nbinom(pooled.sum() + 0.5, len(pooled) / (len(pooled) + 1))
    assert result.expected[0, 0] == pytest.approx(pooled.mean())
    assert result.upperbound[0, 0] == predictive.ppf(0.95)
    assert result.pvalue[0, 0] == pytest.approx(predictive.sf(COUNTS[150] - 1), rel=1e-10)


def test_alarms_are_the_p_values_below_alpha(observe: Observe) -> None:
    counts = np.random.default_rng(5).poisson(3.0, (20, 80)).astype(float)
    result = _bayes(alpha=0.03).detect(observe(counts), np.arange(80))
    judged = result.reason == Reason.COMPUTED
    np.testing.assert_array_equal(result.alarm[judged], result.pvalue[judged] <= 0.03)
    assert result.alarm.any()
    assert (result.reason[:, :6] == Reason.TOO_SHORT).all()
    assert judged[:, 6:].all()


def test_no_case_in_the_baseline_still_has_a_bound(observe: Observe) -> None:
    result = _bayes().detect(observe(np.zeros(7)), np.array([6]))
    assert result.upperbound[0, 0] == nbinom.ppf(0.95, 0.5, 6 / 7)
    assert result.pvalue[0, 0] == 1


def test_gaps_and_missing_counts(observe: Observe) -> None:
    counts = COUNTS.copy()
    counts[[145, 150]] = np.nan
    result = _bayes().detect(observe(counts), TARGET)
    assert result.reason[0, 0] == Reason.MISSING_COUNT
    assert result.expected[0, 0] == pytest.approx(np.nanmean(counts[144:150]))
    assert np.isnan(result.pvalue[0, 0])
    counts[146:150] = np.nan
    assert _bayes().detect(observe(counts), TARGET).reason[0, 0] == Reason.GAP


def test_half_a_case_counts_as_one(observe: Observe) -> None:
    counts = COUNTS.copy()
    counts[150] = 4.5
    half = _bayes().detect(observe(counts), TARGET).pvalue[0, 0]
    counts[150] = 5
    assert half == _bayes().detect(observe(counts), TARGET).pvalue[0, 0]


def test_earlier_years_need_a_frequency(observe: Observe) -> None:
    with pytest.raises(InputError, match="bayes with years_back = 2 must know how many periods a year has"):
        Bayes.system(3).detect(observe(COUNTS, frequency=None), TARGET)
    assert _bayes().detect(observe(COUNTS, frequency=None), TARGET).reason[0, 0] == Reason.COMPUTED


def test_names_of_the_package_are_taken_and_an_empty_baseline_refused() -> None:
    assert _bayes(b=1, w=5, actY=False).years_back == 1
    for wrong in ({"b": 0, "actY": False}, {"b": 0, "w": 1}, {"w": -1}, {"alpha": 1}):
        with pytest.raises(ValidationError):
            _bayes(**wrong)
