"""Pathogens and vaccines: the biological parameters of the epidemic engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Stays:
    """Mean days from hospital need to the outcome, by kind of care and outcome (each Erlang with 2 stages).

    Every field is a number for one pathogen, or an array (D,) in `PathogenDraws`.
    """

    ward_live: float | FloatArray
    ward_die: float | FloatArray
    ward_untreated_live: float | FloatArray
    ward_untreated_die: float | FloatArray
    icu_live: float | FloatArray
    icu_die: float | FloatArray
    icu_untreated_live: float | FloatArray
    icu_untreated_die: float | FloatArray
    stepdown: float | FloatArray
    """Days in a ward bed after surviving intensive care."""


@dataclass(frozen=True)
class Pathogen:
    """The natural history of one pathogen: arrays are (17,), one value per age group."""

    name: str
    r0: float
    latent_days: float
    asymptomatic_days: float
    mild_days: float
    case_days: float
    asymptomatic_share: FloatArray
    asymptomatic_infectiousness: float
    prob_hospital: FloatArray
    prob_icu: FloatArray
    death_ward: FloatArray
    death_icu: FloatArray
    death_ward_untreated: FloatArray
    death_icu_untreated: FloatArray
    stays: Stays
    immunity_days: float
    dispersion: float


@dataclass(frozen=True)
class PathogenDraws:
    """The fields of `Pathogen` with a leading dimension of draws: (D,) for numbers, (D, 17) for ages."""

    name: str
    r0: FloatArray
    latent_days: FloatArray
    asymptomatic_days: FloatArray
    mild_days: FloatArray
    case_days: FloatArray
    asymptomatic_share: FloatArray
    asymptomatic_infectiousness: FloatArray
    prob_hospital: FloatArray
    prob_icu: FloatArray
    death_ward: FloatArray
    death_icu: FloatArray
    death_ward_untreated: FloatArray
    death_icu_untreated: FloatArray
    stays: Stays
    immunity_days: FloatArray
    dispersion: FloatArray


@dataclass(frozen=True)
class Vaccine:
    """One product: efficacies are shares in [0, 1], `*_disease` is against hospital need given infection."""

    efficacy_infection: float
    efficacy_disease: float
    relative_infectiousness: float
    booster_efficacy_infection: float
    booster_efficacy_disease: float
    booster_relative_infectiousness: float
    booster_protection_days: float
    delay_days: float = 14.0
    protection_days: float = 365.0
