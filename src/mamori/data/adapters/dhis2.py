"""Read data values of DHIS2: data value sets (JSON or CSV) and the answer of its analytics (JSON).

Source: DHIS2 documentation, Web API, "Data values", "Analytics" and "Date and period format".
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mamori.core.contracts import LABELS, Dropped, Observations
from mamori.core.errors import InputError, did_you_mean
from mamori.data.adapters._grid import Rules, read_long
from mamori.data.adapters._json import read_json
from mamori.data.adapters._table import Table, open_table
from mamori.data.adapters.tidy import with_keys

if TYPE_CHECKING:
    import polars as pl

ROLES: dict[str, tuple[str, ...]] = {
    "signal": ("data_element", "dataelement", "dx", "data"),
    "date": ("period", "pe"),
    "place": ("org_unit", "orgunit", "ou", "organisation_unit"),
    "stratum": ("category_option_combo", "categoryoptioncombo", "catoptcombo", "co"),
    "attribute": ("attribute_option_combo", "attributeoptioncombo", "attroptcombo", "ao"),
    "observed": ("value",),
    "deleted": ("deleted",),
}


def read_dhis2(
    path: Path,
    rules: Rules,
    signal: str | None = None,
    by: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
) -> Observations:
    """Return the data values of DHIS2 as series by data element, organisation unit and option combination.

    `signal` chooses one data element. A combination that is the same in all rows is not part of the names.
    Deleted values, and values of data elements that hold no numbers, are left out and counted in `dropped`.
    Raises `InputError` as `read_observations` says.
    """
    frame = _from_json(path).lazy() if path.suffix.lower() == ".json" else None
    table = open_table(path, ROLES, columns, drop, frame)
    for role in ("signal", "date", "place", "observed"):
        if not table.has(role):
            raise InputError(
                f"{path} has no column '{ROLES[role][0]}' of DHIS2 data values. Name it, e.g. {role}=my_column"
            )
    table, dropped = _chosen(table, signal)
    if by:
        return read_long(*with_keys(table, by), rules, dropped)
    differing = [role for role in (*LABELS, "attribute") if table.has(role) and table.distinct([role]).height > 1]
    return read_long(table, differing or ["signal"], rules, dropped)


def _chosen(table: Table, signal: str | None) -> tuple[Table, tuple[Dropped, ...]]:
    """Return the rows that count: of the data element `signal`, not deleted, with numbers."""
    import polars as pl

    dropped: tuple[Dropped, ...] = ()
    if signal is not None:
        names = [str(name) for name in table.distinct(["signal"]).get_column("signal")]
        if signal not in names:
            raise InputError(f"{table.path} has no data element '{signal}'.{did_you_mean(signal, names)} Name another")
        other = pl.col(table.roles["signal"]) != signal
        table, dropped = table.leave_out(other, "another data element", f"Leave the signal '{signal}' out to read all")
    if table.has("deleted"):
        words = pl.col(table.roles["deleted"]).cast(pl.String).str.to_lowercase()
        table, deleted = table.leave_out(words == "true", "deleted in DHIS2", "Nothing")
        dropped += deleted
    text = pl.col(table.roles["observed"]).cast(pl.String).str.strip_chars()
    element = pl.col(table.roles["signal"])
    # A data element is of text or yes/no when none of its values is a number; one bad value is an error instead.
    wordy = text.cast(pl.Float64, strict=False).is_null().all().over(element) & (text != "").any().over(element)
    table, words_ = table.leave_out(wordy, "value of a data element that holds no numbers", "Nothing")
    return table, (*dropped, *words_)


def _from_json(path: Path) -> "pl.DataFrame":
    document = read_json(path)
    if isinstance(document, dict) and isinstance(document.get("dataValues"), list):
        return _data_values(path, document)
    if isinstance(document, dict) and isinstance(document.get("headers"), list):
        return _analytics(path, document)
    raise InputError(f"{path} has neither 'dataValues' nor 'headers' and 'rows'. Export a data value set or analytics")


def _data_values(path: Path, document: dict[str, Any]) -> "pl.DataFrame":
    """Return the data values; a period, unit or attribute given once for the set holds for each of them."""
    values = document["dataValues"]
    if not values:
        raise InputError(f"{path} has no data values. Export at least one")
    if not all(isinstance(value, dict) for value in values):
        raise InputError(f"{path}: 'dataValues' must be a list of objects. Export it again")
    common = {name: document[name] for name in ("period", "orgUnit", "attributeOptionCombo") if name in document}
    names = ["dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo", "value", "deleted"]
    given = [name for name in names if name in common or any(name in value for value in values)]
    return _texts(given, [[(common | value).get(name) for name in given] for value in values])


def _analytics(path: Path, document: dict[str, Any]) -> "pl.DataFrame":
    headers, rows = document["headers"], document.get("rows")
    names = [header.get("name") if isinstance(header, dict) else None for header in headers]
    if not isinstance(rows, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: analytics need 'headers' with names and 'rows'. Export them again")
    if len(set(names)) < len(names):
        raise InputError(f"{path}: two columns are named '{max(names, key=names.count)}'. Rename one")
    for number, row in enumerate(rows, 2):
        if not isinstance(row, list) or len(row) != len(names):
            raise InputError(f"{path}: row {number} does not have {len(names)} values. Export it again")
    return _texts([str(name) for name in names], rows)


def _texts(names: list[str], rows: list[list[Any]]) -> "pl.DataFrame":
    import polars as pl

    columns = {
        name: [None if row[index] is None else str(row[index]) for row in rows] for index, name in enumerate(names)
    }
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))
