"""`mamori timeliness`: what it writes and prints, and what it refuses."""

import json
from pathlib import Path

import polars as pl
import pytest

from mamori.cli.main import run
from mamori.cli.timeliness import ACTION_WORDS, SHOWN_EVENTS
from mamori.core.tables import TableDefinition
from mamori.surveillance.timeliness import ACTIONS

HEADER = "event,disease,disease_class,country,emergence_date,detection_date,notification_date"
HEADER += "".join(f",{action}_date" for action in ACTIONS)
DONE = ",2024-03-05" * 6
EVENTS = (
    f"cholera 1,cholera,food- or water-borne,KEN,2024-03-01,2024-03-04,2024-03-04{DONE},2024-03-06\n"
    f"measles 2,measles,vaccination,UGA,2024-01-01,2024-02-10,2024-02-12{',2024-02-13' * 5}{',2024-03-20' * 2}\n"
    f"unknown 3,,,KEN,2024-03-01,,2024-03-04{DONE},\n"
    f"rabies 4,rabies,zoonosis,KEN,2024-03-01,2024-03-02,2024-03-02{',Not applicable' * 7}\n"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    path.write_text(f"{HEADER}\n{EVENTS}", encoding="utf-8")
    return path


def test_it_writes_events_shares_and_provenance(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = log.with_name("result.csv")
    assert run(["timeliness", str(log), "--by", "country", "--out", str(out)]) == 0
    events = TableDefinition.load("timeliness").validate(pl.read_csv(out), "events")
    assert events["all"].to_list() == ["met", "not met", "not assessable", "not assessable"]
    summary = pl.read_csv(log.with_name("result.summary.csv"))
    TableDefinition.load("timeliness_summary").validate(summary, "summary")
    assert summary["group"].unique(maintain_order=True).to_list() == ["KEN", "UGA", None]
    assert "events_sha256" in json.loads(log.with_name("result.provenance.json").read_text(encoding="utf-8"))
    printed = capsys.readouterr().out
    for words in (
        *("Country", "Detect ≤ 7 d", "All events", "2/3 67% (21%–94%)", "Written"),
        *("Bottlenecks", "Detect", "33", "5.7", "Not assessable in full", "Detection, Coordination"),
        "no early response action applies",
    ):
        assert words in printed


def test_json_holds_all_and_parquet_is_the_same(log: Path) -> None:
    for name in ("all.json", "all.parquet"):
        assert run(["timeliness", str(log), "--out", str(log.with_name(name))]) == 0
    content = json.loads(log.with_name("all.json").read_text(encoding="utf-8"))
    assert content["events"] == pl.read_parquet(log.with_name("all.parquet")).to_dicts()
    assert content["summary"] == pl.read_parquet(log.with_name("all.summary.parquet")).to_dicts()
    assert content["provenance"]["mamori"]
    assert not log.with_name("all.summary.json").exists()


def test_the_words_are_japanese_on_request(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["timeliness", str(log), "--lang", "ja"]) == 0
    printed = capsys.readouterr().out
    for words in ("疾病の区分", "検知 7日以内", "全事象", "記載なし", "評価不能", "調整", "該当する早期対応行動がない"):
        assert words in printed
    assert "Respond" not in printed


def test_a_late_action_beside_an_undated_one_is_at_least_so_late(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = f"e,,,,2024-03-01,2024-03-04,2024-03-04{',2024-03-05' * 5},2024-03-25,\n"
    log.write_text(f"{HEADER}\n{late}", encoding="utf-8")
    assert run(["timeliness", str(log)]) == 0
    printed = capsys.readouterr().out
    for words in ("Respond: Risk communication", "≥ 14", "≥ 3.0", "not assessable"):
        assert words in printed


def test_long_lists_are_cut_and_say_so(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"event-{i},,,,2024-03-01,2024-04-01,2024-04-01{',2024-04-02' * 7}" for i in range(SHOWN_EVENTS + 3)]
    log.write_text("\n".join([HEADER, *rows]), encoding="utf-8")
    assert run(["timeliness", str(log)]) == 0
    printed = capsys.readouterr().out
    assert "and 3 more; --out writes all" in printed
    assert f"event-{SHOWN_EVENTS - 1} " in printed
    assert f"event-{SHOWN_EVENTS} " not in printed


def test_many_actions_that_came_last_together_are_counted(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    together = f"e,,,,2024-03-01,2024-03-04,2024-03-04{',2024-03-04' * 4}{',2024-03-25' * 3}\n"
    log.write_text(f"{HEADER}\n{together}", encoding="utf-8")
    assert run(["timeliness", str(log)]) == 0
    assert "Respond: 3 actions on one day" in capsys.readouterr().out


def test_every_action_has_its_words() -> None:
    assert tuple(ACTION_WORDS) == ACTIONS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.csv"], "nothing.csv is not a file"),
        (["{log}", "--by", "contry"], "by is 'contry'; events are grouped by disease_class or country. Did you mean"),
        (["{log}", "--out", "result.xlsx"], "--out is result.xlsx, of unknown format"),
        (["{broken}"], "row 3, event 'b': detection_date 2024-02-01 lies before emergence_date 2024-03-01"),
    ],
)
def test_what_cannot_be_done_is_one_line_of_error(
    arguments: list[str], message: str, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = log.with_name("broken.csv")
    broken.write_text("event,emergence_date,detection_date\na,,\nb,2024-03-01,2024-02-01\n", encoding="utf-8")
    words = [argument.format(log=log, broken=broken) for argument in arguments]
    assert run(["timeliness", *words]) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ")
    assert line.count("\n") == 1
    assert message in line
