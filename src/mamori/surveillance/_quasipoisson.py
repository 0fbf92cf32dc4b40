"""Quasi-Poisson log-linear baselines of many series (array kernels): cells of season and one trend.

At one target period all series share the design: each point of the baseline has a cell (a seasonal level) and a
time; only counts and weights differ. X'WX is then arrow-shaped (a diagonal of cells, a border of one slope), and a
step of iteratively reweighted least squares (IRLS) needs only the sums of W and W t by cell and of W t t, with
W = weight x mean.

IRLS follows R's ``glm``, because the fit of low counts depends on where it stops: means start at y + 0.1; it stops
when the deviance changes by less than 1e-8 of itself plus 0.1, after 25 steps at most; leverages, standard errors
and phi use the weights of the last step, not those of the final means.
"""

import math
from functools import cache

import numpy as np

from mamori.core.jit import inner_kernel, kernel
from mamori.surveillance.detector import Reason

TOLERANCE = 1e-8
STEPS_AT_MOST = 25
SMALLEST_MEAN = 2.220446049250313e-16  # as R's inverse log link
FULL_LEVERAGE = 1e-9  # a point that alone decides its cell has no residual to judge
NO_SLOPE = 1e-12  # share of W t t within cells below which all points of a cell have the same time

COMPUTED, GAP = int(Reason.COMPUTED), int(Reason.GAP)
NO_CONVERGENCE, NOT_FINITE = int(Reason.NO_CONVERGENCE), int(Reason.NOT_FINITE)

# Rows of `points`, what is kept of each point of the baseline.
COUNT, PRIOR, WEIGHT, BASE, LOG_START, COUNT_LOG, MEAN, LAST, RESIDUAL = range(9)
POINT_ROWS = 9
# Rows of `cells`: level; sums of weight x count and weight x base; W and W t of a step; its right side, then its
# move of the level; W and W t of the means it led to; exp of the level, and of that before the move.
LEVEL, COUNTS, BASES, SUM_W, SUM_WT, MOVE, NEXT_W, NEXT_WT, FACTOR, FACTOR_BEFORE = range(10)
CELL_ROWS = 10
# Entries of `fit`, scalars of one fit of one series.
SLOPE, SLOPE_MOVE, SCHUR, SUM_WTT, NEXT_WTT, RIGHT_T, COUNTS_T, SATURATED, DEVIANCE = range(9)
POINTS, RANK, FREEDOM, PHI, SPREAD = range(9, 14)
FIT_SIZE = 14
# Rows of `factors`: growth over each kind of step in time, by the present slope and by that before the last step.
NOW, BEFORE = 0, 1


@cache
def logarithms() -> np.ndarray:
    """Return log(y + 0.1) and y log y (2, 4096) of the counts y that are looked up, not computed."""
    y = np.arange(4096.0)
    return np.stack([np.log(y + 0.1), y * np.log(np.maximum(y, 1.0))])


@kernel
def predict_all(history, weights, population, logs, columns, run_start, run_cell, times, step_of, steps,
                target, ahead, cell, trend, keep_trend, critical, reweight, threshold, quirk, by_phi, out,
                reason):  # fmt: skip
    """Fit each row of ``history`` (S, T) at the ``columns`` (n,) of the baseline and predict the period ``target``.

    ``weights`` and ``population`` (S, T) may have no rows: all 1. Points from ``run_start[r]`` to before
    ``run_start[r + 1]`` are of cell ``run_cell[r]``; they lie at ``times`` (n,), each ``steps[step_of[j]]`` after
    the one before; the target lies at ``ahead``, in the last ``cell``. ``trend``: fit one; ``keep_trend``: it may be
    kept; ``critical[d]``: |t| above which it is significant with d degrees of freedom. ``quirk``: see `_disperse`;
    ``by_phi``: the standard error of the prediction uses phi, not that dispersion. ``out`` (4, S) takes log mean,
    its standard error, phi, whether a trend was kept; ``reason`` (S,) the code.
    """
    points = np.empty((POINT_ROWS, len(columns)))
    cells = np.empty((CELL_ROWS, cell + 1))
    factors = np.empty((2, len(steps)))
    fit = np.empty(FIT_SIZE)
    ones = np.ones(history.shape[1])
    for s in range(history.shape[0]):
        prior = weights[s] if weights.shape[0] > 0 else ones
        people = population[s] if population.shape[0] > 0 else ones
        most = _load(history[s], prior, people, logs, columns, points)
        log_people = math.log(people[target]) if population.shape[0] > 0 else 0.0
        if not _enough(trend, run_start, run_cell, cell, points, cells, fit):
            reason[s] = GAP
            continue
        kept = trend
        while True:
            fitted = _fit_robustly(kept, reweight, threshold, quirk, run_start, run_cell, times, step_of, steps, points,
                                   cells, factors, fit)  # fmt: skip
            eta = cells[LEVEL, cell] + fit[SLOPE] * ahead + log_people
            if not kept or (fitted and keep_trend and _significant(critical, fit) and math.exp(eta) <= most):
                break
            kept = False
        if not fitted:
            reason[s] = NO_CONVERGENCE
            continue
        out[0, s] = eta
        out[1, s] = _standard_error(kept, by_phi, ahead, cell, cells, fit)
        out[2, s] = fit[PHI]
        out[3, s] = kept
        reason[s] = COMPUTED if math.isfinite(eta) and math.isfinite(out[1, s]) else NOT_FINITE


