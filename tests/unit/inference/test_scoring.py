"""Scores against their definitions, and what they refuse."""

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.data.adapters.hubverse import TASK, Forecasts
from mamori.inference import scoring
from mamori.inference.scoring import HUB_LEVELS, Scores, score_forecasts

Floats = NDArray[np.float64]
numbers = st.floats(-1e6, 1e6)
forecasts = st.integers(0, 3).flatmap(
    lambda half: st.tuples(
        numbers, st.lists(numbers, min_size=2 * half + 1, max_size=2 * half + 1).map(sorted), st.just(half)
    )
)


def interval_score_by_definition(y: float, q: list[float], half: int) -> float:
    alphas = [2 * level for level in HUB_LEVELS[:half]]
    total = 0.5 * abs(y - q[half])
    for k, alpha in enumerate(alphas):
        lower, upper = q[k], q[-1 - k]
        score = (upper - lower) + 2 / alpha * max(lower - y, 0) + 2 / alpha * max(y - upper, 0)
        total += alpha / 2 * score
    return total / (half + 0.5)


def levels_of(half: int) -> Floats:
    return np.concatenate([HUB_LEVELS[:half], [0.5], 1 - HUB_LEVELS[:half][::-1]])


@given(forecasts)
def test_wis_is_its_definition_and_twice_the_pinball_loss(case: tuple[float, list[float], int]) -> None:
    y, q, half = case
    levels = levels_of(half)
    found = scoring.weighted_interval_score([y], [q], levels)
    want = interval_score_by_definition(y, q, half)
    assert found.wis[0] == pytest.approx(want, rel=1e-12, abs=1e-9)
    pinball = [(y - value) * (tau - (y < value)) for value, tau in zip(q, levels, strict=True)]
    assert found.wis[0] == pytest.approx(2 * np.mean(pinball), rel=1e-12, abs=1e-9)
    assert found.wis[0] == pytest.approx(
        found.dispersion[0] + found.overprediction[0] + found.underprediction[0], rel=1e-12
    )
    assert not (found.overprediction[0] > 0 and found.underprediction[0] > 0)


def test_wis_of_the_case_that_a_peer_gets_wrong() -> None:
    found = scoring.weighted_interval_score([10.0], [[5.0, 8.0, 9.0, 12.0, 20.0]], [0.05, 0.25, 0.5, 0.75, 0.95])
    assert found.wis[0] == pytest.approx(0.9, rel=1e-15)
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    negative = scoring.weighted_interval_score([-10.0], [[-20.0, -12.0, -9.0, -8.0, -5.0]], levels)
    assert negative.wis[0] == pytest.approx(0.9, rel=1e-15)


def test_wis_without_a_median_is_the_mean_of_the_intervals() -> None:
    found = scoring.weighted_interval_score([0.0], [[1.0, 3.0]], [0.25, 0.75])
    assert found.wis[0] == pytest.approx(0.25 * 2 + 1.0, rel=1e-15)
    assert (found.dispersion[0], found.overprediction[0], found.underprediction[0]) == (0.5, 1.0, 0.0)


def test_coverage_and_bias() -> None:
    q = [[1.0, 2.0, 3.0, 4.0, 5.0]] * 7
    y = [0.0, 1.0, 2.5, 3.0, 3.5, 5.0, 6.0]
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    assert scoring.interval_coverage(y, q, levels, 0.9).tolist() == [False, True, True, True, True, True, False]
    assert scoring.interval_coverage(y, q, levels, 0.5).tolist() == [False, False, True, True, True, False, False]
    assert scoring.quantile_bias(y, q, levels) == pytest.approx([1.0, 0.9, 0.0, 0.0, 0.0, -0.9, -1.0])
    assert scoring.quantile_coverage(y, q, levels) == pytest.approx(np.array([2, 2, 4, 5, 6]) / 7)


