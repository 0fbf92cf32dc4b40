"""Public-health and social measures: contact reductions, triggers, isolation, and the order of vaccination.

Pure functions and small frozen states over arrays (D, P) of draws x places, so that a simulation and an
exercise decide by the same rules. Equations: docs/methods/interventions.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mamori.core.ages import AGE_GROUPS
from mamori.core.errors import InputError, did_you_mean
from mamori.data.contacts import SETTINGS
from mamori.epidemic._checks import check_not_negative, check_share
from mamori.epidemic.pathogen import PathogenDraws

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

STRATEGIES = ("all", "elderly", "working-elderly-children")


@dataclass(frozen=True)
class Reductions:
    """Share of contacts given up in each setting, in [0, 1].

    Raises `InputError` for a share outside [0, 1].
    """

    home: float = 0.0
    work: float = 0.0
    school: float = 0.0
    community: float = 0.0

    def __post_init__(self) -> None:
        for setting in SETTINGS:
            check_share(f"reduction of contacts at {setting}", getattr(self, setting))

    @property
    def scale(self) -> FloatArray:
        """What is left of the contacts in each setting, (4,)."""
        return 1.0 - np.array([getattr(self, setting) for setting in SETTINGS])


@dataclass(frozen=True)
class ContactReduction:
    """Contacts reduced from start_day to before end_day, days counted from the start of the run.

    Raises `InputError` when the period holds no day.
    """

    reductions: Reductions
    start_day: int
    end_day: int

    def __post_init__(self) -> None:
        check_not_negative("start_day of a contact reduction", self.start_day)
        if self.end_day <= self.start_day:
            raise InputError(
                f"a contact reduction from day {self.start_day} to day {self.end_day} holds no day. Give a later end"
            )

    def scale(self, day: int) -> FloatArray:
        """Return the factor on the contacts in each setting on `day`, (4,)."""
        return self.reductions.scale if self.start_day <= day < self.end_day else np.ones(len(SETTINGS))


@dataclass(frozen=True)
class TriggerState:
    """Where a trigger is on, and since how many days it has been as it is; both (D, P)."""

    active: BoolArray
    days_unchanged: NDArray[np.int64]


@dataclass(frozen=True)
class Trigger:
    """Switches on where a signal reaches `on` and off where it falls below `off`, with hysteresis.

    Once switched it stays as it is for at least `minimum_days`. CEPI's 100 Days Mission model closes at a
    hospital occupancy of 0.95 and opens below 0.25, at least 7 days apart.
    Raises `InputError` unless 0 <= off <= on and minimum_days >= 0.
    """

    on: float
    off: float
    minimum_days: int = 7

    def __post_init__(self) -> None:
        check_not_negative("the trigger's level on", self.on)
        check_not_negative("the trigger's level off", self.off)
        check_not_negative("minimum_days of a trigger", self.minimum_days)
        if self.off > self.on:
            raise InputError(
                f"the trigger switches off below {self.off:g} but on at {self.on:g}; "
                "off must not be above on. Lower off"
            )

    def start(self, draws: int, places: int) -> TriggerState:
        """Return the state before the first day: off everywhere, free to switch at once."""
        shape = (draws, places)
        return TriggerState(np.zeros(shape, bool), np.full(shape, self.minimum_days, np.int64))

    def update(self, state: TriggerState, signal: FloatArray, days: int = 1) -> TriggerState:
        """Return the state after a look at `signal` (D, P), `days` after the look before."""
        elapsed = state.days_unchanged + days
        wanted = np.where(state.active, signal >= self.off, signal >= self.on)
        active = np.where(elapsed >= self.minimum_days, wanted, state.active)
        return TriggerState(active, np.where(active == state.active, elapsed, 0))


def hospital_load(ward_demand: FloatArray, ward_beds: FloatArray) -> FloatArray:
    """Return people needing a ward bed per bed free for the outbreak (D, P); infinite where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(ward_demand > 0, ward_demand / ward_beds, 0.0)


