"""The fusion: its filter against a slow exact one, contributions, thresholds, earlier alarms in a world of its own."""

import importlib.util
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.surveillance.fusion import EventProcess, filter_signals, fuse_streams, simulated_threshold
from mamori.surveillance.signals import Signals
from mamori.surveillance.stream import STRENGTHS, Stream

STREAMS = (
    Stream("herds", "animal", 9.0, 4.0, 0.6, 0.02, rise_days=10.0),
    Stream("water", "environment", 6.0, 3.0, 0.5, 0.03),
    Stream("human", "human", 15.0, 6.0, 0.7, 0.01, coverage=0.7),
)
PROCESS = EventProcess(per_year=2.0, duration_weeks=5.0)
PRIOR_LOG_ODDS = np.log(PROCESS.prior / (1.0 - PROCESS.prior))


@pytest.fixture(autouse=True)
def _short_calibration(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "wished_rate" not in request.node.name:
        monkeypatch.setattr("mamori.surveillance.fusion.CALIBRATION_WEEKS", 5000)


def _signals(places: int, weeks: int, seed: int, streams: tuple[Stream, ...] = STREAMS) -> Signals:
    """Mixed p-values and alarms, some of them low, some missing."""
    draw = np.random.default_rng(seed)
    pvalue = draw.uniform(size=(places, len(streams), weeks)) ** draw.choice([1.0, 3.0], (places, 1, weeks))
    alarm = (pvalue < 0.05).astype(float)
    pvalue[draw.uniform(size=pvalue.shape) < 0.3] = np.nan
    alarm[draw.uniform(size=pvalue.shape) < 0.3] = np.nan
    axis = np.datetime64("2024-01-01") + 7 * np.arange(weeks)
    return Signals(streams, tuple(f"place {p}" for p in range(places)), axis, alarm, pvalue)


def _exact_log_odds(signals: Signals, process: EventProcess, oldest: int = 120) -> np.ndarray:
    """Sum over every first week of an event, each with its own Bayes factor of each stream: no ages are pooled."""
    places, weeks = signals.alarm.shape[0], signals.alarm.shape[2]
    log_odds = np.empty((places, weeks))
    for p in range(places):
        starts = range(-oldest, weeks)
        factor = {start: np.ones(weeks) for start in starts}
        for s, stream in enumerate(signals.streams):
            ratio = stream.ratio(signals.alarm[p, s], signals.pvalue[p, s])
            ratio[np.isnan(ratio)] = 1.0
            new = np.diff(stream.arrival(oldest + weeks + 1), prepend=0.0)
            entry, rise = stream.rise(3.5)[0], stream.rise(7.0)
            for start in starts:
                seen = np.zeros(STRENGTHS)
                for week in range(start, weeks):
                    seen = seen @ rise + new[week - start] * entry
                    if week >= 0:
                        seen = seen * ratio[week]
                        factor[start][week] *= seen.sum() + 1.0 - new[: week - start + 1].sum()
        begun = {s: process.prior * process.ending * (1.0 - process.ending) ** -s for s in range(-oldest, 1)}
        none = 1.0 - process.prior
        for week in range(weeks):
            if week > 0:
                ended = sum(
                    process.ending
                    * weight
                    * (1.0 - process.ending) ** (week - 1 - max(start, 0))
                    * factor[start][week - 1]
                    for start, weight in begun.items()
                )
                begun[week] = process.onset * none
                none = (1.0 - process.onset) * none + ended
            ongoing = sum(
                weight * (1.0 - process.ending) ** (week - max(start, 0)) * factor[start][week]
                for start, weight in begun.items()
            )
            log_odds[p, week] = np.log(ongoing / none)
    return log_odds


@pytest.mark.parametrize("seed", [1, 2])
def test_the_filter_is_exact(seed: int) -> None:
    signals = _signals(2, 12, seed)
    log_odds, _ = filter_signals(signals, PROCESS)
    np.testing.assert_allclose(log_odds, _exact_log_odds(signals, PROCESS), atol=1e-9)


def test_without_observations_the_prior_stays() -> None:
    signals = _signals(1, 60, 1)
    nothing = replace(signals, alarm=np.full_like(signals.alarm, np.nan), pvalue=np.full_like(signals.pvalue, np.nan))
    log_odds, age = filter_signals(nothing, PROCESS)
    np.testing.assert_allclose(log_odds, PRIOR_LOG_ODDS, atol=1e-12)
    assert (age == 3).all()  # the median of a geometric age with mean 4


def test_contributions_sum_to_the_change_in_log_odds_and_are_fair() -> None:
    twins = (STREAMS[0], replace(STREAMS[0], stream="twin"), STREAMS[2])
    signals = _signals(3, 20, 4, twins)
    signals.alarm[:, 1], signals.pvalue[:, 1] = signals.alarm[:, 0], signals.pvalue[:, 0]
    signals.alarm[:, 2], signals.pvalue[:, 2] = np.nan, np.nan
    fusion = fuse_streams(signals, PROCESS)
    np.testing.assert_allclose(fusion.contributions.sum(axis=1), fusion.log_odds - PRIOR_LOG_ODDS, atol=1e-10)
    np.testing.assert_allclose(fusion.contributions[:, 0], fusion.contributions[:, 1], atol=1e-10)
    np.testing.assert_allclose(fusion.contributions[:, 2], 0.0, atol=1e-10)


def test_with_one_stream_its_contribution_is_all() -> None:
    signals = _signals(1, 10, 5, STREAMS[:1])
    fusion = fuse_streams(signals, PROCESS)
    np.testing.assert_allclose(fusion.contributions[:, 0], fusion.log_odds - PRIOR_LOG_ODDS, atol=1e-10)


def _null(places: int, weeks: int, seed: int, correlation: float = 0.0) -> Signals:
    draw = np.random.default_rng(seed)
    shared, own = draw.standard_normal((places, 1, weeks)), draw.standard_normal((places, 3, weeks))
    pvalue = ndtr(np.sqrt(correlation) * shared + np.sqrt(1.0 - correlation) * own)
    axis = np.datetime64("2023-01-02") + 7 * np.arange(weeks)
    return Signals(STREAMS, tuple(map(str, range(places))), axis, np.full(pvalue.shape, np.nan), pvalue)


@pytest.mark.parametrize("correlation", [0.0, 0.4])
def test_the_simulated_threshold_gives_the_wished_rate(correlation: float) -> None:
    process = replace(PROCESS, correlation=correlation)
    quiet = _null(1000, 60, 7, correlation)
    threshold = simulated_threshold(quiet, process, false_positive_rate=0.01)
    log_odds, _ = filter_signals(quiet, process)
    assert (log_odds > threshold).mean() == pytest.approx(0.01, abs=0.0015)


def test_a_threshold_can_be_read_from_a_quiet_period() -> None:
    signals = _null(40, 60, 8)
    fusion = fuse_streams(signals, PROCESS, false_positive_rate=0.05, quiet=(date(2023, 1, 2), date(2023, 12, 31)))
    assert fusion.alarm[:, :52].mean() == pytest.approx(0.05, abs=0.002)
    with pytest.raises(InputError, match="needs at least 500"):
        fuse_streams(signals, PROCESS, quiet=(date(2023, 1, 2), date(2023, 1, 31)))


def test_results_depend_on_the_seed_and_not_on_the_threads() -> None:
    signals = _signals(20, 15, 9)
    one, two = (fuse_streams(signals, PROCESS, workers=workers) for workers in (1, 2))
    other = fuse_streams(signals, PROCESS, seed=1)
    assert one.table().equals(two.table())
    assert one.threshold == two.threshold != other.threshold


def test_alarms_alone_can_be_asked_for() -> None:
    signals = _signals(2, 10, 3)
    alarms = fuse_streams(signals, PROCESS, evidence="alarm")
    nothing = replace(signals, pvalue=np.full_like(signals.pvalue, np.nan))
    np.testing.assert_array_equal(alarms.log_odds, fuse_streams(nothing, PROCESS).log_odds)
    with pytest.raises(InputError, match="Did you mean 'alarm'"):
        fuse_streams(signals, evidence="alarms")  # type: ignore[arg-type]


def test_the_table_has_its_documented_columns() -> None:
    fusion = fuse_streams(_signals(2, 10, 3), PROCESS)
    table = fusion.table()
    fixed = TableDefinition.load("fusion_posterior").validate(
        table.drop(pl.selectors.starts_with("contribution_")), "t"
    )
    assert table.columns == [*fixed.columns, *(f"contribution_{stream.stream}" for stream in STREAMS)]
    assert table.height == 20
    row = table.filter(pl.col("top_stream").is_not_null()).row(0, named=True)
    assert row[f"contribution_{row['top_stream']}"] == max(row[f"contribution_{stream.stream}"] for stream in STREAMS)
    assert row["onset"] <= row["date"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"per_year": 0.0}, "events per year is 0"),
        ({"duration_weeks": 0.5}, "the duration in weeks is 0.5"),
        ({"correlation": 1.0}, "the correlation is 1"),
        ({"per_year": float("nan")}, "events per year is nan"),
    ],
)
def test_a_process_that_cannot_be_is_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EventProcess(**settings)


