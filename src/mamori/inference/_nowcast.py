"""Kernels of nowcasts: the smooth model's likelihood with its derivatives, and draws."""

import math

import numpy as np

from mamori.core.jit import inner_kernel, kernel
from mamori.core.rng import gamma_variate, normal_quantile, philox, poisson_quantile

MOST = 1e12


@inner_kernel
def _negative_binomial(mean, size, key, draw, row):
    """Return a count with that mean and the variance mean + mean²/size."""
    if not mean > 0.0:
        return 0.0
    rate = min(mean, MOST) * gamma_variate(size, key, draw, row, 1, 0) / size
    u, _ = philox(key, draw, row, 2, 0)
    return poisson_quantile(min(rate, MOST), u)


@kernel
def to_come(mean, size, key, counts):
    """Set counts (K, N) to draws of negative binomials with `mean` and `size`, (K, N) each."""
    for k in range(counts.shape[0]):
        for i in range(counts.shape[1]):
            counts[k, i] = _negative_binomial(mean[k, i], size[k, i], key, i, k)


@kernel
def normals(key, numbers):
    """Fill numbers (N, P) with standard normal variates."""
    for i in range(numbers.shape[0]):
        for p in range(numbers.shape[1]):
            u, _ = philox(key, i, p, 3, 0)
            numbers[i, p] = normal_quantile(u)


@kernel
def share_draws(alpha, beta, key, share):
    """Set share (N, D + 1): draws of the share reported by each delay.

    The share that is *not* added at delay d, 1 - g_d, is beta distributed with `beta` and `alpha` (D + 1,).
    """
    last = share.shape[1] - 1
    for i in range(share.shape[0]):
        product = 1.0
        share[i, last] = 1.0
        for d in range(last, 0, -1):
            stay = gamma_variate(beta[d], key, i, d, 4, 0)
            leave = gamma_variate(alpha[d], key, i, d, 5, 0)
            product *= stay / (stay + leave) if stay + leave > 0.0 else 1.0
            share[i, d - 1] = product


@inner_kernel
def _hazards(t, alpha, report, shift, weekday, block, h):
    """Set h (D + 1,) to the probability of a report at each delay of period t when it did not come before."""
    last = h.shape[0] - 1
    for j in range(last):
        eta = alpha[j] + shift[block[t + j]]
        if report.shape[0]:
            eta += report[(weekday + t + j) % 7]
        h[j] = 1.0 / (1.0 + math.exp(-min(max(eta, -30.0), 30.0)))
    h[last] = 1.0


