import csv
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.core import tables
from mamori.core.errors import InputError, MamoriError
from mamori.core.tables import HEADER, Column, TableDefinition


def _column(attribute: str, kind: str, *, default: str = "", bounds: str = "", unit: str = "") -> Column:
    return Column(attribute, kind, unit, default, bounds, f"the {attribute}", "説明", "a source")


PLACES = TableDefinition(
    "places",
    (
        _column("code", "string"),
        _column("population", "number", bounds="[0, inf)", unit="persons"),
        _column("income_group", "string", default="null", bounds="LIC|HIC"),
        _column("beds", "integer", default="3", bounds="[0, 5)"),
        _column("open", "boolean", default="null"),
        _column("opened", "date", default="null", bounds="[2020-01-01, 2021-01-01)"),
    ),
)


def test_texts_become_the_columns_types_and_defaults_are_filled_in() -> None:
    given_frame = pl.DataFrame(
        {
            "population": ["1", " 2.5"],
            "code": ["a", "b"],
            "beds": [None, "4"],
            "open": ["TRUE", ""],
            "opened": ["2020-02-29", None],
        }
    )
    checked = PLACES.validate(given_frame, "places.csv")
    assert checked.columns == list(PLACES.attributes)
    assert dict(zip(checked.columns, checked.dtypes, strict=True)) == {
        "code": pl.String,
        "population": pl.Float64,
        "income_group": pl.String,
        "beds": pl.Int64,
        "open": pl.Boolean,
        "opened": pl.Date,
    }
    assert checked["population"].to_list() == [1.0, 2.5]
    assert checked["beds"].to_list() == [3, 4]
    assert checked["open"].to_list() == [True, None]
    assert checked["income_group"].to_list() == [None, None]


def test_a_checked_table_passes_again_unchanged() -> None:
    checked = PLACES.validate(pl.DataFrame({"code": ["a"], "population": [1]}), "places.csv")
    assert PLACES.validate(checked, "again").equals(checked)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"population": [1]}, "places.csv: column 'code' is missing. Add it: the code"),
        ({"cod": ["a"], "code": ["a"]}, "column 'cod' is not known. Did you mean 'code'?"),
        (
            {"code": ["a", None], "population": [1, 1]},
            "column 'code' row 3 holds nothing; a value is required",
        ),
        (
            {"code": ["a", "b"], "population": [1, -3]},
            "column 'population' row 3 holds -3; it must be >= 0 persons",
        ),
        ({"code": ["a"], "population": [float("nan")]}, "row 2 holds nan; it must be a finite number"),
        ({"code": ["a"], "population": [float("inf")]}, "row 2 holds inf; it must be a finite number"),
        ({"code": ["a"], "population": ["1,000"]}, "row 2 holds '1,000'; it must be a finite number"),
        ({"code": ["a"], "population": [True]}, "row 2 holds True; it must be a finite number"),
        (
            {"code": ["a"], "population": [1], "beds": [2.5]},
            "'beds' row 2 holds 2.5; it must be a whole number",
        ),
        ({"code": ["a"], "population": [1], "beds": [5]}, "'beds' row 2 holds 5; it must be >= 0 and < 5"),
        (
            {"code": ["a"], "population": [1], "income_group": ["hic"]},
            "holds 'hic'; it must be one of LIC, HIC",
        ),
        ({"code": ["a"], "population": [1], "open": ["yes"]}, "holds 'yes'; it must be true or false"),
        ({"code": ["a"], "population": [1], "opened": ["2020-02-30"]}, "must be a date written YYYY-MM-DD"),
        (
            {"code": ["a"], "population": [1], "opened": ["2021-01-01"]},
            "must be >= 2020-01-01 and < 2021-01-01",
        ),
    ],
)
def test_bad_input_is_refused_with_row_column_rule_and_value(
    cells: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        PLACES.validate(pl.DataFrame(cells, strict=False), "places.csv")
    assert message in str(caught.value)
    assert str(caught.value).startswith("places.csv: ")


CELLS = st.one_of(st.none(), st.text(max_size=6), st.integers().map(str), st.floats().map(str))


@given(st.lists(CELLS, max_size=4), st.sampled_from(["population", "beds", "open", "opened"]))
def test_any_text_gives_a_value_within_bounds_or_an_input_error(cells: list[str | None], name: str) -> None:
    frame = pl.DataFrame(
        {"code": ["a"] * len(cells), "population": ["1"] * len(cells), name: cells},
        schema_overrides={name: pl.String},
    )
    try:
        checked = PLACES.validate(frame, "fuzz.csv")
    except InputError:
        return
    assert checked.height == len(cells)
    if name == "beds":
        assert all(0 <= value < 5 for value in checked["beds"])
    if name == "population":
        assert all(0 <= value < float("inf") for value in checked["population"])


def test_docs_are_one_row_per_column_in_each_language() -> None:
    english, japanese = PLACES.docs("en"), PLACES.docs("ja")
    assert "| `population` | number | persons | required | [0, inf) | the population | a source |" in english
    assert "| 列 |" in japanese
    assert "説明" in japanese
    assert len(english.splitlines()) == 2 + len(PLACES.columns)


def test_an_unknown_definition_is_said_with_the_closest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "districts.csv", _column("code", "string"))
    monkeypatch.setattr(tables, "_folder", lambda: tmp_path)
    with pytest.raises(MamoriError, match="no table definition 'distrcts'. Did you mean 'districts'"):
        TableDefinition.load("distrcts")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (_column("x", "float"), "'x' has type 'float'; use string, integer"),
        (_column("x", "number", bounds="0-1"), "'x' has bounds '0-1'"),
        (_column("x", "number", bounds="{0, 1}"), "'x' has bounds '{0, 1}'"),
        (_column("x", "date", bounds="[0, 1]"), "'x' has bounds"),
    ],
)
def test_a_broken_definition_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: Column, message: str
) -> None:
    _write(tmp_path / "broken.csv", column)
    monkeypatch.setattr(tables, "_folder", lambda: tmp_path)
    with pytest.raises(MamoriError) as caught:
        tables._load.__wrapped__("broken")
    assert message in str(caught.value)


def _write(path: Path, column: Column) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerow([getattr(column, name) for name in HEADER])


@pytest.mark.parametrize("name", TableDefinition.names())
def test_every_definition_in_the_package_is_whole(name: str) -> None:
    definition = TableDefinition.load(name)
    assert len(set(definition.attributes)) == len(definition.columns) > 0
    for column in definition.columns:
        assert column.description_en, column.attribute
        assert column.description_ja, column.attribute
