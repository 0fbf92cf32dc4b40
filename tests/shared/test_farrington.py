"""Every reference case of both Farrington methods and the panel of 500 series; prints the agreement."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from mamori.core.contracts import Observations
from mamori.surveillance.detector import Detection
from mamori.surveillance.farrington import Farrington
from mamori.surveillance.farrington_flexible import FarringtonFlexible

pytestmark = [pytest.mark.shared, pytest.mark.quick]

Floats = NDArray[np.float64]
COLUMNS = ("upperbound", "expected", "score", "pvalue", "phi")
TOLERANCE = 1e-9
# A count equal to its mean has a score of 0, of which both programs give their rounding error (up to 3e-14).
ROUNDING = 1e-13
CONTROL = [
    *("b", "w", "noPeriods", "reweight", "weightsThreshold", "alpha", "trend", "pThresholdTrend", "limit54"),
    *("powertrans", "pastWeeksNotIncluded", "thresholdMethod", "epochAsDate"),
]
PANEL: dict[str, dict[str, Any]] = {
    "ff_default": {},
    "ff_noufaily": {
        "noPeriods": 10,
        "pastWeeksNotIncluded": 26,
        "thresholdMethod": "nbPlugin",
        "alpha": 0.01,
        "pThresholdTrend": 1,
    },
}


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Rows of the table of agreement, printed at the end."""
    rows = [f"{'case':<18} {'setting':<14} {'weeks':>6} {'alarms':>6}  " + " ".join(f"{c:>10}" for c in COLUMNS)]
    yield rows
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("\nalarms: how many differ; columns: greatest relative difference from R\n" + "\n".join(rows))


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=None, null_values=["", "NA"])


def numbers(frame: pl.DataFrame, column: str) -> Floats:
    return np.asarray(frame[column].cast(pl.Float64).fill_null(np.nan).to_numpy())


def observations(counts: Floats, dates: NDArray[np.datetime64] | None, frequency: int) -> Observations:
    names = pl.DataFrame({"series": [f"s{i}" for i in range(len(counts))]})
    t = np.arange(1, counts.shape[1] + 1)
    return Observations(names, t, counts, counts, dates=dates, frequency=frequency)


def load(path: Path, frequency: int) -> Observations:
    frame = read(path)
    undated = frame["date"].null_count() == frame.height
    dates = None if undated else frame["date"].cast(pl.String).str.to_date().to_numpy().astype("datetime64[D]")
    return observations(numbers(frame, "observed")[None, :], dates, frequency)


def agreement(want: pl.DataFrame, found: Detection, columns: tuple[str, ...]) -> tuple[int, dict[str, float]]:
    """Return how many alarms differ, and the greatest relative difference by column; missing must agree."""
    differences = {}
    for column in columns:
        r, ours = numbers(want, column), getattr(found, column).ravel()
        assert np.array_equal(np.isnan(r), np.isnan(ours)), f"{column} is missing on one side"
        known = ~np.isnan(r)
        scale = np.maximum(np.abs(r[known]), ROUNDING / TOLERANCE if column == "score" else 1e-300)
        differences[column] = float(np.max(np.abs(ours - r)[known] / scale, initial=0.0))
    return int(np.sum((numbers(want, "alarm") == 1) != found.alarm.ravel())), differences


def check(
    table: list[str], case: str, setting: str, want: pl.DataFrame, found: Detection, columns: tuple[str, ...]
) -> None:
    alarms, differences = agreement(want, found, columns)
    cells = " ".join(f"{differences[c]:>10.1e}" if c in differences else f"{'-':>10}" for c in COLUMNS)
    table.append(f"{case:<18} {setting:<14} {want.height:>6} {alarms:>6}  {cells}")
    assert alarms == 0
    assert max(differences.values()) <= TOLERANCE, differences


def test_every_flexible_case(shared: Path, table: list[str]) -> None:
    folder = shared / "reference/surveillance"
    cases = json.loads((folder / "farrington_flexible/index.json").read_text())
    assert len(cases) >= 48
    for case in cases:
        want = read(folder / case["output"])
        method = FarringtonFlexible.model_validate({name: case[name] for name in CONTROL} | {"compat": "r"})
        found = method.detect(load(folder / case["series"], case["freq"]), want["t"].to_numpy() - 1)
        check(table, case["case"], case["setting"], want, found, COLUMNS)


@pytest.mark.parametrize("setting", PANEL)
def test_the_panel(shared: Path, table: list[str], setting: str) -> None:
    folder = shared / "reference/surveillance/panel"
    counts = np.ascontiguousarray(pl.read_csv(folder / "counts.csv").drop("t").to_numpy().T, dtype=float)
    want = pl.concat(read(path) for path in sorted(folder.glob(f"{setting}_*.csv")))
    method = FarringtonFlexible.model_validate(PANEL[setting])
    found = method.detect(observations(counts, None, 52), np.arange(468, 520))
    check(table, "panel of 500", setting, want, found, COLUMNS)


def test_every_case_of_1996(shared: Path, table: list[str]) -> None:
    folder = shared / "reference/surveillance"
    cases = json.loads((folder / "ears_cusum_glr_bayes_index.json").read_text())
    cases = [case for case in cases if case["fun"].startswith("algo.farrington")]
    assert len(cases) >= 6
    for case in cases:
        want = read(folder / case["output"])
        names = ("b", "w", "reweight", "alpha", "epochAsDate")
        method = Farrington.model_validate({name: case[name] for name in names})
        found = method.detect(load(folder / f"series/{case['case']}.csv", 52), want["t"].to_numpy() - 1)
        check(table, case["case"], "1996 b3 w3", want, found, ("upperbound",))
