"""Farrington 1996: what differs from the flexible method, and what every detector keeps."""

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.detector import Reason
from mamori.surveillance.farrington import Farrington
from mamori.surveillance.farrington_flexible import FarringtonFlexible

PERIODS = 420
TARGETS = np.arange(380, 400)


def observe(counts: NDArray[np.float64], history: NDArray[np.float64] | None = None) -> Observations:
    series = pl.DataFrame({"series": [f"s{i}" for i in range(len(counts))]})
    past = counts if history is None else history
    return Observations(series, np.arange(1, counts.shape[1] + 1), counts, past, frequency=52)


@pytest.fixture(scope="module")
def counts() -> NDArray[np.float64]:
    random = np.random.default_rng(4)
    mean = np.geomspace(1.0, 200.0, 20)[:, None] * np.exp(0.3 * np.sin(np.arange(PERIODS) / 52.0 * 2.0 * np.pi))
    return random.negative_binomial(mean, 0.5).astype(float)


def test_it_is_the_flexible_method_without_weights_and_quirk(counts: NDArray[np.float64]) -> None:
    """Where phi > 1 both dispersions are one; two-sided 0.1 is one-sided 0.05."""
    original = Farrington(reweight=False, alpha=0.1).detect(observe(counts), TARGETS)
    flexible = FarringtonFlexible(reweight=False, alpha=0.05).detect(observe(counts), TARGETS)
    alike = (original.phi > 1.0) & (flexible.reason == Reason.COMPUTED)
    assert alike.mean() > 0.5
    for name in ("expected", "upperbound", "score", "pvalue"):
        np.testing.assert_array_equal(getattr(original, name)[alike], getattr(flexible, name)[alike])


def test_underdispersion_does_not_narrow_the_bound() -> None:
    even = np.full((1, PERIODS), 10.0)
    even[0, ::7] = 11.0
    original = Farrington(reweight=False, alpha=0.1).detect(observe(even), TARGETS)
    flexible = FarringtonFlexible(reweight=False, alpha=0.05).detect(observe(even), TARGETS)
    assert (original.phi == 1.0).all()
    assert (original.upperbound > flexible.upperbound).all()


def test_a_batch_equals_its_series_one_by_one(counts: NDArray[np.float64]) -> None:
    together = Farrington().detect(observe(counts), TARGETS)
    assert together.alarm.any()
    for s in range(len(counts)):
        alone = Farrington().detect(observe(counts[s : s + 1]), TARGETS)
        for name, values in vars(alone).items():
            np.testing.assert_array_equal(getattr(together, name)[s : s + 1], values)


def test_alarms_lie_above_the_bound_and_only_there(counts: NDArray[np.float64]) -> None:
    raised = counts.copy()
    raised[:, TARGETS[::4]] *= 4.0
    found = Farrington().detect(observe(raised), TARGETS)
    enough = found.reason == Reason.COMPUTED
    assert found.alarm.sum() > 20
    assert np.array_equal(found.alarm[enough], (raised[:, TARGETS] > found.upperbound)[enough])


def test_few_cases_have_bound_and_score_zero() -> None:
    rare = np.zeros((1, PERIODS))
    rare[0, 5::20] = 1.0
    found = Farrington().detect(observe(rare), TARGETS)
    assert (found.reason == Reason.FEW_CASES).all()
    assert (found.upperbound == 0.0).all()
    assert (found.score == 0.0).all()
    assert not found.alarm.any()


def test_a_window_may_be_cut_but_not_its_middle(counts: NDArray[np.float64]) -> None:
    found = Farrington(years_back=4).detect(observe(counts + 2.0), np.arange(PERIODS))
    assert (found.reason[:, :208] == Reason.TOO_SHORT).all()
    assert (found.reason[:, 208:] == Reason.COMPUTED).all()


def test_reasons_of_single_values(counts: NDArray[np.float64]) -> None:
    seen, history = counts[:3] + 5.0, counts[:3] + 5.0
    seen[0, 390] = np.nan
    history[1, :389] = np.nan
    found = Farrington().detect(observe(seen, history), np.array([390]))
    assert found.reason[:, 0].tolist() == [Reason.MISSING_COUNT, Reason.GAP, Reason.COMPUTED]
    assert np.isfinite(found.upperbound[:, 0]).tolist() == [True, False, True]
    assert not found.alarm[:2].any()


def test_the_names_of_the_r_package_are_understood() -> None:
    names = {"b": 3, "w": 2, "reweight": True, "alpha": 0.01, "powertrans": "1/2", "epochAsDate": False,
             "limit54": [5, 4], "trend": True}  # fmt: skip
    assert Farrington.model_validate(names) == Farrington(
        years_back=3, half_window=2, alpha=0.01, power="1/2", date_mode=False
    )


def test_a_frequency_is_needed(counts: NDArray[np.float64]) -> None:
    series = pl.DataFrame({"series": ["a"]})
    unknown = Observations(series, np.arange(1, PERIODS + 1), counts[:1], counts[:1])
    with pytest.raises(InputError, match="number of periods a year"):
        Farrington().detect(unknown, TARGETS)
