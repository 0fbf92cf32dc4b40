"""Care within one place: those who need hospital, with or without a bed, until recovery or death (array kernels).

The stays are linear, so a day is advanced exactly: ``x(1) = exp(A) x(0) + integral of exp(A (1 - s)) b(s) ds``. Only
the
share that finds a bed is nonlinear; it depends on the sums over ages and vaccine states alone and is followed by a
small system of its own with many steps a day. Equations: docs/methods/epidemic.md.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import expm

from mamori.core.jit import inner_kernel
from mamori.epidemic._transmission import AGES, CASE1, CASE2, NEED, STATES

# Stays (two Erlang stages each), in the order of the arrays: row 2 * stay, 2 * stay + 1; then step-down (two rows).
WARD_LIVE, WARD_DIE, NO_WARD_LIVE, NO_WARD_DIE, ICU_LIVE, ICU_DIE, NO_ICU_LIVE, NO_ICU_DIE, SHIFT_LIVE, SHIFT_DIE = (
    range(10)
)
STAYS = 10  # SHIFT: needed intensive care, got a ward bed instead
STEPDOWN = 2 * STAYS
DEAD = STEPDOWN + 2
BOXES = DEAD + 1
SAME_DAY = BOXES  # not people: yesterday's recoveries among those who came in yesterday, to foresee today's
CARE_ROWS = BOXES + 1
PARTS = 24  # steps a day of the bed system
COARSE_PARTS = 4
NODES = 2 * PARTS + 1  # with the midpoints that the Runge-Kutta steps need
TERMS = 4  # the inflow of a day is a cubic in time


class Stay(NamedTuple):
    """Exact one-day propagation of the stays of one draw."""

    rate: np.ndarray  # (STAYS,) per day, each of the two stages
    stepdown: float  # per day, each of the two stages of step-down
    carry: np.ndarray  # (STAYS, 4, 4) exp(A) over a day: ward stays use 2 x 2, ICU_LIVE all four (with step-down)
    moment: np.ndarray  # (STAYS, 4, TERMS) integral of exp(A (1 - s))[stage, 0] s^k ds
    kernel: np.ndarray  # (STAYS, 4, NODES) exp(A (1 - s))[stage, 0] at the nodes
    leaving: np.ndarray  # (STAYS, 4) share of those in a stage who have left care a day later


class Outcome(NamedTuple):
    """Split of those who need hospital by age."""

    share: np.ndarray  # (STAYS, AGES) of those who need hospital: severity x fatality, before the bed is found
    vaccine: np.ndarray  # (STATES, STATES) exp of the moves between vaccine states over a day


class Beds(NamedTuple):
    """Work space of the bed system."""

    poly: np.ndarray  # (6, TERMS) inflow polynomials summed over ages and states
    found: np.ndarray  # (3, NODES) share that finds a ward bed, an ICU bed, a ward bed instead of an ICU bed
    moment: np.ndarray  # (STAYS, 4, TERMS)
    total: np.ndarray  # (3, TERMS) integral of found * s^k
    coef: np.ndarray  # (STATES, TERMS, AGES)
    vector: np.ndarray  # (14,)
    stage: np.ndarray  # (5, 14)
    inflow: np.ndarray  # (6,)
    mixed: np.ndarray  # (STATES, BOXES, AGES)


def make_beds():
    """Allocate the work space of the bed system of one thread."""
    return Beds(
        np.zeros((6, TERMS)),
        np.zeros((3, NODES)),
        np.zeros((STAYS, 4, TERMS)),
        np.zeros((3, TERMS)),
        np.zeros((STATES, TERMS, AGES)),
        np.zeros(14),
        np.zeros((5, 14)),
        np.zeros(6),
        np.zeros((STATES, BOXES, AGES)),
    )


@inner_kernel
def inflow_polynomials(start, end, rate, course, nv, coef):
    """Cubic in time of the hospital need of the day, by state and age, whose integral is the day's count exactly.

    ``start`` (STATES, 2, AGES): both stages before hospital need at the start of the day; ``end``: the state after it.
    """
    for v in range(nv):
        leave = rate + course.vaccine[v]
        for a in range(AGES):
            f0 = rate * start[v, 1, a]
            f1 = rate * end[v, CASE2, a]
            d0 = rate * (rate * start[v, 0, a] - leave * start[v, 1, a])
            d1 = rate * (rate * end[v, CASE1, a] - leave * end[v, CASE2, a])
            if v >= 2:
                d0 += rate * course.vaccine[v - 1] * start[v - 1, 1, a]
                d1 += rate * course.vaccine[v - 1] * end[v - 1, CASE2, a]
            whole = 0.5 * (f0 + f1) + (d0 - d1) / 12.0
            if whole <= 0.1 * (f0 + f1):  # a state just entered, no cubic fits: spread the count evenly
                f0, f1, d0, d1, whole = 1.0, 1.0, 0.0, 0.0, 1.0
            scale = end[v, NEED, a] / whole
            coef[v, 0, a] = scale * f0
            coef[v, 1, a] = scale * d0
            coef[v, 2, a] = scale * (3.0 * (f1 - f0) - 2.0 * d0 - d1)
            coef[v, 3, a] = scale * (2.0 * (f0 - f1) + d0 + d1)


BED_ROWS = np.array([0, 1, 2, 3, 2 * ICU_LIVE, 2 * ICU_LIVE + 1, 2 * ICU_DIE, 2 * ICU_DIE + 1, STEPDOWN, STEPDOWN + 1,
                     2 * SHIFT_LIVE, 2 * SHIFT_LIVE + 1, 2 * SHIFT_DIE, 2 * SHIFT_DIE + 1])  # fmt: skip


@inner_kernel
def _sums(coef, nv, outcome, box, beds):
    """Inflow polynomials summed over ages and vaccine states, and present stays, for the bed system."""
    for p in range(6):
        for k in range(TERMS):
            beds.poly[p, k] = 0.0
    for k in range(TERMS):
        ward_live = ward_die = icu_live = icu_die = shift_live = shift_die = 0.0
        for a in range(AGES):
            c = 0.0
            for v in range(nv):
                c += coef[v, k, a]
            ward_live += outcome.share[WARD_LIVE, a] * c
            ward_die += outcome.share[WARD_DIE, a] * c
            icu_live += outcome.share[ICU_LIVE, a] * c
            icu_die += outcome.share[ICU_DIE, a] * c
            shift_live += outcome.share[SHIFT_LIVE, a] * c
            shift_die += outcome.share[SHIFT_DIE, a] * c
        beds.poly[0, k] = ward_live
        beds.poly[1, k] = ward_die
        beds.poly[2, k] = icu_live
        beds.poly[3, k] = icu_die
        beds.poly[4, k] = shift_live
        beds.poly[5, k] = shift_die
    for r in range(14):
        beds.vector[r] = box[BED_ROWS[r]]


@inner_kernel
def count_boxes(care, nv, box):
    """People in every box of care, all ages and vaccine states."""
    for b in range(BOXES):
        total = 0.0
        for v in range(nv):
            for a in range(AGES):
                total += care[v, b, a]
        box[b] = total


@inner_kernel
def _shares(x, inflow, stay, ward_beds, icu_beds, fallback):
    """Shares that find a bed, given the stays ``x``: free beds count those that one day's discharges will free."""
    r = stay.rate
    ward = x[0] + x[1] + x[2] + x[3] + x[8] + x[9] + x[10] + x[11] + x[12] + x[13]
    ward_out = r[WARD_LIVE] * x[1] + r[WARD_DIE] * x[3] + stay.stepdown * x[9]
    ward_out += r[SHIFT_LIVE] * x[11] + r[SHIFT_DIE] * x[13]
    icu = x[4] + x[5] + x[6] + x[7]
    icu_out = r[ICU_LIVE] * x[5] + r[ICU_DIE] * x[7]
    need_ward = inflow[0] + inflow[1]
    need_icu = inflow[2] + inflow[3]
    free_ward = max(ward_beds - ward + ward_out, 0.0)
    free_icu = max(icu_beds - icu + icu_out, 0.0)
    p_ward = 1.0 if need_ward <= free_ward else free_ward / need_ward
    p_icu = 1.0 if need_icu <= free_icu else free_icu / need_icu
    p_shift = 0.0
    if fallback and p_icu < 1.0:
        denied = (1.0 - p_icu) * need_icu
        left = max(free_ward - p_ward * need_ward, 0.0)
        p_shift = (1.0 - p_icu) * min(1.0, left / denied)
    return p_ward, p_icu, p_shift


