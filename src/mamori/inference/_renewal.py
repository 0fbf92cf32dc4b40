"""Kernels of the renewal model: infections from day to day, how they change with the parameters, and delays."""

import math

from mamori.core.jit import kernel
from mamori.core.rng import normal_quantile, philox

MOST_INFECTIONS = 1e12


@kernel
def infections_by_day(log_r, level, growth, lead, weights, infections):
    """Set infections (lead + T): exponential before the first day, then R_t times the infection pressure."""
    for t in range(lead):
        infections[t] = min(math.exp(level + growth * (t + 1 - lead)), MOST_INFECTIONS)
    for t in range(lead, infections.shape[0]):
        pressure = 0.0
        for k in range(1, min(t + 1, weights.shape[0])):
            pressure += weights[k] * infections[t - k]
        infections[t] = min(math.exp(log_r[t - lead]) * pressure, MOST_INFECTIONS)


@kernel
def change_by_day(log_r, infections, weights, knot, share, lead, change):
    """Set change (lead + T, 2 + P): derivatives of the infections by level, growth and log R at the knots.

    The log R of day t is (1 - share[t]) that of knot[t] and share[t] that of the next.
    """
    change[:] = 0.0
    for t in range(lead):
        change[t, 0] = infections[t]
        change[t, 1] = infections[t] * (t + 1 - lead)
    for t in range(lead, infections.shape[0]):
        day = t - lead
        r = math.exp(log_r[day])
        filled = min(change.shape[1], knot[day] + 4)
        for k in range(1, min(t + 1, weights.shape[0])):
            factor = r * weights[k]
            for j in range(filled):
                change[t, j] += factor * change[t - k, j]
        change[t, 2 + knot[day]] += infections[t] * (1.0 - share[day])
        if share[day] > 0.0:
            change[t, 3 + knot[day]] += infections[t] * share[day]


@kernel
def counted_by_day(infections, change, delay, lead, counted, counted_change):
    """Set counted (T,) and its derivatives (T, 2 + P): infections after the delay until they are counted."""
    counted[:] = 0.0
    counted_change[:] = 0.0
    for day in range(counted.shape[0]):
        for d in range(delay.shape[0]):
            t = lead + day - d
            counted[day] += delay[d] * infections[t]
            for j in range(change.shape[1]):
                counted_change[day, j] += delay[d] * change[t, j]


@kernel
def normal_numbers(key, numbers):
    """Fill numbers (N, Q) with standard normal ones, by counter."""
    for i in range(numbers.shape[0]):
        for j in range(numbers.shape[1]):
            u, _ = philox(key, i, j, 0, 0)
            numbers[i, j] = normal_quantile(u)
