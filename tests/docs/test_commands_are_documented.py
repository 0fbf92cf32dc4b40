"""A command that no page explains is as good as missing."""

from pathlib import Path

import pytest
from typer.main import get_command

from mamori.cli.main import app


def _commands() -> list[str]:
    found: list[str] = []

    def walk(command: object, path: str) -> None:
        children = getattr(command, "commands", {})
        if not children:
            found.append(path)
        for name, child in children.items():
            walk(child, f"{path} {name}")

    walk(get_command(app), "mamori")
    return found


@pytest.mark.parametrize("command", _commands())
def test_a_page_written_by_hand_shows_the_command(root: Path, command: str) -> None:
    pages = [
        root / "README.md",
        *(page for page in (root / "docs").rglob("*.md") if "_" not in page.parts[-2][:1]),
    ]
    assert any(command in page.read_text(encoding="utf-8") for page in pages)
