"""One place from day to day: transmission, then care (array kernels)."""

from typing import NamedTuple

import numpy as np


from mamori.core.jit import inner_kernel, kernel
from mamori.epidemic._care import (
    BOXES,
    CARE_ROWS,
    DEAD,
    ICU_DIE,
    ICU_LIVE,
    NO_ICU_DIE,
    NO_ICU_LIVE,
    NO_WARD_DIE,
    NO_WARD_LIVE,
    SAME_DAY,
    SHIFT_DIE,
    SHIFT_LIVE,
    STEPDOWN,
    TERMS,
    WARD_DIE,
    WARD_LIVE,
    Beds,
    care_day,
    expected_returns,
    inflow_polynomials,
    make_beds,
)
from mamori.epidemic._chance import chance_day
from mamori.epidemic._transmission import (
    AGES,
    ASYM,
    BEND,
    CASE1,
    CASE2,
    CURVE,
    DYING,
    E1,
    E2,
    LEFT,
    LEFT_BEND,
    LEFT_CURVE,
    LEFT_DYING,
    LIVING,
    MILD,
    MOVING,
    NEED,
    R1,
    ROWS,
    S,
    STATES,
    Course,
    Scratch,
    Setting,
    make_scratch,
    transmit_day,
)


@inner_kernel
def living(y, care, nv, left, total):
    """Never-vaccinated living and all living, by age."""
    for a in range(AGES):
        left[a] = 0.0
        total[a] = 0.0
    for v in range(nv):
        for c in range(MOVING):
            for a in range(AGES):
                total[a] += y[v, c, a]
        for b in range(DEAD):
            for a in range(AGES):
                total[a] += care[v, b, a]
        if v == 0:
            for a in range(AGES):
                left[a] = total[a]


class Space(NamedTuple):
    """Work space of one thread; after a day it holds the day's results (``flows``, ``need``)."""

    work: Scratch
    beds: Beds
    next: np.ndarray  # (STATES, ROWS, AGES)
    start: np.ndarray  # (STATES, 2, AGES) both stages before hospital need at the start of the day
    back: np.ndarray  # (STATES, AGES) recovered in care today
    died: np.ndarray  # (STATES, AGES)
    flows: np.ndarray  # (4, AGES) infections, first doses, boosters, deaths of the day
    need: np.ndarray  # (4,) need of ward beds, of ICU beds, those of each who found none
    people: np.ndarray  # (8, AGES) see _transmission.LEFT
    y_before: np.ndarray  # (STATES, ROWS, AGES)
    care_before: np.ndarray  # (STATES, CARE_ROWS, AGES)
    returns: np.ndarray  # (2, STATES, AGES)
    hospital: np.ndarray  # (STATES, AGES)
    susceptibility: np.ndarray  # (STATES, AGES)
    contact: np.ndarray  # (AGES, AGES)


def make_space():
    """Allocate the work space of one thread."""
    return Space(
        make_scratch(),
        make_beds(),
        np.zeros((STATES, ROWS, AGES)),
        np.zeros((STATES, 2, AGES)),
        np.zeros((STATES, AGES)),
        np.zeros((STATES, AGES)),
        np.zeros((4, AGES)),
        np.zeros(4),
        np.zeros((8, AGES)),
        np.zeros((STATES, ROWS, AGES)),
        np.zeros((STATES, CARE_ROWS, AGES)),
        np.zeros((2, STATES, AGES)),
        np.zeros((STATES, AGES)),
        np.zeros((STATES, AGES)),
        np.zeros((AGES, AGES)),
    )


@inner_kernel
def place_day(y, care, nv, course, stay, outcome, place, coverage, ward, icu, fallback, untreated, substeps, fine, space):
    """Advance one place by one day; ``ward`` and ``icu`` beds are free for it. Returns whether anybody lacks a bed."""
    for v in range(nv):
        for a in range(AGES):
            y[v, NEED, a] = 0.0
            space.start[v, 0, a] = y[v, CASE1, a]
            space.start[v, 1, a] = y[v, CASE2, a]
    expected_returns(care, nv, stay, untreated, space.returns)
    if place.doses > 0.0:
        _dose_day(y, care, nv, stay, space.people)
        _copy_states(y, space.y_before, nv)
        _copy_states(care, space.care_before, nv)
    lacking = untreated
    for attempt in range(2):
        cuts = transmit_day(
            y, nv, course, place, coverage, space.people, substeps, fine, space.work, space.next, space.flows
        )
        inflow_polynomials(space.start, y, course.case, course, nv, space.beds.coef)
        lacking = care_day(
            care, nv, stay, outcome, ward, icu, fallback, untreated, space.beds, space.back, space.died, space.need
        )
        if cuts == 0 or attempt == 1 or not fine:
            break
        # An age group met its target today: once more, now that the day's deaths and returns are known.
        _refine_dose_day(y, care, nv, stay, space)
    _settle(y, care, nv, space)
    return lacking


