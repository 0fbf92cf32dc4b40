"""Transmission within one place: who is infected, by age and vaccine state, over one day (array kernels).

State of a place: ``y[v, c, a]``, vaccine state x compartment x age, C-contiguous float64. Only the first
``nv`` vaccine states are touched, so that states not yet used cost nothing. Equations: docs/methods/epidemic.md.
"""

from typing import NamedTuple

import numpy as np

from mamori.core.jit import inner_kernel

AGES = 17
STATES = 7  # 0 never, 1-2 waiting for protection, 3-4 protected, 5 protection lost, 6 boosted
S, E1, E2, ASYM, MILD, CASE1, CASE2, R1, R2, NEED = range(10)  # NEED counts hospital need since the day began
ROWS = 10
MOVING = 9  # rows that move between vaccine states (all but the counter NEED)
WIDTH = ROWS * AGES
MET = 1e-7  # a coverage target within this share of the age group is met


class Course(NamedTuple):
    """Rates per day of the infection's course and of the vaccine states, one draw."""

    latent: float  # out of each of the two latent stages
    asymptomatic: float
    mild: float
    case: float  # out of each of the two stages between onset and hospital need
    immunity: float  # out of each of the two immune stages
    asymptomatic_infectiousness: float
    vaccine: np.ndarray  # (STATES,) out of a vaccine state; state v goes to v + 1, the boosted go to 5


# Dormand-Prince 5(4), the fifth-order weights (Dormand & Prince 1980, J. Comput. Appl. Math. 6:19).
DP_A = np.zeros((6, 6))
DP_A[1, :1] = (1 / 5,)
DP_A[2, :2] = (3 / 40, 9 / 40)
DP_A[3, :3] = (44 / 45, -56 / 15, 32 / 9)
DP_A[4, :4] = (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729)
DP_A[5, :5] = (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656)
DP_B = np.array((35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84))
DP_C = DP_A.sum(axis=1)
# Kutta's method of order 3 (Hairer, Norsett & Wanner 1993, Solving Ordinary Differential Equations I, II.1).
RK_A = np.zeros((6, 6))
RK_A[1, 0] = 0.5
RK_A[2, :2] = (-1.0, 2.0)
RK_B = np.array((1 / 6, 2 / 3, 1 / 6, 0.0, 0.0, 0.0))
RK_C = RK_A.sum(axis=1)


@inner_kernel
def pressure(y, nv, course, rho, case_weight, x):
    """Infectious people by age, weighted by infectiousness, into ``x``."""
    wa = course.asymptomatic_infectiousness
    for a in range(AGES):
        x[a] = 0.0
    for v in range(nv):
        wv = rho[v]
        wc = wv * case_weight
        for a in range(AGES):
            x[a] += wv * wa * y[v, ASYM, a] + wc * (y[v, MILD, a] + y[v, CASE1, a] + y[v, CASE2, a])


@inner_kernel
def force(contact, x, lam):
    """Force of infection by age: lam_i = sum_j contact[j, i] x_j (``contact`` lies transposed)."""
    for a in range(AGES):
        lam[a] = 0.0
    for j in range(AGES):
        xj = x[j]
        for a in range(AGES):
            lam[a] += contact[j, a] * xj


@inner_kernel
def eligible(y, v, out):
    """People of vaccine state ``v`` who can be vaccinated (not infectious, not in hospital), by age."""
    for a in range(AGES):
        out[a] = y[v, S, a] + y[v, E1, a] + y[v, E2, a] + y[v, R1, a] + y[v, R2, a]


@inner_kernel
def dose_rate(doses, people):
    """Hazard of being vaccinated: doses per day over the eligible, never above one per day."""
    if doses <= 0.0:
        return 0.0
    return doses / max(doses, people)


