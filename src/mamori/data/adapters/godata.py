"""Read the case export of Go.Data: JSON (a list of cases) or CSV, a line list under the names of its API.

Source: WHO Go.Data, case export and API (fields `dateOfOnset`, `dateOfReporting`, `classification`, `deleted`,
`addresses`), as in the public scripts of WorldHealthOrganization/godata.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mamori.core.contracts import Dropped, Observations
from mamori.core.errors import InputError
from mamori.data.adapters._json import read_json
from mamori.data.adapters._table import Table, open_table
from mamori.data.adapters.linelist import ROLES as CASE_ROLES
from mamori.data.adapters.linelist import Counting, count_cases
from mamori.data.adapters.sormas import without_no_case

ROLES: dict[str, tuple[str, ...]] = {
    **CASE_ROLES,
    "onset": ("date_of_onset",),
    "report": ("date_of_reporting",),
    "classification": ("classification",),
    "deleted": ("deleted",),
    "place": ("place", "location_id", "addresses_location_id"),
}
NO_CASE = ("not_a_case_discarded", "not_a_case")
RESIDENCE = "LNG_REFERENCE_DATA_CATEGORY_ADDRESS_TYPE_USUAL_PLACE_OF_RESIDENCE"


def read_godata(
    path: Path,
    counting: Counting,
    by: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
) -> Observations:
    """Return the counts of the cases in a case export; raises `InputError` as `read_observations` says.

    Deleted cases and those classified as not a case (discarded) are left out and counted in `dropped`. From
    JSON, the place of a case is the location of its usual residence.
    """
    frame = _from_json(path).lazy() if path.suffix.lower() == ".json" else None
    table, deleted = _without_deleted(open_table(path, ROLES, columns, drop, frame))
    table, no_case = without_no_case(table, NO_CASE)
    return count_cases(table, counting, by, (*deleted, *no_case))


def _without_deleted(table: Table) -> tuple[Table, tuple[Dropped, ...]]:
    import polars as pl

    if not table.has("deleted"):
        return table, ()
    words = pl.col(table.roles["deleted"]).cast(pl.String).str.strip_chars().str.to_lowercase()
    return table.leave_out(words.is_in(["true", "1", "yes"]), "deleted in Go.Data", "Nothing")


def _from_json(path: Path) -> Any:
    """Return the plain fields of all cases as texts, and `place`; what is nested deeper is not read."""
    import polars as pl

    cases = read_json(path)
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise InputError(f"{path} is no list of cases. Export the cases of Go.Data as JSON")
    if not cases:
        raise InputError(f"{path} has no cases. Export at least one")
    names = dict.fromkeys(name for case in cases for name in case)
    fields: dict[str, list[str | None]] = {
        name: [_text(case.get(name)) for case in cases]
        for name in names
        if not any(isinstance(case.get(name), (dict, list)) for case in cases)
    }
    if "addresses" in names and "place" not in names:
        fields["place"] = [_residence(case.get("addresses")) for case in cases]
    return pl.DataFrame(fields, schema=dict.fromkeys(fields, pl.String))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _residence(addresses: object) -> str | None:
    """Return the location of the usual residence, or of the only address."""
    listed = [address for address in addresses if isinstance(address, dict)] if isinstance(addresses, list) else []
    usual = [address for address in listed if address.get("typeId") == RESIDENCE] or listed
    return _text(usual[0].get("locationId")) if len(usual) == 1 else None
