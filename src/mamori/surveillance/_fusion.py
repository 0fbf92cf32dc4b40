"""The forward filter of the fusion: weights of "no event" and of the age of an event, week by week (array kernel).

Given the age of the event, the streams are independent and each has either seen the event or not. It is therefore
enough to carry, for each age, its weight and the probability that each stream has seen it by now. Only ages at the
last index, which pools all older events, mix several onsets; there the probabilities are averaged by weight.
"""

import numpy as np

from mamori.core.jit import inner_kernel, kernel


@inner_kernel
def _age_by_a_week(weight, seen, hazard, onset, ending):
    """Let every event grow a week older or end, and a new one begin; return the weight of no event left over."""
    last = weight.shape[0] - 2
    none = weight[last + 1]
    ongoing = 0.0
    for a in range(last + 1):
        ongoing += weight[a]
    older = weight[last] + weight[last - 1]
    for s in range(seen.shape[0]):
        before = seen[s, last - 1]
        arrived = before + (1.0 - before) * hazard[s, last]
        # A new event's share of the pooled ages; without weight either value does.
        share = weight[last - 1] / older if older > 0.0 else 1.0
        seen[s, last] = share * arrived + (1.0 - share) * seen[s, last]
        for a in range(last - 1, 0, -1):
            seen[s, a] = seen[s, a - 1] + (1.0 - seen[s, a - 1]) * hazard[s, a]
        seen[s, 0] = hazard[s, 0]
    weight[last] = (1.0 - ending) * older
    for a in range(last - 1, 0, -1):
        weight[a] = (1.0 - ending) * weight[a - 1]
    weight[0] = onset * none
    weight[last + 1] = (1.0 - onset) * none + ending * ongoing


@inner_kernel
def _learn(weight, seen, s, ratio):
    """Weigh every age by what stream `s` showed this week; `ratio`: its likelihood once seen over that of before."""
    for a in range(weight.shape[0] - 1):
        factor = 1.0 + seen[s, a] * (ratio - 1.0)
        weight[a] *= factor
        seen[s, a] *= ratio / factor


@kernel
def filter_events(ratio, members, hazard, weight0, seen0, onset, ending, log_odds, age):
    """Write the log odds of an event and the median age of one, for every place and week.

    `ratio` (P, S, T): likelihood ratio of each week's observation, NaN where there is none; `members` (S,): 1.0 for
    the streams that count; `hazard` (S, A): probability that the signal arrives at this age when it has not before;
    `weight0` (A + 1,) and `seen0` (S, A): the state before the first week, ages then no event; `onset`, `ending`:
    probabilities per week. Writes `log_odds` (P, T) and `age` (P, T, whole weeks).
    """
    places, streams, weeks = ratio.shape
    ages = hazard.shape[1]
    for p in range(places):
        weight = weight0.copy()
        seen = seen0.copy()
        for t in range(weeks):
            if t > 0:
                _age_by_a_week(weight, seen, hazard, onset, ending)
            for s in range(streams):
                if members[s] > 0.0 and not np.isnan(ratio[p, s, t]):
                    _learn(weight, seen, s, ratio[p, s, t])
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
