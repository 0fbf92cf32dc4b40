"""The detectors by name, and settings read from a control file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mamori.core.contracts import Observations
from mamori.core.errors import InputError, did_you_mean
from mamori.surveillance.detector import Detector

DEFAULT_METHOD = "mamori"

METHODS: dict[str, tuple[str, str]] = {
    "mamori": ("mamori.surveillance.mamori", "Mamori"),
    "farrington-flexible": ("mamori.surveillance.farrington_flexible", "FarringtonFlexible"),
    "farrington": ("mamori.surveillance.farrington", "Farrington"),
    "ears": ("mamori.surveillance.ears", "Ears"),
    "cusum": ("mamori.surveillance.cusum", "Cusum"),
    "lr": ("mamori.surveillance.glr", "Lr"),
    "glr": ("mamori.surveillance.glr", "Glr"),
    "bayes": ("mamori.surveillance.bayes", "Bayes"),
    "rki": ("mamori.surveillance.rki", "Rki"),
}
"""Name of each method -> (module, class); a module is imported when its method is first asked for."""


@dataclass(frozen=True)
class Control:
    """What a control file says: settings of the method, and what concerns the data."""

    settings: Mapping[str, Any]
    frequency: int | None = None
    first: int | None = None
    last: int | None = None


def method_class(name: str) -> type[Detector]:
    """Return the detector called `name`; raises `InputError` when there is none."""
    if name not in METHODS:
        raise InputError(f"method '{name}' is not known.{did_you_mean(name, METHODS)} Methods: {', '.join(METHODS)}")
    module, attribute = METHODS[name]
    found: type[Detector] = getattr(import_module(module), attribute)
    return found


def make_detector(name: str, settings: Mapping[str, Any] | None = None, *, source: str = "the settings") -> Detector:
    """Return the detector called `name` with `settings`, by our names or those of the R package.

    `source` names where the settings stand in messages. Raises `InputError` for an unknown method or setting, and
    for a value out of bounds.
    """
    kind = method_class(name)
    try:
        return kind.model_validate(dict(settings or {}))
    except ValidationError as error:
        raise InputError(_explained(error, kind, source)) from None


def compile_kernels() -> None:
    """Run every method once on a few counts, so that no later call waits for the compiler."""
    import numpy as np
    import polars as pl

    t = np.arange(300)
    counts = np.tile(5.0 + t % 7, (2, 1))
    observations = Observations(pl.DataFrame({"series": ["a", "b"]}), t + 1, counts, counts, frequency=52)
    for name in METHODS:
        make_detector(name).detect(observations, t[-2:])


def read_control(path: Path) -> Control:
    """Return what the JSON file `path` says: an object of settings.

    ``freq`` (periods a year), ``range_from`` and ``range_to`` (first and last t to judge) concern the data, every
    other key the method. Raises `InputError` when it cannot be read or is no object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}. Give a JSON file") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is not valid JSON: {error}. Correct it") from None
    if not isinstance(values, dict):
        raise InputError(f'{path} holds no settings; write an object such as {{"alpha": 0.01}}')
    whole = {key: _whole(values.pop(key, None), key, path) for key in ("freq", "range_from", "range_to")}
    return Control(values, whole["freq"], whole["range_from"], whole["range_to"])


def _whole(value: object, key: str, path: Path) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{path}: '{key}' is {value!r}; it must be a whole number >= 1. Correct the value")
    return value


def _explained(error: ValidationError, kind: type[Detector], source: str) -> str:
    """Return one line on the first thing that is wrong: where, which setting, rule, value, repair."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        names = [name for field, info in kind.model_fields.items() for name in (field, info.alias) if name]
        return (
            f"{source}: '{key}' is not a setting of {kind.name}.{did_you_mean(key, names)} "
            f"It has {', '.join(kind.model_fields)}"
        )
    rule = first["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    if first["type"] == "value_error":
        return f"{source}: {key + ': ' if key else ''}{rule}"
    return f"{source}: '{key}' is {first['input']!r}: {rule[0].lower()}{rule[1:]}. Correct the value"
