"""The command line as a whole: help, errors, exit codes."""

import errno
import subprocess
import sys

import pytest
import typer
from typer.main import get_command

from mamori import __version__
from mamori.cli import main
from mamori.cli._common import Interrupted, command_group, described
from mamori.core.errors import InputError

HEAVY = ("numpy", "polars", "numba", "scipy", "pydantic", "babel", "jinja2", "rich")

FAILURES: dict[str, BaseException] = {
    "input": InputError("column 'beds' row 3 holds -1;\n it must be >= 0. Correct the cell"),
    "interrupt": KeyboardInterrupt(),
    "explained": Interrupted("12 draws are kept; run the same command to go on"),
    "disk": OSError(errno.ENOSPC, "No space left on device"),
    "defect": ZeroDivisionError("a defect of the program"),
    "nothing": typer.Exit(),
}


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a command line in place that has one command, which fails as it is told."""
    app = command_group("A test.", "mamori fail input")

    @app.command(help=described("Fail.", "mamori fail input"))
    def fail(how: str, times: int = 1) -> None:
        for _ in range(times):
            raise FAILURES[how]

    @app.command(help=described("Do well.", "mamori succeed"))
    def succeed() -> None:
        typer.echo("done")

    monkeypatch.setattr(main, "app", app)


def _commands() -> list[list[str]]:
    found: list[list[str]] = []

    def walk(command: object, path: list[str]) -> None:
        found.append(path)
        for name, child in getattr(command, "commands", {}).items():
            walk(child, [*path, name])

    walk(get_command(main.app), [])
    return found


@pytest.mark.parametrize("path", _commands(), ids=lambda path: " ".join(["mamori", *path]))
def test_every_command_has_help_with_an_example_of_itself(path: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([*path, "--help"]) == 0
    output = capsys.readouterr().out
    assert f"Example: {' '.join(['mamori', *path])} " in " ".join(output.split()) + " "


def test_help_is_printed_without_importing_what_computes() -> None:
    program = (
        "import sys; from mamori.cli.main import run; code = run(['--help']);"
        f"heavy = [name for name in {HEAVY} if name in sys.modules]; sys.exit(code or ' '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"mamori {__version__}\n"


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "mamori", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"mamori {__version__}\n"


def test_called_bare_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([]) == 0
    assert "Usage: mamori" in capsys.readouterr().out


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["fial"], 2, "error: No such command 'fial'. Did you mean 'fail'?"),
        (["fail", "input", "--tims", "2"], 2, "error: No such option: --tims (Possible options: --times)"),
        (["fail"], 2, "error: Missing argument 'how'."),
        (["fail", "input"], 2, "error: column 'beds' row 3 holds -1; it must be >= 0. Correct the cell"),
        (["fail", "disk"], 2, "error: no space left to write the output. Free some space and run again"),
        (["fail", "interrupt"], 130, "interrupted: nothing half-written was kept"),
        (["fail", "explained"], 130, "interrupted: 12 draws are kept; run the same command to go on"),
    ],
)
def test_an_error_is_one_line_with_its_exit_code(
    arguments: list[str], code: int, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main.run(arguments) == code
    assert capfd.readouterr().err == f"{line}\n"


@pytest.mark.usefixtures("failing")
def test_a_bad_number_is_one_line_that_names_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["fail", "input", "--times", "two"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: Invalid value for '--times'")
    assert error.count("\n") == 1


@pytest.mark.usefixtures("failing")
def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        main.run(["fail", "defect"])


@pytest.mark.usefixtures("failing")
def test_a_command_that_ends_well_gives_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["succeed"]) == 0
    assert main.run(["fail", "nothing"]) == 0
    assert capsys.readouterr().out == "done\n"
