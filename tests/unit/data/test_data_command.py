"""`mamori data world`: printed, checked, written, refused."""

import json
from pathlib import Path

import polars as pl
import pytest

from mamori.cli.main import run


def test_places_are_printed_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "world", "KEN", "Japan"]) == 0
    english = capsys.readouterr().out
    assert "Kenya" in english
    assert "2 places" in english
    assert run(["data", "world", "KEN", "Japan", "--lang", "ja"]) == 0
    japanese = capsys.readouterr().out
    assert "ケニア" in japanese
    assert "所得区分" in japanese
    assert "Median age" not in japanese


def test_check_prints_coverage_and_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "world", "--check"]) == 0
    printed = capsys.readouterr().out
    for words in ("hospital_beds", "231/231", "gravity model", "CC0", "SOM"):
        assert words in printed
    assert run(["data", "world", "--check", "--lang", "ja"]) == 0
    assert "重力モデル" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_the_table_is_written(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"world{suffix}"
    assert run(["data", "world", "KEN", "--year", "2030", "--out", str(out)]) == 0
    if suffix == ".json":
        (row,) = json.loads(out.read_text(encoding="utf-8"))
    else:
        row = (pl.read_csv(out) if suffix == ".csv" else pl.read_parquet(out)).row(0, named=True)
    assert row["code"] == "KEN"
    ages = sum(value for name, value in row.items() if name.startswith("population_"))
    assert ages == pytest.approx(row["population"])
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_overrides_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "places.csv"
    path.write_text("code,hospital_beds\nKEN,90000\n", encoding="utf-8")
    assert run(["data", "world", "KEN", "--places", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "Values set by your files" in printed
    assert "90,000" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Keniya"], "Did you mean 'Kenya'"),
        (["--year", "1990"], "year is 1990"),
        (["--out", "world.xlsx"], "of unknown format"),
        (["--admin1", "Kenya:Nairobbi"], "Did you mean 'Kenya:Nairobi'"),
        (["--places", "nowhere.csv"], "nowhere.csv is not a file"),
        (["--lang", "fr"], "language 'fr'"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "world", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