@pytest.mark.parametrize("size", [0.3, 2.0, 50.0, 1e6, np.inf])
@pytest.mark.parametrize(("y", "mean"), [(0, 0.01), (5, 7.0), (100, 80.0), (0, 30.0), (300, 290.5)])
def test_scores_of_counts_are_their_definitions(y: int, mean: float, size: float) -> None:
    mass = probabilities(mean, size)
    cdf = np.cumsum(mass)
    above = np.concatenate([np.cumsum(mass[::-1])[::-1][1:], [0.0]])
    want = math.fsum(cdf[:y] ** 2) + math.fsum(above[y:] ** 2)
    assert scoring.crps_counts([y], [mean], size)[0] == pytest.approx(want, rel=1e-11)
    assert scoring.log_score_counts([y], mean, [size])[0] == pytest.approx(-math.log(mass[y]), rel=1e-12)
    variance = mean + mean**2 / size
    dss = (y - mean) ** 2 / variance + math.log(variance)
    assert scoring.dawid_sebastiani_counts([y], mean, size)[0] == pytest.approx(dss, rel=1e-13)
    below, at_most = scoring.cdf_counts([y], mean, size)
    assert (below[0], at_most[0]) == pytest.approx((cdf[y] - mass[y], cdf[y]), abs=1e-12)


def probabilities(mean: float, size: float) -> Floats:
    """Return the probabilities of 0, 1, ... by their ratio from one to the next."""
    first = -mean if np.isinf(size) else -size * math.log1p(mean / size)
    mass, total = [math.exp(first)], 0.0
    while len(mass) < 400 or mass[-1] > 1e-18:
        x = len(mass)
        ratio = mean / x if np.isinf(size) else (size + x - 1) / x * mean / (size + mean)
        mass.append(mass[-1] * ratio)
        total += mass[-1]
    return np.array(mass)


def test_large_counts_keep_their_digits() -> None:
    """At the mean, -log f is ½ log 2πμ plus 1/12μ; E|Y - y| - ½ E|Y - Y'| tends to σ (√2 - 1)/√π."""
    mean = 1e8
    assert scoring.log_score_counts([mean], mean)[0] == pytest.approx(
        0.5 * math.log(2 * math.pi * mean) + 1 / (12 * mean), rel=1e-14
    )
    normal = 1e4 * (math.sqrt(2) - 1) / math.sqrt(math.pi)
    assert scoring.crps_counts([mean], mean)[0] == pytest.approx(normal, rel=1e-4)
    near = scoring.log_score_counts([mean], mean, 1e18)[0] - scoring.log_score_counts([mean], mean)[0]
    assert abs(near) < 1e-9


def test_a_mean_of_zero_is_a_sure_zero() -> None:
    assert scoring.log_score_counts([0, 1], 0.0, 2.0).tolist() == [0.0, np.inf]
    assert scoring.crps_counts([0, 3], 0.0, 2.0).tolist() == [0.0, 3.0]


@given(st.lists(numbers, min_size=1, max_size=8), numbers)
def test_crps_of_draws_is_its_definition(draws: list[float], y: float) -> None:
    x = np.array(draws)
    spread = np.abs(x[:, None] - x).sum()
    want = np.abs(x - y).mean() - spread / (2 * len(x) ** 2)
    assert scoring.crps_samples([y], [draws])[0] == pytest.approx(want, rel=1e-9, abs=1e-7)
    if len(draws) > 1:
        fair = np.abs(x - y).mean() - spread / (2 * len(x) * (len(x) - 1))
        assert scoring.crps_samples([y], [draws], fair=True)[0] == pytest.approx(fair, rel=1e-9, abs=1e-7)


def test_crps_of_many_quantiles_is_that_of_the_distribution() -> None:
    levels = (np.arange(2000) + 0.5) / 2000
    found = scoring.crps_from_quantiles([0.3], [levels], levels)[0]  # uniform on (0, 1)
    assert found == pytest.approx(0.3**2 - 0.3 + 1 / 3, abs=1e-6)


def test_scores_of_draws() -> None:
    draws = [[1.0, 2.0, 2.0, 5.0]]
    assert scoring.sample_bias([2.0], draws)[0] == 1 - 0.25 - 0.75
    assert np.ravel(scoring.sample_cdf([2.0], draws)).tolist() == [0.25, 0.75]
    assert scoring.dawid_sebastiani_samples([2.0], draws)[0] == pytest.approx(0.25 / 3 + math.log(3))
    assert scoring.dawid_sebastiani_samples([2.0, 3.0], [[2.0, 2.0]] * 2).tolist() == [-np.inf, np.inf]


