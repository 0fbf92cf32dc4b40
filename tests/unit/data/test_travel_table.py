"""The user's table of travel takes the place of the gravity model."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from mamori.core.errors import InputError
from mamori.data.world import World

Write = Callable[[Sequence[Mapping[str, object]]], Path]


def _row(origin: str, destination: str, persons: object) -> dict[str, object]:
    return {"origin": origin, "destination": destination, "persons_per_day": persons}


def test_the_table_replaces_the_model(table: Write) -> None:
    path = table([_row("KEN", "UGA", 120), _row("UGA", "KEN", 100.5)])
    changed = World.load(travel=path)
    pair = changed.select(["KEN", "UGA"])
    assert pair.travel.tolist() == [[0, 120], [100.5, 0]]
    assert changed.travel.sum() == 220.5
    assert changed.imputed.filter(pl.col("column") == "travel").height == 0
    (record,) = changed.overrides
    assert (record.place, record.column, record.new) == ("WORLD", "travel", "2 pairs of places")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([_row("KEN", "UGX", 1)], r"column 'destination' row 2 holds 'UGX'.*Did you mean"),
        ([_row("KEN", "KEN", 1)], "to itself"),
        ([_row("KEN", "UGA", 1), _row("KEN", "UGA", 2)], "row 3 repeats the pair KEN to UGA"),
        ([_row("KEN", "UGA", -1)], "it must be >= 0"),
        ([_row("KEN", "UGA", "")], "a value is required"),
        ([{"origin": "KEN", "destination": "UGA"}], "column 'persons_per_day' is missing"),
    ],
)
def test_wrong_tables_are_refused(rows: list[dict[str, object]], message: str, table: Write) -> None:
    with pytest.raises(InputError, match=message):
        World.load(travel=table(rows))
