"""`mamori forecast`: what it writes and prints, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mamori.cli.main import run
from mamori.core.tables import TableDefinition
from mamori.data.adapters.hubverse import read_forecasts


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    weeks = np.arange(np.datetime64("2024-01-06"), np.datetime64("2025-02-01"), 7)
    rng = np.random.default_rng(2)
    rows = [f"{name},{day},{rng.poisson(40)}" for name in ("north", "south") for day in weeks]
    path = tmp_path / "counts.csv"
    path.write_text("\n".join(["series,date,count", *rows]), encoding="utf-8")
    return path


def test_it_writes_hubverse_form(counts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = counts.with_name("forecast.csv")
    methods = ["--method", "baseline", "--method", "autoregressive", "--method", "renewal"]
    interval = ["--mean-si", "2.8", "--sd-si", "1.5"]
    more = ["--ensemble", "median", "--draws", "200", "--target", "cases", "--out", str(out)]
    assert run(["forecast", str(counts), "--horizon", "2", *methods, *interval, *more]) == 0
    table = TableDefinition.load("forecast").validate(pl.read_csv(out), "forecast")
    assert table.height == 2 * 2 * 4 * 23
    found = read_forecasts(out)
    assert found.tasks["model"].unique(maintain_order=True).to_list() == [
        *("baseline", "autoregressive", "renewal"), "ensemble",
    ]  # fmt: skip
    assert found.tasks["target"].unique().to_list() == ["cases"]
    printed = capsys.readouterr().out
    for words in ("Forecasts from 2025-01-25 by ensemble", "north", "2025-02-08", "95 %", "Written"):
        assert words in printed
    origin = json.loads(out.with_suffix(".provenance.json").read_text(encoding="utf-8"))
    assert origin["methods"][2]["interval"]["mean_days"] == 2.8
    assert origin["settings"]["draws"] == 200
    assert "counts_sha256" in origin["provenance"]


def test_its_forecasts_can_be_scored(counts: Path) -> None:
    out = counts.with_name("f.parquet")
    assert run(["forecast", str(counts), "--out", str(out), "--draws", "100"]) == 0
    truth = counts.with_name("truth.csv")
    truth.write_text("location,date,value\nnorth,2025-02-01,40\n", encoding="utf-8")
    assert run(["score", str(out), "--truth", str(truth)]) == 0


def test_the_words_are_japanese_on_request(counts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["forecast", str(counts), "--draws", "50", "--horizon", "20", "--lang", "ja"]) == 0
    printed = capsys.readouterr().out
    assert "2025-01-25を起点とする予測（autoregressive）" in printed
    assert "中央値" in printed


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--method", "arima"], "--method 'arima' is not known. Choose of baseline, autoregressive, renewal"),
        (["--method", "renewal"], "serial interval"),
        (["--mean-si", "3"], "--mean-si has a meaning for --method renewal only"),
        (["--ensemble", "median"], "--ensemble needs two methods or more"),
        (["--method", "baseline", "--method", "autoregressive", "--ensemble", "sum"], "not 'sum'"),
        (["--dates", "middle"], "dates_are is 'middle'; choose start or end"),
        (["--horizon", "0"], "horizon is 0"),
        (["--out", "f.xlsx"], "--out is f.xlsx, of unknown format"),
    ],
)
def test_what_cannot_be_done_is_one_line_of_error(
    counts: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["forecast", str(counts), "--draws", "20", *more]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ")
    assert message in line
