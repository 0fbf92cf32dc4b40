"""A place while the world is put together, and the putting together."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mamori.data import gravity
from mamori.data.catalogue import parameter
from mamori.data.contacts import make_reciprocal, split_75_and_over
from mamori.data.population import median_age

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

FIGURES: tuple[str, ...] = (
    "hospital_beds",
    "icu_beds",
    "bed_occupancy_share",
    "physicians_per_1000",
    "health_spending_pct_gdp",
    "public_debt_pct_gdp",
    "gdp_per_capita_ppp_usd",
)
"""The columns of care and money."""

YEAR_COLUMNS: Mapping[str, str] = {
    "hospital_beds": "hospital_beds_year",
    "physicians_per_1000": "physicians_year",
    "health_spending_pct_gdp": "health_spending_year",
    "public_debt_pct_gdp": "public_debt_year",
    "gdp_per_capita_ppp_usd": "gdp_year",
}
"""The column that holds the year of a column's figures."""


@dataclass(frozen=True)
class Place:
    """One place: its words and numbers under the names of ``tables/world.csv``, and its arrays.

    `people` (17) in persons; `contacts` (4, n, n) contacts per day as measured, not yet reciprocal, with
    n = 16 (last age 75+) or 17; `life_expectancy` (17) remaining years.
    """

    code: str
    kind: str
    name_en: str
    name_ja: str
    region: str
    subregion: str
    income_group: str
    people: Floats
    contacts: Floats
    life_expectancy: Floats
    hospital_beds: float
    icu_beds: float
    bed_occupancy_share: float
    physicians_per_1000: float
    gdp_per_capita_ppp_usd: float
    latitude: float
    longitude: float
    health_spending_pct_gdp: float | None = None
    public_debt_pct_gdp: float | None = None
    un_member: bool = False
    iso2: str | None = None
    m49: str | None = None
    part_of: str | None = None
    airports: int | None = None
    hospital_beds_year: int | None = None
    physicians_year: int | None = None
    health_spending_year: int | None = None
    public_debt_year: int | None = None
    gdp_year: int | None = None

    @property
    def population(self) -> float:
        """People of all ages."""
        return float(self.people.sum())


@dataclass(frozen=True)
class Imputation:
    """A value that no source gives: place, column, the rule that filled it, the place it is taken from."""

    code: str
    column: str
    rule: str
    donor: str = ""


@dataclass(frozen=True)
class Override:
    """A value that the user's file has set: place, column, value before and after, the file and its row."""

    place: str
    column: str
    old: str | float | None
    new: str | float | None
    file: str
    row: int


_ARRAYS = ("people", "contacts", "life_expectancy")


def table_of(places: Mapping[str, Place]) -> "pl.DataFrame":
    """Return the columns of ``tables/world.csv``, a row per place, sorted by code."""
    import polars as pl

    from mamori.core.tables import TableDefinition

    scalars = [field.name for field in fields(Place) if field.name not in _ARRAYS]
    rows = [
        {name: getattr(place, name) for name in scalars}
        | {
            "population": place.population,
            "median_age": float(median_age(place.people)),
            "gdp_ppp_usd": place.gdp_per_capita_ppp_usd * place.population,
        }
        for _, place in sorted(places.items())
    ]
    definition = TableDefinition.load("world")
    return definition.validate(pl.DataFrame(rows, infer_schema_length=None), "the world")


def stacked(places: Mapping[str, Place]) -> tuple[Floats, Floats, Floats]:
    """Return people (P, 17), reciprocal contacts (P, 4, 17, 17), remaining years (P, 17), sorted by code."""
    ordered = [place for _, place in sorted(places.items())]
    people = np.stack([place.people for place in ordered])
    measured = [place.contacts for place in ordered]
    contacts = np.stack(
        [
            split_75_and_over(matrix, number) if matrix.shape[-1] == 16 else matrix
            for matrix, number in zip(measured, people, strict=True)
        ]
    )
    return people, make_reciprocal(contacts, people), np.stack([place.life_expectancy for place in ordered])


def modelled_travel(places: Mapping[str, Place], emptied: Mapping[str, Place]) -> Floats:
    """Return the persons per day (P, P) who travel from each place to each other by the gravity model.

    A part of a country shares the country's air journeys; `emptied` holds countries whose people are all
    counted in their parts.
    """
    ordered = [place for _, place in sorted(places.items())]
    known = {**emptied, **places}

    def country_of(place: Place) -> str:
        while place.part_of is not None:
            place = known[place.part_of]
        return place.code

    owners = [country_of(place) for place in ordered]
    countries = sorted(set(owners))
    index = {code: row for row, code in enumerate(countries)}
    country = np.array([index[code] for code in owners], dtype=np.int64)
    people = np.array([place.population for place in ordered])
    whole = [known[code] for code in countries]
    distance = gravity.distances_km(
        np.array([place.latitude for place in whole]), np.array([place.longitude for place in whole])
    )
    flows = gravity.air_travel(
        np.bincount(country, weights=people).astype(np.float64),
        np.array([place.gdp_per_capita_ppp_usd for place in whole]),
        distance,
        trips_per_year=parameter("air_trips_per_year"),
        population_exponent=parameter("air_population_exponent"),
        income_exponent=parameter("air_income_exponent"),
        distance_exponent=parameter("air_distance_exponent"),
        distance_floor_km=parameter("air_distance_floor_km"),
    )
    return gravity.share_among_parts(flows, country, people, parameter("internal_trips_per_person_day"))
