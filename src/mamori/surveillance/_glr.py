"""Likelihood-ratio charts for Poisson and negative binomial counts (array kernels).

Log-likelihood ratio of a count x between the means m + e and m, with variance m + a m^2 (a = 0: Poisson):
z = x log(1 + e/m) - (x + 1/a) log(1 + a e / (1 + a m)), for a = 0: x log(1 + e/m) - e.
The change is of size kappa >= 0 with e = (exp(kappa) - 1) m, or, epidemic, lambda >= 0 with e = lambda times the
count of the period before.
"""

import numpy as np

from mamori.core.jit import inner_kernel, kernel

STEPS = 200  # of a search; bisection alone settles within 60
PEAKS = 64  # intervals in which maxima are sought where there may be several


@inner_kernel
def _ratio(x, m, extra, a):
    """Log-likelihood ratio of the mean m + extra against m."""
    if a > 0.0:
        return x * np.log1p(extra / m) - (x + 1.0 / a) * np.log1p(a * extra / (1.0 + a * m))
    return x * np.log1p(extra / m) - extra


@inner_kernel
def _count_slope(m, extra, a):
    """Derivative of the log-likelihood ratio by the count."""
    return np.log1p(extra / m) - (np.log1p(a * extra / (1.0 + a * m)) if a > 0.0 else 0.0)


@kernel
def likelihood_ratio_chart(count, mean, dispersion, theta, threshold, value, bound, alarm):
    """S = max(0, S + z) for the mean e^theta m (S, K), from 0 and again after each alarm S > threshold.

    ``bound`` takes the count that brings S to the threshold. A missing count leaves S as it is.
    """
    for s in range(count.shape[0]):
        total = 0.0
        a = dispersion[s]
        for j in range(count.shape[1]):
            m = mean[s, j]
            if not m > 0.0:
                continue
            extra = np.expm1(theta) * m
            bound[s, j] = max(0.0, (threshold - total - _ratio(0.0, m, extra, a)) / _count_slope(m, extra, a))
            if np.isnan(count[s, j]):
                continue
            total = max(0.0, total + _ratio(count[s, j], m, extra, a))
            value[s, j] = total
            alarm[s, j] = total > threshold
            if alarm[s, j]:
                total = 0.0


@kernel
def generalized_likelihood_ratio_chart(
    count, before, mean, dispersion, epidemic, shortest, window, threshold, value, bound, alarm
):
    """G = max over change points and sizes of the sum of z from the change on; starts anew after G >= threshold.

    ``before`` (S, K) are the counts of the period before each. A change holds for at least ``shortest`` periods and
    began at most ``window`` periods back (-1: at any time since the start). ``bound`` takes the count that brings G
    to the threshold, NaN where none does. A missing count adds nothing.
    """
    width = count.shape[1]
    x = np.empty(width)
    for s in range(count.shape[0]):
        a = dispersion[s]
        start = 0
        x[:] = count[s]
        guess = np.nan
        for j in range(width):
            if not mean[s, j] > 0.0:
                start = j + 1
                continue
            longest = j - start + 1 if window < 0 else min(j - start + 1, window + 1)
            guess = _bound(x, before[s], mean[s], a, j, shortest, longest, epidemic, threshold, guess)
            bound[s, j] = guess
            if np.isnan(count[s, j]):
                continue
            value[s, j], _ = _glr(x, before[s], mean[s], a, j, shortest, longest, epidemic)
            alarm[s, j] = value[s, j] >= threshold
            if alarm[s, j]:
                start = j + 1


@inner_kernel
def _bound(x, before, mean, a, j, shortest, longest, epidemic, threshold, guess):
    """Count at j with which G is the threshold: Newton on G, convex and increasing in it, from `guess`."""
    if shortest > longest or (epidemic and not before[j] > 0.0):
        return np.nan
    given = x[j]
    x[j] = 0.0
    value, _ = _glr(x, before, mean, a, j, shortest, longest, epidemic)
    if value >= threshold:
        x[j] = given
        return 0.0
    x[j] = guess if guess > mean[j] else mean[j] + 1.0
    for _ in range(STEPS):
        value, slope = _glr(x, before, mean, a, j, shortest, longest, epidemic)
        # A step from below ends above the root, from there every step stays above.
        step = (threshold - value) / slope if slope > 0.0 else x[j]
        x[j] += step
        if abs(step) <= 1e-12 * x[j]:
            break
    found = x[j]
    x[j] = given
    return found


