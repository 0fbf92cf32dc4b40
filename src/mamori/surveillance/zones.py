"""Zones of places around each place: circles on the globe, or neighbours by number of steps."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mamori.core.errors import InputError
from mamori.surveillance.neighbours import adjacent

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (2 a + b) / 3 of the WGS 84 ellipsoid."""
TIE = 1e-9
"""Distances closer than this are one distance: their places enter a zone together."""


@dataclass(frozen=True, eq=False)
class Zones:
    """Zones that grow around each of C = P centres, in flat arrays.

    Around centre i they take in the places ``member[start[i]:start[i + 1]]`` at `distance` (km, or steps between
    neighbours, from the centre); a zone ends wherever `closes` is 1, so that places at one distance stay together.
    """

    start: np.ndarray
    member: np.ndarray
    closes: np.ndarray
    distance: np.ndarray

    @property
    def number(self) -> int:
        """How many zones there are, the same set of places around two centres counted twice."""
        return int(self.closes.sum())


def circles(
    latitude: np.ndarray,
    longitude: np.ndarray,
    weight: np.ndarray,
    *,
    max_share: float = 0.5,
    max_radius_km: float | None = None,
) -> Zones:
    """Return the circles around each of P places, by great-circle distance (haversine).

    `latitude` and `longitude` (P,) are degrees. A circle holds at most `max_share` of the sum of `weight` (P,) and
    reaches at most `max_radius_km`. Raises `InputError` for bounds that make no sense.
    """
    if max_radius_km is not None and not max_radius_km >= 0.0:
        raise InputError(f"the largest radius is {max_radius_km} km; it must be >= 0. Leave it out for no limit")
    phi, angle = np.radians(latitude), np.radians(longitude)
    rows = []
    for i in range(len(phi)):
        haversine = np.sin((phi - phi[i]) / 2.0) ** 2 + np.cos(phi[i]) * np.cos(phi) * (
            np.sin((angle - angle[i]) / 2.0) ** 2
        )
        distance = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(haversine, 1.0)))
        order = np.argsort(distance, kind="stable")
        rows.append((order, distance[order]))
    return _bounded(rows, weight, max_share, np.inf if max_radius_km is None else max_radius_km)


def neighbourhoods(
    names: list[str], pairs: Iterable[tuple[str, str]], weight: np.ndarray, *, max_share: float = 0.5
) -> Zones:
    """Return the zones of each place with its neighbours, their neighbours, and so on.

    `pairs` name two neighbouring places of `names` (P,), once in either order. A zone holds at most `max_share` of
    the sum of `weight` (P,). Raises `InputError` for a place that is not in `names` or its own neighbour.
    """
    beside = adjacent(names, pairs)
    return _bounded([_steps_from(i, beside) for i in range(len(names))], weight, max_share, np.inf)


def _steps_from(centre: int, beside: list[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the places that can be reached from `centre`, the nearest first, and the steps to each."""
    steps = {centre: 0}
    waiting = deque([centre])
    while waiting:
        place = waiting.popleft()
        for other in sorted(beside[place]):
            if other not in steps:
                steps[other] = steps[place] + 1
                waiting.append(other)
    return np.array(list(steps)), np.array(list(steps.values()), dtype=float)


def _bounded(
    rows: list[tuple[np.ndarray, np.ndarray]], weight: np.ndarray, max_share: float, max_distance: float
) -> Zones:
    """Join the places of each centre, in order of distance, as far as the bounds allow."""
    if not 0.0 < max_share <= 1.0:
        raise InputError(f"the largest share is {max_share}; it must be > 0 and <= 1, e.g. 0.5")
    limit = max_share * weight.sum() * (1.0 + TIE)
    members, closes, distances = [], [], []
    for order, distance in rows:
        ends = np.append(distance[1:] > distance[:-1] + TIE, True)
        fits = ends & (np.cumsum(weight[order]) <= limit) & (distance <= max_distance + TIE)
        kept = int(fits.nonzero()[0].max(initial=-1)) + 1
        members.append(order[:kept])
        closes.append(ends[:kept])
        distances.append(distance[:kept])
    return Zones(
        start=np.concatenate([[0], np.cumsum([len(row) for row in members])]).astype(np.int64),
        member=np.concatenate(members).astype(np.int64),
        closes=np.concatenate(closes).astype(np.uint8),
        distance=np.concatenate(distances),
    )
