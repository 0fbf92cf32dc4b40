"""The cumulative sum (array kernel)."""

import numpy as np

from mamori.core.jit import kernel


@kernel
def cumulative_sums(steps, k, h, reset, total, before):
    """C = max(0, C + s - k) along ``steps`` s (S, K), from 0; a missing step leaves C as it is.

    ``total`` (S, K) takes C, ``before`` the C that each step was added to. With ``reset`` C starts at 0 after it
    has reached ``h``.
    """
    for s in range(steps.shape[0]):
        c = 0.0
        for j in range(steps.shape[1]):
            before[s, j] = c
            if not np.isnan(steps[s, j]):
                c = max(0.0, c + steps[s, j] - k)
            total[s, j] = c
            if reset and c >= h:
                c = 0.0
