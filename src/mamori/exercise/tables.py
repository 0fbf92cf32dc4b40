"""The tables of an outcome, made from the records of its arms and draws."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mamori.core.ages import AGE_GROUPS
from mamori.core.provenance import provenance
from mamori.exercise.assumptions import assumptions
from mamori.exercise.outcome import Outcome
from mamori.exercise.record import BY_AGE, BY_PLACE, WEEKLY, read_records
from mamori.exercise.scenario import Arm
from mamori.exercise.setup import Setup
from mamori.exercise.statistics import STATISTICS, Groups, day_reached, statistics
from mamori.exercise.week import DAYS, FloatArray

DOSES_PER_100 = (10, 20, 40)
"""Doses, first and second, per 100 people whose dates are kept."""

AVERTED = ("infections", "deaths", "yll", "bed_days_refused")
"""Totals of the run whose differences between arms are kept."""

COUNTS = (*AVERTED, "first_doses", "doses")
"""Totals of the run that are summed over places; each has a twin per 100,000 people."""

DATES = ("first_case_day", "first_dose_day", *(f"day_{number}_per_100" for number in DOSES_PER_100))


PLACE_COLUMNS = (
    "code",
    "name_en",
    "name_ja",
    "region",
    "subregion",
    "income_group",
    "latitude",
    "longitude",
    "population",
    "hospital_beds",
    "icu_beds",
    "bed_occupancy_share",
)
"""Columns of the world that a run keeps, so that its folder can be read without that world."""


def build_outcome(setup: Setup, files: dict[Arm, list[Path]]) -> Outcome:
    """Return the outcome of the arms whose records, in the order of their draws, are in `files`."""
    groups, start = setup.groups, setup.scenario.start_date
    results = {arm: ArmResults(paths, groups, setup.world.life_expectancy) for arm, paths in files.items()}
    totals = {arm.name: result.totals() for arm, result in results.items()}
    recognition = {arm.name: result.recognition_day for arm, result in results.items()}
    return Outcome(
        run=_run(setup, list(files)),
        draws=pl.concat([draws_table(name, totals[name], recognition[name], groups) for name in totals]),
        weekly=pl.concat([weekly_table(arm.name, result, start, groups) for arm, result in results.items()]),
        ages=pl.concat([ages_table(arm.name, result, groups) for arm, result in results.items()]),
        summary=pl.concat([summary_table(name, totals[name], recognition[name], groups) for name in totals]),
        differences=averted_table(totals, _pairs(list(files)), groups),
    )


def _run(setup: Setup, arms: list[Arm]) -> dict[str, Any]:
    scenario, world = setup.scenario, setup.world
    resolved = scenario.model_dump(mode="json")
    return {
        "title": scenario.title,
        "scenario": resolved,
        "arms": [
            {"name": arm.name, "label": arm.label, "vaccine_day": arm.vaccine_day, "response": arm.response}
            for arm in arms
        ],
        "places": list(world.codes),
        "start_date": scenario.start_date.isoformat(),
        "weeks": scenario.weeks,
        "draws": scenario.draws,
        "seed": setup.seed,
        "provenance": provenance(scenario=resolved),
        "overrides": [asdict(override) for override in world.overrides],
        "assumptions": assumptions(scenario),
        "place_table": world.table.select(PLACE_COLUMNS).to_dicts(),
    }


def _pairs(arms: list[Arm]) -> list[tuple[str, str]]:
    """Return (arm, compared with): each earlier vaccine with the latest, each response with the first one."""
    pairs = []
    for arm in arms:
        latest = max((other for other in arms if other.response == arm.response), key=lambda other: other.vaccine_day)
        if latest is not arm:
            pairs.append((arm.name, latest.name))
    for arm in arms:
        first = next(other for other in arms if other.vaccine_day == arm.vaccine_day)
        if first is not arm:
            pairs.append((arm.name, first.name))
    return pairs


class ArmResults:
    """The records of all draws of one arm, as the arrays that the tables are made of."""

    def __init__(self, files: list[Path], groups: Groups, life_expectancy: FloatArray) -> None:
        self._files = files
        self._groups = groups
        self._life_expectancy = life_expectancy

    def weekly(self, metric: str) -> FloatArray:
        """(D, weeks, G) of one of `WEEKLY`, by group."""
        values = read_records(self._files, "weekly", metric)
        weighted = metric == "contact_scale"
        return self._groups.mean_by_people(values) if weighted else self._groups.total(values)

    def by_age(self, metric: str) -> FloatArray:
        """(D, G, 17) of infections, deaths, first_doses or yll (years of life lost), by group."""
        deaths = metric == "yll"
        values = read_records(self._files, "ages", "deaths" if deaths else metric)
        if deaths:
            values = values * self._life_expectancy
        return np.moveaxis(self._groups.total(np.moveaxis(values, 1, 2)), 1, 2)

    def totals(self) -> dict[str, FloatArray]:
        """(D, G) of every metric of the run: infinite where a day never comes, nan where undefined."""
        doses = self.weekly("doses_cum")
        population = self._groups.total(self._groups.population)
        found = {name: self.by_age(name).sum(axis=2) for name in ("infections", "deaths", "yll", "first_doses")}
        found["doses"] = doses[:, -1]
        by_place = {name: read_records(self._files, "places", name) for name in BY_PLACE}
        found["bed_days_refused"] = self._groups.total(by_place["bed_days_refused"])
        found["peak_ward_share"] = self._groups.only_places(by_place["peak_ward_share"])
        found["first_case_day"] = self._groups.earliest(by_place["first_case_day"])
        found["first_dose_day"] = day_reached(doses, np.ones_like(population))
        for number in DOSES_PER_100:
            found[f"day_{number}_per_100"] = day_reached(doses, population * number / 100.0)
        return found

    @property
    def recognition_day(self) -> FloatArray:
        """(D,), infinite where the pathogen is never recognised."""
        return read_records(self._files, "", "recognition_day")


def draws_table(arm: str, totals: dict[str, FloatArray], recognition: FloatArray, groups: Groups) -> pl.DataFrame:
    """Return a row per draw and place."""
    draws = len(recognition)
    columns: dict[str, Any] = {
        "arm": [arm] * (draws * groups.places),
        "draw": np.repeat(np.arange(draws), groups.places),
        "code": list(groups.codes) * draws,
    }
    for name in ("infections", "deaths", "yll", "bed_days_refused", "peak_ward_share"):
        columns[name] = groups.only_places_of(totals[name]).ravel()
    for name in DATES:
        columns[name] = _dates(groups.only_places_of(totals[name]).ravel())
    columns["recognition_day"] = _dates(np.repeat(recognition, groups.places))
    return pl.DataFrame(columns)


def _dates(days: FloatArray) -> pl.Series:
    """Return days as numbers, null where they never come."""
    return pl.Series(days).replace([np.inf], [None])


def weekly_table(arm: str, results: ArmResults, start: date, groups: Groups) -> pl.DataFrame:
    """Return statistics over draws by group and week."""
    frames = []
    for metric in WEEKLY:
        values = results.weekly(metric)
        weeks = values.shape[1]
        keys = groups.keys().join(
            pl.DataFrame(
                {
                    "week": np.arange(1, weeks + 1),
                    "date": [start + timedelta(days=DAYS * week) for week in range(weeks)],
                }
            ),
            how="cross",
            maintain_order="left_right",
        )
        frames.append(_with_statistics(keys, metric, np.swapaxes(values, 1, 2), pl.Float32))
    return pl.concat(frames).select(pl.lit(arm).alias("arm"), pl.all())


def ages_table(arm: str, results: ArmResults, groups: Groups) -> pl.DataFrame:
    """Return statistics over draws by group and age, for the whole run."""
    keys = groups.keys().join(pl.DataFrame({"age_group": AGE_GROUPS}), how="cross", maintain_order="left_right")
    frames = [_with_statistics(keys, metric, results.by_age(metric)) for metric in (*BY_AGE, "yll")]
    return pl.concat(frames).select(pl.lit(arm).alias("arm"), pl.all())


def summary_table(arm: str, totals: dict[str, FloatArray], recognition: FloatArray, groups: Groups) -> pl.DataFrame:
    """Return statistics over draws by group, for the whole run."""
    keys = groups.keys()
    people = groups.total(groups.population)
    frames = []
    for metric in COUNTS:
        frames.append(_with_statistics(keys, metric, totals[metric]))
        frames.append(_with_statistics(keys, f"{metric}_per_100k", totals[metric] * 1e5 / people))
    frames += [_with_statistics(keys, metric, totals[metric]) for metric in ("peak_ward_share", *DATES)]
    frames.append(_with_statistics(keys.head(1), "recognition_day", recognition[:, None]))
    return (
        pl.concat(frames)
        .filter(pl.col("mean").is_not_nan() | pl.col("mean").is_null())
        .select(pl.lit(arm).alias("arm"), pl.all())
    )


def _with_statistics(
    keys: pl.DataFrame, metric: str, values: FloatArray, kind: type[pl.DataType] = pl.Float64
) -> pl.DataFrame:
    """Return `keys` with the metric and the statistics over the first axis of `values` (D, ...)."""
    columns = {
        name: pl.Series(name, result.ravel()).replace([np.inf], [None]).cast(kind)
        for name, result in statistics(values).items()
    }
    return keys.with_columns(pl.lit(metric).alias("metric"), *columns.values())


def averted_table(
    totals: dict[str, dict[str, FloatArray]], pairs: Sequence[tuple[str, str]], groups: Groups
) -> pl.DataFrame:
    """Return what an arm averts against another, for `pairs` of (arm, compared with), paired by draw."""
    frames = []
    for arm, other in pairs:
        for metric in AVERTED:
            averted = totals[other][metric] - totals[arm][metric]
            frame = _with_statistics(groups.keys(), f"{metric}_averted", averted)
            frames.append(frame.select(pl.lit(arm).alias("arm"), pl.lit(other).alias("compared_with"), pl.all()))
    if not frames:
        names = ("arm", "compared_with", *groups.keys().columns, "metric")
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String) | dict.fromkeys(STATISTICS, pl.Float64))
    return pl.concat(frames)
