"""The world beside independent tables of the same facts, where they lie beside the repository."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mamori.data.countries import people_by_five_years
from mamori.data.world import World

pytestmark = [pytest.mark.shared, pytest.mark.quick]

BANDS = {
    "0_4": (0, 1),
    "5_9": (1, 2),
    "10_14": (2, 3),
    "15_19": (3, 4),
    "20_39": (4, 8),
    "40_59": (8, 12),
    "60plus": (12, 21),
}


def _countries(shared: Path) -> dict[str, dict[str, str]]:
    with (shared / "data/countries.csv").open(encoding="utf-8", newline="") as stream:
        return {row["iso3"]: row for row in csv.DictReader(stream)}


@pytest.mark.parametrize("year", [2005, 2023, 2025, 2055])
def test_broad_ages_of_the_projections(shared: Path, year: int) -> None:
    errors = []
    for band, (first, last) in BANDS.items():
        with (shared / f"data/demography/population_aged_{band}.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
        true = {row[0].upper(): float(row[2]) for row in rows[1:] if row[1] == str(year)}
        people = people_by_five_years(year)
        errors.append([people[code][first:last].sum() / true[code] - 1 for code in people if code in true])
    assert np.median(np.abs(errors), axis=1).max() < 0.015
    assert np.quantile(np.abs(errors), 0.95) < 0.06


def test_codes_and_names(shared: Path, world: World) -> None:
    theirs = _countries(shared)
    for row in world.table.iter_rows(named=True):
        if row["code"] in theirs:
            other = theirs[row["code"]]
            assert row["iso2"] == other["iso2"]
            assert row["m49"] == other["m49"].split(".")[0].zfill(3)
            assert row["name_ja"] == other["name_ja"]
            assert str(row["un_member"]) == other["un_member"]
            assert row["region"] == other["un_region"]


def test_figures_of_the_factbook(shared: Path, world: World) -> None:
    theirs = _countries(shared)
    pairs = {
        "physicians_per_1000": "physicians_per_1000",
        "health_spending_pct_gdp": "health_exp_pct_gdp",
        "public_debt_pct_gdp": "public_debt_pct_gdp_cia",
        "gdp_per_capita_ppp_usd": "gdp_pc_ppp",
    }
    for row in world.table.iter_rows(named=True):
        for ours, name in pairs.items():
            text = theirs.get(row["code"], {}).get(name)
            if text:
                assert row[ours] == pytest.approx(float(text), rel=1e-6), (row["code"], ours)


def test_travel_ranks_as_observed(shared: Path, world: World) -> None:
    from scipy.stats import spearmanr

    index = {code: row for row, code in enumerate(world.codes)}

    def observed(name: str, origin: str, destination: str, value: str) -> tuple[np.ndarray, np.ndarray]:
        with (shared / "data/mobility" / name).open(encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row[origin] in index and row[destination] in index]
        rows = [row for row in rows if row[origin] != row[destination]]
        modelled = [world.travel[index[row[origin]], index[row[destination]]] for row in rows]
        return np.array(modelled), np.array([float(row[value]) for row in rows])

    assert spearmanr(*observed("flights_country_routes_openflights2014.csv", "o3", "d3", "n_routes"))[0] > 0.5
    africa = observed("oag_africa_2017_mean_weekly.csv", "origin_iso3", "destination_iso3", "count")
    assert spearmanr(*africa)[0] > 0.7
