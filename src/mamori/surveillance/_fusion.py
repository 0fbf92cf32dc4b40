"""The forward filter of the fusion: weights of "no event" and of the age of an event, week by week (array kernel).

Given the age of the event, the streams are independent, and each has not seen the event yet or sees it at one of a few
strengths. It is therefore enough to carry, for each age, its weight and each stream's probabilities of the strengths.
Only the last age, which pools all older events, mixes several onsets; there the probabilities are averaged by weight.
"""

import numpy as np

from mamori.core.jit import inner_kernel, kernel


@inner_kernel
def _rise(seen, s, a, arrival, entry, rise, out):
    """Write to `out` the strengths of stream `s` a week after age `a`: those of before rise, and new ones enter."""
    strengths = entry.shape[1]
    unseen = 1.0
    for k in range(strengths):
        unseen -= seen[s, a, k]
    for k in range(strengths):
        total = unseen * arrival * entry[s, k]
        for j in range(k + 1):
            total += seen[s, a, j] * rise[s, j, k]
        out[k] = total


@inner_kernel
def _age_by_a_week(weight, seen, members, hazard, entry, rise, onset, ending, work):
    """Let every event grow a week older or end, and a new one begin."""
    streams, ages, strengths = seen.shape
    last = ages - 1
    none = weight[ages]
    ongoing = 0.0
    for a in range(ages):
        ongoing += weight[a]
    older = weight[last] + weight[last - 1]
    share = weight[last - 1] / older if older > 0.0 else 1.0
    for s in range(streams):
        if members[s] == 0.0:
            continue
        _rise(seen, s, last, 0.0, entry, rise, work[0])
        _rise(seen, s, last - 1, hazard[s, last], entry, rise, work[1])
        for k in range(strengths):
            seen[s, last, k] = share * work[1, k] + (1.0 - share) * work[0, k]
        for a in range(last - 1, 0, -1):
            _rise(seen, s, a - 1, hazard[s, a], entry, rise, work[0])
            for k in range(strengths):
                seen[s, a, k] = work[0, k]
        for k in range(strengths):
            seen[s, 0, k] = hazard[s, 0] * entry[s, k]
    weight[last] = (1.0 - ending) * older
    for a in range(last - 1, 0, -1):
        weight[a] = (1.0 - ending) * weight[a - 1]
    weight[0] = onset * none
    weight[ages] = (1.0 - onset) * none + ending * ongoing


@inner_kernel
def _learn(weight, seen, s, ratio):
    """Weigh every age by what stream `s` showed this week; `ratio` (K,): likelihoods of its strengths over no trace."""
    for a in range(seen.shape[1]):
        factor = 1.0
        for k in range(ratio.shape[0]):
            factor += seen[s, a, k] * (ratio[k] - 1.0)
        weight[a] *= factor
        for k in range(ratio.shape[0]):
            seen[s, a, k] *= ratio[k] / factor


@kernel
def filter_events(ratio, members, hazard, entry, rise, weight0, seen0, onset, ending, log_odds, age):
    """Write the log odds of an event and the median age of one, for every place and week.

    `ratio` (P, T, S, K): likelihood ratio of each week's observation at each strength, NaN where there is none;
    `members` (S,): 1.0 for the streams that count; `hazard` (S, A): probability that the first trace comes at this age
    when it has not before; `entry` (S, K) and `rise` (S, K, K): strengths at the end of the week of the first trace,
    and a week later; `weight0` (A + 1,), ages then no event, and `seen0` (S, A, K): the state in the first week;
    `onset`, `ending`: probabilities per week. Writes `log_odds` (P, T) and `age` (P, T, whole weeks).
    """
    places, weeks, streams, strengths = ratio.shape
    ages = hazard.shape[1]
    work = np.empty((2, strengths))
    for p in range(places):
        weight = weight0.copy()
        seen = seen0.copy()
        for t in range(weeks):
            if t > 0:
                _age_by_a_week(weight, seen, members, hazard, entry, rise, onset, ending, work)
            for s in range(streams):
                if members[s] > 0.0 and not np.isnan(ratio[p, t, s, 0]):
                    _learn(weight, seen, s, ratio[p, t, s])
            ongoing = 0.0
            for a in range(ages):
                ongoing += weight[a]
            log_odds[p, t] = np.log(ongoing) - np.log(weight[ages])
            below = 0.0
            median = 0
            while median < ages - 1 and below + weight[median] < 0.5 * ongoing:
                below += weight[median]
                median += 1
            age[p, t] = median
            total = ongoing + weight[ages]
            for a in range(ages + 1):
                weight[a] /= total
