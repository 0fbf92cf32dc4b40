"""Back-calculation: delays, deconvolution, following the engine, and known epidemics found again from their deaths."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.data.world import World
from mamori.epidemic.model import Drivers, Epidemic
from mamori.epidemic.pathogen import Pathogen
from mamori.workflows._conditions import read_doses, variant_effects
from mamori.workflows._death_counts import correct_backwards, read_deaths, spread_lumps
from mamori.workflows._deconvolution import deconvolve, dispersion_of, expected_deaths, infections_of
from mamori.workflows._delays import generation_time, infection_to_death
from mamori.workflows.back_calculation import back_calculate, brief, covid19_fit, covid19_reproduction

MONDAY = dt.date(2019, 12, 30)  # ends before the first variant
WEEKS = 45


@pytest.fixture(scope="module")
def kenya() -> World:
    return World.load(2021).select("KEN")


@pytest.fixture(scope="module")
def truth(kenya: World) -> tuple[np.ndarray, np.ndarray]:
    """Weekly reproduction numbers and the engine's daily deaths in Kenya, half of the other patients sent home."""
    beds, icu = (kenya.table[name].to_numpy() for name in ("hospital_beds", "icu_beds"))
    free = 1.0 - 0.5 * kenya.table["bed_occupancy_share"].to_numpy()
    r = 1.15 + 0.5 * np.cos(np.arange(WEEKS) / 5.0)
    pathogen = Pathogen.load("sars-cov-2").repeat(1)
    engine = Epidemic(
        kenya.population,
        kenya.contacts,
        pathogen,
        seed=0,
        place_codes=kenya.codes,
        stochastic_below=0.0,
        icu_fallback=True,
    )
    engine.infect(2000.0)
    deaths = []
    for x in r:
        drivers = Drivers(transmission=x / pathogen.r0[0], ward_beds=(beds - icu) * free, icu_beds=icu * free)
        deaths.append(engine.advance(7, drivers).deaths[0, 0])
    return r, np.concatenate(deaths)


def write_deaths(path: Path, deaths: np.ndarray, place: str = "KEN") -> Path:
    dates = [MONDAY + dt.timedelta(days=int(k)) for k in range(len(deaths))]
    pl.DataFrame({"iso3": [place] * len(dates), "date": dates, "new_deaths": deaths}).write_csv(path)
    return path


def test_delays_have_the_means_of_their_stages(kenya: World) -> None:
    pathogen = Pathogen.load("sars-cov-2").repeat(1)
    people = kenya.population[0]
    generation = generation_time(pathogen, people)[0]
    death = infection_to_death(pathogen, people)[0]
    assert generation.sum() == pytest.approx(1.0)
    assert death.sum() == pytest.approx(1.0)
    # Latent 4.6 days and an exponential 2.1 for all but the few who will need hospital.
    assert generation @ np.arange(len(generation)) == pytest.approx(4.6 + 2.1, abs=0.05)
    # Latent 4.6, case 4.5, and 9 (ward) to 11.1 days (intensive care) to death.
    assert 7.0 * death @ np.arange(len(death)) == pytest.approx(4.6 + 4.5 + 10.0, abs=0.8)


def test_the_renewal_equation_with_these_delays_is_the_engine(kenya: World) -> None:
    pathogen = Pathogen.load("sars-cov-2").repeat(1)
    generation = generation_time(pathogen, kenya.population[0])[0]
    for r in (1.4, 3.0):
        engine = Epidemic(
            kenya.population, kenya.contacts, pathogen, seed=0, place_codes=kenya.codes, stochastic_below=0.0
        )
        engine.infect(1e-3)
        infections = engine.advance(60, Drivers(transmission=r / pathogen.r0[0])).infections[0, 0]
        pressure = np.convolve(infections, generation)[:60]
        assert infections[59] == pytest.approx(r * pressure[59], rel=0.01)


def test_deconvolution_finds_the_infections_and_keeps_the_total() -> None:
    weeks = np.arange(60)
    wanted = np.stack([2e5 * np.exp(-(((weeks - m) / 6.0) ** 2)) + 50.0 for m in (20.0, 35.0)])
    delay = np.tile([0.1, 0.4, 0.3, 0.2], (2, 1))
    fatality = np.full((2, 60), 0.01)
    deaths = expected_deaths(wanted, fatality, delay)
    start = np.zeros(2, dtype=np.int64)
    guess = np.zeros((2, 60))
    got = infections_of(deconvolve(deaths, fatality, delay, start, np.ones(2), guess), start)
    assert expected_deaths(got, fatality, delay).sum(axis=1) == pytest.approx(deaths.sum(axis=1), rel=1e-3)
    assert got[0, 8:35] == pytest.approx(wanted[0, 8:35], rel=0.05)
    assert got[1, 23:50] == pytest.approx(wanted[1, 23:50], rel=0.05)


