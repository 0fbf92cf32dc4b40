"""Where alarms of a hierarchy are reported when it is known where the outbreak is.

Run: ``python -m benchmarks.hierarchy [--weeks 4000] [--seed 3]``. A country of 5 provinces of 6 districts; Poisson
counts with mean 6 in each district, and an alarm above the 99 % quantile of the known mean at every level.
"""

import argparse

import numpy as np
from scipy.stats import poisson

from mamori.surveillance.hierarchy import Fold, fold_alarms

PROVINCES, DISTRICTS, MEAN = 5, 6, 6.0
NAMES = ["country", *(f"p{p}" for p in range(PROVINCES))]
NAMES += [f"p{p}d{d}" for p in range(PROVINCES) for d in range(DISTRICTS)]
PARENTS = {name: "country" if len(name) == 2 else name[:2] for name in NAMES[1:]}
EXTRA = {
    "no outbreak": np.zeros(PROVINCES * DISTRICTS),
    "p0d0: 30 more": 30.0 * (np.arange(PROVINCES * DISTRICTS) == 0),
    "p0: 8 more in each district": 8.0 * (np.arange(PROVINCES * DISTRICTS) < DISTRICTS),
    "country: 4 more in each district": np.full(PROVINCES * DISTRICTS, 4.0),
}


def with_sums(districts: np.ndarray) -> np.ndarray:
    """Return the rows of `NAMES` for counts of the districts (districts, weeks)."""
    provinces = districts.reshape(PROVINCES, DISTRICTS, -1).sum(axis=1)
    return np.vstack([provinces.sum(axis=0), provinces, districts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=3)
    given = parser.parse_args()
    draw = np.random.default_rng(given.seed)
    mean = with_sums(np.full((PROVINCES * DISTRICTS, given.weeks), MEAN))
    bound = poisson.ppf(0.99, mean)
    print("| outbreak | margin | alarms a week | reports a week | p0d0, p0, country reported |")
    for label, extra in EXTRA.items():
        counts = with_sums(draw.poisson(MEAN + extra[:, None], (PROVINCES * DISTRICTS, given.weeks)))
        alarm, excess = counts > bound, counts - mean
        for known, margin in (("known", bound - mean), ("not known", None)):
            folding = fold_alarms(NAMES, alarm, excess, PARENTS, margin=margin)
            reported = folding.fold == Fold.REPORTED
            places = ", ".join(f"{reported[NAMES.index(name)].mean():.0%}" for name in ("p0d0", "p0", "country"))
            per_week = f"{alarm.sum() / given.weeks:.2f} | {reported.sum() / given.weeks:.2f}"
            print(f"| {label} | {known} | {per_week} | {places} |")


if __name__ == "__main__":
    main()
