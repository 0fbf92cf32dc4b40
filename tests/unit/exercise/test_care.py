"""Beds open to the outbreak: other patients, absent staff, and pooling between autarky and one world pool."""

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


def _care(beds: str, staff_relative_risk: float = 0.0) -> Care:
    return Care.model_validate({"beds": beds, "icu_fallback": True, "staff_relative_risk": staff_relative_risk})


def _shortfall(beds: np.ndarray, demand: np.ndarray) -> float:
    return float(np.maximum(demand - beds, 0.0).sum())


@settings(max_examples=200, deadline=None)
@given(own=counts, demand=counts, region=regions)
def test_pooling_by_region_lies_between_autarky_and_one_world_pool(
    places: Places, make_week: MakeWeek, own: np.ndarray, demand: np.ndarray, region: np.ndarray
) -> None:
    here = Places(**(vars(places) | {"ward_beds": own, "icu_beds": own, "region": region}))
    week = make_week(ward_demand=demand[:, None], icu_demand=demand[:, None])
    pooled = OpenBeds(_care("pooled-by-region"), here).act(week)
    alone = OpenBeds(_care("national"), here).act(week)
    assert (alone.ward == own).all()
    slack = 1e-6 * (1.0 + own.sum() + demand.sum())
    world = max(0.0, demand.sum() - own.sum())
    for beds in (pooled.ward[0], pooled.icu[0]):
        assert world - slack <= _shortfall(beds, demand) <= _shortfall(own, demand) + slack
        assert abs(beds.sum() - own.sum()) <= slack
        assert (np.minimum(beds, demand) >= np.minimum(own, demand) - slack).all()


def test_other_patients_and_absent_staff_leave_fewer_beds(places: Places, make_week: MakeWeek) -> None:
    here = Places(**(vars(places) | {"occupied_share": np.full(4, 0.8)}))
    tenth_ill = 0.1 * places.population[:, None]
    beds = OpenBeds(_care("national", staff_relative_risk=1.5), here).act(make_week(infectious=tenth_ill))
    np.testing.assert_allclose(beds.ward[0], 0.05 * places.ward_beds)
    np.testing.assert_allclose(beds.icu[0], 0.05 * places.icu_beds)
    collapsed = OpenBeds(_care("national", staff_relative_risk=3.0), here).act(make_week(infectious=tenth_ill))
    assert (collapsed.ward == 0.0).all()