@inner_kernel
def _inflow(poly, s, out):
    for p in range(6):
        out[p] = ((poly[p, 3] * s + poly[p, 2]) * s + poly[p, 1]) * s + poly[p, 0]


@inner_kernel
def _bed_rates(x, s, beds, stay, ward_beds, icu_beds, fallback, inflow, dx):
    """Right-hand side of the bed system at time ``s`` of the day; returns the shares that find a bed."""
    _inflow(beds.poly, s, inflow)
    p_ward, p_icu, p_shift = _shares(x, inflow, stay, ward_beds, icu_beds, fallback)
    r = stay.rate
    dx[0] = p_ward * inflow[0] - r[WARD_LIVE] * x[0]
    dx[1] = r[WARD_LIVE] * (x[0] - x[1])
    dx[2] = p_ward * inflow[1] - r[WARD_DIE] * x[2]
    dx[3] = r[WARD_DIE] * (x[2] - x[3])
    dx[4] = p_icu * inflow[2] - r[ICU_LIVE] * x[4]
    dx[5] = r[ICU_LIVE] * (x[4] - x[5])
    dx[6] = p_icu * inflow[3] - r[ICU_DIE] * x[6]
    dx[7] = r[ICU_DIE] * (x[6] - x[7])
    dx[8] = r[ICU_LIVE] * x[5] - stay.stepdown * x[8]
    dx[9] = stay.stepdown * (x[8] - x[9])
    dx[10] = p_shift * inflow[4] - r[SHIFT_LIVE] * x[10]
    dx[11] = r[SHIFT_LIVE] * (x[10] - x[11])
    dx[12] = p_shift * inflow[5] - r[SHIFT_DIE] * x[12]
    dx[13] = r[SHIFT_DIE] * (x[12] - x[13])
    return p_ward, p_icu, p_shift


