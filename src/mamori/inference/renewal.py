"""The reproduction number from a renewal model with delays, weekdays and incomplete last days (real-time use)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import gammaln

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.core.executor import run_chunks
from mamori.core.provenance import provenance
from mamori.core.rng import stream_key
from mamori.inference import _renewal
from mamori.inference.reproduction import PROBABILITIES, Note, Reason, ReproductionNumbers, check_counts
from mamori.inference.serial_interval import SerialInterval, check_distribution

DAYS_A_PERIOD = {None: 1, 365: 1, 52: 7}
"""Days that a count covers, by the number of periods a year."""
KNOT_DAYS = 3
"""log R is a random walk in steps of this many days, straight in between."""
LEVEL_SD, GROWTH_SD, FIRST_SD, WEEKDAY_SD = 3.0, 0.2, 0.7, 0.5
"""Standard deviations of the normal priors: log infections before the first day, their growth per day, the first
log R, and the log effects of the days of the week."""
STEP_SCALE, NOISE_SCALE = 0.1, 0.5
"""Half-normal priors: standard deviation of log R over a day, and 1 / sqrt(size) of the negative binomial."""
FEWEST_CASES = 10
ITERATIONS, TOLERANCE = 60, 1e-6


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
    problem = _Problem.make(counts, model, days, first_weekday)
    best = _hyper_mode(problem)
    if best is None:
        return None
    fits, weights = _around(problem, best)
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


@dataclass(frozen=True, eq=False)
class _Mode:
    """The mode theta (Q,) for one step and size: Cholesky factor of the precision, log marginal likelihood."""

    theta: np.ndarray
    factor: np.ndarray
    evidence: float


@dataclass(frozen=True, eq=False)
class _Problem:
    """One series: known counts, and what links days, knots, weekdays and counts."""

    counts: np.ndarray
    known: np.ndarray
    days: int
    weights: np.ndarray
    delays: np.ndarray
    reported: np.ndarray
    lead: int
    knot: np.ndarray
    share: np.ndarray
    weekdays: np.ndarray
    start: np.ndarray

    @classmethod
    def make(cls, counts: np.ndarray, model: RenewalModel, days: int, first_weekday: int) -> "_Problem":
        size = len(counts) * days
        # Knots are placed from the last day backwards, so that the last day has its own.
        from_first = (-(size - 1)) % KNOT_DAYS + np.arange(size)
        knot, share = np.divmod(from_first, KNOT_DAYS)
        weekdays = np.zeros((size, 6 if model.weekday and days == 1 else 0))
        if weekdays.shape[1]:
            # Effects that sum to 0: the seventh is minus the sum of the others.
            basis = np.vstack([np.eye(6), -np.ones(6)])
            weekdays = basis[(first_weekday + np.arange(size)) % 7]
        known = np.flatnonzero(np.isfinite(counts))
        early = float(np.mean(counts[known][: max(1, 7 // days)])) / days
        start = np.zeros(2 + int(knot[-1]) + 1 + weekdays.shape[1])
        start[0] = math.log(early + 0.5)
        return cls(
            counts[known], known, days, model.weights, model.delays, model.reported(size),
            max(len(model.weights), len(model.delays)), knot.astype(np.int64), share / KNOT_DAYS, weekdays, start,
        )  # fmt: skip

    @property
    def knots(self) -> int:
        return int(self.knot[-1]) + 1

    def log_r(self, theta: np.ndarray) -> np.ndarray:
        """Return log R by day (..., T)."""
        at_knots = theta[..., 2 : 2 + self.knots]
        following = np.minimum(self.knot + 1, self.knots - 1)
        return np.asarray(at_knots[..., self.knot] * (1 - self.share) + at_knots[..., following] * self.share)

    def weekday_effects(self, theta: np.ndarray) -> np.ndarray:
        """Return the log effects (7,) of Monday to Sunday."""
        effects = theta[2 + self.knots :]
        return np.append(effects, -effects.sum()) if len(effects) else np.zeros(7)

    def expected(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the expected known counts (n,) and their derivatives by the parameters (n, Q)."""
        size, columns = len(self.knot), 2 + self.knots
        log_r = np.clip(self.log_r(theta), -20.0, 20.0)
        infections, change = np.empty(self.lead + size), np.empty((self.lead + size, columns))
        _renewal.infections_by_day(log_r, theta[0], theta[1], self.lead, self.weights, infections)
        _renewal.change_by_day(log_r, infections, self.weights, self.knot, self.share, self.lead, change)
        counted, counted_change = np.empty(size), np.empty((size, columns))
        _renewal.counted_by_day(infections, change, self.delays, self.lead, counted, counted_change)
        factor = self.reported * np.exp(np.clip(self.weekdays @ theta[columns:], -5.0, 5.0))
        mean = counted * factor
        slope = np.hstack([counted_change * factor[:, None], mean[:, None] * self.weekdays])
        mean = mean.reshape(-1, self.days).sum(axis=1)[self.known]
        slope = slope.reshape(-1, self.days, slope.shape[1]).sum(axis=1)[self.known]
        return np.maximum(mean, 1e-8), slope

    def precision(self, step: float) -> np.ndarray:
        """Return the prior precision (Q, Q): normal around `start`, random walk of log R."""
        diagonal = np.full(len(self.start), 1e-6)
        diagonal[:3] = LEVEL_SD**-2.0, GROWTH_SD**-2.0, FIRST_SD**-2.0
        diagonal[2 + self.knots :] = WEEKDAY_SD**-2.0
        precision = np.diag(diagonal)
        walk = 1.0 / (KNOT_DAYS * step**2)
        for k in range(2, 1 + self.knots):
            precision[k : k + 2, k : k + 2] += walk * np.array([[1.0, -1.0], [-1.0, 1.0]])
        return precision

    def log_likelihood(self, mean: np.ndarray, size: float) -> float:
        y = self.counts
        terms = gammaln(y + size) - gammaln(size) - gammaln(y + 1) + y * np.log(mean) + size * math.log(size)
        return float(np.sum(terms - (y + size) * np.log(mean + size)))

    def mode(self, step: float, size: float, start: np.ndarray) -> _Mode | None:
        """Return the mode of the parameters for one step and size, or None when it is not found."""
        precision, theta = self.precision(step), start.copy()
        mean, slope = self.expected(theta)

        def objective(at: np.ndarray, mean: np.ndarray) -> float:
            away = at - self.start
            return self.log_likelihood(mean, size) - 0.5 * float(away @ precision @ away)

        value = objective(theta, mean)
        for _ in range(ITERATIONS):
            information = 1.0 / (mean + mean**2 / size)
            hessian = (slope * information[:, None]).T @ slope + precision
            gradient = slope.T @ (information * (self.counts - mean)) - precision @ (theta - self.start)
            try:
                factor = cho_factor(hessian, lower=True)
            except np.linalg.LinAlgError:
                return None
            move = cho_solve(factor, gradient)
            gain = float(gradient @ move)
            if gain < TOLERANCE:
                return self._mode(theta, factor[0], precision, value)
            scale = min(1.0, 2.0 / float(np.abs(move).max()))
            for _ in range(12):
                trial = theta + scale * move
                trial_mean, trial_slope = self.expected(trial)
                trial_value = objective(trial, trial_mean)
                if trial_value > value:
                    break
                scale *= 0.5
            else:
                # No better point: the mode, as far as rounding tells, when little was to be gained.
                return self._mode(theta, factor[0], precision, value) if gain < 1e-3 else None
            theta, mean, slope, value = trial, trial_mean, trial_slope, trial_value
        return None

    def _mode(self, theta: np.ndarray, factor: np.ndarray, precision: np.ndarray, value: float) -> _Mode:
        factor = np.tril(factor)
        _, prior_log_det = np.linalg.slogdet(precision)
        evidence = value + 0.5 * float(prior_log_det) - float(np.log(np.diag(factor)).sum())
        return _Mode(theta, factor, evidence)