def weekly_incidence(infections: FloatArray, population: FloatArray) -> FloatArray:
    """Return new infections per 100,000 people over the last 7 days.

    `infections` (D, P, days) are the daily infections so far, `population` (P,) persons. Earlier days count
    as 0.
    """
    return np.asarray(infections[..., -7:].sum(axis=-1) / population * 1e5)


def contact_scale(scheduled: Iterable[FloatArray], triggered: Iterable[tuple[BoolArray, FloatArray]]) -> FloatArray:
    """Return the factor on contacts (D, P, 4) or (4,), the strongest of the measures in each setting.

    `scheduled` are factors (4,); `triggered` pairs of where a trigger is on (D, P) and its factor (4,).
    Measures do not multiply: a school that is closed twice is closed once.
    """
    result = np.ones(len(SETTINGS))
    for factor in scheduled:
        result = np.minimum(result, factor)
    for active, factor in triggered:
        result = np.minimum(result, np.where(active[..., None], factor, 1.0))
    return result


@dataclass(frozen=True)
class Isolation:
    """People with symptoms are found and isolated, which removes a part of the infectiousness they have left.

    `share_detected` of them are found `delay_days` after they become infectious; isolation removes `effect`
    of what they would still pass on.

    Raises `InputError` for shares outside [0, 1] or a negative delay.
    """

    share_detected: float
    effect: float
    delay_days: float

    def __post_init__(self) -> None:
        check_share("share_detected of isolation", self.share_detected)
        check_share("effect of isolation", self.effect)
        check_not_negative("delay_days of isolation", self.delay_days)

    def removed(self, pathogen: PathogenDraws, population: FloatArray) -> FloatArray:
        """Return the share of symptomatic infectiousness that isolation removes, (D, P).

        What is left after a delay d is exp(-d / m) of mild disease (exponential, mean m) and
        exp(-2 d / c) (1 + d / c) of cases that come to need hospital (Erlang with 2 stages, mean c); the two
        are weighted by their share of symptomatic infectious days in `population` (P, 17) at equal risk of
        infection.
        """
        shares = population / population.sum(axis=-1, keepdims=True)
        mild = (1.0 - pathogen.asymptomatic_share - pathogen.prob_hospital) @ shares.T
        case = pathogen.prob_hospital @ shares.T
        mild_days, case_days = pathogen.mild_days[:, None], pathogen.case_days[:, None]
        d = self.delay_days
        left_mild = np.exp(-d / mild_days)
        left_case = np.exp(-2.0 * d / case_days) * (1.0 + d / case_days)
        days = mild * mild_days + case * case_days
        left = np.divide(
            mild * mild_days * left_mild + case * case_days * left_case,
            days,
            out=np.zeros_like(days),
            where=days > 0,
        )
        return np.asarray(self.share_detected * self.effect * left)


def vaccination_coverage(strategy: str, coverage: float = 0.8) -> FloatArray:
    """Return the priority steps (steps, 17) of a vaccination strategy: target share of each age, row by row.

    "all" offers doses to every age at once; "elderly" goes down from 80+ one age group at a time;
    "working-elderly-children" begins with 15-64, adds 65 and over, then children (nimue's strategies).
    Raises `InputError` for another strategy or a coverage outside [0, 1].
    """
    check_share("vaccine coverage", coverage)
    ages = len(AGE_GROUPS)
    if strategy == "all":
        steps = np.ones((1, ages))
    elif strategy == "elderly":
        steps = np.triu(np.ones((ages, ages)))[::-1]
    elif strategy == "working-elderly-children":
        index = np.arange(ages)
        working, elderly = (index >= 3) & (index < 13), index >= 13
        steps = np.array([working, working | elderly, np.ones(ages, bool)], float)
    else:
        raise InputError(
            f"vaccine strategy '{strategy}' is not known.{did_you_mean(strategy, STRATEGIES)} "
            f"Choose one of {', '.join(STRATEGIES)}"
        )
    return coverage * steps
