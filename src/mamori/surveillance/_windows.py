"""Moments of the counts in given windows before each target (array kernel)."""

import numpy as np

from mamori.core.jit import kernel


@kernel
def pool(history, weights, first, windows, total, mean, sd):
    """Weighted number, mean and SD of the known values of ``history`` (S, T) in ``windows`` (N, 2) before each target.

    A window is its first and last offset from the target, both included. Target j is column ``first + j``; all
    windows must lie within the columns. ``weights`` is (S, T), or (0, 0) for all 1. The results are (S, K);
    the SD divides by the sum of weights less 1 and is exactly 0 where all values are equal.
    """
    weighted = weights.shape[0] > 0
    for s in range(total.shape[0]):
        for j in range(total.shape[1]):
            t = first + j
            n = sum_x = 0.0
            low, high = np.inf, -np.inf
            for r in range(windows.shape[0]):
                for i in range(t + windows[r, 0], t + windows[r, 1] + 1):
                    x = history[s, i]
                    w = weights[s, i] if weighted else 1.0
                    if w > 0.0 and not np.isnan(x):
                        n += w
                        sum_x += w * x
                        low = min(low, x)
                        high = max(high, x)
            m = sum_x / n if n > 0.0 else np.nan
            squares = 0.0
            if high > low:
                for r in range(windows.shape[0]):
                    for i in range(t + windows[r, 0], t + windows[r, 1] + 1):
                        x = history[s, i]
                        w = weights[s, i] if weighted else 1.0
                        if w > 0.0 and not np.isnan(x):
                            squares += w * (x - m) * (x - m)
            total[s, j] = n
            mean[s, j] = m
            sd[s, j] = np.sqrt(squares / (n - 1.0)) if n > 1.0 else np.nan
