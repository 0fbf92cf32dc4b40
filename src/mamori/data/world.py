"""The world: every country and area with its people, contacts, beds and travel, in one frozen object."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mamori.core.errors import InputError, did_you_mean
from mamori.data.catalogue import sources
from mamori.data.places import YEAR_COLUMNS, Override, modelled_travel, stacked, table_of
from mamori.data.population import check_year

if TYPE_CHECKING:
    import polars as pl

    from mamori.data.parts import Atlas

Floats = NDArray[np.float64]

_ARRAY_COLUMNS = {
    "population_by_age": ("persons", "wpp2024"),
    "contacts": ("contacts per day", "prem"),
    "life_expectancy": ("years", "wpp2024"),
    "travel": ("persons per day", "model"),
}


@dataclass(frozen=True, eq=False)
class World:
    """The places of the world in one year; rows of the table and of every array are sorted by code.

    `table` has the columns of ``tables/world.csv``. `population` (P, 17) in persons. `contacts`
    (P, 4, 17, 17): contacts per day of one person aged i (row) with persons aged j (column) at home, at work,
    at school and in the community, reciprocal: N_i c_ij = N_j c_ji. `travel` (P, P): persons per day from
    row to column. `life_expectancy` (P, 17): remaining years at the middle of the age group. `imputed`: code,
    column, rule and donor of every value that no source gives. `overrides`: what the user's files have set.
    """

    year: int
    table: "pl.DataFrame"
    codes: tuple[str, ...]
    population: Floats
    contacts: Floats
    travel: Floats
    life_expectancy: Floats
    imputed: "pl.DataFrame"
    overrides: tuple[Override, ...]

    @classmethod
    def load(
        cls,
        year: int = 2025,
        *,
        places: Path | None = None,
        admin1: Sequence[str] = (),
        travel: Path | None = None,
    ) -> "World":
        """Return the world in `year` (2000-2100), with the user's places, units and travel.

        `places`: a CSV or Parquet file of the table ``places`` that changes or adds places. `admin1`: codes
        or names of first-level administrative units (``KE047``, ``Kenya:Nairobi``; a country means all its
        units) that are counted apart from the rest of their country. `travel`: a file of the table ``travel``
        that takes the place of the gravity model; pairs that it does not hold have no travel.

        Raises `InputError` for a year out of range, an unknown unit, or a file that breaks its table's rules.
        """
        from mamori.data.countries import build_countries
        from mamori.data.overrides import apply_places_file
        from mamori.data.parts import Atlas, insert_units

        check_year(year)
        base = build_countries(year)
        atlas = Atlas(dict(base.places), {}, list(base.imputed))
        insert_units(atlas, admin1)
        overrides = apply_places_file(atlas, Path(places)) if places is not None else ()
        return _assemble(year, atlas, overrides, Path(travel) if travel is not None else None)

    def select(self, places: str | Sequence[str]) -> "World":
        """Return the world of some places: codes, names in English or Japanese, or ``"WORLD"`` for all.

        Upper case and accents do not matter, nor does naming a place twice; travel is kept among the places
        selected. Raises `InputError` for a name that no place of this world has.
        """
        names = [places] if isinstance(places, str) else list(places)
        if not names:
            raise InputError("no place is selected. Name at least one, or WORLD for all")
        if any(name.strip().upper() == "WORLD" for name in names):
            return self
        rows = np.array(sorted({self._row(name) for name in names}))
        chosen = {self.codes[row] for row in rows}
        return replace(
            self,
            table=self.table[rows],
            codes=tuple(sorted(chosen)),
            population=_frozen(self.population[rows]),
            contacts=_frozen(self.contacts[rows]),
            travel=_frozen(self.travel[np.ix_(rows, rows)]),
            life_expectancy=_frozen(self.life_expectancy[rows]),
            imputed=self.imputed.filter(self.imputed["code"].is_in(chosen)),
            overrides=tuple(change for change in self.overrides if change.place in {*chosen, "WORLD"}),
        )

    def _row(self, name: str) -> int:
        from mamori.data.names import country_aliases, folded

        country = country_aliases().get(folded(name), "")
        meant = {name, name.upper(), country}.intersection(self.codes) or self._codes_by_name.get(folded(name), set())
        if len(meant) > 1:
            raise InputError(f"'{name}' is the name of {', '.join(sorted(meant))}. Give the code of one")
        if not meant:
            there = f" ({country} is not in it)" if country else ""
            options = [*country_aliases(), *self.codes, *self.table["name_ja"], *self.table["name_en"]]
            raise InputError(
                f"'{name}' is not a place of this world{there}.{did_you_mean(name, options)} "
                "Give an ISO code such as KEN or a name such as Kenya"
            )
        return self.codes.index(meant.pop())

    @cached_property
    def _codes_by_name(self) -> dict[str, set[str]]:
        """The codes of the places by each folded code and name of theirs."""
        from mamori.data.names import folded

        found: dict[str, set[str]] = {}
        for row in self.table.select("code", "name_en", "name_ja").iter_rows():
            for name in row:
                found.setdefault(folded(name), set()).add(row[0])
        return found

    def check(self) -> "pl.DataFrame":
        """Return, for each column: unit, places, how many have a value and how many of those are imputed, the
        years of the values, and the id, title and licence of their source.
        """
        import polars as pl

        from mamori.core.tables import TableDefinition

        columns = [(c.attribute, c.unit, c.source) for c in TableDefinition.load("world").columns]
        columns += [(name, unit, source) for name, (unit, source) in _ARRAY_COLUMNS.items()]
        imputed = self.imputed.unique(["code", "column"]).group_by("column").len()
        count = dict(imputed.iter_rows())
        rows = []
        for name, unit, source_id in columns:
            source = sources()[source_id]
            known = self.table[name].count() if name in self.table.columns else len(self.codes)
            rows.append(
                {
                    "column": name,
                    "unit": unit,
                    "places": len(self.codes),
                    "known": known,
                    "imputed": count.get(name, 0),
                    "year": self._years(name) or source.year,
                    "source": source.id,
                    "title": source.title,
                    "licence": source.licence,
                }
            )
        return pl.DataFrame(rows)

    def _years(self, column: str) -> str:
        """The years of the figures of a column, as first-last (median), or "" where they have none."""
        if column not in YEAR_COLUMNS:
            return ""
        years = self.table[YEAR_COLUMNS[column]].drop_nulls().to_list()
        return f"{min(years)}-{max(years)} ({median(years):.0f})" if years else ""


def _assemble(year: int, atlas: "Atlas", overrides: tuple[Override, ...], travel: Path | None) -> World:
    import polars as pl

    from mamori.data.imputation import RULE_TRAVEL
    from mamori.data.travel_table import read_travel

    places = dict(sorted(atlas.places.items()))
    codes = tuple(places)
    people, contacts, life_expectancy = stacked(places)
    imputed = [(note.code, note.column, note.rule, note.donor) for note in atlas.imputed]
    if travel is None:
        flows = modelled_travel(places, atlas.emptied)
        imputed += [(code, "travel", RULE_TRAVEL, "") for code in codes]
    else:
        flows, pairs = read_travel(travel, codes)
        overrides += (Override("WORLD", "travel", RULE_TRAVEL, f"{pairs} pairs of places", str(travel), 1),)
    return World(
        year=year,
        table=table_of(places),
        codes=codes,
        population=_frozen(people),
        contacts=_frozen(contacts),
        travel=_frozen(flows),
        life_expectancy=_frozen(life_expectancy),
        imputed=pl.DataFrame(
            imputed,
            schema={"code": pl.String, "column": pl.String, "rule": pl.String, "donor": pl.String},
            orient="row",
        )
        .filter(pl.col("code").is_in(codes))
        .sort("code", "column"),
        overrides=overrides,
    )


def _frozen(array: Floats) -> Floats:
    array.flags.writeable = False
    return array
