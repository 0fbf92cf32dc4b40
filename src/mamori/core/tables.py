"""Table definitions: one CSV per kind of table is the source of its columns' docs, defaults and checks.

A definition has a row per column (attribute), with

* ``type``: ``string``, ``integer``, ``number``, ``boolean`` or ``date`` (ISO 8601);
* ``default``: empty when the column must be given and every cell filled; ``null`` when a cell may be
  missing; otherwise the value that a missing cell takes;
* ``bounds``: empty, an interval such as ``[0, 1]``, ``(0, inf)`` or ``[2020-01-01, 2030-12-31]``, or the
  allowed words as ``a|b|c``.
"""

import csv
import math
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from mamori.core.errors import InputError, MamoriError, did_you_mean
from mamori.core.messages import text

if TYPE_CHECKING:
    import polars as pl

Value = str | int | float | bool | date

HEADER = ("attribute", "type", "unit", "default", "bounds", "description_en", "description_ja", "source")
TYPES = ("string", "integer", "number", "boolean", "date")


@dataclass(frozen=True)
class Column:
    """One column of a table: its type, unit, default, bounds, meaning in each language, and source."""

    attribute: str
    type: str
    unit: str
    default: str
    bounds: str
    description_en: str
    description_ja: str
    source: str

    @property
    def required(self) -> bool:
        """Whether the column must be given."""
        return self.default == ""

    def description(self, lang: str = "en") -> str:
        """Return what the column means, in `lang`."""
        return {"en": self.description_en, "ja": self.description_ja}[lang]

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The allowed words, or nothing when any are."""
        return tuple(self.bounds.split("|")) if self.type == "string" and self.bounds else ()

    @cached_property
    def interval(self) -> tuple[Value, Value, bool, bool] | None:
        """(lower, upper, lower belongs, upper belongs), or None without such bounds."""
        if not self.bounds or self.type in ("string", "boolean"):
            return None
        lower, upper = (part.strip() for part in self.bounds[1:-1].split(","))
        convert = date.fromisoformat if self.type == "date" else float
        return convert(lower), convert(upper), self.bounds[0] == "[", self.bounds[-1] == "]"


@dataclass(frozen=True)
class TableDefinition:
    """The columns of one kind of table, read from ``tables/<name>.csv``."""

    name: str
    columns: tuple[Column, ...]

    @classmethod
    def load(cls, name: str) -> "TableDefinition":
        """Return the definition called `name`.

        Raises `MamoriError` when there is none or when its file breaks the rules of this module.
        """
        return _load(name)

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return the names of all definitions, sorted."""
        return tuple(
            sorted(
                file.name.removesuffix(".csv")
                for file in _folder().iterdir()
                if file.name.endswith(".csv") and _header(file.read_text(encoding="utf-8")) == HEADER
            )
        )

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.attribute for column in self.columns)

    def validate(self, frame: "pl.DataFrame", source: str) -> "pl.DataFrame":
        """Return `frame` with the definition's columns, types and order, defaults filled in.

        `source` names where the frame came from (a file) in messages. Rows are counted as in a CSV file with
        a header: the first row of data is row 2. A column that may be missing and is not given comes out as
        nulls or as its default.

        Raises `InputError` for a missing, unknown or repeated column, a cell that is missing, not of the
        column's type, not finite, or out of bounds.
        """
        self._check_names(frame.columns, source)
        return frame.select([_checked(column, frame, source) for column in self.columns])

    def _check_names(self, names: list[str], source: str) -> None:
        for name in names:
            if name not in self.attributes:
                raise InputError(
                    f"{source}: column '{name}' is not known.{did_you_mean(name, self.attributes)} "
                    f"The columns are {', '.join(self.attributes)}. Rename or remove it"
                )
        for column in self.columns:
            if column.required and column.attribute not in names:
                raise InputError(f"{source}: column '{column.attribute}' is missing. Add it: {column.description_en}")

    def docs(self, lang: str = "en") -> str:
        """Return the columns as a Markdown table in `lang`."""
        titles = [
            text("Column", lang),
            text("Type", lang),
            text("Unit", lang),
            text("Default", lang),
            text("Bounds", lang),
            text("Meaning", lang),
            text("Source", lang),
        ]
        rows = [
            [
                f"`{column.attribute}`",
                column.type,
                column.unit,
                column.default or text("required", lang),
                column.bounds.replace("|", ", "),
                column.description(lang),
                column.source,
            ]
            for column in self.columns
        ]
        table = [titles, ["---"] * len(titles), *rows]
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in table]
        return "\n".join(lines) + "\n"


