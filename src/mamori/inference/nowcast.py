"""How many cases of the last periods there will be once all are reported: three nowcast models, with uncertainty."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from mamori.core.contracts import Observations, Triangle
from mamori.core.errors import InputError, did_you_mean
from mamori.core.executor import run_chunks
from mamori.core.provenance import provenance
from mamori.core.rng import stream_key
from mamori.inference._nowcast_rows import Rows, cumulative_share

if TYPE_CHECKING:
    import polars as pl

Method = Literal["smooth", "chain-ladder", "truncated"]
METHODS: tuple[Method, ...] = get_args(Method)
PROBABILITIES = (0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)
COMPLETE_SHARE = 0.99
"""Without a longest delay, the one by which this share of cases is reported."""
FEWEST_CASES = 5
MOST_PERIODS = 56
"""Periods that the smooth model looks at besides those whose cases may still be reported."""
CELL_PRIOR = 0.1
"""Dirichlet prior of each delay (Hoehle & an der Heiden 2014)."""


class Reason(IntEnum):
    """Why a period has no nowcast; `COMPUTED` is the empty word in tables."""

    COMPUTED = 0
    NO_REPORT = 1
    FEW_CASES = 2
    SHORT_HISTORY = 3
    NOTHING_KNOWN_BY_THEN = 4
    NO_CONVERGENCE = 5

    @property
    def word(self) -> str:
        """The code as it stands in a table."""
        return "" if self is Reason.COMPUTED else self.name.lower().replace("_", "-")


@dataclass(frozen=True, eq=False)
class Nowcast:
    """Draws of the final counts of the last periods.

    `columns` (K,) are the periods (columns of ``triangle.latest()``) whose cases may still be reported; `draws`
    (S, K, N) their final counts, NaN where `reason` (S, K), a code of `Reason`, says why there are none. `share`
    (S, K) is the share of the final count that is expected to be known. `max_delay` (periods) is the delay from which
    on a count is taken as final.
    """

    method: Method
    triangle: Triangle
    columns: np.ndarray
    draws: np.ndarray
    share: np.ndarray
    reason: np.ndarray
    max_delay: int
    settings: Mapping[str, Any]
    provenance: Mapping[str, str] = field(default_factory=dict)

    def reasons(self) -> dict[str, int]:
        """Return how many periods have no nowcast, by reason."""
        codes, counts = np.unique(self.reason, return_counts=True)
        return {Reason(code).word: int(n) for code, n in zip(codes, counts, strict=True) if code != Reason.COMPUTED}

    def quantiles(self, probabilities: tuple[float, ...] = PROBABILITIES) -> np.ndarray:
        """Return the quantiles (S, K, Q) of the final counts: whole numbers, NaN where there is no nowcast."""
        ranks = np.quantile(self.draws, probabilities, axis=2, method="inverted_cdf")
        return np.asarray(np.moveaxis(ranks, 0, 2))

    def observations(self, draw: int | None = None) -> Observations:
        """Return all periods with the median of the nowcast, or one draw of it, for the last ones.

        A period without a nowcast is missing.
        """
        counts = self.triangle.latest()
        middle = self.quantiles((0.5,))[:, :, 0] if draw is None else self.draws[:, :, draw]
        counts[:, self.columns] = middle
        return self.triangle.observations(counts)

    def table(self) -> "pl.DataFrame":
        """Return a row per series and open period, with the columns of the table ``nowcast``."""
        import polars as pl

        size, width = self.reason.shape
        seen = self.triangle
        dates = None if seen.dates is None else np.tile(seen.dates[self.columns], size)
        columns: dict[str, Any] = {
            "series": seen.series.get_column("series").gather(np.repeat(np.arange(size), width)),
            "t": np.tile(seen.t[self.columns], size),
            "date": pl.Series([None] * (size * width), dtype=pl.Date) if dates is None else pl.Series(dates),
            "reported": seen.latest()[:, self.columns].ravel(),
            "share_reported": self.share.ravel(),
            "mean": self.draws.mean(axis=2).ravel(),
        }
        quantiles = self.quantiles()
        for index, probability in enumerate(PROBABILITIES):
            columns["median" if probability == 0.5 else f"q{probability:g}"] = quantiles[:, :, index].ravel()
        frame = pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))
        words = pl.Series("reason", [reason.word or None for reason in Reason])
        return frame.with_columns(words.gather(self.reason.ravel()))


def nowcast(
    triangle: Triangle,
    method: Method = "smooth",
    *,
    max_delay: int | None = None,
    window: int | None = None,
    prior: tuple[float, float] | None = None,
    draws: int = 1000,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Nowcast:
    """Return the nowcast of each series of `triangle` (see `docs/methods/nowcast.md` for the models).

    `max_delay` is the number of periods after which a count is final: what is reported later counts as reported
    then. When not given it is the delay by which 99 % of all cases are reported. `window` is the number of last
    periods from which the delays are learnt (all; with ``smooth`` the last 56 besides the open ones). `prior` is the
    mean and variance of the gamma prior of the incidence (``truncated``); mean and squared mean of the latest final
    counts when not given. The draws are the same for any number of `workers`.

    Raises `InputError` for an unknown method, for counts neither daily nor weekly, a `max_delay` that is not below
    the number of periods, a window not longer than it, and for a prior that is not of ``truncated``.
    """
    _check(triangle, method, prior, draws)
    longest = _usual_delay(triangle) if max_delay is None else max_delay
    size, periods = triangle.reported.shape[:2]
    if not 1 <= longest < periods:
        raise InputError(
            f"max_delay is {longest}; with {periods} periods it must be 1 to {periods - 1}. Give a shorter one, or "
            "more periods"
        )
    if window is not None and window <= longest:
        raise InputError(f"window is {window} periods; it must be > max_delay, {longest}. Give a longer one")
    cut = [Rows.of(rows, longest) for rows in triangle.reported]
    first = min((int(np.argmax(rows.open)) for rows in cut if rows.open.any()), default=periods)
    columns = np.arange(min(first, periods - longest), periods)
    values = np.full((size, len(columns), draws), np.nan)
    share = np.full((size, len(columns)), np.nan)
    reason = np.zeros((size, len(columns)), dtype=np.uint8)
    weekday = 0 if triangle.dates is None else int(triangle.dates[0].astype(int) + 3) % 7

    def one(s: int) -> None:
        values[s], share[s], reason[s] = _nowcast_one(
            cut[s], columns, method, window, prior, draws, seed, triangle.names[s], triangle.frequency or 365, weekday
        )

    for _ in run_chunks(one, range(size), workers=workers, progress=progress):
        pass
    settings = {
        "method": method, "max_delay": longest, "window": window, "prior": None if prior is None else list(prior),
        "draws": draws, "seed": seed,
    }  # fmt: skip
    return Nowcast(method, triangle, columns, values, share, reason, longest, settings, provenance(settings=settings))


def _check(triangle: Triangle, method: str, prior: tuple[float, float] | None, draws: int) -> None:
    if method not in METHODS:
        raise InputError(f"method '{method}' is not known.{did_you_mean(method, METHODS)} Choose {', '.join(METHODS)}")
    if triangle.frequency not in (None, 365, 52):
        raise InputError(f"the counts come {triangle.frequency} times a year; a nowcast needs daily or weekly ones")
    if prior is not None and method != "truncated":
        raise InputError(f"the prior of the incidence is of the method truncated, not {method}. Leave it out")
    if prior is not None and not (0.0 < prior[0] < math.inf and 0.0 < prior[1] < math.inf):
        raise InputError(f"the prior has mean {prior[0]:g} and variance {prior[1]:g}; both must be > 0. Correct them")
    if draws < 2:
        raise InputError(f"draws is {draws}; it must be >= 2. Give more, e.g. 1000")
    if not triangle.reported.size or not np.isfinite(triangle.reported).any():
        raise InputError("the triangle holds no count. Give at least one report")


def _usual_delay(triangle: Triangle) -> int:
    """Return the delay by which `COMPLETE_SHARE` of the cases of all series are reported."""
    size, width = triangle.reported.shape[1:]
    longest = min(width, size - 1) - 1
    parts = np.array([Rows.of(rows, max(longest, 1)).growth(None) for rows in triangle.reported])
    share = cumulative_share(*parts.sum(axis=0))
    return max(1, int(np.argmax(share >= COMPLETE_SHARE)))


def _nowcast_one(
    rows: Rows,
    columns: np.ndarray,
    method: Method,
    window: int | None,
    prior: tuple[float, float] | None,
    draws: int,
    seed: int,
    name: str,
    frequency: int,
    weekday: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return draws (K, N), share known (K,) and reason (K,) of the periods `columns` of one series."""
    values = np.repeat(rows.latest[columns, None], draws, axis=1)
    share, reason = np.ones(len(columns)), np.zeros(len(columns), dtype=np.uint8)
    open_columns = rows.open[columns]

    def fail(why: Reason) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        values[open_columns], share[open_columns], reason[open_columns] = np.nan, np.nan, why
        return values, share, reason

    if not open_columns.any():
        return values, share, reason
    if np.nansum(rows.latest) < FEWEST_CASES:
        return fail(Reason.FEW_CASES)
    if method == "smooth":
        found = _smooth(rows, window, draws, seed, name, frequency, weekday)
        if found is None:
            return fail(Reason.NO_CONVERGENCE)
    elif method == "chain-ladder":
        found = _chain_ladder(rows, window, draws, seed, name)
        if found is None:
            return fail(Reason.SHORT_HISTORY)
    else:
        found = _truncated(rows, window, prior, draws, seed, name)
    to_come, known_share = found
    at = np.searchsorted(columns, np.flatnonzero(rows.open))
    values[at] = np.nan_to_num(rows.latest[columns[at], None]) + to_come
    share[at] = known_share
    nothing = np.isnan(to_come).any(axis=1)
    reason[at[nothing]] = np.where(rows.age[columns[at[nothing]]] < 0, Reason.NO_REPORT, Reason.NOTHING_KNOWN_BY_THEN)
    return values, share, reason


