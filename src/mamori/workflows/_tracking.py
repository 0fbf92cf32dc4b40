"""One run of the epidemic engine that follows wanted infections: transmission is set at the start of each week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mamori.epidemic.model import Drivers, Epidemic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mamori.epidemic.pathogen import PathogenDraws, Vaccine

    FloatArray = NDArray[np.float64]

HIGHEST_REPRODUCTION = 10.0
LOWEST_REPRODUCTION = 0.02
DAYS = 7


@dataclass(frozen=True)
class Conditions:
    """What acts on the places by week besides transmission: (D, P, W), beds (P,)."""

    first_doses_per_day: FloatArray
    booster_doses_per_day: FloatArray
    severity: FloatArray
    vaccine_efficacy_scale: FloatArray
    reinfection_rate: FloatArray
    ward_beds: FloatArray
    icu_beds: FloatArray


@dataclass(frozen=True)
class Course:
    """Results of `follow` by week, (D, P, W).

    ``reproduction``: of a population without immunity, what was set; ``susceptibility``: infections per infectiousness
    relative to such a population; ``capped``: whether the reproduction number wanted was above the highest one.
    """

    reproduction: FloatArray
    susceptibility: FloatArray
    infections: FloatArray
    deaths: FloatArray
    capped: NDArray[np.bool_]


def follow(
    population: FloatArray,
    contacts: FloatArray,
    pathogen: PathogenDraws,
    vaccine: Vaccine,
    coverage: FloatArray,
    conditions: Conditions,
    wanted: FloatArray,
    start: NDArray[np.int64],
    generation: FloatArray,
    guess: FloatArray | None,
    codes: tuple[str, ...],
) -> Course:
    """Run D draws of P places over the weeks of ``wanted`` (D, P, W) infections, from week ``start`` (P,) of each.

    In its first week a place gets its infections as seeds. For each later one the renewal equation i_t = R c Lambda_t,
    Lambda_t = sum_s g_s i_{t-s}, foresees the week's infections from those of the engine so far, and gives the R for
    which they are the wanted ones. c is last week's susceptibility times its change in ``guess`` (an earlier run's).
    """
    draws, places, weeks = wanted.shape
    engine = Epidemic(
        population, contacts, pathogen, seed=0, place_codes=codes, vaccine=vaccine, coverage=coverage,
        stochastic_below=0.0, accuracy="coarse", icu_fallback=True,
    )  # fmt: skip
    length = generation.shape[1]
    infections = np.zeros((draws, places, length + weeks * DAYS))  # so many empty days before the first
    shape = (draws, places, weeks)
    reproduction, susceptibility = np.zeros(shape), np.ones(shape)
    deaths, capped = np.zeros(shape), np.zeros(shape, dtype=bool)
    lagged = generation[:, ::-1]  # lagged[:, k] weighs the day k - length before today; today itself is the last
    change = np.ones(shape)
    if guess is not None:
        change[..., 1:] = guess[..., 1:] / guess[..., :-1]
    for week in range(weeks):
        today = length + week * DAYS
        seeds = np.where(start == week, wanted[..., week], 0.0)
        if seeds.any():
            engine.infect(seeds)
        running = start < week
        c = susceptibility[..., week - 1] * change[..., week] if week else np.ones((draws, places))
        growth = _needed(infections[..., today - length + 1 : today], lagged, wanted[..., week])
        r = np.where(running, growth / c, 0.0)
        capped[..., week] = running & (r > HIGHEST_REPRODUCTION)
        r = np.clip(r, LOWEST_REPRODUCTION, HIGHEST_REPRODUCTION)
        r = np.where(running, r, 0.0)
        flows = engine.advance(DAYS, _drivers(conditions, week, r / pathogen.r0[:, None]))
        infections[..., today : today + DAYS] = flows.infections
        infections[..., today] += seeds
        deaths[..., week] = flows.deaths.sum(axis=2)
        pressure = _pressure(infections[..., today - length + 1 : today + DAYS], lagged)
        reproduction[..., week] = r
        with np.errstate(invalid="ignore", divide="ignore"):
            found = flows.infections.sum(axis=2) / (r * pressure)
        susceptibility[..., week] = np.where(running & (pressure > 0), found, 1.0)
    by_week = infections[..., length:].reshape(draws, places, weeks, DAYS).sum(axis=3)
    return Course(reproduction, susceptibility, by_week, deaths, capped)


def _drivers(conditions: Conditions, week: int, transmission: FloatArray) -> Drivers:
    return Drivers(
        transmission=transmission,
        first_doses_per_day=conditions.first_doses_per_day[..., week],
        booster_doses_per_day=conditions.booster_doses_per_day[..., week],
        ward_beds=conditions.ward_beds,
        icu_beds=conditions.icu_beds,
        severity=conditions.severity[..., week],
        vaccine_efficacy_scale=conditions.vaccine_efficacy_scale[..., week],
        reinfection_rate=conditions.reinfection_rate[..., week],
    )


def _pressure(infections: FloatArray, lagged: FloatArray) -> FloatArray:
    """Sum over the last week of Lambda_t, (D, P), from the days up to its end, (D, P, length - 1 + 7)."""
    length = lagged.shape[1]
    return np.asarray(sum(np.einsum("dps,ds->dp", infections[..., t : t + length], lagged) for t in range(DAYS)))


def _needed(history: FloatArray, lagged: FloatArray, wanted: FloatArray) -> FloatArray:
    """R c (D, P) for which the week after ``history`` (D, P, length - 1) has ``wanted`` infections; Newton's method."""
    length = lagged.shape[1]
    past = np.stack(
        [np.einsum("dps,ds->dp", history[..., t:], lagged[:, : length - 1 - t]) for t in range(DAYS)], axis=-1
    )
    within = lagged[:, ::-1][:, :DAYS]
    growth = wanted / np.maximum(past.sum(axis=2), 1e-300)
    for _ in range(6):
        days: list[FloatArray] = []
        slopes: list[FloatArray] = []
        total, slope = np.zeros_like(wanted), np.zeros_like(wanted)
        for t in range(DAYS):
            inner = sum((within[:, t - u, None] * days[u] for u in range(t)), np.zeros_like(wanted))
            turn = sum((within[:, t - u, None] * slopes[u] for u in range(t)), np.zeros_like(wanted))
            left = 1.0 - growth * within[:, 0, None]
            day = growth * (past[..., t] + inner) / left
            days.append(day)
            slopes.append((past[..., t] + inner + growth * turn) / left + day * within[:, 0, None] / left)
            total += day
            slope += slopes[-1]
        growth = np.clip(
            growth * np.exp(np.clip((wanted - total) / np.maximum(slope * growth, 1e-300), -1, 1)), 1e-3, 1e2
        )
    return np.asarray(growth)
