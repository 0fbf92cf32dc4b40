"""`mamori nowcast`: what it writes and prints, and what it refuses."""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mamori.cli.main import run
from mamori.core.tables import TableDefinition


@pytest.fixture
def linelist(tmp_path: Path) -> Path:
    rng = np.random.default_rng(2)
    first = date(2024, 1, 1)
    rows = ["onset,report,district"]
    for day in range(60):
        for _ in range(rng.poisson(8)):
            onset, delay = first + timedelta(days=day), int(rng.poisson(3))
            if day + delay < 60:
                rows.append(f"{onset},{onset + timedelta(days=delay)},{rng.choice(['n', 's'])}")
    path = tmp_path / "cases.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def test_it_writes_the_nowcast_and_the_alarms(
    linelist: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = linelist.with_name("now.csv")
    command = ["nowcast", str(linelist), "--by", "district", "--max-delay", "8", "--detect", "ears", "--draws", "50"]
    assert run([*command, "--out", str(out)]) == 0
    table = TableDefinition.load("nowcast").validate(pl.read_csv(out), "nowcast")
    assert table.height == 16
    alarms = TableDefinition.load("nowcast_alarms").validate(pl.read_csv(out.with_name("now.alarms.csv")), "alarms")
    assert alarms["alarm_probability"].is_between(0, 1).all()
    origin = json.loads(out.with_name("now.provenance.json").read_text(encoding="utf-8"))
    assert origin["settings"]["max_delay"] == 8
    assert len(origin["provenance"]["reports_sha256"]) == 64
    printed = capsys.readouterr()
    for words in ("smooth: a count is final after 8 periods", "Probability of an alarm", "90 % interval"):
        assert words in printed.out
    assert "2 series of 60 periods, 2024-01-01 to 2024-02-29" in printed.err


def test_an_earlier_day_is_nowcast_as_it_was_then(linelist: Path) -> None:
    early, cut = linelist.with_name("early.json"), linelist.with_name("cut.json")
    command = ["nowcast", str(linelist), "--max-delay", "8", "--method", "truncated"]
    assert run([*command, "--as-of", "2024-02-20", "--out", str(early)]) == 0
    assert run([*command, "--last", "2024-02-20", "--out", str(cut)]) == 0
    assert early.read_bytes() == cut.read_bytes()


def test_snapshots_in_a_folder_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "published"
    folder.mkdir()
    final = 20 + np.arange(20) % 3
    for k in range(5, 20):
        seen = [int(final[t] * min(1.0, 0.4 + 0.3 * (k - t))) for t in range(k + 1)]
        monday = date(2024, 1, 1)
        rows = [f"{monday + timedelta(weeks=t)},{count}" for t, count in enumerate(seen)]
        name = f"{monday + timedelta(weeks=k, days=3)}_rates.csv"
        (folder / name).write_text("\n".join(["date,observed", *rows]), encoding="utf-8")
    out = tmp_path / "now.csv"
    assert run(["nowcast", str(folder), "--max-delay", "3", "--draws", "50", "--out", str(out)]) == 0
    table = pl.read_csv(out)
    assert table["reported"][-1] == int(final[-1] * 0.4)
    assert table["median"][-1] > 1.5 * table["reported"][-1]
    assert run(["nowcast", str(folder), "--last", "2024-03-01"]) == 2
    assert "--last is for one table" in capsys.readouterr().err


def test_the_words_are_japanese_on_request(linelist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nowcast", str(linelist), "--method", "chain-ladder", "--lang", "ja", "--draws", "50"]) == 0
    printed = capsys.readouterr().out
    assert "直近の期間のナウキャスト" in printed
    assert "Reported" not in printed


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--method", "chainladder"], "method 'chainladder' is not known. Did you mean 'chain-ladder'?"),
        (["--max-delay", "400"], "max_delay is 400; with 60 periods it must be 1 to 59"),
        (["--period", "month"], "period is 'month'"),
        (["--calendar", "MMWR"], "--calendar is MMWR, but the periods are days"),
        (["--last", "tomorrow"], "--last is 'tomorrow'; give a date"),
        (["--as-of", "2030-01-01"], "--as-of is 2030-01-01; the reports end in the period of 2024-02-29"),
        (["--prior-mean", "5"], "--prior-mean and --prior-variance go together"),
        (["--format", "erviss"], "--format and --signal are for a folder of snapshots"),
        (["--out", "now.xlsx"], "--out is now.xlsx, of unknown format"),
        (["--column", "report=when"], "has no column 'when'"),
    ],
)
def test_what_cannot_be_done_is_one_line_of_error(
    linelist: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["nowcast", str(linelist), *more]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ")
    assert message in line
