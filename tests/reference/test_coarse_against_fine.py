"""The coarse solver, which the exercise runs on, against the fine one on twenty countries with a vaccine."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from mamori.data.world import World
from mamori.epidemic.model import Drivers, Epidemic
from mamori.epidemic.pathogen import Pathogen, Vaccine

COUNTRIES = ("AUS", "BGD", "BRA", "CHN", "COD", "DEU", "EGY", "ETH", "FJI", "GBR", "IDN", "IND", "JPN", "KEN", "NGA",
             "PER", "SLE", "SOM", "USA", "ZAF")  # fmt: skip
WEEKS = 104
OLD_FIRST = np.array([[0.0] * 13 + [0.8] * 4, [0.0] * 10 + [0.8] * 7, [0.0] * 3 + [0.8] * 14])


def _deaths(world: World, accuracy: str, pathogen_name: str, vaccine_week: int) -> NDArray[np.float64]:
    """Deaths by country in two years: suppressed, then rebounding; doses for 0.3 % of people a day; few beds."""
    pathogen = replace(Pathogen.load(pathogen_name), r0=2.5).repeat(1)
    people = world.population.sum(axis=1)
    beds = world.table["hospital_beds"].to_numpy() * (1.0 - world.table["bed_occupancy_share"].to_numpy())
    epidemic = Epidemic(
        world.population,
        world.contacts,
        pathogen,
        seed=1,
        place_codes=world.codes,
        vaccine=Vaccine.default(),
        coverage=OLD_FIRST,
        stochastic_below=0.0,
        accuracy=accuracy,  # type: ignore[arg-type]
    )
    epidemic.infect(1e-6 * people)
    for week in range(WEEKS):
        drivers = Drivers(
            contact_scale=0.36 if 6 <= week < 40 else 0.9,
            first_doses_per_day=0.003 * people * (week >= vaccine_week),
            booster_doses_per_day=0.001 * people * (week >= vaccine_week + 40),
            ward_beds=beds,
            icu_beds=world.table["icu_beds"].to_numpy(),
        )
        epidemic.advance(7, drivers)
    return np.asarray(epidemic.deaths_by_age.sum(axis=2)[0])


@pytest.mark.parametrize("vaccine_week", [14, 30, 52])
@pytest.mark.parametrize("pathogen", ["sars-cov-2", "influenza-1918"])  # the latter's latent stages are the fastest
def test_deaths_by_country_within_one_percent(pathogen: str, vaccine_week: int) -> None:
    world = World.load().select(COUNTRIES)
    fine, coarse = (_deaths(world, accuracy, pathogen, vaccine_week) for accuracy in ("fine", "coarse"))
    assert fine.min() > 100
    assert np.abs(coarse / fine - 1.0).max() < 0.01
