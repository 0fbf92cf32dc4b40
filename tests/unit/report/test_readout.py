import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.report import readout
from mamori.report.run_folder import Comparison, RunFolder
from tests.unit.report.conftest import PLACES, Write

INF = float("inf")


@pytest.fixture(scope="module")
def folder(run_folder: object) -> RunFolder:
    from pathlib import Path

    return RunFolder.read(Path(str(run_folder)))


def test_every_earlier_vaccine_is_compared_with_the_latest_of_its_response(new_run: Write) -> None:
    folder = RunFolder.read(new_run(places=PLACES[:2], weeks=3, draws=2, vaccine_days=(365, 100, 200)))
    assert folder.comparisons[:2] == (
        Comparison("none", early=1, late=0),
        Comparison("none", early=2, late=0),
    )
    assert [comparison.response for comparison in folder.comparisons] == ["none"] * 2 + ["central"] * 2 + ["strong"] * 2


def test_differences_are_paired_by_draw(folder: RunFolder) -> None:
    comparison = folder.comparisons[1]
    deaths = folder.outcomes["deaths"].sum(axis=2)
    averted = deaths[comparison.late] - deaths[comparison.early]
    found = readout.world_changes(folder)[1]
    assert found.deaths_averted.median == pytest.approx(np.median(averted))
    assert found.deaths_averted.low == pytest.approx(np.quantile(averted, 0.05))
    assert found.deaths_averted_share.high == pytest.approx(np.quantile(averted / deaths[comparison.late], 0.95))
    unpaired = found.deaths_late.high - found.deaths_early.low
    assert found.deaths_averted.high < unpaired


def test_income_groups_have_all_places_once(folder: RunFolder) -> None:
    rows = [row for row in readout.income_changes(folder) if row.change.comparison == folder.comparisons[0]]
    assert [row.group for row in rows] == ["HIC", "UMIC", "LMIC", "LIC"]
    assert sum(row.places for row in rows) == len(PLACES)
    assert sum(row.population for row in rows) == pytest.approx(folder.population.sum())
    for row in rows:
        per_head = row.change.deaths_averted.median / row.population
        assert row.averted_per_100k.median == pytest.approx(1e5 * per_head)


def test_a_run_without_deaths_has_no_share_of_them() -> None:
    assert np.isnan(readout.over_draws(np.array([np.nan, np.nan])).median)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([10.0, 20.0, 30.0], 20.0),  # the second place brings the reached people to half
        ([30.0, 20.0, 10.0], 10.0),  # the third alone holds half
        ([10.0, 20.0, INF], 20.0),
        ([10.0, INF, INF], INF),
    ],
)
def test_half_of_the_people_are_reached_place_by_place(days: list[float], expected: float) -> None:
    population = np.array([1.0, 2.0, 3.0])
    assert readout.half_reached_day(np.array([days]), population)[0] == expected


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=8),
)
def test_half_reached_day_is_the_first_day_with_half_of_the_people(places: list[tuple[int, int]]) -> None:
    days, people = np.array(places, dtype=float).T
    found = readout.half_reached_day(days[None], people)[0]
    assert people[days <= found].sum() >= people.sum() / 2
    assert people[days < found].sum() < people.sum() / 2


def test_low_income_places_wait_longer_and_some_never_get_there(folder: RunFolder) -> None:
    late = next(index for index, arm in enumerate(folder.arms) if arm.name == "central-365")
    rows = {(row.group, row.threshold): row for row in readout.waits(folder) if row.arm == late}
    # the made-up roll-out begins 240 days later in low-income than in high-income places
    assert rows["LIC", 20].behind.median == pytest.approx(240, abs=7)
    assert rows["LIC", 20].behind.median == rows["LIC", 20].day.median - rows["HIC", 20].day.median
    assert rows["HIC", 20].behind.high == 0
    assert rows["LIC", 40].day.median == INF
    assert rows["LIC", 40].share_never == 1.0
    assert rows["HIC", 40].share_never == 0.0


def test_nobody_is_behind_where_no_high_income_place_takes_part(new_run: Write) -> None:
    low = [place for place in PLACES if place[3] == "LIC"]
    folder = RunFolder.read(new_run(places=low, weeks=60, draws=2))
    assert all(np.isnan(wait.behind.median) for wait in readout.waits(folder))


def test_place_columns_hold_every_place(folder: RunFolder) -> None:
    columns = readout.place_columns(folder)
    early, late = (folder.arms[index].name for index in (folder.comparisons[1].early, folder.comparisons[1].late))
    japan = folder.codes.index("JPN")
    deaths = folder.outcomes["deaths"][folder.comparisons[1].early][:, japan]
    assert columns["deaths"][early][1, japan] == pytest.approx(np.median(deaths))
    assert columns["deaths_per_100k"][early][1, japan] == pytest.approx(np.median(deaths) / 1231.0)
    assert set(columns["averted"]) == {folder.arms[comparison.early].name for comparison in folder.comparisons}
    assert late in columns["deaths"]
