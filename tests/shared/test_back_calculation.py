"""COVID-19 deaths of the world: reported ones and excess mortality, back-calculated."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from mamori.workflows.back_calculation import back_calculate

pytestmark = pytest.mark.shared

DIVERSE = ["BRA", "CHN", "GBR", "IND", "JPN", "KEN", "NZL", "PER", "USA", "ZAF"]
GOOD_TOTAL, GOOD_CURVE = 0.05, 0.05


@pytest.fixture(scope="module")
def doses(shared: Path) -> Path:
    return shared / "data/vaccine_policy/bloomberg_doses_administered.csv"


@pytest.mark.quick
def test_ten_diverse_countries(shared: Path, doses: Path) -> None:
    """Deaths reported: totals within 5 %, the engine on the smooth curve, nothing changed but where it says so."""
    deaths = shared / "data/surveillance/covid_daily_jhu_2020_2023.parquet"
    result = back_calculate(deaths, doses, places=DIVERSE, draws=0, workers=2)
    assert result.fit["code"].to_list() == DIVERSE
    assert (result.fit["total_error"].abs() <= GOOD_TOTAL).all()
    assert (result.fit["curve_error"] <= GOOD_CURVE).all()
    raised = result.fit.filter(pl.col("fatality_multiplier") > 1.0)["code"].to_list()
    assert set(raised) <= {"CHN"}  # most of its deaths came in one day's report


def test_the_world(shared: Path, doses: Path) -> None:
    """Every country with 500 reported deaths or more: total within 5 %."""
    deaths = shared / "data/surveillance/covid_daily_jhu_2020_2023.parquet"
    fit = back_calculate(deaths, doses, draws=0, workers=2).fit.filter(pl.col("deaths") >= 500)
    assert fit.height >= 140
    assert fit.filter(pl.col("total_error").abs() > GOOD_TOTAL)["code"].to_list() == []


def test_excess_mortality(shared: Path, doses: Path, tmp_path: Path) -> None:
    """Excess deaths by week or month, where many more died than were reported."""
    source = shared / "data/surveillance/owid_excess_mortality.csv"
    day = pl.lit(dt.date(2020, 1, 1)) + pl.duration(days=pl.col("Year"))
    frame = pl.read_csv(source, infer_schema_length=None)
    frame = frame.select(place="Entity", date=day, deaths="excess_proj_all_ages").drop_nulls()
    frame.write_csv(tmp_path / "excess.csv")
    places = ["BGR", "BOL", "ECU", "EGY", "MEX", "PER", "RUS", "ZAF"]
    result = back_calculate(tmp_path / "excess.csv", doses, kind="excess", places=places, draws=0, workers=2)
    assert (result.fit["total_error"].abs() <= GOOD_TOTAL).all()
    assert (result.fit["infections_per_person"] < 2.5).all()
