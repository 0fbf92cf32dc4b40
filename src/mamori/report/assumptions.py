"""What a reader needs to judge the figures: assumptions, what the model leaves out, data and versions."""

import json
from typing import Any

from pydantic import ValidationError

from mamori.core.errors import InputError
from mamori.data import catalogue
from mamori.exercise.scenario import Scenario, Setting, settings
from mamori.exercise.scenario_file import load_scenario
from mamori.report.run_folder import RunFolder
from mamori.report.words import Words


def context(folder: RunFolder, words: Words) -> dict[str, Any]:
    """Return the words of the page's sections on assumptions, data and provenance."""
    run = folder.run
    overrides = run["overrides"]
    columns = list(overrides[0]) if overrides else []
    return {
        "notes": [words.say(str(note)) for note in run["assumptions"]],
        "simplifications": simplifications(words),
        "settings": _settings(folder, words),
        "override_columns": [words.say(column) for column in columns],
        "overrides": [[row.get(column) for column in columns] for row in overrides],
        "provenance": list(run["provenance"].items()),
        "sources": sources(words),
    }


def simplifications(words: Words) -> list[str]:
    """Return what the model of the exercise leaves out, as sentences."""
    return [
        words.say(
            "People of a place differ by age, vaccination and state of illness only: no regions, households, "
            "occupations or risk groups within a place. Poorer people within a place fare as richer ones do."
        ),
        words.say(
            "Contacts between ages are survey-based or projected matrices of normal times; responses scale "
            "them by setting, alike for all ages."
        ),
        words.say(
            "Travel between places is the same all year and in every arm: borders stay open, and nobody "
            "travels less because of the epidemic."
        ),
        words.say(
            "Deaths of other patients who find no bed, and those from the damage that responses do to "
            "health, schooling and income, are not counted; nor is money."
        ),
        words.say("The pathogen does not evolve during the run: there are no variants."),
    ]


def sources(words: Words) -> list[dict[str, str]]:
    """Return where the data of the World and of the map come from, with years and licences."""
    say = words.say
    data = {
        "wpp2024": say("Population by age, life expectancy"),
        "prem": say("Contacts between ages, by setting"),
        "factbook_beds": say("Hospital beds"),
        "factbook": say("Physicians, health spending, debt, gross domestic product"),
        "airports": say("Airports of the travel model"),
        "nodes": say("Administrative units, centres of population"),
        "world_bank_income": say("Income groups"),
        "m49": say("Codes and regions"),
        "cldr": say("Names of places"),
    }
    known = catalogue.sources()
    rows = [
        {"data": name, "source": known[key].title, "year": known[key].year, "licence": known[key].licence}
        for key, name in data.items()
    ]
    borders = {
        "data": say("Borders of the map"),
        "source": "Natural Earth, Admin 0, 1:110m",
        "year": "2022",
        "licence": say("public domain"),
    }
    return [*rows, borders]


def _settings(folder: RunFolder, words: Words) -> list[dict[str, Any]]:
    """Return every value of the scenario by part, with its meaning and source."""
    try:
        scenario = Scenario.model_validate_json(json.dumps(folder.run["scenario"]))
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(key) for key in fault["loc"])
        raise InputError(
            f"{folder.path / 'run.json'}: scenario field '{field}': {fault['msg']}. "
            "Run the exercise again with this version of Mamori."
        ) from error
    parts: dict[str, list[dict[str, str]]] = {}
    built_in = {setting.path: setting for setting in settings(load_scenario())}
    for setting in settings(scenario):
        as_built_in = setting.path in built_in and built_in[setting.path].value == setting.value
        parts.setdefault(_part_name(setting, words), []).append(
            {
                "path": setting.path,
                "value": _value(setting, words),
                "meaning": setting.meaning(words.lang),
                "source": words.say(setting.source) if as_built_in else words.say("given for this run"),
            }
        )
    return [{"name": name, "rows": rows} for name, rows in parts.items()]


def _part_name(setting: Setting, words: Words) -> str:
    head, _, rest = setting.path.partition(".")
    if not rest:
        return words.say("The exercise as a whole")
    if head == "responses":
        return words.response(rest.split(".")[0])
    names = {
        "emergence": words.say("Where the outbreak begins"),
        "surveillance": words.say("What is seen, and when"),
        "care": words.say("Hospital and intensive care"),
        "vaccine": words.say("The vaccine"),
        "supply": words.say("Manufacture of the vaccine"),
        "delivery": words.say("Vaccination of people"),
    }
    return names.get(head, head)


def _value(setting: Setting, words: Words) -> str:
    """Write a value with its unit; numbers in full, because they are what was run."""
    if setting.value is None:
        return "–"
    values = setting.value if isinstance(setting.value, list) else [setting.value]
    if setting.unit == "year":
        values = [str(value) for value in values]
    return f"{', '.join(_plain(value, words) for value in values)} {words.say(setting.unit)}".strip()


def _plain(value: object, words: Words) -> str:
    if isinstance(value, bool):
        return words.say("yes") if value else words.say("no")
    return f"{value:,.15g}" if isinstance(value, int | float) else words.say(str(value))
