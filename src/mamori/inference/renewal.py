"""The reproduction number from a renewal model with delays, weekdays and incomplete last days (real-time use)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.core.executor import run_chunks
from mamori.core.provenance import provenance
from mamori.core.rng import stream_key
from mamori.inference import _renewal
from mamori.inference._renewal_posterior import Problem, hyper_mode, modes_around
from mamori.inference.reproduction import PROBABILITIES, Note, Reason, ReproductionNumbers, check_counts
from mamori.inference.serial_interval import SerialInterval, check_distribution

DAYS_A_PERIOD = {None: 1, 365: 1, 52: 7}
"""Days that a count covers, by the number of periods a year."""
FEWEST_CASES = 10


@dataclass(frozen=True, eq=False)
class RenewalModel:
    """What turns infections into counts. Distributions are probabilities of 0, 1, ... days.

    `generation` is the generation time w (or the serial interval in its place). `delay` is the time from infection
    to the date by which a case is counted (None: counted on the day of infection). `reporting` is the time from that
    date until the case is in the data; with it the last days are taken as incomplete. `weekday` says whether counts
    depend on the weekday; it has no meaning for weekly counts.

    Raises `InputError` for what is no distribution.
    """

    generation: SerialInterval
    delay: np.ndarray | None = None
    reporting: np.ndarray | None = None
    weekday: bool = True

    def __post_init__(self) -> None:
        for what, mass in (("delay", self.delay), ("reporting delay", self.reporting)):
            if mass is not None:
                check_distribution(mass, what)

    @cached_property
    def weights(self) -> np.ndarray:
        """The generation time (K,), complete."""
        return self.generation.complete()

    @cached_property
    def delays(self) -> np.ndarray:
        """The delay from infection to the date that counts (D,)."""
        return np.ones(1) if self.delay is None else np.asarray(self.delay / self.delay.sum())

    def reported(self, days: int) -> np.ndarray:
        """Return the share (days,) of the cases of each day that is in the data at the end of the last day."""
        if self.reporting is None:
            return np.ones(days)
        cumulative = np.minimum(np.cumsum(self.reporting) / self.reporting.sum(), 1.0)
        return np.asarray(cumulative[np.minimum(np.arange(days)[::-1], len(cumulative) - 1)])

    def described(self) -> dict[str, object]:
        """Return the model for settings and provenance."""
        return {
            "generation": self.generation.described(),
            "delay": None if self.delay is None else self.delay.tolist(),
            "reporting": None if self.reporting is None else self.reporting.tolist(),
            "weekday": self.weekday,
        }


@dataclass(frozen=True, eq=False)
class RenewalFit:
    """Draws (N, T) of log R by day.

    `step` is the standard deviation of log R over a day, `size` the negative binomial's, `weekday` (7,) the factors
    of the days of the week, all at the mode.
    """

    log_r: np.ndarray
    step: float
    size: float
    weekday: np.ndarray


def estimate_renewal(
    observations: Observations,
    model: RenewalModel,
    *,
    draws: int = 500,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> ReproductionNumbers:
    """Return the reproduction number of each period under a renewal model (see `fit_renewal`).

    ``observations.counts`` (S, T) are daily, or weekly (frequency 52): then a period's value is the geometric mean
    of its days. A missing count is left out of the likelihood. Reasons: ``no-cases`` (fewer than 10 in all, too few
    to fit), ``no-convergence``. Note ``incomplete``: less than half of what a period's infections cause is in the data.

    Raises `InputError` for counts that are negative, infinite, or neither daily nor weekly.
    """
    if observations.frequency not in DAYS_A_PERIOD:
        raise InputError(
            f"the counts come {observations.frequency} times a year; the renewal model needs daily or weekly ones. "
            "Give such counts"
        )
    if draws < 2:
        raise InputError(f"draws is {draws}; it must be >= 2. Give more, e.g. 500")
    counts = check_counts(observations.counts, observations.names)
    days = DAYS_A_PERIOD[observations.frequency]
    first_weekday = 0 if observations.dates is None else int(observations.dates[0].astype(int) + 3) % 7
    series, periods = counts.shape
    if not counts.size:
        raise InputError("there are no counts. Give at least one series")
    mean, sd = np.full((series, periods), np.nan), np.full((series, periods), np.nan)
    quantiles = np.full((series, periods, len(PROBABILITIES)), np.nan)
    reason = np.zeros((series, periods), dtype=np.uint8)

    def one(s: int) -> None:
        if np.nansum(counts[s]) < FEWEST_CASES:
            reason[s] = Reason.NO_CASES
            return
        fit = fit_renewal(counts[s], model, days=days, first_weekday=first_weekday, draws=draws, seed=seed,
                          name=observations.names[s])  # fmt: skip
        if fit is None:
            reason[s] = Reason.NO_CONVERGENCE
            return
        r = np.exp(fit.log_r.reshape(draws, periods, days).mean(axis=2))
        mean[s], sd[s] = r.mean(axis=0), r.std(axis=0, ddof=1)
        quantiles[s] = np.quantile(r, PROBABILITIES, axis=0).T

    for _ in run_chunks(one, range(series), workers=workers, progress=progress):
        pass
    seen = _share_seen(model, periods * days).reshape(periods, days).mean(axis=1)
    note = np.where((seen < 0.5)[None, :] & (reason == Reason.COMPUTED), Note.INCOMPLETE, Note.NOTHING)
    settings = model.described() | {"draws": draws, "seed": seed}
    return ReproductionNumbers(
        "renewal", observations, observations.t, observations.t, mean, sd, quantiles, reason,
        note.astype(np.uint8), settings, provenance(settings=settings),
    )  # fmt: skip


def fit_renewal(
    counts: np.ndarray,
    model: RenewalModel,
    *,
    days: int = 1,
    first_weekday: int = 0,
    draws: int = 500,
    seed: int = 0,
    name: str = "",
) -> RenewalFit | None:
    """Return draws from the posterior of a renewal model of one series, None where its mode is not found.

    `counts` (n,) cover `days` days each; NaN is missing. The first day falls on `first_weekday` (0 Monday). With
    infections i, generation time w, delay pi, reported share F and weekday effect d:

        i_t = R_t sum_{k>=1} w_k i_{t-k},  i_t = exp(level + growth t) before the first day,
        mu_t = F_{T-t} exp(d_t) sum_{k>=0} pi_k i_{t-k},  y ~ negative binomial (mean sum mu_t, size phi),
        log R_{t+1} - log R_t ~ N(0, step^2).

    The mode is found by Fisher scoring, the posterior taken as normal there (Laplace), with step and phi integrated
    over nine points around the mode of their marginal likelihood. Infections are in units of counted cases: a
    constant share of cases that are never counted changes nothing.
    """
    problem = Problem.make(counts, model, days, first_weekday)
    best = hyper_mode(problem)
    if best is None:
        return None
    fits, weights = modes_around(problem, best)
    centre = fits[0]
    normal = np.empty((draws, len(centre.theta)))
    _renewal.normal_numbers(stream_key(seed, "renewal", name, 0), normal)
    chosen = np.searchsorted(np.cumsum(weights)[:-1], (np.arange(draws) + 0.5) / draws)
    log_r = np.empty((draws, len(problem.knot)))
    for index in np.unique(chosen):
        fit, rows = fits[index], np.flatnonzero(chosen == index)
        theta = fit.theta + solve_triangular(fit.factor, normal[rows].T, lower=True, trans="T").T
        log_r[rows] = problem.log_r(theta)
    weekday = np.exp(problem.weekday_effects(centre.theta))
    return RenewalFit(log_r, math.exp(best[0]), math.exp(best[1]), weekday)


def _share_seen(model: RenewalModel, days: int) -> np.ndarray:
    """Return the share (days,) of each day's infections that is counted and reported by the end of the last day."""
    by_age = np.zeros(days)
    reporting = np.ones(1) if model.reporting is None else model.reporting / model.reporting.sum()
    cumulative = np.cumsum(np.convolve(model.delays, reporting))
    by_age[:] = cumulative[np.minimum(np.arange(days), len(cumulative) - 1)]
    return by_age[::-1]
