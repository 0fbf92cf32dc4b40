"""A nowcast model that is smooth in time: random walks of log incidence and of the speed of reporting."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

from mamori.core.rng import stream_key
from mamori.inference import _nowcast
from mamori.inference._nowcast_rows import Rows

BLOCK = {365: 7, 52: 2}
"""Report periods that share one shift of the hazards, by periods a year."""
WALK_SCALE = {365: 0.2, 52: 0.5}
"""Half-normal prior of the standard deviation of the random walk of log incidence, per period."""
NOISE_SCALE, SIZE_SCALE, SHIFT_SCALE = 0.5, 0.5, 0.3
"""Half-normal priors: noise of log incidence from period to period, 1 / sqrt(size), and a shift from block to block."""
LEVEL_SD, HAZARD_SD, HAZARD_STEP_SD, FIRST_SHIFT_SD, WEEKDAY_SD = 3.0, 2.0, 1.0, 0.3, 0.5
START = np.log([0.1, 0.1, 0.2, 0.1])
"""Where the search for the four scales begins: walk, noise, 1 / sqrt(size), shift."""
ITERATIONS, TOLERANCE = 50, 1e-2
SEARCH, POINTS = 70, 16
"""Evaluations of the search for the scales, and points at which they are integrated."""


@dataclass(frozen=True, eq=False)
class _Mode:
    """The mode x (P,) for given scales, the Cholesky factor of its precision and the log marginal likelihood."""

    x: np.ndarray
    factor: np.ndarray
    evidence: float


@dataclass(frozen=True, eq=False)
class SmoothFit:
    """Draws for the open periods: mean and squares of the cells to come, size, share known; (K, N) each."""

    mean: np.ndarray
    squares: np.ndarray
    size: np.ndarray
    share: np.ndarray


class SmoothModel:
    """The model of one series, prepared from its rows; `weekday` is that of the first period (0 Monday)."""

    def __init__(self, rows: Rows, frequency: int, weekday: int) -> None:
        self.longest = rows.longest
        self.periods = len(rows.age)
        self.has_week = int(frequency == 365)
        self.weekday = weekday
        self.walk_scale = WALK_SCALE[frequency]
        # Blocks are counted backwards from the last report, so that the last block is a whole one.
        since = np.maximum(self.periods - 1 - np.arange(self.periods + self.longest + 1), 0) // BLOCK[frequency]
        self.blocks = int(since[0]) + 1
        self.block = (self.blocks - 1 - since).astype(np.int64)
        self.cells = _cells(rows.reported)
        self.start = self._start(rows)

    @property
    def _at(self) -> tuple[int, int, int]:
        """Where the hazards, the weekdays and the shifts begin among the parameters."""
        week = self.periods + self.longest
        return self.periods, week, week + 14 * self.has_week

    def _start(self, rows: Rows) -> np.ndarray:
        """Return the centre of the prior: the mean level, the same hazard at each delay, no effects."""
        _, week, shift = self._at
        start = np.zeros(shift + self.blocks)
        start[: self.periods] = math.log(np.nanmean(rows.latest) + 0.5)
        start[self.periods : week] = math.log(2.0 / (self.longest + 1))
        return start

    def precision(self, scales: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the prior precision (P, P) for the logs of walk, noise, 1 / sqrt(size) and shift, and its log det."""
        walk, noise, _, step = np.exp(scales)
        hazards, week, shift = self._at
        whole = np.zeros((len(self.start), len(self.start)))
        t = np.arange(self.periods, dtype=float)
        covariance = LEVEL_SD**2 + walk**2 * np.minimum(t[:, None], t) + noise**2 * np.eye(self.periods)
        factor = cho_factor(covariance, lower=True)
        whole[: self.periods, : self.periods] = cho_solve(factor, np.eye(self.periods))
        log_det = -2.0 * float(np.log(np.diag(factor[0])).sum())
        for first, stop, start_sd, step_sd in (
            (hazards, week, HAZARD_SD, HAZARD_STEP_SD),
            (shift, len(self.start), FIRST_SHIFT_SD, step),
        ):
            whole[first, first] += start_sd**-2.0
            for i in range(first, stop - 1):
                whole[i : i + 2, i : i + 2] += step_sd**-2.0 * np.array([[1.0, -1.0], [-1.0, 1.0]])
            log_det -= 2.0 * (stop - first - 1) * math.log(step_sd)
        whole[range(week, shift), range(week, shift)] = WEEKDAY_SD**-2.0
        return whole, log_det

    def mode(self, scales: np.ndarray, start: np.ndarray) -> _Mode | None:
        """Return the mode for the given scales (logs), found by Fisher scoring; None when it is not found."""
        prior, log_det = self.precision(scales)
        size = math.exp(-2.0 * scales[2])
        x = start
        value, gradient, hessian = self._objective(x, prior, size)
        for _ in range(ITERATIONS):
            try:
                factor = cho_factor(hessian, lower=True)
            except np.linalg.LinAlgError:
                return None
            move = cho_solve(factor, gradient)
            gain = float(gradient @ move)
            if gain < TOLERANCE:
                # The last step is so short that the quadratic approximation tells what it gains.
                x, value = x + move, value + 0.5 * gain
                break
            scale = min(1.0, 3.0 / float(np.abs(move).max()))
            for _ in range(12):
                trial = x + scale * move
                trial_value, trial_gradient, trial_hessian = self._objective(trial, prior, size)
                if trial_value > value:
                    break
                scale *= 0.5
            else:
                # No better point: the mode, as far as rounding tells, when little was to be gained.
                if gain < 1e-2:
                    break
                return None
            x, value, gradient, hessian = trial, trial_value, trial_gradient, trial_hessian
        else:
            return None
        evidence = value + 0.5 * log_det - float(np.log(np.diag(factor[0])).sum())
        return _Mode(x, factor[0], evidence + self._log_prior(scales))

    def _log_prior(self, scales: np.ndarray) -> float:
        """Return the log prior density of the logs of the scales: half-normal."""
        widths = np.array([self.walk_scale, NOISE_SCALE, SIZE_SCALE, SHIFT_SCALE])
        return float(np.sum(scales - 0.5 * (np.exp(scales) / widths) ** 2))

    def _objective(self, x: np.ndarray, prior: np.ndarray, size: float) -> tuple[float, np.ndarray, np.ndarray]:
        away = x - self.start
        pull = prior @ away
        gradient, hessian = -pull, prior.copy()
        value = _nowcast.likelihood(
            x, size, self.longest, self.weekday, self.has_week, self.block, self.blocks, *self.cells, gradient, hessian
        )
        return float(value) - 0.5 * float(away @ pull), gradient, hessian

    def fit(self, rows: Rows, draws: int, seed: int, name: str) -> SmoothFit | None:
        """Return `draws` draws for the open periods of `rows`, None where no mode is found."""
        found = self._scales()
        if found is None:
            return None
        key = stream_key(seed, "nowcast-smooth", name, 0)
        modes, weights = self._around(*found, key)
        normal = np.empty((draws, len(self.start)))
        _nowcast.normals(key, normal)
        edges = np.cumsum(weights)[:-1]
        chosen = np.searchsorted(edges, (np.arange(draws) + 0.5) / draws)
        open_rows = np.flatnonzero(rows.open)
        shape = (len(open_rows), draws)
        x, size = np.empty((draws, len(self.start))), np.empty(draws)
        for index in np.unique(chosen):
            (mode, scales), mine = modes[index], np.flatnonzero(chosen == index)
            x[mine] = mode.x + solve_triangular(mode.factor, normal[mine].T, lower=True, trans="T").T
            size[mine] = math.exp(-2.0 * scales[2])
        mean, squares, share = np.empty(shape), np.empty(shape), np.empty(shape)
        _nowcast.expected_to_come(
            x, self.longest, self.weekday, self.has_week, self.block, self.blocks, open_rows, rows.age[open_rows],
            mean, squares, share,
        )  # fmt: skip
        return SmoothFit(mean, squares, np.broadcast_to(size, shape), share)

    def _scales(self) -> tuple[np.ndarray, _Mode] | None:
        """Return the mode of the scales (logs) by their marginal likelihood, and that of the parameters there."""
        best: _Mode | None = None
        last = self.start

        def loss(scales: np.ndarray) -> float:
            nonlocal best, last
            mode = self.mode(np.clip(scales, -6.0, 1.5), last)
            if mode is None:
                return 1e10
            last = mode.x
            if best is None or mode.evidence > best.evidence:
                best = mode
            return -mode.evidence

        simplex = np.vstack([START, START + 0.7 * np.eye(4)])
        options = {"maxfev": SEARCH, "xatol": 0.1, "fatol": 0.05, "initial_simplex": simplex}
        found = minimize(loss, START, method="Nelder-Mead", options=options)
        return None if best is None else (np.clip(found.x, -6.0, 1.5), best)

    def _around(
        self, centre: np.ndarray, best: _Mode, key: np.ndarray
    ) -> tuple[list[tuple[_Mode, np.ndarray]], np.ndarray]:
        """Return modes at scales drawn around `centre`, with their posterior weights (importance sampling)."""
        spread = self._spread(centre, best)
        normal = np.empty((POINTS, 4))
        _nowcast.normals(np.asarray(key)[::-1].copy(), normal)
        modes, log_weights = [(best, centre)], [best.evidence]
        for z in normal:
            scales = np.clip(centre + spread @ z, -6.0, 1.5)
            mode = self.mode(scales, best.x)
            if mode is not None:
                modes.append((mode, scales))
                log_weights.append(mode.evidence + 0.5 * float(z @ z))
        weights = np.exp(np.array(log_weights) - max(log_weights))
        # No point may stand for more than a few: a heavy one would leave the posterior to chance.
        weights = np.minimum(weights / weights.sum(), 4.0 / len(weights))
        return modes, weights / weights.sum()

    def _spread(self, centre: np.ndarray, best: _Mode) -> np.ndarray:
        """Return a factor (4, 4) of the covariance of the scales, from second differences along each of them."""
        width = np.empty(4)
        for i in range(4):
            values = []
            for sign in (-1.0, 1.0):
                mode = self.mode(np.clip(centre + sign * 0.5 * np.eye(4)[i], -6.0, 1.5), best.x)
                values.append(best.evidence - mode.evidence if mode else 0.0)
            width[i] = 1.0 / math.sqrt(max(sum(values) / 0.25, 1.0))
        return np.diag(width)


def _cells(reported: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return period, first and last delay, and new reports of each cell that is known.

    Where a report is missing, the next one tells the sum of its delay and the missing ones.
    """
    rows, first, last, count = [], [], [], []
    for t, row in enumerate(reported):
        before, value = -1, 0.0
        for d in np.flatnonzero(np.isfinite(row)):
            rows.append(t)
            first.append(before + 1)
            last.append(int(d))
            count.append(row[d] - value)
            before, value = int(d), row[d]
    return np.array(rows, np.int64), np.array(first, np.int64), np.array(last, np.int64), np.array(count, float)
