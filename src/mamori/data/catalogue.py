"""What the world is made from: sources with year and licence, our own small tables, parameters."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Source:
    """Where the values of a column come from."""

    id: str
    title: str
    year: str
    licence: str
    url: str


@dataclass(frozen=True)
class Country:
    """A country or area of our own register: codes, regions, membership, income group."""

    code: str
    iso2: str
    m49: str
    factbook: tuple[str, ...]
    region: str
    subregion: str
    un_member: bool
    income_group: str
    income_source: str


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("mamori") / "tables" / "world" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def sources() -> Mapping[str, Source]:
    """Return the sources of the world's columns by their id (column ``source`` of ``tables/world.csv``)."""
    return {row["id"]: Source(*row.values()) for row in _rows("sources.csv")}


@cache
def countries() -> Mapping[str, Country]:
    """Return the register of countries and areas by ISO 3166-1 alpha-3 code."""
    return {
        row["code"]: Country(
            code=row["code"],
            iso2=row["iso2"],
            m49=row["m49"],
            factbook=tuple(row["factbook"].split("+")),
            region=row["region"],
            subregion=row["subregion"],
            un_member=row["un_member"] == "true",
            income_group=row["income_group"],
            income_source=row["income_source"],
        )
        for row in _rows("countries.csv")
    }


@cache
def world_bank_beds() -> Mapping[str, tuple[float, int]]:
    """Return (hospital beds per 1000 people, year) of the countries whose beds the Factbook lacks."""
    return {row["code"]: (float(row["beds_per_1000"]), int(row["year"])) for row in _rows("hospital_beds.csv")}


@cache
def parameters() -> Mapping[tuple[str, str], float]:
    """Return the parameters of the world's rules by (name, income group, or "" where it has none)."""
    return {(row["parameter"], row["income_group"]): float(row["value"]) for row in _rows("parameters.csv")}


def parameter(name: str, income_group: str = "") -> float:
    """Return one parameter of ``tables/world/parameters.csv``, where its unit and source stand."""
    return parameters()[name, income_group]
