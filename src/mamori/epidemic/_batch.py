"""Draws x places x days: who travels, which places are reached, and what each day gives (array kernel)."""

from typing import NamedTuple

import numpy as np

from mamori.core.jit import inner_kernel, kernel
from mamori.core.rng import philox, poisson_quantile
from mamori.epidemic._care import (
    DEAD,
    ICU_DIE,
    ICU_LIVE,
    NO_ICU_DIE,
    NO_ICU_LIVE,
    NO_WARD_DIE,
    NO_WARD_LIVE,
    SHIFT_DIE,
    SHIFT_LIVE,
    STEPDOWN,
    WARD_DIE,
    WARD_LIVE,
    Outcome,
    Stay,
)
from mamori.epidemic._chance import arrive, become_whole, infected
from mamori.epidemic._place import place_day, quiet_day, whole_day
from mamori.epidemic._transmission import AGES, ASYM, CASE1, CASE2, E1, E2, MILD, NEED, Course, S, Setting

UNTOUCHED, WHOLE, MANY = range(3)  # no infection yet; few infected, moved by chance; many, moved by the equations
LIVE_STATES, LACKING, REGIME, IN_CARE = range(4)  # columns of ``status``
(INFECTIONS, IMPORTS, HOSPITAL_NEED, WARD_OCCUPIED, ICU_OCCUPIED, WARD_DEMAND, ICU_DEMAND, REFUSED, DEATHS,
 FIRST_DOSES, BOOSTER_DOSES, INFECTIOUS) = range(12)  # fmt: skip
OUTPUTS = 12
PURPOSE_ARRIVALS = 11  # transition number of the count of arrivals, beside those of _chance


class State(NamedTuple):
    """Everything that a batch carries from day to day."""

    y: np.ndarray  # (D, P, STATES, ROWS, AGES)
    w: np.ndarray  # (D, P, STATES, INFECTIOUS, AGES)
    care: np.ndarray  # (D, P, STATES, CARE_ROWS, AGES); one state where accuracy is coarse
    box: np.ndarray  # (D, P, BOXES) sums of ``care`` over ages and states
    mix: np.ndarray  # (D, P, STATES, AGES) recent hospital need, where patients are not told apart by state
    total: np.ndarray  # (D, P, 5, AGES) infections, first doses, boosters, deaths, hospital need so far
    status: np.ndarray  # (D, P, 4) int64, see LIVE_STATES


class Model(NamedTuple):
    """Parameters by draw."""

    rates: np.ndarray  # (D, 6) the numbers of Course
    vaccine: np.ndarray  # (D, STATES)
    stay_rate: np.ndarray
    stepdown: np.ndarray
    carry: np.ndarray
    moment: np.ndarray
    kernel: np.ndarray
    leaving: np.ndarray
    share: np.ndarray  # (D, STAYS, AGES)
    moves: np.ndarray  # (STATES, STATES)
    prob_hospital: np.ndarray  # (D, AGES)
    asymptomatic: np.ndarray  # (D, AGES)
    efficacy_infection: np.ndarray  # (STATES,)
    efficacy_disease: np.ndarray  # (STATES,)
    rho: np.ndarray  # (STATES,)
    coverage: np.ndarray  # (steps, AGES)
    substeps: np.ndarray  # (D,) steps a day of the equations
    parts: np.ndarray  # (D,) steps a day of the whole people
    shape: np.ndarray  # (D,) gamma shape of infectiousness
    few: float  # infected below which a place is moved by chance
    fine: bool
    fallback: bool


class Places(NamedTuple):
    """Parameters by place."""

    contact: np.ndarray  # (P, 4, AGES, AGES) [setting, j, i]: contacts per day of i with j, per person aged j
    beta: np.ndarray  # (D, P) infections per contact
    arrivals: np.ndarray  # (P, P) share of the row's people who go to the column per day; (0, 0) without travel
    ages: np.ndarray  # (P, AGES) age distribution of travellers
    people: np.ndarray  # (P,)
    key: np.ndarray  # (D, P, 2)


class Levers(NamedTuple):
    """Drivers, each (D, P), contact (D, P, 4)."""

    contact: np.ndarray
    transmission: np.ndarray
    isolation: np.ndarray
    doses: np.ndarray
    boosters: np.ndarray
    ward: np.ndarray
    icu: np.ndarray
    severity: np.ndarray
    efficacy: np.ndarray
    reinfection: np.ndarray


