"""What changed in the world of 2020-22 besides transmission: doses and variants by week, from tables."""

from __future__ import annotations

import csv
import datetime as dt
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from mamori.epidemic.interventions import vaccination_coverage
from mamori.epidemic.pathogen import Vaccine, efficacy_given_infection
from mamori.epidemic.variants import Variant, combine
from mamori.workflows._death_counts import read_by_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mamori.data.world import World

    FloatArray = NDArray[np.float64]

DOSE_NAMES = ("doses", "total_doses", "total_vaccinations", "doses_administered", "value")
DAYS = 7
DAY_ZERO = dt.date(2019, 1, 1)
MOST_SHIFT = 100


@cache
def assumptions() -> Mapping[str, float]:
    """Return the values of ``tables/parameters/calibration.csv`` by name."""
    return {row["parameter"]: float(row["value"]) for row in _rows("calibration")}


def _rows(name: str) -> list[dict[str, str]]:
    file = resources.files("mamori").joinpath("tables", "parameters", f"{name}.csv")
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def vaccine() -> Vaccine:
    """Return the mean of the COVID-19 vaccines of 2021, before Delta."""
    given = assumptions()
    first, booster = given["vaccine_efficacy_infection"], given["booster_efficacy_infection"]
    return Vaccine(
        efficacy_infection=first,
        efficacy_disease=efficacy_given_infection(given["vaccine_efficacy_hospital"], first),
        relative_infectiousness=given["vaccine_relative_infectiousness"],
        booster_efficacy_infection=booster,
        booster_efficacy_disease=efficacy_given_infection(given["booster_efficacy_hospital"], booster),
        booster_relative_infectiousness=given["vaccine_relative_infectiousness"],
        booster_protection_days=given["vaccine_protection_days"],
        protection_days=given["vaccine_protection_days"],
    )


def coverage() -> FloatArray:
    """Return the steps of vaccination, oldest first, nobody under 5."""
    steps = vaccination_coverage("elderly", assumptions()["vaccine_coverage"])
    steps[:, 0] = 0.0
    return steps


def read_doses(
    path: Path, world: World, monday: Sequence[dt.date], columns: Mapping[str, str] | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the people per day who begin a course and who get a booster, (P, W), from doses given so far by date.

    A course is two doses, counted as one person midway; once 80 % of the people have had one, doses are boosters.
    Between dates doses grow evenly, from 0 a week before the first; after the last date none are given. Falls of
    the sum are taken as errors (the highest so far holds). Raises `InputError` as `read_by_place`.
    """
    frame, _ = read_by_place(path, "doses", DOSE_NAMES, world, columns, signed=False)
    given = assumptions()
    edges = np.array([(day - monday[0]).days for day in (*monday, monday[-1] + dt.timedelta(days=DAYS))])
    courses, boosters = np.zeros((2, len(world.codes), len(monday)))
    for (code,), rows in frame.group_by("code"):
        p = world.codes.index(str(code))
        when = np.array([(day - monday[0]).days for day in rows["date"]], dtype=np.float64)
        so_far = np.maximum.accumulate(rows["doses"].to_numpy())
        total = np.interp(edges, [when[0] - DAYS, *when], [0.0, *so_far])
        people = np.minimum(total / given["doses_per_course"], given["courses_per_person"] * world.population[p].sum())
        courses[p] = np.diff(people) / DAYS
        boosters[p] = np.diff(total - given["doses_per_course"] * people) / DAYS
    return courses, boosters


def variant_effects(monday: Sequence[dt.date], shift_days: NDArray[np.int64]) -> FloatArray:
    """Return severity, vaccine efficacy scale and reinfection rate by week, (3, ..., W), for ``shift_days`` (...,).

    The variants of ``tables/parameters/covid_variants.csv``, each ``shift_days`` (at most 100) later than its date.
    """
    variants = [
        Variant(
            (dt.date.fromisoformat(row["start_date"]) - DAY_ZERO).days,
            float(row["replacement_days"]),
            severity=float(row["severity"]),
            vaccine_efficacy=float(row["vaccine_efficacy"]),
            immune_escape=float(row["immune_escape"]),
        )
        for row in _rows("covid_variants")
    ]
    first, days = (monday[0] - DAY_ZERO).days, len(monday) * DAYS
    effects = [
        combine([v.effect(day) for v in variants]) for day in range(first - MOST_SHIFT, first + days + MOST_SHIFT)
    ]
    daily = np.array([[e.severity, e.vaccine_efficacy_scale, e.reinfection_rate] for e in effects]).T
    shift = np.clip(shift_days, -MOST_SHIFT, MOST_SHIFT)
    taken = daily[:, np.arange(days) + (MOST_SHIFT - shift)[..., None]]
    return np.asarray(taken.reshape(*taken.shape[:-1], -1, DAYS).mean(axis=-1))
