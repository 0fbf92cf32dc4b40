"""Distances, air journeys between countries, and journeys of their parts."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mamori.data.gravity import air_travel, centre, distances_km, great_circle_km, share_among_parts

LONDON, PARIS, AUCKLAND = (51.51, -0.13), (48.86, 2.35), (-36.85, 174.76)
SETTINGS = {
    "trips_per_year": 365.25e6,
    "population_exponent": 0.7,
    "income_exponent": 1.0,
    "distance_exponent": 1.0,
    "distance_floor_km": 300.0,
}


def test_known_distances() -> None:
    assert great_circle_km(LONDON, PARIS) == pytest.approx(344, abs=2)
    assert great_circle_km(LONDON, AUCKLAND) == pytest.approx(18_340, abs=60)
    assert great_circle_km((0, 179), (0, -179)) == pytest.approx(222.4, abs=0.5)


def test_the_centre_lies_across_the_date_line() -> None:
    latitude, longitude = centre(np.zeros(2), np.array([179.0, -177.0]), np.ones(2))
    assert latitude == pytest.approx(0)
    assert longitude == pytest.approx(-179)


def test_journeys_sum_to_the_world_s_and_come_back() -> None:
    rng = np.random.default_rng(3)
    distance = distances_km(rng.uniform(-60, 70, 6), rng.uniform(-180, 180, 6))
    flows = air_travel(rng.uniform(1e5, 1e9, 6), rng.uniform(1e3, 1e5, 6), distance, **SETTINGS)
    assert flows.sum() == pytest.approx(1e6)
    assert_allclose(flows, flows.T)
    assert_allclose(np.diag(flows), 0)


def test_the_law_of_gravity_holds_beyond_the_floor() -> None:
    distance = np.array([[0, 100, 600], [100, 0, 1200], [600, 1200, 0]], dtype=np.float64)
    people, income = np.array([1e6, 2e6, 4e6]), np.array([1e4, 2e4, 5e3])
    flows = air_travel(people, income, distance, **SETTINGS)
    expected = (2e6 * 4e6 / (1e6 * 4e6)) ** 0.7 * (2e4 / 1e4) / (1200 / 600)
    assert flows[1, 2] / flows[0, 2] == pytest.approx(expected)
    assert flows[0, 1] / flows[0, 2] == pytest.approx((2 / 4) ** 0.7 * 4 / (300 / 600))


def test_one_country_alone_has_no_journeys() -> None:
    assert air_travel(np.ones(1), np.ones(1), np.zeros((1, 1)), **SETTINGS).sum() == 0


def test_parts_share_the_journeys_of_their_country() -> None:
    flows = np.array([[0.0, 90.0], [90.0, 0.0]])
    people = np.array([3e6, 1e6, 5e6])
    travel = share_among_parts(flows, np.array([0, 0, 1]), people, 0.02)
    assert_allclose(travel[:, 2], [67.5, 22.5, 0.0])
    assert travel[0, 1] == pytest.approx(0.02 * 3e6 * 1e6 / 4e6)
    assert_allclose(travel, travel.T)
