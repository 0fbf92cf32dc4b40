"""The user's file of places: it changes places of the world and adds new ones; every change is recorded.

Columns: ``tables/places.csv``. Rules: docs/methods/world.md.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mamori.core.ages import AGE_GROUPS
from mamori.core.errors import InputError, did_you_mean
from mamori.data.catalogue import parameter
from mamori.data.contacts import SETTINGS
from mamori.data.parts import Atlas
from mamori.data.places import FIGURES, YEAR_COLUMNS, Imputation, Override, Place
from mamori.data.user_table import read_user_table

Floats = NDArray[np.float64]
Row = dict[str, Any]

RULE_NAMED_AGES = "ages of the country named in age_structure_as"
RULE_NAMED_CONTACTS = "contacts of the country named in contacts_as"
RULE_LIKE = "as in the place named in part_of, or else in contacts_as"

AGE_COLUMNS: tuple[str, ...] = tuple("population_" + age.replace("+", "_plus").replace("-", "_") for age in AGE_GROUPS)
_PLAIN = (
    "region",
    "subregion",
    "income_group",
    *FIGURES,
    "latitude",
    "longitude",
)
_AGREEMENT = 0.001


def apply_places_file(atlas: Atlas, path: Path) -> tuple[Override, ...]:
    """Change `atlas` as the table in the file `path` says and return what was changed, row by row.

    Rows whose code is in the world replace its values; then the other rows add places, in their order.
    Raises `InputError` naming file, row and column for what cannot be used.
    """
    rows = read_user_table(path, "places").to_dicts()
    first_row: dict[str, int] = {}
    for number, row in enumerate(rows, start=2):
        if row["code"] in first_row:
            raise InputError(
                f"{path}: column 'code' row {number} holds '{row['code']}', as row {first_row[row['code']]}. "
                "Join the two rows"
            )
        first_row[row["code"]] = number
    reader = _PlacesFile(atlas, path)
    old = [(number, row) for number, row in enumerate(rows, start=2) if row["code"] in reader.known]
    new = [(number, row) for number, row in enumerate(rows, start=2) if row["code"] not in reader.known]
    for number, row in old:
        reader.change(row, number)
    reader.known |= atlas.places
    for number, row in new:
        reader.add(row, number)
    return tuple(reader.records)


class _PlacesFile:
    """One file of places while it is applied to an atlas; `known` are the places that a row may name."""

    def __init__(self, atlas: Atlas, path: Path) -> None:
        self.atlas = atlas
        self.path = path
        self.known = atlas.emptied | atlas.places
        self.records: list[Override] = []

    def change(self, row: Row, number: int) -> None:
        """Replace the values of a place of the world by those that the row holds."""
        place = self.known[row["code"]]
        if place.code in self.atlas.emptied:
            raise self._wrong(number, f"all people of {place.code} are counted in its parts; change those")
        if row["part_of"] is not None:
            raise self._wrong(number, f"part_of is given for {place.code}; it is for new places only")
        values = self._values(row, number, place)
        people = self._people(row, number)
        if people is None and row["population"] is not None:
            people = place.people * (row["population"] / place.population)
        if people is not None:
            values["people"] = people
        changed = self._with_modelled(replace(place, **values), row)
        self.atlas.places[place.code] = changed
        self._record(row, number, place, changed)
        given = {column for column, value in row.items() if value is not None}
        if people is not None:
            given |= {"population"} | ({"population_by_age"} if row[AGE_COLUMNS[0]] is not None else set())
        if "contacts" in values:
            given |= {"contacts"}
        self.atlas.imputed[:] = [
            note for note in self.atlas.imputed if note.code != place.code or note.column not in given
        ]
        self._note_named(row)

    def add(self, row: Row, number: int) -> None:
        """Add the place that the row describes; what it lacks comes from part_of, or else contacts_as."""
        people = self._people(row, number)
        needed = {
            "name": row["name"],
            "the 17 ages, or population and age_structure_as": people,
            "contacts_as or contacts_file": row["contacts_as"] or row["contacts_file"],
            "part_of or contacts_as": row["part_of"] or row["contacts_as"],
        }
        missing = [words for words, value in needed.items() if value is None]
        if people is None or missing:
            raise self._wrong(
                number,
                f"'{row['code']}' is not a place of this world{did_you_mean(row['code'], self.known)}; "
                f"as a new place it lacks {'; '.join(missing)}",
            )
        column = "part_of" if row["part_of"] is not None else "contacts_as"
        like = self._named(row, number, column)
        structure = self._named(row, number, "age_structure_as") if row["age_structure_as"] else like
        per_person = float(people.sum()) / like.population
        place = replace(
            like,
            code=row["code"],
            kind="added",
            name_en=row["name"],
            name_ja=row["name_ja"] or row["name"],
            part_of=row["part_of"],
            people=people,
            life_expectancy=structure.life_expectancy,
            hospital_beds=like.hospital_beds * per_person,
            icu_beds=like.icu_beds * per_person,
            un_member=False,
            iso2=None,
            m49=None,
            airports=None,
        )
        place = self._with_modelled(replace(place, **self._values(row, number, place)), row)
        if place.part_of is None:
            self.atlas.places[place.code] = place
        else:
            self.atlas.insert_part(place, f"{self.path}: row {number}")
        self.known[place.code] = place
        self._record(row, number, None, place)
        self.atlas.imputed += [
            Imputation(place.code, name, RULE_LIKE, like.code) for name in _PLAIN if row[name] is None
        ]
        self.atlas.imputed.append(Imputation(place.code, "life_expectancy", RULE_LIKE, structure.code))
        self._note_named(row)

    def _values(self, row: Row, number: int, place: Place) -> dict[str, Any]:
        """The fields of `Place` that the row gives as they are."""
        values = {name: row[name] for name in _PLAIN if row[name] is not None}
        values |= {YEAR_COLUMNS[name]: None for name in values if name in YEAR_COLUMNS}
        if row["name"] is not None:
            values["name_en"] = row["name"]
            values["name_ja"] = row["name_ja"] or row["name"]
        elif row["name_ja"] is not None:
            values["name_ja"] = row["name_ja"]
        if row["contacts_as"] is not None and row["contacts_file"] is not None:
            raise self._wrong(number, "contacts_as and contacts_file are both given; one decides")
        if row["contacts_as"] is not None:
            values["contacts"] = self._named(row, number, "contacts_as").contacts
        if row["contacts_file"] is not None:
            values["contacts"] = read_contacts(self.path.parent / row["contacts_file"])
        if values.get("icu_beds", 0.0) > values.get("hospital_beds", place.hospital_beds):
            raise self._wrong(number, f"icu_beds is {values['icu_beds']:g}, more than the hospital beds")
        return values

    def _people(self, row: Row, number: int) -> Floats | None:
        """The people by age that the row gives, or None where it gives no ages."""
        ages = [row[column] for column in AGE_COLUMNS]
        absent = [column for column, value in zip(AGE_COLUMNS, ages, strict=True) if value is None]
        if len(absent) == len(ages):
            if row["age_structure_as"] is None:
                return None
            structure = self._named(row, number, "age_structure_as")
            total = row["population"]
            if total is None and row["code"] in self.known:
                total = self.known[row["code"]].population
            return None if total is None else structure.people * (total / structure.population)
        if absent:
            given = len(ages) - len(absent)
            raise self._wrong(number, f"{given} of the 17 ages are given; {', '.join(absent)} must be too")
        people = np.array(ages, dtype=np.float64)
        if row["age_structure_as"] is not None:
            raise self._wrong(number, "the 17 ages and age_structure_as are both given; one decides")
        if not people.sum() > 0:
            raise self._wrong(number, "the 17 ages sum to 0; a place needs people")
        if row["population"] is not None and abs(row["population"] / people.sum() - 1) > _AGREEMENT:
            raise self._wrong(
                number, f"population is {row['population']:,.0f}, but the 17 ages sum to {people.sum():,.0f}"
            )
        return people

    def _with_modelled(self, place: Place, row: Row) -> Place:
        """`place` with its modelled beds made anew where what they rest on is given and they are not."""
        values: dict[str, Any] = {}
        if row["icu_beds"] is None and (row["hospital_beds"] is not None or row["income_group"] is not None):
            values["icu_beds"] = place.hospital_beds * parameter("icu_share_of_beds", place.income_group)
        if row["bed_occupancy_share"] is None and row["income_group"] is not None:
            values["bed_occupancy_share"] = parameter("bed_occupancy_share", place.income_group)
        return replace(place, **values) if values else place

    def _named(self, row: Row, number: int, column: str) -> Place:
        code = row[column]
        if code not in self.known:
            raise InputError(
                f"{self.path}: column '{column}' row {number} holds '{code}', no place of this world."
                f"{did_you_mean(code, self.known)} Give the code of a country"
            )
        return self.known[code]

    def _record(self, row: Row, number: int, old: Place | None, new: Place) -> None:
        def note(column: str, before: str | float | None, after: str | float | None) -> None:
            self.records.append(Override(new.code, column, before, after, str(self.path), number))

        for column, value in row.items():
            if column == "code" or value is None:
                continue
            if column == "population":
                note(column, old.population if old else None, value)
            elif column in AGE_COLUMNS:
                note(column, float(old.people[AGE_COLUMNS.index(column)]) if old else None, value)
            elif column in ("name", "name_ja"):
                note(column, getattr(old, "name_en" if column == "name" else column) if old else None, value)
            else:
                note(column, getattr(old, column, None) if old else None, value)
        for column in ("icu_beds", "bed_occupancy_share"):
            if old is not None and row[column] is None and getattr(old, column) != getattr(new, column):
                note(column, getattr(old, column), getattr(new, column))

    def _note_named(self, row: Row) -> None:
        for column, what, rule in (
            ("age_structure_as", "population_by_age", RULE_NAMED_AGES),
            ("contacts_as", "contacts", RULE_NAMED_CONTACTS),
        ):
            if row[column] is not None:
                self.atlas.imputed.append(Imputation(row["code"], what, rule, row[column]))

    def _wrong(self, number: int, what: str) -> InputError:
        return InputError(f"{self.path}: row {number}: {what}. Correct the row")


def read_contacts(path: Path) -> Floats:
    """Return the contact matrices (4, 17, 17) in a file of the table ``contacts``: contacts per day.

    Raises `InputError` unless each of the four settings has each of the 17 age groups once, and its contacts
    with the same 17 groups.
    """
    frame = read_user_table(path, "contacts")
    matrices = np.full((len(SETTINGS), len(AGE_GROUPS), len(AGE_GROUPS)), np.nan)
    for number, row in enumerate(frame.to_dicts(), start=2):
        cell = SETTINGS.index(row["setting"]), AGE_GROUPS.index(row["age_group"])
        if np.isfinite(matrices[cell]).any():
            raise InputError(
                f"{path}: row {number} repeats setting '{row['setting']}', age group '{row['age_group']}'; "
                "each may stand once. Remove the row"
            )
        matrices[cell] = [row[age] for age in AGE_GROUPS]
    for setting, matrix in zip(SETTINGS, matrices, strict=True):
        absent = [age for age, line in zip(AGE_GROUPS, matrix, strict=True) if np.isnan(line).any()]
        if absent:
            rows = len(AGE_GROUPS) - len(absent)
            raise InputError(
                f"{path}: setting '{setting}' has {rows} rows and 17 columns; a matrix must be 17 x 17. "
                f"Add the age groups {', '.join(absent)}"
            )
    return matrices