@inner_kernel
def _follow_beds(beds, stay, ward_beds, icu_beds, fallback, parts, inflow):
    """Shares that find a bed at the 2 ``parts`` + 1 nodes of the day, by Runge-Kutta 4 with ``parts`` steps."""
    x = beds.vector
    d = beds.stage
    h = 1.0 / parts
    for part in range(parts):
        s = part * h
        p0, p1, p2 = _bed_rates(x, s, beds, stay, ward_beds, icu_beds, fallback, inflow, d[0])
        beds.found[0, 2 * part], beds.found[1, 2 * part], beds.found[2, 2 * part] = p0, p1, p2
        for i in range(14):
            d[4, i] = x[i] + 0.5 * h * d[0, i]
        _bed_rates(d[4], s + 0.5 * h, beds, stay, ward_beds, icu_beds, fallback, inflow, d[1])
        for i in range(14):
            d[4, i] = x[i] + 0.5 * h * d[1, i]
        p0, p1, p2 = _bed_rates(d[4], s + 0.5 * h, beds, stay, ward_beds, icu_beds, fallback, inflow, d[2])
        beds.found[0, 2 * part + 1], beds.found[1, 2 * part + 1], beds.found[2, 2 * part + 1] = p0, p1, p2
        for i in range(14):
            d[4, i] = x[i] + h * d[2, i]
        _bed_rates(d[4], s + h, beds, stay, ward_beds, icu_beds, fallback, inflow, d[3])
        for i in range(14):
            x[i] += h / 6.0 * (d[0, i] + 2.0 * d[1, i] + 2.0 * d[2, i] + d[3, i])
    _inflow(beds.poly, 1.0, inflow)
    p0, p1, p2 = _shares(x, inflow, stay, ward_beds, icu_beds, fallback)
    beds.found[0, 2 * parts], beds.found[1, 2 * parts], beds.found[2, 2 * parts] = p0, p1, p2


