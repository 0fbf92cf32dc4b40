"""The stages of one arm, put together from the scenario's tables."""

from mamori.exercise.care import OpenBeds
from mamori.exercise.delivery import Deliver
from mamori.exercise.response import KeepUsual, Observe, React
from mamori.exercise.scenario import Arm, Scenario
from mamori.exercise.supply import Allocate, Develop, Make
from mamori.exercise.week import Places, Stages


def fixed_table_stages(scenario: Scenario, arm: Arm, places: Places, draws: int) -> Stages:
    """Return the stages that follow the scenario's tables, for `draws` draws of one arm."""
    response = scenario.responses[arm.response]
    return Stages(
        observe=Observe(scenario.surveillance, places, draws),
        decide=React(response, places, draws) if response else KeepUsual(places, draws),
        care=OpenBeds(scenario.care, places),
        develop=Develop(arm.vaccine_day, draws),
        make=Make(scenario.supply),
        allocate=Allocate(scenario.allocation, scenario.supply, scenario.delivery.uptake, places, draws),
        deliver=Deliver(scenario.delivery, places, draws),
    )