def _checked(column: Column, frame: "pl.DataFrame", source: str) -> "pl.Series":
    """Return the column of `frame` in its type with defaults filled in, or raise for the first bad cell."""
    import polars as pl

    target = _data_type(column)
    if column.attribute not in frame.columns:
        default = None if column.default == "null" else _typed(pl.Series([column.default]), column)[0]
        return pl.Series(column.attribute, [default] * frame.height, dtype=target)
    given = frame.get_column(column.attribute)
    if given.dtype == pl.String and column.type != "string":
        given = given.str.strip_chars().replace("", None)
    values = _typed(given, column)

    def refuse(bad: "pl.Series", rule: str, repair: str) -> None:
        if bad.any():
            row = bad.arg_max() or 0
            cell = f"'{given[row]}'" if given.dtype == pl.String else given[row]
            raise InputError(
                f"{source}: column '{column.attribute}' row {row + 2} holds "
                f"{'nothing' if given[row] is None else cell}; {rule}. {repair}"
            )

    refuse(given.is_not_null() & values.is_null(), f"it must be {_NOUNS[column.type]}", "Correct the cell")
    if column.required:
        refuse(values.is_null(), "a value is required", f"Fill the cell: {column.description_en}")
    unit = f" {column.unit}" if column.unit else ""
    refuse(_out_of_bounds(values, column), f"it must be {_bounds_in_words(column)}{unit}", "Correct the cell")
    if not column.required and column.default != "null":
        values = values.fill_null(_typed(pl.Series([column.default]), column)[0])
    return values.alias(column.attribute)


_NOUNS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a finite number",
    "boolean": "true or false",
    "date": "a date written YYYY-MM-DD",
}


def _data_type(column: Column) -> "type[pl.DataType]":
    import polars as pl

    types: dict[str, type[pl.DataType]] = {
        "string": pl.String,
        "integer": pl.Int64,
        "number": pl.Float64,
        "boolean": pl.Boolean,
        "date": pl.Date,
    }
    return types[column.type]


def _typed(values: "pl.Series", column: Column) -> "pl.Series":
    """Return `values` in the column's type; a cell that cannot be taken as such becomes null."""
    import polars as pl

    nothing = pl.Series(values.name, [None] * len(values), dtype=_data_type(column))
    if values.dtype == pl.Null:
        return nothing
    if column.type == "string":
        return values.cast(pl.String)
    if column.type == "boolean":
        if values.dtype == pl.String:
            return values.str.to_lowercase().replace_strict(
                {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
            )
        return values if values.dtype == pl.Boolean else nothing
    if column.type == "date":
        if values.dtype == pl.String:
            return values.str.to_date("%Y-%m-%d", strict=False)
        return values.cast(pl.Date) if values.dtype.is_temporal() else nothing
    if values.dtype != pl.String and not values.dtype.is_numeric():
        return nothing
    numbers = values.cast(pl.Float64, strict=False)
    valid = numbers.is_finite()
    if column.type == "integer":
        valid &= numbers.round() == numbers
    return pl.select(pl.when(valid).then(numbers).cast(_data_type(column), strict=False)).to_series()


def _out_of_bounds(values: "pl.Series", column: Column) -> "pl.Series":
    import polars as pl

    if column.words:
        return values.is_not_null() & ~values.is_in(list(column.words))
    if column.interval is None:
        return pl.Series([False] * len(values), dtype=pl.Boolean)
    lower, upper, closed_below, closed_above = column.interval
    low = values < lower if closed_below else values <= lower
    high = values > upper if closed_above else values >= upper
    return (low | high).fill_null(value=False)


def _bounds_in_words(column: Column) -> str:
    if column.words:
        return "one of " + ", ".join(column.words)
    if column.interval is None:
        return ""
    lower, upper, closed_below, closed_above = column.interval
    parts = [
        f"{sign} {bound:g}" if isinstance(bound, float) else f"{sign} {bound}"
        for sign, bound in ((">=" if closed_below else ">", lower), ("<=" if closed_above else "<", upper))
        if not (isinstance(bound, float) and math.isinf(bound))
    ]
    return " and ".join(parts)


def _folder() -> Traversable:
    return resources.files("mamori") / "tables"


def _header(content: str) -> tuple[str, ...]:
    return tuple(content.split("\n", 1)[0].strip().split(","))


@cache
def _load(name: str) -> TableDefinition:
    if name not in (names := TableDefinition.names()):
        raise MamoriError(f"no table definition '{name}'.{did_you_mean(name, names)}")
    content = (_folder() / f"{name}.csv").read_text(encoding="utf-8")
    columns = tuple(Column(**row) for row in csv.DictReader(content.splitlines()))
    for column in columns:
        _check_definition(name, column)
    return TableDefinition(name, columns)


def _check_definition(name: str, column: Column) -> None:
    where = f"tables/{name}.csv: '{column.attribute}'"
    if column.type not in TYPES:
        raise MamoriError(f"{where} has type '{column.type}'; use {', '.join(TYPES)}")
    try:
        broken = column.interval is not None and not (column.bounds[0] in "[(" and column.bounds[-1] in "])")
    except ValueError:
        broken = True
    if broken:
        raise MamoriError(f"{where} has bounds '{column.bounds}'; write e.g. [0, 1]")
