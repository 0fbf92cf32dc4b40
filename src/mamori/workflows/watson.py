"""Replay of COVID-19 with and without vaccines from the published fits of Watson et al. 2022.

The fits (Lancet Infect Dis 22:1293; 187 countries, 100 posterior draws each) are read from a folder of the user's; they
are not part of Mamori. ``as published`` keeps three faults of the original so that its figures come out; ``corrected``
mends them. Recipe, faults and agreement: docs/methods/watson.md.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from mamori.core.errors import InputError
from mamori.core.executor import run_chunks
from mamori.data.contacts import make_reciprocal, split_75_and_over
from mamori.epidemic.schedule import Course, NaturalHistory, Protection, Schedule, run_schedule

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from mamori.epidemic.schedule import PlaceRun

    FloatArray = NDArray[np.float64]

YEAR = (date(2020, 12, 8), date(2021, 12, 8))  # from the first vaccination outside trials, one year
EARLIEST = date(2019, 12, 1)  # no death before it counts
STAYS = np.array([9.0, 9.0, 4.5, 4.5, 14.8, 11.1, 7.4, 1.0])  # days, section 1 of the recipe
LATENT, MILD, CASE, STEPDOWN = 4.6, 2.1, 4.5, 3.0
FIELDS = ("E1_0", "date_vaccine_change_first", "date_Rt_change", "delta", "data", "dose_ratio", "dur_R", "dur_V",
          "dur_vaccine_delay", "hosp_bed_capacity", "ICU_bed_capacity", "max_vaccine", "prob_hosp",
          "prob_non_severe_death_no_treatment", "prob_non_severe_death_treatment", "prob_severe",
          "prob_severe_death_no_treatment", "prob_severe_death_treatment", "rel_infectiousness_vaccinated",
          "vaccine_coverage_mat", "vaccine_efficacies")  # fmt: skip
AS_PUBLISHED, CORRECTED = "as published", "corrected"


@dataclass(frozen=True)
class Fit:
    """One country's fit with one posterior draw chosen."""

    iso3: str
    population: FloatArray  # (17,)
    contacts: FloatArray  # (17, 17) reciprocal
    content: dict[str, Any]  # the file
    draw: int  # 0-based

    @property
    def start(self) -> date:
        """Day on which the draw's epidemic begins."""
        return date.fromisoformat(self.content["draws"]["start_date"][self.draw])

    @property
    def last(self) -> date:
        """Day at whose start the run ends."""
        return date.fromisoformat(self.content["data"]["week_start"][-1]) + timedelta(days=6)

    @property
    def first_dose(self) -> date:
        """Day from which doses flow."""
        return date.fromisoformat(self.content["date_vaccine_change_first"])


