"""Read what users hold into `Observations`: one function for all formats, one file for each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from mamori.core.contracts import Observations
from mamori.core.errors import InputError, did_you_mean
from mamori.core.time import Calendar
from mamori.data.adapters._grid import Duplicates, Missing, Rules
from mamori.data.adapters.tidy import read_tidy

FORMS = ("auto", "tidy")


def read_observations(
    path: Path,
    *,
    form: str = "auto",
    frequency: int | None = None,
    calendar: Calendar | None = None,
    date: Literal["onset", "report"] | None = None,  # noqa: ARG001
    period: Literal["day", "week", "month"] = "week",
    by: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    signal: str | None = None,
    missing: Missing = "missing",
    duplicates: Duplicates = "error",
) -> Observations:
    """Return the counts in the file `path`, checked, as series on one time axis."""
    if form not in FORMS:
        raise InputError(f"form '{form}' is not known; choose {', '.join(FORMS)}.{did_you_mean(form, FORMS)}")
    rules = Rules(frequency, calendar, missing, duplicates)
    return read_tidy(Path(path), rules, by, columns, drop)
