"""A world of four places, one of each income group, and weeks that tests fill in as they need."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mamori.epidemic.model import Drivers, Flows
from mamori.exercise.scenario import Scenario
from mamori.exercise.scenario_file import load_scenario
from mamori.exercise.week import DAYS, Doses, Places, Plan, Week

POPULATION = np.array([1_267_864_200.0, 2_820_990_900.0, 3_335_966_100.0, 777_211_800.0])
"""People of the four income groups in the CEPI 100 Days Mission model."""

AGED_15_AND_OVER = np.array([1_073_972_000.0, 2_291_421_800.0, 2_376_159_400.0, 459_486_400.0])


@pytest.fixture(scope="session")
def disease_x() -> Scenario:
    return load_scenario()


@pytest.fixture(scope="session")
def places() -> Places:
    beds = POPULATION / 1000.0
    return Places(
        codes=("HHH", "UUU", "MMM", "LLL"),
        income=np.arange(4),
        region=np.array([0, 0, 1, 1]),
        population=POPULATION,
        eligible=AGED_15_AND_OVER,
        eligible_by_income=AGED_15_AND_OVER,
        ward_beds=beds,
        icu_beds=beds / 10.0,
        occupied_share=np.zeros(4),
        usual_contacts=np.tile([4.0, 3.0, 2.0, 3.0], (4, 1)),
    )


@pytest.fixture(scope="session")
def make_week(places: Places) -> Callable[..., Week]:
    """Return a function that makes a week of one draw in which nothing happened but what it is told."""

    def make(number: int = 1, **daily: Any) -> Week:
        shape = (1, len(places.codes), DAYS)
        flows = {name: np.zeros(shape) for name in Flows.__dataclass_fields__}
        flows |= {name: np.broadcast_to(np.asarray(value, float), shape) for name, value in daily.items()}
        nothing = np.zeros(shape[:2])
        drivers = Drivers(ward_beds=places.ward_beds, icu_beds=places.icu_beds)
        return Week(number, Plan(drivers, Doses(nothing, nothing, nothing)), Flows(**flows))

    return make
