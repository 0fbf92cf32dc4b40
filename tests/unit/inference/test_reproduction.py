"""Reproduction numbers of windows and of cases: formulas, missing counts, imported cases, uncertain intervals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import gamma

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.inference.reproduction import (
    PROBABILITIES,
    Note,
    Reason,
    estimate_case_reproduction_number,
    estimate_reproduction_number,
)
from mamori.inference.serial_interval import Range, SerialInterval, UncertainInterval

WEIGHTS = np.array([0.0, 0.5, 0.3, 0.2])
INTERVAL = SerialInterval(mass=WEIGHTS)


def observe(counts: object, frequency: int | None = None, dates: bool = False) -> Observations:
    """Return counts (S, T) as observations."""
    table = np.atleast_2d(np.array(counts, dtype=float))
    names = pl.DataFrame({"series": [f"s{i}" for i in range(len(table))]})
    days = np.datetime64("2024-01-01") + np.arange(table.shape[1]) if dates else None
    return Observations(names, np.arange(1, table.shape[1] + 1), table, table, days, frequency)


def grown(days: int = 40, seed: int = 0) -> np.ndarray:
    """Return a Poisson epidemic whose mean grows and falls."""
    return np.random.default_rng(seed).poisson(40.0 * np.exp(np.sin(np.arange(days) / 8.0))).astype(float)


def test_the_posterior_is_the_gamma_distribution_of_the_paper() -> None:
    counts = np.array([3.0, 4.0, 2.0, 6.0, 5.0, 9.0])
    got = estimate_reproduction_number(observe(counts), INTERVAL, window=3, mean_prior=2.0, std_prior=1.0)
    pressure = [sum(WEIGHTS[k] * counts[t - k] for k in range(1, min(3, t) + 1)) for t in range(6)]
    for w, (start, end) in enumerate([(1, 3), (2, 4), (3, 5)]):
        shape = 4.0 + counts[start : end + 1].sum()
        rate = 2.0 + sum(pressure[start : end + 1])
        assert (got.t_start[w], got.t_end[w]) == (start + 1, end + 1)
        assert got.mean[0, w] == pytest.approx(shape / rate, rel=1e-13)
        assert got.sd[0, w] == pytest.approx(np.sqrt(shape) / rate, rel=1e-13)
        np.testing.assert_allclose(got.quantiles[0, w], gamma.ppf(PROBABILITIES, shape, scale=1 / rate), rtol=1e-11)


def test_imported_cases_infect_but_were_not_infected_here() -> None:
    total, elsewhere = np.full(10, 4.0), np.zeros(10)
    elsewhere[4] = 3.0
    got = estimate_reproduction_number(observe(total), INTERVAL, imported=elsewhere, t_start=[5], t_end=[5])
    without = estimate_reproduction_number(observe(total), INTERVAL, t_start=[5], t_end=[5])
    assert without.mean[0, 0] / got.mean[0, 0] == pytest.approx(5.0 / 2.0)


def test_any_windows_may_be_asked_for() -> None:
    got = estimate_reproduction_number(observe(grown()), INTERVAL, t_start=[2, 10, 9], t_end=[40, 10, 12])
    assert got.table()["t_end"].to_list() == [40, 10, 12]
    weekly = estimate_reproduction_number(observe(grown()), INTERVAL, t_start=[9], t_end=[15])
    sliding = estimate_reproduction_number(observe(grown()), INTERVAL)
    assert weekly.mean[0, 0] == sliding.mean[0, np.flatnonzero(sliding.t_end == 15)[0]]


def test_windows_before_the_mean_of_the_interval_have_no_value() -> None:
    interval = SerialInterval(9.5, 2.0)
    got = estimate_reproduction_number(observe(grown()), interval, window=3)
    early = got.t_end <= 9
    assert (got.reason[0] == np.where(early, Reason.TOO_EARLY, Reason.COMPUTED)).all()
    assert (np.isnan(got.mean[0]) == early).all()


def test_a_missing_count_leaves_out_only_what_needs_it() -> None:
    counts = grown()
    counts[20] = np.nan
    got = estimate_reproduction_number(observe(counts), INTERVAL, window=2)
    lost = got.reason[0] == Reason.MISSING_COUNT
    # The day itself and the three days that it infects, in any window of two days.
    assert got.t_end[lost].tolist() == list(range(21, 26))
    filled = estimate_reproduction_number(observe(counts), INTERVAL, window=2, missing="zero")
    assert not filled.reason.any()
    np.testing.assert_array_equal(filled.mean[0][~lost], got.mean[0][~lost])


def test_few_cases_and_cases_from_nowhere_are_noted() -> None:
    counts = np.zeros(30)
    counts[[0, 15]] = 1.0, 50.0
    got = estimate_reproduction_number(observe(counts), INTERVAL, window=2)
    notes = {end: Note(note).word for end, note in zip(got.t_end, got.note[0], strict=True)}
    assert notes[10] == "few-cases"
    assert notes[16] == "no-source"
    assert got.mean[0, -1] == pytest.approx(5.0)  # nothing happened: the prior


def test_a_series_does_not_depend_on_the_others() -> None:
    counts = np.array([grown(seed=s) for s in range(3)])
    together = estimate_reproduction_number(observe(counts), INTERVAL)
    alone = estimate_reproduction_number(observe(counts[1]), INTERVAL)
    np.testing.assert_array_equal(together.quantiles[1], alone.quantiles[0])


def test_an_interval_known_exactly_gives_the_parametric_posterior() -> None:
    sure = UncertainInterval(Range(4.0, 0.0, 4.0, 4.0), Range(2.0, 0.0, 2.0, 2.0))
    got = estimate_reproduction_number(observe(grown()), sure, draws_of_interval=100, draws_of_posterior=100)
    want = estimate_reproduction_number(observe(grown()), SerialInterval(4.0, 2.0))
    np.testing.assert_array_equal(got.reason, want.reason)
    np.testing.assert_allclose(got.quantiles, want.quantiles, rtol=0.02)
    np.testing.assert_allclose(got.sd, want.sd, rtol=0.05)


def test_an_uncertain_interval_widens_and_is_drawn_by_seed_and_name() -> None:
    interval = UncertainInterval(Range(6.0, 2.0, 3.0, 9.0), Range(2.0, 0.5, 1.0, 3.0))
    small: dict[str, Any] = {"draws_of_interval": 40, "draws_of_posterior": 20}
    counts = np.array([grown(), grown(seed=1)])
    got = estimate_reproduction_number(observe(counts), interval, seed=3, **small)
    again = estimate_reproduction_number(observe(counts[0]), interval, seed=3, **small)
    other = estimate_reproduction_number(observe(counts[0]), interval, seed=4, **small)
    certain = estimate_reproduction_number(observe(counts), SerialInterval(6.0, 2.0))
    np.testing.assert_array_equal(got.quantiles[0], again.quantiles[0])
    assert (got.mean[0] != other.mean[0]).any()
    growing = (got.t_end >= 8) & (got.t_end <= 12)
    assert (got.sd[0, growing] > certain.sd[0, growing]).all()


def test_every_case_has_one_cause() -> None:
    """The cases that all cases caused are all cases after the first day (Wallinga & Teunis 2004)."""
    counts = grown()
    got = estimate_case_reproduction_number(observe(counts), INTERVAL, t_start=range(2, 41), t_end=range(2, 41))
    pressure = [WEIGHTS[1 : t + 1] @ counts[t - 1 :: -1][:3][:t] for t in (1, 2, 3)]
    first = counts[0] * (counts[1:4] / pressure) @ WEIGHTS[1:]
    assert got.mean[0] @ counts[1:] + first == pytest.approx(counts[1:].sum())


def test_the_last_cases_are_incomplete_and_windows_without_cases_empty() -> None:
    counts = np.concatenate([grown(20), np.zeros(8), [3.0, 3.0]])
    got = estimate_case_reproduction_number(observe(counts), INTERVAL, window=3)
    assert Reason(got.reason[0, got.t_end == 25][0]).word == "no-cases"
    assert Note(got.note[0, -1]).word == "incomplete"
    assert np.isnan(got.sd).all()


def test_a_missing_day_hides_who_caused_its_cases() -> None:
    counts = grown()
    counts[20] = np.nan
    got = estimate_case_reproduction_number(observe(counts), INTERVAL, t_start=range(2, 41), t_end=range(2, 41))
    lost = got.t_end[got.reason[0] == Reason.MISSING_COUNT].tolist()
    # Days 18-20 could have caused cases of day 21; of days 21-23 the cases of days 22-24 have unknown causes.
    assert lost == list(range(18, 24))


def test_the_table_has_its_columns_and_no_dates_where_there_are_none() -> None:
    dated = estimate_reproduction_number(observe(grown(), 365, dates=True), INTERVAL).table()
    TableDefinition.load("reproduction").validate(dated, "table")
    assert dated["date"][0] == np.datetime64("2024-01-08").astype(object)
    assert "date" not in estimate_reproduction_number(observe(grown()), INTERVAL).table().columns


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: estimate_reproduction_number(observe(grown(), 52), INTERVAL),
            "52 times a year, but this method needs",
        ),
        (lambda: estimate_reproduction_number(observe([1, -2, 3, 4]), INTERVAL), "series 's0', t=2 holds -2"),
        (lambda: estimate_reproduction_number(observe([1, np.inf, 3]), INTERVAL), "t=2 holds inf"),
        (lambda: estimate_reproduction_number(observe([1, 2, 3]), INTERVAL), "window is 7 days and there are 3"),
        (lambda: estimate_reproduction_number(observe(grown()), SerialInterval(50.0, 5.0)), "a mean of 50 days"),
        (lambda: estimate_reproduction_number(observe(grown()), INTERVAL, t_start=[2]), "belong together"),
        (
            lambda: estimate_reproduction_number(observe(grown()), INTERVAL, t_start=[1], t_end=[3]),
            "window 1 runs from 1",
        ),
        (
            lambda: estimate_reproduction_number(observe(grown()), INTERVAL, t_start=[2], t_end=[3, 4]),
            "1 t_start and 2",
        ),
        (lambda: estimate_reproduction_number(observe(grown()), INTERVAL, mean_prior=0.0), "the prior has mean 0"),
        (
            lambda: estimate_reproduction_number(observe(grown()), INTERVAL, imported=np.full(40, 1e3)),
            "there cannot be more than all",
        ),
        (lambda: estimate_reproduction_number(observe(np.empty((0, 5))), INTERVAL), "there are no counts"),
    ],
)
def test_what_cannot_be_used_is_refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()


COUNTS = arrays(
    float,
    st.tuples(st.integers(1, 3), st.integers(1, 30)),
    elements=st.one_of(st.integers(0, 3).map(float), st.just(np.nan), st.integers(-1, 10**9).map(float)),
)


@settings(max_examples=150, deadline=None)
@given(COUNTS, st.floats(0.5, 20.0), st.floats(0.1, 20.0), st.integers(0, 10))
def test_any_counts_give_numbers_reasons_or_an_input_error(
    counts: np.ndarray, mean: float, sd: float, window: int
) -> None:
    for estimate in (estimate_reproduction_number, estimate_case_reproduction_number):
        try:
            got = estimate(observe(counts), SerialInterval(mean, sd), window=window)
        except InputError:
            continue
        assert (np.isfinite(got.mean) == (got.reason == Reason.COMPUTED)).all()
        assert (got.mean[got.reason == Reason.COMPUTED] >= 0.0).all()
        if got.method == "cori":
            known = got.quantiles[got.reason == Reason.COMPUTED]
            assert (np.diff(known, axis=1) >= 0.0).all()
