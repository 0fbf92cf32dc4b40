"""Kernels of the space-time scan: the most likely cylinder of a table of cases, and of tables drawn under the null.

A window table (P, D) holds for each place the cases of the last 1, 2, ..., D periods.
Sources: Kulldorff 2001, J R Stat Soc A 164:61; Kulldorff et al. 2005, PLoS Med 2:e59.
"""

import math
from typing import NamedTuple

import numpy as np

from mamori.core.jit import inner_kernel, kernel
from mamori.core.rng import philox

SAME = 1.0 - 1e-12
"""Ratios that differ by less than this share are equal: their sums were only rounded in another order."""


class Search(NamedTuple):
    """What is searched: zones, what is expected in them, and what a cluster must have.

    The zones around centre i grow by the places ``member[start[i]:start[i + 1]]``, the nearest first; one ends
    wherever ``closes`` is 1. `expected` is a window table, `total` the number of all cases.
    """

    start: np.ndarray
    member: np.ndarray
    closes: np.ndarray
    expected: np.ndarray
    total: float
    min_cases: float


class Strata(NamedTuple):
    """Cells over which the cases of each stratum are spread: drawn by the alias method, in flat arrays.

    Stratum s has ``cases[s]`` cases in the cells from ``first[s]`` up to ``first[s + 1]``; a cell lies in the
    period ``ago`` before the last.
    """

    cases: np.ndarray
    first: np.ndarray
    keep: np.ndarray
    alias: np.ndarray
    place: np.ndarray
    ago: np.ndarray


@kernel
def log_likelihood_ratio(cases, expected, total):
    """Log likelihood ratio of more risk inside a cylinder than outside, 0 where there are no more than expected."""
    if cases <= expected:
        return 0.0
    inside = cases * math.log(cases / expected)
    outside = total - cases
    if outside <= 0.0:
        return inside
    return inside + outside * math.log(outside / (total - expected))


@kernel
def most_likely(window, search, blocked):
    """Return (ratio, centre, position of the last member, periods) of the best cylinder; centre -1 where none is.

    Zones that hold a `blocked` place (P,) are left out. Of equal cylinders the one of fewest places is best: places
    where no case is expected add nothing.
    """
    total = search.total
    durations = window.shape[1]
    cases = np.empty(durations)
    mean = np.empty(durations)
    best, centre, last, periods = 0.0, -1, -1, 0
    fewest = 0
    for i in range(search.start.shape[0] - 1):
        cases[:] = 0.0
        mean[:] = 0.0
        for position in range(search.start[i], search.start[i + 1]):
            place = search.member[position]
            if blocked[place]:
                break
            for d in range(durations):
                cases[d] += window[place, d]
                mean[d] += search.expected[place, d]
            if search.closes[position] == 0:
                continue
            for d in range(durations):
                excess = cases[d] - mean[d]
                # ratio <= excess^2 (1 / (2 mean) + 1 / (total - mean)): few cylinders need a logarithm.
                if (
                    excess > 0.0
                    and cases[d] >= search.min_cases
                    and excess * excess * (total + mean[d]) > 2.0 * best * SAME * mean[d] * (total - mean[d])
                ):
                    ratio = log_likelihood_ratio(cases[d], mean[d], total)
                    places = position - search.start[i]
                    if ratio * SAME > best or (ratio > best * SAME and places < fewest):
                        best, centre, last, periods = ratio, i, position, d + 1
                        fewest = places
    return best, centre, last, periods


@inner_kernel
def _largest(window, search, blocked):
    """Return the largest ratio of a table of cases of the last, last but one, ... period."""
    for place in range(window.shape[0]):
        for d in range(1, window.shape[1]):
            window[place, d] += window[place, d - 1]
    return most_likely(window, search, blocked)[0]


@inner_kernel
def _shuffle(key, places, slots, window):
    """Deal the slots (periods before the last) to cases drawn without replacement (Fisher-Yates)."""
    cases = places.shape[0]
    spare = 0.0
    for slot in range(slots.shape[0]):
        u = spare
        if slot % 2 == 0:
            u, spare = philox(key, slot, slot >> 32, 0, 0)
        other = slot + min(int(u * (cases - slot)), cases - slot - 1)
        place = places[other]
        places[other] = places[slot]
        places[slot] = place
        window[place, slots[slot]] += 1.0


