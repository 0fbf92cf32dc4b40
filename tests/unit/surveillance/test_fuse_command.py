"""`mamori fuse`: what it writes and prints, and what it refuses."""

import ast
import json
import re
from pathlib import Path

import polars as pl
import pytest
from babel.messages.pofile import read_po

from mamori.cli.main import run


@pytest.fixture(autouse=True)
def _short_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mamori.surveillance.fusion.CALIBRATION_WEEKS", 5000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two streams over ten weeks at two places; at B both see an event in the last three."""
    (tmp_path / "streams.csv").write_text(
        "stream,host,delay_mean_days,delay_sd_days,sensitivity,false_alarm_rate\n"
        "water,environment,7,3,0.5,0.02\nhuman,human,14,7,0.6,0.01\n"
    )
    weeks = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 3, 4), "7d", eager=True).to_list()
    for name in ("water", "human"):
        rows = [(place, day, 0.001 if place == "B" and n > 6 else 0.5) for place in "AB" for n, day in enumerate(weeks)]
        pl.DataFrame(rows, schema=["series", "date", "pvalue"], orient="row").write_csv(tmp_path / f"{name}.csv")
    return tmp_path


def _arguments(folder: Path, *more: str) -> list[str]:
    files = [word for name in ("water", "human") for word in ("--stream", f"{name}={folder / name}.csv")]
    return ["fuse", "--streams", str(folder / "streams.csv"), *files, *more]


def test_a_run_writes_the_posterior_and_prints_the_places(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "posterior.csv"
    assert run(_arguments(folder, "--out", str(out), "--false-positive-rate", "0.02")) == 0
    table = pl.read_csv(out, try_parse_dates=True)
    assert table.height == 20
    last = table.filter(pl.col("date") == pl.date(2024, 3, 4))
    assert last["alarm"].to_list() == [False, True]
    assert last["posterior"][1] > 0.9
    provenance = json.loads((folder / "posterior.provenance.json").read_text(encoding="utf-8"))
    assert provenance["settings"]["false_positive_rate"] == 0.02
    assert [stream["stream"] for stream in provenance["streams"]] == ["water", "human"]
    assert len(provenance["inputs"]) == 3
    printed = capsys.readouterr().out
    assert printed.index("B") < printed.index("A  ")
    for word in ("2024-03-04", "water", "human", "Wished false alarms: 2.00%", "posterior.csv"):
        assert word in printed


def test_a_long_table_a_quiet_period_and_japanese(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [pl.read_csv(folder / f"{name}.csv").with_columns(stream=pl.lit(name)) for name in ("water", "human")]
    long = pl.concat(parts).with_columns(note=pl.lit("x"))
    long.vstack(long.head(1)).write_parquet(folder / "all.parquet")
    arguments = ["fuse", str(folder / "all.parquet"), "--streams", str(folder / "streams.csv")]
    options = ["--quiet", "2024-01-01..2024-02-12", "--false-positive-rate", "0.4", "--lang", "ja"]
    assert run([*arguments, *options, "--out", str(folder / "p.json")]) == 0
    assert len(json.loads((folder / "p.json").read_text(encoding="utf-8"))) == 20
    said = capsys.readouterr()
    assert "使わなかった列: note" in said.err
    assert "2 行をまとめました" in said.err
    assert "事前確率" in said.out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--out", "p.xlsx"], "--out is p.xlsx, of unknown format"),
        (["--stream", "x"], "'x' is not NAME=FILE"),
        (["--stream", "water=a.csv"], "--stream water is given twice"),
        (["--stream", "vectors=a.csv"], "stream 'vectors' is not in the table"),
        (["--calendar", "iso"], "Did you mean 'ISO'"),
        (["--from", "1.1.2024"], "--from is '1.1.2024'"),
        (["--quiet", "2024-01-01"], "is not FROM..TO"),
        (["--quiet", "2024-01-01..2024-01-31"], "needs at least 500"),
        (["--evidence", "p"], "evidence 'p' is not known"),
        (["--false-positive-rate", "0"], "false-positive rate is 0"),
        (["--prior-per-year", "0"], "events per year is 0"),
        (["--from", "2024-03-01", "--to", "2024-02-01"], "Correct the dates"),
    ],
)
def test_what_cannot_be_done_is_one_line_of_error(
    folder: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(_arguments(folder, *more)) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ")
    assert line.count("\n") == 1
    assert message in line


def test_without_a_table_of_streams_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fuse"]) == 2
    assert "Add --streams FILE" in capsys.readouterr().err


def test_all_words_are_there_in_japanese(root: Path) -> None:
    source = (root / "src/mamori/cli/fuse.py").read_text(encoding="utf-8")
    said = {
        str(node.args[0].value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "text"
        and isinstance(node.args[0], ast.Constant)
    } | {"Place", "Probability", "Alarm since", "Likely began"}
    known: dict[str, str] = {}
    for path in (root / "src/mamori/locale/ja").glob("*.po"):
        with path.open("rb") as stream:
            known |= {str(entry.id): str(entry.string) for entry in read_po(stream) if entry.id}
    assert said <= set(known)
    for message in said:
        assert sorted(re.findall(r"\{\w+", message)) == sorted(re.findall(r"\{\w+", known[message]))