@inner_kernel
def _within_state(y, dy, v, lam, susceptibility, hospital, asymptomatic, course, returns, time, hazard, flow):
    """Derivatives inside one vaccine state; ``hazard`` by age takes the eligible out, ``flow`` adds infections."""
    ke, ka, km, kc, kr = course.latent, course.asymptomatic, course.mild, course.case, course.immunity
    g = course.vaccine[v]
    for a in range(AGES):
        out = g + hazard[a]
        inf = lam[a] * susceptibility[v, a] * y[v, S, a]
        flow[a] += inf
        e1 = y[v, E1, a]
        e2 = y[v, E2, a]
        r1 = y[v, R1, a]
        r2 = y[v, R2, a]
        exits = ke * e2
        q = hospital[v, a]
        u = asymptomatic[a]
        dy[v, S, a] = kr * r2 - inf - out * y[v, S, a]
        dy[v, E1, a] = inf - (ke + out) * e1
        dy[v, E2, a] = ke * e1 - (ke + out) * e2
        dy[v, ASYM, a] = u * exits - (ka + g) * y[v, ASYM, a]
        dy[v, MILD, a] = (1.0 - q - u) * exits - (km + g) * y[v, MILD, a]
        dy[v, CASE1, a] = q * exits - (kc + g) * y[v, CASE1, a]
        dy[v, CASE2, a] = kc * y[v, CASE1, a] - (kc + g) * y[v, CASE2, a]
        dy[v, R1, a] = (
            returns[0, v, a] + time * returns[1, v, a] + ka * y[v, ASYM, a] + km * y[v, MILD, a] - (kr + out) * r1
        )
        dy[v, R2, a] = kr * r1 - (kr + out) * r2
        dy[v, NEED, a] = kc * y[v, CASE2, a]


@inner_kernel
def _move_all(y, dy, source, target, rate):
    for c in range(MOVING):
        for a in range(AGES):
            dy[target, c, a] += rate * y[source, c, a]


@inner_kernel
def _move_eligible(y, dy, source, target, hazard):
    for a in range(AGES):
        dy[target, S, a] += hazard[a] * y[source, S, a]
        dy[target, E1, a] += hazard[a] * y[source, E1, a]
        dy[target, E2, a] += hazard[a] * y[source, E2, a]
        dy[target, R1, a] += hazard[a] * y[source, R1, a]
        dy[target, R2, a] += hazard[a] * y[source, R2, a]


class Setting(NamedTuple):
    """What holds in one place during one day."""

    contact: np.ndarray  # (AGES, AGES) [j, i]: infections per day of a susceptible aged i per infectious person aged j
    rho: np.ndarray  # (STATES,) relative infectiousness by vaccine state
    susceptibility: np.ndarray  # (STATES, AGES) 1 - efficacy against infection
    hospital: np.ndarray  # (STATES, AGES) share of infections that come to need hospital
    asymptomatic: np.ndarray  # (AGES,)
    case_weight: float  # infectiousness of symptomatic people (1 - isolation)
    doses: float  # first doses per day
    boosters: float  # booster doses per day
    returns: np.ndarray  # (2, STATES, AGES) back from care, recovered: per day at its start, and change of that per day


class Scratch(NamedTuple):
    """Work space of one thread."""

    k: np.ndarray  # (6, STATES, ROWS, AGES) stage derivatives
    trial: np.ndarray  # (STATES, ROWS, AGES) stage value
    flows: np.ndarray  # (6, 3, AGES) infections, first doses, boosters per day at the stages
    rows: np.ndarray  # (12, AGES) vectors by age
    targets: np.ndarray  # (AGES,) 1 where an age group may be vaccinated now


def make_scratch():
    """Allocate the work space of one thread."""
    return Scratch(
        np.zeros((6, STATES, ROWS, AGES)),
        np.zeros((STATES, ROWS, AGES)),
        np.zeros((6, 3, AGES)),
        np.zeros((12, AGES)),
        np.zeros(AGES),
    )


@inner_kernel
def derivative(y, dy, time, nv, course, place, targets, flow, rows):
    """Right-hand side of the transmission equations; ``flow`` takes infections, first doses and boosters by age.

    ``time`` counts from the start of the day.
    """
    x, lam, can, hazard, none = rows[0], rows[1], rows[2], rows[3], rows[4]
    pressure(y, nv, course, place.rho, place.case_weight, x)
    force(place.contact, x, lam)
    for a in range(AGES):
        flow[0, a] = 0.0
        flow[1, a] = 0.0
        flow[2, a] = 0.0
        hazard[a] = 0.0
        none[a] = 0.0
    if place.doses > 0.0:
        eligible(y, 0, can)
        people = 0.0
        for a in range(AGES):
            people += targets[a] * can[a]
        rate = dose_rate(place.doses, people)
        for a in range(AGES):
            hazard[a] = rate * targets[a]
            flow[1, a] = hazard[a] * can[a]
    _within_state(
        y,
        dy,
        0,
        lam,
        place.susceptibility,
        place.hospital,
        place.asymptomatic,
        course,
        place.returns,
        time,
        hazard,
        flow[0],
    )
    if nv == 1:
        return
    boost = rows[5]
    rate = 0.0
    if nv > 6 and place.boosters > 0.0:
        people = 0.0
        for v in range(3, 6):
            eligible(y, v, can)
            for a in range(AGES):
                people += can[a]
                flow[2, a] += can[a]
        rate = dose_rate(place.boosters, people)
    for a in range(AGES):
        boost[a] = rate
        flow[2, a] *= rate
    for v in range(1, nv):
        leave = boost if 3 <= v <= 5 else none
        _within_state(
            y,
            dy,
            v,
            lam,
            place.susceptibility,
            place.hospital,
            place.asymptomatic,
            course,
            place.returns,
            time,
            leave,
            flow[0],
        )
    _move_eligible(y, dy, 0, 1, hazard)
    for v in range(1, 5):
        _move_all(y, dy, v, v + 1, course.vaccine[v])
    if nv > 6:
        _move_all(y, dy, 6, 5, course.vaccine[6])
        if rate > 0.0:
            for v in range(3, 6):
                _move_eligible(y, dy, v, 6, boost)


