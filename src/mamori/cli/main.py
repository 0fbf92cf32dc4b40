"""The command `mamori`: its groups, and the one place where errors become words and exit codes.

Command modules import only the standard library, typer and light parts of `mamori.core` at their top, so that
``mamori --help`` answers at once; what computes is imported inside the command.
"""

import errno
import os
import sys
from typing import Annotated

import typer
from typer.main import get_command

from mamori.cli import (
    calibrate,
    data,
    detect,
    exercise,
    forecast,
    fuse,
    nowcast,
    rt,
    scan,
    score,
    severity,
    simulate,
    timeliness,
)
from mamori.cli._common import Interrupted, command_group
from mamori.core.errors import MamoriError

# Threads of the linear algebra beneath NumPy slow our own ones down; it reads this when NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130

app = command_group(
    "Mamori: pandemic prevention, preparedness and response, from the first case to the last dose.",
    "mamori exercise run",
)
app.command()(simulate.simulate)
app.command()(calibrate.calibrate)
app.command()(detect.detect)
app.command()(fuse.fuse)
app.command()(scan.scan)
app.command()(rt.rt)
app.command()(forecast.forecast)
app.command()(nowcast.nowcast)
app.command()(score.score)
app.command()(severity.severity)
app.command()(timeliness.timeliness)
app.add_typer(data.app, name="data")
app.add_typer(exercise.app, name="exercise")


def _print_version(wanted: bool) -> None:
    if wanted:
        from mamori import __version__

        typer.echo(f"mamori {__version__}")
        raise typer.Exit


@app.callback()
def _mamori(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 2 error, 130 interrupted.

    Errors that the user can put right are one line on stderr starting ``error:``; anything else is a defect
    of Mamori and keeps its traceback.
    """
    try:
        code = get_command(app).main(arguments, prog_name="mamori", standalone_mode=False)
        sys.stdout.flush()
    except Interrupted as stop:
        return _say(f"interrupted: {stop}", EXIT_INTERRUPTED)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except typer.TyperException as error:
        return _say(f"error: {_one_line(error.format_message())}", EXIT_ERROR)
    except MamoriError as error:
        return _say(f"error: {error}", EXIT_ERROR)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _discard_output()
        return _say("error: no space left to write the output. Free some space and run again", EXIT_ERROR)
    # Typer turns Ctrl-C inside a command into this code.
    if code == EXIT_INTERRUPTED:
        return _say("interrupted: nothing half-written was kept", EXIT_INTERRUPTED)
    return code if isinstance(code, int) else 0


def _discard_output() -> None:
    """Keep Python from trying, and failing, to write what is left for standard output when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_line(message: str) -> str:
    return " ".join(message.split())


def _say(line: str, code: int) -> int:
    print(line, file=sys.stderr)
    return code


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run())
