"""The data that the page's script draws from, as one JSON document."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from mamori.core.ages import AGE_GROUPS
from mamori.exercise.statistics import QUANTILES
from mamori.report import packing, readout, worldmap
from mamori.report.numbers import significant
from mamori.report.page import script_messages
from mamori.report.run_folder import RunFolder
from mamori.report.words import Words

LARGEST_PLACE_CURVES = 1_850_000
"""Characters that the weekly curves of single places may fill, so that the page stays below 3 MB."""

WORLD = "WORLD"

_BAND = ("q05", "q50", "q95")
_MEDIAN = ("q50",)
_COARSER = (1, 2, 4)
"""Weeks from one number of a place's curve to the next, tried in this order."""
_MARGIN = 0.9
"""Large places have longer curves than small ones."""


def page_data(folder: RunFolder, words: Words, curves: packing.Curves, script: str) -> dict[str, Any]:
    """Return all that `script` reads; `curves` are those of single places."""
    groups = (WORLD, *folder.income_groups)
    every = curves.steps[0] // packing.DAYS_PER_WEEK
    return {
        "lang": words.lang,
        "words": {message: words.say(message) for message in script_messages(script)},
        "horizon": packing.DAYS_PER_WEEK * folder.weeks,
        "packing": {
            "alphabet": packing.ALPHABET,
            "missing": packing.MISSING,
            "smallest": packing.SMALLEST,
            "stepsPerDecade": packing.STEPS_PER_DECADE,
        },
        "arms": _arms(folder, words),
        "days": [
            {"key": day, "name": words.vaccine_day(day), "short": words.short_vaccine_day(day)}
            for day in words.vaccine_days
        ],
        "responses": [{"key": name, "name": words.response(name)} for name in folder.responses],
        "defaultResponse": folder.default_response,
        "incomes": {group: words.short_income(group) for group in folder.income_groups},
        "groups": [_group(folder, words, code) for code in groups],
        "places": _places(folder, words),
        "columns": {
            column: {arm: _column(values) for arm, values in arms.items()}
            for column, arms in readout.place_columns(folder).items()
        },
        "map": _map(),
        "curves": {
            "groups": asdict(packing.weekly_curves(folder, packing.COURSES, groups, tuple(QUANTILES)).packed()),
            "places": asdict(curves),
        },
        "beds": {
            "groups": asdict(packing.weekly_curves(folder, packing.BEDS, groups, _MEDIAN).packed()),
            "places": asdict(packing.weekly_curves(folder, packing.BEDS, curves.groups, _MEDIAN).packed(every)),
        },
        "ageGroups": AGE_GROUPS,
        "ages": {
            "groups": asdict(packing.age_profiles(folder, groups, _BAND).packed()),
            "places": asdict(packing.age_profiles(folder, curves.groups, _MEDIAN).packed()),
        },
    }


def place_curves(folder: RunFolder) -> packing.Curves:
    """Pack the curves of single places as finely as the page's size allows.

    Every week where that fits, else every second or fourth week, else only the places with most people.
    """
    table = packing.weekly_curves(folder, packing.COURSES, folder.codes, _BAND)
    for every in _COARSER:
        curves = table.packed(every)
        if curves.size <= LARGEST_PLACE_CURVES:
            return curves
    fitting = int(len(folder.codes) * LARGEST_PLACE_CURVES / curves.size * _MARGIN)
    largest = np.argsort(-folder.population, kind="stable")[:fitting]
    return table.packed(every, sorted(largest.tolist()))


def _arms(folder: RunFolder, words: Words) -> list[dict[str, Any]]:
    return [
        {
            "name": arm.name,
            "index": index,
            "response": arm.response,
            "day": arm.vaccine_day,
            "ink": words.ink(arm),
        }
        for index, arm in enumerate(folder.arms)
    ]


def _group(folder: RunFolder, words: Words, code: str) -> dict[str, Any]:
    if code == WORLD:
        return {"code": code, "name": words.say("All places"), "population": float(folder.population.sum())}
    members = folder.income == code
    return {
        "code": code,
        "name": words.income(code),
        "short": words.short_income(code),
        "population": float(folder.population[members].sum()),
    }


def _places(folder: RunFolder, words: Words) -> list[dict[str, Any]]:
    longitude = folder.places["longitude"].cast(float).to_numpy()
    latitude = folder.places["latitude"].cast(float).to_numpy()
    x, y = worldmap.on_the_drawing(longitude, latitude)
    return [
        {
            "code": code,
            "name": name,
            "income": income,
            "population": significant(people, 6),
            "x": _rounded(x[index], 4),
            "y": _rounded(y[index], 4),
        }
        for index, (code, name, income, people) in enumerate(
            zip(folder.codes, words.place_names, folder.income.tolist(), folder.population, strict=True)
        )
    ]


def _column(values: np.ndarray) -> Any:
    if values.ndim == 1:
        return [_rounded(value, 4) for value in values]
    return {name: _column(row) for name, row in zip(("low", "median", "high"), values, strict=True)}


def _rounded(value: float, digits: int) -> float | int | None:
    """Round to significant digits; what is not finite becomes null."""
    if not math.isfinite(value):
        return None
    rounded = significant(float(value), digits)
    return int(rounded) if rounded == int(rounded) else rounded


def _map() -> dict[str, Any]:
    drawing = worldmap.world_map()
    return {"width": worldmap.WIDTH, "height": drawing.height, "sea": drawing.sea, "paths": drawing.paths}
