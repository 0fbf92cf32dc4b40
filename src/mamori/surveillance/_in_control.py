"""Poisson and negative binomial regression of each series on a common design (array kernels)."""

import numpy as np

from mamori.core.jit import inner_kernel, kernel

TOLERANCE = 1e-8  # of the deviance, and the most steps: those of R's glm, so that its last digits are reached
STEPS = 25
ROUNDS = 50  # of fitting the mean for a dispersion and the dispersion for a mean
LEAST_DISPERSION, MOST_DISPERSION = 1e-8, 1e4


@kernel
def count_regressions(history, weights, stop, design, given, mean, dispersion, converged):
    """Fit log E(x) = design beta to columns 0..stop-1 of ``history`` (S, T); the variance is m + a m^2.

    ``design`` (N, P) has the rows of the columns 0..N-1, N >= stop. ``given`` is a, or NaN to estimate it by maximum
    likelihood. ``mean`` (S, K) takes the predictions for the last K rows of the design, ``dispersion`` (S,) a,
    ``converged`` (S,) whether the iterations settled.
    """
    weighted = weights.shape[0] > 0
    first = design.shape[0] - mean.shape[1]
    x = np.empty(stop)
    w = np.empty(stop)
    mu = np.empty(stop)
    beta = np.empty(design.shape[1])
    for s in range(history.shape[0]):
        for i in range(stop):
            value = history[s, i]
            w[i] = weights[s, i] if weighted else 1.0
            if np.isnan(value):
                w[i] = value = 0.0
            x[i] = value
            mu[i] = value + 0.1
        dispersion[s], converged[s] = _fit(x, w, design, given, mu, beta)
        for j in range(mean.shape[1]):
            eta = 0.0
            for c in range(beta.size):
                eta += design[first + j, c] * beta[c]
            mean[s, j] = np.exp(eta)


@inner_kernel
def _fit(x, w, design, given, mu, beta):
    """Return a and whether mean and dispersion settled; ``mu`` and ``beta`` take the fit."""
    if not np.isnan(given):
        return given, _fit_mean(x, w, design, given, mu, beta)
    a = 0.0
    if not _fit_mean(x, w, design, a, mu, beta):
        return a, False
    for _ in range(ROUNDS):
        before = a
        a = _fit_dispersion(x, w, mu, a)
        if abs(a - before) <= 1e-7 * (a + 0.01):
            return a, True
        if not _fit_mean(x, w, design, a, mu, beta):
            return a, False
    return a, False


@inner_kernel
def _fit_mean(x, w, design, a, mu, beta):
    """Iterated weighted least squares from ``mu`` on; returns whether the deviance settled."""
    p = design.shape[1]
    cross = np.empty((p, p))
    right = np.empty(p)
    before = np.inf
    for _ in range(STEPS):
        cross[:] = 0.0
        right[:] = 0.0
        for i in range(x.size):
            if w[i] > 0.0:
                weight = w[i] * mu[i] / (1.0 + a * mu[i])
                working = weight * (np.log(mu[i]) + (x[i] - mu[i]) / mu[i])
                for c in range(p):
                    right[c] += working * design[i, c]
                    for d in range(c + 1):
                        cross[c, d] += weight * design[i, c] * design[i, d]
        if not _solve(cross, right):
            return False
        deviance = 0.0
        for i in range(x.size):
            eta = 0.0
            for c in range(p):
                eta += design[i, c] * right[c]
            mu[i] = np.exp(eta)
            deviance += 2.0 * w[i] * _half_deviance(x[i], mu[i], eta, a)
        beta[:] = right
        if not np.isfinite(deviance):
            return False
        if abs(deviance - before) < TOLERANCE * (abs(deviance) + 0.1):
            return True
        before = deviance
    return False


@inner_kernel
def _half_deviance(x, mu, eta, a):
    part = x * (np.log(x) - eta) if x > 0.0 else 0.0
    if a > 0.0:
        return part - (x + 1.0 / a) * np.log((1.0 + a * x) / (1.0 + a * mu))
    return part - x + mu


@inner_kernel
def _solve(a, b):
    """Solve a z = b in place by Cholesky's factors of the lower half of ``a``; False where it is not positive."""
    p = b.size
    for c in range(p):
        for d in range(c + 1):
            value = a[c, d]
            for e in range(d):
                value -= a[c, e] * a[d, e]
            if c > d:
                a[c, d] = value / a[d, d]
            elif value > 1e-12 * a[c, c]:
                a[c, c] = np.sqrt(value)
            else:
                return False
        for e in range(c):
            b[c] -= a[c, e] * b[e]
        b[c] /= a[c, c]
    for c in range(p - 1, -1, -1):
        for e in range(c + 1, p):
            b[c] -= a[e, c] * b[e]
        b[c] /= a[c, c]
    return True


@inner_kernel
def _fit_dispersion(x, w, mu, guess):
    """Return a >= 0 of the largest likelihood for the means ``mu``: 0 where the likelihood falls from there."""
    rise = 0.0
    for i in range(x.size):
        rise += w[i] * ((x[i] - mu[i]) * (x[i] - mu[i]) - x[i])
    if rise <= 0.0:
        return 0.0
    low = high = np.log(max(guess, 1e-2))
    slope_low = slope_high = _dispersion_slope(x, w, mu, np.exp(low))
    while slope_low < 0.0 and low > np.log(LEAST_DISPERSION):
        high, slope_high = low, slope_low
        low -= 1.0
        slope_low = _dispersion_slope(x, w, mu, np.exp(low))
    while slope_high > 0.0 and high < np.log(MOST_DISPERSION):
        low, slope_low = high, slope_high
        high += 1.0
        slope_high = _dispersion_slope(x, w, mu, np.exp(high))
    if slope_low <= 0.0:
        return np.exp(low)
    if slope_high >= 0.0:
        return np.exp(high)
    side = 0
    for _ in range(100):  # regula falsi with Illinois' halving
        middle = (low * slope_high - high * slope_low) / (slope_high - slope_low)
        slope = _dispersion_slope(x, w, mu, np.exp(middle))
        if slope > 0.0:
            low, slope_low = middle, slope
            slope_high *= 0.5 if side == 1 else 1.0
            side = 1
        else:
            high, slope_high = middle, slope
            slope_low *= 0.5 if side == -1 else 1.0
            side = -1
        if high - low <= 1e-10 or abs(slope) <= 1e-10 * (1.0 + rise):
            break
    return np.exp(middle)


@inner_kernel
def _dispersion_slope(x, w, mu, a):
    """Derivative of the negative binomial log-likelihood by log a."""
    slope = 0.0
    origin = _digamma(1.0 / a)
    for i in range(x.size):
        if w[i] > 0.0:
            gain = (np.log1p(a * mu[i]) - _digamma(x[i] + 1.0 / a) + origin) / a
            slope += w[i] * (gain + (x[i] - mu[i]) / (1.0 + a * mu[i]))
    return slope


@inner_kernel
def _digamma(x):
    """Return the derivative of log gamma for x > 0: recurrence up to 8, then the asymptotic series."""
    shift = 0.0
    while x < 8.0:
        shift -= 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    series = y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y * (1.0 / 132.0)))))
    return shift + np.log(x) - 0.5 / x - series