def _log_hyperprior(log_step: float, log_size: float) -> float:
    """Return the log density of (log step, log size): half-normal priors of step and 1 / sqrt(size)."""
    noise = math.exp(-0.5 * log_size)
    walk = math.exp(log_step) / STEP_SCALE
    return log_step - 0.5 * walk**2 - 0.5 * log_size - 0.5 * (noise / NOISE_SCALE) ** 2


def _hyper_mode(problem: _Problem) -> tuple[float, float, _Mode] | None:
    """Return the most probable (log step, log size) with the mode there, by a pattern search."""
    at = (math.log(0.05), math.log(20.0))
    found = problem.mode(math.exp(at[0]), math.exp(at[1]), problem.start)
    if found is None:
        return None
    value, reach = found.evidence + _log_hyperprior(*at), 1.0
    while reach > 0.1:
        moved = False
        for step, size in ((reach, 0.0), (-reach, 0.0), (0.0, reach), (0.0, -reach)):
            trial = (at[0] + step, at[1] + size)
            if not (-7.0 < trial[0] < 1.0 and -2.0 < trial[1] < 14.0):
                continue
            mode = problem.mode(math.exp(trial[0]), math.exp(trial[1]), found.theta)
            if mode is not None and (new := mode.evidence + _log_hyperprior(*trial)) > value + 1e-3:
                at, found, value, moved = trial, mode, new, True
                break
        reach = reach if moved else reach / 2.0
    return (*at, found)