@inner_kernel
def whole_day(y, w, care, nv, course, stay, outcome, place, coverage, ward, icu, fallback, untreated, dispersion, key, day,
              parts, space):  # fmt: skip
    """Advance one place by one day with the infected as whole people moved by chance; everybody else as in `place_day`.

    An infected person's vaccine state stands still until recovery.
    """
    for v in range(nv):
        for a in range(AGES):
            y[v, NEED, a] = 0.0
    new = space.start[0, 0]
    for a in range(AGES):
        new[a] = 0.0
    chance_day(y, w, nv, course, place, dispersion, key, day, parts, space.work.rows[0], space.work.rows[1], new)
    for v in range(nv):
        for a in range(AGES):
            space.beds.coef[v, 0, a] = y[v, NEED, a]
            for term in range(1, TERMS):
                space.beds.coef[v, term, a] = 0.0
    expected_returns(care, nv, stay, untreated, space.returns)
    if nv > 1 or place.doses > 0.0 or course.immunity > 0.0:
        quiet_day(y, care, nv, course, stay, place, coverage, space)
    else:
        for a in range(AGES):
            space.flows[1, a] = space.flows[2, a] = 0.0
            y[0, R1, a] += space.returns[0, 0, a] + 0.5 * space.returns[1, 0, a]
    lacking = care_day(
        care, nv, stay, outcome, ward, icu, fallback, untreated, space.beds, space.back, space.died, space.need
    )
    _settle(y, care, nv, space)
    for a in range(AGES):
        space.flows[0, a] = new[a]
    return lacking


@inner_kernel
def quiet_day(y, care, nv, course, stay, place, coverage, space):
    """Vaccination and loss of immunity for a day, the infected set aside."""
    for v in range(nv):
        for c in range(E1, CASE2 + 1):
            for a in range(AGES):
                space.y_before[v, c, a] = y[v, c, a]
                y[v, c, a] = 0.0
        for a in range(AGES):
            space.y_before[v, NEED, a] = y[v, NEED, a]
    if place.doses > 0.0:
        _dose_day(y, care, nv, stay, space.people)
    transmit_day(y, nv, course, place, coverage, space.people, 1, False, space.work, space.next, space.flows)
    for v in range(nv):
        for c in range(E1, CASE2 + 1):
            for a in range(AGES):
                y[v, c, a] += space.y_before[v, c, a]
        for a in range(AGES):
            y[v, NEED, a] = space.y_before[v, NEED, a]


@inner_kernel
def _settle(y, care, nv, space):
    """Close the day: those back from care who were not foreseen, and the day's deaths."""
    for a in range(AGES):
        space.flows[3, a] = 0.0
    for v in range(nv):
        for a in range(AGES):
            early = space.back[v, a] - space.returns[0, v, a] - 0.5 * space.returns[1, v, a]
            y[v, R1, a] += early
            care[v, SAME_DAY, a] = max(care[v, SAME_DAY, a] + early, 0.0)
            space.flows[3, a] += space.died[v, a]


@inner_kernel
def _copy_states(source, target, nv):
    for v in range(nv):
        target[v] = source[v]


@inner_kernel
def _dying(care, nv, stay, first, every):
    """People dying per day, the never-vaccinated and all, by age."""
    for a in range(AGES):
        every[a] = 0.0
    for v in range(nv):
        for c in (WARD_DIE, NO_WARD_DIE, ICU_DIE, NO_ICU_DIE, SHIFT_DIE):
            for a in range(AGES):
                every[a] += stay.rate[c] * care[v, 2 * c + 1, a]
        if v == 0:
            for a in range(AGES):
                first[a] = every[a]


@inner_kernel
def _dose_day(y, care, nv, stay, people):
    """Who may be vaccinated today: living people by age, and deaths foreseen at the rates as the day begins."""
    living(y, care, nv, people[LEFT], people[LIVING])
    _dying(care, nv, stay, people[LEFT_DYING], people[DYING])
    for row in (LEFT_CURVE, LEFT_BEND, CURVE, BEND):
        for a in range(AGES):
            people[row, a] = 0.0


