"""Farrington Flexible per series and week on one core, against R: ``python -m benchmarks.farrington``.

Where an `Rscript` with the package surveillance is found, R runs the same series side by side.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.jobs import Job, Recorded
from benchmarks.panels import CURRENT, WEEKS, simulate_panel
from mamori.core.contracts import Observations
from mamori.surveillance.detector import Detection
from mamori.surveillance.farrington_flexible import FarringtonFlexible

R_PACKAGE = "R surveillance 1.20.3"
R_SERIES = 4

R_SCRIPT = """
suppressPackageStartupMessages(library(surveillance))
given <- commandArgs(TRUE)
wide <- read.csv(given[1])
control <- eval(parse(text = given[2]))
range <- (nrow(wide) - as.integer(given[3]) + 1):nrow(wide)
begin <- proc.time()
bounds <- sapply(wide, function(y) {
  series <- sts(y, frequency = 52)
  suppressWarnings(farringtonFlexible(series, c(list(range = range, glmWarnings = FALSE), control)))@upperbound
})
spent <- proc.time() - begin
cat(as.character(packageVersion("surveillance")), 1000 * sum(spent[1:2]) / length(bounds), "\\n")
"""


@dataclass(frozen=True)
class Setting:
    """A setting to be timed: ours, R's words for it, milliseconds that it may take and that R took."""

    name: str
    method: FarringtonFlexible
    r_control: str
    budget_ms: float
    r_ms: tuple[float, float]  # recorded: least and most, R 4.2.2, shared 2-core machine


SETTINGS = (
    Setting("farrington", FarringtonFlexible(), "list()", 0.05, (10.2, 13.7)),
    Setting(
        "farrington-noufaily",
        FarringtonFlexible(
            periods=10, past_excluded=26, threshold_method="nbPlugin", alpha=0.01, trend_significance=1.0
        ),
        "list(noPeriods = 10, pastWeeksNotIncluded = 26, thresholdMethod = 'nbPlugin', alpha = 0.01, "
        "pThresholdTrend = 1)",
        0.1,
        (12.5, 18.7),
    ),
)


def observations(series: int, seed: int = 1) -> Observations:
    """Return a simulated panel of so many weekly series over ten years."""
    counts = simulate_panel(seed, series).counts
    names = pl.DataFrame({"series": [f"s{i}" for i in range(series)]})
    return Observations(names, np.arange(1, WEEKS + 1), counts, counts, frequency=52)


def job(setting: Setting, series: int = 200) -> Job:
    """Return the job of `series` series and the last 52 weeks; its times are of all of them together."""
    cells = series * CURRENT

    def prepare() -> Callable[[], Detection]:
        seen, targets = observations(series), np.arange(WEEKS - CURRENT, WEEKS)
        return lambda: setting.method.detect(seen, targets)

    return Job(
        setting.name,
        f"{series} series x {CURRENT} weeks",
        setting.budget_ms * cells,
        prepare,
        peer=Recorded(R_PACKAGE, setting.r_ms[0] * cells),
    )


def per_series_week(setting: Setting, series: int, repeats: int = 5) -> float:
    """Return CPU milliseconds per series and week, best of `repeats` after one run that compiles."""
    run = job(setting, series).prepare()
    run()
    best = float("inf")
    for _ in range(repeats):
        begin = time.process_time()
        run()
        best = min(best, time.process_time() - begin)
    return 1e3 * best / (series * CURRENT)


def run_r(setting: Setting) -> tuple[str, float] | None:
    """Return the package's version and its CPU milliseconds per series and week; None where R lacks it."""
    program = shutil.which("Rscript")
    if program is None:
        return None
    counts = observations(R_SERIES).counts
    with tempfile.TemporaryDirectory() as folder:
        table, script = Path(folder) / "counts.csv", Path(folder) / "farrington.R"
        pl.DataFrame({f"s{i}": row for i, row in enumerate(counts)}).write_csv(table)
        script.write_text(R_SCRIPT)
        command = [program, "--vanilla", str(script), str(table), setting.r_control, str(CURRENT)]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        return None
    version, spent = finished.stdout.split()
    return version, float(spent)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row per setting; 1 where one is over its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.farrington", description=__doc__)
    parser.add_argument("--series", type=int, default=500, help="series of the panel (500)")
    given = parser.parse_args(arguments)
    print("setting | ms per series-week | budget | | R's ms | ratio")
    within = True
    for setting in SETTINGS:
        ours = per_series_week(setting, given.series)
        within &= ours <= setting.budget_ms
        low, high = setting.r_ms
        row = [setting.name, f"{ours:.4f}", f"{setting.budget_ms:g}", "PASS" if ours <= setting.budget_ms else "OVER"]
        row += [f"{low:g}-{high:g} ({R_PACKAGE}, recorded)", f"{low / ours:.0f}-{high / ours:.0f}"]
        beside = run_r(setting)
        if beside:
            row += [f"{beside[1]:.3g} (surveillance {beside[0]}, beside)", f"{beside[1] / ours:.0f}"]
        print(" | ".join(row), flush=True)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