def replay_watson(
    fits: Path,
    draw: int = 40,
    correct: bool = False,
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """Deaths with and without vaccines from 8 December 2020 to 8 December 2021 in every country of the folder ``fits``.

    ``draw`` is the number of the posterior draw, from 1. ``correct`` mends the original's faults (F1-F3 in the docs):
    then the run is a sensitivity analysis, because the posterior was drawn with the faults. One row per
    country: iso3, variant, draw, base_yr, novax_yr (deaths of the year), base_all, novax_all (deaths since December
    2019), averted_yr. Raises `InputError` for a folder or file that does not hold fits, or a draw that they lack.
    """
    import polars as pl

    files = sorted(fits.glob("*.json.gz"))
    if not files:
        raise InputError(f"no fits (*.json.gz) in {fits}. Name the folder that holds one file per country")
    matrices = _matrices(fits)

    def one(path: Path) -> dict[str, Any]:
        return replay_country(load_fit(path, matrices, draw), correct)

    rows = [row for _, row in sorted(run_chunks(one, files, workers=workers, progress=progress), key=lambda r: r[0])]
    return pl.DataFrame(rows)


def replay_country(fit: Fit, correct: bool) -> dict[str, Any]:
    """Deaths of one country with and without vaccines; see `replay_watson`."""
    runs = {
        "base": run_fit(fit, vaccinate=True, correct=correct),
        "novax": run_fit(fit, vaccinate=False, correct=correct),
    }
    row: dict[str, Any] = {
        "iso3": fit.iso3,
        "variant": CORRECTED if correct else AS_PUBLISHED,
        "draw": fit.draw + 1,
    }
    for name, (run, begin) in runs.items():
        row[f"{name}_yr"] = deaths_between(run, begin, *YEAR)
    for name, (run, begin) in runs.items():
        row[f"{name}_all"] = deaths_between(run, begin, EARLIEST, None)
    row["averted_yr"] = row["novax_yr"] - row["base_yr"]
    return row


def load_fit(path: Path, matrices: dict[str, Any], draw: int) -> Fit:
    """Read one country's fit; raises `InputError` where the file or the draw is not as described."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            content = json.load(file)
        draws = len(content["draws"]["start_date"])
        population = np.array(content["population"], dtype=np.float64)
        raw = np.array(matrices["matrices"][matrices["country"][content["iso3"]]], dtype=np.float64)
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a fit of Watson et al. 2022 ({type(error).__name__}: {error})") from None
    missing = [name for name in FIELDS if name not in content]
    if missing:
        raise InputError(f"{path}: not a whole fit of Watson et al. 2022; it lacks {', '.join(missing)}")
    if not 1 <= draw <= draws:
        raise InputError(f"draw is {draw}; {path} holds the draws 1 to {draws}")
    if content.get("date_vaccine_change") is not None:
        raise InputError(f"{path}: 'date_vaccine_change' is given; only consecutive vaccination dates are understood")
    contacts = make_reciprocal(split_75_and_over(raw[None], population), population)[0]
    return Fit(content["iso3"], population, contacts, content, draw - 1)


def _matrices(fits: Path) -> dict[str, Any]:
    path = fits / "contact_matrices.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"no contact_matrices.json in {fits}. It comes with the fits") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error})") from None
    if not isinstance(content, dict) or not {"matrices", "country"} <= content.keys():
        raise InputError(f"{path}: must hold 'matrices' and 'country'")
    return content


def run_fit(fit: Fit, *, vaccinate: bool, correct: bool) -> tuple[PlaceRun, date]:
    """Run one fit from its first day (returned) to its last; without vaccines the same Rt(t) holds.

    Corrected runs begin with the first dose where that comes before the epidemic does.
    """
    begin = min(fit.start, fit.first_dose) if correct and vaccinate else fit.start
    schedule = fit_schedule(fit, begin, vaccinate=vaccinate, correct=correct)
    seeds = np.array(fit.content["E1_0"], dtype=np.float64)
    course = _course(fit.content)
    run = run_schedule(fit.population, fit.contacts, seeds, course, schedule, seed_day=(fit.start - begin).days)
    return run, begin


def _course(content: dict[str, Any]) -> Course:
    def ages(name: str) -> FloatArray:
        return np.array(content[name], dtype=np.float64)

    history = NaturalHistory(
        LATENT,
        MILD,
        CASE,
        STAYS,
        STEPDOWN,
        ages("prob_hosp"),
        ages("prob_severe"),
        ages("prob_non_severe_death_treatment"),
        ages("prob_non_severe_death_no_treatment"),
        ages("prob_severe_death_treatment"),
        ages("prob_severe_death_no_treatment"),
    )
    protection = Protection(
        float(content["dur_vaccine_delay"]),
        float(content["dur_V"]),
        float(content["rel_infectiousness_vaccinated"]),
        ages("vaccine_coverage_mat"),
    )
    return Course.prepare(history, protection)


def fit_schedule(fit: Fit, begin: date, *, vaccinate: bool, correct: bool) -> Schedule:
    """Parameters of a fit by day from ``begin`` to its last day."""
    content, draw = fit.content, fit.draw
    days = np.arange((fit.last - begin).days)
    since_dose = days - (fit.first_dose - begin).days
    delta = content["delta"]
    since_delta = days - (date.fromisoformat(delta["start_date"]) - begin).days
    shift = float(delta["shift_duration"])

    supply = np.array(content["max_vaccine"], dtype=np.float64)
    number = np.clip(since_dose + 1, 0, len(supply) - 1)  # vaccination dates that have come
    infection, disease = _efficacies(fit, correct)
    element = number if correct else np.maximum(number - 1, 0)

    changes = [(date.fromisoformat(x) - begin).days for x in content["date_Rt_change"]]
    values = np.array([content["draws"]["R0"][draw], *(r[draw] for r in content["draws"]["Rt"])])
    immunity = np.where((since_delta >= 0) & (since_delta < shift), 2.0 / delta["delta_dur_R"], 2.0 / content["dur_R"])
    every_age = np.ones(len(fit.population))
    return Schedule(
        reproduction=values[np.searchsorted(changes, days, side="right")],
        first_doses=supply[number] if vaccinate else np.zeros(len(days)),
        immunity_rate=immunity,
        severity=1.0 + (delta["prob_hosp_multiplier"] - 1.0) * np.clip(since_delta / shift, 0.0, 1.0),
        ward_beds=np.full(len(days), float(content["hosp_bed_capacity"])),
        icu_beds=np.full(len(days), float(content["ICU_bed_capacity"])),
        efficacy_infection=infection[element, None] * every_age,
        efficacy_disease=disease[element, None] * every_age,
    )


def _efficacies(fit: Fit, correct: bool) -> tuple[FloatArray, FloatArray]:
    """Efficacy against infection, and against hospital need given infection, by element of the series (n + 1,).

    Doses mix by the share who had two, variants by Delta's share w; as published, w weighs the values before Delta.
    """
    content = fit.content
    ratio = np.atleast_1d(np.array(content["dose_ratio"], dtype=np.float64))
    two = np.concatenate([[0.0], ratio])
    delta = content["delta"]
    lead = (fit.first_dose - date.fromisoformat(delta["start_date"])).days
    weight = np.clip((lead + np.arange(len(ratio))) / float(delta["shift_duration"]), 0.0, 1.0)
    weight = np.concatenate([weight[:1], weight])
    if correct:
        weight = 1.0 - weight

    def at_quantile(name: str) -> float:
        central, low, high = content["vaccine_efficacies"][name]
        ves = content["draws"]["ves"][fit.draw]
        return float(
            central - max(0.0, 0.5 - ves) / 0.5 * (central - low) + max(0.0, ves - 0.5) / 0.5 * (high - central)
        )

    def mixed(kind: str, variant: str) -> FloatArray:
        return (1.0 - two) * at_quantile(f"ve_{kind}_low{variant}") + two * at_quantile(f"ve_{kind}_high{variant}")

    infection = weight * mixed("i", "") + (1.0 - weight) * mixed("i", "_d")
    disease = weight * mixed("d", "") + (1.0 - weight) * mixed("d", "_d")
    return infection, (disease - infection) / (1.0 - infection)


def deaths_between(run: PlaceRun, begin: date, first: date, last: date | None) -> float:
    """Deaths from the start of ``first`` to the start of ``last`` (None: the end of the run)."""

    def dead(day: date) -> float:
        at = (day - begin).days
        return float(run.dead[min(at, len(run.dead) - 1)]) if at > 0 else 0.0

    return (float(run.dead[-1]) if last is None else dead(last)) - dead(first)
