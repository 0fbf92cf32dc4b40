"""Kernels of forecasts: random numbers by counter, and simulated paths of counts."""

import math

import numpy as np

from mamori.core.jit import inner_kernel, kernel
from mamori.core.rng import gamma_variate, normal_quantile, philox, poisson_quantile

MOST = 1e12
"""No expected count goes beyond this, so that a path that runs away stays a number."""


@kernel
def uniforms(key, number):
    """Return (number,) uniforms in (0, 1) of the stream `key`."""
    u = np.empty(number)
    for i in range(number):
        u[i], _ = philox(key, i, 0, 0, 0)
    return u


@inner_kernel
def _negative_binomial(mean, size, key, draw, step):
    """Return a count with that mean and the variance mean + mean²/size; Poisson where size is infinite."""
    rate = min(mean, MOST)
    if math.isfinite(size):
        rate *= gamma_variate(size, key, draw, step, 1, 0) / size
    u, _ = philox(key, draw, step, 2, 0)
    return poisson_quantile(rate, u)


@kernel
def walks(last, steps, key, paths):
    """Set paths (N, H): `last` plus 1 to H steps, each a quantile of the sorted `steps` (K,) at a random level."""
    for i in range(paths.shape[0]):
        value = last
        for h in range(paths.shape[1]):
            u, _ = philox(key, i, h, 0, 0)
            place = u * (steps.shape[0] - 1)
            below = min(int(place), steps.shape[0] - 2)
            value += steps[below] + (place - below) * (steps[below + 1] - steps[below])
            paths[i, h] = value


@kernel
def autoregressive_paths(recent, lags, fixed, offset, size, key, paths):
    """Set paths (N, H) of counts with log mean = fixed[h] + Σ_k lags[k] log(y of k + 1 periods ago + offset).

    `recent` (P,) are the last counts, the newest first; `lags` (N, P) and `fixed` (N, H) are of each path.
    """
    order = recent.shape[0]
    for i in range(paths.shape[0]):
        for h in range(paths.shape[1]):
            eta = fixed[i, h]
            for k in range(order):
                before = paths[i, h - 1 - k] if k < h else recent[k - h]
                eta += lags[i, k] * math.log(before + offset)
            paths[i, h] = _negative_binomial(math.exp(min(eta, 30.0)), size, key, i, h)


@kernel
def renewal_paths(history, weights, log_r, walk_sd, damping, low, high, size, days, key, paths):
    """Set paths (N, H) of counts of periods of `days` days, by the renewal equation from day to day.

    `history` (T,) are cases by day, `weights` (K,) the serial interval, `log_r` (N,) that of the last day. Each day
    log R takes `damping` times its value and a normal step of `walk_sd`, cut to within `low` and `high`; the day's
    cases are negative binomial with the mean R times the infection pressure and `size`.
    """
    ahead = paths.shape[1] * days
    known = history.shape[0]
    cases = np.empty(known + ahead)
    cases[:known] = history
    for i in range(paths.shape[0]):
        r = log_r[i]
        paths[i] = 0.0
        for d in range(ahead):
            u, _ = philox(key, i, d, 3, 0)
            r = min(max(damping * r + walk_sd * normal_quantile(u), low), high)
            t = known + d
            pressure = 0.0
            for k in range(1, min(t + 1, weights.shape[0])):
                pressure += weights[k] * cases[t - k]
            cases[t] = _negative_binomial(math.exp(min(r, 10.0)) * pressure, size, key, i, d)
            paths[i, d // days] += cases[t]
