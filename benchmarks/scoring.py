"""Scores of 200,000 forecasts on one core: ``python -m benchmarks.scoring``."""

import time
from collections.abc import Callable

import numpy as np

from mamori.inference import scoring

FORECASTS = 200_000
REPEATS = 7


def main() -> int:
    """Print CPU milliseconds, the best of some repeats, and return 1 when the budget is passed."""
    rng = np.random.default_rng(0)
    quantiles = np.sort(rng.gamma(2.0, 50.0, (FORECASTS, len(scoring.HUB_LEVELS))), axis=1)
    samples = rng.gamma(2.0, 50.0, (20_000, 100))
    y = np.floor(rng.gamma(2.0, 50.0, FORECASTS))
    mean, size, levels = y + 5.0, np.full(FORECASTS, 5.0), scoring.HUB_LEVELS
    few = slice(0, 20_000)
    jobs: list[tuple[str, float, Callable[[], object]]] = [
        ("WIS and its parts, 200,000 × 23", 100.0, lambda: scoring.weighted_interval_score(y, quantiles, levels)),
        ("50 % coverage, 200,000 × 23", 100.0, lambda: scoring.interval_coverage(y, quantiles, levels, 0.5)),
        ("bias, 200,000 × 23", 150.0, lambda: scoring.quantile_bias(y, quantiles, levels)),
        ("CRPS from quantiles, 200,000 × 23", 200.0, lambda: scoring.crps_from_quantiles(y, quantiles, levels)),
        ("CRPS of draws, 20,000 × 100", 500.0, lambda: scoring.crps_samples(y[few], samples)),
        ("log score, negative binomial, 200,000", 500.0, lambda: scoring.log_score_counts(y, mean, size)),
        ("RPS, negative binomial, 20,000", 1500.0, lambda: scoring.crps_counts(y[few], mean[few], size[few])),
    ]
    print(f"{'job':<40} {'CPU ms':>8} {'budget':>8}")
    over = False
    for name, budget, job in jobs:
        best = min(_cpu_ms(job) for _ in range(REPEATS))
        over |= best > budget
        print(f"{name:<40} {best:>8.1f} {budget:>8.0f} {'OVER' if best > budget else 'PASS'}")
    return int(over)


def _cpu_ms(job: Callable[[], object]) -> float:
    begin = time.process_time()
    job()
    return 1000.0 * (time.process_time() - begin)


if __name__ == "__main__":
    raise SystemExit(main())
