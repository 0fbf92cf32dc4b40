"""Forecasts of counts: the hub's baseline, an autoregression, the renewal equation, and ensembles of forecasts."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mamori.core.contracts import Dropped, Observations
from mamori.core.errors import InputError
from mamori.core.executor import run_chunks
from mamori.core.rng import stream_key
from mamori.data.adapters.hubverse import TASK, Forecasts
from mamori.inference import _autoregression, _cori, _paths
from mamori.inference._arrays import Floats, refuse, vector
from mamori.inference._ensemble import COMBINATIONS, Combination, combine_forecasts, join_forecasts
from mamori.inference._projection import (
    angles_of_year,
    pressure_by_day,
    range_of_r,
    size_of_counts,
    spread_over_days,
    step_of_log_r,
)
from mamori.inference._quantile_scores import HUB_LEVELS
from mamori.inference._renewal import normal_numbers
from mamori.inference.reproduction import check_counts, estimate_reproduction_number
from mamori.inference.serial_interval import SerialInterval

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "COMBINATIONS",
    "Autoregressive",
    "Baseline",
    "Combination",
    "Course",
    "DatesAre",
    "Method",
    "Renewal",
    "combine_forecasts",
    "forecast_counts",
    "join_forecasts",
    "project_renewal",
]

DatesAre = Literal["start", "end"]
"""Whether the date of a count is the first or the last day of its period."""

DAYS_A_PERIOD = {365: 1, 52: 7}
"""Days that a count covers, by the number of periods a year."""
MONTHLY = 12
MOST_AHEAD = 366
"""Periods ahead, at most."""
CHUNK = 8
"""Series in a piece of work for one thread."""


@dataclass(frozen=True, eq=False)
class Course:
    """One series as a method sees it.

    `counts` (T,), NaN where unknown; `angles` (T + H,) of the periods in their years and `weekdays` (T + H,) of their
    last days, Monday 0; periods a year (`frequency`); `days` a period has, None for months; the `horizon` H; the even
    number N of `draws`; `key` of its random numbers.
    """

    counts: Floats
    angles: Floats
    weekdays: NDArray[np.int64]
    frequency: int
    days: int | None
    horizon: int
    draws: int
    key: NDArray[np.uint64]


class Method(Protocol):
    """A way of forecasting: its `name`, what of a series it `needs`, and draws of what comes."""

    @property
    def name(self) -> str:
        """The name under which forecasts of the method stand in tables."""

    @property
    def needs(self) -> str:
        """What a series must have to be forecast, in words."""

    def paths(self, course: Course) -> Floats | None:
        """Return draws (N, H) of the next counts, or None where the series has not what the method needs."""


@dataclass(frozen=True)
class Baseline:
    """The last count, as uncertain as past changes: what a forecast has to beat.

    The next counts are the last one plus a sum of steps, drawn from the changes between neighbouring periods and
    their negatives (linear between the order statistics), cut at 0. Every path has its mirror image, so that the
    median is the last count. Like the baseline of the US hubs of COVID-19 and influenza (Cramer et al. 2022, PNAS
    119:e2113561119).
    """

    name: str = "baseline"
    needs: str = "a last count and two changes before it"

    def paths(self, course: Course) -> Floats | None:
        """Return draws (N, H), see `Method`."""
        changes = np.diff(course.counts)
        changes = changes[~np.isnan(changes)]
        last = float(course.counts[-1])
        if np.isnan(last) or len(changes) < 2:
            return None
        half = np.empty((course.draws // 2, course.horizon))
        _paths.walks(last, np.sort(np.concatenate([changes, -changes])), course.key, half)
        return np.asarray(np.maximum(np.concatenate([half, 2.0 * last - half]), 0.0))


@dataclass(frozen=True)
class Autoregressive:
    """A negative binomial autoregression on the log scale, with the season where more than a year is known.

    Y_t ~ NB(μ_t, size), with z_t = log(Y_t + ½) and the angle ω_t of the period in its year,

        log μ_t = s_t + a + b (s_t - z̄) + c Δ_t + d Δ'_t + Σ_{h=1,2} (e_h sin hω_t + f_h cos hω_t),

    s_t = z_{t-1}, Δ_t = z_{t-1} - z_{t-2}, Δ'_t = z_{t-2} - z_{t-3}, and z̄ the log of the mean count plus ½. For
    daily counts s_t is the mean of the last seven z, Δ_t = z_{t-1} - s_t, Δ'_t = s_t - s_{t-7}, and each weekday has
    its effect. Normal priors around 0 (a random walk) keep short series sober, and b <= 0. The coefficients are drawn
    from the normal approximation at the mode; the paths go on from their own counts.
    """

    name: str = "autoregressive"
    needs: str = f"its last 3 counts (daily: 14) and {_autoregression.FEWEST} periods with as many before them"

    def paths(self, course: Course) -> Floats | None:
        """Return draws (N, H), see `Method`."""
        memory = _autoregression.memory(course.days == 1)
        recent = course.counts[: -memory.length - 1 : -1]
        if len(recent) < memory.length or np.isnan(recent).any():
            return None
        known = len(course.counts)
        covariates = _autoregression.calendar(
            course.angles if known > course.frequency else None, course.weekdays if course.days == 1 else None
        )
        model = _autoregression.fit(course.counts, None if covariates is None else covariates[:known], memory)
        if model is None:
            return None
        normal = np.empty((course.draws, len(model.coefficients)))
        normal_numbers(course.key, normal)
        lags, fixed = model.paths(normal, None if covariates is None else covariates[known:])
        paths = np.empty((course.draws, course.horizon))
        fixed = np.ascontiguousarray(np.broadcast_to(fixed, paths.shape))
        _paths.autoregressive_paths(
            np.ascontiguousarray(recent), lags, fixed, _autoregression.OFFSET, model.size, course.key, paths
        )
        return paths


@dataclass(frozen=True)
class Renewal:
    """The renewal equation carried on from the reproduction number of the last days.

    R of the last window is the posterior of Cori et al. 2013. log R goes on as a random walk whose step is that of
    past windows beyond their estimation error, tends to 0 by the factor `damping` a day (1: it does not; 0.95 halves
    it in two weeks), and stays within what the series had before. A day's cases are negative binomial around R times
    the infection pressure, and infect in turn. Weekly counts are spread over their days, smoothly and with their sum
    kept. `window` None: 7 days, for weekly counts 14.

    Raises `InputError` for a damping outside (0, 1] and a window below 1 day.
    """

    interval: SerialInterval
    damping: float = 0.95
    window: int | None = None
    mean_prior: float = 1.0
    std_prior: float = 1.0
    name: str = "renewal"
    needs: str = "its last counts without gaps for two windows and two mean serial intervals, and a case among them"

    def __post_init__(self) -> None:
        if not 0.0 < self.damping <= 1.0:
            raise InputError(f"damping is {self.damping:g}; it must be within (0, 1]. Give 1 for none")
        if self.window is not None and self.window < 1:
            raise InputError(f"window is {self.window} days; it must be >= 1. Leave it out for 7")

    def paths(self, course: Course) -> Floats | None:
        """Return draws (N, H), see `Method`; raises `InputError` for counts that are neither daily nor weekly."""
        if course.days is None:
            raise InputError("the renewal forecast needs daily or weekly counts. Give such, or choose another method")
        unknown = np.flatnonzero(np.isnan(course.counts))
        counts = course.counts[unknown[-1] + 1 if len(unknown) else 0 :]
        cases = spread_over_days(counts, course.days)
        window = self.window or (7 if course.days == 1 else 2 * course.days)
        if len(cases) < 2 * max(window, course.days, int(np.ceil(self.interval.mean))) or not cases[-window:].any():
            return None
        r, sd = self._reproduction_numbers(cases, window)
        periods = len(r) // course.days
        expected = (r * pressure_by_day(cases, self.interval.complete())[window:])[-periods * course.days :]
        size = size_of_counts(
            counts[-periods:], expected.reshape(periods, course.days).sum(axis=1), window // course.days
        )
        draws = np.empty((1, course.draws))
        shape, scale = (r[-1:] / sd[-1:]) ** 2, sd[-1:] ** 2 / r[-1:]
        _cori.posterior_draws(shape, scale[:, None], course.key, course.draws, draws)
        return project_renewal(
            cases, self.interval, draws[0], course.horizon, key=course.key, damping=self.damping,
            walk_sd=step_of_log_r(r, sd, window), limits=range_of_r(r, sd, window), size=size, days=course.days,
        )  # fmt: skip

    def _reproduction_numbers(self, cases: Floats, window: int) -> tuple[Floats, Floats]:
        """Return mean and SD (T - window,) of R over the windows that end on each day, by the prior where too early."""
        import polars as pl

        one = Observations(pl.DataFrame({"series": ["cases"]}), np.arange(1, len(cases) + 1), cases[None], cases[None])
        numbers = estimate_reproduction_number(
            one, self.interval, window=window, mean_prior=self.mean_prior, std_prior=self.std_prior
        )
        late = np.isnan(numbers.mean[0])
        return np.where(late, self.mean_prior, numbers.mean[0]), np.where(late, self.std_prior, numbers.sd[0])


def project_renewal(
    cases: ArrayLike,
    interval: SerialInterval,
    r: ArrayLike,
    horizon: int,
    *,
    key: NDArray[np.uint64],
    walk_sd: float = 0.0,
    damping: float = 1.0,
    limits: tuple[float, float] = (0.0, np.inf),
    size: float = np.inf,
    days: int = 1,
) -> Floats:
    """Return draws (N, H) of the counts of the next `horizon` periods of `days` days, by the renewal equation.

    `cases` (T,) are by day up to now, `r` (N,) > 0 draws of the reproduction number of the last day. From day to
    day, with the serial interval w,

        log R_t = damping · log R_{t-1} + walk_sd · ε_t,    C_t ~ NB(R_t Σ_k w_k C_{t-k}, size/days).

    cut to within the `limits` of R. `size` is that of a period's count, infinite for Poisson counts; `key` that of the
    random numbers (`core.rng.stream_key`). Raises `InputError` for cases below 0, an R that is not positive, and a
    horizon or number of days below 1. Source: Nouvellet et al. 2018, Epidemics 22:29.
    """
    history, first = vector("cases", cases), vector("r", r)
    refuse("cases", history, history < 0.0, ">= 0")
    refuse("r", first, first <= 0.0, "> 0")
    _check_horizon(horizon)
    if days < 1:
        raise InputError(f"a period has {days} days; it must have 1 or more. Give 7 for weeks")
    paths = np.empty((len(first), horizon))
    with np.errstate(divide="ignore"):
        low, high = np.log(limits)
    _paths.renewal_paths(
        history, interval.complete(), np.log(first), walk_sd, damping, low, high, size / days, days, key, paths
    )
    return paths


def forecast_counts(
    observations: Observations,
    methods: Sequence[Method],
    horizon: int,
    *,
    target: str = "",
    dates_are: DatesAre | None = None,
    levels: ArrayLike = HUB_LEVELS,
    draws: int = 2000,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Forecasts:
    """Forecast each series 1 to `horizon` periods beyond the last, by each of `methods`.

    Quantiles at `levels` (Q,) are type 7 of `draws` paths; the random numbers depend on `seed`, method and series
    only. `dates_are` says whether dates are the first or the last days of their periods; where it is not given,
    those of numbered weeks and Mondays are taken as first days, Saturdays as last ones. The origin date is the last day
    of the last period. A series that has not what a method needs is in `dropped`.

    Raises `InputError` for counts that are undated, negative or infinite, for weeks that begin on another day without
    `dates_are`, for a horizon outside 1 to 366, fewer than 2 or an odd number of draws, levels outside (0, 1), and
    where nothing is forecast.
    """
    _check_horizon(horizon)
    if draws < 2 or draws % 2:
        raise InputError(f"draws is {draws}; it must be an even number >= 2. Give e.g. 2000")
    tau = vector("levels", levels)
    refuse("levels", tau, (tau <= 0.0) | (tau >= 1.0) | (np.diff(tau, prepend=0.0) <= 0.0), "rising within (0, 1)")
    if len({method.name for method in methods}) < len(methods) or not methods:
        raise InputError("the methods must have one name each, and there must be one at least. Rename one")
    known = np.ascontiguousarray(check_counts(observations.counts, observations.names))
    frequency, ends = _period_ends(observations, horizon, dates_are)
    angles, weekdays = angles_of_year(ends), (ends.astype(np.int64) + 3) % 7
    names = observations.names
    tasks = [(method, s) for method in methods for s in range(len(names))]

    def quantiles(task: tuple[Method, int]) -> Floats | None:
        method, s = task
        key = stream_key(seed, f"forecast {method.name}", names[s], 0)
        course = Course(known[s], angles, weekdays, frequency, DAYS_A_PERIOD.get(frequency), horizon, draws, key)
        paths = method.paths(course)
        return None if paths is None else np.quantile(paths, tau, axis=0).T

    chunks = [tasks[start : start + CHUNK] for start in range(0, len(tasks), CHUNK)]
    results: dict[int, list[Floats | None]] = dict(
        run_chunks(lambda chunk: [quantiles(task) for task in chunk], chunks, workers=workers, progress=progress)
    )
    found = [values for index in range(len(chunks)) for values in results[index]]
    made = [(method.name, names[s]) for (method, s), values in zip(tasks, found, strict=True) if values is not None]
    dropped = _not_forecast(methods, [name for name, _ in made], len(names))
    if not made:
        raise InputError(f"nothing can be forecast: {dropped[0].reason}. Give longer counts, complete to the end")
    values = np.concatenate([values for values in found if values is not None])
    return Forecasts(_tasks(made, target, ends, horizon), tau, values, np.empty((len(values), 0)), tuple(dropped))


def _tasks(made: Sequence[tuple[str, str]], target: str, ends: NDArray[np.datetime64], horizon: int) -> "pl.DataFrame":
    """Return the columns `TASK` of forecasts of each model and series of `made`, 1 to `horizon` periods ahead."""
    import polars as pl

    series = pl.DataFrame(made, schema=["model", "location"], orient="row")
    origin, *ahead = (day.item() for day in ends[-horizon - 1 :])
    coming = pl.DataFrame({"horizon": np.arange(1, horizon + 1), "target_end_date": ahead})
    joined = series.join(coming, how="cross", maintain_order="left_right")
    return joined.with_columns(origin_date=origin, target=pl.lit(target)).select(TASK)


def _check_horizon(horizon: int) -> None:
    if not 1 <= horizon <= MOST_AHEAD:
        raise InputError(f"horizon is {horizon}; it must be from 1 to {MOST_AHEAD} periods. Choose within")


def _not_forecast(methods: Sequence[Method], made: Sequence[str], series: int) -> list[Dropped]:
    """Return how many of the `series` each method could not forecast, and why; `made` names the method of each done."""
    repair = "Complete its last counts, or choose another method"
    return [
        Dropped(f"series without what {method.name} needs: {method.needs}", left, None, repair)
        for method in methods
        if (left := series - made.count(method.name))
    ]


def _period_ends(
    observations: Observations, horizon: int, dates_are: DatesAre | None
) -> tuple[int, NDArray[np.datetime64]]:
    """Return the periods a year, and the last days (T + H,) of all known and coming periods."""
    if observations.dates is None or observations.frequency not in (*DAYS_A_PERIOD, MONTHLY):
        raise InputError(
            f"forecasts need dated counts by day, week or month; these have {observations.frequency or 'no'} periods a "
            f"year and {'no ' if observations.dates is None else ''}dates. Give a column date"
        )
    dates = observations.dates.astype("datetime64[D]")
    if dates_are not in (None, *get_args(DatesAre)):
        raise InputError(f"dates_are is '{dates_are}'; choose {' or '.join(get_args(DatesAre))}")
    # Dates of numbered weeks are their first days.
    which = dates_are or ("start" if observations.calendar else _told_by_weekday(observations.frequency, dates))
    if observations.frequency == MONTHLY:
        months = dates[-1].astype("datetime64[M]") + np.arange(1 - len(dates), horizon + 1)
        return MONTHLY, (months + 1).astype("datetime64[D]") - 1
    days = DAYS_A_PERIOD[observations.frequency]
    ends = dates + (days - 1 if which == "start" else 0)
    return observations.frequency, np.concatenate([ends, ends[-1] + days * np.arange(1, horizon + 1)])


def _told_by_weekday(frequency: int, dates: NDArray[np.datetime64]) -> DatesAre:
    """Return what dates of weeks are, told by the weekday: ISO weeks begin on Monday, MMWR weeks end on Saturday."""
    weekday = dates[-1].astype(dt.date).isoweekday()
    if frequency == 52 and weekday not in (1, 6):
        raise InputError(
            f"the last week is dated {dates[-1]}, which may be its first or its last day. Say which: "
            "dates are start or end"
        )
    return "end" if weekday == 6 else "start"