@inner_kernel
def _moments(beds, stay, parts):
    """Moments of the inflow kernels weighted by the share found (composite Simpson over the nodes)."""
    nodes = 2 * parts + 1
    stride = PARTS // parts
    step = 1.0 / (nodes - 1)
    for f in range(3):
        for k in range(TERMS):
            beds.total[f, k] = 0.0
    for c in range(STAYS):
        for g in range(4):
            for k in range(TERMS):
                beds.moment[c, g, k] = 0.0
    for n in range(nodes):
        w = step / 3.0 * (1.0 if n == 0 or n == nodes - 1 else (4.0 if n % 2 == 1 else 2.0))
        s = n * step
        for c in range(STAYS):
            if c == WARD_LIVE or c == WARD_DIE:
                p = beds.found[0, n]
            elif c == NO_WARD_LIVE or c == NO_WARD_DIE:
                p = 1.0 - beds.found[0, n]
            elif c == ICU_LIVE or c == ICU_DIE:
                p = beds.found[1, n]
            elif c == NO_ICU_LIVE or c == NO_ICU_DIE:
                p = 1.0 - beds.found[1, n] - beds.found[2, n]
            else:
                p = beds.found[2, n]
            if p == 0.0:
                continue
            for g in range(4 if c == ICU_LIVE else 2):
                q = w * p * stay.kernel[c, g, n * stride]
                for k in range(TERMS):
                    beds.moment[c, g, k] += q
                    q *= s
        for f in range(3):
            q = w * beds.found[f, n]
            for k in range(TERMS):
                beds.total[f, k] += q
                q *= s


@inner_kernel
def _advance_stay(care, v, stay_index, coef, share, moment, total, stay, out):
    """One stay of one vaccine state over the day; ``out`` += those who leave it (recovered or dead), by age."""
    first = 2 * stay_index
    e = stay.carry[stay_index, 0, 0]
    e2 = stay.carry[stay_index, 1, 1]
    e21 = stay.carry[stay_index, 1, 0]
    for a in range(AGES):
        f = share[a]
        c0, c1, c2, c3 = f * coef[v, 0, a], f * coef[v, 1, a], f * coef[v, 2, a], f * coef[v, 3, a]
        new1 = c0 * moment[0, 0] + c1 * moment[0, 1] + c2 * moment[0, 2] + c3 * moment[0, 3]
        new2 = c0 * moment[1, 0] + c1 * moment[1, 1] + c2 * moment[1, 2] + c3 * moment[1, 3]
        came = c0 * total[0] + c1 * total[1] + c2 * total[2] + c3 * total[3]
        x1 = care[v, first, a]
        x2 = care[v, first + 1, a]
        n1 = e * x1 + new1
        n2 = e21 * x1 + e2 * x2 + new2
        care[v, first, a] = n1
        care[v, first + 1, a] = n2
        out[a] += came + x1 + x2 - n1 - n2


