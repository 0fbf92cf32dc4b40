"""The SEIR model with ages: the smallest epidemic, for teaching, for checks and for comparison with other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mamori.core.errors import InputError
from mamori.core.rng import stream_key
from mamori.epidemic import _seir as kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


def simulate_seir(
    contacts: FloatArray,
    population: FloatArray,
    *,
    reproduction_number: float,
    latent_days: float,
    infectious_days: float,
    days: int,
    seeds: FloatArray,
    draws: int | None = None,
    seed: int = 0,
    steps_per_day: int = 1,
) -> FloatArray:
    """Return susceptible, latent, infectious and recovered people by day and age.

    ``contacts`` (A, A) per day of a person aged i (row) with persons aged j; ``population`` and ``seeds`` (A,) persons,
    the seeds infectious at the start. Without ``draws`` the equations

    dS_i/dt = -lambda_i S_i, dE_i/dt = lambda_i S_i - E_i / latent_days,
    dI_i/dt = E_i / latent_days - I_i / infectious_days, lambda_i = beta sum_j c_ij I_j / N_j,
    beta = R0 / (infectious_days x leading eigenvalue of c),

    are solved by Dormand-Prince 5 with a step of a day: (days + 1, 4, A). With ``draws`` whole people move by chance
    (chain binomial, ``steps_per_day``; mean stays exact, their variance a little small): (draws, days + 1, 4, A).

    Raises `InputError` for shapes that do not fit, and for negative or missing numbers.
    """
    population = np.asarray(population, dtype=np.float64)
    contacts = np.asarray(contacts, dtype=np.float64)
    seeds = np.asarray(seeds, dtype=np.float64)
    ages = len(population)
    for name, value, shape in (("contacts", contacts, (ages, ages)), ("seeds", seeds, (ages,))):
        if value.shape != shape:
            raise InputError(f"{name} has shape {value.shape}; with {ages} ages in population it must be {shape}")
    if not all(np.all(np.isfinite(v)) and np.all(v >= 0) for v in (population, contacts, seeds)):
        raise InputError("population, contacts or seeds hold a negative or missing number; every entry must be >= 0")
    if np.any(seeds > population):
        raise InputError("seeds exceed the population of an age; seed fewer people")
    if not (latent_days > 0 and infectious_days > 0 and reproduction_number >= 0 and days >= 1 and steps_per_day >= 1):
        raise InputError("latent_days, infectious_days, days and steps_per_day must be > 0, reproduction_number >= 0")
    if draws is not None and steps_per_day * min(latent_days, infectious_days) < 1:
        raise InputError(f"steps_per_day is {steps_per_day}; a step must not be longer than a stage. Take more steps")
    beta = reproduction_number / (infectious_days * np.abs(np.linalg.eigvals(contacts)).max())
    contact = np.ascontiguousarray((beta * contacts / np.where(population > 0, population, np.inf)).T)
    start = np.stack([population - seeds, np.zeros(ages), seeds, np.zeros(ages)])
    out = np.zeros((1 if draws is None else draws, days + 1, 4, ages))
    if draws is None:
        kernels.run_seir(start, contact, 1.0 / latent_days, 1.0 / infectious_days, out[0])
        return np.asarray(out[0])
    for d in range(draws):
        key = stream_key(seed, "seir", "", d)
        kernels.run_seir_by_chance(
            start.round(), contact, 1.0 / latent_days, 1.0 / infectious_days, key, steps_per_day, out[d]
        )
    return out
