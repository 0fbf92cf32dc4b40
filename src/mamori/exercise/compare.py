"""Two runs side by side: how their outcomes differ, arm by arm."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from mamori.core.errors import InputError
from mamori.exercise.outcome import Outcome
from mamori.exercise.statistics import STATISTICS, Groups, statistics
from mamori.exercise.tables import AVERTED
from mamori.exercise.week import FloatArray, income_positions


def compare_runs(first: Outcome, second: Outcome) -> pl.DataFrame:
    """Return, for every arm that both runs hold, how the second run's totals differ from the first's.

    A row per arm, group and metric (infections, deaths, years of life lost, bed-days refused): the medians of
    both runs, and the statistics of second - first, paired by draw. Runs of different seeds have nothing in
    common draw by draw: then the statistics are null.

    Raises `InputError` when the runs have no arm in common or different places.
    """
    arms = [arm["name"] for arm in first.run["arms"] if arm["name"] in {a["name"] for a in second.run["arms"]}]
    if not arms:
        names = [", ".join(arm["name"] for arm in outcome.run["arms"]) for outcome in (first, second)]
        raise InputError(f"the runs have no arm in common: {names[0]} and {names[1]}. Give runs that share an arm")
    if first.run["places"] != second.run["places"]:
        raise InputError(
            f"the runs have different places ({len(first.run['places'])} and {len(second.run['places'])}). "
            "Run both on the same places (--select)"
        )
    return pl.DataFrame(list(_differences(first, second, arms)), schema=_SCHEMA, orient="row")


_NUMBERS = ("first_q50", "second_q50", *(f"difference_{statistic}" for statistic in STATISTICS))
_SCHEMA = dict.fromkeys(("arm", "group_kind", "group", "metric"), pl.String) | dict.fromkeys(_NUMBERS, pl.Float64)


def _differences(first: Outcome, second: Outcome, arms: list[str]) -> Iterator[tuple[Any, ...]]:
    groups = _groups(first)
    paired = first.run["seed"] == second.run["seed"]
    draws = min(first.run["draws"], second.run["draws"])
    for arm in arms:
        for metric in AVERTED:
            one, other = (groups.total(_by_draw(outcome, arm, metric)) for outcome in (first, second))
            medians = (statistics(values)["q50"] for values in (one, other))
            found = statistics(other[:draws] - one[:draws]) if paired else {}
            for index, (row, *values) in enumerate(zip(groups.keys().iter_rows(), *medians, strict=True)):
                differences = (float(found[name][index]) if paired else None for name in STATISTICS)
                yield (arm, *row, metric, *map(float, values), *differences)


def _groups(outcome: Outcome) -> Groups:
    places = outcome.run["place_table"]
    codes = tuple(outcome.run["places"])
    return Groups(
        codes=codes,
        income=income_positions([place["income_group"] for place in places], codes),
        population=np.array([place["population"] for place in places], dtype=np.float64),
    )


def _by_draw(outcome: Outcome, arm: str, metric: str) -> FloatArray:
    """Return (D, P) of one metric of one arm."""
    rows = outcome.draws.filter(pl.col("arm") == arm)
    return rows[metric].to_numpy().reshape(outcome.run["draws"], len(outcome.run["places"]))
