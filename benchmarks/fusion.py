"""Is fusion earlier than the best single stream? A world with known events, not made by the fusion's model.

Run: ``python -m benchmarks.fusion [--events 600] [--quiet-places 400] [--seed 1]``. Every method gets the same rate of
false alarms per place-week, set on quiet places of its own scenario; the streams' delays, sensitivities and false-alarm
rates are estimated from other events.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from scipy.stats import nbinom
from scipy.stats import t as student

from mamori.surveillance.fusion import EventProcess, filter_signals, simulated_threshold
from mamori.surveillance.signals import Signals
from mamori.surveillance.stream import Stream, estimate_stream

YEARS, WINDOW = 3, 3
"""Years of history that the detectors learn from, and weeks on either side of the same week in each."""
FIRST = 52 * YEARS + WINDOW
"""First week with p-values; the simulated weeks before it are history."""
WEEKS, ONSET, FOLLOWED = FIRST + 72, FIRST + 34, 26
"""Weeks simulated, first week in which events begin, weeks in which an alarm counts as theirs."""
HOSTS = {"animal": "animal", "wastewater": "environment", "human": "human", "reports": "event"}
LEVEL = 0.02
"""P-value at which a stream's alarm counts when it is estimated."""


@dataclass(frozen=True)
class World:
    """What the scenarios change: size of the events, people infected for each animal, shared noise, missing weeks."""

    size: float = 1.0
    people: float = 0.3
    shared_noise: float = 0.15
    missing: float = 0.15


@dataclass(frozen=True, eq=False)
class Simulated:
    """P-values (places, 4, weeks) of the streams, first week (places,) of each event, and weeks that it lasts.

    An event ends in the week in which 95 % of its animals are infected.
    """

    pvalue: np.ndarray
    onset: np.ndarray
    lasted: np.ndarray


def simulate(world: World, places: int, seed: int, *, events: bool) -> Simulated:
    """Return the p-values of places that have one event each, or none.

    Infections in animals grow logistically with random doubling time and final size; people are infected from them
    about 10 days later. Sick animals and people are reported with delay on overdispersed, seasonal baselines;
    wastewater measures the logarithm of a concentration with autocorrelated noise; reports in media come in clusters.
    A weather factor is shared by animals and wastewater, holidays by animals and people.
    """
    draw = np.random.default_rng(seed)
    week = np.arange(WEEKS)
    onset = ONSET + draw.integers(0, 10, places)
    infected = np.zeros((places, WEEKS))
    if events:
        start = onset + draw.uniform(0.0, 1.0, places)
        growth = np.log(2.0) / draw.uniform(1.0, 3.0, places)
        final = world.size * draw.lognormal(np.log(400.0), 0.8, places)
        infected = np.diff(_logistic(np.arange(WEEKS + 1)[None, :] - start[:, None], growth[:, None], final[:, None]))
    people = draw.lognormal(np.log(world.people), 0.6, (places, 1)) * _delayed(infected, (0.15, 0.4, 0.3, 0.15))
    season = 1.0 + 0.3 * np.sin(2.0 * np.pi * (week[None, :] + draw.uniform(0, 52, (places, 1))) / 52.0)
    weather = np.exp(world.shared_noise * draw.standard_normal((places, WEEKS)))
    holiday = np.where((week + draw.integers(0, 26, (places, 1))) % 26 < 2, 0.7, 1.0)
    sick = draw.lognormal(np.log(6.0), 0.5, (places, 1)) * season * weather * holiday
    sick = _negative_binomial(draw, sick + 0.35 * _delayed(infected, (0.2, 0.4, 0.25, 0.15)), 1.6)
    patients = draw.lognormal(np.log(8.0), 0.6, (places, 1)) * season * weather**0.5 * holiday
    patients = _negative_binomial(draw, patients + 0.7 * _delayed(people, (0.05, 0.25, 0.35, 0.2, 0.15)), 1.8)
    noise = draw.standard_normal((places, WEEKS))
    for now in range(1, WEEKS):
        noise[:, now] = 0.4 * noise[:, now - 1] + np.sqrt(1.0 - 0.4**2) * noise[:, now]
    shed = 0.03 * _delayed(infected + 4.0 * people, (0.5, 0.35, 0.15))
    water = np.log(1.0 + shed) + 0.35 * noise + np.log(weather)
    told = 0.03 * _delayed(infected + 4.0 * people, (0.0, 0.2, 0.4, 0.4))
    reports = draw.poisson(0.15 * draw.gamma(0.5, 2.0, (places, WEEKS)) + told).astype(float)
    pvalue = np.stack(
        [seasonal_pvalue(sick), seasonal_pvalue(water), seasonal_pvalue(patients), rare_pvalue(reports)], 1
    )
    pvalue[draw.uniform(size=pvalue.shape) < world.missing] = np.nan
    running = infected.cumsum(axis=1) < 0.95 * infected.sum(axis=1, keepdims=True)
    return Simulated(pvalue, onset - FIRST, np.maximum(running.sum(axis=1) + 1 - onset, 0))


