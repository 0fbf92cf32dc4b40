"""`mamori score`: what it writes and prints, and what it refuses."""

import json
from pathlib import Path

import polars as pl
import pytest

from mamori.cli.main import run
from mamori.cli.score import SHOWN_GROUPS
from mamori.core.tables import TableDefinition

HEADER = "model,origin_date,target,horizon,location,target_end_date,output_type,output_type_id,value"
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def rows(model: str, location: str, spread: float) -> list[str]:
    task = f"{model},2025-01-04,hosp,1,{location},2025-01-11,quantile"
    return [f"{task},{level},{10 + spread * (level - 0.5)}" for level in LEVELS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [HEADER, *rows("wide", "x", 20.0), *rows("narrow", "x", 2.0), *rows("narrow", "y", 2.0)]
    (tmp_path / "forecasts.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "truth.csv").write_text("date,location,value\n2025-01-11,x,11\n2025-01-11,y,\n", encoding="utf-8")
    return tmp_path


def command(folder: Path, *more: str) -> list[str]:
    return ["score", str(folder / "forecasts.csv"), "--truth", str(folder / "truth.csv"), *more]


def test_it_writes_scores_and_means(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "scores.csv"
    assert run(command(folder, "--by", "model,horizon", "--baseline", "wide", "--out", str(out))) == 0
    scores = TableDefinition.load("scores").validate(pl.read_csv(out), "scores")
    assert scores["model"].to_list() == ["wide", "narrow"]
    assert scores["coverage_90"].to_list() == [True, False]
    summary = pl.read_csv(out.with_name("scores.summary.csv"))
    TableDefinition.load("score_summary").validate(summary, "summary")
    assert summary["scaled_relative_skill"].to_list()[1] == 1.0
    origin = json.loads(out.with_suffix(".provenance.json").read_text(encoding="utf-8"))
    assert origin["left_out"][0]["rows"] == 1
    assert {"truth_sha256", "forecasts_sha256", "mamori"} <= set(origin["provenance"])
    printed = capsys.readouterr()
    for words in ("2 forecasts scored", "WIS", "Scaled skill", "100%", "Written"):
        assert words in printed.out
    assert "left out: 1 × no observation for the forecast." in printed.err


def test_json_and_parquet_hold_the_same(folder: Path) -> None:
    for name in ("s.json", "s.parquet"):
        assert run(command(folder, "--out", str(folder / name))) == 0
    assert json.loads((folder / "s.json").read_text())[0]["wis"] == pl.read_parquet(folder / "s.parquet")["wis"][0]


def test_the_words_are_japanese_on_request(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command(folder, "--lang", "ja")) == 0
    printed = capsys.readouterr().out
    assert "2件の予測を採点" in printed
    assert "Relative" not in printed


def test_long_lists_are_cut_and_say_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [HEADER, *(row for i in range(SHOWN_GROUPS + 2) for row in rows(f"m{i:03d}", "x", 1.0))]
    (folder / "forecasts.csv").write_text("\n".join(lines), encoding="utf-8")
    assert run(command(folder)) == 0
    assert "and 2 more; --out writes all" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--by", "modle"], "by: 'modle' is not known. Did you mean 'model'?"),
        (["--baseline", "hub"], "baseline: 'hub' is not known."),
        (["--incomplete", "skip"], "incomplete is 'skip'; choose error, exclude, common"),
        (["--out", "scores.xlsx"], "--out is scores.xlsx, of unknown format"),
    ],
)
def test_what_cannot_be_done_is_one_line_of_error(
    folder: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command(folder, *more)) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ")
    assert message in line
