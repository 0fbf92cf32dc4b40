"""What the tests of the world share."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from mamori.data.world import World


@pytest.fixture(scope="session")
def world() -> World:
    """Return the world of 2025."""
    return World.load()


@pytest.fixture
def table(tmp_path: Path) -> Callable[[Sequence[Mapping[str, object]]], Path]:
    """Return a function that writes rows to a CSV file and returns its path."""

    def write(rows: Sequence[Mapping[str, object]]) -> Path:
        columns = list(dict.fromkeys(name for row in rows for name in row))
        lines = [",".join(columns), *(",".join(str(row.get(name, "")) for name in columns) for row in rows)]
        path = tmp_path / "given.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
