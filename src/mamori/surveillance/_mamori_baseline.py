"""Kernels of the baseline of Mamori's detector: a penalised log-linear model that past outbreaks do not bend."""

import math

import numpy as np

from mamori.core.jit import inner_kernel

# Prior values; why these: docs/methods/mamori-detector.md, "Prior values".
LEVELS = 7  # excesses of 1/8, 1/4, ... 8 standard deviations
FIRST_LEVEL = -3
SHARE_OF_OUTBREAKS = 0.005  # of past periods
SHARE_BESIDE = 0.2  # of periods before or after one with an outbreak
PHI_PRIOR, PHI_PRIOR_PERIODS = 1.5, 10.0
YEARLY_PRIOR, YEARLY_PRIOR_YEARS = 0.03, 1.0  # standard deviation of the yearly step of the level (log scale)
YEARLY_START = 0.1
YEARLY_MOST = 0.3  # a larger step would carry an epidemic on as a trend
ORDINARY = 1.5  # standard deviations from the mean within which a count is not asked whether it is of an outbreak
BOUND = 2.5  # standard deviations that a count weighs at most in the first steps, while the mean is rough
BOUNDED_STEPS, SETTLED, MOST_STEPS, CLOSE_ENOUGH, AT_REST = 4, 16, 40, 2e-3, 2e-2
# From step SETTLED on weights and dispersion stand still: what is left is concave, and Newton's steps end.


@inner_kernel
def rising(r, y):
    """Return ln(Gamma(r + y) / Gamma(r)) for r > 0, y >= 0 (error below 1e-9)."""
    if y <= 12.0 and y == math.floor(y):
        product = 1.0
        for i in range(int(y)):
            product *= r + i
        return math.log(product)
    return math.lgamma(r + y) - math.lgamma(r)


@inner_kernel
def count_weight(y, mean, phi):
    """Log probability of a count but for its ln(y!): negative binomial of variance phi mean, Poisson for phi = 1."""
    if phi < 1.0 + 1e-6:
        return y * math.log(mean) - mean
    r = mean / (phi - 1.0)
    return rising(r, y) - r * math.log(phi) + y * math.log((phi - 1.0) / phi)


@inner_kernel
def excess_ratio(y, mean, phi, level, usual):
    """Likelihood ratio of a Poisson excess of 2**level standard deviations to none, given the log weight of none."""
    excess = 2.0**level * math.sqrt(mean * phi)
    total = mean + excess
    return math.exp(min(count_weight(y, total, (mean * phi + excess) / total) - usual, 300.0))


@inner_kernel
def ordinary(y, mean, phi, share):
    """Weight of a count far from its mean: the probability that it has no outbreak; below -3 SD 3 / |z|.

    ``share``: the probability of an outbreak before the count is seen.
    """
    if y < mean:
        return min(1.0, 3.0 * math.sqrt(mean * phi) / (mean - y))
    usual = count_weight(y, mean, phi)
    ratio = 0.0
    for level in range(-1, 4):
        ratio += 0.2 * excess_ratio(y, mean, phi, level, usual)
    return 1.0 / (1.0 + share / (1.0 - share) * ratio)


@inner_kernel
def factorise(a, size):
    """Replace the lower triangle of the symmetric ``a`` by its Cholesky factor."""
    for j in range(size):
        pivot = a[j, j]
        for k in range(j):
            pivot -= a[j, k] * a[j, k]
        pivot = math.sqrt(max(pivot, 1e-12))
        a[j, j] = pivot
        for i in range(j + 1, size):
            rest = a[i, j]
            for k in range(j):
                rest -= a[i, k] * a[j, k]
            a[i, j] = rest / pivot


@inner_kernel
def forward(a, b, begin, size):
    """Replace ``b`` by the solution of L x = b, with ``b`` zero before ``begin``."""
    for i in range(begin, size):
        rest = b[i]
        for k in range(begin, i):
            rest -= a[i, k] * b[k]
        b[i] = rest / a[i, i]


