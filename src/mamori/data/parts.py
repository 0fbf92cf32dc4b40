"""Places that are part of another: the people and beds of a part are counted in it and not in the whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from mamori.core.ages import AGE_GROUPS
from mamori.core.errors import InputError, did_you_mean
from mamori.data.adapters.starsim import Unit, units
from mamori.data.names import country_aliases, folded
from mamori.data.places import FIGURES, Imputation, Place

RULE_UNIT_AGES = "people of 2020 (WorldPop) as a share of the country, with the ages of the country"
RULE_AS_COUNTRY = "as in the whole country"

_ROUNDING = 1e-9


@dataclass
class Atlas:
    """The places of a world that is being changed, those whose people are all in parts, and the records."""

    places: dict[str, Place]
    emptied: dict[str, Place]
    imputed: list[Imputation]

    def insert_part(self, part: Place, where: str) -> None:
        """Add `part` and take its people and beds from the place that it is part of.

        `where` names the input in messages. Raises `InputError` when the code is taken, the whole is not
        there, or has fewer people of an age, or fewer beds, than the part.
        """
        if part.code in self.places or part.code in self.emptied:
            raise InputError(f"{where}: '{part.code}' is there already. Name each place once")
        whole = self.places.get(part.part_of or "")
        if whole is None:
            left = "has no people left" if part.part_of in self.emptied else "is not a place of this world"
            raise InputError(
                f"{where}: part_of names '{part.part_of}', which {left}."
                f"{did_you_mean(part.part_of or '', self.places)} Name a place that has people"
            )
        people = whole.people - part.people
        tolerance = _ROUNDING * whole.population
        for age, rest in zip(AGE_GROUPS, people, strict=True):
            if rest < -tolerance:
                raise InputError(
                    f"{where}: {part.code} has {-rest:,.0f} more people aged {age} than {whole.code}. "
                    f"Lower its population, raise that of {whole.code}, or leave part_of empty"
                )
        remaining = {}
        for column in ("hospital_beds", "icu_beds"):
            given, there = getattr(part, column), getattr(whole, column)
            if given > there * (1 + _ROUNDING):
                raise InputError(
                    f"{where}: {part.code} has {given:,.0f} {column}, its whole {whole.code} {there:,.0f}. "
                    f"Give {whole.code} the {column} of the whole in a row of its own"
                )
            remaining[column] = max(there - given, 0.0)
        self.places[part.code] = part
        if people.sum() <= tolerance * len(AGE_GROUPS):
            self.emptied[whole.code] = self.places.pop(whole.code)
        else:
            self.places[whole.code] = replace(whole, people=np.maximum(people, 0.0), **remaining)


def find_units(names: Iterable[str]) -> tuple[Unit, ...]:
    """Return the administrative units that `names` mean: codes, names like ``Kenya:Nairobi``, or countries.

    A country means all its units where people live. Raises `InputError` for a name that is none of these.
    """
    found = []
    for name in names:
        country = country_aliases().get(folded(name))
        if folded(name) in _units_by_name():
            found.append(_units_by_name()[folded(name)])
        elif country is not None and country in units():
            found += [unit for unit in units()[country] if unit.population > 0]
        else:
            options = [unit.dotted_name for all_units in units().values() for unit in all_units]
            raise InputError(
                f"administrative unit '{name}' is not known.{did_you_mean(name, options)} Give its code, "
                "its name with its country as in 'Kenya:Nairobi', or a country for all its units"
            )
    return tuple(found)


@cache
def _units_by_name() -> Mapping[str, Unit]:
    return {
        folded(name): unit
        for country, all_units in units().items()
        for unit in all_units
        for name in (unit.code, unit.dotted_name, f"{country}:{unit.name}")
    }


def insert_units(atlas: Atlas, names: Iterable[str]) -> None:
    """Add administrative units to `atlas`, each with its share of its country's people, ages, and beds.

    Raises `InputError` for an unknown unit and for one whose people the data do not hold.
    """
    whole = dict(atlas.places)
    for unit in find_units(names):
        country = whole[unit.country]
        if not unit.population > 0:
            raise InputError(
                f"administrative unit '{unit.dotted_name}' has no people in the data. "
                "Give it as a place of its own in the file of places"
            )
        share = unit.population / sum(other.population for other in units()[unit.country])
        part = replace(
            country,
            code=unit.code,
            kind="admin1",
            name_en=unit.name,
            name_ja=unit.name,
            part_of=unit.country,
            people=country.people * share,
            hospital_beds=country.hospital_beds * share,
            icu_beds=country.icu_beds * share,
            latitude=unit.latitude,
            longitude=unit.longitude,
            un_member=False,
            iso2=None,
            m49=None,
            airports=None,
        )
        atlas.insert_part(part, "administrative units")
        atlas.imputed.append(Imputation(unit.code, "population", RULE_UNIT_AGES, unit.country))
        atlas.imputed += [
            Imputation(unit.code, column, RULE_AS_COUNTRY, unit.country)
            for column in ("population_by_age", "contacts", "life_expectancy", *FIGURES)
        ]
