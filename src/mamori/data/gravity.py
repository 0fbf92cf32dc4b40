"""Travel between places: a gravity model of air journeys between countries, and its parts. Arrays only.

Parameters and their sources: ``tables/world/parameters.csv``; equations: docs/methods/world.md.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EARTH_RADIUS_KM = 6371.0


def centre(latitude: Floats, longitude: Floats, weights: Floats) -> tuple[float, float]:
    """Return (latitude, longitude) in degrees of the weighted centre of points on the globe."""
    sums = weights @ _unit_vectors(latitude, longitude)
    return (
        float(np.degrees(np.arctan2(sums[2], np.hypot(sums[0], sums[1])))),
        float(np.degrees(np.arctan2(sums[1], sums[0]))),
    )


def distances_km(latitude: Floats, longitude: Floats) -> Floats:
    """Return the great-circle distances (P, P) in km between points (P) in degrees."""
    vectors = _unit_vectors(latitude, longitude)
    half_chord = np.linalg.norm(vectors[:, None, :] - vectors[None, :, :], axis=-1) / 2
    distances: Floats = 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(half_chord, 1.0))
    return distances


def great_circle_km(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Return the distance in km between two points (latitude, longitude) in degrees."""
    points = np.array([here, there])
    return float(distances_km(points[:, 0], points[:, 1])[0, 1])


def _unit_vectors(latitude: Floats, longitude: Floats) -> Floats:
    north, east = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=-1)


def air_travel(
    people: Floats,
    gdp_per_capita: Floats,
    distance_km: Floats,
    *,
    trips_per_year: float,
    population_exponent: float,
    income_exponent: float,
    distance_exponent: float,
    distance_floor_km: float,
) -> Floats:
    """Return the persons per day (P, P) who fly from each country (row) to each other (column).

    T_ij = k (N_i N_j)^a (g_i g_j)^b / max(d_ij, d0)^c, i != j, with `people` N (P), `gdp_per_capita` g (P),
    `distance_km` d (P, P), and k such that all journeys of a year are `trips_per_year`. The matrix is
    symmetric: as many come back as go.
    """
    mass = people**population_exponent * gdp_per_capita**income_exponent
    pull = np.outer(mass, mass) / np.maximum(distance_km, distance_floor_km) ** distance_exponent
    np.fill_diagonal(pull, 0.0)
    total = pull.sum()
    flows: Floats = pull * (trips_per_year / 365.25 / total) if total > 0 else pull
    return flows


def share_among_parts(
    flows: Floats, country: NDArray[np.int64], people: Floats, internal_trips_per_person_day: float
) -> Floats:
    """Return the persons per day (P, P) between places that are whole countries or parts of one.

    `flows` (C, C) are those between countries; `country` (P) is the row of each place's country in it,
    `people` (P) its people. A journey abroad starts and ends in a part in proportion to its people; inside a
    country T_uv = r N_u N_v / N for u != v, with r journeys per person and day and N the people of all parts.
    """
    of_country = np.bincount(country, weights=people, minlength=flows.shape[0])
    share = people / of_country[country]
    between = flows[np.ix_(country, country)] * np.outer(share, share)
    same = country[:, None] == country[None, :]
    within = internal_trips_per_person_day * np.outer(people, people) / of_country[country][:, None]
    travel = np.where(same, within, between)
    np.fill_diagonal(travel, 0.0)
    return travel
