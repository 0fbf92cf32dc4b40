"""Mamori (守り, protection): pandemic prevention, preparedness and response.

Whatever a command does is one call here. The names are imported when they are first used, so that
``import mamori`` and ``mamori --help`` are quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mamori.core.errors import InputError, MamoriError
    from mamori.data.world import World

__version__ = "0.1.0"

_EXPORTS = {
    "InputError": "mamori.core.errors",
    "MamoriError": "mamori.core.errors",
    "World": "mamori.data.world",
}

__all__ = ["InputError", "MamoriError", "World", "__version__"]


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'mamori' has no attribute '{name}'")
    value: object = getattr(import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