@inner_kernel
def _load(history, prior, people, logs, columns, points):
    """Gather a series' baseline, weight 0 where it is missing or has no weight; return its greatest count."""
    most = 0.0
    for j in range(len(columns)):
        column = columns[j]
        y, weight, base = history[column], prior[column], people[column]
        if not (y >= 0.0 and weight > 0.0 and base > 0.0):
            y, weight, base = 0.0, 0.0, 1.0
        most = max(most, y)
        whole = int(min(y, logs.shape[1] - 1.0))
        if whole == y:
            log_start, count_log = logs[0, whole], logs[1, whole]
        else:
            log_start, count_log = math.log(y + 0.1), y * math.log(y)
        if base != 1.0:
            log_start -= math.log(base)
            count_log -= y * math.log(base)
        points[COUNT, j], points[PRIOR, j], points[BASE, j] = y, weight, base
        points[LOG_START, j], points[COUNT_LOG, j] = log_start, count_log
    return most


@inner_kernel
def _enough(trend, run_start, run_cell, cell, points, cells, fit):
    """Count points and cells in use; whether the target's cell has any and some are left for the dispersion."""
    for c in range(cells.shape[1]):
        cells[SUM_W, c] = 0.0
    for r in range(len(run_cell)):
        for j in range(run_start[r], run_start[r + 1]):
            cells[SUM_W, run_cell[r]] += points[PRIOR, j] > 0.0
    fit[POINTS] = fit[RANK] = 0.0
    for c in range(cells.shape[1]):
        fit[POINTS] += cells[SUM_W, c]
        fit[RANK] += cells[SUM_W, c] > 0.0
    return cells[SUM_W, cell] > 0.0 and fit[POINTS] > fit[RANK] + trend


@inner_kernel
def _fit_robustly(
    trend, reweight, threshold, quirk, run_start, run_cell, times, step_of, steps, points, cells, factors, fit
):
    """Fit, weigh down what lies far above, fit again; False where a fit did not converge."""
    for j in range(points.shape[1]):
        points[WEIGHT, j] = points[PRIOR, j]
    for again in range(2):
        if not _fit(trend, run_start, run_cell, times, step_of, steps, points, cells, factors, fit):
            return False
        _disperse(trend, quirk and reweight, points, fit)
        if again == 1 or not reweight:
            break
        if not _weigh_down(trend, threshold, run_start, run_cell, times, points, cells, fit):
            break
    return True


@inner_kernel
def _significant(critical, fit):
    """Whether the slope differs from 0."""
    return abs(fit[SLOPE]) > critical[int(fit[FREEDOM])] * math.sqrt(fit[SPREAD] / fit[SCHUR])


@inner_kernel
def _fit(trend, run_start, run_cell, times, step_of, steps, points, cells, factors, fit):
    """Run IRLS; True where it converged."""
    _start(run_start, run_cell, times, points, cells, fit)
    deviance = fit[DEVIANCE]
    for step in range(STEPS_AT_MOST):
        if not _solve(trend, cells, fit):
            return False
        if trend:
            _follow_trend(run_start, run_cell, times, step_of, steps, points, cells, factors, fit)
        else:
            for c in range(cells.shape[1]):
                cells[NEXT_W, c] = math.exp(cells[LEVEL, c]) * cells[BASES, c]
        _set_deviance(cells, fit)
        if not math.isfinite(fit[DEVIANCE]):
            return False
        if abs(fit[DEVIANCE] - deviance) < TOLERANCE * (abs(fit[DEVIANCE]) + 0.1):
            _set_means(step, run_start, run_cell, times, step_of, steps, points, cells, factors, fit)
            return True
        deviance = fit[DEVIANCE]
        fit[SUM_WTT], fit[RIGHT_T] = fit[NEXT_WTT], fit[COUNTS_T]
        for c in range(cells.shape[1]):
            cells[SUM_W, c], cells[SUM_WT, c] = cells[NEXT_W, c], cells[NEXT_WT, c]
            cells[MOVE, c] = cells[COUNTS, c] - cells[NEXT_W, c]
            fit[RIGHT_T] -= cells[NEXT_WT, c]
    return False


