"""A stream of signals: how late, how surely and how falsely it shows an event, and what its values say about one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mamori.core.errors import InputError, did_you_mean

DAYS_A_WEEK = 7
LOWEST_PVALUE = 1e-6
"""Smaller p-values count as this one: no detector's tail is known further out."""
STRENGTHS = 4
"""Steps (K) in which a signal rises."""
LOWEST_FIT, HIGHEST_FIT = np.log([1.0, 0.1, 1.0]), np.log([365.0, 2.0, 182.0])
"""Bounds of an estimate: delay in days, its standard deviation over its mean, rise in days."""
FEWEST_EVENTS = 5
"""Known events below which a stream's delay and sensitivity cannot be told apart."""


@dataclass(frozen=True)
class Stream:
    """One stream of signals at a place: host, delay, rise, sensitivity, false alarms and coverage.

    The fields are those of the table ``fusion_streams``. The time from the start of an event to its first trace is
    gamma distributed with mean `delay_mean_days` and standard deviation `delay_sd_days`; the event starts at a
    uniformly distributed moment of its first week. A share `coverage` of the events shows at all. From the first
    trace on the signal rises through `STRENGTHS` steps to its full strength, in `rise_days` on average.

    Without a trace a week's value is z = Phi^-1(1 - p) ~ N(0, 1), at the k-th of K strengths N(mu k / K, 1). An alarm
    comes where p is at most the `false_alarm_rate` f; mu is such that at full strength it comes with the
    `sensitivity` q: mu = Phi^-1(1 - f) - Phi^-1(1 - q).

    Raises `InputError` for values that contradict each other.
    """

    stream: str
    host: str
    delay_mean_days: float
    delay_sd_days: float
    sensitivity: float
    false_alarm_rate: float
    rise_days: float = 28.0
    coverage: float = 1.0
    unreported: str = "missing"
    source: str | None = None

    def __post_init__(self) -> None:
        where = f"stream '{self.stream}'"
        if not 0.0 < self.false_alarm_rate < self.sensitivity < 1.0:
            raise InputError(
                f"{where}: sensitivity is {self.sensitivity:g} and false_alarm_rate {self.false_alarm_rate:g}; "
                "they must be 0 < false_alarm_rate < sensitivity < 1. Correct them, or leave the stream out"
            )
        if self.delay_mean_days == 0.0 and self.delay_sd_days > 0.0:
            raise InputError(
                f"{where}: delay_sd_days is {self.delay_sd_days:g} but delay_mean_days 0. Give a mean > 0, or no spread"
            )

    def arrival(self, ages: int) -> np.ndarray:
        """Return the probability (ages,) that an event of that age in weeks has left its first trace here.

        With F the distribution of the delay and a uniform start, the trace is there by the end of the week of age a
        with probability coverage x 1/7 of the integral of F from 7a to 7(a + 1).
        """
        edges = DAYS_A_WEEK * np.arange(ages + 1, dtype=float)
        return np.asarray(self.coverage * np.diff(self._integrated_delay(edges)) / DAYS_A_WEEK)

    def _integrated_delay(self, days: np.ndarray) -> np.ndarray:
        """Return the integral from 0 to `days` of the delay's distribution function."""
        from scipy.special import gammainc

        mean, sd = self.delay_mean_days, self.delay_sd_days
        if sd <= 1e-6 * mean or mean == 0.0:
            return np.maximum(days - mean, 0.0)
        shape, scaled = (mean / sd) ** 2, days * mean / sd**2
        return np.asarray(days * gammainc(shape, scaled) - mean * gammainc(shape + 1.0, scaled))

    @property
    def shifts(self) -> np.ndarray:
        """Mean (K,) of z at each strength."""
        from scipy.special import ndtri

        full = ndtri(self.sensitivity) - ndtri(self.false_alarm_rate)
        return np.asarray(full * np.arange(1, STRENGTHS + 1) / STRENGTHS)

    def rise(self, days: float) -> np.ndarray:
        """Return the probabilities (K, K) of going from one strength to another in so many days.

        A pure birth process with rate (K - 1) / `rise_days`: the number of steps is Poisson, cut at full strength.
        """
        from scipy.special import gammaln

        steps = np.zeros((STRENGTHS, STRENGTHS))
        steps[:, -1] = 1.0
        if self.rise_days > 0.0:
            mean = days * (STRENGTHS - 1) / self.rise_days
            chance = np.exp(np.arange(STRENGTHS) * np.log(mean) - mean - gammaln(np.arange(STRENGTHS) + 1.0))
            for k in range(STRENGTHS):
                steps[k, k:-1] = chance[: STRENGTHS - 1 - k]
                steps[k, -1] = 1.0 - steps[k, :-1].sum()
        return steps

    def ratio(self, alarm: np.ndarray, pvalue: np.ndarray) -> np.ndarray:
        """Return each week's likelihood at the K strengths over that without a trace, on a new last axis.

        A p-value counts where there is one, the alarm (0 or 1) elsewhere; NaN where there is neither. With shift m:
        exp(m z - m^2 / 2) for p < 1/2; Phi(-m) / Phi(0), that of p >= 1/2, for larger ones, as what lies there depends
        on the detector; for p = 1 (no case, or joined places) that of no alarm: Phi(z_f - m) / (1 - f).
        """
        from scipy.special import ndtr, ndtri

        shift, rate = self.shifts, self.false_alarm_rate
        no_alarm = ndtr(ndtri(1.0 - rate) - shift) / (1.0 - rate)
        alarm, pvalue = alarm[..., None], pvalue[..., None]
        of_alarm = np.where(alarm > 0.0, (1.0 - ndtr(ndtri(1.0 - rate) - shift)) / rate, no_alarm)
        z = -ndtri(np.clip(pvalue, LOWEST_PVALUE, 0.5))
        of_pvalue = np.where(pvalue < 0.5, np.exp(shift * z - 0.5 * shift**2), 2.0 * ndtr(-shift))
        of_pvalue = np.where(pvalue == 1.0, no_alarm, of_pvalue)
        return np.where(np.isnan(pvalue), np.where(np.isnan(alarm), np.nan, of_alarm), of_pvalue)


