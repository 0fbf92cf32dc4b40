"""Forecasts in Hubverse form: what is read, written and refused."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamori.core.errors import InputError
from mamori.core.files import write_table
from mamori.core.tables import TableDefinition
from mamori.data.adapters.hubverse import Forecasts, read_forecasts, read_truth

HEADER = "reference_date,target,horizon,location,target_end_date,output_type,output_type_id,value"
FIRST = "2025-01-04,hosp,1,01,2025-01-11"
ROWS = [
    *(f"{FIRST},quantile,{level},{value}" for level, value in ((0.25, 1), (0.5, 2.5), ("0.750", 4))),
    f"{FIRST},pmf,large,0.3",
    f"{FIRST},mean,NA,3",
    *(f"2025-01-04,hosp,2,01,2025-01-18,sample,{name},{value}" for name, value in (("a", 7), ("b", 9))),
]


def write(path: Path, rows: list[str], header: str = HEADER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    write(tmp_path / "hub/team-one/2025-01-04-team-one.csv", ROWS)
    write(tmp_path / "hub/other.csv", [f"team-two,{FIRST},quantile,0.5,3"], f"model_id,{HEADER}")
    return tmp_path / "hub"


def test_a_hub_is_read_with_its_models(hub: Path) -> None:
    found = read_forecasts(hub)
    assert found.tasks["model"].to_list() == ["team-two", "team-one", "team-one"]
    assert found.tasks["horizon"].to_list() == [1, 1, 2]
    assert found.tasks["location"].to_list() == ["01"] * 3
    assert str(found.tasks["origin_date"][0]) == "2025-01-04"
    assert found.levels.tolist() == [0.25, 0.5, 0.75]
    nan = np.nan
    np.testing.assert_array_equal(found.quantiles, [[nan, 3, nan], [1, 2.5, 4], [nan] * 3])
    np.testing.assert_array_equal(found.samples, [[nan, nan], [nan, nan], [7, 9]])
    assert [(left.reason, left.rows, left.first_row) for left in found.dropped] == [
        ("output_type mean", 1, 6),
        ("output_type pmf", 1, 5),
    ]


@pytest.mark.parametrize("name", ["long.csv", "long.parquet"])
def test_what_is_written_is_read_again(hub: Path, name: str) -> None:
    first = read_forecasts(hub)
    table = first.table()
    assert table.columns == list(TableDefinition.load("forecast").attributes)
    TableDefinition.load("forecast").validate(table, "forecasts")
    write_table(table, hub.parent / name)
    again = read_forecasts([hub.parent / name])
    assert again.tasks.sort("model", "horizon").equals(first.tasks.sort("model", "horizon"))
    assert again.table().sort(pl.all()).equals(table.sort(pl.all()))


def test_an_empty_value_is_a_missing_quantile(tmp_path: Path) -> None:
    found = read_forecasts(write(tmp_path / "f.csv", [ROWS[0], f"{FIRST},quantile,0.5,NA", ROWS[2]]))
    np.testing.assert_array_equal(found.quantiles, [[1, np.nan, 4]])
    assert found.tasks["model"].to_list() == ["f"]


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ([ROWS[0].replace(",1,01", ",1.5,01")], HEADER, "column 'horizon' row 2 holds '1.5'; it must be a whole"),
        ([ROWS[0].replace("2025-01-11", "11/01/2025")], HEADER, "column 'target_end_date' row 2 holds '11/01/2025'"),
        ([ROWS[0].replace("0.25", "25")], HEADER, "column 'output_type_id' row 2 holds '25'; the level of a"),
        ([ROWS[0], f"{FIRST},quantile,0.9,inf"], HEADER, "column 'value' row 3 holds 'inf'"),
        ([ROWS[0], ROWS[0]], HEADER, "row 3 gives quantile 0.25 of the forecast of 2025-01-04 for 2025-01-11"),
        ([ROWS[0], f"{FIRST},quantile,0.9,0.5"], HEADER, "row 3 holds 0.5 at level 0.9"),
        ([ROWS[3]], HEADER, "no row with quantiles or samples"),
        (["x"], "value", "column 'origin_date' is missing. Add it (as origin_date or reference_date or forecast_date)"),
        ([ROWS[0].replace("quantile", "")], HEADER, "column 'output_type' row 2 holds nothing"),
        ([], HEADER, "has a header but no rows"),
    ],
)
def test_what_cannot_be_read_is_an_error(tmp_path: Path, rows: list[str], header: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_forecasts(write(tmp_path / "f.csv", rows, header))
    assert message in str(error.value)


def test_a_folder_without_files_and_no_file_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no .csv or .parquet file"):
        read_forecasts(tmp_path)
    with pytest.raises(InputError, match="no file of forecasts is named"):
        read_forecasts([])
    with pytest.raises(InputError, match="there must be a row for"):
        Forecasts(pl.DataFrame({"model": ["a"]}), np.array([0.5]), np.empty((2, 1)), np.empty((1, 0)))


def test_truth_is_read_by_its_usual_names(tmp_path: Path) -> None:
    rows = ["2025-01-11,01,hosp,5", "2025-01-11,01,hosp,5", "2025-01-18,01,hosp,NA", "2025-01-18,02,hosp,-1.5"]
    found = read_truth(write(tmp_path / "t.csv", rows, "date,location,target,observation"))
    assert found.columns == ["location", "target", "target_end_date", "observed"]
    assert found["observed"].to_list() == [5.0, -1.5]
    assert found["location"].to_list() == ["01", "02"]


def test_counts_of_series_are_a_truth(tmp_path: Path) -> None:
    found = read_truth(write(tmp_path / "t.csv", ["a,2025-01-11,5"], "series,date,count"))
    assert found.columns == ["location", "target_end_date", "observed"]


def test_two_truths_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["2025-01-11,01,5", "2025-01-11,01,6"], "date,location,value")
    with pytest.raises(InputError, match="row 3 gives 6 for 01 on 2025-01-11, of which another row gives another"):
        read_truth(path)


known = st.sampled_from(["", "NA", "0.5", "1", "-3", "quantile", "sample", "2025-01-04", "x"])
cells = st.one_of(known, st.text(max_size=4))


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(cells, min_size=8, max_size=8), min_size=1, max_size=3), st.data())
def test_any_file_is_read_or_refused(tmp_path: Path, rows: list[list[str]], data: st.DataObject) -> None:
    good = ROWS[0].split(",")
    mixed = [[data.draw(st.sampled_from([cell, mine])) for cell, mine in zip(row, good, strict=True)] for row in rows]
    path = tmp_path / "f.csv"
    write_rows(path, mixed)
    try:
        found = read_forecasts(path)
    except InputError:
        return
    assert np.isfinite(found.quantiles[~np.isnan(found.quantiles)]).all()
    assert found.tasks.height >= 1


def write_rows(path: Path, rows: list[list[str]]) -> None:
    pl.DataFrame(rows, schema=HEADER.split(","), orient="row").write_csv(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=3))
def test_any_truth_is_read_or_refused(tmp_path: Path, rows: list[tuple[str, str, str]]) -> None:
    path = tmp_path / "t.csv"
    pl.DataFrame(rows, schema=["location", "date", "value"], orient="row").write_csv(path)
    try:
        found = read_truth(path)
    except InputError:
        return
    assert found["observed"].is_finite().all()
    assert found.select("location", "target_end_date").is_unique().all()