@inner_kernel
def _start(run_start, run_cell, times, points, cells, fit):
    """Sum what the first step needs, at the means y + 0.1, and what all steps need of the counts."""
    for c in range(cells.shape[1]):
        for row in range(CELL_ROWS):
            cells[row, c] = 0.0
    wtt = right_t = counts_t = saturated = deviance = 0.0
    for r in range(len(run_cell)):
        w_sum = wt_sum = right = counts = bases = 0.0
        for j in range(run_start[r], run_start[r + 1]):
            y, weight, t = points[COUNT, j], points[WEIGHT, j], times[j]
            mean = y + 0.1
            w = weight * mean
            side = w * points[LOG_START, j] - 0.1 * weight
            w_sum += w
            wt_sum += w * t
            wtt += w * t * t
            right += side
            right_t += side * t
            counts += weight * y
            counts_t += weight * y * t
            bases += weight * points[BASE, j]
            saturated += weight * points[COUNT_LOG, j]
            deviance -= weight * (y * points[LOG_START, j] - 0.1)
        c = run_cell[r]
        cells[SUM_W, c] += w_sum
        cells[SUM_WT, c] += wt_sum
        cells[MOVE, c] += right
        cells[COUNTS, c] += counts
        cells[BASES, c] += bases
    fit[SLOPE] = fit[SLOPE_MOVE] = 0.0
    fit[SUM_WTT], fit[RIGHT_T], fit[COUNTS_T] = wtt, right_t, counts_t
    fit[SATURATED], fit[DEVIANCE] = saturated, 2.0 * (saturated + deviance)


@inner_kernel
def _solve(trend, cells, fit):
    """Move levels and slope by the solution of X'WX move = right side; False where no slope can be told."""
    cell_count = cells.shape[1]
    if trend:
        schur, right, scale = fit[SUM_WTT], fit[RIGHT_T], fit[SUM_WTT]
        for c in range(cell_count):
            if cells[SUM_W, c] > 0.0:
                middle = cells[SUM_WT, c] / cells[SUM_W, c]
                schur -= middle * cells[SUM_WT, c]
                right -= middle * cells[MOVE, c]
        if not schur > NO_SLOPE * scale:
            return False
        fit[SCHUR] = schur
        slope = right / schur
        fit[SLOPE] += slope
        fit[SLOPE_MOVE] = slope
        for c in range(cell_count):
            cells[MOVE, c] -= slope * cells[SUM_WT, c]
    for c in range(cell_count):
        if cells[SUM_W, c] > 0.0:
            cells[MOVE, c] /= cells[SUM_W, c]
            cells[LEVEL, c] += cells[MOVE, c]
    return True


@inner_kernel
def _follow_trend(run_start, run_cell, times, step_of, steps, points, cells, factors, fit):
    """Sum what the next step needs: W and W t by cell, W t t, at the means of the present levels and slope."""
    for i in range(len(steps)):
        factors[NOW, i] = math.exp(fit[SLOPE] * steps[i])
    for c in range(cells.shape[1]):
        cells[FACTOR, c] = math.exp(cells[LEVEL, c])
        cells[NEXT_W, c] = cells[NEXT_WT, c] = 0.0
    growth = math.exp(fit[SLOPE] * (times[0] - steps[step_of[0]]))
    wtt = 0.0
    for r in range(len(run_cell)):
        c = run_cell[r]
        level = cells[FACTOR, c]
        w_sum = wt_sum = 0.0
        for j in range(run_start[r], run_start[r + 1]):
            growth *= factors[NOW, step_of[j]]
            w = points[WEIGHT, j] * max(level * growth * points[BASE, j], SMALLEST_MEAN)
            wt = w * times[j]
            w_sum += w
            wt_sum += wt
            wtt += wt * times[j]
        cells[NEXT_W, c] += w_sum
        cells[NEXT_WT, c] += wt_sum
    fit[NEXT_WTT] = wtt


