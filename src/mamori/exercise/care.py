"""Which beds are open to the outbreak's patients: a place's own, or also those its region can spare."""

import numpy as np

from mamori.epidemic.health_system import Hospitals, pool_beds
from mamori.exercise.scenario import Care
from mamori.exercise.week import Beds, FloatArray, Places, Week


class OpenBeds:
    """The stage that opens the free beds that have staff, shared within regions where the scenario says so.

    Beds follow last week's illness among staff and, where they are shared, last week's demand.
    """

    def __init__(self, care: Care, places: Places) -> None:
        self._rule = Hospitals(staff_risk=care.staff_relative_risk)
        self._pooled = care.beds == "pooled-by-region"
        self._places = places

    def act(self, week: Week) -> Beds:
        """Return the beds of the coming week."""
        places, flows = self._places, week.flows
        prevalence = flows.infectious[:, :, -1] / places.population
        ward = self._free(places.ward_beds, prevalence)
        icu = self._free(places.icu_beds, prevalence)
        if not self._pooled:
            return Beds(ward, icu)
        return Beds(
            ward=self._shared(ward, flows.ward_demand[:, :, -1]),
            icu=self._shared(icu, flows.icu_demand[:, :, -1]),
        )

    def _free(self, beds: FloatArray, prevalence: FloatArray) -> FloatArray:
        return self._rule.free(beds, self._places.occupied_share, None, 0, prevalence)

    def _shared(self, beds: FloatArray, demand: FloatArray) -> FloatArray:
        # Draw by draw: sums over many draws at once would round differently in other sizes of chunks.
        rows = zip(beds, demand, strict=True)
        return np.concatenate([pool_beds(own[None], needed[None], self._places.region) for own, needed in rows])
