"""What controlling false discoveries changes: alarms, false ones among them, outbreaks found.

Run: ``python -m benchmarks.false_discovery [--weeks 1000] [--seed 1]``. Weekly Poisson counts of 1,000 series whose
means are known, from 0.05 to 50; in an outbreak three standard deviations and two cases are added to the mean.
"""

import argparse

import numpy as np
from scipy.stats import poisson

from mamori.surveillance.false_discovery import METHODS, q_values

SERIES = 1000
SHARES = (0.0, 0.01, 0.2)
LEVELS = (0.05, 0.2)


def simulate(share: float, weeks: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return p-values P(Y >= y) (series, weeks) and where an outbreak is, in a `share` of the series each week."""
    draw = np.random.default_rng(seed)
    mean = np.geomspace(0.05, 50.0, SERIES)[:, None]
    outbreak = draw.random((SERIES, weeks)) < share
    counts = draw.poisson(mean + outbreak * (3 * np.sqrt(mean) + 2))
    return np.asarray(poisson.sf(counts - 1, mean)), outbreak


def row(rule: str, alarm: np.ndarray, outbreak: np.ndarray) -> str:
    """Alarms a week, mean share of false ones (0 in a week without alarms), share of the outbreak weeks found."""
    alarms = alarm.sum(axis=0)
    false = (alarm & ~outbreak).sum(axis=0) / np.maximum(alarms, 1)
    found = f"{alarm[outbreak].mean():.3f}" if outbreak.any() else "-"
    return f"| {rule} | {alarms.mean():.1f} | {false.mean():.3f} | {found} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for share in SHARES:
        pvalues, outbreak = simulate(share, given.weeks, given.seed)
        print(f"\noutbreaks in {share:.0%} of the series\n| rule | alarms a week | false among them | found |")
        print(row("p <= 0.01", pvalues <= 0.01, outbreak))
        for level in LEVELS:
            for method in METHODS:
                print(row(f"{method} <= {level}", q_values(pvalues, method) <= level, outbreak))


if __name__ == "__main__":
    main()
