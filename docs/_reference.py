"""Write the reference pages: commands from their help, tables from their definitions, the Python API."""

from collections.abc import Iterator
from pathlib import Path

import typer
from typer.main import get_command

import mamori
from mamori.cli.main import app
from mamori.core.messages import LANGUAGES
from mamori.core.tables import TableDefinition

LANGUAGE_NAMES = {"en": "English", "ja": "日本語"}


def write_reference(folder: Path) -> None:
    """Write ``commands.md``, ``tables.md`` and ``api.md`` into `folder`."""
    folder.mkdir(exist_ok=True)
    for name, content in (("commands", _commands()), ("tables", _tables()), ("api", _api())):
        page = folder / f"{name}.md"
        if not page.exists() or page.read_text(encoding="utf-8") != content:
            page.write_text(content, encoding="utf-8")


def command_helps() -> Iterator[tuple[str, str]]:
    """Yield (the command as it is typed, its help) for every command and group."""

    def walk(command: object, context: typer.Context, path: str) -> Iterator[tuple[str, str]]:
        yield path, context.get_help()
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(
                child, child.make_context(name, [], parent=context, resilient_parsing=True), f"{path} {name}"
            )

    root = get_command(app)
    yield from walk(root, root.make_context("mamori", [], resilient_parsing=True), "mamori")


def _commands() -> str:
    parts = ["# Commands\n"]
    parts += [f"## `{path}`\n\n```text\n{help_text}\n```\n" for path, help_text in command_helps()]
    return "\n".join(parts)


def _tables() -> str:
    parts = [
        "# Tables\n",
        "Every table that Mamori reads or holds is defined by one file in `src/mamori/tables`.",
        "A column without a default must be given; `null` means that a cell may be empty.\n",
    ]
    for name in TableDefinition.names():
        definition = TableDefinition.load(name)
        parts.append(f"## `{name}`\n")
        parts += [f"### {LANGUAGE_NAMES[lang]}: {name}\n\n{definition.docs(lang)}" for lang in LANGUAGES]
    return "\n".join(parts)


def _api() -> str:
    parts = [
        "# Python\n",
        "Whatever a command does is one call. The names below are imported from `mamori` when first used.\n",
    ]
    for name in mamori.__all__:
        if name.startswith("__"):
            continue
        directive = "autoclass" if isinstance(getattr(mamori, name), type) else "autofunction"
        parts.append(f"```{{eval-rst}}\n.. {directive}:: mamori.{name}\n```\n")
    return "\n".join(parts)
