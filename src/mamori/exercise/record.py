"""What is kept of a run: weekly figures of every draw and place, and sums by age at the end."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mamori.core.files import atomic_path
from mamori.epidemic.health_system import free_beds
from mamori.epidemic.model import Epidemic
from mamori.exercise.week import DAYS, FloatArray, Places, Week

STOCKS = ("ward_demand", "ward_occupied", "icu_demand", "icu_occupied")
WEEKLY = (
    "infections",
    "deaths",
    "hospital_need",
    *STOCKS,
    "ward_beds",
    "icu_beds",
    "doses_arrived_cum",
    "first_doses_cum",
    "doses_cum",
    "contact_scale",
)
"""Infections (with those caught on travel), deaths and people who come to need hospital in the week; beds
and their demand at its end; doses since the start; contacts as a share of the usual ones."""

BY_AGE = ("infections", "deaths", "first_doses")
BY_PLACE = ("bed_days_refused", "peak_ward_share", "first_case_day")
"""Person-days of those who needed a bed and had none; highest demand for ward beds over the beds that are free in
ordinary times; day of the first infection, 0 where the outbreak begins."""

NEVER = np.inf
"""A day that does not come within the run."""


@dataclass(frozen=True)
class Record:
    """One arm of some draws."""

    weekly: dict[str, NDArray[np.float32]]
    """(D, weeks, P) of each of `WEEKLY`."""
    ages: dict[str, FloatArray]
    """(D, P, 17) of each of `BY_AGE`: totals of the run."""
    places: dict[str, FloatArray]
    """(D, P) of each of `BY_PLACE`."""
    recognition_day: FloatArray
    """(D,), infinite where the pathogen is never recognised."""

    def save(self, path: Path) -> None:
        """Write the record so that it is either whole or not there."""
        arrays: dict[str, Any] = {
            **{f"weekly/{name}": value for name, value in self.weekly.items()},
            **{f"ages/{name}": value for name, value in self.ages.items()},
            **{f"places/{name}": value for name, value in self.places.items()},
            "recognition_day": self.recognition_day,
        }
        with atomic_path(path) as partial, partial.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)


def read_records(paths: list[Path], kind: str, name: str) -> NDArray[np.float64]:
    """Return one array of the records in `paths`, joined along the draws.

    `kind` is ``weekly``, ``ages`` or ``places`` and `name` one of its arrays; or `kind` is empty and `name`
    is ``recognition_day``. Only this array is read.
    """
    key = f"{kind}/{name}" if kind else name
    parts = []
    for path in paths:
        with np.load(path, allow_pickle=False) as stored:
            parts.append(stored[key].astype(np.float64))
    return np.concatenate(parts)


class Recorder:
    """Collects a `Record` week by week."""

    def __init__(self, places: Places, draws: int, weeks: int) -> None:
        shape = (draws, len(places.codes))
        self._ordinary_beds = np.maximum(free_beds(places.ward_beds, places.occupied_share), 1.0)
        self._weights = places.usual_contacts / places.usual_contacts.sum(axis=1, keepdims=True)
        self._weekly = {name: np.zeros((draws, weeks, shape[1]), dtype=np.float32) for name in WEEKLY}
        self._cumulative = {name: np.zeros(shape) for name in WEEKLY if name.endswith("_cum")}
        self._infected = np.zeros(shape)
        self._bed_days_refused = np.zeros(shape)
        self._peak_ward_share = np.zeros(shape)
        self._first_case_day = np.full(shape, NEVER)
        self._recognition_day = np.full(draws, NEVER)

    def take(self, week: Week) -> None:
        """Add what happened in `week`."""
        flows, plan = week.flows, week.plan
        row = week.number - 1
        self._weekly["infections"][:, row] = (flows.infections + flows.imports).sum(axis=2)
        self._weekly["deaths"][:, row] = flows.deaths.sum(axis=2)
        self._weekly["hospital_need"][:, row] = flows.hospital_need.sum(axis=2)
        for name in STOCKS:
            self._weekly[name][:, row] = getattr(flows, name)[:, :, -1]
        self._weekly["ward_beds"][:, row] = plan.drivers.ward_beds
        self._weekly["icu_beds"][:, row] = plan.drivers.icu_beds
        self._weekly["contact_scale"][:, row] = (plan.drivers.contact_scale * self._weights).sum(axis=-1)
        first = flows.first_doses.sum(axis=2)
        added = {
            "doses_arrived_cum": plan.doses.arrived,
            "first_doses_cum": first,
            "doses_cum": first + plan.doses.second,
        }
        for name, doses in added.items():
            self._cumulative[name] += doses
            self._weekly[name][:, row] = self._cumulative[name]
        self._take_days(week)

    def _take_days(self, week: Week) -> None:
        """Add what is kept by day."""
        flows = week.flows
        without_bed = flows.ward_demand - flows.ward_occupied + flows.icu_demand - flows.icu_occupied
        self._bed_days_refused += np.maximum(without_bed, 0.0).sum(axis=2)
        peak = flows.ward_demand.max(axis=2) / self._ordinary_beds
        self._peak_ward_share = np.maximum(self._peak_ward_share, peak)
        infected = self._infected[:, :, None] + np.cumsum(flows.infections + flows.imports, axis=2)
        self._infected = infected[:, :, -1]
        day = (week.number - 1) * DAYS + 1.0 + (infected >= 1.0).argmax(axis=2)
        begins = (self._infected >= 1.0) & ~np.isfinite(self._first_case_day)
        self._first_case_day = np.where(begins, day, self._first_case_day)

    def see(self, week: Week) -> None:
        """Add what was seen at the end of `week`."""
        new = week.observation.recognised & ~np.isfinite(self._recognition_day)
        self._recognition_day[new] = float(week.number * DAYS)

    def finish(self, epidemic: Epidemic, seeded: FloatArray) -> Record:
        """Return what was collected, with totals of `epidemic`; places `seeded` (D, P) begin on day 0."""
        first_case = np.where(seeded > 0, 0.0, self._first_case_day)
        return Record(
            weekly=self._weekly,
            ages={name: getattr(epidemic, f"{name}_by_age").copy() for name in BY_AGE},
            places={
                "bed_days_refused": self._bed_days_refused,
                "peak_ward_share": self._peak_ward_share,
                "first_case_day": first_case,
            },
            recognition_day=self._recognition_day,
        )
