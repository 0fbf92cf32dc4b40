"""The user's table of travel, which takes the place of the gravity model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mamori.core.errors import InputError, did_you_mean
from mamori.data.user_table import read_user_table

Floats = NDArray[np.float64]


def read_travel(path: Path, codes: Sequence[str]) -> tuple[Floats, int]:
    """Return the persons per day (P, P) from row to column in a file of the table ``travel``, and its pairs.

    Pairs that the file does not hold have no travel. Raises `InputError` for a code that is not in `codes`, a
    journey that ends where it starts, or a pair that stands twice.
    """
    index = {code: row for row, code in enumerate(codes)}
    frame = read_user_table(path, "travel")
    flows = np.full((len(index), len(index)), np.nan)
    for number, row in enumerate(frame.to_dicts(), start=2):
        for column in ("origin", "destination"):
            if row[column] not in index:
                raise InputError(
                    f"{path}: column '{column}' row {number} holds '{row[column]}', no place of this world."
                    f"{did_you_mean(row[column], codes)} Correct the code"
                )
        pair = index[row["origin"]], index[row["destination"]]
        if pair[0] == pair[1]:
            raise InputError(f"{path}: row {number} goes from '{row['origin']}' to itself. Remove the row")
        if np.isfinite(flows[pair]):
            raise InputError(
                f"{path}: row {number} repeats the pair {row['origin']} to {row['destination']}. Keep one row"
            )
        flows[pair] = row["persons_per_day"]
    return np.nan_to_num(flows, nan=0.0), frame.height
