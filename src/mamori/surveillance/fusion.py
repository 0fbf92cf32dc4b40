"""One Health fusion: the probability of an event at a place, week by week, from all streams at once.

Each place has no event, or one of some age. Events begin with a constant probability a week and end with another;
each stream sees an event after its own delay and gives false alarms at its own rate (`stream.Stream`). Given the
event, the streams are independent. The forward filter (`_fusion`) gives the posterior probability given the data up to
each week, the Shapley value divides its log odds among the streams, and simulation without events gives the
threshold for a wished rate of false alarms. See ``docs/methods/fusion.md``.
"""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from math import factorial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mamori.core.errors import InputError, did_you_mean
from mamori.core.executor import run_chunks
from mamori.core.provenance import provenance
from mamori.core.rng import stream_key
from mamori.surveillance._fusion import filter_events
from mamori.surveillance.signals import Signals
from mamori.surveillance.stream import DAYS_A_WEEK, Stream

if TYPE_CHECKING:
    import polars as pl

Progress = Callable[[int, int], None]
Evidence = Literal["pvalue", "alarm"]

WEEKS_A_YEAR = 365.25 / DAYS_A_WEEK
MOST_STREAMS = 10
"""The Shapley value runs the filter for every set of streams."""
CALIBRATION_WEEKS = 200_000
"""Place-weeks without an event that are simulated for the threshold."""
FEWEST_FALSE_ALARMS = 5
"""False alarms that a quiet period must be expected to hold, for a threshold to be read from it."""
PLACES_AT_ONCE = 16
FEWEST_AGES, MOST_AGES = 27, 53
ARRIVED = 0.999
"""Ages are told apart until each stream has seen this share of the events that it ever sees."""


@dataclass(frozen=True)
class EventProcess:
    """How events come and go before anything is observed, and how far streams err together.

    `per_year`: events that begin per year without one; `duration_weeks`: their mean length (geometric);
    `correlation` in [0, 1): of the streams' false alarms in a week. Raises `InputError` for other values.

    With m streams observed, each week's evidence is raised to the power 1 / (1 + (m - 1) x correlation), the design
    effect of equally correlated values.
    """

    per_year: float = 0.5
    duration_weeks: float = 8.0
    correlation: float = 0.0

    def __post_init__(self) -> None:
        for name, value, rule, fits in (
            ("events per year", self.per_year, "> 0 and <= 52", 0.0 < self.per_year <= 52.0),
            ("the duration in weeks", self.duration_weeks, ">= 1 and <= 520", 1.0 <= self.duration_weeks <= 520.0),
            ("the correlation", self.correlation, ">= 0 and < 1", 0.0 <= self.correlation < 1.0),
        ):
            if not fits:
                raise InputError(f"{name} is {value:g}; it must be {rule}. Correct it")

    @property
    def onset(self) -> float:
        """Probability that an event begins in a week, given that there is none."""
        return float(-np.expm1(-self.per_year / WEEKS_A_YEAR))

    @property
    def ending(self) -> float:
        """Probability that an event ends in a week."""
        return 1.0 / self.duration_weeks

    @property
    def prior(self) -> float:
        """Stationary probability that an event is ongoing."""
        return self.onset / (self.onset + self.ending)