@inner_kernel
def _advance_icu_live(care, v, coef, share, moment, total, stay, out):
    """Intensive care survived and the step-down in a ward bed after it: a chain of four stages."""
    first = 2 * ICU_LIVE
    m = stay.carry[ICU_LIVE]
    for a in range(AGES):
        f = share[a]
        c0, c1, c2, c3 = f * coef[v, 0, a], f * coef[v, 1, a], f * coef[v, 2, a], f * coef[v, 3, a]
        came = c0 * total[0] + c1 * total[1] + c2 * total[2] + c3 * total[3]
        x1 = care[v, first, a]
        x2 = care[v, first + 1, a]
        x3 = care[v, STEPDOWN, a]
        x4 = care[v, STEPDOWN + 1, a]
        n1 = m[0, 0] * x1 + c0 * moment[0, 0] + c1 * moment[0, 1] + c2 * moment[0, 2] + c3 * moment[0, 3]
        n2 = m[1, 0] * x1 + m[1, 1] * x2
        n2 += c0 * moment[1, 0] + c1 * moment[1, 1] + c2 * moment[1, 2] + c3 * moment[1, 3]
        n3 = m[2, 0] * x1 + m[2, 1] * x2 + m[2, 2] * x3
        n3 += c0 * moment[2, 0] + c1 * moment[2, 1] + c2 * moment[2, 2] + c3 * moment[2, 3]
        n4 = m[3, 0] * x1 + m[3, 1] * x2 + m[3, 2] * x3 + m[3, 3] * x4
        n4 += c0 * moment[3, 0] + c1 * moment[3, 1] + c2 * moment[3, 2] + c3 * moment[3, 3]
        care[v, first, a] = n1
        care[v, first + 1, a] = n2
        care[v, STEPDOWN, a] = n3
        care[v, STEPDOWN + 1, a] = n4
        out[a] += came + x1 + x2 + x3 + x4 - n1 - n2 - n3 - n4


@inner_kernel
def _move_states(care, nv, moves, mixed):
    """Patients move between vaccine states like everybody else (exact over the day)."""
    for v in range(1, nv):
        for b in range(BOXES):
            for a in range(AGES):
                mixed[v, b, a] = moves[v, v] * care[v, b, a]
        for u in range(1, nv):
            w = moves[v, u]
            if u != v and w != 0.0:
                for b in range(BOXES):
                    for a in range(AGES):
                        mixed[v, b, a] += w * care[u, b, a]
    for v in range(1, nv):
        for b in range(BOXES):
            for a in range(AGES):
                care[v, b, a] = mixed[v, b, a]


@inner_kernel
def expected_returns(care, nv, stay, untreated, returns):
    """Recoveries in care foreseen for the day, by state and age: rate as it begins, and its change that gives the sum.

    The sum is exact for those now in care; of new ones as many are expected to leave the same day as yesterday.
    """
    for v in range(nv):
        for a in range(AGES):
            returns[0, v, a] = stay.stepdown * care[v, STEPDOWN + 1, a]
            returns[1, v, a] = (
                care[v, SAME_DAY, a]
                + stay.leaving[ICU_LIVE, 0] * care[v, 2 * ICU_LIVE, a]
                + stay.leaving[ICU_LIVE, 1] * care[v, 2 * ICU_LIVE + 1, a]
                + stay.leaving[ICU_LIVE, 2] * care[v, STEPDOWN, a]
                + stay.leaving[ICU_LIVE, 3] * care[v, STEPDOWN + 1, a]
            )
        for c in (WARD_LIVE, NO_WARD_LIVE, NO_ICU_LIVE, SHIFT_LIVE):
            if untreated or c == WARD_LIVE:
                for a in range(AGES):
                    x2 = care[v, 2 * c + 1, a]
                    returns[0, v, a] += stay.rate[c] * x2
                    returns[1, v, a] += stay.leaving[c, 0] * care[v, 2 * c, a] + stay.leaving[c, 1] * x2
        for a in range(AGES):
            returns[1, v, a] = 2.0 * (returns[1, v, a] - returns[0, v, a])


