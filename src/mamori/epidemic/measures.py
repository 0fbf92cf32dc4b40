"""What is done in a run, and when: vaccination, contacts, triggers, isolation."""

from dataclasses import dataclass, field

from mamori.core.errors import InputError, did_you_mean
from mamori.epidemic._checks import check_not_negative
from mamori.epidemic.interventions import (
    ContactReduction,
    Isolation,
    Reductions,
    Trigger,
    vaccination_coverage,
)
from mamori.epidemic.pathogen import Vaccine

SIGNALS = ("hospital_load", "weekly_incidence")


@dataclass(frozen=True)
class Vaccination:
    """Doses from start_day on: a rate per day for each 100 people, given in the order of a strategy.

    Boosters begin on booster_start_day (none where it is None) at the same rate, beside the first doses.
    Raises `InputError` for negative numbers, an unknown strategy or a coverage outside [0, 1].
    """

    start_day: int
    doses_per_day_per_100: float = 0.5
    vaccine: Vaccine = field(default_factory=Vaccine.default)
    strategy: str = "elderly"
    coverage: float = 0.8
    booster_start_day: int | None = None

    def __post_init__(self) -> None:
        check_not_negative("start_day of vaccination", self.start_day)
        check_not_negative("doses_per_day_per_100", self.doses_per_day_per_100)
        vaccination_coverage(self.strategy, self.coverage)
        if self.booster_start_day is not None:
            check_not_negative("booster_start_day", self.booster_start_day)


@dataclass(frozen=True)
class TriggeredReduction:
    """Contacts reduced where a trigger is on; `signal` is "hospital_load" or "weekly_incidence"."""

    signal: str
    trigger: Trigger
    reductions: Reductions

    def __post_init__(self) -> None:
        if self.signal not in SIGNALS:
            raise InputError(
                f"trigger on '{self.signal}' is not known.{did_you_mean(self.signal, SIGNALS)} "
                f"Choose one of {', '.join(SIGNALS)}"
            )


@dataclass(frozen=True)
class Measures:
    """Public-health measures of a run; isolation holds from isolation_start_day on."""

    contacts: tuple[ContactReduction, ...] = ()
    triggered: tuple[TriggeredReduction, ...] = ()
    isolation: Isolation | None = None
    isolation_start_day: int = 0

    def __post_init__(self) -> None:
        check_not_negative("isolation_start_day", self.isolation_start_day)
