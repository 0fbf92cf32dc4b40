"""`mamori calibrate`: what it writes and prints, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mamori.cli.main import run
from mamori.core.tables import TableDefinition

DAYS = 240


@pytest.fixture
def deaths(tmp_path: Path) -> Path:
    """A wave of deaths in Kenya by day, and a row of no place."""
    day = np.arange(DAYS)
    count = np.rint(40.0 * np.exp(-(((day - 120.0) / 30.0) ** 2)))
    path = tmp_path / "deaths.csv"
    frame = pl.DataFrame({"iso3": "KEN", "date": np.datetime64("2020-02-03") + day, "dead": count})
    pl.concat([frame, frame.head(1).with_columns(iso3=pl.lit("Atlantis"))]).write_csv(path)
    return path


def calibrate(deaths: Path, out: Path, *more: str) -> int:
    return run(["calibrate", str(deaths), "--column", "deaths=dead", "--draws", "2", "--out", str(out), *more])


def test_weeks_and_fit_are_written_with_their_origin(deaths: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = deaths.with_name("r.csv")
    doses = deaths.with_name("doses.csv")
    doses.write_text("id,date,value\nKEN,2020-06-01,1000000\nKEN,2020-08-01,9000000\n", encoding="utf-8")
    assert calibrate(deaths, out, "--doses", str(doses), "--place", "Kenya") == 0
    table = TableDefinition.load("back_calculation").validate(pl.read_csv(out, try_parse_dates=True), "r")
    assert table["code"].unique().to_list() == ["KEN"]
    assert (table["reproduction_q0.05"] <= table["reproduction_q0.95"]).all()
    fit = pl.read_csv(out.with_suffix(".fit.csv"), try_parse_dates=True)
    fit = TableDefinition.load("back_calculation_fit").validate(fit, "fit")
    assert abs(fit["total_error"][0]) < 0.02
    origin = json.loads(out.with_suffix(".provenance.json").read_text(encoding="utf-8"))
    assert {"deaths_sha256", "doses_sha256"} <= origin.keys()
    assert origin["settings"]["vaccination"] is True
    shown = capsys.readouterr().out
    assert "of 1 with 500 deaths or more, 1 within 5 % of them" in shown
    assert "No places of the world: Atlantis" in shown


def test_a_brief_table_ends_on_the_last_date(deaths: Path) -> None:
    out = deaths.with_name("r.parquet")
    assert calibrate(deaths, out, "--brief", "--last", "2020-07-01") == 0
    table = pl.read_parquet(out)
    assert "infections" not in table.columns
    assert str(table["week"].max()) == "2020-06-29"


def test_words_are_japanese_on_request(deaths: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["calibrate", str(deaths), "--column", "deaths=dead", "--draws", "0", "--lang", "ja"]) == 0
    assert "世界の表にない名前：Atlantis" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kind", "estimated"], "--kind is 'estimated'; choose reported or excess"),
        (["--column", "deaths"], "--column 'deaths' is not OURS=THEIRS"),
        (["--last", "yesterday"], "--last is 'yesterday'; give a date"),
        (["--place", "Keny"], "'Keny' is not a place of this world. Did you mean"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    deaths: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calibrate(deaths, deaths.with_name("r.csv"), *options) == 2
    assert message in capsys.readouterr().err
