"""`mamori rt`: what it writes and prints, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mamori.cli.main import run
from mamori.core.tables import TableDefinition

DAYS = 50


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Fifty days of an epidemic by date."""
    rng = np.random.default_rng(3)
    count = rng.poisson(30.0 * np.exp(np.sin(np.arange(DAYS) / 12.0)))
    path = tmp_path / "cases.csv"
    pl.DataFrame({"date": np.datetime64("2024-01-01") + np.arange(DAYS), "count": count}).write_csv(path)
    return path


def test_windows_are_written_with_their_origin(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = cases.with_name("rt.csv")
    assert run(["rt", str(cases), "--serial-interval", "measles", "--window", "14", "--out", str(out)]) == 0
    table = TableDefinition.load("reproduction").validate(pl.read_csv(out, try_parse_dates=True), "rt")
    assert table.height == DAYS - 14
    assert table["reason"].to_list()[0] is None  # the window ends on day 15, the mean is 14.9
    assert str(table["date"][-1]) == "2024-02-19"
    origin = json.loads(out.with_suffix(".provenance.json").read_text(encoding="utf-8"))
    assert origin["settings"]["serial_interval"]["mean_days"] == 14.9
    assert "counts_sha256" in origin["provenance"]
    shown = capsys.readouterr().out
    assert "cori, serial interval of 14.9 days (SD 3.9). Groendyke et al. 2011" in shown


def test_a_control_file_and_a_column_i_are_taken(tmp_path: Path) -> None:
    counts, control, out = (tmp_path / name for name in ("i.csv", "control.json", "rt.csv"))
    counts.write_text("t,I\n" + "".join(f"{t},{t}\n" for t in range(1, 31)), encoding="utf-8")
    fields = {"method": "parametric_si", "mean_si": 2.6, "std_si": 1.5, "window": 3, "mean_prior": 2, "std_prior": 1}
    control.write_text(json.dumps(fields), encoding="utf-8")
    assert run(["rt", str(counts), "--control", str(control), "--out", str(out)]) == 0
    table = pl.read_csv(out)
    assert "date" not in table.columns
    assert table["t_end"].to_list() == list(range(4, 31))
    assert table["mean"][-1] > 1.0


def test_local_and_imported_cases_are_told_apart(tmp_path: Path) -> None:
    rows = range(1, 31)
    both, together = tmp_path / "both.csv", tmp_path / "all.csv"
    both.write_text("t,local,imported\n" + "".join(f"{t},4,{t % 2}\n" for t in rows), encoding="utf-8")
    together.write_text("t,I\n" + "".join(f"{t},{4 + t % 2}\n" for t in rows), encoding="utf-8")
    means = []
    for path in (both, together):
        out = path.with_suffix(".json")
        assert run(["rt", str(path), "--mean-si", "3", "--sd-si", "1", "--out", str(out)]) == 0
        means.append(pl.read_json(out)["mean"][-1])
    assert means[0] == pytest.approx(4 / 4.5, rel=0.05)
    assert means[1] == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("method", ["wallinga-teunis", "renewal"])
def test_other_methods_write_the_same_columns(cases: Path, method: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = cases.with_name("rt.csv")
    more = ["--delay", "3,1.5", "--reporting", "1,1"] if method == "renewal" else []
    assert run(["rt", str(cases), "--pathogen", "influenza-2009", "--method", method, *more, "--out", str(out)]) == 0
    table = TableDefinition.load("reproduction").validate(pl.read_csv(out, try_parse_dates=True), "rt")
    assert "incomplete" in table["note"].to_list()
    assert table["mean"].drop_nulls().is_between(0.2, 5.0).all()


def test_it_speaks_japanese(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rt", str(cases), "--pathogen", "mers", "--lang", "ja"]) == 0
    assert "発症間隔の平均12.6日" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "error: the serial interval is given nowhere, and there is no default"),
        (["--pathogen", "mesles"], "Did you mean 'measles'?"),
        (["--pathogen", "measles", "--method", "renewal", "--window", "3"], "'window' has no meaning"),
        (["--pathogen", "mers", "--uncertain", "--method", "renewal"], "takes one serial interval"),
        (["--pathogen", "measles", "--delay", "3,x", "--method", "renewal"], "--delay is '3,x'; give MEAN,SD"),
        (["--pathogen", "measles", "--missing", "none"], "'missing' is 'none'"),
        (["--pathogen", "measles", "--out", "rt.xls"], "--out is rt.xls"),
        (["--mean-si", "60", "--sd-si", "5"], "a mean of 60 days, but there are 50 days"),
        (["--mean-si", "3", "--sd-si", "1", "--window", "50"], "window is 50 days and there are 50"),
    ],
)
def test_what_cannot_be_used_is_refused(
    cases: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["rt", str(cases), *options]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_imported_cases_have_no_place_in_the_renewal_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "both.csv"
    path.write_text("t,local,imported\n" + "".join(f"{t},4,1\n" for t in range(1, 31)), encoding="utf-8")
    assert run(["rt", str(path), "--mean-si", "3", "--sd-si", "1", "--method", "renewal"]) == 2
    assert "does not tell imported cases apart" in capsys.readouterr().err


def test_a_gap_in_the_dates_leaves_out_what_needs_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    days = [day for day in range(1, 31) if day != 15]
    path, out = tmp_path / "gap.csv", tmp_path / "rt.csv"
    path.write_text("date,count\n" + "".join(f"2024-01-{d:02},9\n" for d in days), encoding="utf-8")
    assert run(["rt", str(path), "--mean-si", "3", "--sd-si", "1", "--window", "2", "--out", str(out)]) == 0
    table = pl.read_csv(out)
    lost = table.filter(pl.col("reason") == "missing-count")["t_end"].to_list()
    assert lost == list(range(15, 24))
    assert "missing-count: 9 values" in capsys.readouterr().out
    assert run(["rt", str(path), "--mean-si", "3", "--sd-si", "1", "--missing", "zero", "--out", str(out)]) == 0
    assert "missing-count" not in pl.read_csv(out)["reason"].to_list()
