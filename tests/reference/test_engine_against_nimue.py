"""The engine against figures of nimue 0.1.23 in two countries and four scenarios."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mamori.epidemic.nimue import simulate_nimue
from mamori.epidemic.pathogen import Pathogen

HERE = Path(__file__).parent
FIGURES = pl.read_csv(HERE / "nimue.csv")
ELDERLY = [[0.8 * (age >= 16 - step) for age in range(17)] for step in range(17)]
WORKING_ELDERLY_CHILDREN = [
    [0.8 * (3 <= age < 13) for age in range(17)],
    [0.8 * (age >= 3) for age in range(17)],
    [0.8] * 17,
]


def _scenario(name: str, people: float) -> dict[str, Any]:
    """Return nimue's arguments of a scenario: R0, and doses per day as a share of people."""
    common: dict[str, Any] = {
        "time_period": 365,
        "seeding_cases": 20,
        "seeding_age_order": list(range(1, 18)),
        "tt_R0": 0,
    }
    match name:
        case "B":
            return common | {"R0": 2.5, "max_vaccine": 0}
        case "E":
            doses = {"max_vaccine": [0, 0.005 * people], "tt_vaccine": [0, 30], "vaccine_coverage_mat": ELDERLY}
            return common | {"R0": 2.5} | doses
        case "H":
            doses = {"max_vaccine": [0, 0.01 * people], "tt_vaccine": [0, 20]}
            return common | {"R0": 4, "vaccine_coverage_mat": WORKING_ELDERLY_CHILDREN} | doses
        case "K":
            return common | {
                "R0": [2.5, 0.9, 1.2, 2.0, 3.0],
                "tt_R0": [0, 45, 120, 400, 600],
                "time_period": 730,
                "max_vaccine": [0, 0.003 * people],
                "tt_vaccine": [0, 100],
                "vaccine_coverage_mat": ELDERLY,
                "dur_R": 365,
                "dur_V": 446,
                "vaccine_efficacy_infection": 0.63,
                "vaccine_efficacy_disease": 0.87,
                "rel_infectiousness_vaccinated": 0.5,
            }
    raise ValueError(name)


def _country(iso3: str) -> dict[str, Any]:
    wild = Pathogen.load("sars-cov-2")  # its hospital pathway is squire's
    country: dict[str, Any] = json.loads((HERE / "nimue_inputs.json").read_text(encoding="utf-8"))[iso3]
    return country | {
        "prob_hosp": wild.prob_hospital.tolist(),
        "prob_severe": wild.prob_icu.tolist(),
        "prob_non_severe_death_treatment": wild.death_ward.tolist(),
        "prob_non_severe_death_no_treatment": wild.death_ward_untreated.tolist(),
        "prob_severe_death_treatment": wild.death_icu.tolist(),
        "prob_severe_death_no_treatment": wild.death_icu_untreated.tolist(),
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a run of one scenario in one country, made once."""

    @cache
    def simulate(iso3: str, scenario: str) -> pl.DataFrame:
        folder = tmp_path_factory.mktemp(f"{iso3}_{scenario}")
        inputs, params = folder / "inputs.json", folder / "params.json"
        country = _country(iso3)
        inputs.write_text(json.dumps(country))
        params.write_text(json.dumps(_scenario(scenario, sum(country["population"]))))
        return simulate_nimue(inputs, params)

    return simulate


@pytest.mark.parametrize(("iso3", "scenario"), FIGURES.select("country", "scenario").unique(maintain_order=True).rows())
def test_figures_of_nimue(run: Any, iso3: str, scenario: str) -> None:
    """Within 1e-4 of the series' maximum, 1e-3 in the scenario of a suppressed epidemic; occupancies are peaks."""
    frame = run(iso3, scenario)
    tolerance = 1e-3 if scenario == "K" else 1e-4
    figures = FIGURES.filter((pl.col("country") == iso3) & (pl.col("scenario") == scenario))
    for column, t, value in figures.select("column", "t", "value").rows():
        series = frame[column].to_numpy()
        got = series.max() if column.endswith("occupancy") else series[t - 1]
        assert got == pytest.approx(value, abs=tolerance * np.max(series)), (column, t)
