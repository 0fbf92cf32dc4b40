"""A table in a file as the readers see it: where its columns lie, what they are called here, and its rows in order."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mamori.core.contracts import Dropped
from mamori.core.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

FIRST_ROW = 2
"""Rows are counted as in a CSV file: the header is row 1."""
BATCH_ROWS = 1_000_000
MAXIMUM_HEADER = 1 << 26
"""Bytes; a line longer than this is no header."""
ROW = "_file_row"

Rows = range | np.ndarray
"""The file row of each row of a batch."""

MISSING_WORDS = ("", "NA", "NaN", "nan", "N/A")
"""A number written like this is missing, as an empty cell is. (The NA of a place is Namibia.)"""
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}

_PERSONAL = re.compile(
    r"((first|last|middle|given|family|full|birth|maiden|patients?|persons?|case|mothers?|fathers?|"
    r"contact|guardian|client)_?names?|names?|surname|forename|initials"
    r"|(.*_)?(tele)?phone(_?(number|no|owner))?|mobile(_?(number|no|phone))?|fax"
    r"|(.*_)?e_?mail(_?address)?"
    r"|(home|postal|street|residential|patient|residence)?_?address(_?line.*)?|street(_?name)?|house_?number"
    r"|(national|patient|person|citizen|identity|insurance|health|hospital|tax)_?(id|number|no|identifier)"
    r"|(social_security|insurance|passport|nhs|mrn|medical_record)(_?(number|no|id))?|ssn|nin|passport_?no"
    r"|dob|birth_?date|date_?of_?birth)"
)


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a file, and which of its columns plays which role.

    `frame` has the columns as they are in the file (texts only, from CSV); `roles` names the file's column of
    each role (`date`, `observed`, ...). `rows` names the column that holds the file row, where rows of the file
    have been left out.
    """

    path: Path
    frame: "pl.LazyFrame"
    columns: tuple[str, ...]
    roles: Mapping[str, str]
    rows: str | None = None

    def has(self, *roles: str) -> bool:
        """Whether the file has a column for each of `roles`."""
        return all(role in self.roles for role in roles)

    def named(self, role: str) -> str:
        """Return how messages name the column of `role`."""
        return f"column '{self.roles.get(role, role)}'"

    def select(self, roles: Sequence[str]) -> "pl.LazyFrame":
        """Return the columns of `roles` under the names of the roles."""
        import polars as pl

        return self.frame.select([pl.col(self.roles[role]).alias(role) for role in roles])

    def batches(self, roles: Sequence[str]) -> "Iterator[tuple[Rows, pl.DataFrame]]":
        """Yield the columns of `roles` piece by piece, each with the file rows of its rows."""
        import polars as pl

        frame = self.select(roles)
        if self.rows:
            frame = self.frame.select([*(pl.col(self.roles[role]).alias(role) for role in roles), self.rows])
        row = FIRST_ROW
        with readable(self.path):
            for batch in frame.collect_batches(maintain_order=True, chunk_size=BATCH_ROWS):
                yield batch[self.rows].to_numpy() if self.rows else range(row, row + batch.height), batch
                row += batch.height

    def distinct(self, roles: Sequence[str]) -> "pl.DataFrame":
        """Return the distinct combinations of `roles` in the order of their first row."""
        import polars as pl

        if len(roles) == 1:
            # In sorted rows each run is taken once; a series is made unique twice as fast as a frame.
            runs = (batch.get_column(roles[0]).rle().struct.field("value") for _, batch in self.batches(roles))
            found = pl.concat([values.unique(maintain_order=True) for values in runs]).unique(maintain_order=True)
            return found.alias(roles[0]).to_frame()
        parts = [batch.select(roles).unique(maintain_order=True) for _, batch in self.batches(roles)]
        return pl.concat(parts).unique(maintain_order=True)

    def row_of(self, values: Mapping[str, object]) -> int:
        """Return the file row of the first row whose roles have the given values."""
        import polars as pl

        same = pl.all_horizontal(pl.col(self.roles[role]).eq_missing(pl.lit(value)) for role, value in values.items())
        with readable(self.path):
            return int(self.numbered().frame.filter(same).select(ROW).min().collect().item())

    def numbered(self) -> "Table":
        """Return the table with the file row of each row in the column `ROW`."""
        if self.rows:
            return self
        return replace(self, frame=self.frame.with_row_index(ROW, FIRST_ROW), rows=ROW)

    def leave_out(self, rows: "pl.Expr", reason: str, repair: str) -> "tuple[Table, tuple[Dropped, ...]]":
        """Return the table without the rows for which `rows` holds, and what was left out; file rows are kept."""
        import polars as pl

        table = self.numbered()
        rows = rows.fill_null(value=False)
        with readable(self.path):
            count, first = table.frame.filter(rows).select(pl.len(), pl.col(ROW).min()).collect().row(0)
        if not count:
            return self, ()
        kept = replace(table, frame=table.frame.filter(~rows))
        return kept, (Dropped(reason, int(count), int(first), repair),)

    def ignored(self, used: Sequence[str]) -> tuple[str, ...]:
        """Return the columns of the file that none of the roles in `used` needs, in the order of the file."""
        needed = {self.roles[role] for role in used if role in self.roles}
        return tuple(name for name in self.columns if name not in needed)

    def refuse(self, role: str, row: int, value: object, rule: str, repair: str) -> InputError:
        """Return the error that the cell of `role` in the file row `row` breaks `rule`."""
        cell = "nothing" if value is None else f"'{value}'" if isinstance(value, str) else str(value)
        return InputError(f"{self.path}: {self.named(role)} row {row} holds {cell}; {rule}. {repair}")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what polars or the system says about an unreadable file into an `InputError` that names it."""
    from polars.exceptions import PolarsError

    try:
        yield
    except (PolarsError, OSError, UnicodeError, MemoryError, csv.Error) as error:
        if "utf-8" in str(error).lower() or "utf8" in str(error).lower():
            _explain_encoding(path)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} cannot be read as a table: {reason}. Mend the file") from error


def open_table(
    path: Path,
    known: Mapping[str, Sequence[str]],
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    frame: "pl.LazyFrame | None" = None,
) -> Table:
    """Return the CSV, TSV or Parquet file `path` with the roles that its columns play.

    `known` are the roles that a reader looks for, each with the column names that mean it; case, spaces and
    signs do not matter. `columns` (role -> name in the file) goes before them. Columns in `drop` are never
    read. `frame` holds the rows where another reader has already taken them from the file.

    Raises `InputError` for a file that is missing, of another kind, empty, in another encoding than UTF-8 or
    UTF-16, or without a proper header; for roles and columns that do not exist; and for columns that look like
    names or other identifiers of persons and are neither mapped nor dropped.
    """
    import polars as pl

    columns = dict(columns or {})
    frame = _open(path) if frame is None else frame
    with readable(path):
        names = tuple(frame.collect_schema().names())
    for name in (*drop, *columns.values()):
        if name not in names:
            raise InputError(
                f"{path} has no column '{name}'.{did_you_mean(name, names)} Its columns are {_listed(names)}"
            )
    for role in columns:
        if role not in known:
            raise InputError(
                f"there is no role '{role}' for a column.{did_you_mean(role, known)} Roles: {_listed([*known])}"
            )
    frame = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    kept = [name for name in names if name not in drop]
    _refuse_persons(path, [name for name in kept if name not in columns.values()])
    table = Table(path, frame, tuple(kept), {**_roles(path, kept, known, columns), **columns})
    with readable(path):
        if frame.head(1).collect().height == 0:
            raise InputError(f"{path} has a header but no rows. Add one")
    return table


def column_names(path: Path) -> list[str]:
    """Return the names of the columns of the table in the file `path`; raises `InputError` as `open_table` does."""
    with readable(path):
        return _open(path).collect_schema().names()


def snake_case(name: str) -> str:
    """Return `name` in lower case with underscores, so that `dateOfOnset` and `Date of onset` are the same."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9]+", "_", parts.casefold()).strip("_")


