"""The epidemic engine: a batch of draws x places with ages, vaccination and care, advanced by whole days.

Equations, numerics and limits: docs/methods/epidemic.md.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from mamori.core.ages import AGE_GROUPS
from mamori.core.errors import InputError
from mamori.core.rng import stream_key
from mamori.data.contacts import SETTINGS
from mamori.epidemic import _batch as batch
from mamori.epidemic import _care as care
from mamori.epidemic import _place as place
from mamori.epidemic import _transmission as transmission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from mamori.epidemic.pathogen import PathogenDraws, Vaccine

    FloatArray = NDArray[np.float64]

AGES = len(AGE_GROUPS)
TRAVELLING_AGES = slice(4, 13)  # 20-64: the ages of infected travellers and of seeds
# The equations, and whole people, take so many steps a day that the fastest rate x step stays below these; above 1.6
# the method of order 3 would make compartments negative.
STEP_RATE = {"fine": 1.0, "coarse": 1.5}
WHOLE_STEP_RATE = {"fine": 0.15, "coarse": 0.3}
HIGHEST_COVERAGE = 0.8  # of every age group, when no priority is given (Watson et al. 2022)


@dataclass
class Drivers:
    """What acts on the epidemic during one call of `Epidemic.advance`; numbers or arrays that broadcast to (D, P).

    ``contact_scale`` (D, P, 4) multiplies contacts by setting; ``transmission`` multiplies all of them; ``isolation``
    is
    the share of symptomatic people's infectiousness removed; doses are people per day; beds are those free for this
    outbreak; ``severity`` multiplies the share of infections that need hospital; ``vaccine_efficacy_scale`` multiplies
    both efficacies; ``reinfection_rate`` per day adds to the rate out of each of the two immune stages.
    """

    contact_scale: ArrayLike = 1.0
    transmission: ArrayLike = 1.0
    isolation: ArrayLike = 0.0
    first_doses_per_day: ArrayLike = 0.0
    booster_doses_per_day: ArrayLike = 0.0
    ward_beds: ArrayLike = np.inf
    icu_beds: ArrayLike = np.inf
    severity: ArrayLike = 1.0
    vaccine_efficacy_scale: ArrayLike = 1.0
    reinfection_rate: ArrayLike = 0.0


@dataclass(frozen=True)
class Flows:
    """Results of `Epidemic.advance`, each (D, P, days): people per day, or people at the end of the day (stocks).

    Stocks: ``ward_occupied``, ``icu_occupied``; ``ward_demand`` and ``icu_demand`` count those without a bed too (one
    who
    needs intensive care and lies in a ward is in ``ward_occupied`` and in ``icu_demand``); ``infectious``. Flows:
    ``infections`` (imports not among them), ``imports``, ``hospital_need``, ``refused`` (needed a bed and found none),
    ``deaths``, ``first_doses``, ``booster_doses``.
    """

    infections: FloatArray
    imports: FloatArray
    hospital_need: FloatArray
    ward_occupied: FloatArray
    icu_occupied: FloatArray
    ward_demand: FloatArray
    icu_demand: FloatArray
    refused: FloatArray
    deaths: FloatArray
    first_doses: FloatArray
    booster_doses: FloatArray
    infectious: FloatArray


class Epidemic:
    """A batch of draws x places, advanced by whole days; control comes back between calls.

    Arguments: ``population`` (P, 17) persons; ``contacts`` (P, 4, 17, 17) contacts per day of one person aged i (row)
    with persons aged j in the settings home, work, school, community; ``pathogen`` with D draws; ``place_codes`` name
    the random streams; ``coverage`` (steps, 17) priority steps of vaccination, target shares met row by row;
    ``travel`` (P, P) persons per day from row to column. Below ``stochastic_below`` infected a place moves whole
    people by chance (0: never; inf: always). ``accuracy`` "fine" is Dormand-Prince 5 and meets 1e-4 of each series'
    maximum; "coarse" is Kutta's method of order 3 with steps up to twice as long, does not refine the days on which a
    coverage target is met, and does not follow patients by vaccine state (deaths per place within 1 %). With
    ``icu_fallback`` those without an ICU bed take a free ward bed: they die like those without intensive care, less
    half of what intensive care would save, and stay as long as other ward patients. ``first_draw`` is the number of
    the batch's first draw, so that chunks of draws give the same numbers as one batch.

    Raises `InputError` for shapes that do not fit, negative or missing numbers.
    """

    def __init__(
        self,
        population: FloatArray,
        contacts: FloatArray,
        pathogen: PathogenDraws,
        *,
        seed: int,
        place_codes: Sequence[str],
        vaccine: Vaccine | None = None,
        coverage: FloatArray | None = None,
        travel: FloatArray | None = None,
        stochastic_below: float = 100.0,
        accuracy: Literal["fine", "coarse"] = "fine",
        icu_fallback: bool = False,
        first_draw: int = 0,
    ) -> None:
        population = np.ascontiguousarray(population, dtype=np.float64)
        contacts = np.ascontiguousarray(contacts, dtype=np.float64)
        places = len(place_codes)
        _check("population", population, (places, AGES))
        _check("contacts", contacts, (places, len(SETTINGS), AGES, AGES))
        if not stochastic_below >= 0:
            raise InputError(f"stochastic_below is {stochastic_below}; it must be >= 0. Use 0 for the equations alone")
        if coverage is None:
            coverage = np.full((1, AGES), HIGHEST_COVERAGE)
        coverage = np.array(coverage, dtype=np.float64, order="C")
        if len(coverage) == 0 or np.any(coverage > 1):
            raise InputError("coverage must have one or more steps of shares from 0 to 1. Check its rows")
        if accuracy not in STEP_RATE:
            raise InputError(f"accuracy is '{accuracy}'; it must be one of {', '.join(STEP_RATE)}")
        if np.any((population.sum(axis=1) > 0) & (contacts.sum(axis=(1, 2, 3)) == 0)):
            raise InputError("contacts of a place are all zero; without contacts R0 has no meaning. Give its contacts")
        _check("coverage", coverage, (len(coverage), AGES))
        self.population = population
        self.day = 0
        self.place_codes = tuple(place_codes)
        draws = len(pathogen.r0)
        fine = accuracy == "fine"
        self._shape = (draws, places)
        self._model = _model(pathogen, vaccine, coverage, stochastic_below, accuracy, icu_fallback)
        self._places = batch.Places(
            contact=_per_person(contacts, population),
            beta=pathogen.r0[:, None] / _growth_per_contact(contacts.sum(axis=1), pathogen),
            arrivals=_arrivals(travel, population),
            ages=_traveller_ages(population),
            people=population.sum(axis=1),
            key=np.array(
                [[stream_key(seed, "epidemic", c, first_draw + d) for c in place_codes] for d in range(draws)]
            ),
        )
        self._state = batch.State(
            y=np.zeros((draws, places, transmission.STATES, transmission.ROWS, AGES)),
            w=np.zeros((draws, places, transmission.STATES, 4, AGES)),
            care=np.zeros((draws, places, transmission.STATES if fine else 1, care.CARE_ROWS, AGES)),
            box=np.zeros((draws, places, care.BOXES)),
            mix=np.zeros((draws, places, transmission.STATES, AGES)),
            total=np.zeros((draws, places, 5, AGES)),
            status=np.zeros((draws, places, 4), dtype=np.int64),
        )
        self._state.y[:, :, 0, transmission.S] = population
        self._state.status[:, :, batch.LIVE_STATES] = 1
        self._space = place.make_space()
        best = max(self._model.efficacy_infection.max(), self._model.efficacy_disease.max(), 1e-300)
        self._highest = {"isolation": 1.0, "vaccine_efficacy_scale": 1.0 / best}

    def infect(self, persons: ArrayLike) -> None:
        """Put ``persons`` (D, P) newly infected into the first latent stage, spread over the ages 20-64.

        Whole people where the place runs by chance (rounded up), never more than are susceptible.
        """
        seeds = np.broadcast_to(np.asarray(persons, dtype=np.float64), self._shape)
        if not np.all(seeds >= 0) or not np.all(np.isfinite(seeds)):
            raise InputError("seeds hold a negative or missing number; give persons >= 0 for every place")
        self.infect_by_age(self._split(seeds))

    def infect_by_age(self, persons: FloatArray) -> None:
        """Put ``persons`` (D, P, 17) into the first latent stage of the never-vaccinated; they count as infections."""
        if not np.all(persons >= 0):
            raise InputError("seeds hold a negative or missing number; give persons >= 0 for every age")
        y, status = self._state.y, self._state.status
        put = np.minimum(persons, y[:, :, 0, transmission.S])
        y[:, :, 0, transmission.S] -= put
        y[:, :, 0, transmission.E1] += put
        self._state.total[:, :, 0] += put
        reached = put.sum(axis=2) > 0
        regime = batch.WHOLE if self._model.few > 0 else batch.MANY
        status[..., batch.REGIME] = np.where(
            reached & (status[..., batch.REGIME] == 0), regime, status[..., batch.REGIME]
        )

    def _split(self, seeds: FloatArray) -> FloatArray:
        ages = self._places.ages
        if self._model.few == 0:
            return np.asarray(seeds[..., None] * ages)
        # Whole people: cumulative rounding keeps the sum and the shape of the age distribution.
        whole = np.ceil(seeds)[..., None]
        edges = np.round(whole * np.cumsum(ages, axis=1))
        return np.asarray(np.diff(edges, axis=2, prepend=0.0))

    def advance(self, days: int, drivers: Drivers) -> Flows:
        """Advance every draw and place by ``days`` with ``drivers`` held constant; deaths, beds and doses by day.

        Raises `InputError` for a driver that does not broadcast or holds a negative or missing number.
        """
        if days < 1:
            raise InputError(f"days is {days}; it must be >= 1")
        out = np.zeros((*self._shape, days, batch.OUTPUTS))
        batch.advance_batch(
            self._state, self._model, self._places, self._levers(drivers), self.day, days, self._space, out
        )
        self.day += days
        return Flows(*np.ascontiguousarray(np.moveaxis(out, 3, 0)))

    def _levers(self, drivers: Drivers) -> batch.Levers:
        shaped = []
        for field in fields(Drivers):
            shape = (*self._shape, len(SETTINGS)) if field.name == "contact_scale" else self._shape
            value = np.asarray(getattr(drivers, field.name), dtype=np.float64)
            try:
                value = np.array(np.broadcast_to(value, shape), order="C")
            except ValueError:
                raise InputError(
                    f"driver '{field.name}' has shape {value.shape}, which does not broadcast to {shape} (draws, places"
                    f"{', settings' if len(shape) == 3 else ''})"
                ) from None
            if not np.all(value >= 0):
                raise InputError(f"driver '{field.name}' holds a negative or missing number; it must be >= 0")
            highest = self._highest.get(field.name, np.finfo(np.float64).max)
            if not field.name.endswith("_beds") and np.any(value > highest):
                raise InputError(f"driver '{field.name}' holds {value.max()}; it must be finite and <= {highest:g}")
            shaped.append(value)
        return batch.Levers(*shaped)

    @property
    def infections_by_age(self) -> FloatArray:
        """Infections so far with seeds and imports, (D, P, 17)."""
        return self._state.total[:, :, 0]

    @property
    def first_doses_by_age(self) -> FloatArray:
        """First doses given so far, (D, P, 17)."""
        return self._state.total[:, :, 1]

    @property
    def booster_doses_by_age(self) -> FloatArray:
        """Booster doses given so far, (D, P, 17)."""
        return self._state.total[:, :, 2]

    @property
    def deaths_by_age(self) -> FloatArray:
        """Deaths so far, (D, P, 17)."""
        return self._state.total[:, :, 3]

    @property
    def hospital_need_by_age(self) -> FloatArray:
        """People who came to need hospital so far, (D, P, 17)."""
        return self._state.total[:, :, 4]

    def people(self) -> FloatArray:
        """Everybody, the dead too, (D, P): equals the population at every time."""
        rows = self._state.y[..., : transmission.MOVING, :].sum(axis=(2, 3, 4))
        return np.asarray(rows + self._state.care[..., : care.BOXES, :].sum(axis=(2, 3, 4)))


def compile_kernels() -> None:
    """Compile the kernel of `Epidemic` into the on-disk cache by running it for two days."""
    from mamori.epidemic.pathogen import Pathogen

    pathogen = Pathogen.load("sars-cov-2").repeat(1)
    population = np.full((2, AGES), 1000.0)
    contacts = np.full((2, len(SETTINGS), AGES, AGES), 0.1)
    for accuracy in ("fine", "coarse"):
        epidemic = Epidemic(
            population, contacts, pathogen, seed=0, place_codes=("A", "B"), travel=np.ones((2, 2)), accuracy=accuracy
        )
        epidemic.infect(10.0)
        epidemic.advance(2, Drivers())


def _check(name: str, value: FloatArray, shape: tuple[int, ...]) -> None:
    if value.shape != shape:
        raise InputError(f"{name} has shape {value.shape}; it must be {shape} ({AGES} age groups, 0-4 to 80+)")
    if not np.all(np.isfinite(value)) or np.any(value < 0):
        raise InputError(f"{name} holds a negative or missing number; every entry must be >= 0")


def _per_person(contacts: FloatArray, population: FloatArray) -> FloatArray:
    """Contacts of i with j per person aged j, indexed [place, setting, j, i]."""
    people = np.where(population > 0, population, np.inf)
    return np.ascontiguousarray((contacts / people[:, None, None, :]).swapaxes(2, 3))


def _growth_per_contact(contacts: FloatArray, pathogen: PathogenDraws) -> FloatArray:
    """Leading eigenvalue (D, P) of the next-generation matrix per unit of infections per contact.

    diag(d) C with d_i the mean infectious days of an infected person aged i, weighted by infectiousness.
    """
    days = infectious_days(pathogen)
    matrices = days[:, None, :, None] * contacts[None]
    return np.asarray(np.abs(np.linalg.eigvals(matrices)).max(axis=2))


def infectious_days(pathogen: PathogenDraws) -> FloatArray:
    """Mean infectious days by draw and age (D, 17), asymptomatic days weighted by their relative infectiousness."""
    silent = pathogen.asymptomatic_share
    cases = np.minimum(pathogen.prob_hospital, 1.0 - silent)
    return np.asarray(
        cases * pathogen.case_days[:, None]
        + silent * (pathogen.asymptomatic_infectiousness * pathogen.asymptomatic_days)[:, None]
        + (1.0 - cases - silent) * pathogen.mild_days[:, None]
    )


def _arrivals(travel: FloatArray | None, population: FloatArray) -> FloatArray:
    if travel is None:
        return np.zeros((0, 0))
    travel = np.asarray(travel, dtype=np.float64)
    _check("travel", travel, (len(population),) * 2)
    share = travel / np.maximum(population.sum(axis=1), 1.0)[:, None]
    np.fill_diagonal(share, 0.0)
    return np.ascontiguousarray(share)


def _traveller_ages(population: FloatArray) -> FloatArray:
    ages = np.zeros_like(population)
    ages[:, TRAVELLING_AGES] = population[:, TRAVELLING_AGES]
    nobody = ages.sum(axis=1) == 0
    ages[nobody] = population[nobody]
    return np.asarray(ages / np.maximum(ages.sum(axis=1, keepdims=True), 1e-300))


def vaccine_moves(vaccine: Vaccine | None) -> FloatArray:
    """Rates per day out of the seven vaccine states (delay and protection in two stages each; boosted in one)."""
    rates = np.zeros(transmission.STATES)
    if vaccine is not None:
        rates[1:3] = 2.0 / vaccine.delay_days
        rates[3:5] = 2.0 / vaccine.protection_days
        rates[6] = 1.0 / vaccine.booster_protection_days
    return rates


def moves_over_a_day(rates: FloatArray) -> FloatArray:
    """Exponential of the moves between vaccine states over a day, [to, from]."""
    from scipy.linalg import expm

    generator = np.diag(-rates)
    for v in range(1, 5):
        generator[v + 1, v] += rates[v]
    generator[5, 6] += rates[6]
    return np.asarray(expm(generator))


def outcome_shares(
    severe: FloatArray,
    ward: FloatArray,
    ward_untreated: FloatArray,
    icu: FloatArray,
    icu_untreated: FloatArray,
) -> FloatArray:
    """Share of those who need hospital by stay and age (STAYS, 17): severity times fatality."""
    # In a ward instead of intensive care: of those whom care could save, half as many die as without any.
    shifted = icu + 0.5 * np.maximum(icu_untreated - icu, 0.0)
    shares = []
    for level, fatality in (
        (1.0 - severe, ward),
        (1.0 - severe, ward_untreated),
        (severe, icu),
        (severe, icu_untreated),
        (severe, shifted),
    ):
        shares += [level * (1.0 - fatality), level * fatality]
    return np.array(shares)


def _model(
    pathogen: PathogenDraws, vaccine: Vaccine | None, coverage: FloatArray, few: float, accuracy: str, fallback: bool
) -> batch.Model:
    draws = len(pathogen.r0)
    with np.errstate(divide="ignore"):
        rates = np.stack(
            [
                2.0 / pathogen.latent_days,
                1.0 / pathogen.asymptomatic_days,
                1.0 / pathogen.mild_days,
                2.0 / pathogen.case_days,
                2.0 / pathogen.immunity_days,
                pathogen.asymptomatic_infectiousness,
            ],
            axis=1,
        )
    stays = [_stay(pathogen, d) for d in range(draws)]
    moves = vaccine_moves(vaccine)
    infection, disease, rho = np.zeros(7), np.zeros(7), np.ones(7)
    if vaccine is not None:
        infection[3:5], infection[6] = vaccine.efficacy_infection, vaccine.booster_efficacy_infection
        disease[3:5], disease[6] = vaccine.efficacy_disease, vaccine.booster_efficacy_disease
        rho[3:5], rho[6] = vaccine.relative_infectiousness, vaccine.booster_relative_infectiousness
    fastest = rates[:, :4].max(axis=1)
    parts = np.ceil(fastest / WHOLE_STEP_RATE[accuracy]).astype(np.int64)
    leaving = rates[:, 2] / parts
    return batch.Model(
        rates=rates,
        vaccine=np.tile(moves, (draws, 1)),
        stay_rate=np.array([s.rate for s in stays]),
        stepdown=np.array([s.stepdown for s in stays]),
        carry=np.array([s.carry for s in stays]),
        moment=np.array([s.moment for s in stays]),
        kernel=np.array([s.kernel for s in stays]),
        leaving=np.array([s.leaving for s in stays]),
        share=np.array(
            [
                outcome_shares(
                    pathogen.prob_icu[d],
                    pathogen.death_ward[d],
                    pathogen.death_ward_untreated[d],
                    pathogen.death_icu[d],
                    pathogen.death_icu_untreated[d],
                )
                for d in range(draws)
            ]
        ),
        moves=moves_over_a_day(moves),
        prob_hospital=np.array(pathogen.prob_hospital, dtype=np.float64, order="C"),
        asymptomatic=np.array(pathogen.asymptomatic_share, dtype=np.float64, order="C"),
        efficacy_infection=infection,
        efficacy_disease=disease,
        rho=rho,
        coverage=coverage,
        substeps=np.ceil(fastest / STEP_RATE[accuracy]).astype(np.int64),
        parts=parts,
        shape=np.array(
            [infectiousness_shape(k, r, p) for k, r, p in zip(pathogen.dispersion, pathogen.r0, leaving, strict=True)]
        ),
        few=float(few),
        fine=accuracy == "fine",
        fallback=fallback,
    )


def infectiousness_shape(dispersion: float, reproduction_number: float, leaving: float) -> float:
    """Gamma shape k' of infectiousness with which a case dies out as often as under a negative binomial.

    ``leaving`` is the probability p of leaving the infectious stage in a step. The negative binomial's root with
    ``dispersion`` k is q = (1 + R (1 - q) / k)^-k; k' solves q = E[(1 + R (1 - q) T / k')^-k'] for that q, T a
    geometric number of steps with mean 1. Where the period alone varies more than k asks (k' infinite)
    infectiousness is even. For R <= 1, where every outbreak dies out, k' matches the variance: 1 + 1/k = (1 +
    1/k')(2 - p).
    """
    return _shape(float(dispersion), float(reproduction_number), float(leaving))


@lru_cache(maxsize=4096)
def _shape(k: float, r: float, p: float) -> float:
    from scipy.optimize import brentq

    if np.isinf(k):
        return np.inf
    if r <= 1.0 + 1e-6:
        excess = (1.0 + 1.0 / k) / (2.0 - p) - 1.0
        return 1.0 / excess if excess > 0.0 else np.inf
    q = brentq(lambda x: k * np.log1p(r * (1.0 - x) / k) + np.log(x), 1e-300, 1.0 - 1e-9 * (r - 1.0))
    steps = np.arange(1, int(40.0 / p) + 2)
    weight = p * (1.0 - p) ** (steps - 1)
    mean = r * (1.0 - q) * steps * p

    def dies_out(shape: float) -> float:
        return float(weight @ np.exp(-shape * np.log1p(mean / shape)))

    highest = 1e4
    if dies_out(highest) >= q:
        return np.inf
    return float(np.exp(brentq(lambda s: dies_out(np.exp(s)) - q, np.log(1e-4), np.log(highest))))


def _stay(pathogen: PathogenDraws, d: int) -> care.Stay:
    s = pathogen.stays
    days = (s.ward_live, s.ward_die, s.ward_untreated_live, s.ward_untreated_die, s.icu_live, s.icu_die,
            s.icu_untreated_live, s.icu_untreated_die, s.ward_live, s.ward_die)  # fmt: skip
    return _cached_stay(tuple(float(np.asarray(x)[d]) for x in days), float(np.asarray(s.stepdown)[d]))


@lru_cache(maxsize=256)
def _cached_stay(days: tuple[float, ...], stepdown_days: float) -> care.Stay:
    stay: care.Stay = care.make_stay(np.array(days), stepdown_days)
    return stay