def _chain_ladder(
    rows: Rows, window: int | None, draws: int, seed: int, name: str
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return draws of the cases to come and the share known, None where too few past nowcasts teach the spread."""
    from mamori.inference import _nowcast
    from mamori.inference._nowcast_chain_ladder import FEWEST_PAST, expected_to_come, past_misses, spread_by_age

    past = min(len(rows.age) - rows.longest - 2, 3 * rows.longest)
    if past < FEWEST_PAST:
        return None
    open_rows = np.flatnonzero(rows.open)
    age = rows.age[open_rows]
    share = np.where(age < 0, 0.0, cumulative_share(*rows.growth(window))[age])
    mean = expected_to_come(np.nan_to_num(rows.latest[open_rows]), share)
    sound = np.isfinite(mean)
    size = spread_by_age(*past_misses(rows, window, past))[np.maximum(age, 0)]
    counts = np.empty((len(open_rows), draws))
    shape = counts.shape
    _nowcast.to_come(
        np.broadcast_to(np.where(sound, mean, 0.0)[:, None], shape).copy(),
        np.broadcast_to(size[:, None], shape).copy(), stream_key(seed, "nowcast-chain-ladder", name, 0), counts,
    )  # fmt: skip
    counts[~sound] = np.nan
    return counts, share


def _truncated(
    rows: Rows, window: int | None, prior: tuple[float, float] | None, draws: int, seed: int, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of the cases to come and the mean share known under the right-truncated Dirichlet model.

    With the reverse-time hazards g_d ~ beta(kappa + n_d, kappa d + N_d - n_d), F_l = prod_{d > l} (1 - g_d), and a
    gamma(a, b) prior of the incidence, N - x is negative binomial with size a + x and mean (a + x) (1 - F) / (b + F).
    """
    from mamori.inference import _nowcast

    new, known = rows.growth(window)
    delays = np.arange(rows.longest + 1)
    key = stream_key(seed, "nowcast-truncated", name, 0)
    share = np.empty((draws, rows.longest + 1))
    _nowcast.share_draws(CELL_PRIOR + new, CELL_PRIOR * delays + known - new, key, share)
    mean, variance = _incidence_prior(rows) if prior is None else prior
    rate, shape = mean / variance, mean**2 / variance
    open_rows = np.flatnonzero(rows.open)
    age, latest = rows.age[open_rows], np.nan_to_num(rows.latest[open_rows])
    reported = np.where(age[:, None] < 0, 0.0, share[:, np.maximum(age, 0)].T)
    size = np.broadcast_to((shape + latest)[:, None], reported.shape).copy()
    counts = np.empty(reported.shape)
    _nowcast.to_come(size * (1.0 - reported) / (rate + reported), size, key, counts)
    return counts, reported.mean(axis=1)


def _incidence_prior(rows: Rows) -> tuple[float, float]:
    """Return mean and variance of an exponential prior around the latest counts that are final."""
    final = rows.latest[~rows.open & np.isfinite(rows.latest)][-2 * rows.longest :]
    mean = max(float(final.mean()) if len(final) else float(np.nanmean(rows.latest)), 1.0)
    return mean, mean**2


def _smooth(
    rows: Rows, window: int | None, draws: int, seed: int, name: str, frequency: int, weekday: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return draws of the cases to come and the mean share known under the smooth model."""
    from mamori.inference import _nowcast
    from mamori.inference._nowcast_smooth import SmoothModel

    size = len(rows.age)
    first = min(max(size - (window or MOST_PERIODS + rows.longest), 0), int(np.argmax(rows.open)))
    part = Rows.of(rows.reported[first:], rows.longest)
    fit = SmoothModel(part, frequency, (weekday + first) % 7).fit(part, draws, seed, name)
    if fit is None:
        return None
    sizes = np.where(fit.squares > 0.0, fit.mean**2 / np.maximum(fit.squares, 1e-300), 1.0) * fit.size
    counts = np.empty(fit.mean.shape)
    _nowcast.to_come(fit.mean, sizes, stream_key(seed, "nowcast-smooth-counts", name, 0), counts)
    return counts, fit.share.mean(axis=1)
