"""Pooling of beds: never better than one pool for the world, never worse than every place for itself."""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mamori.exercise.care import OpenBeds
from mamori.exercise.scenario import Care
from mamori.exercise.week import Places, Week

MakeWeek = Callable[..., Week]
counts = arrays(float, 4, elements=st.floats(0.0, 1e6))
regions = arrays(np.int64, 4, elements=st.integers(0, 3))


def _shortfall(beds: np.ndarray, demand: np.ndarray) -> float:
    return float(np.maximum(demand - beds, 0.0).sum())


@settings(max_examples=200, deadline=None)
@given(own=counts, demand=counts, region=regions)
def test_pooling_by_region_lies_between_autarky_and_one_world_pool(
    places: Places, make_week: MakeWeek, own: np.ndarray, demand: np.ndarray, region: np.ndarray
) -> None:
    here = Places(**(vars(places) | {"ward_beds": own, "icu_beds": own, "region": region}))
    week = make_week(ward_demand=demand[:, None], icu_demand=demand[:, None])
    pooled = OpenBeds(Care(beds="pooled-by-region"), here).act(week)
    alone = OpenBeds(Care(beds="national"), here).act(week)
    assert (alone.ward == own).all()
    slack = 1e-6 * (1.0 + own.sum() + demand.sum())
    world = max(0.0, demand.sum() - own.sum())
    for beds in (pooled.ward[0], pooled.icu[0]):
        assert world - slack <= _shortfall(beds, demand) <= _shortfall(own, demand) + slack
        assert abs(beds.sum() - own.sum()) <= slack
        assert (np.minimum(beds, demand) >= np.minimum(own, demand) - slack).all()