def test_pit_of_calibrated_counts_is_uniform() -> None:
    rng = np.random.default_rng(3)
    mean = rng.gamma(2.0, 2.0, 20_000)
    below, at_most = scoring.cdf_counts(rng.poisson(mean).astype(float), mean)
    pit = scoring.randomised_pit(below, at_most, seed=1)
    assert ((below <= pit) & (pit <= at_most)).all()
    assert np.histogram(pit, 10, (0, 1))[0] / 2000 == pytest.approx(np.ones(10), abs=0.1)
    heights = scoring.pit_histogram(below, at_most, 10)
    assert heights == pytest.approx(np.ones(10), abs=0.05)
    assert heights.mean() == pytest.approx(1.0)
    assert (scoring.randomised_pit(below[:5], at_most[:5], seed=1) == pit[:5]).all()


def test_pit_histogram_of_one_count_is_flat_between_its_bounds() -> None:
    assert scoring.pit_histogram([0.25], [0.75], 4) == pytest.approx([0.0, 2.0, 2.0, 0.0])
    assert scoring.pit_histogram([0.0, 1.0, 0.5], [0.0, 1.0, 0.5], 2) == pytest.approx([4 / 3, 2 / 3])


def test_scores_of_categories() -> None:
    assert scoring.brier_score([1, 0], [0.7, 0.7]) == pytest.approx([0.09, 0.49])
    p = [[0.2, 0.5, 0.3]] * 2
    assert scoring.ranked_probability_score([0, 2], p) == pytest.approx([0.64 + 0.09, 0.04 + 0.49])
    assert scoring.log_score_categories([0, 1], p) == pytest.approx([-math.log(0.2), -math.log(0.5)])


