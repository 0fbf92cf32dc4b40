import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mamori.core.errors import InputError
from mamori.data.adapters.read import read_observations

Write = Callable[..., Path]


def test_one_series_is_named_after_the_file_and_other_columns_are_ignored_by_name(write: Write) -> None:
    path = write("t,date,observed,outbreak_state\n1,,4,0\n2,,,1\n3,,NA,0\n4,,7,0\n", "agona.csv")
    observations = read_observations(path, frequency=52)
    assert observations.names == ["agona"]
    assert observations.t.tolist() == [1, 2, 3, 4]
    assert observations.dates is None
    assert observations.frequency == 52
    np.testing.assert_array_equal(observations.counts, [[4.0, np.nan, np.nan, 7.0]])
    assert observations.history is observations.counts
    assert observations.ignored == ("date", "outbreak_state")
    assert observations.dropped == ()


def test_rows_in_any_order_fall_in_their_places(write: Write) -> None:
    path = write("series,date,count\nb,2024-01-08,1\na,2024-01-15,2\na,2024-01-01,3\nb,2024-01-22,4\n")
    observations = read_observations(path)
    assert observations.names == ["b", "a"]
    nan = np.nan
    np.testing.assert_array_equal(observations.counts, [[nan, 1, nan, 4], [3, nan, 2, nan]])
    assert observations.dates is not None
    assert observations.dates.astype(str).tolist() == ["2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22"]
    assert (observations.frequency, observations.calendar) == (52, None)


def test_periods_without_a_row_are_zero_only_on_request_and_empty_cells_never(write: Write) -> None:
    path = write("series,t,count\na,1,5\na,3,\nb,2,1\n")
    np.testing.assert_array_equal(read_observations(path, missing="zero").counts, [[5.0, 0.0, np.nan], [0.0, 1.0, 0.0]])
    assert np.isnan(read_observations(path).counts).sum() == 4


def test_labels_make_the_series_and_are_kept(write: Write) -> None:
    path = write(
        "place,stratum,latitude,longitude,date,count,population\n"
        "Kisumu,0-4,-0.1,34.75,2024W1,1,100\nKisumu,5+,-0.1,34.75,2024W1,2,900\nKisumu,0-4,-0.1,34.75,2024W2,3,100.5\n"
    )
    observations = read_observations(path)
    assert observations.series.to_dicts() == [
        {"series": "Kisumu | 0-4", "place": "Kisumu", "stratum": "0-4", "latitude": -0.1, "longitude": 34.75},
        {"series": "Kisumu | 5+", "place": "Kisumu", "stratum": "5+", "latitude": -0.1, "longitude": 34.75},
    ]
    assert observations.denominator is not None
    np.testing.assert_array_equal(observations.denominator, [[100.0, 100.5], [900.0, np.nan]])
    assert observations.calendar == "ISO"


def test_by_and_the_sum_add_up_what_the_user_does_not_tell_apart(write: Write) -> None:
    path = write("Ort,sex,t,observed\nx,f,1,1\nx,m,1,2\nx,f,2,\nx,m,2,5\ny,f,1,7\n")
    with pytest.raises(InputError, match="rows 2 and 3 both give series 'x' at 1"):
        read_observations(path, by=["Ort"])
    observations = read_observations(path, by=["place"], columns={"place": "Ort"}, duplicates="sum")
    np.testing.assert_array_equal(observations.counts, [[3.0, np.nan], [7.0, np.nan]])
    assert observations.series.columns == ["series", "place"]


def test_the_numbers_of_periods_are_the_files(write: Write) -> None:
    observations = read_observations(write("t,date,observed\n469,2024-01-01,1\n471,2024-01-15,2\n"), frequency=52)
    assert observations.t.tolist() == [469, 470, 471]
    assert observations.dates is not None
    with pytest.raises(InputError, match="column 't' row 3 holds '470'; it does not go with the date 2024-01-15"):
        read_observations(write("t,date,observed\n469,2024-01-01,1\n470,2024-01-15,2\n"), frequency=52)


def test_cases_and_periods_of_known_outbreaks_leave_the_history(write: Write) -> None:
    path = write("t,observed,outbreak_cases,known_outbreak\n1,5,,no\n2,9,4,0\n3,8,,yes\n4,,,\n")
    observations = read_observations(path)
    np.testing.assert_array_equal(observations.counts, [[5, 9, 8, np.nan]])
    np.testing.assert_array_equal(observations.history, [[5, 5, np.nan, np.nan]])


def test_weeks_by_year_and_number_need_their_calendar(write: Write) -> None:
    content = "year,week,count\n2020,53,1\n2021,1,2\n"
    with pytest.raises(InputError, match="Say which: calendar ISO or MMWR"):
        read_observations(write(content))
    observations = read_observations(write(content), calendar="MMWR")
    assert observations.dates is not None
    assert observations.dates.astype(str).tolist() == ["2020-12-27", "2021-01-03"]
    assert observations.calendar == "MMWR"
    assert observations.ignored == ()


