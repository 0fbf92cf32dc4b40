"""Nowcasts against what came: coverage, scores and speed: ``python -m benchmarks.nowcast``."""

import argparse
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from mamori.core.contracts import Triangle
from mamori.data.adapters.triangle import TriangleRules, read_triangle
from mamori.inference.nowcast import METHODS, Method, nowcast
from mamori.inference.scoring import HUB_LEVELS, randomised_pit, sample_cdf, weighted_interval_score

SPEED_BAR_S = 1.0
LONGEST = {365: 20, 52: 4}
PERIODS = {365: 120, 52: 60}


@dataclass(frozen=True, eq=False)
class Vintage:
    """A triangle as it once was, and the counts (S, T) that came in the end."""

    triangle: Triangle
    final: np.ndarray


def simulate(rng: np.random.Generator, frequency: int) -> Vintage:
    """Return a simulated epidemic: growth that turns, weekdays, overdispersion, delays that drift and pause.

    None of it follows the models that are tried: incidence is piecewise exponential with noise, the delay is
    log-normal with a mean that changes over the epidemic, and what would be reported on a Sunday comes on Monday.
    """
    size, longest, daily = PERIODS[frequency], LONGEST[frequency], frequency == 365
    unit = 1.0 if daily else 7.0
    turns = np.repeat(rng.normal(0.0, 0.04 * unit, size=8), -(-size // 8))[:size]
    level = np.log(rng.choice([3.0, 20.0, 100.0]) * unit / 4.0)
    path = np.clip(level + np.cumsum(turns) - np.cumsum(turns)[size // 2], level - 2.5, level + 2.5)
    if daily:
        path = path + rng.normal(0.0, 0.15, 7)[(np.arange(size)) % 7]
    noise = rng.choice([5.0, 20.0, 200.0])
    cases = rng.poisson(np.exp(path) * rng.gamma(noise, 1.0 / noise, size))
    drift = rng.normal(0.0, 0.3)
    middle = np.log((5.0 if daily else 1.2) * rng.uniform(0.6, 1.4)) + drift * np.linspace(-0.5, 0.5, size)
    reported = np.zeros((size, longest + 1))
    closed = daily and rng.random() < 0.5
    for t in range(size):
        delay = np.floor(np.exp(middle[t] + rng.normal(0.0, 0.6, cases[t]))).astype(int)
        if closed:
            delay = delay + ((t + delay) % 7 == 6)
        delay = np.minimum(delay, longest)
        reported[t] = np.bincount(delay, minlength=longest + 1)
    reported = np.cumsum(reported, axis=1)
    final = reported[:, -1].copy()
    reported[np.arange(size)[:, None] + np.arange(longest + 1) >= size] = np.nan
    first = np.datetime64("2024-01-01")
    dates = first + (1 if daily else 7) * np.arange(size)
    series = pl.DataFrame({"series": ["simulated"]})
    return Vintage(Triangle(series, np.arange(1, size + 1), reported[None], dates, frequency), final[None])


def of_real(triangle: Triangle, last: Iterable[int]) -> Iterator[Vintage]:
    """Yield a real triangle as it was when the periods `last` were the last."""
    final = triangle.latest()
    for t in last:
        yield Vintage(triangle.as_of(t), final[:, :t])


def score(name: str, vintages: list[Vintage], max_delay: int, draws: int) -> None:
    """Print coverage and the weighted interval score of each method, and the time for a triangle."""
    results: dict[Method, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {method: [] for method in METHODS}
    seconds = dict.fromkeys(METHODS, 0.0)
    for vintage in vintages:
        casts = {}
        for method in METHODS:
            begin = time.process_time()
            casts[method] = nowcast(vintage.triangle, method, max_delay=max_delay, draws=draws)
            seconds[method] += time.process_time() - begin
        # The youngest `max_delay` periods, where all methods have an answer.
        sound = np.all([cast.reason[:, -max_delay:] == 0 for cast in casts.values()], axis=0)
        age = np.broadcast_to(np.arange(max_delay)[::-1], sound.shape)[sound]
        for method, cast in casts.items():
            came = vintage.final[:, cast.columns[-max_delay:]][sound]
            results[method].append((came, cast.draws[:, -max_delay:][sound], age))
    series = sum(vintage.triangle.reported.shape[0] for vintage in vintages)
    for method in METHODS:
        came, drawn, age = (np.concatenate(parts) for parts in zip(*results[method], strict=True))
        quantiles = np.quantile(drawn, HUB_LEVELS, axis=1, method="inverted_cdf").T
        wis = weighted_interval_score(came, quantiles, HUB_LEVELS).wis
        pit = randomised_pit(*sample_cdf(came, drawn), seed=0)
        inside = [100.0 * np.mean((pit > 0.5 - share / 2) & (pit <= 0.5 + share / 2)) for share in (0.5, 0.9)]
        held = 100.0 * np.mean((came >= np.quantile(drawn, 0.05, axis=1, method="inverted_cdf"))
                               & (came <= np.quantile(drawn, 0.95, axis=1, method="inverted_cdf")))  # fmt: skip
        young = age <= max(1, max_delay // 4)
        print(
            f"{name:22} {method:13} n {len(came):6,}  90 % {held:5.1f}  by PIT 90 % {inside[1]:5.1f} 50 % "
            f"{inside[0]:5.1f}  WIS {wis.mean():8.3f}  youngest {wis[young].mean():8.3f}  "
            f"{seconds[method] / series:.2f} s a series",
            flush=True,
        )


def real_triangles(folder: Path) -> Iterator[tuple[str, Triangle, range]]:
    """Yield name, triangle and vintages of the real line lists in `folder` (see tests/shared)."""
    hus = read_triangle(
        folder / "reference/surveillance/nowcast/husO104_linelist.csv",
        columns={"reference": "dHosp", "report": "dReport"},
    )
    yield "HUS 2011, daily", hus, range(27, 52)
    path = folder / "data/linelists/ebola_sierraleone_2014.csv"
    dates = {"reference": "date_of_onset", "report": "date_of_sample"}
    yield "Ebola 2014, daily", read_triangle(path, TriangleRules(max_delay=21), columns=dates), range(40, 460, 10)
    weekly = TriangleRules(period="week", max_delay=4)
    yield "Ebola 2014, weekly", read_triangle(path, weekly, columns=dates), range(14, 66)
    districts = read_triangle(path, weekly, columns=dates, by=["district"])
    most = np.argsort(-districts.latest().sum(axis=1))[:5]
    few = replace(districts, series=districts.series[most.tolist()], reported=districts.reported[most])
    yield "  of 5 districts", few, range(14, 66, 4)


def main() -> None:
    """Run the simulations and, where the line lists are there, the real vintages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epidemics", type=int, default=200, help="simulated epidemics, daily and weekly each")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--folder", type=Path, default=os.environ.get("MAMORI_SHARED"), help="line lists")
    given = parser.parse_args()
    for frequency, name in ((365, "simulated, daily"), (52, "simulated, weekly")):
        rng = np.random.default_rng(frequency)
        if given.epidemics:
            score(name, [simulate(rng, frequency) for _ in range(given.epidemics)], LONGEST[frequency], given.draws)
    if given.folder is not None:
        for name, triangle, last in real_triangles(given.folder):
            longest = 15 if "HUS" in name else triangle.reported.shape[2] - 1
            score(name, list(of_real(triangle, last)), longest, given.draws)


if __name__ == "__main__":
    main()
