"""Every reference case of the reproduction number; prints the worst relative difference of each."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mamori.data.adapters.read import read_observations
from mamori.inference.reproduction import (
    Reason,
    ReproductionNumbers,
    estimate_case_reproduction_number,
    estimate_reproduction_number,
)
from mamori.inference.serial_interval import SerialInterval, read_delay

pytestmark = [pytest.mark.shared, pytest.mark.quick]

TOLERANCE = 1e-9
COUNT = 25


def _estimate(folder: Path, case: dict[str, Any]) -> ReproductionNumbers:
    seen = read_observations(folder / case["incidence"], columns={"observed": "I"})
    if case["method"] == "non_parametric_si":
        interval = SerialInterval(mass=read_delay(folder / case["si_output"]))
    else:
        interval = SerialInterval(case["mean_si"], case["std_si"])
    if case["method"].startswith("wallinga_teunis"):
        return estimate_case_reproduction_number(seen, interval, window=case["window"])
    return estimate_reproduction_number(
        seen, interval, window=case["window"], mean_prior=case["mean_prior"], std_prior=case["std_prior"]
    )


def test_every_case(shared: Path) -> None:
    folder = shared / "reference/surveillance"
    cases = json.loads((folder / "epiestim/index.json").read_text())
    assert len(cases) == COUNT
    for case in cases:
        want = pl.read_csv(folder / case["output"], infer_schema_length=None)
        numbers = _estimate(folder, case)
        got = numbers.table()
        both = want.join(got, on=["t_start", "t_end"], suffix="_ours", how="left", maintain_order="left")
        assert want.join(got, on=["t_start", "t_end"], how="anti").is_empty()
        # The package leaves out windows without cases in which nobody could have infected.
        extra = got.join(want, on="t_end", how="anti")
        assert set(extra["reason"]) <= {Reason.NO_CASES.word}
        worst = 0.0
        for column in want.columns[2:]:
            theirs, ours = both[column].cast(pl.Float64), both[f"{column}_ours"]
            assert (theirs.is_null() == ours.is_null()).all(), f"{case['case']} {case['setting']}: {column}"
            difference = np.abs((ours / theirs - 1.0).drop_nulls().to_numpy())
            worst = max(worst, float(difference.max()))
        print(f"{case['case']:13} {case['setting']:22} {len(want):4} windows  {worst:.1e}")
        assert worst <= TOLERANCE
