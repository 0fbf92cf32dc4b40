"""COVID-19 deaths of the world: reported ones and excess mortality, back-calculated."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mamori.data.world import World
from mamori.epidemic.health_system import free_beds
from mamori.epidemic.model import Drivers, Epidemic
from mamori.epidemic.pathogen import Pathogen
from mamori.workflows._conditions import coverage, read_doses, vaccine, variant_effects
from mamori.workflows._death_counts import read_deaths
from mamori.workflows.back_calculation import back_calculate, covid19_fit, covid19_reproduction

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


def test_the_shipped_reproduction_numbers_give_the_deaths_again(shared: Path, doses: Path) -> None:
    """The rounded table, run open loop over three years, meets the reported deaths of 2020-22 within 5 %."""
    world = World.load(2021).select([code for code in DIVERSE if code != "CHN"])
    table, fit = covid19_reproduction(), covid19_fit()
    counts = read_deaths(shared / "data/surveillance/covid_daily_jhu_2020_2023.parquet", world, "reported")
    monday = [day for day in counts.monday if day.year < 2023]
    courses, boosters = read_doses(doses, world, monday)
    places, deaths = len(world.codes), np.zeros(len(world.codes))
    severity, efficacy, reinfection = variant_effects(monday, np.zeros(places, dtype=np.int64))
    multiplier = np.array([fit.filter(pl.col("code") == code)["fatality_multiplier"][0] for code in world.codes])
    icu, occupied = world.table["icu_beds"].to_numpy(), world.table["bed_occupancy_share"].to_numpy()
    pathogen = Pathogen.load("sars-cov-2").repeat(1)
    engine = Epidemic(
        world.population,
        world.contacts,
        pathogen,
        seed=0,
        place_codes=world.codes,
        vaccine=vaccine(),
        coverage=coverage(),
        stochastic_below=0.0,
        accuracy="coarse",
        icu_fallback=True,
    )
    by_week = {(code, week): value for code, week, value in table.select("code", "week", "reproduction").iter_rows()}
    seeds = {(code, week): value for code, week, value in fit.select("code", "first_week", "seeds").iter_rows()}
    for k, week in enumerate(monday):
        engine.infect(np.array([[seeds.get((code, week), 0.0) for code in world.codes]]))
        r = np.array([by_week.get((code, week), 0.0) for code in world.codes])
        drivers = Drivers(
            transmission=r / pathogen.r0[0],
            first_doses_per_day=courses[:, k],
            booster_doses_per_day=boosters[:, k],
            ward_beds=free_beds(world.table["hospital_beds"].to_numpy() - icu, occupied, 0.5),
            icu_beds=free_beds(icu, occupied, 0.5),
            severity=multiplier * severity[:, k],
            vaccine_efficacy_scale=efficacy[:, k],
            reinfection_rate=reinfection[:, k],
        )
        deaths += engine.advance(7, drivers).deaths[0].sum(axis=1)
    reported = counts.deaths[:, : len(monday)].sum(axis=1)
    assert np.abs(deaths / reported - 1.0).max() < GOOD_TOTAL
