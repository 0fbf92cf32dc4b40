"""The space-time scan: speed, false alarms under the null, and power: ``python -m benchmarks.scan``."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mamori.core.contracts import Observations
from mamori.core.executor import run_chunks
from mamori.surveillance.scan import ClusterScan, Method, scan_clusters

LEVEL = 0.05
SPEED_BAR_S, SPEED_CASES = 30.0, (1_000.0, 10_000.0)

Draw = Callable[[np.random.Generator, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Study:
    """Places at random in a square of five degrees, with people (P,), over `periods` weeks."""

    points: np.ndarray
    people: np.ndarray
    periods: int

    @classmethod
    def make(cls, rng: np.random.Generator, places: int, periods: int) -> "Study":
        """Return a study whose places differ ninefold in size, as much as districts do."""
        return cls([45.0, 5.0] + 5.0 * rng.random((places, 2)), np.exp(rng.uniform(0.0, 2.2, places)), periods)

    def mean(self, cases: float) -> np.ndarray:
        """Return the expected cases (P, T) of a total of `cases`, in proportion to the people."""
        return np.outer(self.people / self.people.sum(), np.full(self.periods, cases / self.periods))

    def scan(self, counts: np.ndarray, method: Method, replicates: int, seed: int, **more: object) -> ClusterScan:
        """Return the scan of `counts` (P, T)."""
        frame = pl.DataFrame(
            {
                "series": [f"p{i}" for i in range(len(counts))],
                "latitude": self.points[:, 0],
                "longitude": self.points[:, 1],
            }
        )
        seen = Observations(frame, np.arange(1, self.periods + 1), counts, counts, frequency=52)
        return scan_clusters(seen, method, replicates=replicates, seed=seed, **more)  # type: ignore[arg-type]


def poisson(rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
    """Counts of the mean alone."""
    return rng.poisson(mean).astype(float)


def seasonal(rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
    """Counts that rise threefold in all places towards the end of the study."""
    season = 2.0 - np.cos(2.0 * np.pi * np.arange(mean.shape[1]) / (2.0 * mean.shape[1]))
    return rng.poisson(mean * season / season.mean()).astype(float)


def gaps(rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
    """Counts of which 15 % are missing."""
    counts = seasonal(rng, mean)
    counts[rng.random(counts.shape) < 0.15] = np.nan
    return counts


def overdispersed(rng: np.random.Generator, mean: np.ndarray) -> np.ndarray:
    """Counts with twice the variance of a Poisson count, each week of each place on its own."""
    return rng.negative_binomial(mean, 0.5).astype(float)


def rejected(draw: Draw, method: Method, people: bool, sets: int, replicates: int, workers: int) -> float:
    """Return the share of data sets without any cluster in which the best one has p <= 0.05."""

    def one(number: int) -> bool:
        rng = np.random.default_rng([1, number])
        study = Study.make(rng, 25, 26)
        counts = draw(rng, study.mean(600.0))
        more = {"population": study.people} if people else {}
        found = study.scan(counts, method, replicates, number, **more).clusters
        return bool(found) and found[0].pvalue <= LEVEL

    return sum(result for _, result in run_chunks(one, range(sets), workers=workers)) / sets


def power(risk: float, method: Method, sets: int, workers: int) -> tuple[float, float, float]:
    """Return how often a cluster of six places and three weeks at `risk` is found, and how well its places are.

    The second and third value, over the data sets with p <= 0.05, are the share of its places that the most likely
    cluster names, and the share of the named that belong to it.
    """

    def one(number: int) -> tuple[bool, float, float]:
        rng = np.random.default_rng([2, number])
        study = Study.make(rng, 49, 26)
        centre = study.points[rng.integers(49)]
        true = np.argsort(((study.points - centre) ** 2 * [1.0, np.cos(np.radians(47.5)) ** 2]).sum(axis=1))[:6]
        mean = study.mean(1500.0)
        mean[true, -3:] *= risk
        more = {"population": study.people} if method == "poisson" else {}
        found = study.scan(poisson(rng, mean), method, 199, number, **more).clusters[0]
        both = len({f"p{i}" for i in true} & set(found.places))
        return found.pvalue <= LEVEL, both / 6.0, both / len(found.places)

    results = np.array([result for _, result in run_chunks(one, range(sets), workers=workers)])
    hits = results[results[:, 0] > 0.0]
    return float(results[:, 0].mean()), float(hits[:, 1].mean()), float(hits[:, 2].mean())


def speed(workers: int) -> bool:
    """Print the time of 100 places x 52 weeks x 999 replicates; False where it is over the bar."""
    rng = np.random.default_rng(3)
    study = Study.make(rng, 100, 52)
    kept = True
    for cases in (*SPEED_CASES, 100_000.0):
        for label, draw, method, people in (
            ("permutation", poisson, "permutation", False),
            ("permutation, 15 % missing", gaps, "permutation", False),
            ("poisson, population", poisson, "poisson", True),
            ("poisson, history", poisson, "poisson", False),
        ):
            counts = draw(rng, study.mean(cases))
            more = {"population": study.people} if people else {}
            study.scan(counts, method, 19, 0, **more)  # type: ignore[arg-type]
            begin = time.perf_counter()
            study.scan(counts, method, 999, 0, workers=workers, **more)  # type: ignore[arg-type]
            seconds = time.perf_counter() - begin
            bar = SPEED_BAR_S if cases in SPEED_CASES else np.inf
            kept &= seconds <= bar
            print(f"speed  {cases:9,.0f} cases  {label:26s} {seconds:6.2f} s  (bar {bar:.0f} s)", flush=True)
    return kept


def main(arguments: Sequence[str] | None = None) -> int:
    """Print speed, false alarms and power; 1 where the speed is over its bar."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scan", description=__doc__)
    parser.add_argument("--sets", type=int, default=2000, help="data sets for each share of false alarms")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args(arguments)
    kept = speed(given.workers)
    nulls: tuple[tuple[str, Draw, Method, bool], ...] = (
        ("permutation, nothing else", poisson, "permutation", False),
        ("permutation, season", seasonal, "permutation", False),
        ("permutation, season, 15 % missing", gaps, "permutation", False),
        ("poisson by population, nothing else", poisson, "poisson", True),
        ("poisson by history, nothing else", poisson, "poisson", False),
        ("poisson by population, season", seasonal, "poisson", True),
        ("permutation, variance doubled", overdispersed, "permutation", False),
        ("poisson by population, variance doubled", overdispersed, "poisson", True),
    )
    for label, draw, method, people in nulls:
        share = rejected(draw, method, people, given.sets, 199, given.workers)
        error = np.sqrt(share * (1.0 - share) / given.sets)
        print(f"null   {label:40s} p <= 0.05 in {100 * share:5.2f} % (SE {100 * error:.2f})", flush=True)
    for method in ("permutation", "poisson"):
        for risk in (1.5, 2.0, 3.0):
            found, named, right = power(risk, method, given.sets // 4, given.workers)  # type: ignore[arg-type]
            print(f"power  {method:12s} risk {risk}: found {found:.2f}, places named {named:.2f}, right {right:.2f}")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
