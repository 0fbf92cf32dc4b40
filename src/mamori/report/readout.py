"""The figures of the report: differences paired by draw, by response, income group and place."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mamori.exercise.statistics import statistics
from mamori.report.run_folder import Comparison, RunFolder

THRESHOLDS: tuple[int, ...] = (10, 20, 40)
"""Doses per 100 people at which delays between income groups are read."""


@dataclass(frozen=True)
class Estimate:
    """The middle, the 90 % interval and the mean of a quantity over the draws.

    Infinite stands for a day that never comes within the run, not-a-number for what has no value.
    """

    low: float
    median: float
    high: float
    mean: float


@dataclass(frozen=True)
class Change:
    """What an earlier vaccine changes for one group of people under one response."""

    comparison: Comparison
    deaths_late: Estimate
    deaths_early: Estimate
    deaths_averted: Estimate
    deaths_averted_share: Estimate
    infections_averted: Estimate
    yll_averted: Estimate


@dataclass(frozen=True)
class IncomeChange:
    """`Change` for the places of one income group, with the same deaths per 100,000 people."""

    group: str
    places: int
    population: float
    change: Change
    late_per_100k: Estimate
    early_per_100k: Estimate
    averted_per_100k: Estimate


@dataclass(frozen=True)
class Burden:
    """What one arm does to an income group, or to all places where `group` is empty."""

    arm: int
    group: str
    population: float
    deaths: Estimate
    deaths_per_100k: Estimate
    infections: Estimate
    yll: Estimate


@dataclass(frozen=True)
class Wait:
    """How long one income group waits for vaccine in one arm.

    `day` is the day by which places with half of the group's people have reached the threshold; `behind` is
    that day less the high-income group's in the same draw; `share_never` is the mean share of the group's
    people who live in places that do not reach the threshold within the run.
    """

    arm: int
    group: str
    threshold: int
    day: Estimate
    behind: Estimate
    share_never: float


def over_draws(values: np.ndarray) -> Estimate:
    """Return the estimate that `values` (D,) give, leaving out draws that have no value."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Estimate(np.nan, np.nan, np.nan, np.nan)
    low, median, high = quantiles(known[:, None])[:, 0]
    return Estimate(float(low), float(median), float(high), float(known.mean()))


def quantiles(values: np.ndarray) -> np.ndarray:
    """Return the 5 %, 50 % and 95 % quantiles of each column, by the exercise's rule: (D, N) to (3, N)."""
    found = statistics(values)
    return np.stack([found["q05"], found["q50"], found["q95"]])


def change(folder: RunFolder, comparison: Comparison, places: np.ndarray) -> Change:
    """Return what `comparison` changes for the places marked in `places` (P,), paired by draw."""

    def total(metric: str, arm: int) -> np.ndarray:
        return np.asarray(folder.outcomes[metric][arm][:, places].sum(axis=1))

    late, early = comparison.late, comparison.early
    deaths_late, deaths_early = total("deaths", late), total("deaths", early)
    averted = deaths_late - deaths_early
    share = np.divide(averted, deaths_late, out=np.full_like(averted, np.nan), where=deaths_late > 0)
    return Change(
        comparison=comparison,
        deaths_late=over_draws(deaths_late),
        deaths_early=over_draws(deaths_early),
        deaths_averted=over_draws(averted),
        deaths_averted_share=over_draws(share),
        infections_averted=over_draws(total("infections", late) - total("infections", early)),
        yll_averted=over_draws(total("yll", late) - total("yll", early)),
    )


def world_changes(folder: RunFolder) -> list[Change]:
    """Return what every comparison changes for all places of the run together."""
    everywhere = np.ones(len(folder.codes), dtype=bool)
    return [change(folder, comparison, everywhere) for comparison in folder.comparisons]


def income_changes(folder: RunFolder) -> list[IncomeChange]:
    """Return what every comparison changes for every income group, richest first."""
    rows = []
    for comparison in folder.comparisons:
        for group in folder.income_groups:
            members = folder.income == group
            population = float(folder.population[members].sum())
            found = change(folder, comparison, members)
            per_100k = 1e5 / population
            rows.append(
                IncomeChange(
                    group=group,
                    places=int(members.sum()),
                    population=population,
                    change=found,
                    late_per_100k=_scaled(found.deaths_late, per_100k),
                    early_per_100k=_scaled(found.deaths_early, per_100k),
                    averted_per_100k=_scaled(found.deaths_averted, per_100k),
                )
            )
    return rows


