"""Writing files so that nothing half-written is ever taken for a result."""

import errno
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mamori.core.errors import InputError, MamoriError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

TABLE_FORMATS = (".csv", ".parquet", ".json")

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.ENAMETOOLONG}


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it takes the name `path`, on failure it is removed.

    Missing parent folders are made. The temporary name keeps the suffix, so that writers which choose the
    format by it do the same as for `path`. An existing file is replaced in one step: a reader sees the old or
    the new content, never a mixture.

    Raises `InputError` when `path` is a folder or may not be written, `MamoriError` when the disk is full.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder. Name a file, e.g. {path / 'result.csv'}")
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _explain(error, path)
        raise
    try:
        yield partial
        _flush_to_disk(partial)
        partial.replace(path)
    except Exception as error:
        if getattr(error, "filename", None) in (None, str(partial)):
            _explain(error, path)
        raise
    finally:
        partial.unlink(missing_ok=True)


def check_table_format(path: Path, option: str = "--out", formats: Sequence[str] = TABLE_FORMATS) -> None:
    """Raise `InputError` unless `path` ends in one of `formats`; `option` names it in the message."""
    if path.suffix.lower() not in formats:
        raise InputError(
            f"{option} is {path}, of unknown format; its name must end in {', '.join(formats)}."
            f"{did_you_mean(path.suffix, formats)}"
        )


def write_table(frame: "pl.DataFrame", path: Path) -> None:
    """Write `frame` in the format that the suffix of `path` names: CSV, Parquet or JSON (a list of rows).

    Raises as `atomic_path` and `check_table_format` do.
    """
    check_table_format(path)
    with atomic_path(path) as partial:
        if path.suffix.lower() == ".parquet":
            frame.write_parquet(partial)
        elif path.suffix.lower() == ".json":
            frame.write_json(partial)
        else:
            frame.write_csv(partial)


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explain(error: Exception, path: Path) -> None:
    """Raise in plain words what kept `path` from being written, if `error` is about that."""
    code = _system_error(error)
    if code in _DISK_FULL:
        raise MamoriError(f"no space left to write {path}. Free some space or choose another folder") from error
    if code in _NOT_ALLOWED:
        reason = os.strerror(code).lower()
        raise InputError(f"cannot write {path}: {reason}. Choose another folder or change its permissions") from error


def _system_error(error: Exception) -> int:
    """Return the operating system's number of `error`; polars names it only in its words."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    written = re.search(r"\(os error (\d+)\)", str(error))
    return int(written[1]) if written else 0