@kernel
def likelihood(x, size, longest, weekday, has_week, block, blocks, row, first, last, count, gradient, information):
    """Return the log likelihood of the cells and add its gradient (P,) and Fisher information (P, P).

    x holds log incidence (n,), logit hazards by delay (`longest`,), effects of the weekday of the event (7,) and
    of the report (7,) where `has_week`, and the shifts of all hazards by block of report periods (`blocks`,). Cell c
    is of period row[c] (in order) and has count[c] new reports at the delays first[c] to last[c]; its mean is the
    incidence times the probability of those delays, its distribution negative binomial with `size`.
    """
    periods = x.shape[0] - longest - 14 * has_week - blocks
    week = 7 * has_week
    at_event = periods + longest
    at_report = at_event + week
    at_shift = at_report + week
    alpha, event = x[periods:at_event], x[at_event:at_report]
    report, shift = x[at_report:at_shift], x[at_shift:]
    h, v = np.empty(longest + 1), np.empty(longest)
    p = np.empty(longest + 1)
    cross, inner, score = np.empty(longest), np.empty((longest, longest)), np.empty(longest)
    # The parameters on which each hazard depends: its delay, the shift and the weekday of the report.
    kinds = 2 + has_week
    place = np.empty((longest, 3), dtype=np.int64)
    total = 0.0
    c = 0
    while c < row.shape[0]:
        t = row[c]
        _hazards(t, alpha, report, shift, weekday, block, h)
        left = 1.0
        for d in range(longest + 1):
            p[d] = left * h[d]
            left *= 1.0 - h[d]
        log_incidence = x[t] + (event[(weekday + t) % 7] if has_week else 0.0)
        incidence = math.exp(min(log_incidence, 25.0))
        cross[:] = 0.0
        score[:] = 0.0
        inner[:, :] = 0.0
        top, u_sum, w_sum = 0, 0.0, 0.0
        while c < row.shape[0] and row[c] == t:
            share = 0.0
            for d in range(first[c], last[c] + 1):
                share += p[d]
            share = max(share, 1e-300)
            used = min(last[c] + 1, longest)
            # v: change of the log share with each logit hazard.
            later = share
            for j in range(used):
                if j < first[c]:
                    v[j] = -h[j]
                else:
                    later -= p[j]
                    v[j] = (p[j] - h[j] * (p[j] + max(later, 0.0))) / share
            mean = max(incidence * share, 1e-12)
            y = count[c]
            total += (
                math.lgamma(y + size) - math.lgamma(size) - math.lgamma(y + 1.0) + y * math.log(mean / (mean + size))
            ) - size * math.log1p(mean / size)
            w = mean / (1.0 + mean / size)
            u = (y - mean) / (1.0 + mean / size)
            u_sum += u
            w_sum += w
            for j in range(used):
                score[j] += u * v[j]
                cross[j] += w * v[j]
                for k in range(j + 1):
                    inner[j, k] += w * v[j] * v[k]
            top = max(top, used)
            c += 1
        gradient[t] += u_sum
        information[t, t] += w_sum
        e = at_event + (weekday + t) % 7
        if has_week:
            gradient[e] += u_sum
            information[e, e] += w_sum
            information[t, e] += w_sum
            information[e, t] += w_sum
        for j in range(top):
            place[j, 0], place[j, 1] = periods + j, at_shift + block[t + j]
            if has_week:
                place[j, 2] = at_report + (weekday + t + j) % 7
        for j in range(top):
            for a in range(kinds):
                at = place[j, a]
                gradient[at] += score[j]
                information[t, at] += cross[j]
                information[at, t] += cross[j]
                if has_week:
                    information[e, at] += cross[j]
                    information[at, e] += cross[j]
                for k in range(top):
                    value = inner[j, k] if k <= j else inner[k, j]
                    for b in range(kinds):
                        information[at, place[k, b]] += value
    return total


@kernel
def expected_to_come(x, longest, weekday, has_week, block, blocks, rows, age, mean, squares, share):
    """Set the mean of the cases to come, the sum of the squared means of its cells, and the share known, (K, N) each.

    x (N, P) are draws of the parameters of `likelihood`; rows (K,) are periods known up to the delay age (K,).
    """
    periods = x.shape[1] - longest - 14 * has_week - blocks
    week = 7 * has_week
    at_event = periods + longest
    at_report = at_event + week
    at_shift = at_report + week
    h = np.empty(longest + 1)
    for i in range(x.shape[0]):
        alpha, event = x[i, periods:at_event], x[i, at_event:at_report]
        report, shift = x[i, at_report:at_shift], x[i, at_shift:]
        for k in range(rows.shape[0]):
            t = rows[k]
            _hazards(t, alpha, report, shift, weekday, block, h)
            incidence = math.exp(min(x[i, t] + (event[(weekday + t) % 7] if has_week else 0.0), 25.0))
            left, known, total, square = 1.0, 0.0, 0.0, 0.0
            for d in range(longest + 1):
                p = left * h[d]
                left *= 1.0 - h[d]
                if d <= age[k]:
                    known += p
                else:
                    total += incidence * p
                    square += (incidence * p) ** 2
            mean[k, i], squares[k, i], share[k, i] = total, square, known