def load_streams(path: Path) -> tuple[Stream, ...]:
    """Return the streams of the table in the file `path` (columns: ``fusion_streams``), in its order.

    Raises `InputError` for a table that breaks its definition or names a stream twice.
    """
    from mamori.data.user_table import read_user_table

    streams = tuple(Stream(**row) for row in read_user_table(path, "fusion_streams").iter_rows(named=True))
    names = [stream.stream for stream in streams]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError(f"{path}: stream '{min(twice)}' stands in several rows. Keep one, or give each its own name")
    return streams


def find_stream(streams: Sequence[Stream], name: str) -> Stream:
    """Return the stream called `name`; raises `InputError` when there is none."""
    by_name = {stream.stream: stream for stream in streams}
    if name not in by_name:
        raise InputError(
            f"stream '{name}' is not in the table of streams.{did_you_mean(name, by_name)} "
            f"It has {', '.join(by_name)}. Add a row for it or correct the name"
        )
    return by_name[name]


def estimate_stream(
    stream: str, host: str, events: np.ndarray, quiet: np.ndarray, *, pvalues: np.ndarray | None = None
) -> Stream:
    """Estimate a stream from past events whose first week is known.

    `events` (E, W) holds the alarms (0 or 1, NaN not observed) of E events from the first week of each on, NaN
    after its end; `quiet` the alarms of weeks without an event; `pvalues` (E, W), where there are some, are those
    of `events`. The false-alarm rate is (k + 1/2) / (n + 1) for k alarms in n quiet weeks (Jeffreys). Delay, rise,
    sensitivity and coverage maximise the likelihood of the events, summed over the week of the first trace and the
    strengths after it.

    Raises `InputError` when there are fewer than 5 events or no quiet weeks, or when alarms are no more frequent in
    events than outside.
    """
    from scipy.optimize import minimize

    quiet = np.asarray(quiet, dtype=float)
    quiet = quiet[~np.isnan(quiet)]
    events = np.asarray(events, dtype=float)
    observed = int((~np.isnan(events).all(axis=1)).sum())
    if observed < FEWEST_EVENTS or not quiet.size:
        raise InputError(
            f"stream '{stream}': {observed} observed events and {quiet.size} quiet weeks; at least {FEWEST_EVENTS} "
            "events and some quiet weeks are needed. Give more, or set the values by hand"
        )
    rate = float(quiet.sum() + 0.5) / (quiet.size + 1.0)
    if np.nanmean(events) <= rate:
        raise InputError(
            f"stream '{stream}': alarms come in {np.nanmean(events):.1%} of the weeks of events and in {rate:.1%} of "
            "the quiet weeks; they tell nothing about events. Leave the stream out"
        )
    pvalues = np.full(events.shape, np.nan) if pvalues is None else np.asarray(pvalues, dtype=float)

    def candidate(values: np.ndarray) -> Stream:
        mean, spread, rise = np.exp(np.clip(values[:3], LOWEST_FIT, HIGHEST_FIT))
        share, coverage = 1.0 / (1.0 + np.exp(-np.clip(values[3:], -7.0, 7.0)))
        return Stream(
            stream=stream,
            host=host,
            delay_mean_days=float(mean),
            delay_sd_days=float(mean * spread),
            sensitivity=float(rate + (1.0 - rate) * share),
            false_alarm_rate=rate,
            rise_days=float(rise),
            coverage=float(coverage),
            source=f"estimated from {observed} events and {quiet.size} quiet weeks",
        )

    def loss(values: np.ndarray) -> float:
        return -_log_likelihood(candidate(values), events, pvalues)

    starts = [np.array([np.log(mean), -0.7, np.log(14.0), 0.5, 2.0]) for mean in (4.0, 20.0, 60.0)]
    options = {"maxiter": 1500, "fatol": 1e-4, "xatol": 1e-3}
    fits = [minimize(loss, start, method="Nelder-Mead", options=options) for start in starts]
    return candidate(min(fits, key=lambda fit: float(fit.fun)).x)


def _log_likelihood(stream: Stream, events: np.ndarray, pvalues: np.ndarray) -> float:
    """Return the log likelihood of the alarms and p-values (E, W) of known events, relative to that without a trace."""
    ratio = stream.ratio(events, pvalues)
    ratio[np.isnan(ratio)] = 1.0
    arrived = stream.arrival(events.shape[1])
    entry, rise = stream.rise(DAYS_A_WEEK / 2)[0], stream.rise(DAYS_A_WEEK)
    seen = np.zeros((len(events), STRENGTHS))
    for week, new in enumerate(np.diff(arrived, prepend=0.0)):
        seen = (seen @ rise + new * entry) * ratio[:, week]
    return float(np.log(seen.sum(axis=1) + 1.0 - arrived[-1]).sum())
