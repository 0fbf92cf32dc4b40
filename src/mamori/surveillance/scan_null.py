"""The null of the space-time scan: how many cases are expected where, and random tables drawn accordingly."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mamori.core.errors import InputError
from mamori.core.rng import stream_key
from mamori.surveillance import _scan as kernels

SWAPS_PER_CASE = 3
"""Exchanges for each case of a replicate where cells are missing: few cases stay; the p-value holds for any number."""
FIT_TOLERANCE, FIT_ROUNDS = 1e-12, 10_000


@dataclass(frozen=True, eq=False)
class Table:
    """A study: `counts` (P, T), NaN where missing, `expected` (P, T), 0 there, and the longest window in periods."""

    counts: np.ndarray
    expected: np.ndarray
    durations: int

    @property
    def cases(self) -> int:
        """All cases of the study."""
        return int(np.nansum(self.counts))

    def window(self, values: np.ndarray) -> np.ndarray:
        """Return the sums (P, D) of `values` (P, T) over the last 1, 2, ... periods."""
        return np.ascontiguousarray(np.cumsum(values[:, ::-1][:, : self.durations], axis=1))


def expected_cases(counts: np.ndarray, baseline: str, risk: np.ndarray | None, names: list[str]) -> np.ndarray:
    """Return the expected cases (P, T) under the null; they sum to the cases of `counts` (P, T).

    `baseline`: ``margins`` (place x period), ``history`` (each place evenly over its known periods) or
    ``population`` (in proportion to `risk`). Raises `InputError` for cases where nobody is at risk.
    """
    known = ~np.isnan(counts)
    if baseline == "margins":
        return _fit_margins(counts, known)
    if risk is None:
        places = np.nansum(counts, axis=1, keepdims=True)
        even: np.ndarray = known * places / np.maximum(known.sum(axis=1, keepdims=True), 1)
        return even
    bad = known & ~(np.isfinite(risk) & (risk >= 0.0))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(
            f"series '{names[row]}' has a count but the population {risk[row, column]} in period {column + 1} of the "
            "study; it must be a number >= 0. Give it, or leave the count empty"
        )
    risk = np.where(known, risk, 0.0)
    cases = np.nan_to_num(counts)
    if (bad := (risk == 0.0) & (cases > 0.0)).any():
        row = int(np.argwhere(bad)[0, 0])
        raise InputError(f"series '{names[row]}' has cases where its population is 0. Correct one of the two")
    spread: np.ndarray = risk * (cases.sum() / risk.sum())
    return spread


def _fit_margins(counts: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return place effect x period effect on the known cells with the margins of `counts`, by proportional fitting.

    Without missing cells that is (cases of the place) (cases of the period) / (all cases), found in one round.
    """
    cases = np.nan_to_num(counts)
    places, periods = cases.sum(axis=1), cases.sum(axis=0)
    fit = known.astype(float)
    for _ in range(FIT_ROUNDS):
        row = fit.sum(axis=1)
        fit *= np.divide(places, row, out=np.zeros_like(row), where=row > 0.0)[:, None]
        column = fit.sum(axis=0)
        fit *= np.divide(periods, column, out=np.zeros_like(column), where=column > 0.0)
        if np.abs(fit.sum(axis=1) - places).max() <= FIT_TOLERANCE * places.max():
            break
    return fit


def null_maxima(table: Table, baseline: str, search: kernels.Search, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that draws a table for each key (R, 2) and gives the largest ratio of each (R,)."""
    if baseline != "margins":
        return _spread(_strata(table, by_place=baseline == "history"), search)
    cases = np.nan_to_num(table.counts).astype(np.int64)
    place, column = (np.repeat(index.ravel(), cases.ravel()) for index in np.indices(cases.shape))
    ago = cases.shape[1] - 1 - column
    if not np.isnan(table.counts).any():
        return _shuffle(place, np.sort(ago[ago < table.durations]), search)
    known = np.ascontiguousarray(~np.isnan(table.counts)[:, ::-1])
    return _swap(place, ago, known, search, stream_key(seed, "scan-hub", "permutation", 0))


def _shuffle(place: np.ndarray, slots: np.ndarray, search: kernels.Search) -> Callable[[np.ndarray], np.ndarray]:
    """Exchange the periods of all cases: both margins stay (Kulldorff et al. 2005)."""

    def draw(keys: np.ndarray) -> np.ndarray:
        maxima = np.empty(len(keys))
        kernels.shuffled_maxima(keys, place, slots, search, maxima)
        return maxima

    return draw


def _swap(
    place: np.ndarray, ago: np.ndarray, known: np.ndarray, search: kernels.Search, hub_key: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """Exchange periods case by case, never into a missing cell.

    The data and all replicates lie as many reversible steps from one hidden state, so that under the null they are
    exchangeable and the p-value is exact (Besag & Clifford 1989, Biometrika 76:633).
    """
    swaps = SWAPS_PER_CASE * len(place)
    hub = ago.copy()
    kernels.swap_periods(hub_key, place, hub, known, swaps)

    def draw(keys: np.ndarray) -> np.ndarray:
        maxima = np.empty(len(keys))
        kernels.swapped_maxima(keys, place, hub, known, swaps, search, maxima)
        return maxima

    return draw


def _spread(strata: kernels.Strata, search: kernels.Search) -> Callable[[np.ndarray], np.ndarray]:
    """Spread the cases of each stratum over its cells (multinomial)."""

    def draw(keys: np.ndarray) -> np.ndarray:
        maxima = np.empty(len(keys))
        kernels.scattered_maxima(keys, strata, search, maxima)
        return maxima

    return draw


def _strata(table: Table, *, by_place: bool) -> kernels.Strata:
    """Return the cells where cases are expected, in one stratum or one for each place."""
    place, column = np.nonzero(table.expected > 0.0)
    if by_place:
        cases = np.nansum(table.counts, axis=1).astype(np.int64)
        first = np.searchsorted(place, np.arange(len(cases) + 1))
    else:
        cases, first = np.array([table.cases]), np.array([0, len(place)])
    weight = table.expected[place, column]
    keep, alias = np.empty(len(place)), np.empty(len(place), dtype=np.int64)
    for low, high in pairwise(first):
        kernels.fill_alias(weight[low:high], low, keep[low:high], alias[low:high])
    return kernels.Strata(cases, first, keep, alias, place, table.expected.shape[1] - 1 - column)
