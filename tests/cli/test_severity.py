"""`mamori severity`: what it writes and prints, and what it refuses."""

import json
from pathlib import Path

import polars as pl
import pytest

from mamori.cli.main import run
from mamori.core.tables import TableDefinition


@pytest.fixture
def outbreak(tmp_path: Path) -> Path:
    rows = ["date,age,cases,deaths"]
    for day in range(1, 29):
        rows += [f"2024-02-{day:02d},young,{10 + 3 * day},{day // 14}", f"2024-02-{day:02d},old,{5 + day},{day // 6}"]
    path = tmp_path / "outbreak.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def command(path: Path, *more: str) -> list[str]:
    return ["severity", str(path), "--delay", "8,5", "--by", "age", "--draws", "200", *more]


def test_it_writes_the_risk_by_age(
    outbreak: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = outbreak.with_name("risk.csv")
    limits = ["--delay-mean-limits", "7,9", "--delay-sd-limits", "4,6"]
    assert run(command(outbreak, *limits, "--case-ascertainment", "0.2,0.5", "--out", str(out))) == 0
    table = TableDefinition.load("severity").validate(pl.read_csv(out), "severity")
    assert table["series"].to_list() == ["young", "old"]
    assert (table["cfr"] > table["naive"]).all()
    assert (table["ifr_median"] < table["median"]).all()
    origin = json.loads(out.with_name("risk.provenance.json").read_text(encoding="utf-8"))
    assert origin["settings"]["delay"]["mean_days"]["mean"] == 8.0
    printed = capsys.readouterr().out
    for words in ("Fatality risk", "Adjusted", "Of infections"):
        assert words in printed


def test_every_date_and_a_table_of_the_delay(outbreak: Path) -> None:
    delay, out = outbreak.with_name("delay.csv"), outbreak.with_name("risk.json")
    delay.write_text("lag,prob\n0,0.1\n5,0.6\n9,0.3\n", encoding="utf-8")
    given = ["severity", str(outbreak), "--delay", str(delay), "--by", "age", "--every", "--draws", "200"]
    assert run([*given, "--out", str(out)]) == 0
    assert len(json.loads(out.read_text(encoding="utf-8"))) == 56


def test_the_words_are_japanese_on_request(outbreak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command(outbreak, "--lang", "ja")) == 0
    printed = capsys.readouterr().out
    assert "致命割合" in printed
    assert "Deaths" not in printed


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--delay", "8"], "cannot read 8 as a table lag,prob"),
        (["--delay", "8,x"], "--delay is '8,x'; give two numbers"),
        (["--delay", "0,5"], "the delay to death has mean 0 (from 0)"),
        (["--family", "normal"], "--family is 'normal'; choose gamma, lognormal, weibull"),
        (["--delay-mean-limits", "9,7"], "they must hold 0 < lower <= upper"),
        (["--case-ascertainment", "1.5"], "--case-ascertainment is 1.5; it must be > 0 and <= 1"),
        (["--cases", "deaths"], "--cases and --deaths are both 'deaths'"),
        (["--window", "0"], "window is 0"),
        (["--out", "risk.xlsx"], "--out is risk.xlsx, of unknown format"),
    ],
)
def test_what_cannot_be_done_is_one_line_of_error(
    outbreak: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(outbreak, *more)) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ")
    assert message in line


def test_without_a_delay_there_is_no_estimate(outbreak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["severity", str(outbreak), "--by", "age"]) == 2
    assert "the delay to death is missing; it has no default" in capsys.readouterr().err


def test_a_gap_is_an_error_with_its_date(outbreak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = outbreak.read_text(encoding="utf-8").splitlines()
    outbreak.write_text("\n".join(line for line in lines if not line.startswith("2024-02-10,old")), encoding="utf-8")
    assert run(command(outbreak)) == 2
    assert "series 'old': the count of cases at 2024-02-10 is missing" in capsys.readouterr().err
