"""Arrays as the scores take them: whole, of one shape, finite."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mamori.core.errors import InputError

Floats = NDArray[np.float64]

LARGEST = 1e150
"""No number may be larger, so that a product of two is finite."""
LARGEST_COUNT = 2.0**53
"""Above this not every whole number is a floating-point number."""


def vector(name: str, values: ArrayLike, rows: int | None = None) -> Floats:
    """Return `values` as a vector of finite floats, of `rows` elements where that is given.

    A single number stands for all rows. Raises `InputError` for another shape, for text, and for NaN or infinity.
    """
    array = numeric(name, values)
    if array.ndim == 0:
        array = np.full(1 if rows is None else rows, array)
    if array.ndim != 1 or (rows is not None and len(array) != rows):
        wanted = "one number a forecast" if rows is None else f"({rows},), one number a forecast"
        raise InputError(f"{name} has shape {array.shape}; it must be {wanted}")
    if not (known := np.abs(array) <= LARGEST).all():
        row = int(np.argmin(known))
        raise InputError(f"{name} row {row} holds {array[row]}; it must be a finite number. Leave the forecast out")
    return array


def counts(name: str, values: ArrayLike, rows: int | None = None) -> Floats:
    """Return `values` as `vector` does, and raise `InputError` also for a number that is no count."""
    array = vector(name, values, rows)
    if (bad := (array < 0) | (array > LARGEST_COUNT) | (array != np.floor(array))).any():
        row = int(np.argmax(bad))
        raise InputError(f"{name} row {row} holds {array[row]:g}; it must be a whole number within 0 and 2^53")
    return array


def matrix(name: str, values: ArrayLike, columns: str) -> Floats:
    """Return `values` as a matrix of finite floats with a row per forecast; `columns` says what the columns are.

    Raises `InputError` as `vector` does.
    """
    array = numeric(name, values)
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(f"{name} has shape {array.shape}; it must be forecasts by {columns}")
    # The least and the greatest are NaN where one number is; they are quicker than a matrix of truth values.
    if array.size and not (array.min() >= -LARGEST and array.max() <= LARGEST):
        row, column = (int(i) for i in np.unravel_index(np.argmin(np.abs(array) <= LARGEST), array.shape))
        raise InputError(
            f"{name} row {row} column {column} holds {array[row, column]}; it must be a finite number. Fill it or "
            "leave the forecast out"
        )
    return array


def numeric(name: str, values: ArrayLike) -> Floats:
    """Return `values` as an array of floats; raises `InputError` for what is no number."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} holds something that is no number. Give numbers only") from None


def refuse(name: str, values: Floats, bad: NDArray[np.bool_], rule: str) -> None:
    """Raise `InputError` naming the first row of `values` for which `bad` holds."""
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{name} row {row} holds {values[row]:g}; it must be {rule}. Correct it")