def test_relative_skill_is_by_the_forecasts_that_two_models_share() -> None:
    nan = np.nan
    skill = scoring.relative_skill(np.array([[1.0, 1.0, nan], [2.0, 2.0, 8.0], [nan, nan, 2.0], [nan] * 3]))
    assert skill[:3] == pytest.approx([(1 / 2) ** (1 / 2), (2 * 4) ** (1 / 3), (1 / 4) ** (1 / 2)])
    assert np.isnan(skill[3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scoring.weighted_interval_score([1], [[1, 2]], [0.1, 0.8]), "level 0.1 has no partner"),
        (lambda: scoring.weighted_interval_score([1], [[2, 1]], [0.1, 0.9]), "row 0 cross: 2 at level 0.1 but 1 at"),
        (lambda: scoring.weighted_interval_score([1], [[2, np.nan]], [0.1, 0.9]), "quantiles row 0 column 1 holds nan"),
        (lambda: scoring.weighted_interval_score([1, 2], [[1, 2]], [0.1, 0.9]), "observed has shape (2,)"),
        (lambda: scoring.weighted_interval_score([1], [[1, 2]], [0.9, 0.1]), "they must rise within (0, 1)"),
        (lambda: scoring.weighted_interval_score([1], [[1, 2]], [0.5]), "1 levels for 2 columns"),
        (lambda: scoring.weighted_interval_score(["a"], [[1, 2]], [0.1, 0.9]), "observed holds something that is no"),
        (lambda: scoring.interval_coverage([1], [[1, 2]], [0.1, 0.9], 0.5), "the level 0.25 is needed"),
        (lambda: scoring.quantile_bias([1], [[1, 2]], [0.1, 0.9]), "the level 0.5 is needed"),
        (lambda: scoring.crps_counts([1.5], 2.0), "observed row 0 holds 1.5; it must be a whole number"),
        (lambda: scoring.crps_counts([1], -2.0), "mean row 0 holds -2"),
        (lambda: scoring.crps_counts([1], 2.0, 0.0), "size row 0 holds 0; it must be >= 1e-12"),
        (lambda: scoring.dawid_sebastiani_counts([1], 0.0), "mean row 0 holds 0; it must be > 0"),
        (lambda: scoring.crps_samples([1], [[1]], fair=True), "1 draw a forecast"),
        (lambda: scoring.brier_score([2], [0.5]), "outcome row 0 holds 2; it must be 0 or 1"),
        (lambda: scoring.ranked_probability_score([0], [[0.5, 0.4]]), "the sum of probabilities row 0 holds 0.9"),
        (lambda: scoring.log_score_categories([2], [[0.5, 0.5]]), "a category from 0 to 1"),
        (lambda: scoring.pit_histogram([0.6], [0.5]), "at_most row 0 holds 0.5"),
    ],
)
def test_what_cannot_be_scored_is_an_error(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as error:
        call()
    assert message in str(error.value)


@settings(max_examples=60)
@given(
    st.lists(st.one_of(st.floats(), st.integers(0, 2**60).map(float)), max_size=3),
    st.lists(st.lists(st.floats(), min_size=3, max_size=3), max_size=3),
    st.lists(st.floats(-0.5, 1.5), min_size=2, max_size=3),
)
def test_any_numbers_give_scores_or_an_input_error(y: list[float], q: list[list[float]], levels: list[float]) -> None:
    for call in (scoring.weighted_interval_score, scoring.quantile_bias, scoring.crps_from_quantiles):
        try:
            found: Any = call(y, q, levels)
        except InputError:
            continue
        values = found.wis if isinstance(found, scoring.IntervalScore) else found
        assert values.shape == (len(y),)
        assert not np.isnan(values).any()
    for score in (scoring.crps_counts, scoring.log_score_counts):
        try:
            assert not np.isnan(score(y, [abs(v) for v in y], 2.0)).any()
        except InputError:
            continue


DAY = dt.date(2025, 1, 4)


def frame(rows: list[tuple[str, int, str]]) -> pl.DataFrame:
    data = [(m, DAY, "hosp", h, where, DAY + dt.timedelta(weeks=h)) for m, h, where in rows]
    return pl.DataFrame(data, schema=[*TASK], orient="row", schema_overrides={"horizon": pl.Int64})


def made(rows: list[tuple[str, int, str]], quantiles: list[list[float]], samples: Floats | None = None) -> Forecasts:
    draws = np.empty((len(rows), 0)) if samples is None else samples
    return Forecasts(frame(rows), np.array([0.25, 0.5, 0.75]), np.array(quantiles), draws)


def truth(**values: float) -> pl.DataFrame:
    ends = [DAY + dt.timedelta(weeks=1)] * len(values)
    return pl.DataFrame({"location": [*values], "target_end_date": ends, "observed": [*values.values()]})


ROWS = [("a", 1, "x"), ("a", 1, "y"), ("b", 1, "x"), ("b", 1, "y")]
QUANTILES = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [2.0, 4.0, 6.0], [8.0, 10.0, 12.0]]


def scored(**options: Any) -> Scores:
    return score_forecasts(made(ROWS, QUANTILES), truth(x=2.0, y=5.0), **options)


def test_a_table_is_scored_row_by_row_and_compared_by_model() -> None:
    scores = scored()
    table = TableDefinition.load("scores").validate(scores.table(), "scores")
    q, levels = np.array(QUANTILES), [0.25, 0.5, 0.75]
    assert table["wis"].to_list() == scoring.weighted_interval_score([2, 5, 2, 5], q, levels).wis.tolist()
    assert table["absolute_error"].to_list() == [0.0, 0.0, 2.0, 5.0]
    assert table["coverage_50"].to_list() == [True, True, True, False]
    assert table["coverage_90"].null_count() == 4
    summary = scores.summary(["model"], "b")
    TableDefinition.load("score_summary").validate(summary, "summary")
    assert summary["forecasts"].to_list() == [2, 2]
    ratio = summary["wis"][0] / summary["wis"][1]
    assert summary["relative_skill"].to_list() == pytest.approx([ratio**0.5, ratio**-0.5])
    assert summary["scaled_relative_skill"].to_list() == pytest.approx([ratio, 1.0])
    both = scores.summary(["location", "model"])
    assert both.select("location", "model").rows() == [("x", "a"), ("x", "b"), ("y", "a"), ("y", "b")]
    assert both["wis"].to_list() == table.sort("location", "model")["wis"].to_list()
    assert both["relative_skill"].null_count() == 0
    assert "relative_skill" not in scores.summary(["location"]).columns