@dataclass(frozen=True, eq=False)
class Fusion:
    """The posterior probability of an event for P places and T weeks, and what each of S streams contributes.

    `log_odds` (P, T) are of an ongoing event given the data up to that week; `contributions` (P, S, T) sum to
    `log_odds` minus the prior log odds; `age` (P, T) is the median age of the event in whole weeks if there is one.
    `alarm` is where `log_odds` is above `log_odds_threshold`.
    """

    signals: Signals
    process: EventProcess
    log_odds: np.ndarray
    contributions: np.ndarray
    age: np.ndarray
    log_odds_threshold: float
    false_positive_rate: float
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def posterior(self) -> np.ndarray:
        """Probability (P, T) that an event is ongoing."""
        return np.asarray(_probability(self.log_odds))

    @property
    def threshold(self) -> float:
        """The posterior probability above which an alarm is given."""
        return float(_probability(np.array(self.log_odds_threshold)))

    @property
    def alarm(self) -> np.ndarray:
        """Whether (P, T) the posterior is above the threshold."""
        return self.log_odds > self.log_odds_threshold

    @property
    def onset(self) -> np.ndarray:
        """First day (P, T) of the week in which an event, if there is one, most likely began (posterior median)."""
        return np.asarray(self.signals.weeks[None, :] - DAYS_A_WEEK * self.age)

    def table(self) -> "pl.DataFrame":
        """Return a row per place and week: columns of ``fusion_posterior``, then ``contribution_<stream>`` for each."""
        import polars as pl

        places, weeks = self.log_odds.shape
        names = np.array(["", *(stream.stream for stream in self.signals.streams)])
        raises = self.contributions.max(axis=1) > 0.0
        top = names[np.where(raises, self.contributions.argmax(axis=1) + 1, 0)]
        columns = {
            "place": np.repeat(np.array(self.signals.places), weeks),
            "date": np.tile(self.signals.weeks, places),
            "posterior": self.posterior.ravel(),
            "prior": np.full(places * weeks, self.process.prior),
            "alarm": self.alarm.ravel(),
            "onset": self.onset.ravel(),
            "top_stream": pl.Series(top.ravel()).replace("", None),
        }
        shares = {f"contribution_{name}": self.contributions[:, s].ravel() for s, name in enumerate(names[1:])}
        return pl.DataFrame(columns | shares)


