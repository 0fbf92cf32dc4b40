"""Read a table that the user gives, CSV or Parquet, and check it once against its definition."""

from pathlib import Path
from typing import TYPE_CHECKING

from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition

if TYPE_CHECKING:
    import polars as pl


def read_user_table(path: Path, definition: str) -> "pl.DataFrame":
    """Return the table in the file `path` with the columns, types and defaults of `definition`.

    Raises `InputError` for a file that is missing, of another kind or broken, and for every cell and column
    that breaks the definition.
    """
    import polars as pl
    from polars.exceptions import PolarsError

    if not path.is_file():
        raise InputError(f"{path} is not a file. Name a CSV or Parquet file")
    try:
        if path.suffix.lower() == ".parquet":
            frame = pl.read_parquet(path)
        elif path.suffix.lower() == ".csv":
            frame = pl.read_csv(path, infer_schema=False, encoding="utf8")
        else:
            raise InputError(f"{path} ends in '{path.suffix}'; a table is a .csv or .parquet file. Convert it")
    except (PolarsError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} cannot be read as a table: {reason}. Mend the file") from error
    if frame.height == 0:
        raise InputError(f"{path} has no rows. Add one, or leave the option out")
    return TableDefinition.load(definition).validate(frame, str(path))
