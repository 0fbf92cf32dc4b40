"""RKI: the two rules, and the limits of the Poisson mean derived anew."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import poisson

from mamori.core.contracts import Observations
from mamori.surveillance.detector import Reason
from mamori.surveillance.rki import UPPER_LIMITS, Rki

Observe = Callable[..., Observations]


def _first_count(mean: float) -> int:
    """First of the shortest run of counts with a probability of 95 %, of several the one with the largest counts."""
    below = np.concatenate([[0.0], poisson.cdf(np.arange(80), mean)])
    for length in range(1, 80):
        (enough,) = np.nonzero(below[length:] - below[:-length] >= 0.95)
        if enough.size:
            return int(enough[-1])
    raise AssertionError


def test_upper_limits_are_those_of_crow_and_gardner() -> None:
    """The limit for c cases is the largest mean whose set of counts holds c."""
    for cases, limit in enumerate(UPPER_LIMITS):
        assert _first_count(limit - 6e-4) <= cases
        assert _first_count(limit + 6e-4) > cases


@pytest.mark.parametrize("level", [0.3, 4.0, 19.0, 60.0])
def test_small_means_take_the_poisson_limit(observe: Observe, level: float) -> None:
    counts = np.random.default_rng(1).poisson(level, 30).astype(float)
    result = Rki().detect(observe(counts), np.arange(10, 30))
    for j, t in enumerate(range(10, 30)):
        pooled = counts[t - 6 : t]
        mean = pooled.mean()
        bound = UPPER_LIMITS[int(mean)] if mean <= 20 else mean + 2 * pooled.std(ddof=1)
        assert result.upperbound[0, j] == pytest.approx(bound, rel=1e-13)
        assert result.alarm[0, j] == (counts[t] > bound)


def test_reasons(observe: Observe) -> None:
    counts = np.full(12, 30.0)
    counts[11] = np.nan
    counts[1:5] = np.nan
    result = Rki().detect(observe(counts), np.arange(12))
    assert (result.reason[0, :6] == Reason.TOO_SHORT).all()
    assert result.reason[0, 6] == Reason.GAP
    assert result.reason[0, 10] == Reason.COMPUTED
    assert result.reason[0, 11] == Reason.MISSING_COUNT
    assert not result.alarm[0, 11]
