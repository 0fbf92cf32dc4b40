"""What is seen of the epidemic, and how people and governments react to it."""

import numpy as np

from mamori.data.contacts import SETTINGS
from mamori.exercise.scenario import Response, ShareByIncome, ShareBySetting, Surveillance
from mamori.exercise.week import (
    DAYS,
    INCOME_GROUPS,
    Decision,
    FloatArray,
    Observation,
    Places,
    Week,
)

NONE, LIGHT, HEAVY = 0, 1, 2
"""Levels of measures."""


class Observe:
    """The stage that turns what happened into what is known: everything, but after a delay."""

    def __init__(self, surveillance: Surveillance, places: Places, draws: int) -> None:
        shape = (draws, len(places.codes))
        self._places = places
        self._threshold = surveillance.recognition_hospital_cases
        # The last days, oldest first: the first seven are known when the delay has passed.
        self._deaths = np.zeros((*shape, DAYS + surveillance.reporting_delay_days))
        self._cases = np.zeros_like(self._deaths)
        self._load = np.zeros_like(self._deaths)
        self._known_cases = np.zeros(shape)
        self._recognised = np.zeros(draws, dtype=bool)

    def act(self, week: Week) -> Observation:
        """Return what is known at the end of `week`."""
        flows, beds = week.flows, week.plan.drivers
        free = np.broadcast_to(np.asarray(beds.ward_beds) + beds.icu_beds, flows.ward_demand.shape[:2])
        demand = flows.ward_demand + flows.icu_demand
        # A place without a free bed is full as soon as one person needs a bed.
        load = demand / np.maximum(free, 1.0)[:, :, None]
        self._deaths = _shifted(self._deaths, flows.deaths)
        self._cases = _shifted(self._cases, flows.hospital_need)
        self._load = _shifted(self._load, load)
        self._known_cases = self._known_cases + self._cases[:, :, :DAYS].sum(axis=2)
        self._recognised = self._recognised | (self._known_cases >= self._threshold).any(axis=1)
        return Observation(
            hospital_load=self._load[:, :, DAYS - 1],
            deaths_per_million_per_day=self._deaths[:, :, :DAYS].mean(axis=2) * 1e6 / self._places.population,
            hospital_cases=self._known_cases,
            recognised=self._recognised,
        )


def _shifted(days: FloatArray, week: FloatArray) -> FloatArray:
    """Return the last days (D, P, days) with the seven of `week` added and the seven oldest dropped."""
    return np.concatenate((days[:, :, DAYS:], week), axis=2)


class KeepUsual:
    """The stage of a response in which nobody changes anything."""

    def __init__(self, places: Places, draws: int) -> None:
        shape = (draws, len(places.codes))
        self._decision = Decision(np.ones((*shape, len(SETTINGS))), np.ones(shape), np.zeros(shape))

    def act(self, week: Week) -> Decision:  # noqa: ARG002 - every stage is given the week
        """Return the usual contacts and no isolation."""
        return self._decision


class React:
    """The stage in which contacts fall as hospital load and deaths rise, and come back after.

    In every place the demanded reduction of contacts in setting s is

        m_s = max(a level_s, v voluntary_s),   v = x^k / (1 + x^k),   x = a deaths / half-way value,

    with deaths per million and day, the level of measures (none, light, heavy) by the reported hospital load,
    and the adherence a. Contacts are 1 - e m_s, transmission per contact is 1 - e p precautions with p = 1
    under measures and v without, where e is the effect in the place's income group. Adherence follows
    da/dt = (target - a) ln 2 / half-life, target = 1 - I (1 - floor), where I is the mean of
    max(level_s, v voluntary_s) over work, school and community.

    Sources: Weitz et al. 2020 (PNAS 117:32764) for v; triggers by hospital load: CEPI 100 Days Mission model;
    fatigue as a slower reaction to the same deaths and less heed of the same measures: our assumption; numbers
    at the fields of `Response`.
    """

    def __init__(self, response: Response, places: Places, draws: int) -> None:
        shape = (draws, len(places.codes))
        self._rule = response
        self._effect = by_income(response.effect)[places.income]
        self._isolation = by_income(response.isolation)[places.income]
        self._reduction = np.array([np.zeros(len(SETTINGS)), *map(by_setting, (response.light, response.heavy))])
        self._voluntary = by_setting(response.voluntary)
        self._retained = 0.5 ** (DAYS / response.fatigue_half_life_days)
        self._started = np.zeros(shape, dtype=bool)
        self._level = np.zeros(shape, dtype=np.int64)
        self._weeks = np.zeros(shape, dtype=np.int64)
        self._least_weeks = np.zeros(shape, dtype=np.int64)
        self._adherence = np.ones(shape)

    def act(self, week: Week) -> Decision:
        """Return the contacts, the transmission per contact and the isolation of the coming week."""
        self._set_level(week.observation)
        adherence = self._adherence[:, :, None]
        ordered = self._reduction[self._level]
        aware = self._awareness(week.observation.deaths_per_million_per_day)[:, :, None]
        chosen = aware * self._voluntary
        contacts = 1.0 - self._effect[:, None] * np.maximum(adherence * ordered, chosen)
        careful = np.where(self._level > NONE, 1.0, aware[:, :, 0])
        transmission = 1.0 - self._effect * careful * self._rule.precautions
        intensity = np.maximum(ordered, chosen)[:, :, 1:].mean(axis=2)
        target = 1.0 - intensity * (1.0 - self._rule.fatigue_floor)
        self._adherence = target + (self._adherence - target) * self._retained
        return Decision(contacts, transmission, self._started * self._isolation)

    def _awareness(self, deaths: FloatArray) -> FloatArray:
        """Return the share v (D, P) of the voluntary reduction that people make."""
        rule = self._rule
        ratio = self._adherence * deaths / rule.awareness_deaths_per_million_per_day
        power = ratio**rule.awareness_steepness
        return np.asarray(power / (1.0 + power))

    def _set_level(self, seen: Observation) -> None:
        """Move each place to the level of measures that its hospital load demands."""
        rule, load, level = self._rule, seen.hospital_load, self._level
        enough_cases = seen.hospital_cases >= rule.start_hospital_cases
        begins = ~self._started & enough_cases & seen.recognised[:, None]
        self._started = self._started | begins
        long_enough = self._weeks >= self._least_weeks
        new = level.copy()
        new[self._started & (level == NONE) & (load >= rule.light_below_load)] = LIGHT
        new[(level == LIGHT) & (load < rule.end_below_load) & long_enough] = NONE
        new[(level == HEAVY) & (load < rule.light_below_load) & long_enough] = LIGHT
        new[self._started & (load >= rule.heavy_from_load)] = HEAVY
        new[begins] = HEAVY if rule.heavy_first_weeks else LIGHT
        least = np.array([0, rule.light_least_weeks, rule.heavy_least_weeks])[new]
        least[begins] = rule.heavy_first_weeks or rule.light_least_weeks
        self._least_weeks = np.where(new == level, self._least_weeks, least)
        self._weeks = np.where(new == level, self._weeks + 1, 1)
        self._level = new


def by_income(shares: ShareByIncome) -> FloatArray:
    """Return the shares (4,) in the order of `INCOME_GROUPS`."""
    return np.array([getattr(shares, group) for group in INCOME_GROUPS])


def by_setting(shares: ShareBySetting) -> FloatArray:
    """Return the shares (4,) in the order of `SETTINGS`."""
    return np.array([getattr(shares, setting) for setting in SETTINGS])
