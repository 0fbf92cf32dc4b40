"""`mamori detect`: what it writes and prints, and what it refuses."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from mamori.cli.main import run
from mamori.core.tables import TableDefinition

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    """Seven years of weekly counts of three series; the last week of `a` is an outbreak."""
    rng = np.random.default_rng(3)
    weeks = np.datetime64("2018-01-01", "D") + 7 * np.arange(7 * 52)
    values = {name: rng.poisson(mean, len(weeks)) for name, mean in (("a", 10), ("b", 10), ("c", 0.2))}
    values["a"][-1] = 60
    path = tmp_path / "counts.csv"
    pl.DataFrame({"date": weeks} | values).write_csv(path)
    return path


LAST = "2024-12-16"


def test_alarms_are_written_with_their_origin(counts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = counts.with_name("alarms.csv")
    assert run(["detect", str(counts), "--method", "farrington-flexible", "--from", LAST, "--out", str(out)]) == 0
    table = pl.read_csv(out, try_parse_dates=True)
    TableDefinition.load("alarms").validate(table, "alarms")
    assert table["series"].to_list() == ["a", "b", "c"]
    assert table["alarm"].to_list() == [True, False, False]
    assert table["reason"].to_list() == [None, None, "few-cases"]
    origin = json.loads(out.with_suffix(".provenance.json").read_text(encoding="utf-8"))
    assert origin["method"] == "farrington-flexible"
    assert origin["settings"]["compat"] == "r"
    assert origin["not_judged"] == {"few-cases": 1}
    assert len(origin["provenance"]["counts_sha256"]) == 64
    captured = capsys.readouterr()
    assert "1 alarms in 2 of 3 values judged" in captured.out
    assert "3 series of 364 periods, 2018-01-01 to 2024-12-16" in captured.err


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_every_format_holds_the_same(counts: Path, suffix: str) -> None:
    out = counts.with_name(f"alarms{suffix}")
    assert run(["detect", str(counts), "--method", "ears", "--from", LAST, "--out", str(out)]) == 0
    read: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".csv": pl.read_csv,
        ".parquet": pl.read_parquet,
        ".json": pl.read_json,
    }
    assert read[suffix](out)["observed"].to_list()[0] == 60


def test_a_control_file_takes_the_names_of_the_package(counts: Path) -> None:
    control, out = counts.with_name("control.json"), counts.with_name("alarms.csv")
    control.write_text(json.dumps({"b": 4, "w": 2, "freq": 52, "range_from": 360, "range_to": 362, "alpha": 0.01}))
    asked = ["detect", str(counts), "--method", "farrington-flexible", "--control", str(control), "--out", str(out)]
    assert run(asked) == 0
    assert pl.read_csv(out)["t"].unique().to_list() == [360, 361, 362]
    assert run([*asked, "--from", "362"]) == 0
    assert pl.read_csv(out)["t"].unique().to_list() == [362]


def test_the_status_file_is_read_and_added_to(counts: Path) -> None:
    status, out = counts.with_name("status.csv"), counts.with_name("alarms.csv")
    asked = ["detect", str(counts), "--method", "ears", "--from", LAST, "--status", str(status), "--out", str(out)]
    assert run(asked) == 0
    said = pl.read_csv(status).with_columns(status=pl.lit("verified"), note=pl.lit("a wedding"))
    said.write_csv(status)
    assert run([*asked, "--exclude-verified"]) == 0
    assert pl.read_csv(status).equals(said)
    row = pl.read_csv(out).filter(pl.col("series") == "a").row(0, named=True)
    assert (row["status"], row["note"]) == ("verified", "a wedding")


def test_periods_are_left_out_of_the_history_by_option_or_table(counts: Path) -> None:
    out, breaks = counts.with_name("alarms.csv"), counts.with_name("breaks.csv")
    breaks.write_text("series,start,end\n,2020-03-01,2022-06-30\n")
    asked = ["detect", str(counts), "--method", "farrington-flexible", "--from", LAST, "--out", str(out)]
    found = []
    for option in ([], ["--exclude", "2020-03-01..2022-06-30"], ["--exclude", str(breaks)]):
        assert run([*asked, *option]) == 0
        found.append(pl.read_csv(out)["expected"].to_list())
    assert found[0] != found[1] == found[2]


def test_report_and_plots_are_written_in_the_language(counts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, plots = counts.with_name("alarms.html"), counts.with_name("plots")
    asked = ["detect", str(counts), "--method", "ears", "--from", LAST, "--incomplete", "1", "--lang", "ja"]
    assert run([*asked, "--report", str(report), "--plots", str(plots)]) == 0
    assert 'lang="ja"' in report.read_text(encoding="utf-8")
    assert len(list(plots.glob("*.svg"))) == 1
    assert "警報" in capsys.readouterr().out


def test_a_hierarchy_and_false_discovery_control(counts: Path) -> None:
    out, tree = counts.with_name("alarms.csv"), counts.with_name("tree.csv")
    tree.write_text("series,parent\na,all\nb,all\nc,all\n")
    asked = ["detect", str(counts), "--method", "farrington-flexible", "--from", LAST, "--fdr", "bh"]
    assert run([*asked, "--hierarchy", str(tree), "--out", str(out)]) == 0
    table = pl.read_csv(out)
    assert table["series"].to_list() == ["a", "b", "c", "all"]
    assert table["folded_into"].to_list() == [None, None, None, "a"]
    assert table["qvalue"][0] < 0.01


def test_neighbours_add_to_the_evidence(counts: Path) -> None:
    alone, joint, beside = (counts.with_name(name) for name in ("alone.csv", "joint.csv", "beside.csv"))
    beside.write_text("series,neighbour\na,b\n")
    asked = ["detect", str(counts), "--from", LAST]
    assert run([*asked, "--out", str(alone)]) == 0
    assert (
        run([*asked, "--neighbours", str(beside), "--out", str(joint), "--report", str(counts.with_name("r.html"))])
        == 0
    )
    before, after = (pl.read_csv(path)["pvalue"].to_list() for path in (alone, joint))
    assert after[1] < before[1]
    assert after[2] == before[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "alarms.xlsx"], "of unknown format"),
        (["--method", "farington"], "Did you mean 'farrington'"),
        (["--from", "2031-01-01"], "the counts run from 2018-01-01 to 2024-12-16"),
        (["--from", "soon"], "give a date (YYYY-MM-DD) or the number of a period"),
        (["--from", "900"], "the data hold t=1 to 364"),
        (["--fdr", "fdr"], "choose bh or storey"),
        (["--method", "cusum", "--fdr", "bh"], "gives no p-values"),
        (["--exclude-verified"], "needs --status"),
        (["--neighbours", "beside.csv"], "not of ears"),
        (["--status", "s.json"], "--status is s.json, of unknown format"),
        (["--control", "none.json"], "cannot read none.json"),
        (["--exclude", "2020"], "is not START..END"),
        (["--calendar", "iso"], "choose ISO or MMWR"),
        (["--column", "date"], "is not OURS=THEIRS"),
        (["--weekday"], "need daily counts"),
    ],
)
def test_bad_input_is_one_line_with_the_repair(
    counts: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(counts.parent)
    Path("beside.csv").write_text("series,neighbour\na,b\n")
    assert run(["detect", str(counts), "--method", "ears", *options]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["detect", str(tmp_path / "none.csv")]) == 2
    assert "none.csv" in capsys.readouterr().err
