"""One variant replacing another: how transmission, severity, vaccine protection and immunity shift.

A simplification, stated in docs/methods/interventions.md: strains do not circulate side by side in
compartments of their own. The share of the new variant among infections follows a curve of time, and the
parameters of all infections are the mean of the two variants' weighted by it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import gammaincinv

from mamori.core.errors import InputError
from mamori.epidemic._checks import check_not_negative, check_share


@dataclass(frozen=True)
class VariantEffect:
    """What a variant does on one day, as drivers of the engine."""

    transmission: float = 1.0
    severity: float = 1.0
    vaccine_efficacy_scale: float = 1.0
    reinfection_rate: float = 0.0
    """Extra rate per day out of each of the two immune stages."""


@dataclass(frozen=True)
class Variant:
    """A variant that replaces what circulates, relative to what circulated before.

    `transmission`, `severity` and `vaccine_efficacy` are ratios; `immune_escape` is the share of the immune
    who become susceptible over the replacement. With `form` "logistic" the variant's share rises from 1 % on
    start_day to 99 % replacement_days later and is 0 before; with "linear" from 0 to 1 (Watson et al. 2022
    for Delta: severity 1.45 over 60 days).
    Raises `InputError` for negative numbers, an escape outside [0, 1), a vaccine_efficacy above 1 or no days.
    """

    start_day: int
    replacement_days: float
    transmission: float = 1.0
    severity: float = 1.0
    vaccine_efficacy: float = 1.0
    immune_escape: float = 0.0
    form: Literal["logistic", "linear"] = "logistic"

    def __post_init__(self) -> None:
        check_not_negative("start_day of a variant", self.start_day)
        check_not_negative("transmission of a variant", self.transmission)
        check_not_negative("severity of a variant", self.severity)
        check_share("vaccine_efficacy of a variant", self.vaccine_efficacy)
        check_share("immune_escape of a variant", self.immune_escape)
        if not self.replacement_days > 0:
            raise InputError(f"replacement_days of a variant is {self.replacement_days:g}; it must be > 0")
        if self.immune_escape == 1.0:
            raise InputError("immune_escape of a variant is 1; it must be below 1, e.g. 0.99")
        if self.form not in ("logistic", "linear"):
            raise InputError(f"form of a variant is '{self.form}'; it must be logistic or linear")

    def share(self, day: float) -> float:
        """Return the variant's share of infections on `day`."""
        since = day - self.start_day
        if since < 0:
            return 0.0
        if self.form == "linear":
            return min(1.0, since / self.replacement_days)
        growth_per_day = 2.0 * np.log(99.0) / self.replacement_days
        return float(1.0 / (1.0 + np.exp(-growth_per_day * (since - self.replacement_days / 2.0))))

    def effect(self, day: int) -> VariantEffect:
        """Return the drivers of `day`.

        A ratio r acts as 1 + (r - 1) w with the share w of the day. Immunity passes through two stages, each
        of which is left at the extra rate L (w(day + 1) - w(day)) with 1 - (1 + L) exp(-L) = immune_escape,
        so that immune_escape of those in the first stage become susceptible over the replacement.
        """
        share = self.share(day)
        rise = self.share(day + 1) - share
        return VariantEffect(
            transmission=1.0 + (self.transmission - 1.0) * share,
            severity=1.0 + (self.severity - 1.0) * share,
            vaccine_efficacy_scale=1.0 + (self.vaccine_efficacy - 1.0) * share,
            reinfection_rate=float(gammaincinv(2.0, self.immune_escape)) * rise,
        )

    @property
    def last_day(self) -> float:
        """The day after which nothing changes any more (the share is within 1e-6 of 1)."""
        if self.form == "linear":
            return self.start_day + self.replacement_days
        return self.start_day + self.replacement_days * float(0.5 + np.log(1e6) / (2.0 * np.log(99.0)))


def combine(effects: list[VariantEffect]) -> VariantEffect:
    """Return the effect of variants that follow one another: ratios multiply, losses of immunity add."""
    return VariantEffect(
        transmission=float(np.prod([e.transmission for e in effects])),
        severity=float(np.prod([e.severity for e in effects])),
        vaccine_efficacy_scale=float(np.prod([e.vaccine_efficacy_scale for e in effects])),
        reinfection_rate=sum(e.reinfection_rate for e in effects),
    )
