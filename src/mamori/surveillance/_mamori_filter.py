"""Kernels of the outbreak filter of Mamori's detector, and of the p-value of its score."""

import math

import numpy as np

from mamori.core.jit import inner_kernel, kernel
from mamori.surveillance._mamori_baseline import FIRST_LEVEL, LEVELS, rising

# Prior values; why these: docs/methods/mamori-detector.md, "Prior values".
HAZARD = 0.02  # an outbreak begins in a period
STAY = 0.5  # an outbreak at its height stays there for one more period
CASES_TO_COME = 1.33  # cases from now on for each case expected now, once an outbreak falls
MANY = 16.0  # above this mean a count is no longer an atom: nodes are compared by standard score
STATES = 2 * LEVELS  # at its height (0 .. LEVELS - 1), falling (LEVELS ...), by excess


@inner_kernel
def ratios(y, mean, phi, lr):
    """Write the likelihood ratio of each excess to none at the count ``y`` to ``lr``; 1 where it is missing."""
    if math.isnan(y):
        lr[:] = 1.0
        return
    deviation = math.sqrt(mean * phi)
    poisson = phi < 1.0 + 1e-6
    shape = 0.0 if poisson else mean / (phi - 1.0)
    usual = 0.0 if poisson else rising(shape, y)
    for j in range(LEVELS):
        excess = 2.0 ** (FIRST_LEVEL + j) * deviation
        if poisson:
            log_ratio = y * math.log1p(excess / mean) - excess
        else:
            more = excess / (phi - 1.0)
            log_ratio = rising(shape + more, y) - usual - more * math.log(phi)
        lr[j] = math.exp(min(log_ratio, 300.0))


@inner_kernel
def move(state, prior):
    """Write the probabilities of the states before the next count to ``prior``; return that of no outbreak."""
    under_way = 0.0
    for i in range(STATES):
        under_way += state[i]
        prior[i] = 0.0
    none = max(0.0, 1.0 - under_way)
    begins = HAZARD * none
    none -= begins
    for j in range(2, 6):
        prior[j] += 0.25 * begins
    for j in range(LEVELS):
        height = STAY * state[j]
        prior[max(j - 1, 0)] += 0.25 * height
        prior[j] += 0.5 * height
        prior[min(j + 1, LEVELS - 1)] += 0.25 * height
        fall = 0.25 * ((1.0 - STAY) * state[j] + state[LEVELS + j])
        for down in range(1, 5):
            if j - down >= 0:
                prior[LEVELS + j - down] += fall
            else:
                none += fall
    return none


@inner_kernel
def learn(prior, none, lr, mean, phi, state):
    """Write the probabilities of the states after the count to ``state``; return the log odds of an outbreak."""
    inside = 0.0
    outside = none
    deviation = math.sqrt(mean * phi)
    for j in range(LEVELS):
        alive = 1.0 - math.exp(-CASES_TO_COME * 2.0 ** (FIRST_LEVEL + j) * deviation)
        state[j] = prior[j] * lr[j] * alive
        state[LEVELS + j] = prior[LEVELS + j] * lr[j] * alive
        inside += state[j] + state[LEVELS + j]
        outside += (prior[j] + prior[LEVELS + j]) * lr[j] * (1.0 - alive)
    for i in range(STATES):
        state[i] /= inside + outside
    return math.log(inside / outside)


@inner_kernel
def follow(y, mean, phi, state, prior, lr):
    """Filter the counts before the last; ``prior`` then holds the states before the last; return none's share."""
    state[:] = 0.0
    for t in range(len(y) - 1):
        none = move(state, prior)
        ratios(y[t], mean[t], phi[t], lr)
        learn(prior, none, lr, mean[t], phi[t], state)
    return move(state, prior)


@inner_kernel
def tail(table, s):
    """Return the probability of a score of at least ``s`` from the table (L, 2) of scores and tail probabilities."""
    n = table.shape[0]
    if s <= table[0, 0]:
        return 1.0
    if s > table[n - 1, 0]:
        # Odds have an expectation of at most one under the null: the tail falls at least as fast as 1 / odds.
        return table[n - 1, 1] * math.exp(table[n - 1, 0] - s)
    low = 0
    high = n - 1  # table[low] < s <= table[high]
    while high - low > 1:
        middle = (low + high) // 2
        if table[middle, 0] >= s - 1e-4:
            high = middle
        else:
            low = middle
    gap = table[high, 0] - table[low, 0]
    share = min(max((s - table[low, 0]) / gap, 0.0), 1.0) if gap > 0.0 else 1.0
    return math.exp((1.0 - share) * math.log(table[low, 1]) + share * math.log(table[high, 1]))