@inner_kernel
def _set_means(step, run_start, run_cell, times, step_of, steps, points, cells, factors, fit):
    """Set the means of the points, and as `LAST` those before the last step."""
    slope, slope_before = fit[SLOPE], fit[SLOPE] - fit[SLOPE_MOVE]
    for i in range(len(steps)):
        factors[NOW, i] = math.exp(slope * steps[i])
        factors[BEFORE, i] = math.exp(slope_before * steps[i])
    for c in range(cells.shape[1]):
        cells[FACTOR, c] = math.exp(cells[LEVEL, c])
        cells[FACTOR_BEFORE, c] = math.exp(cells[LEVEL, c] - cells[MOVE, c])
    first = times[0] - steps[step_of[0]]
    growth, growth_before = math.exp(slope * first), math.exp(slope_before * first)
    for r in range(len(run_cell)):
        level, level_before = cells[FACTOR, run_cell[r]], cells[FACTOR_BEFORE, run_cell[r]]
        for j in range(run_start[r], run_start[r + 1]):
            growth *= factors[NOW, step_of[j]]
            growth_before *= factors[BEFORE, step_of[j]]
            points[MEAN, j] = max(level * growth * points[BASE, j], SMALLEST_MEAN)
            points[LAST, j] = max(level_before * growth_before * points[BASE, j], SMALLEST_MEAN)
    if step == 0:
        for j in range(points.shape[1]):
            points[LAST, j] = points[COUNT, j] + 0.1


@inner_kernel
def _set_deviance(cells, fit):
    """Set 2 sum w (y log(y / mean) - y + mean), from the sums over cells, as log mean is linear."""
    counts = bases = 0.0
    for c in range(cells.shape[1]):
        counts += cells[COUNTS, c]
        bases += cells[BASES, c]
    middle = math.log(counts / bases) if counts > 0.0 else 0.0  # so that the sum is of small differences
    half = fit[SATURATED] - middle * counts - fit[SLOPE] * fit[COUNTS_T] - counts
    for c in range(cells.shape[1]):
        half += cells[NEXT_W, c] - cells[COUNTS, c] * (cells[LEVEL, c] - middle)
    fit[DEVIANCE] = 2.0 * half


@inner_kernel
def _disperse(trend, quirk, points, fit):
    """Set phi, at least 1, and the dispersion that standard errors use.

    ``quirk``: as the R package has it after reweighting, without the means in the weights of the squares.
    """
    squares = plain = 0.0
    for j in range(points.shape[1]):
        residual = (points[COUNT, j] - points[MEAN, j]) / points[MEAN, j]
        points[RESIDUAL, j] = residual
        square = points[WEIGHT, j] * residual * residual
        plain += square
        squares += points[LAST, j] * square
    fit[FREEDOM] = fit[POINTS] - fit[RANK] - trend
    fit[PHI] = max(1.0, squares / fit[FREEDOM])
    fit[SPREAD] = (plain if quirk else squares) / fit[FREEDOM]


@inner_kernel
def _weigh_down(trend, threshold, run_start, run_cell, times, points, cells, fit):
    """Divide the weight of counts far above their mean by the square of their Anscombe residual; False if none is.

    The residual is 1.5 (y^(2/3) mean^(-1/6) - mean^(1/2)) / sqrt(phi (1 - leverage)), which is never above
    Pearson's (y - mean) / mean^(1/2) / sqrt(...): only where the latter exceeds the threshold is it computed.
    """
    total, found = fit[POINTS], False
    for r in range(len(run_cell)):
        c = run_cell[r]
        if cells[SUM_W, c] <= 0.0:
            continue
        middle = cells[SUM_WT, c] / cells[SUM_W, c]
        for j in range(run_start[r], run_start[r + 1]):
            residual, mean = points[RESIDUAL, j], points[MEAN, j]
            if residual <= 0.0 or points[PRIOR, j] <= 0.0:
                continue
            share = 1.0 / cells[SUM_W, c]
            if trend:
                share += (times[j] - middle) ** 2 / fit[SCHUR]
            left = 1.0 - points[PRIOR, j] * points[LAST, j] * share
            variance = fit[PHI] * left
            if left < FULL_LEVERAGE or residual * residual * mean <= threshold**2 * variance:
                continue
            anscombe = 1.5 * (math.pow(1.0 + residual, 2.0 / 3.0) - 1.0) * math.sqrt(mean / variance)
            if anscombe > threshold:
                factor = 1.0 / (anscombe * anscombe)
                total += factor - 1.0
                points[WEIGHT, j] *= factor
                found = True
    if found:
        for j in range(points.shape[1]):
            points[WEIGHT, j] *= fit[POINTS] / total
    return found


@inner_kernel
def _standard_error(trend, by_phi, ahead, cell, cells, fit):
    """Standard error of the log mean at the target."""
    variance = 1.0 / cells[SUM_W, cell]
    if trend:
        variance += (ahead - cells[SUM_WT, cell] / cells[SUM_W, cell]) ** 2 / fit[SCHUR]
    return math.sqrt((fit[PHI] if by_phi else fit[SPREAD]) * variance)