@inner_kernel
def care_day(care, box, nv, stay, outcome, ward_beds, icu_beds, fallback, untreated, parts, beds, back, died, need):
    """Advance all stays of one place by one day; the day's inflow stands in ``beds.coef``.

    ``back`` and ``died`` (STATES, AGES) take those who recovered and those who died; ``need`` (4,) takes the day's need
    of ward beds, of ICU beds, and those of each who found none. ``box`` (BOXES,) holds the sums over ages and states;
    ``parts`` divides PARTS. Returns whether anybody is or was without a bed.
    """
    coef = beds.coef
    if nv > 1:
        _move_states(care, nv, outcome.vaccine, beds.mixed)
    _sums(coef, nv, outcome, box, beds)
    poly = beds.poly
    ones = (1.0, 0.5, 1.0 / 3.0, 0.25)
    need[0] = need[1] = need[2] = need[3] = 0.0
    peak_ward = peak_icu = 0.0
    for k in range(TERMS):
        need[0] += ones[k] * (poly[0, k] + poly[1, k])
        need[1] += ones[k] * (poly[2, k] + poly[3, k])
    for n in range(5):
        s = 0.25 * n
        ward = icu = 0.0
        for k in range(TERMS - 1, -1, -1):
            ward = ward * s + poly[0, k] + poly[1, k]
            icu = icu * s + poly[2, k] + poly[3, k]
        peak_ward = max(peak_ward, 1.1 * ward)
        peak_icu = max(peak_icu, 1.1 * icu)
    x = beds.vector
    in_icu = x[4] + x[5] + x[6] + x[7]
    in_ward = x[0] + x[1] + x[2] + x[3] + x[8] + x[9] + x[10] + x[11] + x[12] + x[13]
    # Nobody lacks a bed if all of today's need, those leaving ICU and a day's peak inflow would still fit in.
    ample = in_icu + need[1] + peak_icu <= icu_beds and in_ward + in_icu + need[0] + need[1] + peak_ward <= ward_beds
    moment = stay.moment
    if not ample:
        _follow_beds(beds, stay, ward_beds, icu_beds, fallback, parts, beds.inflow)
        _moments(beds, stay, parts)
        moment = beds.moment
        got = got_icu = 0.0
        for k in range(TERMS):
            got += beds.total[0, k] * (poly[0, k] + poly[1, k])
            got_icu += (beds.total[1, k] + beds.total[2, k]) * (poly[2, k] + poly[3, k])
        need[2] = max(need[0] - got, 0.0)
        need[3] = max(need[1] - got_icu, 0.0)
        if need[2] > 0.0 or need[3] > 0.0:
            untreated = True
    for v in range(nv):
        for a in range(AGES):
            back[v, a] = 0.0
            died[v, a] = 0.0
        for c in range(STAYS):
            if c == ICU_LIVE:
                continue
            if not untreated and (c == NO_WARD_LIVE or c == NO_WARD_DIE or c == NO_ICU_LIVE or c == NO_ICU_DIE):
                continue
            if (c == SHIFT_LIVE or c == SHIFT_DIE) and not (untreated and fallback):
                continue
            total = _total(c, ample, beds)
            is_get = c == WARD_LIVE or c == WARD_DIE or c == ICU_DIE
            weights = moment[c] if (not ample or is_get) else _ZERO
            out = back[v] if c % 2 == 0 else died[v]
            _advance_stay(care, v, c, coef, outcome.share[c], weights, total, stay, out)
        _advance_icu_live(
            care, v, coef, outcome.share[ICU_LIVE], moment[ICU_LIVE], _total(ICU_LIVE, ample, beds), stay, back[v]
        )
        for a in range(AGES):
            care[v, DEAD, a] += died[v, a]
    count_boxes(care, nv, box)
    if untreated and ample and _without_bed(box) < 1e-6:
        return False
    return untreated


@inner_kernel
def _without_bed(box):
    """People who need a bed and have none, or a bed of the wrong kind."""
    total = 0.0
    for c in (NO_WARD_LIVE, NO_WARD_DIE, NO_ICU_LIVE, NO_ICU_DIE, SHIFT_LIVE, SHIFT_DIE):
        total += box[2 * c] + box[2 * c + 1]
    return total


