"""A stream: its delay, rise and likelihood ratios against simulation, its table, and its estimate from past events."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from mamori.core.errors import InputError
from mamori.surveillance.stream import STRENGTHS, Stream, estimate_stream, find_stream, load_streams

WATER = Stream("water", "environment", 12.0, 5.0, 0.6, 0.02, rise_days=21.0, coverage=0.8)


def test_the_first_trace_arrives_as_often_as_drawn() -> None:
    draw = np.random.default_rng(1)
    delay = draw.gamma((12 / 5) ** 2, 25 / 12, 200_000)
    week = np.floor((draw.uniform(0.0, 7.0, delay.size) + delay) / 7.0)
    drawn = [0.8 * (week <= age).mean() for age in range(8)]
    np.testing.assert_allclose(WATER.arrival(8), drawn, atol=0.005)


@pytest.mark.parametrize(("delay", "arrived"), [(0.0, [1.0, 1.0]), (3.5, [0.5, 1.0]), (7.0, [0.0, 1.0])])
def test_a_fixed_delay_arrives_at_once(delay: float, arrived: list[float]) -> None:
    np.testing.assert_allclose(Stream("s", "human", delay, 0.0, 0.5, 0.01).arrival(2), arrived)


def test_a_signal_takes_the_stated_days_to_full_strength() -> None:
    np.testing.assert_allclose(WATER.rise(7.0).sum(axis=1), 1.0)
    below = sum(1.0 - WATER.rise(day)[0, -1] for day in np.arange(0.05, 400.0, 0.1)) * 0.1
    assert below == pytest.approx(21.0, rel=0.01)  # the mean time is the integral of not being there yet
    at_once = Stream("s", "human", 7.0, 1.0, 0.5, 0.01, rise_days=0.0)
    assert at_once.rise(0.1)[0].tolist() == [0.0] * (STRENGTHS - 1) + [1.0]


def test_ratios_are_likelihood_ratios_of_the_stated_rates() -> None:
    nothing = np.full(2, np.nan)
    alarm = WATER.ratio(np.array([1.0, 0.0]), nothing)
    np.testing.assert_allclose(alarm[:, -1], [0.6 / 0.02, 0.4 / 0.98])
    np.testing.assert_allclose(0.02 * alarm[0] + 0.98 * alarm[1], 1.0)  # mean 1 without an event
    grid = (np.arange(200_000) + 0.5) / 200_000
    ratio = WATER.ratio(np.full(grid.shape, np.nan), grid)
    np.testing.assert_allclose(ratio.mean(axis=0), 1.0, atol=5e-3)  # p-values below 1e-6 count as 1e-6
    assert ratio[grid <= 0.02, -1].sum() / 200_000 == pytest.approx(0.6, abs=6e-3)
    shift = WATER.shifts[1]
    at = WATER.ratio(np.array([np.nan]), np.array([0.1]))[0, 1]
    assert at == pytest.approx(norm.pdf(norm.isf(0.1), shift) / norm.pdf(norm.isf(0.1)))


def test_no_case_says_no_more_than_no_alarm_and_nothing_says_nothing() -> None:
    ratio = WATER.ratio(np.array([0.0, np.nan, 1.0]), np.array([np.nan, 1.0, np.nan]))
    np.testing.assert_allclose(ratio[1], ratio[0])
    assert np.isnan(WATER.ratio(np.array([np.nan]), np.array([np.nan]))).all()
    both = WATER.ratio(np.array([1.0]), np.array([0.7]))
    np.testing.assert_allclose(both, WATER.ratio(np.array([np.nan]), np.array([0.7])))


def test_a_table_of_streams_is_read_with_its_defaults(tmp_path: Path) -> None:
    path = tmp_path / "streams.csv"
    path.write_text(
        "stream,host,delay_mean_days,delay_sd_days,sensitivity,false_alarm_rate,coverage\n"
        "water,environment,10,4,0.5,0.02,0.9\nhuman,human,21,9,0.7,0.01,\n"
    )
    streams = load_streams(path)
    assert streams[0] == Stream("water", "environment", 10.0, 4.0, 0.5, 0.02, coverage=0.9)
    assert streams[1].coverage == 1.0
    with pytest.raises(InputError, match="Did you mean 'water'"):
        find_stream(streams, "watr")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("water,environment,10,4,0.01,0.02", "0 < false_alarm_rate < sensitivity < 1"),
        ("water,environment,0,4,0.5,0.02", "delay_mean_days 0"),
        ("water,soil,10,4,0.5,0.02", "one of human, animal, environment, event"),
        ("water,environment,10,4,1.0,0.02", "sensitivity' row 2"),
        ("water,environment,10,4,0.5,0.02\nwater,human,10,4,0.5,0.02", "stands in several rows"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "streams.csv"
    path.write_text(f"stream,host,delay_mean_days,delay_sd_days,sensitivity,false_alarm_rate\n{row}\n")
    with pytest.raises(InputError, match=message):
        load_streams(path)


def _draw_events(stream: Stream, events: int, weeks: int, seed: int) -> np.ndarray:
    """Draw p-values (events, weeks) from the model of a stream whose signal has full strength at once."""
    draw = np.random.default_rng(seed)
    delay = draw.gamma((stream.delay_mean_days / stream.delay_sd_days) ** 2, 1.0, events)
    delay *= stream.delay_sd_days**2 / stream.delay_mean_days
    trace = np.floor((draw.uniform(0.0, 7.0, events) + delay) / 7.0)
    trace[draw.uniform(size=events) > stream.coverage] = np.inf
    shift = np.where(np.arange(weeks) >= trace[:, None], stream.shifts[-1], 0.0)
    return np.asarray(norm.sf(draw.normal(shift)))


def test_an_estimate_recovers_the_stream_that_made_the_events() -> None:
    truth = Stream("water", "environment", 16.0, 7.0, 0.6, 0.02, coverage=0.8)
    pvalue = _draw_events(truth, 300, 16, 2)
    quiet = np.random.default_rng(3).uniform(size=5000) <= 0.02
    found = estimate_stream("water", "environment", pvalue <= 0.02, quiet, pvalues=pvalue)
    assert found.false_alarm_rate == pytest.approx(0.02, abs=0.004)
    assert found.delay_mean_days == pytest.approx(16.0, abs=2.5)
    assert found.sensitivity == pytest.approx(0.6, abs=0.06)
    assert found.coverage == pytest.approx(0.8, abs=0.08)
    assert found.rise_days < 5.0
    assert found.source == "estimated from 300 events and 5000 quiet weeks"


def test_too_little_or_useless_data_give_no_estimate() -> None:
    quiet = np.zeros(100)
    with pytest.raises(InputError, match="2 observed events"):
        estimate_stream("s", "human", np.ones((2, 5)), quiet)
    with pytest.raises(InputError, match="tell nothing about events"):
        estimate_stream("s", "human", np.zeros((9, 5)), quiet)
