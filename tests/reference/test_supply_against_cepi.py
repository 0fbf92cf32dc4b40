"""Manufacture, allocation and delivery against the CEPI 100 Days Mission costing model.

The stages of the exercise run on the model's own four populations; the figures in ``cepi_100dm.csv`` are a small
set of its results, the whole of them is compared where the reference figures lie beside the repository.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mamori.epidemic.model import Drivers, Flows
from mamori.exercise.delivery import Deliver
from mamori.exercise.scenario_file import load_scenario
from mamori.exercise.supply import Allocate, Develop, Make
from mamori.exercise.week import DAYS, INCOME_GROUPS, Doses, Observation, Places, Plan, Week

WEEKS = 364
POPULATION = np.array([1_267_864_200.0, 2_820_990_900.0, 3_335_966_100.0, 777_211_800.0])
AGED_15_AND_OVER = np.array([1_073_972_000.0, 2_291_421_800.0, 2_376_159_400.0, 459_486_400.0])
PLACES = Places(
    codes=INCOME_GROUPS,
    income=np.arange(4),
    region=np.arange(4),
    population=POPULATION,
    eligible=AGED_15_AND_OVER,
    eligible_by_income=AGED_15_AND_OVER,
    ward_beds=np.zeros(4),
    icu_beds=np.zeros(4),
    occupied_share=np.zeros(4),
    usual_contacts=np.ones((4, 4)),
)


@dataclass(frozen=True)
class CepiScenario:
    """What tells the scenarios of the model apart (those without a broadly protective vaccine)."""

    approval_day: int
    more_reserved_bn: float
    rule: str
    poorer_weekly_limit: float = 0.02


SCENARIOS = {
    "BAU": CepiScenario(365, 0.0, "income-order"),
    "S02": CepiScenario(365, 0.7, "income-order"),
    "S03": CepiScenario(365, 2.0, "income-order"),
    "S04": CepiScenario(200, 0.0, "income-order"),
    "S05": CepiScenario(200, 0.7, "population"),
    "S06": CepiScenario(200, 2.0, "population"),
    "S07": CepiScenario(100, 0.0, "income-order"),
    "S08": CepiScenario(100, 0.7, "population"),
    "S09": CepiScenario(100, 2.0, "population"),
    "S10": CepiScenario(365, 0.0, "population", 0.04),
}


@dataclass(frozen=True)
class Trajectory:
    """Weekly results of one scenario, week 1 first."""

    output_bn: np.ndarray
    """(weeks, 3): reserved, existing, newly built capacity."""
    allocated_bn: np.ndarray
    """(weeks, 4), since the start."""
    coverage: np.ndarray
    """(weeks, 4): share of the population with two doses."""

    def first_week(self, coverage: float) -> list[float]:
        """Return the first week in which each income group has the coverage."""
        return [float(np.argmax(column >= coverage) + 1) for column in self.coverage.T]


def _run(scenario: CepiScenario) -> Trajectory:
    default = load_scenario()
    supply = default.supply.model_copy(update={"reserved_shared_doses_per_year": scenario.more_reserved_bn * 1e9})
    poorer = dict.fromkeys(("LMIC", "LIC"), scenario.poorer_weekly_limit)
    limit = default.delivery.weekly_limit.model_copy(update=poorer)
    delivery = default.delivery.model_copy(update={"weekly_limit": limit})
    develop, make = Develop(scenario.approval_day, draws=1), Make(supply)
    allocate = Allocate(scenario.rule, supply, delivery.uptake, PLACES, draws=1)
    deliver = Deliver(delivery, PLACES, draws=1)
    nothing = np.zeros((1, 4))
    seen = Observation(nothing, nothing, nothing, recognised=np.ones(1, dtype=bool))
    doses = Doses(nothing, nothing, nothing)
    output, allocated, second = [], [], []
    for number in range(1, WEEKS + 1):
        flows = {name: np.zeros((1, 4, DAYS)) for name in Flows.__dataclass_fields__}
        flows["first_doses"] = np.repeat(doses.first[:, :, None] / DAYS, DAYS, axis=2)
        week = Week(number, Plan(Drivers(), doses), Flows(**flows))
        week.observation = seen
        week.campaign = develop.act(week)
        week.output = make.act(week)
        week.allocated = allocate.act(week)
        week.doses = doses = deliver.act(week)
        output.append([week.output.reserved[0], week.output.existing[0], week.output.built[0]])
        allocated.append(week.allocated[0])
        second.append(doses.second[0])
    return Trajectory(
        np.array(output) / 1e9, np.cumsum(allocated, axis=0) / 1e9, np.cumsum(second, axis=0) / POPULATION
    )


@pytest.fixture(scope="module")
def trajectories() -> dict[str, Trajectory]:
    return {name: _run(scenario) for name, scenario in SCENARIOS.items()}


@pytest.mark.parametrize("name", ["BAU", "S04", "S07", "S08"])
def test_weeks_and_coverage_are_those_of_the_model(trajectories: dict[str, Trajectory], name: str) -> None:
    figures = pl.read_csv(Path(__file__).with_name("cepi_100dm.csv")).filter(scenario=name)
    ours = trajectories[name]
    for _, figure, group, value in figures.iter_rows():
        position = INCOME_GROUPS.index(group)
        if figure.startswith("week_"):
            assert ours.first_week(int(figure.split("_")[1]) / 100)[position] == value, (figure, group)
            continue
        if figure == "final_coverage":
            found = ours.coverage[-1, position]
        else:
            table = ours.coverage if figure.startswith("coverage") else ours.allocated_bn
            found = table[int(figure.rsplit("_", 1)[1]) - 1, position]
        assert found == pytest.approx(value, abs=1e-12), (figure, group)


@pytest.mark.shared
@pytest.mark.quick
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_figure_of_the_model_is_reproduced(trajectories: dict[str, Trajectory], shared: Path, name: str) -> None:
    folder, ours = shared / "reference" / "countermeasures", trajectories[name]
    summary = pl.read_csv(folder / "cepi_100dm_scenario_summary.csv").filter(scenario=name).row(0, named=True)
    for percent in (20, 40):
        expected = [summary[f"week{percent}pct_{group}"] for group in INCOME_GROUPS]
        assert ours.first_week(percent / 100) == expected
    assert ours.coverage[-1, [0, 3]] == pytest.approx([summary["final_HIC"], summary["final_LIC"]], abs=1e-12)
    weekly = pl.read_csv(folder / "cepi_100dm_trajectories.csv").filter(scenario=name)
    if weekly.height:
        found = np.hstack([ours.output_bn, ours.allocated_bn, ours.coverage])
        np.testing.assert_allclose(found, weekly.drop("scenario", "week").to_numpy(), rtol=0.0, atol=1e-12)
