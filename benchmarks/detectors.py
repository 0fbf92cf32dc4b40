"""Compare all detectors on simulated panels: ``python -m benchmarks.detectors [--panels N] [--spread SHAPE]``.

``--neighbours`` compares the detector with and without neighbours, on outbreaks shared by five series and on others.
Each panel has 500 series with known outbreaks (`benchmarks.panels`). A rule stands in the table as it alarms by
itself and, with a score or a p-value, at the threshold that gives a false-positive rate of 0.9 % on the calibration
panels. Test panels have other seeds. Then the differences to the three-sum rule are shown, panel by panel.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields

import numpy as np
import polars as pl

from benchmarks.panels import CURRENT, WEEKS, Found, Panel, brief, find, flat, ramp, simulate_panel, threshold_for
from mamori.core.contracts import Observations
from mamori.surveillance.detector import Detection, Detector
from mamori.surveillance.mamori import Mamori
from mamori.surveillance.methods import make_detector
from mamori.surveillance.neighbours import combine_neighbours

CALIBRATION_SEED, TEST_SEED = 20_000, 50_000
FPR = 0.009
SPREADS = {"brief": brief, "flat": flat, "ramp": ramp}
NOUFAILY = {
    "periods": 10,
    "past_excluded": 26,
    "threshold_method": "nbPlugin",
    "trend_significance": 1.0,
    "alpha": 0.01,
}
GOALS = ("f1", "sensitivity", "pod")


@dataclass(frozen=True)
class Rule:
    """A way to alarm: scores (S, 52), higher is more alarming, or None; and its own alarms (S, 52), or None."""

    name: str
    judge: Callable[[Observations], tuple[np.ndarray | None, np.ndarray | None]]


def observations(panel: Panel) -> Observations:
    """Return the panel's counts as undated weekly series."""
    names = pl.DataFrame({"series": [f"s{i}" for i in range(len(panel.counts))]})
    return Observations(names, np.arange(1, WEEKS + 1), panel.counts, panel.counts, frequency=52)


def last_weeks(detector: Detector, counts: Observations, weeks: int = CURRENT) -> Detection:
    """Return the detection in the last `weeks` weeks."""
    return detector.detect(counts, np.arange(WEEKS - weeks, WEEKS))


def by_pvalue(name: str, method: str, settings: dict[str, object]) -> Rule:
    """Return a rule that ranks by a method's p-value."""

    def judge(counts: Observations) -> tuple[np.ndarray, np.ndarray]:
        found = last_weeks(make_detector(method, settings), counts)
        return -np.log(np.maximum(found.pvalue, 1e-300)), found.alarm

    return Rule(name, judge)


def by_score(name: str, method: str, settings: dict[str, object]) -> Rule:
    """Return a rule that ranks by a method's score."""

    def judge(counts: Observations) -> tuple[np.ndarray, np.ndarray]:
        found = last_weeks(make_detector(method, settings), counts)
        return found.score, found.alarm

    return Rule(name, judge)


def by_alarm(name: str, method: str, settings: dict[str, object]) -> Rule:
    """Return a rule that only alarms."""
    return Rule(name, lambda counts: (None, last_weeks(make_detector(method, settings), counts).alarm))


def three_sums(counts: Observations) -> tuple[np.ndarray, None]:
    """Return -ln of the smallest p-value of the sums of one, two and three weeks around the Noufaily baseline."""
    from scipy.stats import nbinom, poisson

    found = last_weeks(make_detector("farrington-flexible", {**NOUFAILY, "limit54": (0, 4)}), counts, CURRENT + 2)
    observed = counts.counts[:, -CURRENT - 2 :]
    smallest = np.ones((len(observed), CURRENT))
    phi = np.maximum(found.phi[:, 2:], 1.0 + 1e-9)
    for weeks in (1, 2, 3):
        total, mean = (
            sum(array[:, 2 - lag : 2 - lag + CURRENT] for lag in range(weeks)) for array in (observed, found.expected)
        )
        wide = nbinom.sf(total - 1.0, mean / (phi - 1.0), 1.0 / phi)
        pvalue = np.where(phi > 1.0 + 1e-6, wide, poisson.sf(total - 1.0, mean))
        smallest = np.fmin(smallest, pvalue)
    return -np.log(np.maximum(smallest, 1e-300)), None


RULES = (
    by_pvalue("mamori", "mamori", {}),
    Rule("three sums, Noufaily baseline", three_sums),
    by_pvalue("Farrington Flexible, Noufaily setting", "farrington-flexible", dict(NOUFAILY)),
    by_pvalue("Farrington Flexible, default", "farrington-flexible", {}),
    by_pvalue("Farrington 1996", "farrington", {}),
    by_pvalue("Bayes 1", "bayes", {"years_back": 0, "half_window": 6}),
    by_pvalue("Bayes 3", "bayes", {"years_back": 2, "half_window": 4, "current_year": False}),
    by_alarm("RKI 3", "rki", {"years_back": 2, "half_window": 4, "current_year": False}),
    by_score("EARS C1", "ears", {"variant": "C1"}),
    by_score("EARS C2", "ears", {"variant": "C2"}),
    by_score("EARS C3", "ears", {"variant": "C3"}),
    by_score("CUSUM, Rossi, seasonal mean", "cusum", {"transformation": "rossi", "in_control": "glm"}),
    by_score("GLR, Poisson, 26 weeks", "glr", {"dispersion": 0.0, "window": 26}),
)