@inner_kernel
def bracket(nodes, value):
    """Return the node below ``value`` and the share of the next, on a log scale; ends are kept."""
    n = len(nodes)
    if value <= nodes[0]:
        return 0, 0.0
    if value >= nodes[n - 1]:
        return n - 2, 1.0
    i = 0
    while nodes[i + 1] < value:
        i += 1
    return i, math.log(value / nodes[i]) / math.log(nodes[i + 1] / nodes[i])


@inner_kernel
def at_node(y, mean, phi, node_mean, node_phi, usual):
    """Return the count that is at a node what ``y`` is at (mean, phi): itself when few, else of equal standard score.

    Atoms of the score's distribution stay together when the same counts are scored at the node's own mean and
    dispersion; so the tail is read there and interpolated between nodes, not read at the score.
    """
    if usual <= MANY or math.isnan(y):
        return y
    return max(0.0, node_mean + (y - mean) * math.sqrt(node_mean * node_phi / (mean * phi)))


@inner_kernel
def follow_at_nodes(y, mean, phi, means, phis, corner, nones, priors, state, lr, w_y, w_mean, w_phi):
    """Filter the counts before the last at the four nodes around the target's mean and dispersion."""
    last = len(y) - 1
    for c in range(4):
        w_phi[:] = phis[int(corner[c, 1])]
        for t in range(last):
            w_mean[t] = mean[t] * means[int(corner[c, 0])] / mean[last]
            w_y[t] = at_node(y[t], mean[t], phi[t], w_mean[t], w_phi[t], mean[last])
        nones[c] = follow(w_y, w_mean, w_phi, state, priors[c], lr)


@inner_kernel
def tail_of_count(y, mean, phi, means, phis, tails, corner, nones, priors, state, lr):
    """Return the p-value of the count ``y`` at the target, interpolated between the four nodes."""
    total = 0.0
    for c in range(4):
        if corner[c, 2] > 0.0:
            i = int(corner[c, 0])
            j = int(corner[c, 1])
            ratios(at_node(y, mean, phi, means[i], phis[j], mean), means[i], phis[j], lr)
            s = learn(priors[c], nones[c], lr, means[i], phis[j], state)
            total += corner[c, 2] * math.log(tail(tails[i, j], s))
    return math.exp(total)


@inner_kernel
def corners(mean, phi, means, phis, corner):
    """Write (row, column, share) of the four nodes around (mean, phi) to ``corner``.

    Above the largest mean the dispersion shrinks with the mean, which keeps the coefficient of variation.
    """
    i, right = bracket(means, mean)
    j, up = bracket(phis, phi * min(1.0, means[-1] / mean))
    for c in range(4):
        corner[c, 0] = i + (c & 1)
        corner[c, 1] = j + (c >> 1)
        corner[c, 2] = (right if c & 1 else 1.0 - right) * (up if c >> 1 else 1.0 - up)


@inner_kernel
def smallest_alarm(alpha, mean, phi, means, phis, tails, corner, nones, priors, state, lr):
    """Return the smallest count of at least 1 whose p-value is at most ``alpha``, by doubling and bisection."""
    low = 0.0
    high = max(1.0, math.ceil(mean))
    for _ in range(60):
        if tail_of_count(high, mean, phi, means, phis, tails, corner, nones, priors, state, lr) <= alpha:
            break
        low = high
        high *= 2.0
    while high - low > 1.0:
        middle = math.floor(0.5 * (low + high))
        if tail_of_count(middle, mean, phi, means, phis, tails, corner, nones, priors, state, lr) <= alpha:
            high = middle
        else:
            low = middle
    return high


@kernel
def null_scores(counts, mean, phi, scores):
    """Write the scores of a long series of counts (N,) without outbreaks, of one mean and dispersion, to ``scores``."""
    most = int(counts.max()) + 1
    known = np.zeros(most, dtype=np.bool_)
    lr = np.empty((most, LEVELS))
    state = np.zeros(STATES)
    prior = np.empty(STATES)
    for t in range(len(counts)):
        y = int(counts[t])
        if not known[y]:
            ratios(float(y), mean, phi, lr[y])
            known[y] = True
        none = move(state, prior)
        scores[t] = learn(prior, none, lr[y], mean, phi, state)