def test_a_column_names_the_calendar_and_may_not_change_it(write: Write) -> None:
    content = "date,calendar,count\n2024-W01,MMWR,1\n2024-W02,MMWR,2\n"
    observations = read_observations(write(content))
    assert observations.calendar == "MMWR"
    with pytest.raises(InputError, match="column 'calendar' row 3 holds 'ISO'; one file has one calendar, here MMWR"):
        read_observations(write(content.replace("2024-W02,MMWR", "2024-W02,ISO")))
    with pytest.raises(InputError, match="one file has one calendar, here ISO"):
        read_observations(write(content), calendar="ISO")


def test_a_wide_table_has_a_series_in_each_other_column(write: Write) -> None:
    observations = read_observations(write("Date,north,south\n2024-02,1,2\n2024-01,3,\n2024-04,5,6\n"))
    assert observations.names == ["north", "south"]
    assert observations.frequency == 12
    np.testing.assert_array_equal(observations.counts, [[3, 1, np.nan, 5], [np.nan, 2, np.nan, 6]])


def test_a_wide_table_follows_the_rules_too(write: Write) -> None:
    path = write("t,a,b\n1,5,-1\n1,2,3\n4,,7\n")
    nan = np.nan
    observations = read_observations(path, duplicates="sum", negative="missing", missing="zero")
    np.testing.assert_array_equal(observations.counts, [[7, 0, 0, nan], [nan, 0, 0, 7]])
    assert [(left.rows, left.first_row) for left in observations.dropped] == [(1, 2)]


