"""The SEIR model with ages (array kernels): by the equations, and by chance (chain binomial)."""

import numpy as np

from mamori.core.jit import inner_kernel, kernel
from mamori.core.rng import binomial_quantile, philox
from mamori.epidemic._transmission import DP_A, DP_B


@kernel
def run_seir(y, contact, latent, infectious, out):
    """Dormand-Prince 5 with one step a day from ``y`` (4, A); ``contact`` [j, i] holds beta c_ij / N_j.

    ``out`` (T + 1, 4, A) takes S, E, I, R by day; row 0 is the initial state.
    """
    ages = y.shape[1]
    k = np.zeros((6, 4, ages))
    trial = np.zeros((4, ages))
    out[0] = y
    for t in range(1, out.shape[0]):
        for s in range(6):
            for c in range(4):
                for a in range(ages):
                    trial[c, a] = y[c, a]
                for r in range(s):
                    w = DP_A[s, r]
                    for a in range(ages):
                        trial[c, a] += w * k[r, c, a]
            _rates(trial, contact, latent, infectious, k[s])
        for c in range(4):
            for s in range(6):
                w = DP_B[s]
                for a in range(ages):
                    y[c, a] += w * k[s, c, a]
            for a in range(ages):
                out[t, c, a] = y[c, a]


@inner_kernel
def _rates(y, contact, latent, infectious, dy):
    ages = y.shape[1]
    for a in range(ages):
        dy[3, a] = 0.0
    for j in range(ages):
        x = y[2, j]
        for a in range(ages):
            dy[3, a] += contact[j, a] * x
    for a in range(ages):
        infections = dy[3, a] * y[0, a]
        dy[0, a] = -infections
        dy[1, a] = infections - latent * y[1, a]
        dy[2, a] = latent * y[1, a] - infectious * y[2, a]
        dy[3, a] = infectious * y[2, a]


@kernel
def run_seir_by_chance(y, contact, latent, infectious, key, steps, out):
    """Chain binomial from whole people ``y`` (4, A) with ``steps`` a day; ``out`` (T + 1, 4, A) as in `run_seir`."""
    ages = y.shape[1]
    force = np.zeros(ages)
    dt = 1.0 / steps
    p_latent = latent * dt  # not 1 - exp(-rate dt): so the mean stay is exact, and with it R0
    p_infectious = infectious * dt
    out[0] = y
    for t in range(1, out.shape[0]):
        for part in range(steps):
            for a in range(ages):
                force[a] = 0.0
            for j in range(ages):
                x = y[2, j] * dt
                for a in range(ages):
                    force[a] += contact[j, a] * x
            for a in range(ages):
                step = t * steps + part
                infected = onset = recovered = 0.0
                if force[a] > 0.0 and y[0, a] > 0.0:
                    u, _ = philox(key, step, 0, a, 0)
                    infected = binomial_quantile(y[0, a], 1.0 - np.exp(-force[a]), u)
                if y[1, a] + y[2, a] > 0.0:
                    u, w = philox(key, step, 1, a, 0)
                    onset = binomial_quantile(y[1, a], p_latent, u)
                    recovered = binomial_quantile(y[2, a], p_infectious, w)
                y[0, a] -= infected
                y[1, a] += infected - onset
                y[2, a] += onset - recovered
                y[3, a] += recovered
        out[t] = y
