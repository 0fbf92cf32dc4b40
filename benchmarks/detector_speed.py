"""Milliseconds per series and period of window methods and charts: ``python -m benchmarks.detector_speed``."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from mamori.core.contracts import Observations
from mamori.surveillance.methods import make_detector
from mamori.surveillance.weekday import without_weekday_effect

WEEKS = 520
WEEKDAY_BUDGET_MS = 0.3


@dataclass(frozen=True)
class Job:
    """A method with settings over `series`, judged at the last `targets` of 520 weeks; budget per series-week."""

    name: str
    method: str
    settings: dict[str, Any]
    budget_ms: float
    series: int = 2000
    targets: int = 52


JOBS = (
    Job("EARS C1", "ears", {}, 0.002),
    Job("EARS C2", "ears", {"method": "C2"}, 0.002),
    Job("EARS C3", "ears", {"method": "C3"}, 0.002),
    Job("EARS C1, one week", "ears", {}, 0.002, targets=1),
    Job("CUSUM, mean", "cusum", {"trans": "rossi"}, 0.01),
    Job("CUSUM, seasonal mean", "cusum", {"trans": "rossi", "m": "glm"}, 0.02),
    Job("CUSUM, negative binomial Anscombe", "cusum", {"trans": "anscombeNegBin"}, 0.05),
    Job("CUSUM, seasonal mean, one week", "cusum", {"trans": "rossi", "m": "glm"}, 0.2, targets=1),
    Job("LR", "lr", {}, 0.1, series=400),
    Job("GLR, Poisson, window 26", "glr", {"alpha": 0, "M": 26}, 0.2, series=400),
    Job("GLR, negative binomial, window 26", "glr", {"M": 26}, 0.5, series=400),
    Job("GLR, negative binomial, one week", "glr", {"M": 26}, 10.0, series=400, targets=1),
    Job("GLR, negative binomial, epidemic, window 26", "glr", {"M": 26, "change": "epi"}, 5.0, series=100),
    Job("Bayes 1", "bayes", {}, 0.03),
    Job("Bayes 3", "bayes", {"b": 2, "w": 4, "actY": False}, 0.03),
    Job("RKI 3", "rki", {"b": 2, "w": 4, "actY": False}, 0.002),
)


def counts(series: int) -> Observations:
    """Return seasonal, overdispersed weekly counts of 0.3 to 60 cases."""
    rng = np.random.default_rng(1)
    level = np.exp(rng.uniform(np.log(0.3), np.log(60), (series, 1)))
    season = np.exp(0.5 * np.cos(2 * np.pi * np.arange(WEEKS) / 52))
    table = rng.poisson(level * season * rng.gamma(10, 0.1, (series, WEEKS))).astype(np.float64)
    names = pl.DataFrame({"series": [f"s{i}" for i in range(series)]})
    return Observations(names, np.arange(1, WEEKS + 1), table, table, frequency=52)


def measure(job: Job, repeats: int = 3) -> float:
    """Return CPU milliseconds per series-week, best of `repeats`, after one run that compiles."""
    detector = make_detector(job.method, job.settings)
    seen = counts(job.series)
    targets = np.arange(WEEKS - job.targets, WEEKS)
    detector.detect(seen.rows(0, 2), targets)
    return _best(lambda: detector.detect(seen, targets), repeats) / (job.series * job.targets)


def measure_weekday(series: int = 400, days: int = 100, repeats: int = 3) -> float:
    """Return CPU milliseconds per series-day of taking out day-of-week effects."""
    seen = replace(counts(series), frequency=365)
    targets = np.arange(WEEKS - days, WEEKS)
    without_weekday_effect(seen.rows(0, 2), targets)
    return _best(lambda: without_weekday_effect(seen, targets), repeats) / (series * days)


def _best(run: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        begin = time.process_time()
        run()
        taken.append(1e3 * (time.process_time() - begin))
    return min(taken)


def main() -> int:
    """Print a row per job; 1 where one is over its budget."""
    print("method | ms per series-week | budget |")
    rows = [(job.name, job.budget_ms, measure(job)) for job in JOBS]
    rows.append(("day-of-week effects (per series-day)", WEEKDAY_BUDGET_MS, measure_weekday()))
    within = True
    for name, budget, taken in rows:
        within &= taken <= budget
        print(f"{name} | {taken:.5f} | {budget:g} | {'PASS' if taken <= budget else 'OVER'}")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