@inner_kernel
def backward(a, b, size):
    """Replace ``b`` by the solution of L' x = b."""
    for i in range(size - 1, -1, -1):
        rest = b[i]
        for k in range(i + 1, size):
            rest -= a[k, i] * b[k]
        b[i] = rest / a[i, i]


@inner_kernel
def predictor(beta, columns, years, target, frequency, begin, end, eta):
    """Write the log mean of the periods ``begin .. end - 1`` to ``eta``, counted from ``begin``.

    ``beta``: level at the target, slope a year, a coefficient per row of ``columns`` (C, T), and the deviations of
    the level 1, 2, ... ``years`` years before the target, with straight lines between.
    """
    fixed = 2 + columns.shape[0]
    for t in range(begin, end):
        eta[t - begin] = beta[0] + beta[1] * (t - target) / frequency
    for c in range(columns.shape[0]):
        b = beta[2 + c]
        for t in range(begin, end):
            eta[t - begin] += b * columns[c, t]
    for k in range(years):
        newer = 0.0 if k == 0 else beta[fixed + k - 1]
        older = beta[fixed + k]
        low, high = segment(target, frequency, k, years, begin, end)
        for t in range(low, high):
            share = (target - t) / frequency - k
            eta[t - begin] += (1.0 - share) * newer + share * older


@inner_kernel
def segment(target, frequency, k, years, begin, end):
    """Periods (low, high) from k to k + 1 years before the target; the last segment takes all that is older."""
    low = begin if k == years - 1 else max(begin, target - (k + 1) * frequency + 1)
    high = min(end, target - k * frequency + 1)
    return low, max(low, high)


@inner_kernel
def design(columns, target, frequency, begin, end, x):
    """Write level, slope (years since the target) and ``columns`` of the periods ``begin .. end - 1`` to ``x``."""
    for t in range(begin, end):
        x[0, t - begin] = 1.0
        x[1, t - begin] = (t - target) / frequency
    for c in range(columns.shape[0]):
        for t in range(begin, end):
            x[2 + c, t - begin] = columns[c, t]


@inner_kernel
def slopes(x, fixed, years, target, frequency, begin, end, r, g):
    """Add the design's products with the weighted residuals ``r`` to ``g``."""
    for i in range(fixed):
        total = 0.0
        for t in range(end - begin):
            total += r[t] * x[i, t]
        g[i] += total
    for k in range(years):
        low, high = segment(target, frequency, k, years, begin, end)
        older = 0.0
        both = 0.0
        for t in range(low - begin, high - begin):
            older += r[t] * ((target - begin - t) / frequency - k)
            both += r[t]
        g[fixed + k] += older
        if k > 0:
            g[fixed + k - 1] += both - older


@inner_kernel
def information(x, fixed, years, target, frequency, begin, end, v, a, vx):
    """Add the design's cross products with weights ``v`` to the lower triangle of ``a``."""
    n = end - begin
    for i in range(fixed):
        for t in range(n):
            vx[t] = v[t] * x[i, t]
        for j in range(i + 1):
            total = 0.0
            for t in range(n):
                total += vx[t] * x[j, t]
            a[i, j] += total
    for k in range(years):
        low, high = segment(target, frequency, k, years, begin, end)
        low -= begin
        high -= begin
        row = fixed + k
        squares = 0.0
        older = 0.0
        both = 0.0
        for t in range(low, high):
            share = (target - begin - t) / frequency - k
            vx[t] = v[t] * share
            squares += vx[t] * share
            older += vx[t]
            both += v[t]
        a[row, row] += squares
        if k > 0:
            a[row, row - 1] += older - squares
            a[row - 1, row - 1] += both - 2.0 * older + squares
        for j in range(fixed):
            older = 0.0
            both = 0.0
            for t in range(low, high):
                older += vx[t] * x[j, t]
                both += v[t] * x[j, t]
            a[row, j] += older
            if k > 0:
                a[row - 1, j] += both - older


