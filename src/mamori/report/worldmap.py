"""The outlines of the world as paths of an SVG drawing, in the Equal Earth projection."""

import json
from dataclasses import dataclass
from importlib import resources

import numpy as np

WIDTH = 1000

_A = (1.340264, -0.081106, 0.000893, 0.003796)
_SQRT3 = np.sqrt(3.0)

_FEWEST_POINTS = 3
"""An island that the rounding of the borders has shrunk to fewer points has no area left."""

_NORTH, _SOUTH = 84.0, -56.0
"""The map ends with the inhabited world."""


@dataclass(frozen=True)
class WorldMap:
    """Paths by place code, and the size of the drawing in its own units."""

    height: int
    sea: str
    paths: dict[str, str]


def equal_earth(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project degrees to the plane of the Equal Earth map (sphere of radius 1); areas keep their ratios.

    With ``sin t = sqrt(3)/2 sin lat``::

        x = 2 sqrt(3) lon cos t / (3 (9 A4 t^8 + 7 A3 t^6 + 3 A2 t^2 + A1))
        y = A4 t^9 + A3 t^7 + A2 t^3 + A1 t

    Source: Savric, Patterson, Jenny (2019), International Journal of Geographical Information Science 33:454.
    """
    a1, a2, a3, a4 = _A
    t = np.arcsin(_SQRT3 / 2 * np.sin(np.radians(latitude)))
    slope = 9 * a4 * t**8 + 7 * a3 * t**6 + 3 * a2 * t**2 + a1
    x = 2 * _SQRT3 * np.radians(longitude) * np.cos(t) / (3 * slope)
    y = a4 * t**9 + a3 * t**7 + a2 * t**3 + a1 * t
    return x, y


def on_the_drawing(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pixel coordinates on the drawing: x from 0 to `WIDTH`, y from 0 downwards."""
    edge = equal_earth(np.array([180.0]), np.array([0.0]))[0][0]
    top = equal_earth(np.array([0.0]), np.array([_NORTH]))[1][0]
    scale = WIDTH / (2 * edge)
    x, y = equal_earth(longitude, latitude)
    return (x + edge) * scale, (top - y) * scale


def world_map() -> WorldMap:
    """Read the borders that lie in the package and return them as paths."""
    text = (resources.files("mamori.report") / "borders.json").read_text(encoding="utf-8")
    document = json.loads(text)
    per_degree = document["units_per_degree"]
    paths = {
        code: "".join(
            _path(np.cumsum(np.reshape(ring, (-1, 2)), axis=0) / per_degree)
            for ring in rings
            if len(ring) >= 2 * _FEWEST_POINTS
        )
        for code, rings in document["rings"].items()
    }
    meridian = np.linspace(_SOUTH, _NORTH, 29)
    edge = np.concatenate(
        [
            np.column_stack([np.full_like(meridian, -180.0), meridian]),
            np.column_stack([np.full_like(meridian, 180.0), meridian[::-1]]),
        ]
    )
    height = float(on_the_drawing(np.array([0.0]), np.array([_SOUTH]))[1][0])
    return WorldMap(height=int(np.ceil(height)), sea=_path(edge), paths=paths)


def _path(ring: np.ndarray) -> str:
    """Draw a ring of (longitude, latitude) in steps of a tenth of a unit, each relative to the one before."""
    x, y = on_the_drawing(ring[:, 0], ring[:, 1])
    tenths = np.round(np.column_stack([x, y]) * 10).astype(int)
    steps = np.diff(tenths, axis=0)
    moves = " ".join(f"{dx / 10:g},{dy / 10:g}" for dx, dy in steps if dx or dy)
    return f"M{tenths[0, 0] / 10:g},{tenths[0, 1] / 10:g}l{moves}z"
