"""How many of those who fall ill die: fatality risks adjusted for the delay to death and for cases never counted."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import betainc, betaincinv

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.core.executor import run_chunks
from mamori.core.provenance import provenance
from mamori.core.rng import stream_key
from mamori.inference._paths import uniforms
from mamori.inference.serial_interval import Family, Range, check_distribution, delay_distribution

if TYPE_CHECKING:
    import polars as pl

PROBABILITIES = (0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)
DELAY_DRAWS = 100
"""Delays that are drawn where the delay is uncertain."""
DAYS = {None: 1, 365: 1, 52: 7}
"""Days of a period, by the number of periods a year."""


class Reason(IntEnum):
    """Why a row has no adjusted risk; `COMPUTED` is the empty word in tables."""

    COMPUTED = 0
    NO_CASES = 1
    NO_OUTCOME_YET = 2
    MORE_DEATHS_THAN_OUTCOMES = 3

    @property
    def word(self) -> str:
        """The code as it stands in a table."""
        return "" if self is Reason.COMPUTED else self.name.lower().replace("_", "-")


@dataclass(frozen=True, eq=False)
class DelayToDeath:
    """Days from the date by which a case is counted to death, of those who die.

    Either `mean` and `sd` in days, each a number or a range known up to its limits, with `family`; or `mass` (K,), the
    probability of 0, 1, ... days. `source` is where the figures come from.

    Raises `InputError` for what is no such distribution.
    """

    mean: Range | float = math.nan
    sd: Range | float = math.nan
    family: Family = "gamma"
    mass: np.ndarray | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if self.mass is not None:
            check_distribution(self.mass, "delay to death")
            return
        mean, sd = _as_range(self.mean), _as_range(self.sd)
        if not (mean.lower > 0.0 and sd.lower > 0.0):
            raise InputError(
                f"the delay to death has mean {mean.mean:g} (from {mean.lower:g}) and SD {sd.mean:g} (from "
                f"{sd.lower:g}) days; all must be > 0. Correct them"
            )

    @property
    def uncertain(self) -> bool:
        """Whether mean or SD are ranges."""
        return isinstance(self.mean, Range) or isinstance(self.sd, Range)

    def shares(self, periods: int, days: int, seed: int) -> np.ndarray:
        """Return draws (B, periods) of the share of deaths that have come 0, 1, ... periods after the case.

        A case falls on any of the `days` days of its period, and a death counts when its period ends.
        """
        found = [_share_by_period(mass, periods, days) for mass in self._masses(seed)]
        return np.array(found)

    def _masses(self, seed: int) -> list[np.ndarray]:
        if self.mass is not None:
            return [self.mass]
        mean, sd = _as_range(self.mean), _as_range(self.sd)
        if not self.uncertain:
            return [delay_distribution(mean.mean, sd.mean, self.family, "delay to death")]
        u = [uniforms(stream_key(seed, f"delay-to-death-{name}", "", 0), DELAY_DRAWS) for name in ("mean", "sd")]
        return [
            delay_distribution(float(m), float(s), self.family, "delay to death")
            for m, s in zip(mean.quantile(u[0]), sd.quantile(u[1]), strict=True)
        ]

    def described(self) -> dict[str, object]:
        """Return the delay for settings and provenance."""
        if self.mass is not None:
            return {"probabilities": self.mass.tolist(), "source": self.source}
        return {"family": self.family, "mean_days": vars(_as_range(self.mean)), "sd_days": vars(_as_range(self.sd)),
                "source": self.source}  # fmt: skip


def _as_range(value: Range | float) -> Range:
    return value if isinstance(value, Range) else Range(value, 0.0, value, value)


def limits(lower: float, upper: float, what: str, highest: float = math.inf) -> Range:
    """Return the range whose 95 % limits are `lower` and `upper`: normal around their middle, cut to (0, `highest`].

    Raises `InputError` for limits out of order or beyond; `what` names the quantity.
    """
    if not (0.0 < lower <= upper <= highest and math.isfinite(upper)):
        bound = "" if math.isinf(highest) else f" <= {highest:g}"
        raise InputError(f"the limits of {what} are {lower:g} and {upper:g}; they must hold 0 < lower <= upper{bound}")
    middle, sd = 0.5 * (lower + upper), (upper - lower) / (2.0 * 1.959964)
    return Range(middle, sd, max(middle - 4.0 * sd, 0.1 * lower), min(middle + 4.0 * sd, highest))


def _share_by_period(mass: np.ndarray, periods: int, days: int) -> np.ndarray:
    """Return the share (periods,) of deaths that come by the end of the case's period and of each later one."""
    cumulative = np.minimum(np.cumsum(mass) / mass.sum(), 1.0)
    since = np.arange(periods)[:, None] * days + np.arange(days)
    return np.asarray(cumulative[np.minimum(since, len(cumulative) - 1)].mean(axis=1))