def _roles(
    path: Path, names: Sequence[str], known: Mapping[str, Sequence[str]], columns: Mapping[str, str]
) -> dict[str, str]:
    """Return the column of each known role that is in the file under one of the role's names."""
    roles: dict[str, str] = {}
    free = {name: snake_case(name) for name in names if name not in columns.values()}
    for role, meant in known.items():
        if role in columns:
            continue
        alike = [role] if role in free else [name for name, snake in free.items() if snake in meant]
        if len(alike) > 1:
            raise InputError(
                f"{path} has {len(alike)} columns for '{role}': {_listed(alike)}. Name one, drop the others"
            )
        if alike:
            roles[role] = alike[0]
    return roles


def _refuse_persons(path: Path, names: Sequence[str]) -> None:
    personal = [name for name in names if _PERSONAL.fullmatch(snake_case(name))]
    if personal:
        raise InputError(
            f"{path}: names or other identifiers of persons seem to be in {_listed(personal)}; counts do not need "
            "them. Remove these columns from the file, or have them left out (drop)"
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown


def _open(path: Path) -> "pl.LazyFrame":
    import polars as pl

    if not path.is_file():
        raise InputError(f"{path} is not a file. Name a CSV, TSV or Parquet file")
    suffix = path.suffix.lower()
    with readable(path):
        if suffix == ".parquet":
            return pl.scan_parquet(path)
        if suffix not in (".csv", ".tsv", ".txt"):
            raise InputError(f"{path} ends in '{path.suffix}'; a table is a .csv, .tsv or .parquet file. Convert it")
        source, header = _decoded(path)
        if "\r" in header:
            raise InputError(f"{path}: lines end in a lone carriage return. Save it with line feeds (LF or CRLF)")
        separator = _separator(path, header)
        _check_header(path, next(csv.reader([header], delimiter=separator), []))
        return pl.scan_csv(source, separator=separator, infer_schema=False)


def _decoded(path: Path) -> tuple[Path | io.BytesIO, str]:
    """Return what polars can read (UTF-8) and the header line."""
    with path.open("rb") as stream:
        head = stream.readline(MAXIMUM_HEADER)
    if not head.strip() and path.stat().st_size <= len(head):
        raise InputError(f"{path} is empty. Give a header and a row")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = path.read_bytes().decode("utf-16")
        return io.BytesIO(content.encode()), content.splitlines()[0]
    if b"\0" in head:
        raise InputError(f"{path} is no text, or text in UTF-16 without its mark. Save it as CSV in UTF-8")
    line = head.removeprefix(codecs.BOM_UTF8).removesuffix(b"\n").removesuffix(b"\r")
    try:
        return path, line.decode()
    except UnicodeDecodeError:
        _explain_encoding(path)
        raise


def _explain_encoding(path: Path) -> None:
    """Raise for the first line of `path` that is not UTF-8, if there is one."""
    with path.open("rb") as stream:
        for row, line in enumerate(stream, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{path}: row {row} holds the byte 0x{line[error.start]:02X}, which is not UTF-8; the file may be "
                    "in Latin-1, Windows-1252 or Shift-JIS. Save it as UTF-8, e.g. iconv -f WINDOWS-1252 -t UTF-8"
                ) from None


def _separator(path: Path, header: str) -> str:
    unquoted = re.sub(r'"[^"]*"', "", header)
    found = [separator for separator in SEPARATORS if separator in unquoted]
    if len(found) > 1:
        words = " and ".join(SEPARATORS[separator] for separator in found)
        raise InputError(f"{path}: the header has {words}, so that its columns are not clear. Use one separator only")
    return found[0] if found else ","


def _check_header(path: Path, names: Sequence[str]) -> None:
    if not any(name.strip() for name in names):
        raise InputError(f"{path}: row 1 is empty; it must name the columns. Remove the row")
    met = set()
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise InputError(f"{path}: column {number} has no name in row 1. Name it")
        if name in met:
            raise InputError(f"{path}: two columns are named '{name}'. Rename or remove one")
        met.add(name)


def numbers(
    table: Table, role: str, rows: Rows, batch: "pl.DataFrame", *, whole: bool, signed: bool = False
) -> np.ndarray:
    """Return the numbers in the column `role` of `batch` as float64, NaN where the cell is empty.

    `rows` are the file rows of the batch. Raises `InputError` for the first cell that is no finite
    number, is negative (unless `signed`) or, when `whole`, has a fraction.
    """
    import polars as pl

    given = batch.get_column(role)
    if given.dtype == pl.String:
        given = given.str.strip_chars()
        given = given.set(given.is_in(MISSING_WORDS), None)
    elif not (given.dtype.is_numeric() or given.dtype == pl.Null):
        raise table.refuse(role, int(rows[0]), f"{given[0]}", "it must be a number", "Name another column")
    floats = given.cast(pl.Float64, strict=False)
    values = floats.fill_null(float("nan")).to_numpy()
    with np.errstate(invalid="ignore"):
        bad = np.isinf(values) if signed else (values < 0.0) | np.isinf(values)
        if whole:
            bad |= values != np.rint(values)
        bad &= ~np.isnan(values)
    if given.dtype == pl.String:
        bad |= (given.is_not_null() & floats.is_null()).to_numpy()
    if bad.any():
        first = int(bad.argmax())
        raise _bad_number(table, role, int(rows[first]), given[first], float(values[first]))
    return values


def _bad_number(table: Table, role: str, row: int, cell: object, value: float) -> InputError:
    if np.isnan(value) or np.isinf(value):
        return table.refuse(
            role,
            row,
            cell,
            "it must be a number without signs for thousands or text",
            "Write e.g. 1234, or leave the cell empty where it is missing",
        )
    if value < 0.0:
        return table.refuse(
            role, row, cell, "it must be >= 0", "Leave the cell empty, or take all such as missing (negative: missing)"
        )
    return table.refuse(
        role,
        row,
        cell,
        "counts must be whole numbers",
        "Give the cases, not a rate or a mean; give people as denominator",
    )
