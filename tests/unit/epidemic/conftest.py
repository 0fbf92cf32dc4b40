"""A small world of three places, so that tests need not load the real one."""

import numpy as np
import polars as pl
import pytest

from mamori.core.ages import AGE_GROUPS
from mamori.data.world import World

CODES = ("AAA", "BBB", "CCC")
SHARES = np.linspace(3.0, 1.0, len(AGE_GROUPS))


@pytest.fixture(scope="session")
def small_world() -> World:
    """Places of 200,000, 100,000 and 50,000 people, two in one region; 3 beds and 0.1 ICU beds per 1000."""
    people = np.array([200_000.0, 100_000.0, 50_000.0])
    population = people[:, None] * SHARES / SHARES.sum()
    alike, anybody = np.eye(17), np.ones((17, 17))
    mixing = np.stack([2.0 * alike + 0.2 * anybody, 0.1 * anybody, 3.0 * alike, 0.3 * anybody])
    total = mixing[None] * population[:, None, :, None]
    contacts = (total + total.swapaxes(-1, -2)) / 2 / population[:, None, :, None]
    table = pl.DataFrame(
        {
            "code": CODES,
            "name_en": ("Aland", "Bland", "Cland"),
            "name_ja": ("あ国", "い国", "う国"),
            "region": ("East", "East", "West"),
            "subregion": ("Far East", "Near East", "West"),
            "hospital_beds": 0.003 * people,
            "icu_beds": 0.0001 * people,
            "bed_occupancy_share": (0.5, 0.5, 0.5),
        }
    )
    return World(
        year=2025,
        table=table,
        codes=CODES,
        population=population,
        contacts=contacts,
        travel=np.array([[0.0, 20.0, 5.0], [20.0, 0.0, 5.0], [5.0, 5.0, 0.0]]),
        life_expectancy=np.tile(np.linspace(75.0, 8.0, 17), (3, 1)),
        imputed=pl.DataFrame(schema={"code": pl.String}),
        overrides=(),
    )