_ZERO = np.zeros((4, TERMS))


@inner_kernel
def _total(c, ample, beds):
    """Integral over the day of (share found) * s^k for one stay."""
    found = not (c == NO_WARD_LIVE or c == NO_WARD_DIE or c == NO_ICU_LIVE or c == NO_ICU_DIE or c >= SHIFT_LIVE)
    if ample:
        return (1.0, 0.5, 1.0 / 3.0, 0.25) if found else (0.0, 0.0, 0.0, 0.0)
    t = beds.total
    if c == WARD_LIVE or c == WARD_DIE:
        return t[0, 0], t[0, 1], t[0, 2], t[0, 3]
    if c == NO_WARD_LIVE or c == NO_WARD_DIE:
        return 1.0 - t[0, 0], 0.5 - t[0, 1], 1.0 / 3.0 - t[0, 2], 0.25 - t[0, 3]
    if c == ICU_LIVE or c == ICU_DIE:
        return t[1, 0], t[1, 1], t[1, 2], t[1, 3]
    if c >= SHIFT_LIVE:
        return t[2, 0], t[2, 1], t[2, 2], t[2, 3]
    return (
        1.0 - t[1, 0] - t[2, 0],
        0.5 - t[1, 1] - t[2, 1],
        1.0 / 3.0 - t[1, 2] - t[2, 2],
        0.25 - t[1, 3] - t[2, 3],
    )


def _first_column(generator, times):
    """First column of exp(generator t) at ``times``, (4, times): Taylor series (times are at most a day)."""
    terms = 1.0 + 4.0 * np.abs(generator).max()
    column = np.zeros(4)
    column[0] = 1.0
    series = []
    for k in range(30 + int(4.0 * terms)):
        series.append(column)
        column = generator @ column / (k + 1.0)
    return np.array(series).T @ (times ** np.arange(len(series))[:, None])


def make_stay(days, stepdown_days):
    """Propagation tables of the stays: ``days`` (STAYS,) mean lengths, two Erlang stages each.

    For two equal stages of rate r: exp(A t)[0, 0] = e^(-r t), exp(A t)[1, 0] = r t e^(-r t); intensive care survived
    goes
    on to step-down, a chain of four stages, by the matrix exponential.
    """
    rate = 2.0 / np.asarray(days, dtype=float)
    down = 2.0 / stepdown_days
    gauss, weights = np.polynomial.legendre.leggauss(20)
    gauss, weights = 0.5 * (gauss + 1.0), 0.5 * weights
    times = np.concatenate([gauss, np.linspace(0.0, 1.0, NODES)])
    left = 1.0 - times
    shape = np.zeros((STAYS, 4, len(times)))  # exp(A (1 - s))[stage, 0]
    shape[:, 0] = np.exp(-np.outer(rate, left))
    shape[:, 1] = np.outer(rate, left) * shape[:, 0]
    carry = np.zeros((STAYS, 4, 4))
    carry[:, 0, 0] = carry[:, 1, 1] = np.exp(-rate)
    carry[:, 1, 0] = rate * np.exp(-rate)
    chain = np.array([rate[ICU_LIVE], rate[ICU_LIVE], down, down])
    generator = np.diag(-chain) + np.diag(chain[:-1], -1)
    carry[ICU_LIVE] = expm(generator)
    shape[ICU_LIVE] = _first_column(generator, left)
    powers = gauss[:, None] ** np.arange(TERMS)
    moment = shape[:, :, : len(gauss)] @ (weights[:, None] * powers)
    leaving = 1.0 - carry.sum(axis=1)
    leaving[carry.max(axis=1) == 0.0] = 0.0
    kernel_values = np.ascontiguousarray(shape[:, :, len(gauss) :])
    return Stay(rate, down, carry, np.ascontiguousarray(moment), kernel_values, leaving)
