"""Mamori (守り, protection): pandemic prevention, preparedness and response.

Whatever a command does is one call here. The names are imported when they are first used, so that
``import mamori`` and ``mamori --help`` are quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mamori.core.errors import InputError, MamoriError
    from mamori.data.world import World
    from mamori.epidemic.health_system import Hospitals
    from mamori.epidemic.interventions import ContactReduction, Isolation, Reductions, Trigger
    from mamori.epidemic.measures import Measures, TriggeredReduction, Vaccination
    from mamori.epidemic.model import Drivers, Epidemic
    from mamori.epidemic.pathogen import Pathogen, Vaccine
    from mamori.epidemic.simulate import simulate
    from mamori.epidemic.simulation import Simulation
    from mamori.epidemic.variants import Variant

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
    "Pathogen": "mamori.epidemic.pathogen",
    "Reductions": "mamori.epidemic.interventions",
    "Simulation": "mamori.epidemic.simulation",
    "Trigger": "mamori.epidemic.interventions",
    "TriggeredReduction": "mamori.epidemic.measures",
    "Vaccination": "mamori.epidemic.measures",
    "Vaccine": "mamori.epidemic.pathogen",
    "Variant": "mamori.epidemic.variants",
    "World": "mamori.data.world",
    "simulate": "mamori.epidemic.simulate",
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
    "Pathogen",
    "Reductions",
    "Simulation",
    "Trigger",
    "TriggeredReduction",
    "Vaccination",
    "Vaccine",
    "Variant",
    "World",
    "__version__",
    "simulate",
]


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'mamori' has no attribute '{name}'")
    value: object = getattr(import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
