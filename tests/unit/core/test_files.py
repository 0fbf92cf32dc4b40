import errno
from pathlib import Path

import polars as pl
import pytest

from mamori.core.errors import InputError, MamoriError
from mamori.core.files import atomic_path


def test_a_file_appears_whole_under_its_name_in_a_new_folder(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "result.csv"
    with atomic_path(target) as partial:
        assert partial.suffix == ".csv"
        partial.write_text("a\n")
        assert not target.exists()
    assert target.read_text() == "a\n"
    assert [file.name for file in target.parent.iterdir()] == ["result.csv"]


@pytest.mark.parametrize("failure", [ValueError("wrong"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path: Path, failure: BaseException) -> None:
    target = tmp_path / "result.csv"
    target.write_text("old")
    with pytest.raises(type(failure)), atomic_path(target) as partial:
        partial.write_text("half")
        raise failure
    assert target.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["result.csv"]


@pytest.mark.parametrize(
    "failure",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("No space left on device (os error 28)"),
        pl.exceptions.ComputeError("parquet: underlying IO error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(tmp_path: Path, failure: Exception) -> None:
    with (
        pytest.raises(MamoriError, match="no space left to write .*result.csv"),
        atomic_path(tmp_path / "result.csv") as partial,
    ):
        partial.write_text("half")
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_a_folder_cannot_be_written_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is a folder"), atomic_path(tmp_path):
        pass


def test_a_parent_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"), atomic_path(tmp_path / "file" / "x.csv"):
        pass


def test_an_error_that_is_not_about_the_output_passes_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "result.csv"):
        (tmp_path / "missing").read_text()
