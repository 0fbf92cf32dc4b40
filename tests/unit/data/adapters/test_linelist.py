import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mamori.core.errors import InputError
from mamori.data.adapters.read import read_observations

Write = Callable[..., Path]

CASES = """case_id,date_onset,date_report,district,outbreak_status
1,2024-01-01,2024-01-09,north,
2,2024-01-02,2024-01-09,north,O-7
3,,2024-01-10,south,
4,2024-01-21,2024-01-23,north,O-7
5,2024-01-22,2024-01-24,,
"""


def test_cases_become_weekly_counts_with_zeros_between(write: Write) -> None:
    observations = read_observations(write(CASES), date="onset")
    assert observations.counts.tolist() == [[2.0, 0.0, 1.0, 1.0]]
    assert observations.dates is not None
    assert observations.dates.astype(str).tolist() == ["2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22"]
    assert (observations.frequency, observations.calendar) == (52, "ISO")
    (left,) = observations.dropped
    assert (left.reason, left.rows, left.first_row) == ("no value in column 'date_onset'", 1, 4)
    assert observations.ignored == ("case_id", "date_report", "district", "outbreak_status")
    assert observations.names == ["counts"]


def test_the_date_that_counts_must_be_said_where_there_are_two(write: Write) -> None:
    with pytest.raises(InputError, match=r"Say which one counts: date onset or report"):
        read_observations(write(CASES))
    assert read_observations(write(CASES), date="report").counts.tolist() == [[3.0, 0.0, 2.0]]


def test_series_by_columns_and_cases_without_them(write: Write) -> None:
    observations = read_observations(write(CASES), date="report", by=["place"], columns={"place": "district"})
    assert observations.series.to_dicts() == [
        {"series": "north", "place": "north"},
        {"series": "south", "place": "south"},
    ]
    assert observations.counts.tolist() == [[2.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    (left,) = observations.dropped
    assert (left.reason, left.rows, left.first_row) == ("no value in column 'district'", 1, 6)


def test_known_outbreaks_leave_the_history_but_not_the_counts(write: Write) -> None:
    columns = {"known_outbreak": "outbreak_status"}
    observations = read_observations(write(CASES), date="report", columns=columns, outbreak_values=["O-7"])
    assert observations.counts.tolist() == [[3.0, 0.0, 2.0]]
    assert observations.history.tolist() == [[2.0, 0.0, 1.0]]
    with pytest.raises(InputError, match="column 'outbreak_status' row 3 holds 'O-7'; without a list of the values"):
        read_observations(write(CASES), date="report", columns=columns)


@pytest.mark.parametrize(
    ("options", "dates", "counts"),
    [
        ({"period": "day"}, ["2024-01-06", "2024-01-07", "2024-01-08"], [1, 1, 1]),
        ({"period": "week"}, ["2024-01-01", "2024-01-08"], [2, 1]),
        ({"period": "week", "calendar": "MMWR"}, ["2023-12-31", "2024-01-07"], [1, 2]),
        ({"period": "month"}, ["2024-01-01"], [3]),
    ],
)
def test_periods_and_calendars(write: Write, options: dict[str, Any], dates: list[str], counts: list[int]) -> None:
    observations = read_observations(write("onset_date\n2024-01-06\n2024-01-07\n2024-01-08 13:45\n"), **options)
    assert observations.dates is not None
    assert observations.dates.astype(str).tolist() == dates
    assert observations.counts.tolist() == [counts]


def test_dates_of_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "cases.parquet"
    times = pl.Series(["2024-01-06 13:00", "2024-01-08 00:00"]).str.to_datetime()
    pl.DataFrame({"Date of onset": times}).write_parquet(path)
    assert read_observations(path, period="day").counts.tolist() == [[1.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("onset_date\n2024-13-01\n", {}, "column 'onset_date' row 2: '2024-13-01' is not a date that exists"),
        ("onset_date\n2024-01-01\n2024-W02\n", {}, "row 3: '2024-W02' is a ISO week, where a day is needed"),
        ("onset_date\n1/2/2024\n", {}, "'1/2/2024' may have the day or the month first"),
        ("onset_date,x\n,1\n", {}, "has no case with column 'onset_date' filled"),
        ("onset_date\n0001-01-01\n", {}, "0001-01-01 is out of range"),
        ("onset_date,Date onset\n2024-01-01,1\n", {}, "has 2 columns for 'onset'"),
        ("onset_date,full_name\n2024-01-01,x\n", {}, "names or other identifiers of persons seem to be in 'full_name'"),
        ("onset_date,sex\n2024-01-01,x\n", {"by": ["age"]}, "has no column 'age' to tell series apart."),
        ("onset_date\n2024-01-01\n", {"date": "report"}, "has no column of the date of report"),
        ("onset_date\n2024-01-01\n", {"period": "month", "calendar": "ISO"}, "but the counts are per month"),
        ("onset_date\n2024-01-01\n", {"frequency": 52}, "frequency is 52, which has no meaning for a file of the form"),
        ("onset_date\n2024-01-01\n", {"columns": {"onst": "onset_date"}, "form": "linelist"}, "Did you mean 'onset'?"),
        ("onset_date\n2024-01-01\n", {"columns": {"onset": "onset"}}, "Did you mean 'onset_date'?"),
    ],
)
def test_bad_line_lists_are_refused(write: Write, content: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        read_observations(write(content), **options)


def test_all_cases_are_counted_once(tmp_path: Path) -> None:
    """Sums over series and periods are the number of cases, whatever the period."""
    rng = np.random.default_rng(5)
    days = np.datetime64("2019-06-01") + rng.integers(0, 800, 5000)
    path = tmp_path / "cases.csv"
    pl.DataFrame({"date_report": days, "place": rng.choice(["a", "b", "c"], 5000)}).write_csv(path)
    for period in ("day", "week", "month"):
        for by in ([], ["place"]):
            observations = read_observations(path, period=period, by=by)
            assert observations.counts.sum() == 5000