def test_dispersion_is_that_of_the_counts() -> None:
    rng = np.random.default_rng(1)
    mean = 200.0 + 150.0 * np.sin(np.arange(160) / 8.0)
    for psi in (1.0, 8.0):
        counts = rng.gamma(mean / psi, psi, (40, 160))
        assert dispersion_of(counts).mean() == pytest.approx(psi, rel=0.15)


def test_corrections_go_to_the_days_before_and_sums_stay() -> None:
    daily = correct_backwards(np.array([4.0, 6.0, -5.0, 3.0]))
    assert daily == pytest.approx([2.0, 3.0, 0.0, 3.0])
    assert correct_backwards(np.array([1.0, -3.0, 2.0])) == pytest.approx([0.0, 0.0, 2.0])


def test_lumps_are_spread_and_growth_is_not() -> None:
    growth = np.exp2(np.arange(14.0))
    assert spread_lumps(growth)[:-1] == pytest.approx(growth[:-1])
    lump = np.full(40, 20.0)
    lump[30] = 500.0
    spread = spread_lumps(lump)
    assert spread.sum() == pytest.approx(lump.sum())
    assert spread[30] == 20.0
    assert spread.max() == pytest.approx(40.0)
    assert spread[:6] == pytest.approx(lump[:6])
    none_before = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 500.0, 0.0, 0.0])
    assert spread_lumps(none_before) == pytest.approx([0.0, *[100.0] * 5, 0.0, 0.0])


def test_rows_of_any_length_become_weeks(tmp_path: Path, kenya: World) -> None:
    monthly = tmp_path / "monthly.csv"
    monthly.write_text("place,date,deaths\nKenya,2020-01-31,31\nKenya,2020-02-29,58\nKenya,2020-03-31,-31\n")
    counts = read_deaths(monthly, kenya, "excess")
    assert counts.codes == ("KEN",)
    by_week = dict(zip(counts.monday, counts.deaths[0], strict=True))
    assert by_week[dt.date(2020, 2, 10)] == pytest.approx(14.0)
    assert by_week[dt.date(2020, 3, 9)] == 0.0
    assert counts.added[0] > 0


def test_doses_become_courses_and_boosters(tmp_path: Path, kenya: World) -> None:
    people = kenya.population.sum()
    doses = tmp_path / "doses.csv"
    doses.write_text(f"id,date,value\nKEN,2021-03-08,0\nKEN,2021-06-28,{1.6 * people}\nKEN,2021-07-26,{2 * people}\n")
    monday = [dt.date(2021, 3, 1) + dt.timedelta(days=7 * k) for k in range(25)]
    courses, boosters = read_doses(doses, kenya, monday)
    assert 7.0 * courses.sum() == pytest.approx(0.8 * people)
    assert 7.0 * boosters.sum() == pytest.approx(0.4 * people)
    assert boosters[0, :17].sum() == pytest.approx(0.0, abs=1e-6)


def test_variants_change_severity_on_their_dates() -> None:
    monday = [dt.date(2020, 1, 6) + dt.timedelta(days=7 * k) for k in range(150)]
    severity, efficacy, reinfection = variant_effects(monday, np.array([0, 28]))
    assert severity[0, 0] == efficacy[0, 0] == 1.0
    assert severity[0, 90] == pytest.approx(1.25 * 1.16, rel=1e-2)
    assert severity[0, 140] == pytest.approx(1.25 * 1.16 * 0.25, rel=1e-2)
    assert severity[1, 4:] == pytest.approx(severity[0, :-4])
    assert reinfection.max() > 0.01


