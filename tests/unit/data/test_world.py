"""The world that ships inside: complete, consistent, and open about what is imputed."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.data.catalogue import sources
from mamori.data.world import World

NOT_IN_STARSIM = {"DMA", "FSM", "GRD", "KNA", "LIE", "MHL", "NRU", "PLW", "SMR", "SOM", "TUV"}


def test_every_member_of_the_united_nations_is_there(world: World) -> None:
    members = world.table.filter("un_member")["code"]
    assert len(members) == 193
    assert members.is_sorted()
    assert world.codes == tuple(world.table["code"])


def test_territories_of_the_packages_are_there(world: World) -> None:
    assert {"HKG", "MAC", "PSE", "PRI", "TWN", "XKX", "GUM", "COK", "NIU"} <= set(world.codes)


def test_nothing_that_is_needed_is_missing(world: World) -> None:
    for array in (world.population, world.contacts, world.travel, world.life_expectancy):
        assert np.isfinite(array).all()
        assert (array >= 0).all()
    for column in TableDefinition.load("world").columns:
        if column.required:
            assert world.table[column.attribute].null_count() == 0, column.attribute
    assert (world.population > 0).all()
    assert (world.life_expectancy > 0).all()


def test_shapes(world: World) -> None:
    places = len(world.codes)
    assert world.population.shape == (places, 17)
    assert world.contacts.shape == (places, 4, 17, 17)
    assert world.travel.shape == (places, places)
    assert world.life_expectancy.shape == (places, 17)


def test_the_people_of_2025_are_those_of_the_projections(world: World) -> None:
    assert world.population.sum() == pytest.approx(8.232e9, rel=0.01)  # UN WPP 2024, world, mid-2025
    assert_allclose(world.table["population"].to_numpy(), world.population.sum(1))
    for code, persons in (("IND", 1.464e9), ("JPN", 123.1e6), ("KEN", 57.5e6), ("USA", 347.3e6)):
        assert world.select(code).population.sum() == pytest.approx(persons, rel=0.01)


def test_contacts_are_reciprocal(world: World) -> None:
    total = world.contacts * world.population[:, None, :, None]
    assert_allclose(total, np.swapaxes(total, 2, 3), rtol=1e-9)


def test_travel_is_symmetric_and_sums_to_the_parameter(world: World) -> None:
    assert_allclose(world.travel, world.travel.T)
    assert_allclose(np.diag(world.travel), 0)
    assert world.travel.sum() * 365.25 == pytest.approx(1.624e9)


def test_life_expectancy_agrees_with_the_projections(world: World) -> None:
    # UN WPP 2024, both sexes, 2025: life expectancy at birth; those of 2.5 have lived through infancy
    for code, at_birth in (("JPN", 85.0), ("USA", 79.6), ("KEN", 64.0), ("NGA", 54.8)):
        at_2_5 = float(world.select(code).life_expectancy[0, 0])
        assert at_birth - 3.5 < at_2_5 < at_birth + 4
    assert (np.diff(world.life_expectancy, axis=1) < 0).all()


def test_beds_follow_their_rules(world: World) -> None:
    kenya = world.select("KEN").table.row(0, named=True)
    assert kenya["hospital_beds"] == pytest.approx(1.3 * kenya["population"] / 1000)
    assert kenya["icu_beds"] == pytest.approx(0.02 * kenya["hospital_beds"])
    assert kenya["bed_occupancy_share"] == 0.85
    nigeria = world.select("NGA").table.row(0, named=True)
    assert nigeria["hospital_beds"] == pytest.approx(0.5 * nigeria["population"] / 1000)
    assert nigeria["hospital_beds_year"] == 2004


def test_what_the_packages_lack_is_filled_and_flagged(world: World) -> None:
    flagged = set(world.imputed.filter(pl.col("column") == "population_by_age")["code"])
    assert flagged >= NOT_IN_STARSIM
    members = set(world.table.filter("un_member")["code"])
    assert flagged & members == NOT_IN_STARSIM
    for column in ("population", "contacts", "life_expectancy"):
        assert set(world.imputed.filter(pl.col("column") == column)["code"]) == flagged
    donors = dict(
        world.imputed.filter((pl.col("column") == "contacts") & (pl.col("donor") != ""))
        .select("code", "donor")
        .iter_rows()
    )
    subregion = dict(world.table.select("code", "subregion").iter_rows())
    assert all(subregion[donors[code]] == subregion[code] for code in NOT_IN_STARSIM)
    assert donors["SOM"] not in flagged


def test_broad_ages_of_the_filled_are_those_of_the_factbook(world: World) -> None:
    # Factbook: Grenada, 114,621 people in 2024, 21.9 % of them under 15, 12.8 % of 65 and over
    grenada = world.select("GRD").population[0]
    assert grenada[:3].sum() / grenada.sum() == pytest.approx(0.219, abs=0.01)
    assert grenada[13:].sum() / grenada.sum() == pytest.approx(0.128, abs=0.01)
    assert grenada.sum() == pytest.approx(114_621, rel=0.01)


def test_modelled_columns_are_flagged_everywhere(world: World) -> None:
    for column in ("icu_beds", "bed_occupancy_share", "travel"):
        assert world.imputed.filter(pl.col("column") == column).height == len(world.codes)


def test_check_covers_every_column_with_its_source(world: World) -> None:
    checked = world.check()
    expected = [*world.table.columns, "population_by_age", "contacts", "life_expectancy", "travel"]
    assert checked["column"].to_list() == expected
    assert set(checked["source"]) <= set(sources())
    assert (checked["imputed"] <= checked["places"]).all()
    beds = checked.row(by_predicate=pl.col("column") == "hospital_beds", named=True)
    assert beds["known"] == len(world.codes)
    assert 0 < beds["imputed"] < 50


def test_every_imputed_column_is_one_that_check_shows(world: World) -> None:
    assert set(world.imputed["column"]) <= set(world.check()["column"])


@pytest.mark.parametrize("year", [2000, 2024, 2030, 2100])
def test_other_years(year: int) -> None:
    other = World.load(year)
    assert other.year == year
    assert np.isfinite(other.contacts).all()
    expected = {2000: 6.17e9, 2024: 8.16e9, 2030: 8.57e9, 2100: 10.18e9}[year]  # UN WPP 2024
    assert other.population.sum() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("year", [1999, 2101])
def test_years_outside_are_refused(year: int) -> None:
    with pytest.raises(InputError, match=f"year is {year}"):
        World.load(year)


def test_select_by_codes_and_names(world: World) -> None:
    names = ["KEN", "japan", "日本", "Cote d'Ivoire", "UK", "gb", "Viet Nam", "Türkiye", "turkey"]
    assert world.select(names).codes == ("CIV", "GBR", "JPN", "KEN", "TUR", "VNM")
    assert world.select("WORLD") is world
    kenya = world.select("Kenya")
    assert kenya.travel.shape == (1, 1)
    assert kenya.table["code"].to_list() == ["KEN"]
    row = world.codes.index("KEN")
    assert_allclose(kenya.population[0], world.population[row])
    assert_allclose(kenya.contacts[0], world.contacts[row])


def test_travel_of_a_selection_is_among_its_places(world: World) -> None:
    pair = world.select(["JPN", "KOR"])
    i, j = world.codes.index("JPN"), world.codes.index("KOR")
    assert pair.travel[0, 1] == world.travel[i, j]
    assert set(pair.imputed["code"]) == {"JPN", "KOR"}


@pytest.mark.parametrize(
    ("name", "hint"), [("Keniya", "'Kenya'"), ("KEM", "Did you mean"), ("ケニヤ", "'ケニア'"), ("xyzzyxyz", "Give")]
)
def test_unknown_names_are_refused_with_a_hint(world: World, name: str, hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        world.select(name)


def test_a_name_that_two_places_have_is_refused() -> None:
    apart = World.load(admin1=["ARG", "COL", "USA"])
    assert apart.select("Georgia").codes == ("GEO",)  # a country comes before a state of that name
    with pytest.raises(InputError, match="'Cordoba' is the name of .*Give the code of one"):
        apart.select("Cordoba")


def test_an_empty_selection_and_a_place_left_out_are_refused(world: World) -> None:
    with pytest.raises(InputError, match="no place is selected"):
        world.select([])
    with pytest.raises(InputError, match="KEN"):
        world.select("JPN").select("Kenya")


def test_arrays_cannot_be_changed(world: World) -> None:
    with pytest.raises(ValueError, match="read-only"):
        world.population[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        world.select("KEN").contacts[0] = 1.0


def test_loading_twice_gives_the_same(world: World) -> None:
    again = World.load()
    assert again.table.equals(world.table)
    assert (again.contacts == world.contacts).all()
    assert (again.travel == world.travel).all()


def test_importing_the_world_is_light() -> None:
    code = (
        "import sys, mamori.data.world; "
        "print([m for m in ('polars', 'h5py', 'numba', 'pandas', 'matplotlib', 'babel') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
