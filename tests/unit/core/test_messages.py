import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from mamori.core.errors import InputError
from mamori.core.messages import LANGUAGES, text

TRANSLATED = [language for language in LANGUAGES if language != "en"]


def _catalogues(root: Path, language: str) -> dict[str, Catalog]:
    folder = root / "src/mamori/locale" / language
    return {file.name: read_po(io.BytesIO(file.read_bytes())) for file in sorted(folder.glob("*.po"))}


def _literals(root: Path) -> Iterator[tuple[str, str]]:
    """Yield (where, message) for every message written out in a call of `text` in the source."""
    for file in sorted((root / "src/mamori").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "text":
                message = node.args[0]
                assert not isinstance(message, ast.JoinedStr), (
                    f"{file}:{node.lineno}: format after text(), not in it"
                )
                if isinstance(message, ast.Constant) and message.value:
                    yield f"{file.relative_to(root)}:{node.lineno}", str(message.value)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_in_the_source_is_translated(root: Path, language: str) -> None:
    known = {
        str(entry.id) for catalogue in _catalogues(root, language).values() for entry in catalogue if entry.id
    }
    found = list(_literals(root))
    assert found
    assert [f"{where}: {message}" for where, message in found if message not in known] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_entry_is_translated_once_and_keeps_its_fields(root: Path, language: str) -> None:
    wrong: list[str] = []
    meaning: dict[str, str] = {}
    for name, catalogue in _catalogues(root, language).items():
        for entry in catalogue:
            if not entry.id:
                continue
            source, target = str(entry.id), str(entry.string or "")
            if not target or entry.fuzzy:
                wrong.append(f"{name}: '{source}' has no translation")
            if sorted(re.findall(r"{\w*", source)) != sorted(re.findall(r"{\w*", target)):
                wrong.append(f"{name}: '{source}' has other fields than its translation")
            if meaning.setdefault(source, target) != target:
                wrong.append(f"{name}: '{source}' is translated in two ways")
    assert meaning
    assert wrong == []


def test_a_known_message_comes_in_japanese() -> None:
    assert text("Unit", "ja") == "単位"
    assert text("Unit") == "Unit"


def test_a_message_without_translation_stays_english() -> None:
    assert text("A sentence that nobody has translated", "ja") == "A sentence that nobody has translated"


def test_a_language_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="language 'jp' is not available; choose one of en, ja"):
        text("Unit", "jp")
