"""`mamori exercise`: what it prints, writes and refuses."""

import json
from pathlib import Path

import polars as pl
import pytest

from mamori.cli import main
from mamori.exercise import loop
from mamori.exercise.record import Record
from mamori.exercise.setup import Setup

SMALL = ["--select", "ISL", "--select", "MNG", "--weeks", "30", "--draws", "2", "--workers", "1"]


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main.run(["exercise", *arguments])
    output = capsys.readouterr()
    return code, output.out, output.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small finished run with its report."""
    out = tmp_path_factory.mktemp("runs") / "small"
    arms = "central-100,central-365"
    assert main.run(["exercise", "run", *SMALL, "--arms", arms, "--out", str(out), "--lang", "ja"]) == 0
    return out


def test_a_run_prints_the_result_and_where_the_report_lies(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = _run(capsys, "run", *SMALL, "--arms", "none-100,none-365")
    assert code == 0
    assert "2 places, 30 weeks from 2027-01-04, 2 draws, seed 1" in out
    assert "none-365" in out
    assert "Deaths averted by the earlier vaccine" in out
    assert "The report: results/disease-x/report.html" in out
    assert "2/2 none-365 draws 0-1" in err
    assert (tmp_path / "results" / "disease-x" / "report.html").is_file()


def test_the_report_can_be_left_out_and_the_words_are_japanese(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = _run(
        capsys, "run", *SMALL, "--arms", "none-100", "--no-report", "--lang", "ja", "--out", str(tmp_path / "run")
    )
    assert code == 0
    assert "感染" in out
    assert "人々と政府" not in out
    assert not (tmp_path / "run" / "report.html").exists()


def test_an_interrupt_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["run", *SMALL, "--arms", "none-100,none-365", "--no-report", "--out", str(tmp_path / "run")]
    simulate = loop.simulate

    def first_only(setup: Setup, chunk: loop.Chunk) -> Record:
        if chunk.arm.vaccine_day == 365:
            raise KeyboardInterrupt
        return simulate(setup, chunk)

    monkeypatch.setattr(loop, "simulate", first_only)
    code, _, err = _run(capsys, *arguments)
    assert code == 130
    assert err.splitlines()[-1].startswith("interrupted: what is finished is kept in")
    monkeypatch.setattr(loop, "simulate", simulate)
    code, _, err = _run(capsys, *arguments)
    assert code == 0
    assert "1 of 2 parts were finished before and are kept" in err


def test_list_names_every_built_in_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "list")
    assert code == 0
    assert "disease-x: " in out
    assert "fair-shares: " in out
    assert "strong-365" in out


def test_show_prints_value_unit_meaning_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "show", "fair-shares")
    assert code == 0
    lines = out.splitlines()
    at = lines.index("vaccine.efficacy_infection: 0.55 share")
    assert lines[at + 1] == "    Efficacy against infection"
    assert lines[at + 2].startswith("    Source: variant-specific vaccine")
    changed = lines.index("allocation: population")
    assert not lines[changed + 2].startswith("    Source")


def test_validate_checks_fields_pathogen_and_places(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("based_on: disease-x\nplaces: [KEN, Japan]\n", encoding="utf-8")
    code, out, _ = _run(capsys, "validate", str(mine))
    assert code == 0
    assert "is valid: 6 arms, 2 places, 104 weeks, 20 draws" in out
    for content, message in {
        "pathogen: influenca-1918": "Did you mean 'influenza-1918'?",
        "places: [Icelund]": "Did you mean 'Iceland'?",
        "emergence: {place: Icelund}": "is not among the places of the run. Did you mean 'Iceland'?",
    }.items():
        mine.write_text(f"based_on: disease-x\n{content}\n", encoding="utf-8")
        code, _, err = _run(capsys, "validate", str(mine))
        assert code == 2
        assert err.startswith("error: ")
        assert message in err
        assert err.count("\n") == 1


def test_compare_prints_and_writes_the_differences(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    code, out, _ = _run(capsys, "compare", str(folder), str(folder), "--out", str(tmp_path / "difference.csv"))
    assert code == 0
    assert "central-100" in out
    table = pl.read_csv(tmp_path / "difference.csv")
    assert set(table["group"]) == {"WORLD", "HIC", "UMIC", "ISL", "MNG"}
    assert (table["difference_q95"] == 0.0).all()


def test_the_report_of_a_run_is_in_the_language_asked_for(folder: Path) -> None:
    assert '<html lang="ja"' in (folder / "report.html").read_text(encoding="utf-8")
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["title"].startswith("Disease X")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "disese-x"], "Did you mean 'disease-x'?"),
        (["run", "watson-2022"], "mamori exercise replay watson-2022"),
        (["run", "--lang", "fr"], "language 'fr' is not available"),
        (["run", "--arms", "central-100,centrel-365"], "Did you mean 'central-365'?"),
        (["run", "--seed", "one"], "--seed"),
        (["replay", "watson-2020", "--fits", ".", "--out", "x.csv"], "Did you mean 'watson-2022'?"),
        (["replay", "watson-2022", "--fits", "nowhere", "--out", "x.csv"], "nowhere"),
        (["compare", "nowhere", "nowhere"], "holds no finished run"),
    ],
)
def test_bad_input_is_one_line_that_starts_with_error(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = _run(capsys, *arguments)
    assert code == 2
    last = err.splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
