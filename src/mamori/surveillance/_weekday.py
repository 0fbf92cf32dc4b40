"""Multiplicative day-of-week factors of each series from the weeks before each day (array kernels)."""

import numpy as np

from mamori.core.jit import inner_kernel, kernel

DAYS = 7
ROUNDS = 8  # of fitting and of drawing in what lies far off; the factors settle to about 1 %
LIMIT = 2.58  # standard deviations beyond which a count is drawn in, as in Noufaily et al. (2013)
PRIOR_CASES = 8.0  # a gamma prior with mean 1 and standard deviation 0.35 on each factor


@kernel
def weekday_factors(history, weights, start, weeks, factors):
    """Fill ``factors`` (S, T): how many times the day's mean over the week is counted on such a day, mean 1.

    Column t of ``start`` and later is judged by the ``weeks`` whole weeks, or as many as there are, that end the day
    before; all earlier columns by the factors of ``start``. ``weights`` (S, T), or (0, 0) for all 1.
    """
    weighted = weights.shape[0] > 0
    x = np.empty((weeks, DAYS))
    w = np.empty((weeks, DAYS))
    for s in range(history.shape[0]):
        for t in range(start, history.shape[1]):
            rows = min(weeks, t // DAYS)
            for r in range(rows):
                for d in range(DAYS):
                    i = t - (rows - r) * DAYS + d
                    x[r, d] = history[s, i]
                    w[r, d] = weights[s, i] if weighted else 1.0
                    if np.isnan(x[r, d]):
                        x[r, d] = w[r, d] = 0.0
            factor = _factors(x[:rows], w[:rows])  # of the weekdays of t, t + 1, ...
            factors[s, t] = factor[0]
            if t == start:
                for i in range(t):
                    factors[s, i] = factor[(i - t) % DAYS]


@inner_kernel
def _factors(x, w):
    """Fit x = level of the week * factor of the day, by turns, with counts far from that drawn in to the limit."""
    rows = x.shape[0]
    level = np.empty(rows)
    factor = np.ones(DAYS)
    drawn = x.copy()
    for _ in range(ROUNDS):
        for r in range(rows):
            cases = expected = 0.0
            for d in range(DAYS):
                cases += w[r, d] * drawn[r, d]
                expected += w[r, d] * factor[d]
            level[r] = cases / expected if expected > 0.0 else 0.0
        total = 0.0
        for d in range(DAYS):
            cases = expected = PRIOR_CASES
            for r in range(rows):
                cases += w[r, d] * drawn[r, d]
                expected += w[r, d] * level[r]
            factor[d] = cases / expected
            total += factor[d]
        for d in range(DAYS):
            factor[d] *= DAYS / total
        spread = np.sqrt(_dispersion(drawn, w, level, factor))
        for r in range(rows):
            for d in range(DAYS):
                mean = level[r] * factor[d]
                reach = LIMIT * spread * np.sqrt(mean)
                drawn[r, d] = min(max(x[r, d], mean - reach), mean + reach)
    return factor


@inner_kernel
def _dispersion(x, w, level, factor):
    """Pearson's statistic by degrees of freedom, at least 1."""
    statistic = days = weeks = 0.0
    for r in range(x.shape[0]):
        if level[r] > 0.0:
            weeks += 1.0
            for d in range(DAYS):
                mean = level[r] * factor[d]
                statistic += w[r, d] * (x[r, d] - mean) * (x[r, d] - mean) / mean
                days += w[r, d]
    freedom = days - weeks - DAYS + 1.0
    return max(1.0, statistic / freedom) if freedom > 0.0 else 1.0
