"""The reproduction number: speed, coverage of its intervals, and its bias in real time.

Run: ``python -m benchmarks.reproduction [--epidemics 200] [--seed 1] [--days 120]``. Each epidemic has its own course
of R (a random walk, a wave, or a sudden fall and rise), Poisson infections, a share of 40 % that are ever counted, a
delay of 5 days (SD 2.5) until they are counted, effects of weekdays, negative binomial noise, and a delay of 3 days
(SD 2.5) until they are in the data, so that the last days are incomplete.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import polars as pl

from mamori.core.contracts import Observations
from mamori.inference.renewal import RenewalModel, estimate_renewal
from mamori.inference.reproduction import estimate_reproduction_number
from mamori.inference.serial_interval import SerialInterval, delay_distribution

GENERATION = SerialInterval(5.0, 2.0, kind="generation time")
DELAY = delay_distribution(5.0, 2.5)
REPORTING = delay_distribution(3.0, 2.5)
WEEKDAYS = np.array([1.2, 1.1, 1.05, 1.05, 1.0, 0.85, 0.75])
COUNTED, NOISE = 0.4, 20.0
LAST_DAYS, SKIPPED_DAYS = 14, 14
COUNTED_LATER = 8
"""Days from the middle of a window of a week back to the infections that are counted in it: 5 + 3."""
BUDGET_MS, R_MS = 1.0, 119.0


@dataclass(frozen=True, eq=False)
class Epidemics:
    """True R (S, T); counts that are complete, and as they stood on the last day (S, T)."""

    r: np.ndarray
    complete: np.ndarray
    real_time: np.ndarray


def course(rng: np.random.Generator, days: int, shape: int) -> np.ndarray:
    """Return the course of R by day: 0 random walk, 1 wave, 2 sudden fall and rise."""
    t = np.arange(days)
    if shape == 0:
        log_r = np.cumsum(rng.normal(0.0, 0.035, days))
        return np.exp(log_r - 0.02 * np.cumsum(log_r) / (1 + t))
    if shape == 1:
        return np.exp(rng.uniform(0.15, 0.4) * np.sin(2 * np.pi * (t / rng.uniform(50, 90) + rng.random())))
    fall, rise = rng.integers(25, 50), rng.integers(65, days - 10)
    return np.where(t < fall, rng.uniform(1.2, 1.6), np.where(t < rise, rng.uniform(0.6, 0.9), rng.uniform(1.0, 1.4)))


def simulate(size: int, days: int, seed: int) -> Epidemics:
    """Return epidemics whose infections are neither few (100 in all) nor many (a million in a day)."""
    rng, weights = np.random.default_rng(seed), GENERATION.complete()
    lead = max(len(weights), len(DELAY))
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    number = 0
    while len(kept) < size:
        r = course(rng, days, number % 3)
        number += 1
        infections = np.full(lead + days, rng.integers(20, 400), dtype=float)
        for t in range(lead, lead + days):
            pressure = weights[1:] @ infections[t - 1 : t - len(weights) : -1]
            infections[t] = rng.poisson(min(r[t - lead] * pressure, 1e7))
        mean = COUNTED * np.convolve(infections, DELAY)[lead : lead + days] * WEEKDAYS[np.arange(days) % 7]
        if mean.sum() < 100 or mean.max() > 1e6:
            continue
        complete = rng.poisson(rng.gamma(NOISE, mean / NOISE))
        age = np.minimum(np.arange(days)[::-1], len(REPORTING) - 1)
        real_time = rng.binomial(complete, np.minimum(np.cumsum(REPORTING)[age], 1.0))
        kept.append((r, complete.astype(float), real_time.astype(float)))
    return Epidemics(*(np.array(part) for part in zip(*kept, strict=True)))


def observations(counts: np.ndarray, frequency: int = 365) -> Observations:
    """Return the counts (S, T) as observations that begin on a Monday."""
    size, width = counts.shape
    names = [f"epidemic {s}" for s in range(size)]
    dates = np.datetime64("2024-01-01") + np.arange(width) * (1 if frequency == 365 else 7)
    return Observations(pl.DataFrame({"series": names}), np.arange(1, width + 1), counts, counts, dates, frequency)


def row(what: str, quantiles: np.ndarray, truth: np.ndarray) -> str:
    """Return coverage of the 50 and 90 % intervals, and bias, error and width of the 90 % one on a log scale.

    `quantiles` (S, W, 7) are those of the true R (S, W).
    """
    known = np.isfinite(quantiles[:, :, 0])
    q, r = quantiles[known], truth[known]
    inside = [100 * np.mean((r >= q[:, low]) & (r <= q[:, high])) for low, high in ((2, 4), (1, 5))]
    error = np.log(q[:, 3] / r)
    width = np.log(q[:, 5] / q[:, 1]).mean()
    return (
        f"| {what} | {inside[0]:.1f} | {inside[1]:.1f} | {error.mean():+.3f} | "
        f"{np.sqrt((error**2).mean()):.3f} | {width:.2f} |"
    )


def coverage(epidemics: Epidemics) -> None:
    """Print the tables of coverage and of real-time bias."""
    r, days = epidemics.r, epidemics.r.shape[1]
    inner, last = slice(SKIPPED_DAYS, days - LAST_DAYS), slice(days - LAST_DAYS, days)
    before = slice(inner.start - COUNTED_LATER, inner.stop - COUNTED_LATER)
    head = "| | 50 % | 90 % | bias | error | width |\n|---|---|---|---|---|---|"
    without, truncated = RenewalModel(GENERATION, DELAY), RenewalModel(GENERATION, DELAY, REPORTING)

    def cori(counts: np.ndarray) -> np.ndarray:
        """Return the quantiles by the last day of the window (S, T, 7), NaN before there is one."""
        found = estimate_reproduction_number(observations(counts), GENERATION)
        return np.pad(found.quantiles, ((0, 0), (days - len(found.t_end), 0), (0, 0)), constant_values=np.nan)

    begin = time.process_time()
    complete = estimate_renewal(observations(epidemics.complete), without).quantiles
    each = (time.process_time() - begin) / len(r)
    print(
        f"\nrenewal model: {each:.2f} s CPU per series of {days} days\n\ndays {inner.start + 1} to {inner.stop}\n{head}"
    )
    print(row("renewal, daily counts", complete[:, inner], r[:, inner]))
    weeks = epidemics.complete[:, : days // 7 * 7].reshape(len(r), -1, 7).sum(axis=2)
    weekly = estimate_renewal(observations(weeks, 52), without).quantiles
    by_week = np.exp(np.log(r[:, : days // 7 * 7]).reshape(len(r), -1, 7).mean(axis=2))
    print(row("renewal, weekly counts", weekly[:, 2:-2], by_week[:, 2:-2]))
    print(row("Cori, by date counted", cori(epidemics.complete)[:, inner], r[:, inner]))
    print(row(f"Cori, R of {COUNTED_LATER} days before", cori(epidemics.complete)[:, inner], r[:, before]))
    print(f"\nthe last {LAST_DAYS} days, as known on the last day\n{head}")
    for what, quantiles in (
        ("renewal, truncation corrected", estimate_renewal(observations(epidemics.real_time), truncated).quantiles),
        ("renewal, not corrected", estimate_renewal(observations(epidemics.real_time), without).quantiles),
        ("Cori", cori(epidemics.real_time)),
        ("renewal, had the counts been complete", complete),
    ):
        print(row(what, quantiles[:, last], r[:, last]))


def speed(series: int, days: int = 365) -> bool:
    """Print the time per series of the Cori posterior, and whether it keeps its budget."""
    counts = np.random.default_rng(1).poisson(np.exp(3 + 2 * np.sin(np.arange(days) / 40))[None, :], (series, days))
    seen = observations(counts.astype(float))
    estimate_reproduction_number(seen, GENERATION)
    best = np.inf
    for _ in range(5):
        begin = time.process_time()
        estimate_reproduction_number(seen, GENERATION)
        best = min(best, 1e3 * (time.process_time() - begin) / series)
    kept = best <= BUDGET_MS
    print(
        f"Cori, {series} series of {days} days: {best:.3f} ms CPU per series, budget {BUDGET_MS:g} ms: "
        f"{'PASS' if kept else 'OVER'}; R {R_MS:g} ms (recorded), {R_MS / best:.0f} times"
    )
    return kept


def main() -> int:
    """Print the tables; 1 where the speed is over its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epidemics", type=int, default=200)
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    kept = all([speed(1), speed(100)])
    if given.epidemics:
        coverage(simulate(given.epidemics, given.days, given.seed))
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