def panels(first_seed: int, number: int, spread: str) -> list[Panel]:
    """Return `number` panels of consecutive seeds."""
    return [simulate_panel(first_seed + i, spread=SPREADS[spread]) for i in range(number)]


def mean_and_error(found: list[Found]) -> str:
    """Return the cells of a row: mean and standard error of each measure over the panels."""
    table = np.array([astuple(f) for f in found])
    error = np.nanstd(table, axis=0, ddof=1) / np.sqrt(len(table))
    return " | ".join(f"{m:.3f} ± {e:.3f}" for m, e in zip(np.nanmean(table, axis=0), error, strict=True))


def main() -> None:
    """Judge every panel by every rule and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=20, help="test panels, default 20")
    parser.add_argument("--calibration", type=int, default=10, help="calibration panels, default 10")
    parser.add_argument("--spread", choices=SPREADS, default="brief", help="shape of the outbreaks, default brief")
    parser.add_argument("--rules", type=int, default=len(RULES), help="only the first so many rules")
    parser.add_argument("--neighbours", action="store_true", help="compare with and without neighbours instead")
    arguments = parser.parse_args()
    if arguments.neighbours:
        neighbours(arguments.panels)
        return
    calibration = panels(CALIBRATION_SEED, arguments.calibration, arguments.spread)
    tests = panels(TEST_SEED, arguments.panels, arguments.spread)
    print(f"{arguments.calibration} calibration and {arguments.panels} test panels, outbreaks {arguments.spread}")
    print("| rule | " + " | ".join(f.name for f in fields(Found)) + " | seconds |")
    print("|---" * (len(fields(Found)) + 2) + "|")
    at_rate: dict[str, list[Found]] = {}
    for rule in RULES[: arguments.rules]:
        begin = time.perf_counter()
        judged = [rule.judge(observations(panel)) for panel in tests]
        seconds = time.perf_counter() - begin
        own = [alarm for _, alarm in judged if alarm is not None]
        if own:
            found = [find(panel, alarm) for panel, alarm in zip(tests, own, strict=True)]
            print(f"| {rule.name}: own alarms | {mean_and_error(found)} | {seconds:.0f} |", flush=True)
        scores = [score for score, _ in judged if score is not None]
        if scores:
            known = [score for score, _ in map(rule.judge, map(observations, calibration)) if score is not None]
            threshold = threshold_for(calibration, known, FPR)
            at_rate[rule.name] = [find(p, score > threshold) for p, score in zip(tests, scores, strict=True)]
            print(
                f"| {rule.name}: > {threshold:.3f} | {mean_and_error(at_rate[rule.name])} | {seconds:.0f} |", flush=True
            )
    compare(at_rate)


def neighbours(number: int) -> None:
    """Print what neighbours add at the same alpha: outbreaks shared by groups of five, of one series, and none."""
    rows = np.arange(500)
    others = [row // 5 * 5 + j for row in rows for j in range(5) if row // 5 * 5 + j != row]
    detector = Mamori()
    print("| outbreaks | evidence | " + " | ".join(f.name for f in fields(Found)) + " |")
    print("|---" * (len(fields(Found)) + 2) + "|")
    for words, shared, share in (("shared by five", 5, 0.8), ("of one series", 1, 0.8), ("none", 5, 0.0)):
        tests = [simulate_panel(TEST_SEED + i, shared=shared, share=share) for i in range(number)]
        alone = [last_weeks(detector, observations(panel)) for panel in tests]
        joint = [combine_neighbours(f, 4 * np.arange(501), np.array(others), detector.alpha) for f in alone]
        for evidence, detections in (("own", alone), ("with neighbours", joint)):
            if share:
                row = mean_and_error([find(p, f.alarm) for p, f in zip(tests, detections, strict=True)])
            else:
                row = f"false-positive rate {np.mean([f.alarm.mean() for f in detections]):.4f}"
            print(f"| {words} | {evidence} | {row} |", flush=True)


def compare(at_rate: dict[str, list[Found]]) -> None:
    """Print what the first rule gains over the second on each goal, in standard errors, paired and not."""
    if len(at_rate) < 2:
        return
    ours, theirs = list(at_rate.values())[:2]
    names = list(at_rate)
    for goal in GOALS:
        a, b = (np.array([getattr(f, goal) for f in found]) for found in (ours, theirs))
        n = len(a)
        paired = (a - b).std(ddof=1) / np.sqrt(n)
        unpaired = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / n)
        gain = float((a - b).mean())
        print(
            f"{goal}: {names[0]} {a.mean():.3f}, {names[1]} {b.mean():.3f}, gain {gain:.3f}: "
            f"{gain / paired:.1f} standard errors of the paired difference, {gain / unpaired:.1f} unpaired"
        )


if __name__ == "__main__":
    main()
