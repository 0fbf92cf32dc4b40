"""Observations for the tests of the detectors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import ArrayLike

from mamori.core.contracts import Observations

Observe = Callable[..., Observations]


@pytest.fixture(scope="session")
def observe() -> Observe:
    """Return a maker of weekly observations from counts (S, T) or (T,); other fields by name."""

    def make(counts: ArrayLike, **fields: Any) -> Observations:
        table = np.ascontiguousarray(np.atleast_2d(np.asarray(counts, dtype=np.float64)))
        series = pl.DataFrame({"series": [f"s{i}" for i in range(len(table))]})
        given: dict[str, Any] = {"counts": table, "history": table, "frequency": 52} | fields
        return Observations(series, np.arange(1, table.shape[1] + 1), **given)

    return make
