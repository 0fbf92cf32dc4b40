"""Sums over groups of places, and statistics over draws."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from mamori.exercise.week import DAYS, INCOME_GROUPS, FloatArray, IntArray

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q95": 0.95}
STATISTICS = ("mean", *QUANTILES)


@dataclass(frozen=True)
class Groups:
    """The world of the run, its income groups and its places: G = 1 + income groups present + P."""

    codes: tuple[str, ...]
    income: IntArray
    population: FloatArray

    @property
    def places(self) -> int:
        """Number of places."""
        return len(self.codes)

    @property
    def _members(self) -> list[IntArray]:
        """The places of the world and of each income group present."""
        present = np.unique(self.income)
        return [np.arange(self.places), *(np.flatnonzero(self.income == number) for number in present)]

    def keys(self) -> pl.DataFrame:
        """Return a row per group: group_kind and group."""
        incomes = [INCOME_GROUPS[number] for number in np.unique(self.income)]
        kinds = ["world", *["income"] * len(incomes), *["country"] * self.places]
        return pl.DataFrame({"group_kind": kinds, "group": ["WORLD", *incomes, *self.codes]})

    def total(self, values: FloatArray) -> FloatArray:
        """Return sums (..., G) of `values` (..., P)."""
        sums = [values[..., members].sum(axis=-1, keepdims=True) for members in self._members]
        return np.concatenate([*sums, values], axis=-1)

    def mean_by_people(self, values: FloatArray) -> FloatArray:
        """Return means (..., G) of `values` (..., P), weighted by population."""
        return self.total(values * self.population) / self.total(self.population)

    def earliest(self, days: FloatArray) -> FloatArray:
        """Return the earliest day (..., G) of `days` (..., P)."""
        first = [days[..., members].min(axis=-1, keepdims=True) for members in self._members]
        return np.concatenate([*first, days], axis=-1)

    def only_places(self, values: FloatArray) -> FloatArray:
        """Return (..., G) of `values` (..., P), not a number for the world and the income groups."""
        groups = len(self._members)
        return np.concatenate([np.full((*values.shape[:-1], groups), np.nan), values], axis=-1)

    def only_places_of(self, values: FloatArray) -> FloatArray:
        """Return the part (..., P) of `values` (..., G) that belongs to places."""
        return values[..., -self.places :]


def statistics(values: FloatArray) -> dict[str, FloatArray]:
    """Return mean and quantiles over the first axis of `values` (D, ...).

    Quantiles are interpolated linearly between draws; where one of the two is infinite (a day that never
    comes) so is the quantile, and so is a mean that holds one.
    """
    ordered = np.sort(values, axis=0)
    with np.errstate(invalid="ignore"):
        found = {"mean": values.mean(axis=0)}
    for name, share in QUANTILES.items():
        position = share * (len(values) - 1)
        below = int(position)
        above = min(below + 1, len(values) - 1)
        low, high = ordered[below], ordered[above]
        part = position - below
        with np.errstate(invalid="ignore"):
            found[name] = np.where(np.isinf(high), high if part > 0 else low, low + (high - low) * part)
    return found


def day_reached(cumulative: FloatArray, target: FloatArray) -> FloatArray:
    """Return the day (D, G) on which `cumulative` (D, weeks, G) at the ends of weeks reaches `target` (G,).

    Within a week the increase is even; the day is the number of days passed since day 0, rounded up. Infinite
    where the target is not reached.
    """
    reached = cumulative >= target
    week = reached.argmax(axis=1)[:, None, :]
    after = np.take_along_axis(cumulative, week, axis=1)[:, 0]
    before = np.where(week > 0, np.take_along_axis(cumulative, np.maximum(week - 1, 0), axis=1), 0.0)[:, 0]
    rise = after - before
    part = np.divide(target - before, rise, out=np.zeros_like(rise), where=rise > 0)
    return np.where(reached.any(axis=1), np.ceil(DAYS * (week[:, 0] + part)), np.inf)
