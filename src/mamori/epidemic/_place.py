"""One place from day to day: transmission, then care (array kernels)."""

from typing import NamedTuple

import numpy as np

from mamori.core.jit import inner_kernel, kernel
from mamori.epidemic._care import (
    BOXES,
    CARE_ROWS,
    COARSE_PARTS,
    DEAD,
    ICU_DIE,
    NO_ICU_DIE,
    NO_WARD_DIE,
    PARTS,
    SAME_DAY,
    SHIFT_DIE,
    TERMS,
    WARD_DIE,
    Beds,
    care_day,
    count_boxes,
    expected_returns,
    inflow_polynomials,
    make_beds,
)
from mamori.epidemic._chance import chance_day
from mamori.epidemic._transmission import (
    AGES,
    BEND,
    CASE1,
    CASE2,
    CURVE,
    DYING,
    E1,
    LEFT,
    LEFT_BEND,
    LEFT_CURVE,
    LEFT_DYING,
    LIVING,
    MOVING,
    NEED,
    R1,
    R2,
    ROWS,
    STATES,
    Course,
    S,
    Scratch,
    Setting,
    choose_targets,
    make_scratch,
    transmit_day,
)


@inner_kernel
def living(y, care, mix, nv, fine, left, total):
    """Never-vaccinated living and all living, by age; patients told apart by ``mix`` where they are not by state."""
    for a in range(AGES):
        left[a] = 0.0
        total[a] = 0.0
    for v in range(nv if fine else 1):
        for b in range(DEAD):
            for a in range(AGES):
                total[a] += care[v, b, a]
        if v == 0:
            for a in range(AGES):
                left[a] = total[a]
    if not fine:
        for a in range(AGES):
            whole = 0.0
            for v in range(nv):
                whole += mix[v, a]
            if whole > 0.0:
                left[a] *= mix[0, a] / whole
    for v in range(nv):
        for c in range(MOVING):
            for a in range(AGES):
                total[a] += y[v, c, a]
                if v == 0:
                    left[a] += y[v, c, a]


MIX_KEPT = 0.9  # of yesterday's weights: patients stay about ten days


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
def place_day(
    y, care, box, mix, nv, course, stay, outcome, place, coverage, ward, icu, fallback, untreated, substeps, fine, space
):
    """Advance one place by one day; ``ward`` and ``icu`` beds are free for it. Returns whether anybody lacks a bed."""
    for v in range(nv):
        for a in range(AGES):
            y[v, NEED, a] = 0.0
            space.start[v, 0, a] = y[v, CASE1, a]
            space.start[v, 1, a] = y[v, CASE2, a]
    _foresee_returns(care, mix, nv, stay, untreated, fine, space)
    if place.doses > 0.0:
        _dose_day(y, care, mix, nv, stay, fine, space.people)
        if fine:
            _copy_states(y, space.y_before, nv)
            _copy_states(care, space.care_before, nv)
    lacking = untreated
    for attempt in range(2):
        cuts = transmit_day(
            y, nv, course, place, coverage, space.people, substeps, fine, space.work, space.next, space.flows
        )
        inflow_polynomials(space.start, y, course.case, course, nv, space.beds.coef)
        lacking = _care(y, care, box, mix, nv, stay, outcome, ward, icu, fallback, untreated, fine, space)
        if cuts == 0 or attempt == 1 or not fine:
            break
        # An age group met its target today: once more, now that the day's deaths and returns are known.
        _refine_dose_day(y, care, box, nv, stay, space)
    _settle(y, care, nv, fine, space)
    return lacking


@inner_kernel
def whole_day(y, w, care, box, mix, nv, course, stay, outcome, place, coverage, ward, icu, fallback, untreated, fine,
              dispersion, key, day, parts, space):  # fmt: skip
    """Advance one place by one day with the infected as whole people moved by chance; everybody else as in `place_day`.

    An infected person's vaccine state stands still until recovery.
    """
    for v in range(nv):
        for a in range(AGES):
            y[v, NEED, a] = 0.0
    new = space.start[0, 0]
    for a in range(AGES):
        new[a] = 0.0
    chance_day(y, w, nv, course, place, dispersion, key, day, parts, space.work.rows[0], space.work.rows[1],
               space.back, new)  # fmt: skip
    for v in range(nv):
        for a in range(AGES):
            space.beds.coef[v, 0, a] = y[v, NEED, a]
            for term in range(1, TERMS):
                space.beds.coef[v, term, a] = 0.0
    _foresee_returns(care, mix, nv, stay, untreated, fine, space)
    if nv > 1 or place.doses > 0.0 or course.immunity > 0.0:
        quiet_day(y, care, mix, nv, course, outcome, stay, place, coverage, fine, space)
    else:
        for a in range(AGES):
            space.flows[1, a] = space.flows[2, a] = 0.0
            y[0, R1, a] += space.returns[0, 0, a] + 0.5 * space.returns[1, 0, a]
    lacking = _care(y, care, box, mix, nv, stay, outcome, ward, icu, fallback, untreated, fine, space)
    _settle(y, care, nv, fine, space)
    for a in range(AGES):
        space.flows[0, a] = new[a]
    return lacking