@dataclass(frozen=True, eq=False)
class Severity:
    """The fatality risk of each series (S) at each date (K): naive, adjusted, and of infections.

    `columns` (K,) are periods of the counts. `cases` and `deaths` (S, K) are those that count there, `share_known`
    the share of the outcomes of these cases that is known, `naive` deaths / cases with its exact 95 % limits
    `naive_limits` (S, K, 2). `cfr` is the most likely adjusted risk, `quantiles` (S, K, Q) those of its posterior at
    `PROBABILITIES`; `ifr` (S, K, Q), with under-ascertainment, those of the risk of an infection. NaN where `reason`
    (S, K), a code of `Reason`, says why.
    """

    observations: Observations
    columns: np.ndarray
    cases: np.ndarray
    deaths: np.ndarray
    share_known: np.ndarray
    naive: np.ndarray
    naive_limits: np.ndarray
    cfr: np.ndarray
    quantiles: np.ndarray
    ifr: np.ndarray | None
    reason: np.ndarray
    settings: Mapping[str, Any]
    provenance: Mapping[str, str] = field(default_factory=dict)

    def reasons(self) -> dict[str, int]:
        """Return how many rows have no adjusted risk, by reason."""
        codes, counts = np.unique(self.reason, return_counts=True)
        return {Reason(code).word: int(n) for code, n in zip(codes, counts, strict=True) if code != Reason.COMPUTED}

    def table(self) -> "pl.DataFrame":
        """Return a row per series and date, with the columns of the table ``severity``."""
        import polars as pl

        size, width = self.cases.shape
        seen = self.observations
        dates = None if seen.dates is None else np.tile(seen.dates[self.columns], size)
        columns: dict[str, Any] = {
            "series": seen.series.get_column("series").gather(np.repeat(np.arange(size), width)),
            "t": np.tile(seen.t[self.columns], size),
            "date": pl.Series([None] * (size * width), dtype=pl.Date) if dates is None else pl.Series(dates),
            "cases": self.cases.ravel(),
            "deaths": self.deaths.ravel(),
            "share_known": self.share_known.ravel(),
            "naive": self.naive.ravel(),
            "naive_q0.025": self.naive_limits[:, :, 0].ravel(),
            "naive_q0.975": self.naive_limits[:, :, 1].ravel(),
            "cfr": self.cfr.ravel(),
        }
        for prefix, values in (("", self.quantiles), ("ifr_", self.ifr)):
            if values is not None:
                for index, probability in enumerate(PROBABILITIES):
                    name = "median" if probability == 0.5 else f"q{probability:g}"
                    columns[prefix + name] = values[:, :, index].ravel()
        frame = pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))
        words = pl.Series("reason", [reason.word or None for reason in Reason])
        return frame.with_columns(words.gather(self.reason.ravel()))


