import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.core.errors import InputError
from mamori.report import packing
from mamori.report.packing import ALPHABET, COURSES, MISSING, pack, weekly_curves
from mamori.report.page_data import place_curves
from mamori.report.run_folder import RunFolder
from tests.unit.report.conftest import PLACES, Write

amounts = st.one_of(st.just(0.0), st.floats(1e-3, 9e10), st.just(float("nan")))


def unpack(text: str, length: int) -> list[float]:
    """Read a packed curve as the page's script does."""
    values = []
    for index in range(length):
        at = min(2 * index, len(text) - 2)
        code = ALPHABET.index(text[at]) * len(ALPHABET) + ALPHABET.index(text[at + 1])
        known = packing.SMALLEST * 10 ** ((code - 1) / packing.STEPS_PER_DECADE)
        values.append(float("nan") if code == MISSING else 0.0 if code == 0 else known)
    return values


@given(st.lists(amounts, min_size=1, max_size=120))
def test_a_packed_curve_comes_back_within_two_per_mille(values: list[float]) -> None:
    (packed,) = pack(np.array([values]))
    np.testing.assert_allclose(unpack(packed, len(values)), values, rtol=0.002, atol=0)


def test_less_than_a_thousandth_is_zero() -> None:
    (packed,) = pack(np.array([[0.0009, 0.0]]))
    assert unpack(packed, 2) == [0.0, 0.0]


def test_a_curve_at_rest_costs_nothing() -> None:
    rests, rises = pack(np.array([[0.0] * 104, [1.0, 2.0] + [3.0] * 102]))
    assert len(rests) == 2
    assert len(rises) == 6


def test_no_packed_character_needs_an_escape_in_json_or_html() -> None:
    assert len(set(ALPHABET)) == 91
    assert not set(ALPHABET) & set('"\\<')


@pytest.mark.parametrize("value", [-1.0, 2e11])
def test_what_the_scale_does_not_hold_is_an_error(value: float) -> None:
    with pytest.raises(ValueError, match="must lie in 0"):
        pack(np.array([[1.0, value]]))


def test_curves_are_those_of_the_table(new_run: Write) -> None:
    folder = RunFolder.read(new_run(places=PLACES[:3], weeks=20, draws=4))
    curves = weekly_curves(folder, COURSES, folder.codes, ("q50", "q95")).packed(every=4)
    assert curves.steps == (28, 56, 84, 112, 140)
    rows = folder.outcome.weekly.filter(
        (pl.col("arm") == folder.arms[1].name)
        & (pl.col("group") == "BRA")
        & (pl.col("metric") == "infections")
        & pl.col("week").is_in([4, 8, 12, 16, 20])
    ).sort("week")
    packed = curves.series["infections"][1][folder.codes.index("BRA")][1]
    np.testing.assert_allclose(unpack(packed, 5), rows["q95"].to_numpy(), rtol=0.002, atol=1e-3)


def test_a_missing_week_is_an_error(new_run: Write) -> None:
    path = new_run(places=PLACES[:2], weeks=4, draws=2)
    pl.read_parquet(path / "weekly.parquet").filter(
        ~((pl.col("group") == "BGD") & (pl.col("week") == 2) & (pl.col("metric") == "deaths"))
    ).write_parquet(path / "weekly.parquet")
    folder = RunFolder.read(path)
    with pytest.raises(InputError, match="'deaths' has 42 rows; 6 arms x 2 groups x 4 weeks need 48"):
        weekly_curves(folder, COURSES, folder.codes, ("q50",))


def test_curves_become_coarser_and_then_fewer_where_space_is_short(
    new_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder.read(new_run(places=PLACES[:8], weeks=52, draws=3))
    every_week = place_curves(folder)
    assert every_week.steps[:2] == (7, 14)
    monkeypatch.setattr("mamori.report.page_data.LARGEST_PLACE_CURVES", every_week.size * 0.6)
    assert place_curves(folder).steps[:2] == (14, 28)
    monkeypatch.setattr("mamori.report.page_data.LARGEST_PLACE_CURVES", every_week.size * 0.1)
    few = place_curves(folder)
    assert few.steps[:2] == (28, 56)
    assert few.size <= every_week.size * 0.1
    assert "CHN" in few.groups
    assert "AUS" not in few.groups
