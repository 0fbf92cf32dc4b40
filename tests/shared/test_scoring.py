"""Scores against the reference figures of counts and of the 23 quantiles of the hubs."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from mamori.inference import scoring

pytestmark = [pytest.mark.shared, pytest.mark.quick]

Floats = NDArray[np.float64]


def columns(path: Path) -> dict[str, Floats]:
    frame = pl.read_csv(path, infer_schema_length=None).cast(pl.Float64)
    return {name: frame[name].to_numpy() for name in frame.columns}


def test_every_interval_score(shared: Path) -> None:
    folder = shared / "reference/surveillance/scoring"
    forecasts, want = columns(folder / "quantile_forecasts.csv"), columns(folder / "wis.csv")
    observed = forecasts.pop("y")
    levels = [float(name.removeprefix("q")) for name in forecasts]
    found = scoring.weighted_interval_score(observed, np.stack([*forecasts.values()], axis=1), levels)
    assert len(observed) >= 300
    for name in ("wis", "dispersion", "overprediction", "underprediction"):
        np.testing.assert_allclose(getattr(found, name), want[name], rtol=1e-12, atol=1e-12)


def test_every_score_of_counts(shared: Path) -> None:
    given = columns(shared / "reference/surveillance/scoring/count_scores.csv")
    y, mean, size = given["y"], given["mu"], given["size"]
    for prefix, k in (("nb", size), ("pois", np.inf)):
        np.testing.assert_allclose(scoring.log_score_counts(y, mean, k), given[f"{prefix}_logs"], rtol=1e-12)
        np.testing.assert_allclose(scoring.dawid_sebastiani_counts(y, mean, k), given[f"{prefix}_dss"], rtol=1e-11)
        np.testing.assert_allclose(scoring.crps_counts(y, mean, k), given[f"{prefix}_rps"], rtol=1e-12, atol=1e-12)