@inner_kernel
def prior_slopes(beta, precision, years, fixed, yearly, g):
    """Set ``g`` to the slope of the log prior: normal coefficients, a random walk of the yearly deviations."""
    g[0] = 0.5  # half a case, Jeffreys' prior of a Poisson mean: a history of zeros has a finite level
    for i in range(1, fixed):
        g[i] = -precision[i] * beta[i]
    newer = 0.0
    for k in range(years):
        row = fixed + k
        pull = (beta[row] - newer) / yearly
        g[row] = -pull
        if k > 0:
            g[row - 1] += pull
        newer = beta[row]


@inner_kernel
def add_prior_information(precision, years, fixed, yearly, a):
    """Add the information of the prior to the lower triangle of ``a``."""
    a[0, 0] += 0.5
    for i in range(1, fixed):
        a[i, i] += precision[i]
    for row in range(fixed, fixed + years):
        a[row, row] += 1.0 / yearly
        if row > fixed:
            a[row - 1, row - 1] += 1.0 / yearly
            a[row, row - 1] -= 1.0 / yearly


@inner_kernel
def yearly_variance(beta, a, years, fixed, yearly, b):
    """Return the next estimate of the variance of the yearly steps (MacKay's update with a prior), given factor a."""
    size = fixed + years
    squares = 0.0
    known = 0.0
    for k in range(years):
        b[:size] = 0.0
        b[fixed + k] = 1.0
        if k > 0:
            b[fixed + k - 1] = -1.0
        forward(a, b, fixed + k - (1 if k > 0 else 0), size)
        variance = 0.0
        for i in range(fixed, size):
            variance += b[i] * b[i]
        known += max(0.0, 1.0 - variance / yearly)
        step = beta[fixed + k] - (beta[fixed + k - 1] if k > 0 else 0.0)
        squares += step * step
    drift = (YEARLY_PRIOR_YEARS * YEARLY_PRIOR**2 + squares) / (YEARLY_PRIOR_YEARS + known)
    return min(drift, YEARLY_MOST**2), known


@inner_kernel
def residuals(y, weight, eta, phi, begin, n, step, r, v, unusual, held):
    """Write weighted residuals and weights of the working model to ``r`` and ``v``.

    ``unusual``: probabilities of outbreaks at the step before; those of this step replace them. ``held``: the weights
    of this step; from step `SETTLED` on they are taken as they stand. Returns for
    `dispersion`: the sum of Pearson's squares, of their weights, and of the weights of the counts.
    """
    squares, informative, used = 0.0, 0.0, 0.0
    precision = 1.0 / phi
    for t in range(n):
        m = math.exp(min(max(eta[t], -20.0), 20.0))
        w = weight[begin + t]
        residual = y[begin + t] - m
        square = residual * residual
        if step >= SETTLED:
            w = held[t]
        elif step >= BOUNDED_STEPS:
            unusual_now = 0.0
            if w > 0.0 and square > ORDINARY**2 * phi * m:
                before = unusual[t - 1] if t > 0 else 0.0
                after = unusual[t + 1] if t < n - 1 else 0.0
                share = max(SHARE_OF_OUTBREAKS, SHARE_BESIDE * max(before, after))
                usual = ordinary(y[begin + t], m, phi, share)
                w *= usual
                if residual > 0.0:
                    unusual_now = 1.0 - usual
            unusual[t] = unusual_now
        elif step > 0 and residual > 0.0 and square > BOUND**2 * phi * m:
            w *= BOUND**2 * phi * m / square
        held[t] = w
        # A square has a variance of about 2 + 1 / m: rare cases say little about dispersion.
        inform = w / (1.0 + m)
        squares += inform * square
        informative += inform * m
        used += w
        r[t] = w * residual * precision
        v[t] = w * m * precision
    return squares, informative, used


