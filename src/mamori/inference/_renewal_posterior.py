"""The posterior of a renewal model of one series: expected counts, mode by Fisher scoring, hyperparameters around."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import gammaln

from mamori.inference import _renewal

if TYPE_CHECKING:
    from mamori.inference.renewal import RenewalModel

KNOT_DAYS = 3
"""log R is a random walk in steps of this many days, straight in between."""
LEVEL_SD, GROWTH_SD, FIRST_SD, WEEKDAY_SD = 3.0, 0.2, 0.7, 0.5
"""Standard deviations of the normal priors: log infections before the first day, their growth per day, the first
log R, and the log effects of the days of the week."""
STEP_SCALE, NOISE_SCALE = 0.1, 0.5
"""Half-normal priors: standard deviation of log R over a day, and 1 / sqrt(size) of the negative binomial."""
HYPER_STARTS = ((math.log(0.05), math.log(20.0)), (math.log(0.3), 0.0))
"""(log step, log size) from which their mode is looked for; the second where counts are wild."""
ITERATIONS, ATTEMPTS, TOLERANCE, LONGEST_MOVE = 100, 15, 1e-6, 2.0


@dataclass(frozen=True, eq=False)
class Mode:
    """The mode theta (Q,) for one step and size: Cholesky factor of the precision, log marginal likelihood."""

    theta: np.ndarray
    factor: np.ndarray
    evidence: float


@dataclass(frozen=True, eq=False)
class Problem:
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
    prior_mean: np.ndarray

    @classmethod
    def make(cls, counts: np.ndarray, model: "RenewalModel", days: int, first_weekday: int) -> "Problem":
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
        prior_mean = np.zeros(2 + int(knot[-1]) + 1 + weekdays.shape[1])
        prior_mean[0] = math.log(float(np.mean(counts[known][: max(1, 7 // days)])) / days + 0.5)
        return cls(
            counts[known], known, days, model.weights, model.delays, model.reported(size),
            max(len(model.weights), len(model.delays)), knot.astype(np.int64), share / KNOT_DAYS, weekdays, prior_mean,
        )  # fmt: skip

    def first_guess(self) -> np.ndarray:
        """Return parameters (Q,) to begin with: R of smoothed counts moved back by the mean delay."""
        size = len(self.knot)
        periods = np.interp(np.arange(size // self.days), self.known, self.counts) / self.days
        daily = np.repeat(periods, self.days) / np.maximum(self.reported, 0.1) + 0.5
        smooth = np.convolve(np.pad(daily, 3, mode="edge"), np.full(7, 1.0 / 7.0), mode="valid")
        back = min(round(float(np.arange(len(self.delays)) @ self.delays)), size - 1)
        infections = np.pad(smooth[back:], (self.lead, back), mode="edge")
        pressure = np.convolve(infections, self.weights)[self.lead : self.lead + size]
        log_r = np.clip(np.log(infections[self.lead :] / pressure), -1.0, 1.0)
        guess = self.prior_mean.copy()
        guess[0] = math.log(infections[0])
        days_before_last = KNOT_DAYS * np.arange(self.knots)[::-1]
        guess[2 : 2 + self.knots] = np.interp(size - 1 - days_before_last, np.arange(size), log_r)
        return guess

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
        """Return the prior precision (Q, Q): normal around `prior_mean`, random walk of log R."""
        diagonal = np.full(len(self.prior_mean), 1e-6)
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

    def mode(self, step: float, size: float, start: np.ndarray) -> Mode | None:
        """Return the mode of the parameters for one step and size, or None when it is not found."""
        try:
            return self._search(step, size, start)
        except np.linalg.LinAlgError:  # counts so wild that rounding leaves no positive definite precision
            return None

    def _search(self, step: float, size: float, start: np.ndarray) -> Mode | None:
        """Return the mode by Fisher scoring, damped where a step does not help (Levenberg and Marquardt)."""
        precision, theta = self.precision(step), start.copy()
        mean, slope = self.expected(theta)

        def objective(at: np.ndarray, mean: np.ndarray) -> float:
            away = at - self.prior_mean
            return self.log_likelihood(mean, size) - 0.5 * float(away @ precision @ away)

        value, damping = objective(theta, mean), 0.0
        for _ in range(ITERATIONS):
            information = 1.0 / (mean + mean**2 / size)
            hessian = (slope * information[:, None]).T @ slope + precision
            gradient = slope.T @ (information * (self.counts - mean)) - precision @ (theta - self.prior_mean)
            factor = cho_factor(hessian, lower=True)
            gain = float(gradient @ cho_solve(factor, gradient))
            if gain < TOLERANCE:
                return self._mode(theta, factor[0], precision, value)
            for _ in range(ATTEMPTS):
                damped = hessian + damping * np.diag(np.diag(hessian))
                move = cho_solve(cho_factor(damped, lower=True), gradient)
                trial = theta + move * min(1.0, LONGEST_MOVE / float(np.abs(move).max()))
                trial_mean, trial_slope = self.expected(trial)
                trial_value = objective(trial, trial_mean)
                if trial_value > value:
                    break
                damping = max(10.0 * damping, 1e-3)
            else:
                # No better point: the mode, as far as rounding tells, when little was to be gained.
                return self._mode(theta, factor[0], precision, value) if gain < 1e-3 else None
            damping = damping / 10.0 if damping > 1e-3 else 0.0
            theta, mean, slope, value = trial, trial_mean, trial_slope, trial_value
        return None

    def _mode(self, theta: np.ndarray, factor: np.ndarray, precision: np.ndarray, value: float) -> Mode:
        factor = np.tril(factor)
        _, prior_log_det = np.linalg.slogdet(precision)
        evidence = value + 0.5 * float(prior_log_det) - float(np.log(np.diag(factor)).sum())
        return Mode(theta, factor, evidence)


def _log_hyperprior(log_step: float, log_size: float) -> float:
    """Return the log density of (log step, log size): half-normal priors of step and 1 / sqrt(size)."""
    noise = math.exp(-0.5 * log_size)
    walk = math.exp(log_step) / STEP_SCALE
    return log_step - 0.5 * walk**2 - 0.5 * log_size - 0.5 * (noise / NOISE_SCALE) ** 2


def hyper_mode(problem: Problem) -> tuple[float, float, Mode] | None:
    """Return the most probable (log step, log size) with the mode there, by a pattern search."""
    guess = problem.first_guess()
    for at in HYPER_STARTS:
        found = problem.mode(math.exp(at[0]), math.exp(at[1]), guess)
        if found is not None:
            break
    else:
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


def modes_around(problem: Problem, best: tuple[float, float, Mode]) -> tuple[list[Mode], np.ndarray]:
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
