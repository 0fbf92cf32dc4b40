"""The user's file of places: changes, additions, and errors that name row, column and repair."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from mamori.core.ages import AGE_GROUPS
from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.data.contacts import SETTINGS
from mamori.data.overrides import AGE_COLUMNS
from mamori.data.world import World

Rows = Sequence[Mapping[str, object]]
CAMP = {"code": "CAMP", "name": "Camp", "contacts_as": "KEN", "age_structure_as": "SOM", "population": 200_000}
AGES = dict.fromkeys(AGE_COLUMNS, 1000)
Write = Callable[[Rows], Path]


def test_values_of_a_country_are_replaced_and_recorded(world: World, table: Write) -> None:
    path = table([{"code": "KEN", "hospital_beds": 90_000, "physicians_per_1000": 1.5}])
    changed = World.load(places=path)
    before, after = (w.select("KEN").table.row(0, named=True) for w in (world, changed))
    assert after["hospital_beds"] == 90_000
    assert after["icu_beds"] == pytest.approx(0.02 * 90_000)
    assert after["physicians_per_1000"] == 1.5
    assert after["population"] == before["population"]
    assert after["hospital_beds_year"] is None
    records = {(change.place, change.column): change for change in changed.overrides}
    assert set(records) == {("KEN", "hospital_beds"), ("KEN", "physicians_per_1000"), ("KEN", "icu_beds")}
    beds = records["KEN", "hospital_beds"]
    assert (beds.old, beds.new, beds.file, beds.row) == (before["hospital_beds"], 90_000, str(path), 2)
    others = changed.table.filter(pl.col("code") != "KEN")
    assert others.equals(world.table.filter(pl.col("code") != "KEN"))


def test_ages_of_a_country_are_replaced(table: Write) -> None:
    changed = World.load(places=table([{"code": "KEN", **AGES}])).select("KEN")
    assert_allclose(changed.population[0], 1000)
    total = changed.contacts * changed.population[:, None, :, None]
    assert_allclose(total, np.swapaxes(total, 2, 3))


def test_a_total_keeps_the_ages(world: World, table: Write) -> None:
    changed = World.load(places=table([{"code": "KEN", "population": 1_000_000}])).select("KEN").population[0]
    kenya = world.select("KEN").population[0]
    assert changed.sum() == pytest.approx(1e6)
    assert_allclose(changed / changed.sum(), kenya / kenya.sum())


def test_an_override_is_no_longer_flagged_as_imputed(world: World, table: Write) -> None:
    changed = World.load(places=table([{"code": "SOM", "bed_occupancy_share": 0.6, **AGES}]))
    flagged = set(changed.imputed.filter(pl.col("code") == "SOM")["column"])
    assert {"bed_occupancy_share", "population", "population_by_age"} & flagged == set()
    assert "icu_beds" in flagged


def test_a_new_place_of_its_own(world: World, table: Write) -> None:
    path = table([CAMP | {"latitude": 0.05, "longitude": 40.3, "name_ja": "キャンプ"}])
    changed = World.load(places=path)
    camp = changed.select("キャンプ")
    row = camp.table.row(0, named=True)
    assert row["kind"] == "added"
    assert row["population"] == pytest.approx(200_000)
    assert row["income_group"] == "LMIC"
    kenya = world.select("KEN").table.row(0, named=True)
    assert row["hospital_beds"] / row["population"] == pytest.approx(kenya["hospital_beds"] / kenya["population"])
    somalia = world.select("SOM")
    assert_allclose(camp.population[0] / 200_000, somalia.population[0] / somalia.population.sum())
    assert_allclose(camp.life_expectancy, somalia.life_expectancy)
    assert changed.population.sum() == pytest.approx(world.population.sum() + 200_000)
    assert changed.travel[changed.codes.index("CAMP")].sum() > 0
    flagged = set(changed.imputed.filter(pl.col("code") == "CAMP")["column"])
    assert {"contacts", "population_by_age", "hospital_beds", "gdp_per_capita_ppp_usd"} <= flagged
    assert {change.column for change in changed.overrides} >= {"name", "population", "contacts_as"}


def test_a_part_is_counted_once(world: World, table: Write) -> None:
    changed = World.load(places=table([CAMP | {"part_of": "KEN", "hospital_beds": 300, "icu_beds": 2}]))
    both, kenya = changed.select(["CAMP", "KEN"]), world.select("KEN")
    assert_allclose(both.population.sum(0), kenya.population[0])
    assert both.table["hospital_beds"].sum() == pytest.approx(kenya.table["hospital_beds"][0])
    assert both.travel[0, 1] == pytest.approx(
        0.02 * 200_000 * (kenya.population.sum() - 200_000) / kenya.population.sum()
    )
    tokyo = world.codes.index("JPN")
    assert changed.travel[:, changed.codes.index("JPN")].sum() == pytest.approx(world.travel[:, tokyo].sum())


def test_a_part_of_a_unit_and_of_a_new_place(table: Write) -> None:
    rows = [
        CAMP | {"part_of": "KE047"},
        {"code": "BLOCK", "name": "Block A", "part_of": "CAMP", "contacts_as": "SOM", "age_structure_as": "SOM",
         "population": 10_000},
    ]  # fmt: skip
    changed = World.load(places=table(rows), admin1=["KE047"])
    camp, block = (changed.select(code).population.sum() for code in ("CAMP", "BLOCK"))
    assert camp == pytest.approx(190_000)
    assert block == pytest.approx(10_000)


def test_the_changed_whole_is_what_a_part_is_taken_from(table: Write) -> None:
    rows = [CAMP | {"part_of": "KEN", "hospital_beds": 80_000}, {"code": "KEN", "hospital_beds": 100_000}]
    beds = World.load(places=table(rows)).select(["KEN", "CAMP"]).table["hospital_beds"]
    assert beds.to_list() == pytest.approx([80_000, 20_000])


def _contacts_file(folder: Path, settings_: Sequence[str] = SETTINGS, ages: Sequence[str] = AGE_GROUPS) -> Path:
    path = folder / "contacts.csv"
    lines = [",".join(["setting", "age_group", *ages])]
    lines += [",".join([setting, age, *["0.5"] * len(ages)]) for setting in settings_ for age in ages]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_contacts_come_from_a_file(tmp_path: Path, table: Write) -> None:
    _contacts_file(tmp_path)
    rows = [{"code": "KEN", "contacts_file": "contacts.csv", **AGES}]
    contacts = World.load(places=table(rows)).select("KEN").contacts
    assert_allclose(contacts, 0.5)


def test_the_written_world_can_be_read_as_places(world: World, tmp_path: Path) -> None:
    columns = [c for c in TableDefinition.load("places").attributes if c in world.table.columns and c != "part_of"]
    frame = world.table.select(columns).hstack(pl.DataFrame(world.population, schema=list(AGE_COLUMNS)))
    path = tmp_path / "world.parquet"
    frame.write_parquet(path)
    again = World.load(places=path)
    assert_allclose(again.population, world.population)
    assert_allclose(again.table["hospital_beds"].to_numpy(), world.table["hospital_beds"].to_numpy())


WRONG: list[tuple[Rows, str]] = [
    ([{"code": "KEN", "hospital_beds": -5}], r"column 'hospital_beds' row 2 holds '-5'; it must be >= 0"),
    ([{"code": "KEN", "hospital_beds": "many"}], "column 'hospital_beds' row 2 holds 'many'; it must be a finite"),
    ([{"code": "KEN", "icu_beds": "NaN"}], "column 'icu_beds' row 2 holds 'NaN'; it must be a finite number"),
    ([{"code": "KEN", "bed_occupancy_share": 85}], "it must be >= 0 and <= 1"),
    ([{"code": "KEN", "income_group": "poor"}], "it must be one of LIC, LMIC, UMIC, HIC"),
    ([{"code": "KEN", "hospital_bed": 5}], "Did you mean 'hospital_beds'"),
    ([{"code": "KEN", "population_75_plus": 5}], "Did you mean 'population_"),
    ([{"name": "Camp"}], "column 'code' is missing"),
    ([{"code": "KEN"}, {"code": "KEN"}], "row 3 holds 'KEN', as row 2"),
    ([{"code": "KEN", **dict.fromkeys(AGE_COLUMNS[:16], 1)}], "16 of the 17 ages are given; population_80_plus"),
    ([{"code": "KEN", **AGES, "population": 5}], "population is 5, but the 17 ages sum to 17,000"),
    ([{"code": "KEN", **dict.fromkeys(AGE_COLUMNS, 0)}], "a place needs people"),
    ([{"code": "KEN", **AGES, "age_structure_as": "SOM"}], "one decides"),
    ([{"code": "KEN", "part_of": "UGA"}], "part_of is given for KEN"),
    ([{"code": "KEN", "hospital_beds": 10, "icu_beds": 11}], "more than the hospital beds"),
    ([{"code": "KEN", "contacts_as": "SOM", "contacts_file": "x.csv"}], "one decides"),
    ([{"code": "KEN", "contacts_as": "SON"}], r"column 'contacts_as' row 2 holds 'SON'.*Did you mean"),
    ([{"code": "KEN", "contacts_file": "nowhere.csv"}], "nowhere.csv is not a file"),
    ([{"code": "KEM", "hospital_beds": 10}], r"'KEM' is not a place.*Did you mean.*lacks name; the 17 ages"),
    ([{"code": "CAMP", "name": "Camp", **AGES}], "lacks contacts_as or contacts_file; part_of or contacts_as"),
    ([CAMP | {"part_of": "XXX"}], "column 'part_of' row 2 holds 'XXX'"),
    ([CAMP | {"part_of": "TUV"}], "more people aged 0-4 than TUV"),
    ([CAMP | {"part_of": "KEN", "hospital_beds": 1e6}], "its whole KEN"),
    ([CAMP | {"latitude": 95}], "it must be >= -90 and <= 90"),
]


@pytest.mark.parametrize(("rows", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_wrong_rows_are_refused(rows: Rows, message: str, table: Write) -> None:
    with pytest.raises(InputError, match=message):
        World.load(places=table(rows))


def test_a_country_that_is_all_in_parts_cannot_be_changed(table: Write) -> None:
    with pytest.raises(InputError, match="all people of KEN are counted in its parts"):
        World.load(places=table([{"code": "KEN", "hospital_beds": 10}]), admin1=["KEN"])
    with pytest.raises(InputError, match="no people left"):
        World.load(places=table([CAMP | {"part_of": "KEN"}]), admin1=["KEN"])


@pytest.mark.parametrize(
    ("settings_", "ages", "message"),
    [
        (SETTINGS, AGE_GROUPS[:16], r"column '80\+' is missing"),
        (SETTINGS[:3], AGE_GROUPS, "setting 'community' has 0 rows and 17 columns; a matrix must be 17 x 17"),
        ((*SETTINGS, "home"), AGE_GROUPS, "repeats setting 'home', age group '0-4'"),
        (("home", "party"), AGE_GROUPS, "it must be one of home, work, school, community"),
    ],
)
def test_wrong_matrices_are_refused(
    tmp_path: Path, table: Write, settings_: Sequence[str], ages: Sequence[str], message: str
) -> None:
    _contacts_file(tmp_path, settings_, ages)
    with pytest.raises(InputError, match=message):
        World.load(places=table([{"code": "KEN", "contacts_file": "contacts.csv"}]))


def test_a_matrix_that_is_not_square_is_refused(tmp_path: Path, table: Write) -> None:
    path = _contacts_file(tmp_path)
    path.write_text("\n".join(path.read_text().splitlines()[:-1]), encoding="utf-8")
    with pytest.raises(InputError, match="setting 'community' has 16 rows and 17 columns"):
        World.load(places=table([{"code": "KEN", "contacts_file": "contacts.csv"}]))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", "", "cannot be read as a table"),
        ("p.csv", "code,name\n", "has no rows"),
        ("p.csv", "code,name\nKEN,a,b\n", "cannot be read as a table"),
        ("p.parquet", "code\nKEN\n", "cannot be read as a table"),
        ("p.xlsx", "code\nKEN\n", "a table is a .csv or .parquet file"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        World.load(places=path)
    with pytest.raises(InputError, match="is not a file"):
        World.load(places=tmp_path / "nowhere.csv")


CELLS = st.one_of(
    st.sampled_from(["", "KEN", "CAMP", "SOM", "nan", "inf", "-1", "0", "0.5", "1e6", "LIC", "x", " 7 ", "true"]),
    st.floats().map(str),
    st.integers(-5, 10**9).map(str),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    columns=st.lists(st.sampled_from(TableDefinition.load("places").attributes), max_size=8, unique=True),
    cells=st.lists(st.lists(CELLS, min_size=9, max_size=9), min_size=1, max_size=3),
)
def test_any_table_gives_a_sound_world_or_an_error(tmp_path: Path, columns: list[str], cells: list[list[str]]) -> None:
    header = ["code", *(column for column in columns if column != "code")]
    path = tmp_path / "fuzz.csv"
    lines = [",".join(header), *(",".join(row[: len(header)]) for row in cells)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        changed = World.load(places=path)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert np.isfinite(changed.population).all()
    assert (changed.population.sum(1) > 0).all()
    assert np.isfinite(changed.contacts).all()
    assert np.isfinite(changed.travel).all()
    assert (changed.table["icu_beds"] <= changed.table["hospital_beds"] + 1e-9).all()
