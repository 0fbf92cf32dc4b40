"""Everything that the reports say can be said in Japanese, with the same figures in it."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from mamori.report.page import script_messages

OF_ALERTS = ("alert", "series", "time_marks")
"""How the names of the files begin that only the report of alerts is made with."""

OVERRIDE_COLUMNS = {"place", "column", "old", "new", "file", "row"}


def said_in(paths: Iterable[Path]) -> set[str]:
    """Every message of some files of code, templates or script."""
    found: set[str] = set()
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    if name in ("say", "text"):
                        found.add(str(node.args[0].value))
        elif path.suffix == ".j2":
            found |= set(re.findall(r'\b_\("([^"]+)"\)', text)) | set(re.findall(r"\b_\('([^']+)'\)", text))
            assert text.count("_(") == len(re.findall(r"""\b_\(["']""", text))
        elif path.suffix == ".js":
            found |= set(script_messages(text))
    return found


def catalogue(root: Path, area: str) -> dict[str, str]:
    with (root / f"src/mamori/locale/ja/{area}.po").open("rb") as stream:
        return {str(entry.id): str(entry.string) for entry in read_po(stream) if entry.id}


@pytest.fixture(scope="module")
def files(root: Path) -> list[Path]:
    folder = root / "src/mamori/report"
    return [*folder.glob("*.py"), *(folder / "templates").iterdir()]


@pytest.fixture(scope="module")
def report(root: Path) -> dict[str, str]:
    return catalogue(root, "report")


@pytest.fixture(scope="module")
def alerts(root: Path) -> dict[str, str]:
    return catalogue(root, "alerts")


def test_every_message_has_its_translation_and_no_translation_is_left_over(
    files: list[Path], report: dict[str, str]
) -> None:
    said = said_in(path for path in files if not path.name.startswith(OF_ALERTS))
    assert said - set(report) == set()
    assert set(report) - said == OVERRIDE_COLUMNS


def test_every_message_of_the_alert_report_stands_once(
    files: list[Path], report: dict[str, str], alerts: dict[str, str]
) -> None:
    said = said_in(path for path in files if path.name.startswith(OF_ALERTS))
    assert said - set(report) - set(alerts) == set()
    assert set(alerts) - said == set()
    assert set(alerts) & set(report) == set()


@pytest.mark.parametrize("area", ["report", "alerts"])
def test_translations_hold_the_same_figures(root: Path, area: str) -> None:
    for message, translation in catalogue(root, area).items():
        assert sorted(re.findall(r"\{\w+\}", message)) == sorted(re.findall(r"\{\w+\}", translation)), message


def test_translations_are_japanese(report: dict[str, str], alerts: dict[str, str]) -> None:
    kana_or_kanji = re.compile(r"[぀-ヿ一-鿿]")
    latin = {message for message, translation in (report | alerts).items() if not kana_or_kanji.search(translation)}
    assert latin == {"R0", "{low} to {high}", "{response}, {vaccine}"}