def test_too_many_streams_or_a_rate_out_of_bounds_are_refused() -> None:
    many = tuple(replace(STREAMS[0], stream=str(n)) for n in range(11))
    with pytest.raises(InputError, match="there are 11 streams"):
        fuse_streams(_signals(1, 3, 1, many))
    with pytest.raises(InputError, match="false-positive rate is 0"):
        fuse_streams(_signals(1, 3, 1), false_positive_rate=0.0)


@pytest.fixture(scope="module")
def bench(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("fusion_benchmark", root / "benchmarks/fusion.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_in_a_world_of_its_own_the_fused_alarm_is_a_week_earlier_than_the_best_stream(bench: ModuleType) -> None:
    """With delays of two weeks assumed for all streams, not estimated; `benchmarks/fusion.py` has the full table."""
    believed = tuple(Stream(name, host, 14.0, 7.0, 0.6, 0.02, 28.0) for name, host in bench.HOSTS.items())
    quiet = bench.simulate(bench.World(), 250, 1, events=False).pvalue
    tested = bench.simulate(bench.World(), 250, 2, events=True)
    rate = 0.002

    def delays(score_of_quiet: np.ndarray, score: np.ndarray) -> np.ndarray:
        threshold = bench.threshold_at(score_of_quiet, rate)
        return np.asarray(bench.first_alarm(score, threshold, tested.onset))

    fused = delays(*(bench.log_odds(values, believed, EventProcess()) for values in (quiet, tested.pvalue)))
    alone = [delays(*(-np.nan_to_num(x[:, s], nan=1.0) for x in (quiet, tested.pvalue))) for s in range(4)]
    best = min(alone, key=lambda weeks: (np.median(weeks), weeks.mean()))
    assert np.median(best - fused) >= 1.0
    assert (fused < bench.FOLLOWED).mean() > (best < bench.FOLLOWED).mean()