def test_a_header_may_be_long(write: Write) -> None:
    names = [f"series-{index:06d}" for index in range(9000)]
    observations = read_observations(write(",".join(["t", *names]) + "\n1" + ",3" * len(names) + "\n"))
    assert observations.names == names
    assert observations.counts.sum() == 3 * len(names)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_separators_and_encodings(write: Write, separator: str, encoding: str) -> None:
    content = "place,t,observed\nÖrebro,1,3\n".replace(",", separator)
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    observations = read_observations(write(mark + content.encode(encoding)))
    assert observations.names == ["Örebro"]
    assert observations.counts.tolist() == [[3.0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty. Give a header and a row"),
        (b"t,observed\n", "has a header but no rows. Add one"),
        (b"\nt,observed\n1,2\n", "row 1 is empty; it must name the columns"),
        (b"t,observed\r1,2\r", "lines end in a lone carriage return"),
        (b"t,,observed\n1,2,3\n", "column 2 has no name in row 1"),
        (b"t,observed,t\n1,2,1\n", "two columns are named 't'"),
        (b"t,Observed,OBSERVED\n1,2,1\n", "has 2 columns for 'observed': 'Observed', 'OBSERVED'"),
        (b"t;a,observed\n1;2,1\n", "the header has comma and semicolon"),
        ("place,t,observed\nÖrebro,1,3\n".encode("latin-1"), "row 2 holds the byte 0xD6, which is not UTF-8"),
        ("Örtlich,t,observed\nx,1,3\n".encode("cp1252"), "row 1 holds the byte 0xD6, which is not UTF-8"),
        ("t,observed\n1,3\n".encode("utf-16-le"), "text in UTF-16 without its mark"),
        (b"t,observed\n1,-3\n", "column 'observed' row 2 holds '-3'; it must be >= 0."),
        (b"t,observed\n1,3\n2,4.5\n", "column 'observed' row 3 holds '4.5'; counts must be whole numbers"),
        (b"t;observed\n1;4,5\n", "column 'observed' row 2 holds '4,5'; it must be a number"),
        (b't,observed\n1,"1,234"\n', "column 'observed' row 2 holds '1,234'; it must be a number"),
        (b"t,observed\n1,<5\n", "column 'observed' row 2 holds '<5'; it must be a number"),
        (b"t,observed\n1,inf\n", "column 'observed' row 2 holds 'inf'; it must be a number"),
        (b"t,observed\n1,1\n1,2\n", "rows 2 and 3 both give series 'counts' at 1"),
        (b"t,observed\n0,1\n", "column 't' row 2 holds '0'; it must be a whole number from 1"),
        (b"t,observed\n1.5,1\n", "column 't' row 2 holds '1.5'; it must be a whole number from 1"),
        (b"t,observed\n1,1\n999999,1\n", "the periods run from 1 to 999999, 999,999 in all"),
        (b"series,t,observed\na,1,1\n,2,1\n", "row 3 does not name its series"),
        (b"series,t,observed\na,1,1\n a,2,1\n", "two series would be named 'a' but for spaces"),
        (
            b"series,place,t,observed\na,x,1,1\na,y,2,1\n",
            "row 3 gives place 'y' for a series that has another elsewhere",
        ),
        (b"place,latitude,t,observed\na,91,1,1\n", "column 'latitude' row 2 holds '91'; it must be -90 to 90 degrees"),
        (b"place,latitude,t,observed\na,x,1,1\n", "column 'latitude' row 2 holds 'x'"),
        (b"date,observed\n2024-01-01,1\n,2\n", "column 'date' row 3: each row needs its period"),
        (
            b"date,observed\n2024-01-01,1\n2024-W02,2\n",
            "row 3 holds '2024-W02'; it is a ISO week, where others are a day",
        ),
        (b"date,observed\n2024-01-01T12:00:00,1\n", "row 2: '2024-01-01T12:00:00' is no period"),
        (b"date,observed\n1/2/2024,1\n", "'1/2/2024' may have the day or the month first"),
        (b"date,observed,count\n2024,1,1\n", "has both 'observed' and 'count', which mean the same"),
        (b"observed\n1\n", "has no column 't' or 'date'"),
        (b"t\n1\n", "has no column of counts"),
        (b"place,t,value\nx,1,3\n", "column 'place' row 2 holds 'x'"),
        (b"t,a,b\n1,2,3\n1,4,5\n", "rows 2 and 3 are of the same period"),
        (b"t,observed,outbreak_cases\n1,3,4\n", "series 'counts' at 1 has 4 cases of known outbreaks, more than its 3"),
        (b"t,observed,known_outbreak\n1,3,maybe\n", "column 'known_outbreak' row 2 holds 'maybe'"),
        (b"t,observed,denominator\n1,3,-4\n", "column 'denominator' row 2 holds '-4'; it must be >= 0"),
        (b"First name,Phone,t,observed\nx,1,1,3\n", "identifiers of persons seem to be in 'First name', 'Phone'"),
    ],
)
def test_bad_files_are_refused_with_place_and_repair(write: Write, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        read_observations(write(content), form="tidy")


def test_negative_counts_may_be_taken_as_missing_and_are_counted(write: Write) -> None:
    observations = read_observations(write("t,observed\n1,5\n2,-1\n3,-2\n"), negative="missing")
    np.testing.assert_array_equal(observations.counts, [[5, np.nan, np.nan]])
    (left,) = observations.dropped
    assert (left.reason, left.rows, left.first_row) == ("negative count, taken as missing", 2, 3)


def test_persons_columns_are_taken_only_when_named(write: Write) -> None:
    content = "name,address,t,observed\na,b,1,3\n"
    observations = read_observations(write(content), columns={"place": "name"}, drop=["address"])
    assert observations.names == ["a"]
    assert "address" not in observations.ignored


def test_parquet_of_any_type_of_column(tmp_path: Path) -> None:
    path = tmp_path / "counts.parquet"
    frame = pl.DataFrame(
        {
            "series": pl.Series([7, 7, 8], dtype=pl.Int16),
            "place": pl.Series(["x", "x", "y"], dtype=pl.Categorical),
            "date": pl.Series(["2024-01-01", "2024-01-08", "2024-01-08"]).str.to_datetime(),
            "count": pl.Series([1.0, float("nan"), None]),
        }
    )
    frame.write_parquet(path)
    observations = read_observations(path)
    assert observations.series.to_dicts() == [{"series": "7", "place": "x"}, {"series": "8", "place": "y"}]
    np.testing.assert_array_equal(observations.counts, [[1.0, np.nan], [np.nan, np.nan]])
    frame.with_columns(pl.col("date") + pl.duration(hours=1)).write_parquet(path)
    with pytest.raises(InputError, match="row 2: a time of the day is not a period"):
        read_observations(path)
    frame.with_columns(count=pl.lit(value=True)).write_parquet(path)
    with pytest.raises(InputError, match="column 'count' row 2 holds 'True'; it must be a number"):
        read_observations(path)


@given(
    counts=arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(3, 9)), elements=st.integers(0, 10**9)),
    holes=st.data(),
    wide=st.booleans(),
    parquet=st.booleans(),
    step=st.sampled_from([0, 1, 7]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_written_comes_back(
    tmp_path: Path, counts: np.ndarray, holes: st.DataObject, wide: bool, parquet: bool, step: int
) -> None:
    """Random counts with missing cells, written long or wide, as CSV or Parquet, rows shuffled: the same arrays."""
    size, width = counts.shape
    missing = holes.draw(arrays(bool, counts.shape))
    counts = np.where(missing, np.nan, counts)
    dates = np.datetime64("2023-12-25") + step * np.arange(width)
    period = pl.Series("date", dates) if step else pl.Series("t", np.arange(1, width + 1))
    names = [f"s{index}" for index in range(size)]
    columns = {name: pl.Series(row).fill_nan(None).cast(pl.Int64) for name, row in zip(names, counts, strict=True)}
    frame = pl.DataFrame({period.name: period, **columns})
    if not wide:
        frame = frame.unpivot(names, index=period.name, variable_name="series", value_name="observed")
        rest = frame.tail(-1).sample(fraction=1.0, shuffle=True, seed=holes.draw(st.integers(0, 99)))
        frame = pl.concat([frame.head(1), rest])
    path = tmp_path / f"counts.{'parquet' if parquet else 'csv'}"
    frame.write_parquet(path) if parquet else frame.write_csv(path)
    observations = read_observations(path)
    order = [names.index(name) for name in observations.names]
    assert sorted(order) == list(range(size))
    np.testing.assert_array_equal(observations.counts, counts[order])
    if step:
        np.testing.assert_array_equal(observations.dates, dates)
    else:
        assert observations.dates is None
    assert observations.frequency == {0: None, 1: 365, 7: 52}[step]
