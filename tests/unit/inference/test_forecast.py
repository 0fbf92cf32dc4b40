"""Forecasts: what each method does on series whose answer is known, and what is refused."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.core.rng import stream_key
from mamori.core.tables import TableDefinition
from mamori.data.adapters.hubverse import Forecasts
from mamori.inference._ensemble import pooled_quantiles
from mamori.inference._projection import angles_of_year, range_of_r, size_of_counts, spread_over_days, step_of_log_r
from mamori.inference.forecast import (
    Autoregressive,
    Baseline,
    Method,
    Renewal,
    combine_forecasts,
    forecast_counts,
    join_forecasts,
    project_renewal,
)
from mamori.inference.scoring import HUB_LEVELS
from mamori.inference.serial_interval import SerialInterval

Floats = NDArray[np.float64]
INTERVAL = SerialInterval(mean=5.0, sd=2.0)
SATURDAY = np.datetime64("2025-01-04")
KEY = stream_key(0, "test", "x", 0)


def observed(counts: Any, first: np.datetime64 = SATURDAY, frequency: int = 52) -> Observations:
    values = np.atleast_2d(np.asarray(counts, dtype=float))
    t = np.arange(1, values.shape[1] + 1)
    if frequency == 12:
        dates = (first.astype("datetime64[M]") + (t - 1)).astype("datetime64[D]")
    else:
        dates = first + (7 if frequency == 52 else 1) * (t - 1)
    names = pl.DataFrame({"series": [f"s{i}" for i in range(len(values))]})
    return Observations(names, t, values, values, dates=dates, frequency=frequency)


def waves(weeks: int, seed: int = 0, mean: float = 200.0) -> Floats:
    """Return counts with a season, a negative binomial of size 20."""
    rng = np.random.default_rng(seed)
    mu = mean * np.exp(1.5 * np.cos(2 * np.pi * np.arange(weeks) / 52.18))
    return np.asarray(rng.poisson(mu * rng.gamma(20, 1 / 20, weeks)), dtype=float)


def middle(found: Forecasts) -> Floats:
    return found.quantiles[:, len(found.levels) // 2]


def test_the_baseline_is_the_last_count_and_as_wide_as_past_changes() -> None:
    counts = [100.0, 110.0, 95.0, 100.0, 98.0]
    found = forecast_counts(observed(counts), [Baseline()], 3)
    assert middle(found) == pytest.approx([98.0] * 3, abs=1e-9)
    changes = np.diff(counts)
    want = 98.0 + np.quantile(np.concatenate([changes, -changes]), HUB_LEVELS)
    assert found.quantiles[0] == pytest.approx(want, abs=1.0)
    width = found.quantiles[:, -1] - found.quantiles[:, 0]
    assert (np.diff(width) > 0).all()
    assert (forecast_counts(observed([0.0, 9.0, 0.0, 1.0]), [Baseline()], 2).quantiles >= 0).all()


def test_the_autoregression_knows_the_season() -> None:
    weeks = 250
    found = forecast_counts(observed(waves(weeks)), [Autoregressive()], 4)
    true = 200 * np.exp(1.5 * np.cos(2 * np.pi * (weeks + np.arange(4)) / 52.18))
    assert middle(found) == pytest.approx(true, rel=0.3)
    assert ((found.quantiles[:, 0] < true) & (true < found.quantiles[:, -1])).all()


def test_short_and_constant_series_stay_near_their_last_count() -> None:
    found = forecast_counts(observed([20.0] * 16), [Autoregressive()], 4)
    assert middle(found) == pytest.approx([20.0] * 4, rel=0.15)
    assert (forecast_counts(observed([0.0] * 16), [Autoregressive()], 4).quantiles[:, 11] <= 1.0).all()


def test_renewal_paths_have_the_mean_of_the_renewal_equation() -> None:
    history = np.exp(0.05 * np.arange(40)) * 50
    weights = INTERVAL.discretised(60)
    r = np.full(4000, 1.3)
    paths = project_renewal(history, INTERVAL, r, 7, key=KEY)
    cases = list(history)
    for _ in range(7):
        cases.append(1.3 * sum(w * c for w, c in zip(weights[1:], cases[::-1], strict=False)))
    assert paths.mean(axis=0) == pytest.approx(cases[40:], rel=0.01)
    assert paths.var(axis=0)[0] == pytest.approx(cases[40], rel=0.1)
    wide = project_renewal(history, INTERVAL, r, 7, key=KEY, size=10.0)
    assert wide.var(axis=0)[0] == pytest.approx(cases[40] + cases[40] ** 2 / 10, rel=0.1)
    weekly = project_renewal(history, INTERVAL, r, 1, key=KEY, days=7)
    assert weekly[:, 0] == pytest.approx(paths.sum(axis=1))


def test_damping_brings_growth_to_an_end() -> None:
    history = np.exp(0.1 * np.arange(40))
    r = np.full(500, 1.6)
    free, damped = (project_renewal(history, INTERVAL, r, 60, key=KEY, damping=d)[:, -1].mean() for d in (1.0, 0.9))
    assert damped < 0.1 * free


@pytest.mark.parametrize("frequency", [365, 52])
def test_the_renewal_forecast_goes_on_growing(frequency: int) -> None:
    days = 7 if frequency == 52 else 1
    mean = 100 * np.exp(0.03 * days * np.arange(30))
    counts = np.random.default_rng(1).poisson(mean).astype(float)
    found = forecast_counts(observed(counts, frequency=frequency), [Renewal(INTERVAL, damping=1.0)], 3)
    coming = 100 * np.exp(0.03 * days * np.arange(30, 33))
    assert middle(found) == pytest.approx(coming, rel=0.15)


def test_days_of_weeks_keep_their_sums_and_are_smooth() -> None:
    counts = np.array([7.0, 14.0, 28.0, 0.0, 21.0])
    days = spread_over_days(counts, 7)
    assert days.reshape(5, 7).sum(axis=1) == pytest.approx(counts)
    growth = spread_over_days(np.exp(0.7 * np.arange(6)) * 1e6, 7)
    assert np.diff(np.log(growth)) == pytest.approx(np.full(41, 0.1), abs=0.01)
    assert spread_over_days(np.array([7.0]), 7).tolist() == [1.0] * 7


def test_scatter_and_change_are_found_again() -> None:
    rng = np.random.default_rng(5)
    m = np.full(26, 1000.0)
    y = rng.poisson(m * rng.gamma(8, 1 / 8, 26)).astype(float)
    assert 3 < size_of_counts(y, m, 1000) < 20
    assert size_of_counts(m, m, 7) == 1e4
    log_r = np.cumsum(rng.normal(0, 0.1, 27))
    by_day = np.exp(np.repeat(log_r, 7))
    found = step_of_log_r(by_day, np.full(len(by_day), 1e-6), 7)
    assert found == pytest.approx(0.1 / 7**0.5, rel=0.4)
    assert step_of_log_r(by_day, by_day, 7) == 0.0


def test_a_last_window_beyond_all_before_is_cut_to_them() -> None:
    r, sd = np.array([0.8, 9.0, 1.4, 1.0, 30.0]), np.array([0.1, 9.0, 0.1, 0.1, 0.1])
    assert range_of_r(r, sd, 1) == (0.8, 1.4)
    assert range_of_r(r, sd, 5) == (0.0, np.inf)
    history = np.full(30, 10.0)
    paths = project_renewal(history, INTERVAL, np.full(400, 30.0), 10, key=KEY, limits=(0.5, 1.0))
    assert paths.mean() == pytest.approx(10.0, rel=0.1)


def test_daily_counts_keep_their_week() -> None:
    rng = np.random.default_rng(4)
    effect = np.array([1.4, 1.2, 1.1, 1.0, 1.0, 0.5, 0.4])
    counts = rng.poisson(200 * np.tile(effect, 12)).astype(float)
    found = forecast_counts(observed(counts, np.datetime64("2025-01-06"), 365), [Autoregressive()], 7)
    assert middle(found) == pytest.approx(200 * effect, rel=0.2)


def test_the_year_is_a_circle() -> None:
    days = np.array(["2024-01-01", "2024-07-01", "2023-07-02", "2024-12-31"], dtype="datetime64[D]")
    assert angles_of_year(days) == pytest.approx([0.0, np.pi, np.pi, 2 * np.pi], abs=0.03)


def test_forecasts_do_not_depend_on_threads_or_on_other_series() -> None:
    counts = np.stack([waves(80, seed) for seed in range(10)])
    methods: list[Method] = [Baseline(), Autoregressive(), Renewal(INTERVAL)]
    one = forecast_counts(observed(counts), methods, 2, draws=100)
    four = forecast_counts(observed(counts), methods, 2, draws=100, workers=4)
    assert np.array_equal(one.quantiles, four.quantiles)
    alone = forecast_counts(observed(counts).rows(3, 4), methods, 2, draws=100)
    of_third = (one.tasks["location"] == "s3").to_numpy()
    assert np.array_equal(alone.quantiles, one.quantiles[of_third])
    other = forecast_counts(observed(counts), methods, 2, draws=100, seed=1)
    assert not np.array_equal(one.quantiles, other.quantiles)


@pytest.mark.parametrize(
    ("first", "frequency", "dates_are", "origin", "ends"),
    [
        ("2025-01-04", 52, None, "2025-02-01", ["2025-02-08", "2025-02-15"]),
        ("2025-01-06", 52, None, "2025-02-09", ["2025-02-16", "2025-02-23"]),
        ("2025-01-05", 52, "start", "2025-02-08", ["2025-02-15", "2025-02-22"]),
        ("2025-01-05", 52, "end", "2025-02-02", ["2025-02-09", "2025-02-16"]),
        ("2025-01-30", 365, None, "2025-02-03", ["2025-02-04", "2025-02-05"]),
        ("2024-10-01", 12, None, "2025-02-28", ["2025-03-31", "2025-04-30"]),
    ],
)
def test_dates_are_those_of_the_ends_of_periods(
    first: str, frequency: int, dates_are: Any, origin: str, ends: list[str]
) -> None:
    counts = observed([5.0, 6, 7, 6, 5], np.datetime64(first), frequency)
    found = forecast_counts(counts, [Baseline()], 2, dates_are=dates_are)
    assert found.tasks["origin_date"].to_list() == [dt.date.fromisoformat(origin)] * 2
    assert [str(day) for day in found.tasks["target_end_date"]] == ends
    assert found.tasks["horizon"].to_list() == [1, 2]
    TableDefinition.load("forecast").validate(found.table(), "forecasts")


def test_numbered_weeks_are_dated_by_their_first_days() -> None:
    mmwr = replace(observed(FIVE, np.datetime64("2025-01-05")), calendar="MMWR")
    assert forecast_counts(mmwr, [Baseline()], 1).tasks["origin_date"].to_list() == [dt.date(2025, 2, 8)]


def test_a_series_without_its_last_count_is_counted_as_left_out() -> None:
    counts = np.stack([waves(60), waves(60, 1)])
    counts[1, -1] = np.nan
    found = forecast_counts(observed(counts), [Baseline(), Autoregressive(), Renewal(INTERVAL)], 1)
    assert found.tasks["location"].to_list() == ["s0"] * 3
    assert [left.rows for left in found.dropped] == [1, 1, 1]
    assert "series without what renewal needs" in found.dropped[2].reason
    counts[1, -1], counts[1, 20] = 5.0, np.nan
    assert forecast_counts(observed(counts), [Autoregressive(), Renewal(INTERVAL)], 1).dropped == ()


def members(values: list[list[float]], levels: Any = (0.25, 0.5, 0.75)) -> Forecasts:
    frame = pl.DataFrame({"model": [f"m{i}" for i in range(len(values))]}).with_columns(
        origin_date=dt.date(2025, 1, 4), target=pl.lit(""), horizon=pl.lit(1, pl.Int64), location=pl.lit("x"),
        target_end_date=dt.date(2025, 1, 11),
    )  # fmt: skip
    return Forecasts(frame, np.array(levels), np.array(values), np.empty((len(values), 0)))


def test_an_ensemble_is_the_median_or_mean_of_its_members() -> None:
    three = members([[1, 2, 3], [2, 4, 6], [10, 11, 12]])
    assert combine_forecasts(three).quantiles.tolist() == [[2, 4, 6]]
    assert combine_forecasts(three, "mean").quantiles[0] == pytest.approx([13 / 3, 17 / 3, 7])
    assert combine_forecasts(three, "mean", "all").tasks["model"].to_list() == ["all"]
    joined = join_forecasts([three, combine_forecasts(three)])
    assert joined.tasks["model"].to_list() == ["m0", "m1", "m2", "ensemble"]


def test_the_linear_pool_is_the_mean_of_distributions() -> None:
    levels = np.arange(1, 20) / 20
    low, high = levels, 10 + levels  # uniform on (0, 1) and on (10, 11)
    pool = pooled_quantiles(np.stack([low, high]), levels)
    assert pool[:9] == pytest.approx(2 * levels[:9])
    assert pool[10:] == pytest.approx(10 + 2 * levels[10:] - 1)
    assert pooled_quantiles(np.stack([low, low]), levels) == pytest.approx(low)
    ties = np.array([0.0] * 10 + [1.0] * 9)
    assert pooled_quantiles(np.stack([ties, ties]), levels) == pytest.approx(ties)
    assert combine_forecasts(members([[1, 2, 3], [2, 4, 6]]), "linear-pool").quantiles.shape == (1, 3)


def test_only_what_all_models_have_forecast_is_combined() -> None:
    two = members([[1, 2, 3], [2, 4, 6]])
    more = join_forecasts([two, Forecasts(two.tasks[:1].with_columns(location=pl.lit("y")), two.levels, *rest())])
    assert combine_forecasts(more).dropped[0].rows == 1
    with pytest.raises(InputError, match="no forecast that all models have made completely"):
        combine_forecasts(members([[1, 2, 3], [2, np.nan, 6]]))


def rest() -> tuple[Floats, Floats]:
    return np.array([[1.0, 2.0, 3.0]]), np.empty((1, 0))


FIVE = [5.0, 6.0, 7.0, 6.0, 5.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: forecast_counts(observed(FIVE), [Baseline()], 0), "horizon is 0; it must be from 1 to 366"),
        (lambda: forecast_counts(observed(FIVE), [Baseline()], 1, draws=3), "draws is 3; it must be an even number"),
        (lambda: forecast_counts(observed(FIVE), [], 1), "one name each, and there must be one at least"),
        (lambda: forecast_counts(observed(FIVE), [Baseline()] * 2, 1), "one name each"),
        (lambda: forecast_counts(observed(FIVE), [Baseline()], 1, levels=[0.5, 0.5]), "levels row 1 holds 0.5"),
        (
            lambda: forecast_counts(observed(FIVE), [Autoregressive()], 1),
            "nothing can be forecast: series without what",
        ),
        (
            lambda: forecast_counts(observed(FIVE, np.datetime64("2025-01-05")), [Baseline()], 1),
            "Say which: dates are start",
        ),
        (
            lambda: forecast_counts(observed(FIVE), [Baseline()], 1, dates_are=cast("Any", "middle")),
            "dates_are is 'middle'",
        ),
        (
            lambda: forecast_counts(observed(FIVE, frequency=12), [Renewal(INTERVAL)], 1),
            "needs daily or weekly counts",
        ),
        (lambda: forecast_counts(undated(), [Baseline()], 1), "forecasts need dated counts by day, week or month"),
        (lambda: forecast_counts(observed([*FIVE, -1.0]), [Baseline()], 1), "t=6 holds -1; counts must be >= 0"),
        (lambda: Renewal(INTERVAL, damping=0.0), "damping is 0; it must be within (0, 1]"),
        (lambda: Renewal(INTERVAL, window=0), "window is 0 days"),
        (lambda: project_renewal([-1.0], INTERVAL, [1.0], 1, key=KEY), "cases row 0 holds -1; it must be >= 0"),
        (lambda: project_renewal([1.0], INTERVAL, [0.0], 1, key=KEY), "r row 0 holds 0; it must be > 0"),
        (lambda: project_renewal([1.0], INTERVAL, [1.0], 1, key=KEY, days=0), "a period has 0 days"),
        (lambda: combine_forecasts(members([[1, 2, 3]])), "there are 1 models"),
        (lambda: combine_forecasts(members([[1, 2, 3]] * 2), cast("Any", "sum")), "not 'sum'. Choose one"),
        (lambda: join_forecasts([members([[1, 2, 3]]), members([[1.0]], [0.5])]), "different levels"),
    ],
)
def test_what_cannot_be_forecast_is_an_error(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as error:
        call()
    assert message in str(error.value)


def undated() -> Observations:
    values = np.array([FIVE])
    return Observations(pl.DataFrame({"series": ["x"]}), np.arange(1, 6), values, values)


counts_or_gaps = st.one_of(st.integers(0, 50), st.integers(0, 10**9), st.just(np.nan))


@settings(max_examples=60, deadline=None)
@given(st.lists(counts_or_gaps, min_size=1, max_size=40), st.sampled_from([365, 52, 12]), st.integers(1, 5))
def test_any_counts_are_forecast_or_refused(counts: list[float], frequency: int, horizon: int) -> None:
    methods: list[Method] = [Baseline(), Autoregressive()]
    if frequency != 12:
        methods.append(Renewal(INTERVAL))
    try:
        found = forecast_counts(observed(counts, frequency=frequency), methods, horizon, draws=20)
    except InputError as error:
        assert "nothing can be forecast" in str(error)
        return
    assert np.isfinite(found.quantiles).all()
    assert (found.quantiles >= 0).all()
    assert (np.diff(found.quantiles, axis=1) >= 0).all()
    made = found.tasks["model"].n_unique()
    assert made + len(found.dropped) == len(methods)