@inner_kernel
def _foresee_returns(care, mix, nv, stay, untreated, fine, space):
    expected_returns(care, nv if fine else 1, stay, untreated, space.returns)
    if not fine:
        _spread(mix, nv, space.returns[0])
        _spread(mix, nv, space.returns[1])


@inner_kernel
def _spread(mix, nv, people):
    """Divide ``people[0]`` among the vaccine states as recent hospital need was."""
    for a in range(AGES):
        whole = 0.0
        for v in range(nv):
            whole += mix[v, a]
        per = people[0, a] / whole if whole > 0.0 else 0.0
        if whole > 0.0:
            for v in range(nv):
                people[v, a] = per * mix[v, a]
        else:
            for v in range(1, nv):
                people[v, a] = 0.0


@inner_kernel
def _care(y, care, box, mix, nv, stay, outcome, ward, icu, fallback, untreated, fine, space):
    """Care for a day; in coarse accuracy all vaccine states in one, told apart again by recent hospital need."""
    coef = space.beds.coef
    states = nv
    if not fine:
        states = 1
        for v in range(nv):
            for a in range(AGES):
                mix[v, a] = MIX_KEPT * mix[v, a] + y[v, NEED, a]
                if v > 0:
                    for k in range(TERMS):
                        coef[0, k, a] += coef[v, k, a]
    parts = PARTS if fine else COARSE_PARTS
    lacking = care_day(
        care, box, states, stay, outcome, ward, icu, fallback, untreated, parts, space.beds, space.back, space.died,
        space.need,
    )  # fmt: skip
    if not fine:
        _spread(mix, nv, space.back)
        _spread(mix, nv, space.died)
    return lacking


@inner_kernel
def quiet_day(y, care, mix, nv, course, outcome, stay, place, coverage, fine, space):
    """Vaccination and loss of immunity for a day, the infected set aside."""
    if place.doses > 0.0:
        _dose_day(y, care, mix, nv, stay, fine, space.people)
    if not fine:
        _quiet_moves(y, nv, course, outcome, place, coverage, space)
        return
    for v in range(nv):
        for c in range(E1, CASE2 + 1):
            for a in range(AGES):
                space.y_before[v, c, a] = y[v, c, a]
                y[v, c, a] = 0.0
        for a in range(AGES):
            space.y_before[v, NEED, a] = y[v, NEED, a]
    transmit_day(y, nv, course, place, coverage, space.people, 1, fine, space.work, space.next, space.flows)
    for v in range(nv):
        for c in range(E1, CASE2 + 1):
            for a in range(AGES):
                y[v, c, a] += space.y_before[v, c, a]
        for a in range(AGES):
            y[v, NEED, a] = space.y_before[v, NEED, a]


@inner_kernel
def _quiet_moves(y, nv, course, outcome, place, coverage, space):
    """`quiet_day` in coarse accuracy: immunity wanes, then states move, then doses are given, each exactly."""
    kept = np.exp(-course.immunity)
    second = course.immunity * kept
    for v in range(nv):
        for a in range(AGES):
            r1 = y[v, R1, a] + space.returns[0, v, a] + 0.5 * space.returns[1, v, a]
            r2 = y[v, R2, a]
            y[v, R1, a] = kept * r1
            y[v, R2, a] = second * r1 + kept * r2
            y[v, S, a] += (1.0 - kept - second) * r1 + (1.0 - kept) * r2
            space.flows[0, a] = space.flows[1, a] = space.flows[2, a] = 0.0
    moves = outcome.vaccine
    for c in (S, R1, R2):
        for v in range(nv - 1, 0, -1):
            source = space.next[v, 0]
            for a in range(AGES):
                source[a] = y[v, c, a]
        for v in range(1, nv):
            for a in range(AGES):
                total = 0.0
                for u in range(1, nv):
                    total += moves[v, u] * space.next[u, 0, a]
                y[v, c, a] = total
    if nv > 6 and place.boosters > 0.0:
        _give_boosters(y, place.boosters, space)
    if place.doses > 0.0:
        _give_doses(y, place.doses, coverage, space)


@inner_kernel
def _give_doses(y, doses, coverage, space):
    """Share the day's doses over the open age groups in proportion to the eligible, never beyond a group's target."""
    people, targets = space.people, space.work.targets
    left = doses
    for _ in range(2 * AGES):
        row = choose_targets(coverage, people, targets)
        if row < 0 or left <= 0.0:
            return
        whole = 0.0
        for a in range(AGES):
            whole += targets[a] * (y[0, S, a] + y[0, R1, a] + y[0, R2, a])
        if whole <= 0.0:
            return
        share = left / whole if whole > doses else (left / doses) * (1.0 - np.exp(-1.0))
        full = False
        for a in range(AGES):
            if targets[a] > 0.0:
                can = y[0, S, a] + y[0, R1, a] + y[0, R2, a]
                goal = people[LEFT, a] - (1.0 - coverage[row, a]) * people[LIVING, a]
                part = share
                if share * can >= goal:
                    part = goal / can if can > 0.0 else 0.0
                    full = True
                for c in (S, R1, R2):
                    moved = part * y[0, c, a]
                    y[0, c, a] -= moved
                    y[1, c, a] += moved
                space.flows[1, a] += part * can
                people[LEFT, a] -= part * can
                left -= part * can
        if not full:
            return


