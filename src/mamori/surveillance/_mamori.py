"""Kernel of Mamori's detector: for each series and target the baseline, the odds of an outbreak, their p-value."""

import math

import numpy as np

from mamori.core.jit import kernel
from mamori.surveillance._mamori_baseline import LEVELS, fit_baseline
from mamori.surveillance._mamori_filter import (
    STATES,
    corners,
    follow,
    follow_at_nodes,
    learn,
    ratios,
    smallest_alarm,
    tail_of_count,
)
from mamori.surveillance.detector import Reason

TOO_SHORT, MISSING_COUNT = int(Reason.TOO_SHORT), int(Reason.MISSING_COUNT)
NO_CONVERGENCE = int(Reason.NO_CONVERGENCE)
# An error of the baseline is the same in all periods over which the filter adds up evidence: two to three.
SPAN = 2.5


@kernel
def detect_series(
    counts, history, weight, columns, precision, targets, periods, alpha, means, phis, tails,
    expected, upperbound, score, pvalue, dispersions, alarm, reason,
):  # fmt: skip
    """Judge the targets (K,) of each series; see `mamori.surveillance.mamori.Mamori`.

    ``counts``, ``history``, ``weight`` (S, T): what is judged, what is learnt from, and its weights (0: missing);
    ``columns`` (C, T), ``precision`` (2 + C,): seasonal columns and prior; ``periods``: those left out before the
    target, of the filter, of the shortest history, of a year; ``means`` (I,), ``phis`` (J,), ``tails`` (I, J, L, 2):
    the null distribution of the score. The results (S, K) are written to the last seven arguments.
    """
    guard, window, shortest, frequency = periods
    length = counts.shape[1]
    work = np.empty((7 + columns.shape[0], length))
    y, mean, phi = np.empty(window), np.empty(window), np.empty(window)
    w_y, w_mean, w_phi = np.empty(window), np.empty(window), np.empty(window)
    state, prior, lr = np.empty(STATES), np.empty(STATES), np.empty(LEVELS)
    corner, nones, priors = np.empty((4, 3)), np.empty(4), np.empty((4, STATES))
    for s in range(counts.shape[0]):
        begin = 0
        while begin < length and weight[s, begin] == 0.0:
            begin += 1
        for k in range(len(targets)):
            target = targets[k]
            known = 0
            for t in range(begin, target):
                known += weight[s, t] > 0.0
            if known < shortest:
                reason[s, k] = TOO_SHORT
                continue
            end = target - min(guard, known // 4)
            variance, dispersion, rests = fit_baseline(
                history[s], weight[s], columns, precision, begin, end, target, frequency, window, mean, work
            )
            if not rests:
                reason[s, k] = NO_CONVERGENCE
                continue
            expected[s, k] = mean[window - 1]
            dispersions[s, k] = dispersion
            for i in range(window):
                t = target - window + 1 + i
                y[i] = counts[s, t] if t >= begin else math.nan
                phi[i] = dispersion + SPAN * mean[i] * variance
            usual, wide = mean[window - 1], phi[window - 1]
            corners(usual, wide, means, phis, corner)
            follow_at_nodes(y, mean, phi, means, phis, corner, nones, priors, state, lr, w_y, w_mean, w_phi)
            high = smallest_alarm(alpha, usual, wide, means, phis, tails, corner, nones, priors, state, lr)
            upperbound[s, k] = high - 1.0
            seen = counts[s, target]
            if math.isnan(seen):
                reason[s, k] = MISSING_COUNT
                continue
            pvalue[s, k] = tail_of_count(seen, usual, wide, means, phis, tails, corner, nones, priors, state, lr)
            none = follow(y, mean, phi, state, prior, lr)
            ratios(seen, usual, wide, lr)
            score[s, k] = learn(prior, none, lr, usual, wide, state)
            alarm[s, k] = seen > 0.0 and pvalue[s, k] <= alpha
