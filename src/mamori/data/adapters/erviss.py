"""Read ECDC ERVISS: weekly counts of respiratory viruses in the EU/EEA, one snapshot.

The files have the columns `survtype, countryname, yearweek, [pathogen, pathogentype, pathogensubtype,] indicator,
age, value`. Source: EU-ECDC, Respiratory_viruses_weekly_data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mamori.core.contracts import Observations
from mamori.core.errors import InputError, did_you_mean
from mamori.data.adapters._grid import Rules, read_long
from mamori.data.adapters._table import Table, open_table
from mamori.data.adapters.tidy import with_keys

VIRUS = ("pathogen", "pathogentype", "pathogensubtype")
ROLES: dict[str, tuple[str, ...]] = {
    "place": ("countryname",),
    "date": ("yearweek",),
    "stratum": ("age",),
    "observed": ("value",),
    **{name: (name,) for name in ("survtype", "indicator", *VIRUS)},
}
DETECTIONS, TESTS = "detections", "tests"


def read_erviss(
    path: Path,
    rules: Rules,
    signal: str | None = None,
    by: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
) -> Observations:
    """Return the counts of one indicator (`signal`; detections by default) of a snapshot.

    A series is a country with, where they differ, the type of surveillance, the virus by type and subtype, and
    the age group; totals are series of their own beside their parts. With detections, the tests of the same
    row's labels are the denominator. Rates and shares are not counts and are refused. Raises `InputError` as
    `read_observations` says.
    """
    import polars as pl

    table = open_table(path, ROLES, columns, drop)
    for role in ("place", "date", "observed", "indicator"):
        if not table.has(role):
            raise InputError(f"{path} has no column '{ROLES[role][0]}' of ERVISS. Name it, e.g. {role}=my_column")
    found = [str(name) for name in table.distinct(["indicator"]).get_column("indicator")]
    wanted = signal or (DETECTIONS if DETECTIONS in found else found[0])
    if wanted not in found or (signal is None and wanted != DETECTIONS and len(found) > 1):
        raise InputError(f"{path} has the indicators {', '.join(sorted(found))}.{did_you_mean(wanted, found)} Name one")
    everything = table.numbered()
    table, dropped = everything.leave_out(
        pl.col(table.roles["indicator"]) != wanted, "another indicator", "Name it as the signal to read it"
    )
    virus = [role for role in VIRUS if table.has(role)]
    keys = [role for role in ("survtype", "place", *virus, "stratum") if table.has(role)]
    if wanted == DETECTIONS and TESTS in found:
        table = _with_tests(everything, table, [*keys, "date"])
    if by:
        return read_long(*with_keys(table, by), rules, dropped)
    differing = [role for role in keys if role == "place" or table.distinct([role]).height > 1]
    return read_long(table, differing, rules, dropped)


def _with_tests(everything: Table, table: Table, keys: Sequence[str]) -> Table:
    """Return the table with the number of tests that have the same `keys`."""
    import polars as pl

    names = [everything.roles[key] for key in keys]
    value = everything.roles["observed"]
    tests = everything.frame.filter(pl.col(everything.roles["indicator"]) == TESTS).select(
        *names, pl.col(value).alias("_tests")
    )
    tests = tests.unique(subset=names, keep="none")
    frame = table.frame.join(tests, on=names, how="left", nulls_equal=True, maintain_order="left")
    return replace(table, frame=frame, roles={**table.roles, "denominator": "_tests"})