@inner_kernel
def _refine_dose_day(y, care, nv, stay, space):
    """Take the day back, keeping what it told of the deaths and returns in its course."""
    people = space.people
    _dying(care, nv, stay, people[LEFT_BEND], people[BEND])  # rates at the end of the day
    _copy_states(space.y_before, y, nv)
    _copy_states(space.care_before, care, nv)
    living(y, care, nv, people[LEFT], people[LIVING])
    for a in range(AGES):
        every = 0.0
        for v in range(nv):
            every += space.died[v, a]
            more = space.back[v, a] - space.returns[0, v, a]
            care[v, SAME_DAY, a] += more - 0.5 * space.returns[1, v, a]
            space.returns[1, v, a] = 2.0 * more
        more = space.died[0, a] - people[LEFT_DYING, a]
        people[LEFT_BEND, a] -= people[LEFT_DYING, a] + 2.0 * more
        people[LEFT_CURVE, a] = more - people[LEFT_BEND, a]
        more = every - people[DYING, a]
        people[BEND, a] -= people[DYING, a] + 2.0 * more
        people[CURVE, a] = more - people[BEND, a]


class Days(NamedTuple):
    """Parameters of one place that change from day to day: arrays over days."""

    beta: np.ndarray  # (T,) infections per contact
    doses: np.ndarray  # (T,) first doses per day
    immunity: np.ndarray  # (T,) rate per day out of each of the two immune stages
    severity: np.ndarray  # (T,) multiplies the share that needs hospital
    ward: np.ndarray  # (T,) beds
    icu: np.ndarray  # (T,)
    efficacy_infection: np.ndarray  # (T, STATES, AGES)
    efficacy_disease: np.ndarray  # (T, STATES, AGES) given infection


@kernel
def run_place(y, care, contact, prob_hospital, rho, course, stay, outcome, coverage, days, seeds, seed_day, space, stocks, flows, by_age):
    """Run one place over all of ``days`` with parameters by day (deterministic, fine steps).

    ``stocks`` (T + 1, MOVING + BOXES + STATES): compartments summed over ages and states, boxes of care, then everybody
    (the dead too) by vaccine state; row 0 is the initial state. ``flows`` (T, 8): infections, first doses, boosters,
    deaths, need of ward beds, of ICU beds, those of each without one. ``by_age`` (5, AGES) adds up infections, first doses,
    boosters, deaths, hospital need. ``seeds`` by age are infected on ``seed_day``.
    """
    steps = days.beta.shape[0]
    untreated = False
    nv = 1
    for t in range(steps):
        if t == seed_day:
            for a in range(AGES):
                y[0, S, a] -= seeds[a]
                y[0, E1, a] += seeds[a]
        if t == 0:
            _snapshot(y, care, stocks[0])
        if days.doses[t] > 0.0:
            nv = max(nv, 6)
        for j in range(AGES):
            for i in range(AGES):
                space.contact[j, i] = days.beta[t] * contact[j, i]
        for v in range(nv):
            for a in range(AGES):
                space.susceptibility[v, a] = 1.0 - days.efficacy_infection[t, v, a]
                space.hospital[v, a] = prob_hospital[a] * days.severity[t] * (1.0 - days.efficacy_disease[t, v, a])
        today = Course(
            course.latent,
            course.asymptomatic,
            course.mild,
            course.case,
            days.immunity[t],
            course.asymptomatic_infectiousness,
            course.vaccine,
        )
        place = Setting(
            space.contact, rho, space.susceptibility, space.hospital, _NOBODY, 1.0, days.doses[t], 0.0,
            space.returns,
        )
        untreated = place_day(
            y, care, nv, today, stay, outcome, place, coverage, days.ward[t], days.icu[t], False, untreated, 1,
            True, space,
        )  # fmt: skip
        for f in range(4):
            flows[t, f] = 0.0
            for a in range(AGES):
                flows[t, f] += space.flows[f, a]
                by_age[f, a] += space.flows[f, a]
            flows[t, 4 + f] = space.need[f]
        for v in range(nv):
            for a in range(AGES):
                by_age[4, a] += y[v, NEED, a]
        _snapshot(y, care, stocks[t + 1])


_NOBODY = np.zeros(AGES)


@inner_kernel
def _snapshot(y, care, row):
    for c in range(MOVING):
        row[c] = y[:, c, :].sum()
    for b in range(BOXES):
        row[MOVING + b] = care[:, b, :].sum()
    for v in range(STATES):
        row[MOVING + BOXES + v] = y[v, :MOVING].sum() + care[v, :BOXES].sum()
