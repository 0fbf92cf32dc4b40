"""Everything that the report says can be said in Japanese, with the same figures in it."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from mamori.report.words import script_messages


@pytest.fixture(scope="module")
def said(root: Path) -> set[str]:
    """Every message of the report's code, template and script."""
    folder = root / "src/mamori/report"
    found = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in ("say", "text"):
                    found.add(str(node.args[0].value))
    template = (folder / "templates/report.html.j2").read_text(encoding="utf-8")
    found |= set(re.findall(r'\b_\("([^"]+)"\)', template)) | set(re.findall(r"\b_\('([^']+)'\)", template))
    assert template.count("_(") == len(re.findall(r"""\b_\(["']""", template))
    for path in (folder / "templates").glob("*.js"):
        found |= set(script_messages(path.read_text(encoding="utf-8")))
    return found


@pytest.fixture(scope="module")
def japanese(root: Path) -> dict[str, str]:
    with (root / "src/mamori/locale/ja/report.po").open("rb") as stream:
        return {str(entry.id): str(entry.string) for entry in read_po(stream) if entry.id}


OVERRIDE_COLUMNS = {"place", "column", "old", "new", "file", "row"}


def test_every_message_has_its_translation_and_no_translation_is_left_over(
    said: set[str], japanese: dict[str, str]
) -> None:
    assert said - set(japanese) == set()
    assert set(japanese) - said == OVERRIDE_COLUMNS


def test_translations_hold_the_same_figures(japanese: dict[str, str]) -> None:
    for message, translation in japanese.items():
        assert sorted(re.findall(r"\{\w+\}", message)) == sorted(re.findall(r"\{\w+\}", translation)), message


def test_translations_are_japanese(japanese: dict[str, str]) -> None:
    kana_or_kanji = re.compile(r"[぀-ヿ一-鿿]")
    latin = {message for message, translation in japanese.items() if not kana_or_kanji.search(translation)}
    assert latin == {"R0", "{low} to {high}", "{response}, {vaccine}"}