@inner_kernel
def _combine(y, k, weights, stages, h, out, nv):
    """out = y + h sum_s weights[s] k[s] over the states in use, two stages in a pass."""
    n = nv * WIDTH
    yf = y.reshape(-1)
    of = out.reshape(-1)
    for s in range(0, stages, 2):
        w0 = h * weights[s]
        k0 = k[s].reshape(-1)
        if s + 1 < stages:
            w1 = h * weights[s + 1]
            k1 = k[s + 1].reshape(-1)
            if s == 0:
                for i in range(n):
                    of[i] = yf[i] + (w0 * k0[i] + w1 * k1[i])
            else:
                for i in range(n):
                    of[i] += w0 * k0[i] + w1 * k1[i]
        elif s == 0:
            for i in range(n):
                of[i] = yf[i] + w0 * k0[i]
        else:
            for i in range(n):
                of[i] += w0 * k0[i]


@inner_kernel
def _copy(source, target, nv):
    n = nv * WIDTH
    sf = source.reshape(-1)
    tf = target.reshape(-1)
    for i in range(n):
        tf[i] = sf[i]


@inner_kernel
def rk_step(y, nv, since, h, course, place, fine, work, out, total):
    """One Runge-Kutta step of length ``h`` from ``y`` into ``out``; ``total`` (3, AGES) takes the step's flows.

    The derivative at ``y`` must stand in ``work.k[0]`` and its flows in ``work.flows[0]``.
    """
    table, weights, nodes, stages = (DP_A, DP_B, DP_C, 6) if fine else (RK_A, RK_B, RK_C, 3)
    for s in range(1, stages):
        _combine(y, work.k, table[s], s, h, work.trial, nv)
        derivative(
            work.trial, work.k[s], since + h * nodes[s], nv, course, place, work.targets, work.flows[s], work.rows
        )
    _combine(y, work.k, weights, stages, h, out, nv)
    for f in range(3):
        for a in range(AGES):
            total[f, a] = 0.0
        for s in range(stages):
            w = h * weights[s]
            for a in range(AGES):
                total[f, a] += w * work.flows[s, f, a]


LEFT, LIVING, LEFT_DYING, LEFT_CURVE, LEFT_BEND, DYING, CURVE, BEND = range(8)
"""Rows of ``people``: never-vaccinated living, all living (both at the start of the step), and the deaths of the
day among them after the time t: rate * t + curve * t**2 + bend * t**3."""


@inner_kernel
def choose_targets(coverage, people, targets):
    """Age groups open to vaccination: the row after as many rows as are wholly met (methods page, priority rule).

    Returns the row, or -1 when none is open.
    """
    steps = coverage.shape[0]
    met = 0
    for r in range(steps):
        is_open = False
        for a in range(AGES):
            if people[LIVING, a] > 0.0 and 1.0 - people[LEFT, a] / people[LIVING, a] < coverage[r, a] - MET:
                is_open = True
        if not is_open:
            met += 1
    row = min(met, steps - 1)
    any_open = False
    for a in range(AGES):
        targets[a] = 0.0
        if people[LIVING, a] > 0.0 and 1.0 - people[LEFT, a] / people[LIVING, a] < coverage[row, a] - MET:
            targets[a] = 1.0
            any_open = True
    return row if any_open else -1


@inner_kernel
def _deaths(since, h, rate, curve, bend):
    """Deaths between the times ``since`` and ``since + h`` of the day."""
    to = since + h
    return h * (rate + curve * (to + since) + bend * (to * to + to * since + since * since))


