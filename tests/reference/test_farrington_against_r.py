"""Farrington Flexible on series of the simulated panel against R's surveillance package."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mamori.core.contracts import Observations
from mamori.surveillance.farrington_flexible import FarringtonFlexible

HERE = Path(__file__).parent
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "noufaily": {
        "noPeriods": 10,
        "pastWeeksNotIncluded": 26,
        "thresholdMethod": "nbPlugin",
        "alpha": 0.01,
        "pThresholdTrend": 1,
    },
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_numbers_are_those_of_r(setting: str) -> None:
    wide = pl.read_csv(HERE / "farrington_counts.csv")
    counts = np.ascontiguousarray(wide.drop("t").to_numpy().T, dtype=float)
    names = wide.columns[1:]
    observations = Observations(pl.DataFrame({"series": names}), wide["t"].to_numpy(), counts, counts, frequency=52)
    want = pl.read_csv(HERE / "farrington_r.csv").filter(pl.col("setting") == setting)
    weeks = want["t"].unique().sort().to_list()
    assert want.height == len(names) * len(weeks)
    method = FarringtonFlexible.model_validate(SETTINGS[setting])
    for week in weeks:
        found = method.detect(observations, np.array([week - 1]))
        r = pl.DataFrame({"series": names}).join(want.filter(pl.col("t") == week), on="series", maintain_order="left")
        assert np.array_equal(found.alarm[:, 0], r["alarm"].to_numpy() == 1)
        for column in ("upperbound", "expected", "score", "pvalue", "phi"):
            theirs = r[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
            np.testing.assert_allclose(getattr(found, column)[:, 0], theirs, rtol=1e-9, err_msg=f"{column} in {week}")
