"""Delays of the epidemic engine by whole days: from infection to infecting others, and from infection to death."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import expm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mamori.epidemic.pathogen import PathogenDraws

    FloatArray = NDArray[np.float64]

GENERATION_DAYS = 42
DEATH_WEEKS = 14
GRID = 10  # points a day on which densities are integrated


def generation_time(pathogen: PathogenDraws, population: FloatArray) -> FloatArray:
    """Share of an infection's infectiousness by whole days since infection, (D, GENERATION_DAYS).

    The infected are as old as ``population`` (17,). Day s holds who is infected s days after the infector when both
    are infected at any hour of their days.
    """
    share = population / population.sum()
    rows = []
    for d in range(len(pathogen.r0)):
        cases = float(share @ np.minimum(pathogen.prob_hospital[d], 1.0 - pathogen.asymptomatic_share[d]))
        silent = float(share @ pathogen.asymptomatic_share[d])
        latent = [2.0 / pathogen.latent_days[d]] * 2
        weighted = (
            (cases, [2.0 / pathogen.case_days[d]] * 2, 1.0),
            (silent, [1.0 / pathogen.asymptomatic_days[d]], float(pathogen.asymptomatic_infectiousness[d])),
            (1.0 - cases - silent, [1.0 / pathogen.mild_days[d]], 1.0),
        )
        density = sum(
            weight * infectiousness * _occupancy(latent + rates, 2) for weight, rates, infectiousness in weighted
        )
        rows.append(_by_day(np.asarray(density), GENERATION_DAYS))
    return np.array(rows)


def infection_to_death(pathogen: PathogenDraws, population: FloatArray) -> FloatArray:
    """Share of the deaths of people infected in one week by weeks since then, (D, DEATH_WEEKS), with a bed for all.

    Infections are spread evenly over their week; the mixture of wards and intensive care is that of the deaths when
    the infected are as old as ``population`` (17,).
    """
    rows = []
    for d in range(len(pathogen.r0)):
        need = population * pathogen.prob_hospital[d]
        ward = float(need @ ((1.0 - pathogen.prob_icu[d]) * pathogen.death_ward[d]))
        icu = float(need @ (pathogen.prob_icu[d] * pathogen.death_icu[d]))
        before = [2.0 / pathogen.latent_days[d]] * 2 + [2.0 / pathogen.case_days[d]] * 2
        ways = ((ward, np.asarray(pathogen.stays.ward_die)[d]), (icu, np.asarray(pathogen.stays.icu_die)[d]))
        density = sum(
            weight * rates[-1] * _occupancy(rates, len(rates) - 1)
            for weight, rates in ((weight, [*before, 2.0 / stay, 2.0 / stay]) for weight, stay in ways)
        )
        days = _by_day(np.asarray(density), 7 * DEATH_WEEKS)
        week = np.convolve(days, np.full(7, 1.0 / 7.0))[: 7 * DEATH_WEEKS].reshape(DEATH_WEEKS, 7).sum(axis=1)
        rows.append(week / week.sum())
    return np.array(rows)


def _occupancy(rates: Sequence[float], first: int) -> FloatArray:
    """Chance of being in stage ``first`` or a later one of a chain of exponential stages, on the grid of times."""
    size = len(rates)
    generator = np.diag(-np.asarray(rates, dtype=np.float64)) + np.diag(rates[:-1], k=-1)
    step = expm(generator / GRID)
    state = np.zeros(size)
    state[0] = 1.0
    chances = np.empty(7 * DEATH_WEEKS * GRID + 1)
    for k in range(len(chances)):
        chances[k] = state[first:].sum()
        state = step @ state
    return chances


def _by_day(density: FloatArray, days: int) -> FloatArray:
    """Integrate a density on the grid over the days since a day at whose hours the infection was spread evenly."""
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1])) / GRID])
    # Infected at hour v of its day, day s means a delay between s - v and s + 1 - v: means of F over whole days differ.
    middle = 0.5 * (cumulative[1:] + cumulative[:-1])
    by_day = np.diff(middle[: days * GRID].reshape(days, GRID).mean(axis=1), prepend=0.0)
    return np.asarray(by_day / by_day.sum())