@inner_kernel
def _give_boosters(y, doses, space):
    whole = 0.0
    for v in range(3, 6):
        for c in (S, R1, R2):
            for a in range(AGES):
                whole += y[v, c, a]
    if whole <= 0.0:
        return
    share = doses / whole if whole > doses else 1.0 - np.exp(-1.0)
    for v in range(3, 6):
        for c in (S, R1, R2):
            for a in range(AGES):
                moved = share * y[v, c, a]
                y[v, c, a] -= moved
                y[6, c, a] += moved
                space.flows[2, a] += moved


@inner_kernel
def _settle(y, care, nv, fine, space):
    """Close the day: those back from care who were not foreseen, and the day's deaths."""
    for a in range(AGES):
        space.flows[3, a] = 0.0
        unseen = 0.0
        for v in range(nv):
            early = space.back[v, a] - space.returns[0, v, a] - 0.5 * space.returns[1, v, a]
            y[v, R1, a] += early
            unseen += early
            space.flows[3, a] += space.died[v, a]
            if fine:
                care[v, SAME_DAY, a] = max(care[v, SAME_DAY, a] + early, 0.0)
        if not fine:
            care[0, SAME_DAY, a] = max(care[0, SAME_DAY, a] + unseen, 0.0)


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
def _dose_day(y, care, mix, nv, stay, fine, people):
    """Who may be vaccinated today: living people by age, and deaths foreseen at the rates as the day begins."""
    living(y, care, mix, nv, fine, people[LEFT], people[LIVING])
    for row in range(LEFT_DYING, BEND + 1):
        for a in range(AGES):
            people[row, a] = 0.0
    if fine:
        _dying(care, nv, stay, people[LEFT_DYING], people[DYING])


@inner_kernel
def _refine_dose_day(y, care, box, nv, stay, space):
    """Take the day back, keeping what it told of the deaths and returns in its course."""
    people = space.people
    _dying(care, nv, stay, people[LEFT_BEND], people[BEND])  # rates at the end of the day
    _copy_states(space.y_before, y, nv)
    _copy_states(space.care_before, care, nv)
    count_boxes(care, nv, box)
    living(y, care, care[0], nv, True, people[LEFT], people[LIVING])
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
def run_place(
    y,
    care,
    contact,
    prob_hospital,
    rho,
    course,
    stay,
    outcome,
    coverage,
    days,
    seeds,
    seed_day,
    substeps,
    space,
    stocks,
    flows,
    by_age,
):
    """Run one place over all of ``days`` with parameters by day (deterministic, fine, ``substeps`` a day).

    ``stocks`` (T + 1, MOVING + BOXES + STATES): compartments summed over ages and states, boxes of care, then everybody
    (the dead too) by vaccine state; row 0 is the initial state. ``flows`` (T, 8): infections, first doses, boosters,
    deaths, need of ward beds, of ICU beds, those of each without one. ``by_age`` (5, AGES) adds up infections, first
    doses,
    boosters, deaths, hospital need. ``seeds`` by age are infected on ``seed_day``.
    """
    steps = days.beta.shape[0]
    untreated = False
    nv = 1
    box = np.zeros(BOXES)
    mix = np.zeros((1, AGES))
    for t in range(steps):
        if t == seed_day:
            for a in range(AGES):
                y[0, S, a] -= seeds[a]
                y[0, E1, a] += seeds[a]
        if t == 0:
            _snapshot(y, care, box, stocks[0])
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
            space.contact,
            rho,
            space.susceptibility,
            space.hospital,
            _NOBODY,
            1.0,
            days.doses[t],
            0.0,
            space.returns,
        )
        untreated = place_day(
            y, care, box, mix, nv, today, stay, outcome, place, coverage, days.ward[t], days.icu[t], False, untreated,
            substeps, True, space,
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
        _snapshot(y, care, box, stocks[t + 1])


_NOBODY = np.zeros(AGES)


@inner_kernel
def _snapshot(y, care, box, row):
    for c in range(MOVING + BOXES + STATES):
        row[c] = 0.0
    for b in range(BOXES):
        row[MOVING + b] = box[b]
    for v in range(STATES):
        for c in range(MOVING):
            total = 0.0
            for a in range(AGES):
                total += y[v, c, a]
            row[c] += total
            row[MOVING + BOXES + v] += total
        for b in range(BOXES):
            for a in range(AGES):
                row[MOVING + BOXES + v] += care[v, b, a]
