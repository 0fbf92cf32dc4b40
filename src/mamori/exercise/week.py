"""The state of a week, from which every stage of the loop takes what it needs."""

from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mamori.core.errors import InputError
from mamori.epidemic.model import Drivers, Flows

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

DAYS = 7
"""Days of a week: decisions are taken, and drivers of the epidemic change, once a week."""

INCOME_GROUPS: tuple[str, ...] = ("HIC", "UMIC", "LMIC", "LIC")
"""Richest first: the order in which doses are allocated by income."""


@dataclass(frozen=True)
class Places:
    """What the stages know of the places: arrays are (P,) in the order of the world's codes."""

    codes: tuple[str, ...]
    income: IntArray
    """Position of the place's income group in `INCOME_GROUPS`."""
    region: IntArray
    """Number of the place's region; places with the same number can pool beds."""
    population: FloatArray
    eligible: FloatArray
    """Persons old enough to be vaccinated."""
    eligible_by_income: FloatArray
    """(4,) the same in each income group of the whole world, also outside the run."""
    ward_beds: FloatArray
    """Beds in ordinary times, those of intensive care not among them."""
    icu_beds: FloatArray
    occupied_share: FloatArray
    """Share of the beds that other patients take."""
    usual_contacts: FloatArray
    """(P, 4) contacts per person and day in each setting."""


@dataclass(frozen=True)
class Observation:
    """What is known at the end of a week, after the delay of reporting: arrays are (D, P)."""

    hospital_load: FloatArray
    """People needing a bed per bed free for the outbreak."""
    deaths_per_million_per_day: FloatArray
    """Mean over the seven days that end with the delay."""
    hospital_cases: FloatArray
    """Hospital cases since day 0."""
    recognised: BoolArray
    """(D,): whether the world knows of the pathogen."""


@dataclass(frozen=True)
class Decision:
    """Measures of the coming week."""

    contact_scale: FloatArray
    """(D, P, 4): contacts in each setting as a share of the usual ones."""
    transmission: FloatArray
    """(D, P): transmission per contact as a share of the usual one."""
    isolation: FloatArray
    """(D, P): share of the infectiousness of people with symptoms that is removed."""


@dataclass(frozen=True)
class Campaign:
    """Where the countermeasures stand in the coming week."""

    week: IntArray
    """(D,): weeks since recognition, 1 for the first; 0 before recognition."""
    approval_week: int
    """The vaccine may be given in later weeks than this one."""


@dataclass(frozen=True)
class Output:
    """(D,) doses made in the coming week, by kind of capacity."""

    reserved: FloatArray
    existing: FloatArray
    built: FloatArray


@dataclass(frozen=True)
class Doses:
    """(D, P) doses that reach each place, and doses that it plans to give, in the coming week."""

    arrived: FloatArray
    first: FloatArray
    second: FloatArray


@dataclass(frozen=True)
class Beds:
    """(D, P) or (P,) beds open to the outbreak's patients in the coming week."""

    ward: FloatArray
    icu: FloatArray


@dataclass(frozen=True)
class Plan:
    """What is in force during a week."""

    drivers: Drivers
    doses: Doses


@dataclass
class Week:
    """One week: what the epidemic did in it, and, as the stages act in turn, what follows for the next.

    A stage reads the actions of the stages before it here and calls none of them.
    """

    number: int
    """Weeks since day 0, 1 for the first."""
    plan: Plan
    flows: Flows
    observation: Observation = field(init=False)
    decision: Decision = field(init=False)
    beds: Beds = field(init=False)
    campaign: Campaign = field(init=False)
    output: Output = field(init=False)
    allocated: FloatArray = field(init=False)
    """(D, 4) doses allocated to each income group for the coming week."""
    doses: Doses = field(init=False)


Action = TypeVar("Action", covariant=True)


class Stage(Protocol[Action]):
    """One stage of the loop, with the memory that it needs from week to week."""

    def act(self, week: Week) -> Action:
        """Return what this stage does for the coming week, from the state of `week`."""
        ...


@dataclass(frozen=True)
class Stages:
    """The stages in the order in which they act once the epidemic has advanced by a week."""

    observe: Stage[Observation]
    decide: Stage[Decision]
    care: Stage[Beds]
    develop: Stage[Campaign]
    make: Stage[Output]
    allocate: Stage[FloatArray]
    deliver: Stage[Doses]


def income_positions(groups: list[str | None], codes: tuple[str, ...]) -> IntArray:
    """Return the position of each place's income group in `INCOME_GROUPS`.

    Raises `InputError` for a place without one.
    """
    for code, group in zip(codes, groups, strict=True):
        if group not in INCOME_GROUPS:
            raise InputError(
                f"place '{code}' has the income group {group!r}; an exercise needs one of "
                f"{', '.join(INCOME_GROUPS)}. Give it in a table of places (--places)"
            )
    return np.array([INCOME_GROUPS.index(str(group)) for group in groups], dtype=np.int64)
