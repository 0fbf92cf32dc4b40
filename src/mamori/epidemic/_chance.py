"""Transmission by chance while few are infected: whole people, binomial steps, uneven infectiousness (array kernels).

A stage of rate r is left in a step dt with probability r dt, so that its mean length is exact. Each infected person's
infectiousness is gamma distributed (mean 1, shape k), which makes the number of their offspring negative binomial with
dispersion k. Only the sum W over the people of a cell is kept: leaving does not depend on infectiousness, so the
share of W that m of n people take with them is Beta(m k, (n - m) k): exact for people who came in together, right in
mean and covariance for cohorts that have merged. Source: Lloyd-Smith et al. 2005, Nature 438:355.
"""

import numpy as np

from mamori.core.jit import inner_kernel
from mamori.core.rng import binomial_quantile, gamma_variate, philox, poisson_quantile
from mamori.epidemic._transmission import (
    AGES,
    ASYM,
    CASE1,
    CASE2,
    E1,
    E2,
    MILD,
    NEED,
    R1,
    S,
    force,
)

MANY_AT_ONCE = 30.0  # infections of a step above which they are drawn by cell
INFECTIOUS = 4  # rows of the weights: asymptomatic, mild, both stages before hospital need
(DRAW_INFECT, DRAW_E1, DRAW_E2, DRAW_SPLIT, DRAW_ASYM, DRAW_MILD, DRAW_CASE1, DRAW_CASE2, DRAW_WEIGHT, DRAW_SHARE,
 DRAW_ARRIVE, DRAW_ROUND) = range(12)  # fmt: skip


@inner_kernel
def infected(y, nv):
    """People infected and not yet recovered or in care, all ages and vaccine states."""
    total = 0.0
    for v in range(nv):
        for c in range(E1, CASE2 + 1):
            for a in range(AGES):
                total += y[v, c, a]
    return total


@inner_kernel
def _any_infected(y, v):
    total = 0.0
    for c in range(E1, CASE2 + 1):
        for a in range(AGES):
            total += y[v, c, a]
    return total > 0.0


@inner_kernel
def _uniform(key, step, transition, age, state):
    u, _ = philox(key, step, transition, age, state)
    return u


@inner_kernel
def _weight(n, k, key, step, transition, age, state):
    """Summed infectiousness of ``n`` people."""
    if k == np.inf or n <= 0.0:
        return n
    return gamma_variate(n * k, key, step, transition, age, state) / k


@inner_kernel
def _taken(w, m, n, k, key, step, transition, age, state):
    """Infectiousness that ``m`` of the ``n`` people of summed infectiousness ``w`` take with them."""
    if m <= 0.0:
        return 0.0
    if m >= n or k == np.inf:
        return w * m / n
    out = gamma_variate(m * k, key, step, transition, age, 2 * state)
    stay = gamma_variate((n - m) * k, key, step, transition, age, 2 * state + 1)
    return w * out / (out + stay) if out + stay > 0.0 else w * m / n


@inner_kernel
def become_whole(y, w, nv, k, key, step):
    """Round the infected of every cell to whole people by chance, the difference taken from the susceptible."""
    for v in range(nv):
        for c in range(E1, CASE2 + 1):
            for a in range(AGES):
                x = y[v, c, a]
                whole = np.floor(x)
                if _uniform(key, step, DRAW_ROUND, a, 16 * v + c) < x - whole:
                    whole += 1.0
                if whole - x > y[v, S, a]:
                    whole = np.floor(x)
                y[v, c, a] = whole
                y[v, S, a] += x - whole
                if c >= ASYM:
                    w[v, c - ASYM, a] = _weight(whole, k, key, step, DRAW_WEIGHT, a, 16 * v + c)


@inner_kernel
def arrive(y, persons, ages, total, key, step):
    """Put ``persons`` newly infected into the first latent stage, ages drawn from ``ages``; returns how many.

    ``total`` (AGES) adds them up.
    """
    placed = 0.0
    for n in range(int(persons)):
        u = _uniform(key, step, DRAW_ARRIVE, n, 0)
        a = 0
        while a < AGES - 1 and u >= ages[a]:
            u -= ages[a]
            a += 1
        if y[0, S, a] >= 1.0:
            y[0, S, a] -= 1.0
            y[0, E1, a] += 1.0
            total[a] += 1.0
            placed += 1.0
    return placed


@inner_kernel
def _add_half(w, nv, course, place, x):
    """Add half of the present infectiousness by age to ``x``: taken before and after the moves, the mean of a step."""
    wa = 0.5 * course.asymptomatic_infectiousness
    wc = 0.5 * place.case_weight
    for v in range(nv):
        for a in range(AGES):
            x[a] += place.rho[v] * (wa * w[v, 0, a] + wc * (w[v, 1, a] + w[v, 2, a] + w[v, 3, a]))


