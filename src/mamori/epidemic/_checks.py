"""Refuse values outside the bounds that the table definitions state."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mamori.core.errors import InputError
from mamori.core.tables import Column, TableDefinition


def column(definition: str, attribute: str) -> Column:
    """Return the column `attribute` of the table definition called `definition`."""
    return next(c for c in TableDefinition.load(definition).columns if c.attribute == attribute)


def inside(values: ArrayLike, bounds: Column) -> NDArray[np.bool_]:
    """Return which of `values` lie in the interval of the column `bounds` (NaN never does)."""
    interval = bounds.interval
    if interval is None:
        return np.ones(np.shape(values), bool)
    lower, upper, closed_below, closed_above = interval
    array = np.asarray(values, float)
    above = array >= float(lower) if closed_below else array > float(lower)  # type: ignore[arg-type]
    below = array <= float(upper) if closed_above else array < float(upper)  # type: ignore[arg-type]
    return np.asarray(above & below)


def check_bounds(values: ArrayLike, bounds: Column, owner: str) -> None:
    """Raise `InputError` for the first of `values` that is not a number within `bounds`.

    `owner` names what the value belongs to, e.g. "pathogen 'sars-cov-2'".
    """
    fits = inside(values, bounds)
    if not fits.all():
        worst = np.atleast_1d(np.asarray(values, float))[~np.atleast_1d(fits)][0]
        unit = f" {bounds.unit}" if bounds.unit else ""
        raise InputError(
            f"{owner}: {bounds.attribute} is {worst:g}; it must lie in {bounds.bounds}{unit}. {bounds.description_en}"
        )


def check_share(name: str, value: ArrayLike) -> None:
    """Raise `InputError` unless every value lies in [0, 1]."""
    array = np.asarray(value, float)
    if not np.all((array >= 0) & (array <= 1)):
        raise InputError(f"{name} is {_first_bad(array, (array >= 0) & (array <= 1))}; give a share in [0, 1]")


def check_not_negative(name: str, value: ArrayLike) -> None:
    """Raise `InputError` unless every value is a number >= 0 (infinity is one)."""
    array = np.asarray(value, float)
    if not np.all(array >= 0):
        raise InputError(f"{name} is {_first_bad(array, array >= 0)}; give a number >= 0")


def _first_bad(array: NDArray[np.float64], fits: NDArray[np.bool_]) -> str:
    return f"{np.atleast_1d(array)[~np.atleast_1d(fits)][0]:g}"
