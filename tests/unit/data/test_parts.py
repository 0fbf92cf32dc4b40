"""Administrative units: counted once, with their country's ages."""

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from mamori.core.errors import InputError
from mamori.data.adapters.starsim import units
from mamori.data.world import World


def test_a_unit_is_counted_apart_from_the_rest_of_its_country(world: World) -> None:
    apart = World.load(admin1=["Kenya:Nairobi"])
    assert len(apart.codes) == len(world.codes) + 1
    unit = apart.table.filter(pl.col("part_of") == "KEN").row(0, named=True)
    assert unit["kind"] == "admin1"
    assert unit["name_en"] == "Nairobi"
    kenya = world.select("KEN")
    both = apart.select(["KEN", unit["code"]])
    assert_allclose(both.population.sum(0), kenya.population[0])
    assert both.table["hospital_beds"].sum() == pytest.approx(kenya.table["hospital_beds"][0])
    assert both.table["icu_beds"].sum() == pytest.approx(kenya.table["icu_beds"][0])
    shares = both.population / both.population.sum(1, keepdims=True)
    assert_allclose(shares[0], shares[1])


def test_units_are_flagged(world: World) -> None:
    apart = World.load(admin1=["Kenya:Nairobi"])
    code = (set(apart.codes) - set(world.codes)).pop()
    flagged = set(apart.imputed.filter(pl.col("code") == code)["column"])
    assert {"population", "population_by_age", "contacts", "hospital_beds", "travel"} <= flagged


def test_all_units_of_a_country_take_its_place(world: World) -> None:
    apart = World.load(admin1=["KEN"])
    assert "KEN" not in apart.codes
    assert apart.table.filter(pl.col("part_of") == "KEN").height == len(units()["KEN"])
    assert_allclose(apart.population.sum(0), world.population.sum(0))
    row = world.codes.index("JPN")
    abroad = apart.travel[:, apart.codes.index("JPN")]
    parts = (apart.table["part_of"] == "KEN").fill_null(value=False).to_numpy()
    assert abroad[parts].sum() == pytest.approx(world.travel[world.codes.index("KEN"), row])


def test_every_country_with_units_can_be_taken_apart() -> None:
    for codes in np.array_split(sorted(units()), 4):
        apart = World.load(admin1=list(codes))
        assert np.isfinite(apart.travel).all()
        assert (apart.population.sum(1) > 0).all()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["Kenya:Nairobbi"], "Did you mean 'Kenya:Nairobi'"),
        (["Kenya:Nairobi", "KE047"], "there already"),
        (["KEN", "Kenya:Nairobi"], "there already"),
        (["WORLD"], "is not known"),
    ],
)
def test_wrong_units_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        World.load(admin1=names)
