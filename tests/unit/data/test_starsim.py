"""What is read from starsim-data."""

import numpy as np
import pytest

from mamori.data.adapters import starsim
from mamori.data.adapters.airports import count_airports


def test_demography_has_its_shape_and_a_known_figure() -> None:
    data = starsim.demography()
    assert len(data.codes) == data.people.shape[0] == data.mortality.shape[0]
    assert data.people.shape[1:] == (11, 2, 21)
    assert data.mortality.shape[1:] == (11, 2, 22)
    kenya = data.codes.index("KEN")
    assert data.people[kenya, data.years.index(2020)].sum() == pytest.approx(52.2e6, rel=0.001)
    assert (data.mortality > 0).all()


def test_matrices_of_every_place_with_people() -> None:
    codes, matrices = starsim.contact_matrices()
    assert set(codes) == set(starsim.demography().codes)
    assert matrices.shape == (len(codes), 4, 16, 16)
    assert np.isfinite(matrices).all()
    assert (matrices >= 0).all()


def test_units_lie_in_their_country() -> None:
    kenya = starsim.units()["KEN"]
    assert len(kenya) == 47
    assert all(-5 < unit.latitude < 5.5 and 33 < unit.longitude < 42 for unit in kenya)
    assert sum(unit.population for unit in kenya) == pytest.approx(52e6, rel=0.02)
    codes = [unit.code for all_units in starsim.units().values() for unit in all_units]
    assert len(set(codes)) == len(codes)


def test_unit_codes_are_no_country_codes() -> None:
    codes = {unit.code for all_units in starsim.units().values() for unit in all_units}
    assert codes & set(starsim.locations()) == set()


def test_airports_are_counted() -> None:
    assert count_airports()["US"] > 500
    assert count_airports()["KE"] > 10
    assert count_airports()["VA"] == 0
