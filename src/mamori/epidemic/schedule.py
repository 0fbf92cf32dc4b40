"""One place run with parameters that change from day to day: the published models' way of stating a scenario."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mamori.epidemic import _care as care
from mamori.epidemic import _place as place
from mamori.epidemic import _transmission as transmission
from mamori.epidemic.model import STEP_RATE, moves_over_a_day, outcome_shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class NaturalHistory:
    """Durations in days and probabilities by age (17,) of the pathway of squire and nimue (no asymptomatic stage)."""

    latent_days: float
    mild_days: float
    case_days: float
    stays: FloatArray  # (8,) ward live, die, untreated live, untreated die; the same for intensive care
    stepdown_days: float
    prob_hospital: FloatArray
    prob_severe: FloatArray
    death_ward: FloatArray
    death_ward_untreated: FloatArray
    death_icu: FloatArray
    death_icu_untreated: FloatArray


@dataclass(frozen=True)
class Protection:
    """What vaccination does over time: waiting, protected and waned in stages; who comes first."""

    delay_days: float
    protection_days: float
    relative_infectiousness: float
    coverage: FloatArray  # (steps, 17)


@dataclass(frozen=True)
class Schedule:
    """Parameters by day, each (T,): value k holds from day k to day k + 1.

    ``efficacy_infection`` and ``efficacy_disease`` (given infection) are (T, 17).
    """

    reproduction: FloatArray
    first_doses: FloatArray
    immunity_rate: FloatArray  # out of each of the two immune stages, per day
    severity: FloatArray
    ward_beds: FloatArray
    icu_beds: FloatArray
    efficacy_infection: FloatArray
    efficacy_disease: FloatArray


@dataclass(frozen=True)
class PlaceRun:
    """Results of `run_schedule`: stocks at T + 1 times (row 0 is the start), flows of T days.

    ``compartments`` (T + 1, 9): S, E1, E2, asymptomatic, mild, both stages before hospital need, R1, R2. ``stays``
    (T + 1, 10): people in the stays of `care`; ``stepdown``, ``dead`` (T + 1,). ``by_vaccine`` (T + 1, 7): everybody,
    the
    dead too. ``need`` (T, 4): need of ward and of ICU beds, and those of each without one. ``by_age`` (5, 17):
    infections,
    first doses, boosters, deaths, hospital need over all days.
    """

    compartments: FloatArray
    stays: FloatArray
    stepdown: FloatArray
    dead: FloatArray
    by_vaccine: FloatArray
    infections: FloatArray
    first_doses: FloatArray
    deaths: FloatArray
    need: FloatArray
    by_age: FloatArray


@dataclass(frozen=True)
class Course:
    """A natural history and a vaccine made ready for the kernel; shared by all places and runs that have them."""

    history: NaturalHistory
    protection: Protection
    rates: transmission.Course
    stay: care.Stay
    outcome: care.Outcome
    rho: FloatArray

    @property
    def steps_a_day(self) -> int:
        """Steps that keep the fastest rate x step within what the accuracy needs."""
        return int(np.ceil(max(self.rates.latent, self.rates.mild, self.rates.case) / STEP_RATE["fine"]))

    @classmethod
    def prepare(cls, history: NaturalHistory, protection: Protection) -> Course:
        """Work out the tables that depend on the parameters alone."""
        vaccine = np.zeros(transmission.STATES)
        vaccine[1:3] = 2.0 / protection.delay_days
        vaccine[3:5] = 2.0 / protection.protection_days
        rates = transmission.Course(
            2.0 / history.latent_days, 0.0, 1.0 / history.mild_days, 2.0 / history.case_days, 0.0, 0.0, vaccine
        )
        rho = np.ones(transmission.STATES)
        rho[3:5] = protection.relative_infectiousness
        shares = outcome_shares(
            history.prob_severe,
            history.death_ward,
            history.death_ward_untreated,
            history.death_icu,
            history.death_icu_untreated,
        )
        stays = np.concatenate([history.stays, history.stays[:2]])
        outcome = care.Outcome(shares, moves_over_a_day(vaccine))
        return cls(history, protection, rates, care.make_stay(stays, history.stepdown_days), outcome, rho)


def growth_per_contact(contacts: FloatArray, history: NaturalHistory) -> float:
    """Leading eigenvalue of diag(d) C, d_i the mean infectious days of an infected person aged i."""
    cases = history.prob_hospital
    days = cases * history.case_days + (1.0 - cases) * history.mild_days
    return float(np.abs(np.linalg.eigvals(days[:, None] * contacts)).max())


def run_schedule(
    population: FloatArray,
    contacts: FloatArray,
    seeds: FloatArray,
    course: Course,
    schedule: Schedule,
    seed_day: int = 0,
) -> PlaceRun:
    """Run one place over the days of ``schedule`` by the equations, without chance.

    ``population`` (17,) persons; ``contacts`` (17, 17) reciprocal, of i (row) with j; ``seeds`` (17,) of the
    never-vaccinated are put into the first latent stage on ``seed_day``. beta_t = R_t / eigenvalue, so that R_t holds
    for a population without immunity.
    """
    days = len(schedule.reproduction)
    efficacy = np.zeros((2, days, transmission.STATES, transmission.AGES))
    efficacy[0, :, 3:5] = schedule.efficacy_infection[:, None]
    efficacy[1, :, 3:5] = schedule.efficacy_disease[:, None]
    by_day = place.Days(
        schedule.reproduction / growth_per_contact(contacts, course.history),
        schedule.first_doses,
        schedule.immunity_rate,
        schedule.severity,
        schedule.ward_beds,
        schedule.icu_beds,
        efficacy[0],
        efficacy[1],
    )
    y = np.zeros((transmission.STATES, transmission.ROWS, transmission.AGES))
    y[0, transmission.S] = population
    stocks = np.zeros((days + 1, transmission.MOVING + care.BOXES + transmission.STATES))
    flows = np.zeros((days, 8))
    by_age = np.zeros((5, transmission.AGES))
    place.run_place(
        y,
        np.zeros((transmission.STATES, care.CARE_ROWS, transmission.AGES)),
        np.ascontiguousarray((contacts / population).T),
        course.history.prob_hospital,
        course.rho,
        course.rates,
        course.stay,
        course.outcome,
        course.protection.coverage,
        by_day,
        np.asarray(seeds, dtype=np.float64),
        seed_day,
        course.steps_a_day,
        place.make_space(),
        stocks,
        flows,
        by_age,
    )
    boxes = stocks[:, transmission.MOVING :]
    return PlaceRun(
        compartments=stocks[:, : transmission.MOVING],
        stays=boxes[:, 0 : care.STEPDOWN : 2] + boxes[:, 1 : care.STEPDOWN : 2],
        stepdown=boxes[:, care.STEPDOWN] + boxes[:, care.STEPDOWN + 1],
        dead=boxes[:, care.DEAD],
        by_vaccine=boxes[:, care.BOXES :],
        infections=flows[:, 0],
        first_doses=flows[:, 1],
        deaths=flows[:, 3],
        need=flows[:, 4:],
        by_age=by_age,
    )


def compile_kernels() -> None:
    """Compile the kernel of `run_schedule` into the on-disk cache by running it for two days."""
    ages = np.zeros(transmission.AGES)
    history = NaturalHistory(5.0, 2.0, 4.0, np.full(8, 9.0), 3.0, *(ages + 0.1 for _ in range(6)))
    protection = Protection(14.0, 365.0, 1.0, np.atleast_2d(ages + 0.8))
    days = np.zeros(2)
    efficacy = np.zeros((2, transmission.AGES))
    schedule = Schedule(days, days, days, days, days, days, efficacy, efficacy)
    run_schedule(ages + 1.0, np.ones((transmission.AGES,) * 2), ages, Course.prepare(history, protection), schedule)
