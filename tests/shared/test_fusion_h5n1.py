"""H5N1 in the United States, January to July 2024: what the streams together showed before people fell ill."""

import re
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mamori.surveillance.fusion import EventProcess, Fusion, fuse_streams
from mamori.surveillance.signals import read_signals
from mamori.surveillance.stream import Stream

pytestmark = [pytest.mark.shared, pytest.mark.quick]

START, END = date(2024, 1, 1), date(2024, 7, 14)
FIRST_HUMAN_CASE = {"Texas": date(2024, 4, 1), "Michigan": date(2024, 5, 22), "Colorado": date(2024, 7, 3)}
"""Reported by the state or CDC (timeline file, category Human)."""


def _outbreaks(folder: Path) -> pl.DataFrame:
    """Return each outbreak once: the file repeats them for several settings of another model."""
    frame = pl.read_csv(folder / "h5n1_us_all_host_outbreaks.csv", infer_schema_length=None)
    kept = frame.unique(["state", "county", "start_date", "type", "heads", "outbreak_reference"], maintain_order=True)
    return kept.select(
        place=pl.col("state").str.to_titlecase(),
        date=pl.col("start_date").str.to_date(),
        type="type",
        alarm=pl.lit(True),
    )


def _announced_herds(folder: Path) -> pl.DataFrame:
    """Return the days on which a state's announced number of infected herds rose, from "Texas (7), Kansas (2)"."""
    timeline = pl.read_csv(folder / "h5n1_us_timeline_2024.csv", infer_schema_length=None)
    counts = timeline.filter(pl.col("Event").str.starts_with("USDA confirms")).sort("Date_Event")
    known: dict[str, int] = {}
    rows = []
    for day, words in counts.select("Date_Event", "Event").iter_rows():
        for state, number in re.findall(r"((?:North |South |New )?[A-Z][a-z]+) \((\d+)\)", words):
            if int(number) > known.get(state, 0):
                known[state] = int(number)
                rows.append((state, date.fromisoformat(day), True))
    return pl.DataFrame(rows, schema=["place", "date", "alarm"], orient="row")


def _poultry_rate(outbreaks: pl.DataFrame) -> float:
    """Return the share of state-weeks of 2023, before dairy herds were hit, with an outbreak in poultry (50 states)."""
    past = outbreaks.filter(pl.col("type") != "milk", pl.col("date").dt.year() == 2023)
    return past.select("place", pl.col("date").dt.week()).unique().height / (50 * 52)


@pytest.fixture(scope="module", params=["announced", "retrospective"])
def fusion(shared: Path, request: pytest.FixtureRequest) -> tuple[str, Fusion]:
    folder = shared / "data/onehealth"
    outbreaks = _outbreaks(folder)
    herds = outbreaks.filter(pl.col("type") == "milk") if request.param == "retrospective" else _announced_herds(folder)
    poultry = outbreaks.filter(pl.col("type") != "milk")
    water = pl.read_csv(folder / "h5_us_wastewater.csv", infer_schema_length=None).select(
        place="state_name", date=pl.col("sample_collected").str.to_date(), alarm=pl.col("quantity_nucleic_acids") > 0
    )
    streams = (
        Stream("herds", "animal", 21.0, 14.0, 0.5, 0.001, 0.0, coverage=0.9, unreported="no-alarm"),
        Stream(
            "poultry", "animal", 14.0, 14.0, 0.3, _poultry_rate(outbreaks), 0.0, coverage=0.5, unreported="no-alarm"
        ),
        Stream("wastewater", "environment", 10.0, 7.0, 0.4, 0.01, 0.0, coverage=0.6),
    )
    tables = {"herds": herds, "poultry": poultry, "wastewater": water}
    within = {name: table.filter(pl.col("date").is_between(START, END)) for name, table in tables.items()}
    signals = read_signals(streams, within, start=START, end=END)
    return request.param, fuse_streams(signals, EventProcess(per_year=0.2, duration_weeks=12.0))


def test_the_alarm_came_before_the_first_human_case(fusion: tuple[str, Fusion]) -> None:
    """Weeks from the first alarm to the first human case; retrospective dates flatter it by weeks where it matters."""
    dates, result = fusion
    leads = {}
    for state, day in FIRST_HUMAN_CASE.items():
        row = result.signals.places.index(state)
        week = int(np.flatnonzero(result.signals.weeks <= np.datetime64(day))[-1])
        leads[state] = week - int(np.flatnonzero(result.alarm[row])[0])
        assert result.posterior[row, week - 1] > 0.8
    assert (
        leads
        == {
            "announced": {"Texas": 1, "Michigan": 8, "Colorado": 10},
            "retrospective": {"Texas": 4, "Michigan": 9, "Colorado": 11},
        }[dates]
    )


def test_herds_carried_the_alarm_and_wastewater_spoke_in_michigan(fusion: tuple[str, Fusion]) -> None:
    _, result = fusion
    for state, day in FIRST_HUMAN_CASE.items():
        row = result.signals.places.index(state)
        week = int(np.flatnonzero(result.signals.weeks <= np.datetime64(day))[-1])
        shares = dict(zip(("herds", "poultry", "wastewater"), result.contributions[row, :, week - 1], strict=True))
        assert max(shares, key=lambda name: shares[name]) == "herds"
        assert (shares["wastewater"] > 1.0) == (state == "Michigan")


def test_most_states_with_an_alarm_had_no_human_case_yet(fusion: tuple[str, Fusion]) -> None:
    _, result = fusion
    alarmed = {result.signals.places[row] for row in np.flatnonzero(result.alarm.any(axis=1))}
    assert set(FIRST_HUMAN_CASE) < alarmed
    assert 10 <= len(alarmed) <= 16