@kernel
def shuffled_maxima(keys, places, slots, search, maxima):
    """Fill `maxima` (R,) with the largest ratio of each permutation of the cases' periods.

    `places` (N,) is the place of each case; `slots` are the periods before the last of the cases in the window.
    """
    window = np.empty_like(search.expected)
    blocked = np.zeros(window.shape[0], np.bool_)
    scratch = np.empty_like(places)
    for r in range(keys.shape[0]):
        window[:] = 0.0
        scratch[:] = places
        _shuffle(keys[r], scratch, slots, window)
        maxima[r] = _largest(window, search, blocked)


@kernel
def swap_periods(key, places, ago, known, swaps):
    """Exchange the periods `ago` (N,) of two cases, `swaps` times, wherever both land in a cell of `known` (P, T)."""
    cases = places.shape[0]
    for step in range(swaps):
        u, w = philox(key, step, step >> 32, 0, 0)
        a = min(int(u * cases), cases - 1)
        b = min(int(w * cases), cases - 1)
        if known[places[a], ago[b]] and known[places[b], ago[a]]:
            period = ago[a]
            ago[a] = ago[b]
            ago[b] = period


@kernel
def swapped_maxima(keys, places, ago, known, swaps, search, maxima):
    """Fill `maxima` (R,) as `shuffled_maxima` does, by `swaps` from the state `ago` that leave missing cells alone."""
    window = np.empty_like(search.expected)
    blocked = np.zeros(window.shape[0], np.bool_)
    scratch = np.empty_like(ago)
    for r in range(keys.shape[0]):
        scratch[:] = ago
        swap_periods(keys[r], places, scratch, known, swaps)
        window[:] = 0.0
        for case in range(scratch.shape[0]):
            if scratch[case] < window.shape[1]:
                window[places[case], scratch[case]] += 1.0
        maxima[r] = _largest(window, search, blocked)


@inner_kernel
def _scatter(key, strata, window):
    """Spread the cases of each stratum over its cells and count those of the window."""
    drawn = 0
    for s in range(strata.cases.shape[0]):
        low = strata.first[s]
        cells = strata.first[s + 1] - low
        for _ in range(strata.cases[s]):
            u, w = philox(key, drawn, drawn >> 32, 0, 0)
            drawn += 1
            cell = low + min(int(u * cells), cells - 1)
            if w >= strata.keep[cell]:
                cell = strata.alias[cell]
            if strata.ago[cell] < window.shape[1]:
                window[strata.place[cell], strata.ago[cell]] += 1.0


@kernel
def scattered_maxima(keys, strata, search, maxima):
    """Fill `maxima` (R,) with the largest ratio of each table drawn from a multinomial for each stratum."""
    window = np.empty_like(search.expected)
    blocked = np.zeros(window.shape[0], np.bool_)
    for r in range(keys.shape[0]):
        window[:] = 0.0
        _scatter(keys[r], strata, window)
        maxima[r] = _largest(window, search, blocked)


@kernel
def fill_alias(weight, offset, keep, alias):
    """Fill `keep` and `alias` (C,) so that one uniform choice and one comparison draw a cell by `weight` (Vose 1991).

    Cells are numbered from `offset`.
    """
    cells = weight.shape[0]
    scale = cells / weight.sum()
    small = np.empty(cells, np.int64)
    large = np.empty(cells, np.int64)
    smalls, larges = 0, 0
    for cell in range(cells):
        keep[cell] = weight[cell] * scale
        alias[cell] = offset + cell
        if keep[cell] < 1.0:
            small[smalls] = cell
            smalls += 1
        else:
            large[larges] = cell
            larges += 1
    while smalls > 0 and larges > 0:
        smalls -= 1
        cell = small[smalls]
        donor = large[larges - 1]
        alias[cell] = offset + donor
        keep[donor] -= 1.0 - keep[cell]
        if keep[donor] < 1.0:
            larges -= 1
            small[smalls] = donor
            smalls += 1
    # What is left is 1 but for rounding; its alias is itself.
