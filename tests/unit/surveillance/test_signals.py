"""Tables of several streams on one grid of places and weeks: what is joined, what is not used, what is refused."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mamori.core.errors import InputError
from mamori.surveillance.signals import Signals, read_signals
from mamori.surveillance.stream import Stream

WATER = Stream("water", "environment", 10.0, 4.0, 0.5, 0.02)
HERDS = Stream("herds", "animal", 14.0, 7.0, 0.6, 0.01, unreported="no-alarm")
nan = np.nan


def _frame(rows: str, columns: str = "place,date,alarm,pvalue") -> pl.DataFrame:
    return pl.read_csv(f"{columns}\n{rows}".encode(), infer_schema=False)


def test_the_output_of_detection_is_taken_as_it_is(tmp_path: Path) -> None:
    alerts = tmp_path / "alerts.csv"
    alerts.write_text(
        "series,t,date,observed,expected,upperbound,score,pvalue,phi,alarm,reason\n"
        "Oita,1,2024-01-01,3,2,5,0.2,0.3,1,false,\n"
        "Oita,2,2024-01-08,9,2,5,1.2,0.001,1,true,\n"
        "Oita,3,2024-01-15,2,2,,,0.6,1,false,few-cases\n"
        "Oita,4,2024-01-22,,,,,,,false,missing-count\n"
    )
    signals = read_signals([WATER], {"water": alerts})
    assert signals.places == ("Oita",)
    np.testing.assert_array_equal(signals.pvalue[0, 0], [0.3, 0.001, 0.6, nan])
    np.testing.assert_array_equal(signals.alarm[0, 0], [0.0, 1.0, 0.0, nan])
    (dropped,) = signals.dropped
    assert (dropped.rows, dropped.first_row) == (1, 5)
    assert "missing-count" in dropped.reason
    assert signals.ignored_columns == ("expected", "observed", "phi", "score", "t", "upperbound")


@pytest.mark.parametrize("suffix", [".parquet", ".json", ".csv"])
def test_typed_tables_are_read_too(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"water{suffix}"
    frame = pl.DataFrame({"place": ["A"], "date": [date(2024, 1, 3)], "alarm": [True], "pvalue": [float("nan")]})
    getattr(frame, f"write_{suffix[1:]}")(path)
    if suffix == ".json":
        path.write_text('[{"place":"A","date":"2024-01-03","alarm":true,"pvalue":null}]')
    signals = read_signals([WATER], {"water": path})
    assert signals.alarm.tolist() == [[[1.0]]]
    assert np.isnan(signals.pvalue).all()


def test_rows_of_a_place_and_week_are_joined() -> None:
    rows = "A,2024-01-01,0,0.5\nA,2024-01-03,1,0.01\nA,2024-01-07,0,\nA,2024-01-08,,0.9\nA,2024-01-08,,0.8"
    signals = read_signals([WATER], {"water": _frame(rows)})
    np.testing.assert_array_equal(signals.alarm[0, 0], [1.0, nan])
    np.testing.assert_allclose(signals.pvalue[0, 0], [0.02, 1.0])
    assert signals.joined == 5


def test_a_missing_row_means_what_the_stream_says() -> None:
    long = _frame("A,2024-01-01,water,0\nB,2024-01-15,water,0\nA,2024-01-08,herds,1", columns="place,date,stream,alarm")
    signals = read_signals([WATER, HERDS], observations=long)
    np.testing.assert_array_equal(signals.alarm[:, 0], [[0.0, nan, nan], [nan, nan, 0.0]])
    np.testing.assert_array_equal(signals.alarm[:, 1], [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])


def test_weeks_follow_the_calendar_and_the_days_asked_for() -> None:
    sunday = _frame("A,2024-01-07,1,")
    assert read_signals([WATER], {"water": sunday}).weeks[0] == np.datetime64("2024-01-01")
    assert read_signals([WATER], {"water": sunday}, calendar="MMWR").weeks[0] == np.datetime64("2024-01-07")
    cut = read_signals(
        [WATER],
        {"water": _frame("A,2024-01-01,1,\nA,2024-01-10,0,\nA,2024-01-31,1,")},
        start=date(2024, 1, 8),
        end=date(2024, 1, 20),
    )
    np.testing.assert_array_equal(cut.alarm[0, 0], [0.0, nan])
    (outside,) = cut.dropped
    assert (outside.rows, outside.first_row) == (2, 2)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "no observations are given"),
        ({"watr": "A,2024-01-01,1,"}, "Did you mean 'water'"),
        ({"water": "A,2024-01-01,2,"}, "'alarm' row 2 holds '2'; it must be true or false"),
        ({"water": "A,2024-01-01,,1.2"}, "'pvalue' row 2"),
        ({"water": "A,1.1.2024,,0.2"}, "'date' row 2"),
        ({"water": ",2024-01-01,,0.2"}, "'place' row 2 holds nothing"),
        ({"water": "Oita,2024-01-01,,0.2\noita,2024-01-08,,0.2"}, "'Oita' and 'oita' differ only in case"),
        ({"water": "A,0202-01-01,1,\nA,2024-01-01,1,"}, "Correct the dates"),
        ({"water": ""}, "has no rows"),
    ],
)
def test_what_cannot_be_read_is_refused(tables: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_signals([WATER], {name: _frame(rows) for name, rows in tables.items()})


def test_other_faults_of_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stream 'herds' has no observations"):
        read_signals([WATER, HERDS], {"water": _frame("A,2024-01-01,1,")})
    with pytest.raises(InputError, match="no column 'alarm' or 'pvalue'"):
        read_signals([WATER], {"water": _frame("A,2024-01-01", columns="place,date")})
    with pytest.raises(InputError, match="has a column 'stream'"):
        read_signals([WATER], {"water": _frame("A,2024-01-01,1,water", columns="place,date,alarm,stream")})
    with pytest.raises(InputError, match="is not a file"):
        read_signals([WATER], {"water": tmp_path / "none.csv"})
    (tmp_path / "a.xlsx").write_text("")
    with pytest.raises(InputError, match=r"ends in '.xlsx'"):
        read_signals([WATER], {"water": tmp_path / "a.xlsx"})
    with pytest.raises(InputError, match="places by streams by weeks"):
        Signals(
            (WATER,), ("A",), np.array(["2024-01-01"], dtype="datetime64[D]"), np.zeros((1, 1, 2)), np.zeros((1, 1))
        )