@inner_kernel
def _new_infections(y, w, nv, course, place, dt, key, step, x, lam, chances, flow):
    """Infections of one step: how many, then who (one draw for each); cell by cell where they are many."""
    _add_half(w, nv, course, place, x)
    force(place.contact, x, lam)
    mean = 0.0
    for v in range(nv):
        for a in range(AGES):
            chances[v, a] = lam[a] * place.susceptibility[v, a] * y[v, S, a] * dt
            mean += chances[v, a]
    if mean > MANY_AT_ONCE:
        for v in range(nv):
            for a in range(AGES):
                n = poisson_quantile(chances[v, a], _uniform(key, step, DRAW_INFECT, a, v))
                _infect(y, v, a, min(n, np.floor(y[v, S, a])), flow)
        return
    n = poisson_quantile(mean, _uniform(key, step, DRAW_INFECT, 0, 0))
    for person in range(int(n)):
        left = mean * _uniform(key, step, DRAW_INFECT, person, 1)
        chosen_v = 0
        chosen_a = -1
        for v in range(nv):
            for a in range(AGES):
                if chosen_a < 0:
                    left -= chances[v, a]
                    if left < 0.0:
                        chosen_v, chosen_a = v, a
        if chosen_a >= 0 and y[chosen_v, S, chosen_a] >= 1.0:
            _infect(y, chosen_v, chosen_a, 1.0, flow)


@inner_kernel
def _infect(y, v, a, n, flow):
    y[v, S, a] -= n
    y[v, E1, a] += n
    flow[a] += n


@inner_kernel
def _leave(n, p, key, step, transition, age, state):
    if n <= 0.0:
        return 0.0
    return binomial_quantile(n, p, _uniform(key, step, transition, age, state))


@inner_kernel
def chance_day(y, w, nv, course, place, dispersion, key, day, parts, x, lam, chances, flow):
    """Advance the infected of one place by one day in ``parts`` steps; ``flow`` (AGES) takes the new infections.

    ``w`` (STATES, INFECTIOUS, AGES) is the summed infectiousness of the cells. The NEED row of ``y`` takes those who
    come to need hospital. Later stages move first, so that nobody moves twice in a step; the infectiousness of a step
    is the mean of before and after the moves.
    """
    dt = 1.0 / parts
    k = dispersion
    for part in range(parts):
        step = day * 64 + part
        for a in range(AGES):
            x[a] = 0.0
        _add_half(w, nv, course, place, x)
        for v in range(nv):
            if not _any_infected(y, v):
                continue
            for a in range(AGES):
                m = _leave(y[v, CASE2, a], course.case * dt, key, step, DRAW_CASE2, a, v)
                if m > 0.0:
                    w[v, 3, a] -= _taken(w[v, 3, a], m, y[v, CASE2, a], k, key, step, DRAW_SHARE, a, 8 * v + 3)
                    y[v, CASE2, a] -= m
                    y[v, NEED, a] += m
                m = _leave(y[v, CASE1, a], course.case * dt, key, step, DRAW_CASE1, a, v)
                if m > 0.0:
                    moved = _taken(w[v, 2, a], m, y[v, CASE1, a], k, key, step, DRAW_SHARE, a, 8 * v + 2)
                    w[v, 2, a] -= moved
                    w[v, 3, a] += moved
                    y[v, CASE1, a] -= m
                    y[v, CASE2, a] += m
                for c in range(2):
                    rate = course.asymptomatic if c == 0 else course.mild
                    m = _leave(y[v, ASYM + c, a], rate * dt, key, step, DRAW_ASYM + c, a, v)
                    if m > 0.0:
                        w[v, c, a] -= _taken(w[v, c, a], m, y[v, ASYM + c, a], k, key, step, DRAW_SHARE, a, 8 * v + c)
                        y[v, ASYM + c, a] -= m
                        y[v, R1, a] += m
                m = _leave(y[v, E2, a], course.latent * dt, key, step, DRAW_E2, a, v)
                if m > 0.0:
                    _onset(y, w, v, a, m, place, k, key, step)
                m = _leave(y[v, E1, a], course.latent * dt, key, step, DRAW_E1, a, v)
                y[v, E1, a] -= m
                y[v, E2, a] += m
        _new_infections(y, w, nv, course, place, dt, key, step, x, lam, chances, flow)


@inner_kernel
def _onset(y, w, v, a, m, place, k, key, step):
    """``m`` people become infectious: to hospital need, without symptoms, or mild."""
    u, z = philox(key, step, DRAW_SPLIT, a, v)
    q = place.hospital[v, a]
    cases = binomial_quantile(m, q, u)
    rest = m - cases
    silent = binomial_quantile(rest, min(1.0, place.asymptomatic[a] / (1.0 - q)), z) if q < 1.0 else 0.0
    y[v, E2, a] -= m
    y[v, CASE1, a] += cases
    y[v, ASYM, a] += silent
    y[v, MILD, a] += rest - silent
    w[v, 2, a] += _weight(cases, k, key, step, DRAW_WEIGHT, a, 16 * v + CASE1)
    w[v, 0, a] += _weight(silent, k, key, step, DRAW_WEIGHT, a, 16 * v + ASYM)
    w[v, 1, a] += _weight(rest - silent, k, key, step, DRAW_WEIGHT, a, 16 * v + MILD)
