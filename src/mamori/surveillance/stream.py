"""A stream of signals: how late, how surely and how falsely it shows an event, and what its values say about one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mamori.core.errors import InputError, did_you_mean

DAYS_A_WEEK = 7
LOWEST_PVALUE = 1e-6
"""Smaller p-values count as this one: no detector's tail is known further out."""
FEWEST_EVENTS = 5
"""Known events below which a stream's delay and sensitivity cannot be told apart."""


@dataclass(frozen=True)
class Stream:
    """One stream of signals at a place: its name, host, delay, sensitivity, false alarms and coverage.

    The fields are those of the table ``fusion_streams``. The time from the start of an event to its first trace is
    gamma distributed with mean `delay_mean_days` and standard deviation `delay_sd_days`; the event starts at a
    uniformly distributed moment of its first week. A share `coverage` of the events shows at all. Each week
    gives an alarm with probability `sensitivity` from the trace on and `false_alarm_rate` before.

    Raises `InputError` for values that contradict each other.
    """

    stream: str
    host: str
    delay_mean_days: float
    delay_sd_days: float
    sensitivity: float
    false_alarm_rate: float
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

    def ratio(self, alarm: np.ndarray, pvalue: np.ndarray) -> np.ndarray:
        """Return the likelihood of each week's value once the event shows over that before; NaN where not observed.

        A p-value counts where there is one, the alarm (0 or 1) elsewhere. Before the event shows, p-values are
        uniform and alarms come at the false-alarm rate f. Afterwards alarms come with the sensitivity q and p-values
        have the density a p^(a-1) with a = log q / log f, so that P(p <= f) = q.
        """
        q, f = self.sensitivity, self.false_alarm_rate
        of_alarm = np.where(alarm > 0.0, q / f, (1.0 - q) / (1.0 - f))
        a = np.log(q) / np.log(f)
        of_pvalue = a * np.maximum(pvalue, LOWEST_PVALUE) ** (a - 1.0)
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


def estimate_stream(stream: str, host: str, events: np.ndarray, quiet: np.ndarray) -> Stream:
    """Estimate a stream from past events whose first week is known.

    `events` (E, W) holds the alarms (0 or 1, NaN not observed) of E events from the first week of each on, NaN
    after its end; `quiet` the alarms of weeks without an event. The false-alarm rate is (k + 1/2) / (n + 1) for k
    alarms in n quiet weeks (Jeffreys). Delay, sensitivity and coverage maximise the likelihood of `events`, in
    which the week of the first trace is summed over.

    Raises `InputError` when there are fewer than 5 events or no quiet weeks, or when alarms are no more frequent in
    events than outside.
    """
    from scipy.optimize import minimize

    quiet = np.asarray(quiet, dtype=float)
    quiet = quiet[~np.isnan(quiet)]
    events = np.asarray(events, dtype=float)
    events = events[~np.isnan(events).all(axis=1)]
    if len(events) < FEWEST_EVENTS or not quiet.size:
        raise InputError(
            f"stream '{stream}': {len(events)} observed events and {quiet.size} quiet weeks; at least {FEWEST_EVENTS} "
            "events and some quiet weeks are needed. Give more, or set the values by hand"
        )
    rate = float(quiet.sum() + 0.5) / (quiet.size + 1.0)
    if np.nanmean(events) <= rate:
        raise InputError(
            f"stream '{stream}': alarms come in {np.nanmean(events):.1%} of the weeks of events and in {rate:.1%} of "
            "the quiet weeks; they tell nothing about events. Leave the stream out"
        )

    def candidate(values: np.ndarray) -> Stream:
        mean, spread = np.exp(np.clip(values[:2], -3.0, 6.0))
        share, coverage = 1.0 / (1.0 + np.exp(-np.clip(values[2:], -12.0, 12.0)))
        sensitivity = rate + (1.0 - rate) * share
        return Stream(
            stream, host, float(mean), float(mean * min(spread, 3.0)), float(sensitivity), rate, float(coverage)
        )

    def loss(values: np.ndarray) -> float:
        return -_log_likelihood(candidate(values), events)

    starts = [np.array([np.log(mean), -0.7, 0.5, 2.0]) for mean in (3.0, 14.0, 42.0)]
    fits = [minimize(loss, start, method="Nelder-Mead", options={"maxiter": 2000, "fatol": 1e-6}) for start in starts]
    best = candidate(min(fits, key=lambda fit: float(fit.fun)).x)
    return Stream(**asdict(best) | {"source": f"estimated from {len(events)} events and {quiet.size} quiet weeks"})


def _log_likelihood(stream: Stream, events: np.ndarray) -> float:
    """Return the log likelihood of the alarms (E, W) of known events, relative to that without events."""
    ratio = stream.ratio(events, np.full(events.shape, np.nan))
    ratio[np.isnan(ratio)] = 1.0
    arrived = stream.arrival(events.shape[1])
    seen = np.zeros(len(events))
    for new, week in zip(np.diff(arrived, prepend=0.0), ratio.T, strict=True):
        seen = (seen + new) * week
    return float(np.log(seen + 1.0 - arrived[-1]).sum())