@inner_kernel
def _first_event(since, h, start, given, end, people, row_coverage, targets):
    """Time within the step at which the first open age group reaches its target (cubic Hermite), or ``h``.

    The step begins ``since`` days into the day; doses by age flow at rates ``start`` to ``end`` and add up to
    ``given``.
    """
    first = h
    for a in range(AGES):
        if targets[a] == 0.0:
            continue
        share = 1.0 - row_coverage[a]
        need = people[LEFT, a] - share * people[LIVING, a]
        rate = people[LEFT_DYING, a] - share * people[DYING, a]
        curve = people[LEFT_CURVE, a] - share * people[CURVE, a]
        bend = people[LEFT_BEND, a] - share * people[BEND, a]
        if given[a] < need - _deaths(since, h, rate, curve, bend):
            continue
        lo = 0.0
        hi = 1.0
        for _ in range(40):
            u = 0.5 * (lo + hi)
            t = u * h
            value = given[a] * u * u * (3.0 - 2.0 * u) + h * (
                start[a] * u * (1.0 - u) * (1.0 - u) - end[a] * u * u * (1.0 - u)
            )
            if value < need - _deaths(since, t, rate, curve, bend):
                lo = u
            else:
                hi = u
        first = min(first, hi * h)
    return first


@inner_kernel
def _smooth_length(y, dy, doses, targets):
    """Length over which vaccination is smooth: to where the eligible fall to a day's doses, short when few are left."""
    people = change = 0.0
    for a in range(AGES):
        people += targets[a] * (y[0, S, a] + y[0, E1, a] + y[0, E2, a] + y[0, R1, a] + y[0, R2, a])
        change += targets[a] * (dy[0, S, a] + dy[0, E1, a] + dy[0, E2, a] + dy[0, R1, a] + dy[0, R2, a])
    length = 0.25 * max(doses, people) / doses
    ahead = people - doses
    if ahead > 1e-9 * doses and change < 0.0:
        length = min(length, max(-ahead / change, 1e-6))
    return length


@inner_kernel
def transmit_day(y, nv, course, place, coverage, people, substeps, fine, work, out, total):
    """Advance transmission in one place by one day with everything in ``place`` held constant.

    Steps of 1/``substeps`` day, cut where an age group reaches its coverage target, because the vaccination rate
    jumps there. ``total`` (3, AGES) takes infections, first doses and boosters of the day. Returns the number of cuts.
    """
    part = work.rows[6:9]
    now = work.rows[9]
    ends = work.rows[10]
    for f in range(3):
        for a in range(AGES):
            total[f, a] = 0.0
    row = -1
    if place.doses > 0.0:
        row = choose_targets(coverage, people, work.targets)
    cuts = 0
    since = 0.0
    for _ in range(substeps):
        remaining = 1.0 / substeps
        while remaining > 1e-12:
            if row < 0:
                for a in range(AGES):
                    work.targets[a] = 0.0
            derivative(y, work.k[0], since, nv, course, place, work.targets, work.flows[0], work.rows)
            h = remaining
            if row >= 0 and fine:
                h = min(h, _smooth_length(y, work.k[0], place.doses, work.targets))
            rk_step(y, nv, since, h, course, place, fine, work, out, part)
            if row >= 0:
                for a in range(AGES):
                    now[a] = work.flows[0, 1, a]
                eligible(out, 0, ends)
                open_people = 0.0
                for a in range(AGES):
                    open_people += work.targets[a] * ends[a]
                rate = dose_rate(place.doses, open_people)
                for a in range(AGES):
                    ends[a] *= rate * work.targets[a]
                cut = _first_event(since, h, now, part[1], ends, people, coverage[row], work.targets)
                met = cut < h
                if met:
                    h = cut
                    rk_step(y, nv, since, h, course, place, fine, work, out, part)
                for a in range(AGES):
                    people[LEFT, a] -= part[1, a] + _deaths(
                        since, h, people[LEFT_DYING, a], people[LEFT_CURVE, a], people[LEFT_BEND, a]
                    )
                    people[LIVING, a] -= _deaths(since, h, people[DYING, a], people[CURVE, a], people[BEND, a])
                if met:
                    cuts += 1
                    row = choose_targets(coverage, people, work.targets)
            for f in range(3):
                for a in range(AGES):
                    total[f, a] += part[f, a]
            _copy(out, y, nv)
            remaining -= h
            since += h
    return cuts
