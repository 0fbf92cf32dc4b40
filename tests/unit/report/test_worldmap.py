import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.data.world import World
from mamori.report.worldmap import WIDTH, equal_earth, on_the_drawing, world_map


def project(longitude: float, latitude: float) -> tuple[float, float]:
    x, y = equal_earth(np.array([longitude]), np.array([latitude]))
    return float(x[0]), float(y[0])


def test_the_edges_of_the_map_lie_where_its_authors_put_them() -> None:
    """Savric, Patterson, Jenny 2019: the map of a unit sphere is 2 x 2.70663 wide and 2 x 1.31736 high."""
    assert project(0, 0) == (0, 0)
    assert project(180, 0)[0] == pytest.approx(2.70663, abs=1e-5)
    assert project(0, 90)[1] == pytest.approx(1.31736, abs=1e-5)


@given(st.floats(-170, 170), st.floats(-80, 80))
def test_areas_keep_their_ratios(longitude: float, latitude: float) -> None:
    step = 1e-3
    east, north = project(longitude + step, latitude), project(longitude, latitude + step)
    west, south = project(longitude - step, latitude), project(longitude, latitude - step)
    across = np.array([east[0] - west[0], east[1] - west[1]])
    along = np.array([north[0] - south[0], north[1] - south[1]])
    area = across[0] * along[1] - across[1] * along[0]
    assert area == pytest.approx(4 * np.radians(step) ** 2 * np.cos(np.radians(latitude)), rel=1e-3)


def test_every_outline_is_a_closed_path_on_the_drawing() -> None:
    drawing = world_map()
    for path in drawing.paths.values():
        assert re.fullmatch(r"(M-?[\d.]+,-?[\d.]+l(-?[\d.]+,-?[\d.]+ ?)+z)+", path)
        for ring in path.split("z")[:-1]:
            start, steps = ring[1:].split("l")
            moves = np.array([pair.split(",") for pair in steps.split()], dtype=float)
            points = np.array(start.split(","), dtype=float) + np.vstack([[0, 0], moves.cumsum(axis=0)])
            assert (points >= -0.5).all()
            assert (points <= [WIDTH + 0.5, drawing.height + 0.5]).all()


def test_small_outlines_lie_where_the_place_is() -> None:
    for code, longitude, latitude in [("JAM", -77.3, 18.1), ("LUX", 6.1, 49.8), ("LSO", 28.2, -29.6)]:
        x, y = on_the_drawing(np.array([longitude]), np.array([latitude]))
        start = re.match(r"M([\d.]+),([\d.]+)l", world_map().paths[code])
        assert start is not None
        assert float(start[1]) == pytest.approx(x[0], abs=5)
        assert float(start[2]) == pytest.approx(y[0], abs=5)


def test_every_place_of_the_world_is_on_the_map() -> None:
    outlines = world_map().paths
    table = World.load().table
    for code, latitude in table.select("code", "latitude").iter_rows():
        assert code in outlines or latitude is not None
    assert {"USA", "IND", "SOM", "CYP", "ESH", "TWN", "PSE", "XKX", "GUF"} <= set(outlines)
