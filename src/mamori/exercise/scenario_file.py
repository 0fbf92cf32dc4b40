"""Scenarios as YAML files: the built-in ones, a user's own, and errors that name the line and the repair."""

from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mamori.core.errors import InputError, did_you_mean
from mamori.exercise.scenario import Response, Scenario, Setting, settings

BASED_ON = "based_on"
DEFAULT = "disease-x"

Keys = tuple[str | int, ...]


def built_in_scenarios() -> tuple[str, ...]:
    """Return the names of the scenarios that come with Mamori, sorted."""
    folder = resources.files("mamori.exercise") / "scenarios"
    return tuple(sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")))


def load_scenario(name_or_file: str | Path = DEFAULT) -> Scenario:
    """Return the built-in scenario of that name, or the one in the YAML file of that path.

    A file that starts with ``based_on: NAME_OR_FILE`` states only what differs from that other scenario.

    Raises `InputError` naming the file, the line, the field and the repair.
    """
    layers = _read_layers(name_or_file)
    values: dict[str, Any] = {}
    for layer in reversed(layers):
        values = _merged(values, layer.values)
    try:
        return Scenario.model_validate(values)
    except ValidationError as error:
        raise InputError(_explained(error.errors()[0], layers)) from None


def changed(scenario: Scenario, **values: object) -> Scenario:
    """Return `scenario` with these values in place of its own; None keeps the scenario's.

    Raises `InputError` for a value that the scenario does not allow.
    """
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        return Scenario.model_validate(scenario.model_dump() | given)
    except ValidationError as error:
        raise InputError(_explained(error.errors()[0], [_Layer("the call", {}, {})])) from None


def changed_settings(scenario: Scenario) -> list[Setting]:
    """Return the values of `scenario`; a value that differs from the default scenario's has no source."""
    known = {setting.path: setting for setting in settings(load_scenario())}
    return [
        setting if setting.path in known and known[setting.path].value == setting.value else replace(setting, source="")
        for setting in settings(scenario)
    ]


@dataclass(frozen=True)
class _Layer:
    """One file: its values as plain Python objects, and the line of every key and list item."""

    source: str
    values: dict[str, Any]
    lines: dict[Keys, int]


def _read_layers(name_or_file: str | Path) -> list[_Layer]:
    """Return the file and those it is based on, the most specific first."""
    layers: list[_Layer] = []
    seen: list[str] = []
    beside = Path()
    wanted: str | Path | None = name_or_file
    while wanted is not None:
        source, content, beside = _content(wanted, beside)
        if source in seen:
            raise InputError(
                f"{' is based on '.join([*seen, source])}: scenarios stand on one another in a ring. "
                "Remove one 'based_on'"
            )
        seen.append(source)
        layer = _parsed(source, content)
        wanted = layer.values.pop(BASED_ON, None)
        if wanted is not None and not isinstance(wanted, str):
            raise InputError(f"{source}: '{BASED_ON}' is {wanted!r}; write the name or the file of a scenario")
        layers.append(layer)
    return layers


def _content(wanted: str | Path, beside: Path) -> tuple[str, str, Path]:
    """Return (name for messages, text, folder for further files) of a built-in scenario or a file."""
    if str(wanted) in built_in_scenarios():
        file = resources.files("mamori.exercise") / "scenarios" / f"{wanted}.yaml"
        return f"{wanted}.yaml", file.read_text(encoding="utf-8"), beside
    path = beside / wanted
    if not path.is_file():
        options = built_in_scenarios()
        raise InputError(
            f"scenario '{wanted}' is neither a built-in scenario nor a file."
            f"{did_you_mean(str(wanted), options)} Built in: {', '.join(options)}"
        )
    try:
        return str(path), path.read_text(encoding="utf-8"), path.parent
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}. Give a YAML file in UTF-8") from None


def _parsed(source: str, content: str) -> _Layer:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        document = YAML(typ="rt").load(content)
    except MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{source}{line} is not valid YAML: {error.problem or error.context}. Correct it") from None
    except (YAMLError, ValueError) as error:
        raise InputError(f"{source} is not valid YAML: {error}. Correct it") from None
    lines: dict[Keys, int] = {}
    values = _plain(document, (), lines)
    if not isinstance(values, dict):
        raise InputError(f"{source} holds no fields; a scenario is a list of lines 'field: value'")
    return _Layer(source, values, lines)


def _plain(node: Any, path: Keys, lines: dict[Keys, int]) -> Any:
    """Return `node` without the marks of its file, which go into `lines` (1-based)."""
    if isinstance(node, dict):
        for key in node:
            lines[(*path, str(key))] = cast(Any, node).lc.key(key)[0] + 1
        return {str(key): _plain(value, (*path, str(key)), lines) for key, value in node.items()}
    if isinstance(node, list):
        for index in range(len(node)):
            lines[(*path, index)] = cast(Any, node).lc.item(index)[0] + 1
        return [_plain(value, (*path, index), lines) for index, value in enumerate(node)]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes` put over it; mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _explained(error: ErrorDetails, layers: list[_Layer]) -> str:
    """Return one line on what is wrong: file, line, field, rule, value, repair."""
    keys: Keys = tuple(key for key in error["loc"] if key != "[key]")
    field = ".".join(str(key) for key in keys)
    where = _place(keys, layers)
    given = error["input"]
    if error["type"] == "missing":
        return f"{where}: '{field}' is missing. Add it: {_description(keys)}"
    if error["type"] == "extra_forbidden":
        options = [*_fields(keys[:-1]), *([BASED_ON] if len(keys) == 1 else [])]
        return (
            f"{where}: '{field}' is not a field of a scenario.{did_you_mean(str(keys[-1]), options)} "
            f"Here stand {', '.join(options)}"
        )
    rule = error["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    if error["type"] == "value_error":
        return f"{where}: {field + ': ' if field else ''}{rule}"
    shown = "nothing" if given is None else repr(given)
    return f"{where}: '{field}' is {shown}: {rule[0].lower()}{rule[1:]}. Correct the value"


def _place(keys: Keys, layers: list[_Layer]) -> str:
    """Return the file and line of the longest part of `keys` that stands in a file."""
    for length in range(len(keys), 0, -1):
        for layer in layers:
            if keys[:length] in layer.lines:
                return f"{layer.source} line {layer.lines[keys[:length]]}"
    return layers[0].source


def _model(keys: Keys) -> type[BaseModel] | None:
    """Return the model that describes the part of a scenario at `keys`."""
    part: Any = Scenario
    for key in keys:
        if isinstance(part, type) and issubclass(part, BaseModel):
            field = part.model_fields.get(str(key))
            part = field.annotation if field else None
        else:
            part = next((kind for kind in get_args(part)[::-1] if kind is not type(None)), None)
        part = next((kind for kind in get_args(part) if kind is Response), part)
    return part if isinstance(part, type) and issubclass(part, BaseModel) else None


def _fields(keys: Keys) -> list[str]:
    model = _model(keys)
    return list(model.model_fields) if model else []


def _description(keys: Keys) -> str:
    model = _model(keys[:-1])
    field = model.model_fields.get(str(keys[-1])) if model else None
    return (field.description if field else None) or "see `mamori exercise show`"
