"""Read the case export of SORMAS: a line list under the names of its data dictionary.

The export has a header of property names (`reportDate`, `symptoms.onsetDate`) and may have a second one with
their captions. Source: SORMAS-Foundation/SORMAS-Project, data dictionary and detailed case export.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mamori.core.contracts import Dropped, Observations
from mamori.data.adapters._table import FIRST_ROW, ROW, Table, open_table, readable, snake_case
from mamori.data.adapters.linelist import ROLES as CASE_ROLES
from mamori.data.adapters.linelist import Counting, count_cases

ROLES: dict[str, tuple[str, ...]] = {
    **CASE_ROLES,
    "onset": ("symptoms_onset_date", "onset_date"),
    "report": ("report_date",),
    "classification": ("case_classification",),
    "place": ("district",),
    "signal": ("disease",),
    "stratum": ("age_group",),
}
NO_CASE = ("no_case", "not_a_case")


def read_sormas(
    path: Path,
    counting: Counting,
    by: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
) -> Observations:
    """Return the counts of the cases in a case export; raises `InputError` as `read_observations` says.

    Rows classified as no case are left out and counted in `dropped`.
    """
    table, captions = _without_captions(open_table(path, ROLES, columns, drop))
    table, no_case = without_no_case(table, NO_CASE)
    return count_cases(table, counting, by, (*captions, *no_case))


def without_no_case(table: Table, endings: Sequence[str]) -> tuple[Table, tuple[Dropped, ...]]:
    """Return the table without the rows whose classification ends in one of `endings` (snake case), and how many."""
    import polars as pl

    if not table.has("classification"):
        return table, ()
    found = table.distinct(["classification"]).get_column("classification").to_list()
    words = [word for word in found if word is not None and snake_case(str(word)).endswith(tuple(endings))]
    classified = pl.col(table.roles["classification"]).is_in(words)
    return table.leave_out(classified, "classified as no case", "Nothing, where the classification is right")


def _without_captions(table: Table) -> tuple[Table, tuple[Dropped, ...]]:
    """Return the table without the second header row, known by letters only where a date should be."""
    import polars as pl

    dates = [role for role in ("onset", "report") if table.has(role)]
    if not dates:
        return table, ()
    with readable(table.path):
        first = table.select(dates).head(1).collect().row(0)
    if not any(isinstance(cell, str) and cell.strip() and not any(map(str.isdigit, cell)) for cell in first):
        return table, ()
    return table.leave_out(pl.col(ROW) == FIRST_ROW, "second header row", "Nothing")