def _around(problem: _Problem, best: tuple[float, float, _Mode]) -> tuple[list[_Mode], np.ndarray]:
    """Return the modes at the centre and around it, and their weights.

    The marginal posterior of (log step, log size) is integrated by the Gauss-Hermite rule of three points each, whose
    widths come from its curvature along the axes; each point is weighed by density over that of the normal.
    """
    at, centre = best[:2], best[2]
    top = centre.evidence + _log_hyperprior(*at)
    widths = []
    for axis in (0, 1):
        drops = []
        for sign in (-0.3, 0.3):
            trial = (at[0] + sign * (axis == 0), at[1] + sign * (axis == 1))
            mode = problem.mode(math.exp(trial[0]), math.exp(trial[1]), centre.theta)
            if mode is not None:
                drops.append(top - mode.evidence - _log_hyperprior(*trial))
        curvature = 2.0 * float(np.mean(drops)) / 0.3**2 if drops else 1.0
        widths.append(min(1.0 / math.sqrt(max(curvature, 1e-3)), 1.0))
    fits, weights = [centre], [(2.0 / 3.0) ** 2]
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            if i == j == 0:
                continue
            z = math.sqrt(3.0) * i, math.sqrt(3.0) * j
            trial = at[0] + widths[0] * z[0], at[1] + widths[1] * z[1]
            mode = problem.mode(math.exp(trial[0]), math.exp(trial[1]), centre.theta)
            if mode is None:
                continue
            ratio = mode.evidence + _log_hyperprior(*trial) - top + 0.5 * (z[0] ** 2 + z[1] ** 2)
            rule = (2.0 / 3.0 if i == 0 else 1.0 / 6.0) * (2.0 / 3.0 if j == 0 else 1.0 / 6.0)
            fits.append(mode)
            weights.append(rule * math.exp(min(ratio, 3.0)))
    return fits, np.array(weights) / sum(weights)


def _share_seen(model: RenewalModel, days: int) -> np.ndarray:
    """Return the share (days,) of each day's infections that is counted and reported by the end of the last day."""
    by_age = np.zeros(days)
    reporting = np.ones(1) if model.reporting is None else model.reporting / model.reporting.sum()
    cumulative = np.cumsum(np.convolve(model.delays, reporting))
    by_age[:] = cumulative[np.minimum(np.arange(days), len(cumulative) - 1)]
    return by_age[::-1]