def _logistic(age: np.ndarray, growth: np.ndarray, final: np.ndarray) -> np.ndarray:
    """Return the infections so far of events of that age in weeks, which begin with two infections."""
    grown = 2.0 * np.expm1(np.minimum(growth * np.maximum(age, 0.0), 50.0))
    return final * grown / (final + grown)


def _delayed(values: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Return `values` (places, weeks) spread over the following weeks by `shares`."""
    out = np.zeros_like(values)
    for lag, share in enumerate(shares):
        out[:, lag:] += share * values[:, : values.shape[1] - lag]
    return out


def _negative_binomial(draw: np.random.Generator, mean: np.ndarray, dispersion: float) -> np.ndarray:
    return draw.poisson(draw.gamma(mean / (dispersion - 1.0), dispersion - 1.0)).astype(float)


def seasonal_pvalue(values: np.ndarray) -> np.ndarray:
    """Return the upper tail of Student's t for each value given those of the same season in the years before.

    On the scale of the power 2/3, which makes overdispersed counts nearly normal; logarithms of concentrations, which
    may be negative, are left as they are.
    """
    scaled = values ** (2.0 / 3.0) if values.min() >= 0.0 else values
    now = np.arange(FIRST, WEEKS)
    past = [scaled[:, now - 52 * year + shift] for year in range(1, YEARS + 1) for shift in range(-WINDOW, WINDOW + 1)]
    mean, sd, n = np.mean(past, axis=0), np.std(past, axis=0, ddof=1), len(past)
    return np.asarray(student.sf((scaled[:, now] - mean) / np.maximum(sd * np.sqrt(1.0 + 1.0 / n), 1e-9), n - 1))


def rare_pvalue(counts: np.ndarray) -> np.ndarray:
    """Return P(at least that many) under a negative binomial with the mean and variance of the whole history."""
    past = counts[:, :FIRST]
    mean = np.maximum(past.mean(axis=1, keepdims=True), 0.5 / FIRST)
    share = mean / np.maximum(past.var(axis=1, ddof=1, keepdims=True), 1.05 * mean)
    return np.asarray(nbinom.sf(counts[:, FIRST:] - 1.0, mean * share / (1.0 - share), share))


def estimate_streams(past: Simulated, quiet: Simulated) -> tuple[Stream, ...]:
    """Estimate the four streams from past events and quiet places."""
    found = []
    for s, (name, host) in enumerate(HOSTS.items()):
        follow = np.stack([past.pvalue[p, s, first : first + FOLLOWED] for p, first in enumerate(past.onset)])
        follow[np.arange(FOLLOWED) >= past.lasted[:, None]] = np.nan
        alarms = np.where(np.isnan(follow), np.nan, follow <= LEVEL)
        calm = quiet.pvalue[:, s]
        found.append(
            estimate_stream(name, host, alarms, np.where(np.isnan(calm), np.nan, calm <= LEVEL), pvalues=follow)
        )
    return tuple(found)


def log_odds(pvalue: np.ndarray, streams: tuple[Stream, ...], process: EventProcess) -> np.ndarray:
    """Return the fusion's log odds (places, weeks) of an event."""
    return filter_signals(signals_of(pvalue, streams), process)[0]


def signals_of(pvalue: np.ndarray, streams: tuple[Stream, ...]) -> Signals:
    """Return p-values (places, streams, weeks) as the fusion takes them."""
    weeks = np.datetime64("2024-01-01") + 7 * np.arange(pvalue.shape[2])
    names = tuple(f"place {p}" for p in range(len(pvalue)))
    return Signals(streams, names, weeks, np.full(pvalue.shape, np.nan), pvalue)


def first_alarm(score: np.ndarray, threshold: float, onset: np.ndarray) -> np.ndarray:
    """Return weeks from the first week of each event to the first score above the threshold; FOLLOWED if none."""
    follow = np.stack([score[p, first : first + FOLLOWED] for p, first in enumerate(onset)])
    hit = follow > threshold
    return np.where(hit.any(axis=1), hit.argmax(axis=1), FOLLOWED).astype(float)


def threshold_at(quiet: np.ndarray, rate: float) -> float:
    """Return the lowest threshold that at most this share of quiet place-weeks exceeds."""
    return float(np.quantile(quiet, 1.0 - rate, method="higher"))


@dataclass(frozen=True)
class Scenario:
    """A world, what the user believes about the streams there, and about events."""

    name: str
    world: World = field(default_factory=World)
    believed: Callable[[Stream], Stream] = lambda stream: stream
    process: EventProcess | None = None  # by default with the mean duration of the past events


NOISY = World(shared_noise=0.5)
SCENARIOS = (
    Scenario("streams as estimated"),
    Scenario("delays believed half", believed=lambda x: replace(x, delay_mean_days=x.delay_mean_days / 2)),
    Scenario("delays believed double", believed=lambda x: replace(x, delay_mean_days=x.delay_mean_days * 2)),
    Scenario("delays believed 14 days each", believed=lambda x: replace(x, delay_mean_days=14.0, delay_sd_days=7.0)),
    Scenario("no rise believed", believed=lambda x: replace(x, rise_days=0.0)),
    Scenario("sensitivity believed 0.5 each", believed=lambda x: replace(x, sensitivity=0.5)),
    Scenario("false alarms believed a third", believed=lambda x: replace(x, false_alarm_rate=x.false_alarm_rate / 3)),
    Scenario("five times the prior", process=EventProcess(per_year=2.5)),
    Scenario("events believed to last 8 weeks", process=EventProcess(duration_weeks=8.0)),
    Scenario("small events", World(size=0.4)),
    Scenario("large events", World(size=2.5)),
    Scenario("people hardly affected", World(people=0.1)),
    Scenario("half of the weeks missing", World(missing=0.5)),
    Scenario("correlated noise", NOISY),
    Scenario("correlated noise, correlation 0.2", NOISY, process=EventProcess(correlation=0.2)),
)


@cache
def _estimated(world: World, seed: int) -> tuple[tuple[Stream, ...], float]:
    """Return the streams and the mean weeks of an event, from 200 past events and 100 quiet places."""
    past = simulate(world, 200, 10 * seed + 1, events=True)
    calm = simulate(world, 100, 10 * seed + 2, events=False)
    return estimate_streams(past, calm), float(past.lasted.mean())


@dataclass(frozen=True)
class Outcome:
    """Weeks to the first alarm (events,) of each method at one rate of false alarms."""

    delays: dict[str, np.ndarray]

    def best(self, prefix: str) -> str:
        """Return the method with that prefix whose median, then mean, delay is lowest."""
        names = [name for name in self.delays if name.startswith(prefix)]
        return min(names, key=lambda name: (np.median(self.delays[name]), self.delays[name].mean()))

    def lead(self, other: str) -> np.ndarray:
        """Return by how many weeks (events,) the fused alarm comes before that of `other`."""
        return self.delays[other] - self.delays["fused"]


def compare(
    scenario: Scenario, *, events: int, quiet_places: int, rates: Sequence[float], seed: int
) -> tuple[list[Outcome], list[float]]:
    """Return each rate's outcome, and the rate of false alarms at the threshold that the fusion itself simulates."""
    estimated, lasted = _estimated(scenario.world, seed)
    streams = tuple(scenario.believed(stream) for stream in estimated)
    process = scenario.process or EventProcess(duration_weeks=lasted)
    quiet = simulate(scenario.world, quiet_places, 10 * seed + 3, events=False).pvalue
    tested = simulate(scenario.world, events, 10 * seed + 4, events=True)
    scores = {"fused": tuple(log_odds(values, streams, process) for values in (quiet, tested.pvalue))}
    filled = [np.where(np.isnan(values), 1.0, values) for values in (quiet, tested.pvalue)]
    scores["any stream"] = tuple(-values.min(axis=1) for values in filled)
    for s, stream in enumerate(streams):
        scores[f"alone {stream.stream}"] = tuple(-values[:, s] for values in filled)
        scores[f"filtered {stream.stream}"] = tuple(
            log_odds(values[:, s : s + 1], (stream,), process) for values in (quiet, tested.pvalue)
        )
    outcomes, own = [], []
    for rate in rates:
        delays = {
            name: first_alarm(of_events, threshold_at(of_quiet, rate), tested.onset)
            for name, (of_quiet, of_events) in scores.items()
        }
        outcomes.append(Outcome(delays))
        threshold = simulated_threshold(signals_of(quiet, streams), process, false_positive_rate=rate)
        own.append(float((scores["fused"][0] > threshold).mean()))
    return outcomes, own


def report(scenario: Scenario, rate: float, outcome: Outcome, own: float) -> str:
    """Return a row: detected and median delay of each method, leads of the fused alarm (quartiles, mean)."""
    cells = [scenario.name, f"{rate:.1%}"]
    names = ["fused", outcome.best("alone"), outcome.best("filtered"), "any stream"]
    for name in names:
        delays = outcome.delays[name]
        cells.append(f"{name}: {np.median(delays):.0f} wk, {(delays < FOLLOWED).mean():.0%}")
    for name in names[1:]:
        lead = outcome.lead(name)
        low, middle, high = np.quantile(lead, [0.25, 0.5, 0.75])
        later = (lead < 0).mean()
        cells.append(f"{middle:.0f} ({low:.0f} to {high:.0f}), mean {lead.mean():.1f}, later in {later:.0%}")
    return " | ".join([*cells, f"{own:.2%}"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row per scenario and rate."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fusion", description=__doc__)
    parser.add_argument("--events", type=int, default=600)
    parser.add_argument("--quiet-places", type=int, default=600)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.01, 0.005, 0.002])
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    print(
        "scenario | false alarms per place-week | fused: median weeks to the alarm, share detected in 26 weeks | best "
        "stream alone | best stream through the filter | any stream | lead over the best alone | over the best "
        "filtered | over any | false alarms at the threshold that the fusion simulates"
    )
    for scenario in SCENARIOS:
        outcomes, own = compare(
            scenario, events=given.events, quiet_places=given.quiet_places, rates=given.rates, seed=given.seed
        )
        for row in zip(given.rates, outcomes, own, strict=True):
            print(report(scenario, *row), flush=True)


if __name__ == "__main__":
    main()