def estimate_severity(
    cases: Observations,
    deaths: Observations,
    delay: DelayToDeath,
    *,
    every: bool = False,
    window: int | None = None,
    case_ascertainment: Range | None = None,
    death_ascertainment: Range | None = None,
    draws: int = 4000,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Severity:
    """Return the case fatality risk of each series, adjusted for deaths that are still to come.

    `cases` are counted by onset or report, `deaths` by the day of death; same series, same daily or weekly periods.
    `delay` is the time between these dates. With c_i cases in period i and F the share of deaths that have come,
    K = sum c_i F(t - i) cases have a known outcome, D deaths have come, and the most likely risk is D / K (Nishiura
    et al. 2009). The number of deaths is a sum of unequal binomials; the likelihood is the binomial with their mean
    and variance, K²/Q trials of probability p Q / K, Q = sum c_i F². The prior of p is uniform on [0, 1]; draws of an
    uncertain delay are pooled.

    `every` gives the risk at each date from what was known then, else at the last only. With `window`, the deaths of
    the last `window` periods are set against the outcomes expected in them, for a risk that changes. The IFR is the
    CFR times `case_ascertainment` (share of infections that are counted as cases), over `death_ascertainment`.

    Raises `InputError` for counts that do not fit each other, a missing or negative count, and other frequencies.
    """
    _check(cases, deaths, window, draws)
    size, periods = cases.counts.shape
    columns = np.arange(periods) if every else np.array([periods - 1])
    shares = delay.shares(periods, DAYS[cases.frequency], seed)
    shape = (size, len(columns))
    known, trials, done, seen = (np.full(shape, np.nan) for _ in range(4))
    cfr, naive_limits = np.full(shape, np.nan), np.full((*shape, 2), np.nan)
    quantiles = np.full((*shape, len(PROBABILITIES)), np.nan)
    with_ifr = case_ascertainment is not None or death_ascertainment is not None
    ifr = np.full_like(quantiles, np.nan) if with_ifr else None
    reason = np.zeros(shape, dtype=np.uint8)
    factor = _ascertainment(case_ascertainment, death_ascertainment, draws, seed) if with_ifr else None
    u = _shuffled(draws, seed)

    def one(s: int) -> None:
        for k, t in enumerate(columns):
            first = 0 if window is None else max(0, t + 1 - window)
            c = cases.counts[s, : t + 1]
            expected, squares = _outcomes(c, shares, first)
            d = float(deaths.counts[s, first : t + 1].sum())
            trials[s, k] = n = float(c[first:].sum()) if window is not None else float(c.sum())
            done[s, k], seen[s, k] = d, expected.mean()
            if n <= 0.0:
                reason[s, k] = Reason.NO_CASES
                continue
            naive_limits[s, k] = _exact_limits(d, n)
            known[s, k] = expected.mean() / n
            if expected.mean() <= 0.0:
                reason[s, k] = Reason.NO_OUTCOME_YET
            elif d > expected.max():
                reason[s, k] = Reason.MORE_DEATHS_THAN_OUTCOMES
            else:
                cfr[s, k] = min(d / expected.mean(), 1.0)
                p = _posterior(d, expected, squares, u)
                quantiles[s, k] = np.quantile(p, PROBABILITIES)
                if ifr is not None and factor is not None:
                    ifr[s, k] = np.quantile(np.minimum(p * factor, 1.0), PROBABILITIES)

    for _ in run_chunks(one, range(size), workers=workers, progress=progress):
        pass
    with np.errstate(invalid="ignore", divide="ignore"):
        naive = np.where(trials > 0.0, done / trials, np.nan)
    naive = np.where(naive <= 1.0, naive, np.nan)
    settings = {
        "delay": delay.described(), "every": every, "window": window, "draws": draws, "seed": seed,
        "case_ascertainment": None if case_ascertainment is None else vars(case_ascertainment),
        "death_ascertainment": None if death_ascertainment is None else vars(death_ascertainment),
    }  # fmt: skip
    return Severity(
        cases, columns, trials, done, known, naive, naive_limits, cfr, quantiles, ifr, reason, settings,
        provenance(settings=settings),
    )  # fmt: skip


def _check(cases: Observations, deaths: Observations, window: int | None, draws: int) -> None:
    if cases.frequency not in DAYS:
        raise InputError(f"the counts come {cases.frequency} times a year; the delay needs daily or weekly counts")
    if cases.names != deaths.names or not np.array_equal(cases.t, deaths.t):
        raise InputError("cases and deaths must be of the same series and periods. Give them in one table")
    if window is not None and window < 1:
        raise InputError(f"window is {window}; it must be >= 1 period. Give more")
    if draws < 100:
        raise InputError(f"draws is {draws}; it must be >= 100. Give more, e.g. 4000")
    if not cases.counts.size:
        raise InputError("there are no counts. Give at least one series")
    for what, seen in (("cases", cases), ("deaths", deaths)):
        bad = np.argwhere(~(seen.counts >= 0.0) | np.isinf(seen.counts))
        if len(bad):
            s, t = bad[0]
            value, when = seen.counts[s, t], seen.t[t] if seen.dates is None else seen.dates[t]
            problem = "is missing" if np.isnan(value) else f"is {value:g}"
            raise InputError(
                f"series '{seen.names[s]}': the count of {what} at {when} {problem}; every count is needed, >= 0. "
                "Fill the gap (0 where nothing came), or begin after it"
            )


def _outcomes(cases: np.ndarray, shares: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each delay (B,), the cases whose outcome falls into the periods from `first` on, and their squares.

    `squares` is the sum of cases times the squared probability of that.
    """
    age = np.arange(len(cases))[::-1]
    falls = shares[:, age]
    if first:
        before = age - (len(cases) - first)
        falls = falls - np.where(before >= 0, shares[:, np.maximum(before, 0)], 0.0)
    return np.asarray(falls @ cases), np.asarray(falls**2 @ cases)


def _posterior(deaths: float, known: np.ndarray, squares: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return draws of the risk, as many as `u`, pooled over the delays under which `deaths` are possible.

    With m = K²/Q trials and the probability q = p Q / K, q is beta(D + 1, m - D + 1), cut to q <= Q / K.
    """
    possible = (known >= deaths) & (known > 0.0)
    k, q = known[possible], squares[possible]
    chosen = (np.arange(len(u)) * len(k)) // len(u)
    size, top = (k**2 / q)[chosen], np.minimum((q / k)[chosen], 1.0)
    a, b = deaths + 1.0, size - deaths + 1.0
    return np.asarray(np.minimum(betaincinv(a, b, u * betainc(a, b, top)) / top, 1.0))


def _exact_limits(deaths: float, cases: float) -> tuple[float, float]:
    """Return the exact 95 % limits of deaths / cases (Clopper & Pearson 1934)."""
    if deaths > cases:
        return math.nan, math.nan
    lower = betaincinv(deaths, cases - deaths + 1.0, 0.025) if deaths > 0.0 else 0.0
    upper = betaincinv(deaths + 1.0, cases - deaths, 0.975) if deaths < cases else 1.0
    return float(lower), float(upper)


def _shuffled(draws: int, seed: int) -> np.ndarray:
    """Return evenly spread levels in (0, 1) in random order, so that neighbours are as good as independent."""
    order = np.argsort(uniforms(stream_key(seed, "severity", "", 0), draws), kind="stable")
    return np.asarray((order + 0.5) / draws)


def _ascertainment(cases: Range | None, deaths: Range | None, draws: int, seed: int) -> np.ndarray:
    """Return draws of the factor from the risk of a case to that of an infection."""
    factor = np.ones(draws)
    for name, share, power in (("cases", cases, 1.0), ("deaths", deaths, -1.0)):
        if share is not None:
            if not 0.0 < share.lower <= share.upper <= 1.0:
                raise InputError(
                    f"the share of {name} that are counted is {share.lower:g} to {share.upper:g}; it must lie in (0, 1]"
                )
            factor *= share.quantile(uniforms(stream_key(seed, f"ascertainment-{name}", "", 0), draws)) ** power
    return factor