@inner_kernel
def _glr(x, before, mean, a, j, shortest, longest, epidemic):
    """Return G at j over changes that hold for ``shortest`` to ``longest`` periods, and its slope by the count."""
    best = slope = size = 0.0
    for periods in range(shortest, longest + 1):
        k = j - periods + 1
        if epidemic:
            size = _epidemic_change(x, before, mean, a, k, j)
        else:
            size = _intercept_change(x, before, mean, a, k, j, size)
        if size > 0.0:
            total = _total(x, before, mean, a, k, j, size, epidemic)
            if total > best:
                best = total
                extra = size * before[j] if epidemic else np.expm1(size) * mean[j]
                slope = _count_slope(mean[j], extra, a) if extra > 0.0 else 0.0
    return best, slope


@inner_kernel
def _total(x, before, mean, a, k, j, size, epidemic):
    """Sum of the log-likelihood ratios from k to j for a change of that size."""
    total = 0.0
    factor = size if epidemic else np.expm1(size)
    for i in range(k, j + 1):
        extra = factor * (before[i] if epidemic else mean[i])
        if extra > 0.0 and not np.isnan(x[i]):
            total += _ratio(x[i], mean[i], extra, a)
    return total


@inner_kernel
def _intercept_change(x, before, mean, a, k, j, guess):
    """Kappa >= 0 of the largest likelihood of a change at k; the likelihood is concave in kappa."""
    cases = expected = top = gain = 0.0
    for i in range(k, j + 1):
        if not np.isnan(x[i]):
            cases += x[i]
            expected += mean[i]
            gain += (x[i] - mean[i]) / (1.0 + a * mean[i])
            top = max(top, x[i] / mean[i])
    if gain <= 0.0:
        return 0.0
    if a == 0.0:
        return np.log(cases / expected)
    # Above every count's own best the likelihood only falls.
    return _peak(x, before, mean, a, k, j, 0.0, np.log(top), guess, False)


@inner_kernel
def _epidemic_change(x, before, mean, a, k, j):
    """Lambda >= 0 of the largest likelihood of a change at k; with a > 0 there may be several maxima."""
    low, high = np.inf, 0.0
    for i in range(k, j + 1):
        if before[i] > 0.0 and not np.isnan(x[i]):
            own = (x[i] - mean[i]) / before[i]  # below all of these the likelihood rises, above all it falls
            low = min(low, own)
            high = max(high, own)
    low = max(low, 0.0)
    if high <= low:
        return high
    rising = low > 0.0 or _derivatives(x, before, mean, a, k, j, low, True)[0] > 0.0
    if a == 0.0:  # concave
        return _peak(x, before, mean, a, k, j, low, high, 0.0, True) if rising else 0.0
    best = most = 0.0
    left = low
    first = max(low, 1e-6 * high)
    for piece in range(PEAKS + 1):
        right = first * (high / first) ** (piece / PEAKS)
        falls = _derivatives(x, before, mean, a, k, j, right, True)[0] <= 0.0
        if rising and falls:
            size = _peak(x, before, mean, a, k, j, left, right, 0.0, True)
            total = _total(x, before, mean, a, k, j, size, True)
            if total > most:
                best, most = size, total
        left, rising = right, not falls
    return best


@inner_kernel
def _derivatives(x, before, mean, a, k, j, size, epidemic):
    """First derivative of `_total` by the size, and the negative of the second."""
    slope = curve = 0.0
    factor = size if epidemic else np.exp(size)
    for i in range(k, j + 1):
        if np.isnan(x[i]):
            continue
        if not epidemic:
            m = factor * mean[i]
            slope += (x[i] - m) / (1.0 + a * m)
            curve += m * (1.0 + a * x[i]) / ((1.0 + a * m) * (1.0 + a * m))
        elif before[i] > 0.0:
            m = mean[i] + factor * before[i]
            variance = m * (1.0 + a * m)
            slope += before[i] * (x[i] - m) / variance
            curve += before[i] * before[i] * (variance + (x[i] - m) * (1.0 + 2.0 * a * m)) / (variance * variance)
    return slope, curve


@inner_kernel
def _peak(x, before, mean, a, k, j, low, high, guess, epidemic):
    """Size between ``low``, where the likelihood rises, and ``high``, where it falls: Newton held in by bisection."""
    size = guess if low < guess < high else 0.5 * (low + high)
    for _ in range(STEPS):
        slope, curve = _derivatives(x, before, mean, a, k, j, size, epidemic)
        if slope > 0.0:
            low = size
        else:
            high = size
        following = size + slope / curve if curve > 0.0 else low
        if not low < following < high:
            following = 0.5 * (low + high)
        step = abs(following - size)
        size = following
        if step <= 1e-11 * size:
            break
    return size
