"""The plan of a run, and the drivers that it sets day by day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mamori.epidemic.health_system import Hospitals, Surge, pool_beds
from mamori.epidemic.interventions import TriggerState, contact_scale, hospital_load, weekly_incidence
from mamori.epidemic.model import Drivers
from mamori.epidemic.variants import Variant, combine

if TYPE_CHECKING:
    from mamori.data.world import World
    from mamori.epidemic.measures import Measures, Vaccination
    from mamori.epidemic.pathogen import PathogenDraws

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """Everything of a run that does not differ between draws."""

    world: World
    days: int
    seed: int
    stochastic: bool
    initial: FloatArray
    travel: bool
    vaccination: Vaccination | None
    measures: Measures
    hospitals: Hospitals
    variants: tuple[Variant, ...]

    @property
    def looks_daily(self) -> bool:
        """Whether what happened yesterday decides about today."""
        return bool(self.measures.triggered) or self.hospitals.looks_daily

    @property
    def couples_places(self) -> bool:
        """Whether one place depends on another."""
        return self.travel or self.hospitals.pool is not None

    def stops(self) -> list[int]:
        """Return the days on which drivers may change, ending with the last day."""
        if self.looks_daily:
            return list(range(self.days + 1))
        changes = {0, self.days, *self.hospitals.changes()}
        for measure in self.measures.contacts:
            changes |= {measure.start_day, measure.end_day}
        if self.measures.isolation is not None:
            changes.add(self.measures.isolation_start_day)
        if self.vaccination is not None:
            changes |= {self.vaccination.start_day, self.vaccination.booster_start_day or 0}
        for variant in self.variants:
            changes |= set(range(variant.start_day - 1, int(variant.last_day) + 2))
        return sorted(day for day in changes if 0 <= day <= self.days)


class Conductor:
    """Sets the drivers of the engine, from the plan and from what has happened so far."""

    def __init__(self, plan: Plan, parameters: PathogenDraws, members: slice) -> None:
        self._plan = plan
        table = plan.world.table[members]
        self._people = plan.world.population[members]
        icu_beds = table["icu_beds"].to_numpy()
        # The World counts intensive-care beds among the hospital beds.
        self._beds = {"ward": table["hospital_beds"].to_numpy() - icu_beds, "icu": icu_beds}
        share = plan.hospitals.occupied_share
        self._occupied = table["bed_occupancy_share"].to_numpy() if share is None else np.full(len(self._people), share)
        pool = plan.hospitals.pool
        self._groups = None if pool is None else np.unique(table[pool].to_numpy(), return_inverse=True)[1]
        self._isolated = plan.measures.isolation.removed(parameters, self._people) if plan.measures.isolation else 0.0
        shape = (len(parameters.r0), len(self._people))
        self._states: list[TriggerState] = [m.trigger.start(*shape) for m in plan.measures.triggered]

    def drivers(self, day: int, daily: dict[str, FloatArray]) -> Drivers:
        """Return the drivers of `day`; `daily` holds what has happened before it."""
        plan = self._plan
        variant = combine([v.effect(day) for v in plan.variants])
        vaccination = plan.vaccination
        doses = 0.0 if vaccination is None else self._people.sum(axis=1) * vaccination.doses_per_day_per_100 / 100
        booster_day = None if vaccination is None else vaccination.booster_start_day
        return Drivers(
            contact_scale=self._contact_scale(day, daily),
            transmission=variant.transmission,
            isolation=self._isolated if day >= plan.measures.isolation_start_day else 0.0,
            first_doses_per_day=doses if vaccination is not None and day >= vaccination.start_day else 0.0,
            booster_doses_per_day=doses if booster_day is not None and day >= booster_day else 0.0,
            ward_beds=self._free("ward", plan.hospitals.ward_surge, day, daily),
            icu_beds=self._free("icu", plan.hospitals.icu_surge, day, daily),
            severity=variant.severity,
            vaccine_efficacy_scale=variant.vaccine_efficacy_scale,
            reinfection_rate=variant.reinfection_rate,
        )

    def _contact_scale(self, day: int, daily: dict[str, FloatArray]) -> FloatArray:
        measures = self._plan.measures
        triggered = []
        for number, measure in enumerate(measures.triggered):
            if day > 0:
                signal = self._signal(measure.signal, day, daily)
                self._states[number] = measure.trigger.update(self._states[number], signal)
            triggered.append((self._states[number].active, measure.reductions.scale))
        return contact_scale([m.scale(day) for m in measures.contacts], triggered)

    def _signal(self, signal: str, day: int, daily: dict[str, FloatArray]) -> FloatArray:
        if signal == "hospital_load":
            return hospital_load(daily["ward_demand"][..., day - 1], daily["ward_beds"][..., day - 1])
        return weekly_incidence(daily["infections"][..., :day], self._people.sum(axis=1))

    def _free(self, kind: str, surge: Surge | None, day: int, daily: dict[str, FloatArray]) -> FloatArray:
        """Return the beds free for the outbreak, after pooling by yesterday's demand, (P,) or (D, P)."""
        hospitals = self._plan.hospitals
        yesterday = max(day - 1, 0)
        prevalence = daily["infectious"][..., yesterday] / self._people.sum(axis=1) if day > 0 else np.zeros(1)
        free = hospitals.free(self._beds[kind], self._occupied, surge, day, prevalence)
        if self._groups is None or day == 0:
            return free
        demand = daily[f"{kind}_demand"][..., yesterday]
        return pool_beds(free, demand, self._groups, hospitals.pool_share)