@kernel
def advance_batch(state, model, places, levers, first_day, days, space, out):
    """Advance all draws and places by ``days``; ``out`` (D, P, days, OUTPUTS) takes the results."""
    draws = state.y.shape[0]
    count = state.y.shape[1]
    silent = np.zeros(count)
    expected = np.zeros(count)
    for d in range(draws):
        stay = Stay(
            model.stay_rate[d], model.stepdown[d], model.carry[d], model.moment[d], model.kernel[d], model.leaving[d]
        )
        outcome = Outcome(model.share[d], model.moves)
        for t in range(days):
            _arrivals(state, d, places, silent, expected)
            for p in range(count):
                _one(state, model, places, levers, stay, outcome, d, p, first_day + t, expected[p], space, out[d, p, t])


@inner_kernel
def _arrivals(state, d, places, silent, expected):
    """Infected travellers without symptoms expected to arrive today, by place."""
    count = expected.shape[0]
    for p in range(count):
        expected[p] = 0.0
    if places.arrivals.shape[0] == 0:
        return
    for o in range(count):
        if state.status[d, o, REGIME] == UNTOUCHED:
            continue
        silent[o] = 0.0
        for v in range(state.status[d, o, LIVE_STATES]):
            for a in range(AGES):
                y = state.y[d, o, v]
                silent[o] += y[E1, a] + y[E2, a] + y[ASYM, a]
        if silent[o] > 0.0:
            for p in range(count):
                expected[p] += places.arrivals[o, p] * silent[o]


@inner_kernel
def _infect(y, total, few, places, p, persons, regime, key, day):
    """Let the travellers in; returns how many, and the regime of the place after it."""
    if persons <= 0.0:
        return 0.0, regime
    if few > 0.0 and regime != MANY:
        u, _ = philox(key, day * 64, PURPOSE_ARRIVALS, 0, 1)
        n = poisson_quantile(persons, u)
        if n == 0.0:
            return 0.0, regime
        return arrive(y, n, places.ages[p], total[0], key, day * 64), WHOLE
    came = 0.0
    for a in range(AGES):
        n = min(persons * places.ages[p, a], y[0, S, a])
        y[0, S, a] -= n
        y[0, E1, a] += n
        total[0, a] += n
        came += n
    return came, MANY


@inner_kernel
def _setting(model, places, levers, d, p, nv, space):
    """Contact, susceptibility and severity in the place today."""
    scale = levers.contact[d, p]
    beta = places.beta[d, p] * levers.transmission[d, p]
    space.contact[:, :] = 0.0
    for s in range(4):
        weight = beta * scale[s]
        for j in range(AGES):
            for i in range(AGES):
                space.contact[j, i] += weight * places.contact[p, s, j, i]
    efficacy = levers.efficacy[d, p]
    severity = levers.severity[d, p]
    for v in range(nv):
        for a in range(AGES):
            space.susceptibility[v, a] = 1.0 - efficacy * model.efficacy_infection[v]
            q = model.prob_hospital[d, a] * severity * (1.0 - efficacy * model.efficacy_disease[v])
            space.hospital[v, a] = min(q, 1.0 - model.asymptomatic[d, a])
    return Setting(
        space.contact,
        model.rho,
        space.susceptibility,
        space.hospital,
        model.asymptomatic[d],
        1.0 - levers.isolation[d, p],
        levers.doses[d, p],
        levers.boosters[d, p],
        space.returns,
    )


