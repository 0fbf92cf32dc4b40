"""Read the installed package starsim-data: people, mortality, contact matrices, administrative units.

Its HDF5 files are read directly, because importing the package itself brings pandas and matplotlib along.
The contact matrices are GPL-3 data: they are read here at run time and never written into our package.
"""

import csv
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mamori.core.errors import MamoriError
from mamori.data.adapters._package import package_file
from mamori.data.contacts import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = NDArray[np.float64]

POPULATION_AGES: tuple[int, ...] = tuple(range(0, 101, 5))
MORTALITY_AGES: tuple[int, ...] = (0, 1, *range(5, 101, 5))
_DEMOGRAPHY = "demographics-2024.h5"
_MATRICES = ("prem/prem2017.h5", "prem2021.h5")  # the later file wins where both hold a place


@dataclass(frozen=True)
class Location:
    """A country or area as starsim-data knows it."""

    key: str
    iso2: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Demography:
    """People and mortality by year, sex (female, male) and age.

    `people` (P, years, 2, 21 ages of `POPULATION_AGES`) in persons; `mortality` (P, years, 2, 22 ages of
    `MORTALITY_AGES`) in deaths per person-year.
    """

    codes: tuple[str, ...]
    years: tuple[int, ...]
    people: Floats
    mortality: Floats


@dataclass(frozen=True)
class Unit:
    """A first-level administrative unit, with its people in 2020 (WorldPop)."""

    code: str
    dotted_name: str
    name: str
    country: str
    latitude: float
    longitude: float
    population: float


def _file(name: str) -> Path:
    return package_file("starsim_data", "starsim-data", f"data/{name}")


@cache
def locations() -> "Mapping[str, Location]":
    """Return the locations of starsim-data by ISO 3166-1 alpha-3 code."""
    found = {}
    with _file("locations.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            names = (row["location"].replace("_", " "), row["official_name"], *row["aliases"].split("|"))
            found[row["iso3"]] = Location(row["location"], row["iso_code"], tuple(n for n in names if n))
    return found


@cache
def demography() -> Demography:
    """Return people and mortality of UN WPP 2024 (medium variant) in every tenth year from 2000 to 2100.

    Source: UN WPP 2024 through starsim-data, CC BY 3.0 IGO.
    """
    import h5py

    years = tuple(range(2000, 2101, 10))
    with h5py.File(_file(_DEMOGRAPHY), "r") as store:
        arrays = []
        for name, ages in (("population", POPULATION_AGES), ("deaths", MORTALITY_AGES)):
            series = store[name]
            spec: dict[str, Any] = json.loads(series.attrs["spec"])
            if tuple(spec["ages"]) != ages or spec["sexes"] != ["Female", "Male"]:
                raise MamoriError(f"starsim-data has other ages of {name} than expected. Install version 2.x")
            codes = tuple(sorted(code for code, place in locations().items() if place.key in series))
            pick = [spec["years"].index(year) for year in years]
            arrays.append(np.stack([series[locations()[code].key][:][pick] for code in codes]).astype(np.float64))
    return Demography(codes, years, arrays[0], arrays[1])


def contact_matrices() -> tuple[tuple[str, ...], Floats]:
    """Return (codes, contacts per day (P, 4 settings, 16 ages of the person, 16 ages of the contact)).

    The last age is 75 and over. Source: Prem et al. 2021, and 2017 for ten places, through starsim-data.
    """
    import h5py

    by_key: dict[str, Floats] = {}
    for name in _MATRICES:
        with h5py.File(_file(name), "r") as store:
            for key in store:
                by_key[key] = np.stack([store[key][setting][:] for setting in SETTINGS]).astype(np.float64)
    codes = tuple(sorted(code for code, place in locations().items() if place.key in by_key))
    return codes, np.stack([by_key[locations()[code].key] for code in codes])


@cache
def units() -> "Mapping[str, tuple[Unit, ...]]":
    """Return the first-level administrative units of each country that starsim-data holds, by its code."""
    import h5py

    found: dict[str, tuple[Unit, ...]] = {}
    with h5py.File(_file("nodes.h5"), "r") as store:
        for code, place in locations().items():
            if place.key in store:
                rows = store[place.key][:]
                found[code] = tuple(
                    Unit(
                        code=row["pcode"].decode(),
                        dotted_name=row["dot_name"].decode(),
                        name=row["name"].decode(),
                        country=code,
                        latitude=float(row["lat"]),
                        longitude=float(row["lon"]),
                        population=float(row["population"]),
                    )
                    for row in rows[rows["level"] == 1]
                )
    return found