def fuse_streams(
    signals: Signals,
    process: EventProcess | None = None,
    *,
    evidence: Evidence = "pvalue",
    false_positive_rate: float = 0.01,
    quiet: tuple[date, date] | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Fusion:
    """Join the streams of `signals` into one posterior probability of an event per place and week.

    `evidence`: ``pvalue`` takes a p-value where there is one and the alarm elsewhere, ``alarm`` only alarms.
    `false_positive_rate` is per place-week without an event. With `quiet` (first and last day of a period without
    events) the threshold is what that share of its place-weeks exceeds. Otherwise it is simulated from the model with
    `seed`, on the weeks that were observed; that holds where each week's false alarms come anew, at the stated rates.
    `workers`: threads, by default one per processor; the result does not depend on them. `progress` is told (parts
    done, parts in all), first of the places, then of the simulation.

    Raises `InputError` for more than 10 streams, a rate outside (0, 0.5], an unknown kind of evidence, or a quiet
    period too short for the rate.
    """
    process = process or EventProcess()
    if len(signals.streams) > MOST_STREAMS:
        raise InputError(
            f"there are {len(signals.streams)} streams; at most {MOST_STREAMS} can be told apart. Join or remove some"
        )
    if not 0.0 < false_positive_rate <= 0.5:
        raise InputError(f"the false-positive rate is {false_positive_rate:g}; it must be > 0 and <= 0.5. Correct it")
    if evidence not in ("pvalue", "alarm"):
        hint = did_you_mean(evidence, ["pvalue", "alarm"])
        raise InputError(f"evidence '{evidence}' is not known.{hint} Take pvalue or alarm")
    if evidence == "alarm":
        signals = replace(signals, pvalue=np.full_like(signals.pvalue, np.nan))
    work = _Filter.of(signals.streams, process)
    places, streams, weeks = signals.alarm.shape
    cuts = [slice(first, first + PLACES_AT_ONCE) for first in range(0, places, PLACES_AT_ONCE)]
    log_odds, age = np.empty((places, weeks)), np.empty((places, weeks), dtype=np.int64)
    contributions = np.empty((places, streams, weeks))

    def part(cut: slice) -> None:
        ratio = work.weigh(signals.alarm[cut], signals.pvalue[cut])
        log_odds[cut], age[cut], contributions[cut] = work.attribute(ratio)

    for _ in run_chunks(part, cuts, workers=workers or os.cpu_count() or 1, progress=progress):
        pass
    if quiet is None:
        threshold = simulated_threshold(
            signals, process, false_positive_rate=false_positive_rate, seed=seed, workers=workers, progress=progress
        )
    else:
        threshold = _quiet_threshold(signals.weeks, log_odds, quiet, false_positive_rate)
    settings = {"evidence": evidence, "false_positive_rate": false_positive_rate, "seed": seed, **asdict(process)}
    settings["quiet"] = quiet and [str(day) for day in quiet]
    described = [asdict(stream) for stream in signals.streams]
    made_from = provenance(streams=described) | {"settings": settings, "streams": described}
    return Fusion(signals, process, log_odds, contributions, age, threshold, false_positive_rate, made_from)


def simulated_threshold(
    signals: Signals,
    process: EventProcess,
    *,
    false_positive_rate: float,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> float:
    """Return the log odds that a share `false_positive_rate` of the place-weeks without an event exceeds.

    The observations of `signals` (of every so many places, where there are very many) are drawn anew without events
    until there are 200,000 place-weeks; missing ones stay missing.
    """
    places, _, weeks = signals.alarm.shape
    sample = slice(None, None, max(1, places * weeks // CALIBRATION_WEEKS))
    kept = replace(signals, places=signals.places[sample], alarm=signals.alarm[sample], pvalue=signals.pvalue[sample])
    repeats = -(-CALIBRATION_WEEKS // kept.alarm[:, 0].size)
    work = _Filter.of(signals.streams, process)
    quiet = np.empty((repeats, len(kept.places), weeks))

    def part(repeat: int) -> None:
        quiet[repeat], _ = work.run(work.weigh(*draw_quiet(kept, process, seed, repeat)))

    for _ in run_chunks(part, range(repeats), workers=workers or os.cpu_count() or 1, progress=progress):
        pass
    return float(np.quantile(quiet, 1.0 - false_positive_rate, method="higher"))


def _quiet_threshold(weeks: np.ndarray, log_odds: np.ndarray, quiet: tuple[date, date], rate: float) -> float:
    """Return the log odds that a share `rate` of the place-weeks in the period exceeds."""
    first, last = (np.datetime64(day, "D") for day in quiet)
    inside = log_odds[:, (weeks >= first) & (weeks <= last)]
    if inside.size * rate < FEWEST_FALSE_ALARMS:
        raise InputError(
            f"the quiet period {quiet[0]} to {quiet[1]} has {inside.size} place-weeks; a rate of {rate:g} needs at "
            f"least {int(np.ceil(FEWEST_FALSE_ALARMS / rate))}. Give a longer period or a higher rate, or leave it out"
        )
    return float(np.quantile(inside, 1.0 - rate, method="higher"))


def filter_signals(signals: Signals, process: EventProcess) -> tuple[np.ndarray, np.ndarray]:
    """Return the log odds (P, T) of an event given the data up to each week, and its median age (P, T, whole weeks)."""
    work = _Filter.of(signals.streams, process)
    return work.run(work.weigh(signals.alarm, signals.pvalue))


def draw_quiet(signals: Signals, process: EventProcess, seed: int, repeat: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw alarms and p-values (P, S, T each) without any event, where `signals` has an observation.

    False alarms of a week are joined by a normal copula with the correlation of `process`.
    """
    from scipy.special import ndtr

    generator = np.random.Generator(np.random.Philox(key=stream_key(seed, "fusion", "", repeat)))
    common = generator.standard_normal((signals.alarm.shape[0], 1, signals.alarm.shape[2]))
    own = generator.standard_normal(signals.alarm.shape)
    uniform = ndtr(np.sqrt(process.correlation) * common + np.sqrt(1.0 - process.correlation) * own)
    rate = np.array([stream.false_alarm_rate for stream in signals.streams])[None, :, None]
    alarm = np.where(np.isnan(signals.alarm), np.nan, uniform <= rate)
    pvalue = np.where(np.isnan(signals.pvalue), np.nan, uniform)
    return alarm, pvalue


@dataclass(frozen=True, eq=False)
class _Filter:
    """What the kernel needs of some streams and a process: `hazard` (S, A), and the state before the first week."""

    streams: tuple[Stream, ...]
    process: EventProcess
    hazard: np.ndarray
    entry: np.ndarray
    rise: np.ndarray
    weight: np.ndarray
    seen: np.ndarray

    @classmethod
    def of(cls, streams: tuple[Stream, ...], process: EventProcess) -> "_Filter":
        """Lay out the ages, long enough that every stream has seen by then what it ever sees; start stationary."""
        long = np.array([stream.arrival(MOST_AGES) / stream.coverage for stream in streams])
        risen = max(stream.rise_days for stream in streams) / DAYS_A_WEEK
        needed = int((long < ARRIVED).sum(axis=1).max() + 2 + 2 * risen)
        ages = min(MOST_AGES, max(FEWEST_AGES, needed))
        arrived = np.array([stream.arrival(ages) for stream in streams])
        before = np.column_stack([np.zeros(len(streams)), arrived[:, :-1]])
        hazard = np.clip((arrived - before) / np.maximum(1.0 - before, 1e-12), 0.0, 1.0)
        entry = np.array([stream.rise(DAYS_A_WEEK / 2)[0] for stream in streams])
        rise = np.array([stream.rise(DAYS_A_WEEK) for stream in streams])
        seen = np.empty((len(streams), ages, entry.shape[1]))
        seen[:, 0] = (arrived - before)[:, :1] * entry
        for a in range(1, ages):
            new = (arrived - before)[:, a, None] * entry
            seen[:, a] = np.einsum("sj,sjk->sk", seen[:, a - 1], rise) + new
        survival = (1.0 - process.ending) ** np.arange(ages)
        share = process.ending * survival
        share[-1] = survival[-1]
        weight = np.append(process.prior * share, 1.0 - process.prior)
        return cls(streams, process, hazard, entry, rise, weight, seen)

    def weigh(self, alarm: np.ndarray, pvalue: np.ndarray) -> np.ndarray:
        """Return the likelihood ratio (P, T, S, K) of each observation, tempered for correlated streams."""
        ratio = np.stack([x.ratio(alarm[:, s], pvalue[:, s]) for s, x in enumerate(self.streams)], axis=2)
        if self.process.correlation > 0.0:
            observed = (~np.isnan(ratio[..., :1])).sum(axis=2, keepdims=True)
            ratio **= 1.0 / (1.0 + np.maximum(observed - 1, 0) * self.process.correlation)
        return np.ascontiguousarray(ratio)

    def run(self, ratio: np.ndarray, members: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return log odds (P, T) and median age (P, T) with the streams that `members` (S,) marks, by default all."""
        places, weeks, streams, _ = ratio.shape
        log_odds, age = np.empty((places, weeks)), np.empty((places, weeks), dtype=np.int64)
        counted = np.ones(streams) if members is None else members.astype(float)
        filter_events(
            ratio, counted, self.hazard, self.entry, self.rise, self.weight, self.seen,
            self.process.onset, self.process.ending, log_odds, age,
        )  # fmt: skip
        return log_odds, age

    def attribute(self, ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return log odds (P, T), median age (P, T) and the Shapley value (P, S, T) of each stream for the log odds.

        A stream's value is the mean, over all orders in which streams could be added, of what it adds to the log odds:
        sum over sets C without s of |C|! (S - |C| - 1)! / S! x (log odds of C and s - log odds of C).
        """
        places, weeks, streams, _ = ratio.shape
        shares = np.zeros((places, streams, weeks))
        numbers = np.arange(streams)
        for code in range(2**streams):
            members = (code >> numbers) & 1 > 0
            size = int(members.sum())
            log_odds, age = self.run(ratio, members)
            if size:
                shares[:, members] += _order_weight(size - 1, streams) * log_odds[:, None]
            if size < streams:
                shares[:, ~members] -= _order_weight(size, streams) * log_odds[:, None]
        return log_odds, age, shares


def _order_weight(size: int, streams: int) -> float:
    return factorial(size) * factorial(streams - size - 1) / factorial(streams)


def _probability(log_odds: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return np.asarray(expit(log_odds))
