"""The series of a table: what tells them apart, their names and their labels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mamori.core.contracts import LABELS
from mamori.core.errors import InputError
from mamori.data.adapters._lookup import Lookup
from mamori.data.adapters._table import Table

if TYPE_CHECKING:
    import polars as pl

COORDINATES = {"latitude": 90.0, "longitude": 180.0}
"""Degrees; the bound on either side."""
JOIN = " | "
"""Between the labels in the name of a series."""


def label_roles(table: Table) -> list[str]:
    return [role for role in (*LABELS, *COORDINATES) if table.has(role)]


def series_of_table(table: Table, keys: Sequence[str]) -> "tuple[pl.DataFrame, Lookup]":
    """Return the frame of series in the order of the file, and where the keys of a row lie there."""
    import polars as pl

    if not keys:
        series = pl.DataFrame({"series": [table.path.stem]})
        return _with_labels(table, keys, series, series), Lookup(
            pl.DataFrame({"_series": [0]}, schema={"_series": pl.Int64})
        )
    codes = table.distinct(keys)
    texts = codes.select(pl.col(key).cast(pl.String).str.strip_chars() for key in keys)
    empty = pl.select(
        pl.all_horizontal([texts.get_column(key).is_null() | (texts.get_column(key) == "") for key in keys])
    ).to_series()
    if empty.any():
        cell = codes.row(int(empty.arg_max() or 0), named=True)
        raise InputError(
            f"{table.path}: row {table.row_of(cell)} does not name its series: {table.named(keys[0])} is empty. Fill it"
        )
    names = texts.select(pl.concat_str(pl.all().fill_null(""), separator=JOIN).alias("series"))
    if (repeated := names.get_column("series").is_duplicated()).any():
        name = names.get_column("series").filter(repeated)[0]
        raise InputError(f"{table.path}: two series would be named '{name}' but for spaces. Rename one")
    series = names.with_columns(texts.get_column(key) for key in keys if key != "series")
    return _with_labels(table, keys, codes, series), Lookup(
        codes.with_columns(pl.int_range(codes.height, dtype=pl.Int64).alias("_series"))
    )


def _with_labels(table: Table, keys: Sequence[str], codes: "pl.DataFrame", series: "pl.DataFrame") -> "pl.DataFrame":
    """Add the labels and coordinates that are not keys; each must be the same in all rows of a series."""
    labels = [role for role in label_roles(table) if role not in keys]
    if not labels:
        return series
    found = table.distinct([*keys, *labels])
    if found.height != codes.height:
        repeated = found.select(keys).is_duplicated() if keys else found.select(labels).is_duplicated()
        other = (
            found.row(1, named=True)
            if not keys
            else found.filter(repeated).unique(subset=list(keys), keep="last", maintain_order=True).row(0, named=True)
        )
        shown = ", ".join(f"{label} {other[label]!r}" for label in labels)
        raise InputError(
            f"{table.path}: row {table.row_of(other)} gives {shown} for a series that has another elsewhere; a series "
            "has one place, host, stratum, signal and position. Correct it, or name the columns that tell series apart"
        )
    return series.with_columns(_label(table, label, found) for label in labels)


def _label(table: Table, label: str, found: "pl.DataFrame") -> "pl.Series":
    import polars as pl

    column = found.get_column(label)
    if label not in COORDINATES:
        return column.cast(pl.String).str.strip_chars()
    texts = column.cast(pl.String).str.strip_chars()
    texts = texts.set(texts == "", None)
    degrees = texts.cast(pl.Float64, strict=False)
    wrong = (texts.is_not_null() & degrees.is_null()) | ~(degrees.abs() <= COORDINATES[label]).fill_null(value=True)
    if wrong.any():
        row = found.row(int(wrong.arg_max() or 0), named=True)
        bound = f"{COORDINATES[label]:g}"
        raise table.refuse(
            label, table.row_of(row), row[label], f"it must be -{bound} to {bound} degrees", "Write e.g. -4.05"
        )
    return degrees