def burdens(folder: RunFolder) -> list[Burden]:
    """Return what the arms that are not compared do to all places together and to every income group."""
    compared = {comparison.response for comparison in folder.comparisons}
    everywhere = np.ones(len(folder.codes), dtype=bool)
    groups = [("", everywhere), *((group, folder.income == group) for group in folder.income_groups)]
    rows = []
    for arm in range(len(folder.arms)):
        if folder.arms[arm].response in compared:
            continue
        for group, members in groups:
            people = float(folder.population[members].sum())
            deaths, infections, yll = (
                over_draws(folder.outcomes[metric][arm][:, members].sum(axis=1))
                for metric in ("deaths", "infections", "yll")
            )
            rows.append(Burden(arm, group, people, deaths, _scaled(deaths, 1e5 / people), infections, yll))
    return rows


def half_reached_day(days: np.ndarray, population: np.ndarray) -> np.ndarray:
    """Return the first day by which places with half of the people have reached what `days` dates.

    `days` is (D, P), infinite where a place never gets there; `population` is (P,). The result is (D,): the
    median of a row of `days`, weighted by population.
    """
    order = np.argsort(days, axis=1, kind="stable")
    reached = np.cumsum(population[order], axis=1)
    halfway = (reached >= population.sum() / 2).argmax(axis=1)
    rows = np.arange(len(days))
    return np.asarray(days[rows, order[rows, halfway]])


def waits(folder: RunFolder) -> list[Wait]:
    """Return how long each income group waits in each arm, at each of `THRESHOLDS`."""
    rows = []
    for arm in range(len(folder.arms)):
        for threshold in THRESHOLDS:
            days = folder.outcomes[f"day_{threshold}_per_100"][arm]
            rows += _waits_of(folder, arm, threshold, days)
    return rows


def _waits_of(folder: RunFolder, arm: int, threshold: int, days: np.ndarray) -> list[Wait]:
    reached = {
        group: half_reached_day(days[:, folder.income == group], folder.population[folder.income == group])
        for group in folder.income_groups
    }
    rich = reached.get("HIC", np.full(len(days), np.inf))
    rows = []
    for group, day in reached.items():
        behind = np.full(len(day), np.nan)  # where the rich never get there nobody is behind them
        np.subtract(day, rich, out=behind, where=np.isfinite(rich))
        people = folder.population[folder.income == group]
        never = np.isinf(days[:, folder.income == group]) @ people / people.sum()
        rows.append(Wait(arm, group, threshold, over_draws(day), over_draws(behind), float(never.mean())))
    return rows


def place_columns(folder: RunFolder) -> Mapping[str, Mapping[str, np.ndarray]]:
    """Return the figures of every place: column, then arm name, then (P,) or (3, P) over the draws.

    Columns that compare two arms stand under the name of the earlier one.
    """
    outcomes, people = folder.outcomes, folder.population
    columns: dict[str, dict[str, np.ndarray]] = {}

    def put(column: str, arm: int, values: np.ndarray) -> None:
        columns.setdefault(column, {})[folder.arms[arm].name] = values

    for arm in range(len(folder.arms)):
        put("deaths", arm, quantiles(outcomes["deaths"][arm]))
        put("deaths_per_100k", arm, quantiles(outcomes["deaths"][arm] / people * 1e5))
        put("infected_percent", arm, quantiles(outcomes["infections"][arm] / people * 100)[1])
        put("refused_per_100k", arm, quantiles(outcomes["bed_days_refused"][arm] / people * 1e5)[1])
        put("peak_ward_load", arm, quantiles(outcomes["peak_ward_share"][arm])[1])
        put("first_dose_day", arm, quantiles(outcomes["first_dose_day"][arm])[1])
        put("day_20", arm, quantiles(outcomes["day_20_per_100"][arm])[1])
    for comparison in folder.comparisons:
        averted = outcomes["deaths"][comparison.late] - outcomes["deaths"][comparison.early]
        put("averted", comparison.early, quantiles(averted))
        put("averted_per_100k", comparison.early, quantiles(averted / people * 1e5))
    return columns


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    return Estimate(estimate.low * factor, estimate.median * factor, estimate.high * factor, estimate.mean * factor)
