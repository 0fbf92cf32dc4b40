"""What the commands share: groups that help when called bare, the word of an interrupt, kernels made ready."""

import sys
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from mamori.core.errors import MamoriError
from mamori.core.messages import LANGUAGES, check_language, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Language = Annotated[
    str,
    typer.Option("--lang", callback=check_language, help=f"Language of the words: {' or '.join(LANGUAGES)}."),
]

SILENT_SECONDS = 3.0
"""Loading compiled kernels takes less than this, compiling them more."""


class Interrupted(MamoriError):  # noqa: N818 - not an error: the user asked for it
    """The user stopped the work; the message says what is kept and how to go on (exit 130)."""


class _Group(TyperGroup):
    """A group of commands that prints its help when no command is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])


def command_group(description: str, example: str) -> typer.Typer:
    """Return a group of commands whose ``--help`` shows `description` and `example`."""
    return typer.Typer(cls=_Group, help=described(description, example), rich_markup_mode=None, add_completion=False)


def described(description: str, example: str) -> str:
    """Return the help text of a command: what it does, then an example of its call."""
    return f"{description}\n\nExample: {example}"


@contextmanager
def progress_bar(title: str) -> "Iterator[Callable[[int, int], None]]":
    """Give a function that shows (done, in all): a bar on stderr where a person is watching, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def compiling(lang: str) -> "Iterator[None]":
    """Say why the command waits when what happens inside takes as long as compiling kernels does."""
    notice = Timer(
        SILENT_SECONDS,
        typer.echo,
        (text("Compiling the kernels for this machine, once after an installation: about a minute", lang),),
        {"err": True},
    )
    notice.start()
    try:
        yield
    finally:
        notice.cancel()


def prepare_kernels(lang: str = "en", *, by_day: bool = False) -> None:
    """Load the compiled kernels of the epidemic engine; where they are not compiled yet, say why the command waits.

    `by_day`: those of scenarios whose parameters change from day to day (`epidemic.schedule`).
    """
    from mamori.epidemic import model, schedule

    with compiling(lang):
        (schedule if by_day else model).compile_kernels()
