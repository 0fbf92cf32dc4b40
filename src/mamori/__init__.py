"""Mamori (守り, protection): pandemic prevention, preparedness and response.

Whatever a command does is one call here. The names are imported when they are first used, so that
``import mamori`` and ``mamori --help`` are quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mamori.core.errors import InputError, MamoriError
    from mamori.data.world import World
    from mamori.epidemic.health_system import Hospitals, Surge
    from mamori.epidemic.interventions import ContactReduction, Isolation, Reductions, Trigger
    from mamori.epidemic.measures import Measures, TriggeredReduction, Vaccination
    from mamori.epidemic.model import Drivers, Epidemic
    from mamori.epidemic.nimue import simulate_nimue
    from mamori.epidemic.pathogen import Pathogen, Vaccine
    from mamori.epidemic.simulate import simulate
    from mamori.epidemic.simulation import Simulation
    from mamori.epidemic.variants import Variant
    from mamori.exercise.compare import compare_runs
    from mamori.exercise.loop import run_exercise
    from mamori.exercise.outcome import Outcome
    from mamori.exercise.scenario import Scenario
    from mamori.exercise.scenario_file import load_scenario
    from mamori.report.html import write_report
    from mamori.workflows.watson import replay_watson

__version__ = "0.1.0"

_EXPORTS = {
    "ContactReduction": "mamori.epidemic.interventions",
    "Drivers": "mamori.epidemic.model",
    "Epidemic": "mamori.epidemic.model",
    "Hospitals": "mamori.epidemic.health_system",
    "InputError": "mamori.core.errors",
    "Isolation": "mamori.epidemic.interventions",
    "MamoriError": "mamori.core.errors",
    "Measures": "mamori.epidemic.measures",
    "Outcome": "mamori.exercise.outcome",
    "Pathogen": "mamori.epidemic.pathogen",
    "Reductions": "mamori.epidemic.interventions",
    "Scenario": "mamori.exercise.scenario",
    "Simulation": "mamori.epidemic.simulation",
    "Surge": "mamori.epidemic.health_system",
    "Trigger": "mamori.epidemic.interventions",
    "TriggeredReduction": "mamori.epidemic.measures",
    "Vaccination": "mamori.epidemic.measures",
    "Vaccine": "mamori.epidemic.pathogen",
    "Variant": "mamori.epidemic.variants",
    "World": "mamori.data.world",
    "compare_runs": "mamori.exercise.compare",
    "load_scenario": "mamori.exercise.scenario_file",
    "replay_watson": "mamori.workflows.watson",
    "run_exercise": "mamori.exercise.loop",
    "simulate": "mamori.epidemic.simulate",
    "simulate_nimue": "mamori.epidemic.nimue",
    "write_report": "mamori.report.html",
}

__all__ = [
    "ContactReduction",
    "Drivers",
    "Epidemic",
    "Hospitals",
    "InputError",
    "Isolation",
    "MamoriError",
    "Measures",
    "Outcome",
    "Pathogen",
    "Reductions",
    "Scenario",
    "Simulation",
    "Surge",
    "Trigger",
    "TriggeredReduction",
    "Vaccination",
    "Vaccine",
    "Variant",
    "World",
    "__version__",
    "compare_runs",
    "load_scenario",
    "replay_watson",
    "run_exercise",
    "simulate",
    "simulate_nimue",
    "write_report",
]


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'mamori' has no attribute '{name}'")
    value: object = getattr(import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