@inner_kernel
def _one(state, model, places, levers, stay, outcome, d, p, day, expected, space, row):
    """One place, one day."""
    status = state.status[d, p]
    y = state.y[d, p]
    w = state.w[d, p]
    care = state.care[d, p]
    box = state.box[d, p]
    mix = state.mix[d, p]
    key = places.key[d, p]
    for o in range(OUTPUTS):
        row[o] = 0.0
    doses = levers.doses[d, p]
    if doses > 0.0:
        status[LIVE_STATES] = max(status[LIVE_STATES], 6)
    if levers.boosters[d, p] > 0.0:
        status[LIVE_STATES] = 7
    nv = status[LIVE_STATES]
    row[IMPORTS], status[REGIME] = _infect(
        y, state.total[d, p], model.few, places, p, expected, status[REGIME], key, day
    )
    if status[REGIME] == UNTOUCHED and nv == 1:
        return
    number = infected(y, nv) if status[REGIME] != UNTOUCHED else 0.0
    if status[REGIME] == WHOLE and number > model.few:
        status[REGIME] = MANY
    elif status[REGIME] == MANY and number < 0.5 * model.few:
        status[REGIME] = WHOLE
        become_whole(y, w, nv, model.shape[d], key, day * 64)
    r = model.rates[d]
    course = Course(r[0], r[1], r[2], r[3], r[4] + levers.reinfection[d, p], r[5], model.vaccine[d])
    place = _setting(model, places, levers, d, p, nv, space)
    coverage = model.coverage
    ward = levers.ward[d, p]
    icu = levers.icu[d, p]
    lacking = status[LACKING] == 1
    if status[REGIME] == MANY:
        lacking = place_day(
            y, care, box, mix, nv, course, stay, outcome, place, coverage, ward, icu, model.fallback, lacking,
            model.substeps[d], model.fine, space,
        )  # fmt: skip
        status[IN_CARE] = 1
    elif number > 0.0 or status[IN_CARE] == 1:
        lacking = whole_day(
            y, w, care, box, mix, nv, course, stay, outcome, place, coverage, ward, icu, model.fallback, lacking,
            model.fine,
            model.shape[d], key, day, model.parts[d], space,
        )  # fmt: skip
        status[IN_CARE] = 1 if number > 0.0 or in_care(box) > 1e-6 else 0
    else:
        _rest(y, care, mix, nv, course, outcome, stay, place, coverage, model.fine, space)
    status[LACKING] = 1 if lacking else 0
    _record(y, box, nv, state.total[d, p], space, row)


@inner_kernel
def _rest(y, care, mix, nv, course, outcome, stay, place, coverage, fine, space):
    """A day without infected or patients."""
    for v in range(nv):
        for a in range(AGES):
            y[v, NEED, a] = 0.0
            space.returns[0, v, a] = space.returns[1, v, a] = 0.0
    for f in range(4):
        for a in range(AGES):
            space.flows[f, a] = 0.0
        space.need[f] = 0.0
    if nv > 1 or course.immunity > 0.0:
        quiet_day(y, care, mix, nv, course, outcome, stay, place, coverage, fine, space)


@inner_kernel
def in_care(box):
    """People in care or waiting for a bed."""
    total = 0.0
    for b in range(DEAD):
        total += box[b]
    return total


@inner_kernel
def _stay(box, stay):
    return box[2 * stay] + box[2 * stay + 1]


@inner_kernel
def _record(y, box, nv, total, space, row):
    """Add the day to the totals by age and write its row."""
    for a in range(AGES):
        for f in range(4):
            total[f, a] += space.flows[f, a]
        row[INFECTIONS] += space.flows[0, a]
        row[FIRST_DOSES] += space.flows[1, a]
        row[BOOSTER_DOSES] += space.flows[2, a]
        row[DEATHS] += space.flows[3, a]
    for v in range(nv):
        for a in range(AGES):
            total[4, a] += y[v, NEED, a]
            row[INFECTIOUS] += y[v, ASYM, a] + y[v, MILD, a] + y[v, CASE1, a] + y[v, CASE2, a]
    row[HOSPITAL_NEED] = space.need[0] + space.need[1]
    row[REFUSED] = space.need[2] + space.need[3]
    ward = _stay(box, WARD_LIVE) + _stay(box, WARD_DIE) + box[STEPDOWN] + box[STEPDOWN + 1]
    shifted = _stay(box, SHIFT_LIVE) + _stay(box, SHIFT_DIE)
    icu = _stay(box, ICU_LIVE) + _stay(box, ICU_DIE)
    row[WARD_OCCUPIED] = ward + shifted
    row[ICU_OCCUPIED] = icu
    row[WARD_DEMAND] = ward + _stay(box, NO_WARD_LIVE) + _stay(box, NO_WARD_DIE)
    row[ICU_DEMAND] = icu + shifted + _stay(box, NO_ICU_LIVE) + _stay(box, NO_ICU_DIE)