def test_a_known_epidemic_is_found_again(tmp_path: Path, truth: tuple[np.ndarray, np.ndarray], kenya: World) -> None:
    r, deaths = truth
    result = back_calculate(write_deaths(tmp_path / "d.csv", deaths), draws=4, world=kenya, workers=2)
    assert abs(result.fit["total_error"][0]) < 0.01
    assert result.fit["curve_error"][0] < 0.02
    assert result.fit["fatality_multiplier"][0] == 1.0
    table = result.table()
    assert brief(table)["reproduction"].to_numpy() == pytest.approx(table["reproduction"].to_numpy(), abs=6e-5)
    known = table.filter(pl.col("note").is_null() & (pl.col("week") >= MONDAY + dt.timedelta(weeks=3)))
    want = r[[(day - MONDAY).days // 7 for day in known["week"]]]
    assert len(want) > 25
    assert np.abs(known["reproduction"].to_numpy() / want - 1.0).mean() < 0.03


def test_a_result_depends_neither_on_threads_nor_on_other_places(
    tmp_path: Path, truth: tuple[np.ndarray, np.ndarray]
) -> None:
    _, deaths = truth
    alone = write_deaths(tmp_path / "a.csv", deaths)
    other = write_deaths(tmp_path / "b.csv", deaths, "UGA")
    both = tmp_path / "both.csv"
    pl.concat([pl.read_csv(alone), pl.read_csv(other)]).write_csv(both)
    one = back_calculate(alone, draws=2, workers=1).table()
    two = back_calculate(both, draws=2, workers=2, places=["KEN", "UGA"]).table().filter(pl.col("code") == "KEN")
    assert one.equals(two)


def test_more_deaths_than_the_fatality_allows_raise_it_and_say_so(
    tmp_path: Path, truth: tuple[np.ndarray, np.ndarray], kenya: World
) -> None:
    _, deaths = truth
    many = deaths * (0.006 * kenya.population.sum() / deaths.sum())
    result = back_calculate(write_deaths(tmp_path / "d.csv", many), draws=0, world=kenya)
    assert result.fit["fatality_multiplier"][0] > 1.1
    assert abs(result.fit["total_error"][0]) < 0.05


def test_the_shipped_table_is_whole_and_fitted() -> None:
    table, fit = covid19_reproduction(), covid19_fit()
    assert fit.height > 180
    assert table["code"].unique(maintain_order=True).to_list() == fit["code"].to_list()
    assert set(table.columns) <= set(TableDefinition.load("back_calculation").attributes)
    assert table["week"].max() == dt.date(2022, 12, 26)
    days = table.select(pl.col("week").diff().over("code").dt.total_days()).to_series().drop_nulls()
    assert (days == 7).all()
    assert table["reproduction"].is_between(0.0, 10.0).all()
    assert (fit.filter(pl.col("deaths") >= 500)["total_error"].abs() <= 0.05).all()
    TableDefinition.load("back_calculation_fit").validate(fit, "shipped")


def test_negative_doses_are_refused(tmp_path: Path, kenya: World) -> None:
    doses = tmp_path / "doses.csv"
    doses.write_text("id,date,value\nKEN,2021-03-08,-4\n")
    with pytest.raises(InputError, match="column 'value' row 2 holds '-4'; it must be >= 0"):
        read_doses(doses, kenya, [dt.date(2021, 3, 1)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("place,date,deaths\nKEN,2020-03-01,5\nKEN,2020-03-01,6\n", "KEN has two rows of 2020-03-01"),
        ("place,date,deaths\nKEN,March,5\n", "column 'date' row 2 holds 'March'; it must be a date"),
        ("place,date,deaths\nKEN,2020-03-01,many\n", "column 'deaths' row 2 holds 'many'"),
        ("place,date\nKEN,2020-03-01\n", "has no column for 'deaths'"),
        ("place,date,deaths\nAtlantis,2020-03-01,5\n", "no numbers for the places asked for"),
        ("place,date,deaths\nKEN,2020-03-01,5\nKEN,2020-03-30,2\n", "no place has 10 deaths or more"),
    ],
)
def test_bad_deaths_are_refused(tmp_path: Path, kenya: World, content: str, message: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        back_calculate(path, world=kenya)


@given(st.lists(st.floats(-1e4, 1e5), min_size=2, max_size=80))
def test_corrections_and_lumps_never_lose_deaths(counts: list[float]) -> None:
    daily = correct_backwards(np.array(counts))
    assert (daily >= 0).all()
    assert daily.sum() >= sum(counts) - 1e-6
    assert spread_lumps(daily).sum() == pytest.approx(daily.sum(), rel=1e-9, abs=1e-9)


CELLS = st.sampled_from(["KEN", "Kenya", "Atlantis", "", "2020-03-01", "2020-13-01", "7", "-3", "1e9", "x", "NaN", '"'])


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_is_read_or_refused(tmp_path: Path, kenya: World, rows: list[tuple[str, str, str]]) -> None:
    path = tmp_path / "d.csv"
    path.write_text("place,date,deaths\n" + "".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    try:
        counts = read_deaths(path, kenya, "reported")
    except InputError:
        return
    assert (counts.deaths >= 0).all()
    assert np.isfinite(counts.deaths).all()
