"""Kernels of the reproduction number: infection pressure, sums over windows, cases that each case caused, draws."""

import numpy as np

from mamori.core.jit import inner_kernel, kernel
from mamori.core.rng import gamma_variate


@inner_kernel
def _pressure(counts, weights, pressure):
    """Set pressure[t] = sum over k >= 1 of weights[k] counts[t - k]."""
    for t in range(counts.shape[0]):
        total = 0.0
        for k in range(1, min(t + 1, weights.shape[0])):
            total += weights[k] * counts[t - k]
        pressure[t] = total


@kernel
def infection_pressure(counts, weights, pressure, lost):
    """Set (S, T): `pressure` of the known `counts`, and `lost`, the weight that falls on missing (NaN) counts."""
    periods = counts.shape[1]
    known = np.empty(periods)
    missing = np.empty(periods)
    for s in range(counts.shape[0]):
        any_missing = False
        for t in range(periods):
            gap = np.isnan(counts[s, t])
            any_missing |= gap
            missing[t] = 1.0 if gap else 0.0
            known[t] = 0.0 if gap else counts[s, t]
        _pressure(known, weights, pressure[s])
        if any_missing:
            _pressure(missing, weights, lost[s])
        else:
            lost[s] = 0.0


@kernel
def window_sums(values, starts, ends, sums):
    """Set sums (S, W) of `values` (S, T) over the windows of columns starts..ends, both included."""
    for s in range(values.shape[0]):
        for w in range(starts.shape[0]):
            total = 0.0
            for t in range(starts[w], ends[w] + 1):
                total += values[s, t]
            sums[s, w] = total


@kernel
def cases_caused(local, pressure, weights, caused):
    """Set caused (S, T): cases that one case of day j is expected to have caused (Wallinga & Teunis 2004)."""
    periods = local.shape[1]
    share = np.empty(periods)
    for s in range(local.shape[0]):
        for i in range(periods):
            share[i] = local[s, i] / pressure[s, i] if pressure[s, i] > 0.0 else 0.0
        for j in range(periods):
            total = 0.0
            for i in range(j + 1, min(periods, j + weights.shape[0])):
                total += share[i] * weights[i - j]
            caused[s, j] = total


@kernel
def posterior_draws(shape, scale, key, each, draws):
    """Set draws (W, n `each`) of gamma distributions of `shape` (W,) and `scale` (W, n), `each` per scale."""
    for w in range(scale.shape[0]):
        for i in range(scale.shape[1]):
            for k in range(each):
                number = i * each + k
                draws[w, number] = scale[w, i] * gamma_variate(shape[w], key, w, number, 0, 0)
