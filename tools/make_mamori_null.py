"""Write the null distribution of the score of Mamori's detector: ``python tools/make_mamori_null.py [WEEKS]``.

For each mean and dispersion of a grid, `WEEKS` (default 1,000,000) independent counts without outbreaks run through
the outbreak filter; the scores' quantiles and the shares of scores at least as high are kept in
``src/mamori/surveillance/mamori_null.npz``. The same call writes the same numbers. It takes about ten minutes; run
it again when a prior value of the filter (``surveillance/_mamori_filter.py``) changes.
"""

import sys
from pathlib import Path

import numpy as np

from mamori.surveillance._mamori_filter import MANY, null_scores

OUT = Path(__file__).parents[1] / "src/mamori/surveillance/mamori_null.npz"
MEANS = np.concatenate([np.geomspace(0.01, MANY, 50), np.geomspace(MANY, 1000.0, 9)[1:]])
PHIS = np.array([1.0, 1.15, 1.4, 1.8, 2.4, 3.3, 5.0, 8.0, 13.0, 21.0, 35.0, 60.0])
SHARES = np.concatenate([[0.999, 0.99, 0.95, 0.9, 0.8, 0.7, 0.6], 10.0 ** -np.arange(0.3, 4.01, 0.1)])
SAME = 1e-4  # scores closer than this are one atom


def node(mean: float, phi: float, weeks: int, rng: np.random.Generator) -> np.ndarray:
    """Return (L, 2): the score that a share `SHARES` reaches, and the exact share that reaches it."""
    counts = rng.poisson(mean, weeks) if phi == 1.0 else rng.negative_binomial(mean / (phi - 1.0), 1.0 / phi, weeks)
    scores = np.empty(weeks)
    null_scores(counts.astype(float), mean, phi, scores)
    scores.sort()
    quantiles = scores[np.minimum((weeks * (1.0 - SHARES)).astype(int), weeks - 1)]
    return np.stack([quantiles, 1.0 - np.searchsorted(scores, quantiles - SAME) / weeks], axis=1)


def main(weeks: int) -> None:
    """Fill the grid and write it."""
    tails = np.empty((len(MEANS), len(PHIS), len(SHARES), 2), dtype=np.float32)
    for i, mean in enumerate(MEANS):
        for j, phi in enumerate(PHIS):
            tails[i, j] = node(float(mean), float(phi), weeks, np.random.default_rng((2026, i, j)))
    np.savez_compressed(OUT, means=MEANS, phis=PHIS, tails=tails, weeks=weeks)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