def test_log_scores_are_those_of_logs() -> None:
    want = scoring.weighted_interval_score(np.log1p([2, 5, 2, 5]), np.log1p(QUANTILES), [0.25, 0.5, 0.75]).wis
    assert scored(log=True).table()["wis"].to_list() == pytest.approx(want.tolist())


def test_a_forecast_without_an_observation_is_counted() -> None:
    scores = score_forecasts(made(ROWS, QUANTILES), truth(x=2.0))
    assert scores.table()["location"].to_list() == ["x", "x"]
    assert [(left.reason, left.rows) for left in scores.dropped] == [("no observation for the forecast", 2)]


def test_missing_quantiles_are_an_error_or_counted() -> None:
    short = made(ROWS, [QUANTILES[0], [np.nan, 5.0, np.nan], *QUANTILES[2:]])
    came = truth(x=2.0, y=5.0)
    with pytest.raises(
        InputError, match="quantile 0.25 is missing in the forecast of 2025-01-04 .*model a.*location y"
    ):
        score_forecasts(short, came)
    without = score_forecasts(short, came, incomplete="exclude")
    assert without.table().height == 3
    assert [left.rows for left in without.dropped] == [1]
    common = score_forecasts(short, came, incomplete="common")
    assert common.table()["wis"].to_list() == common.table()["absolute_error"].to_list() == [0.0, 0.0, 2.0, 5.0]
    assert [left.rows for left in common.dropped] == [6]


def test_draws_are_scored_beside_quantiles() -> None:
    draws = np.array([[1.0, 3.0], [4.0, np.nan], [np.nan, np.nan], [5.0, 5.0]])
    nothing = [np.nan] * 3
    scores = score_forecasts(made(ROWS, [nothing, nothing, QUANTILES[2], nothing], draws), truth(x=2.0, y=5.0)).table()
    assert scores["crps"].to_list() == [0.5, 1.0, None, 0.0]
    assert scores["predicted"].to_list() == [2.0, 4.0, 4.0, 5.0]
    assert scores["pit"].is_between(0, 1).sum() == 3
    assert scores["wis"].null_count() == 3


def test_skill_of_draws_is_by_their_crps() -> None:
    nothing = [[np.nan] * 3] * 4
    samples = np.array([[1.0, 2.0], [4.0, 6.0], [0.0, 2.0], [0.0, 1.0]])
    summary = score_forecasts(made(ROWS, nothing, samples), truth(x=2.0, y=5.0)).summary()
    assert summary["relative_skill"][0] == pytest.approx((summary["crps"][0] / summary["crps"][1]) ** 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scored(incomplete="drop"), "incomplete is 'drop'; choose error, exclude, common"),
        (lambda: score_forecasts(made(ROWS, QUANTILES), truth(z=1.0)), "none of 4 forecasts can be scored: 0 have"),
        (lambda: score_forecasts(made(ROWS, QUANTILES), pl.concat([truth(x=1.0)] * 2)), "two rows for one location"),
        (lambda: scored().summary(["modle"]), "by: 'modle' is not known. Did you mean 'model'?"),
        (lambda: scored().summary([]), "name at least one column"),
        (lambda: scored().summary(["model"], "c"), "baseline: 'c' is not known."),
        (lambda: scored().summary(["location"], "a"), "without model"),
        (lambda: score_forecasts(made(ROWS, [[-1, 0, 1]] * 4), truth(x=1.0), log=True), "quantile holds -1; log needs"),
    ],
)
def test_what_a_table_cannot_be_scored_for_is_an_error(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as error:
        call()
    assert message in str(error.value)


def test_targets_need_their_own_truth() -> None:
    both = made(ROWS, QUANTILES)
    renamed = Forecasts(
        both.tasks.with_columns(target=pl.Series(["hosp", "deaths"] * 2)), both.levels, both.quantiles, both.samples
    )
    with pytest.raises(InputError, match="targets 'deaths', 'hosp', the truth has no column 'target'"):
        score_forecasts(renamed, truth(x=2.0))
    came = truth(x=2.0, y=5.0).with_columns(target=pl.lit("hosp"))
    assert score_forecasts(renamed, came).table()["target"].to_list() == ["hosp", "hosp"]