@inner_kernel
def first_level(y, weight, begin, end):
    """Return the log of the mean count, half a case and half a period added."""
    cases, periods = 0.5, 0.5
    for t in range(begin, end):
        cases += weight[t] * y[t]
        periods += weight[t]
    return math.log(cases / periods)


@inner_kernel
def fit_baseline(y, weight, columns, precision, begin, end, target, frequency, window, mean, work):
    """Fit the periods ``begin .. end - 1`` and write the means of the ``window`` periods up to the target to ``mean``.

    ``y``, ``weight`` (T,): counts and weights, both 0 where missing; ``columns`` (C, T): seasonal columns;
    ``precision`` (2 + C,): of the prior of level, slope and columns; ``work`` (7 + C, T). Returns the variance of
    the target's log mean, the dispersion, and whether the steps came to rest.
    """
    n = end - begin
    fixed = 2 + columns.shape[0]
    years = max(1, math.ceil((target - begin) / frequency))
    size = fixed + years
    data, a = np.empty((size, size)), np.empty((size, size))
    g, b, beta = np.empty(size), np.empty(size), np.zeros(size)
    eta, v, r, vx, unusual, x = work[0], work[1], work[2], work[3], work[4], work[5:]
    unusual[:n] = 0.0
    held = np.empty(n)
    design(columns, target, frequency, begin, end, x)
    beta[0] = first_level(y, weight, begin, end)
    yearly, known, phi, rests = YEARLY_START**2, 1.0, PHI_PRIOR, False
    for step in range(MOST_STEPS):
        predictor(beta, columns, years, target, frequency, begin, end, eta)
        squares, informative, used = residuals(y, weight, eta, phi, begin, n, step, r, v, unusual, held)
        prior_slopes(beta, precision, years, fixed, yearly, g)
        slopes(x, fixed, years, target, frequency, begin, end, r, g)
        if step <= BOUNDED_STEPS or step % 3 == 0 or step >= SETTLED:  # else that of an earlier step serves
            data[:] = 0.0
            information(x, fixed, years, target, frequency, begin, end, v, data, vx)
        a[:] = data
        add_prior_information(precision, years, fixed, yearly, a)
        factorise(a, size)
        forward(a, g, 0, size)
        backward(a, g, size)
        largest = 0.0
        for i in range(size):
            move = min(max(g[i], -2.0), 2.0) * (1.0 if step < 8 or step >= SETTLED else 0.5)  # some would swing on
            beta[i] += move
            largest = max(largest, abs(move))
        if step < SETTLED:
            phi = dispersion(squares, informative, min(0.5, (fixed + known) / used))
        if 1 <= step < SETTLED:
            yearly, known = yearly_variance(beta, a, years, fixed, yearly, b)
        rests = largest < AT_REST
        if step > BOUNDED_STEPS + 1 and largest < CLOSE_ENOUGH:
            break
    highest = 1.0  # no mean above all that was ever counted
    for t in range(begin, end):
        highest = max(highest, y[t])
    first = max(0, target - window + 1)
    predictor(beta, columns, years, target, frequency, first, target + 1, eta)
    for i in range(window):
        t = target - window + 1 + i
        mean[i] = min(math.exp(min(max(eta[t - first], -20.0), 20.0)), highest) if t >= 0 else 1.0
    b[:] = 0.0
    b[0] = 1.0
    for c in range(columns.shape[0]):
        b[2 + c] = columns[c, target]
    forward(a, b, 0, size)
    variance = 0.0
    for i in range(size):
        variance += b[i] * b[i]
    return variance, phi, rests


@inner_kernel
def dispersion(squares, informative, spent):
    """Return the dispersion, at least 1: Pearson's, weighed with its prior value by periods of information.

    ``spent`` is the share of the periods that the coefficients take up, at most half: priors hold the rest.
    """
    return max(1.0, (PHI_PRIOR_PERIODS * PHI_PRIOR + squares) / (PHI_PRIOR_PERIODS + (1.0 - spent) * informative))
