"""The serial interval cut into days, against EpiEstim (estimates of real epidemics: `tests/shared`)."""

from pathlib import Path

import numpy as np
import polars as pl

from mamori.inference.serial_interval import SerialInterval


def test_probabilities_of_days() -> None:
    want = pl.read_csv(Path(__file__).with_name("epiestim_serial_intervals.csv"))
    for (mean, sd), rows in want.group_by("mean_days", "sd_days"):
        weights = SerialInterval(mean, sd).discretised(40)
        # Both are second differences of numbers of the size of the lag: the last 1e-14 are rounding.
        np.testing.assert_allclose(weights[rows["lag"].to_numpy()], rows["prob"].to_numpy(), rtol=1e-9, atol=1e-13)
