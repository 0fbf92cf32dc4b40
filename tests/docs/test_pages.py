"""The commands and calls that the pages show are ones that the program takes."""

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

import mamori
from mamori.cli.main import app

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("[a-z]*/*.md")])


def _blocks(page: Path, language: str) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _shown_commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for block in _blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == ["mamori"]:
                    yield f"{page.name}: {' '.join(words)}", words[1:]


def _leaves() -> Iterator[str]:
    def walk(command: object, path: str) -> Iterator[str]:
        children = getattr(command, "commands", {})
        if not children:
            yield path
        for name, child in children.items():
            yield from walk(child, f"{path} {name}")

    yield from walk(get_command(app), "mamori")


@pytest.mark.parametrize("arguments", [pytest.param(words, id=where) for where, words in _shown_commands()])
def test_a_shown_command_parses(arguments: list[str]) -> None:
    command = get_command(app)
    if arguments[0].startswith("--"):
        assert arguments in (["--help"], ["--version"])
        return
    context = command.make_context("mamori", list(arguments))
    while isinstance(command, TyperGroup):
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        command, context = found, found.make_context(name, rest, parent=context)


@pytest.mark.parametrize("command", list(_leaves()))
def test_every_command_is_shown_on_a_page(command: str) -> None:
    assert any(command in page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_shown_calls_name_what_exists(page: Path) -> None:
    for block in _blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module == "mamori":
                assert all(hasattr(mamori, alias.name) for alias in node.names)
            if _is_public(node):
                assert hasattr(mamori, node.attr)  # type: ignore[attr-defined]
            if isinstance(node, ast.Call) and _is_public(node.func):
                signature = inspect.signature(getattr(mamori, node.func.attr))  # type: ignore[attr-defined]
                signature.bind(*node.args, **{str(keyword.arg): keyword.value for keyword in node.keywords})


def _is_public(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "mamori"
