"""Farrington Flexible: against a plain dense fit, and the properties that every setting keeps."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.special import stdtr

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance._baseline import Baseline, Calendar, seasons
from mamori.surveillance._farrington import Fit, predict
from mamori.surveillance.detector import Detection, Reason
from mamori.surveillance.farrington_flexible import FarringtonFlexible

Floats = NDArray[np.float64]
PERIODS = 420
TARGETS = np.arange(360, 372)
NOUFAILY: dict[str, Any] = {
    "periods": 10,
    "past_excluded": 26,
    "threshold_method": "nbPlugin",
    "alpha": 0.01,
    "trend_significance": 1.0,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "noufaily": NOUFAILY,
    "muan": {**NOUFAILY, "threshold_method": "muan"},
    "half": {"periods": 4, "power": "1/2", "past_excluded": 10},
    "none": {"reweight": False, "power": "none", "years_back": 2},
}


def simulate(series: int, seed: int = 1, periods: int = PERIODS) -> Floats:
    """Return negative binomial counts with a season, a trend and past outbreaks, from rare to frequent."""
    random = np.random.default_rng(seed)
    t = np.arange(periods)
    level = np.geomspace(0.2, 300.0, series)[:, None]
    mean = level * np.exp(0.4 * np.sin(2.0 * np.pi * t / 52.0) + np.linspace(-0.002, 0.003, series)[:, None] * t)
    counts = random.negative_binomial(mean / 0.7, 1.0 / 1.7).astype(float)
    for row in counts:
        start = int(random.integers(100, 300))
        row[start : start + 6] += np.ceil(5.0 * np.sqrt(row.mean()))
    return np.asarray(counts)


def observe(counts: Floats, **changes: Any) -> Observations:
    series = pl.DataFrame({"series": [f"s{i}" for i in range(len(counts))]})
    given: dict[str, Any] = {"counts": counts, "history": counts, "frequency": 52} | changes
    return Observations(series, np.arange(1, counts.shape[1] + 1), **given)


def arrays(detection: Detection) -> dict[str, NDArray[Any]]:
    return dict(vars(detection))


def same(one: Detection, other: Detection) -> bool:
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in
               zip(arrays(one).values(), arrays(other).values(), strict=True))  # fmt: skip


def dense_glm(x: Floats, y: Floats, weight: Floats, base: Floats) -> tuple[Floats, Floats, Floats]:
    """Quasi-Poisson IRLS by least squares, written out: coefficients, means, weights of the last step."""
    mean, before = y + 0.1, np.inf
    while True:
        last = weight * mean
        side = np.log(mean / base) + (y - mean) / mean
        root = np.sqrt(last)
        coefficients = np.asarray(np.linalg.lstsq(x * root[:, None], side * root, rcond=None)[0], dtype=float)
        mean = np.asarray(np.exp(x @ coefficients) * base)
        deviance = 2.0 * np.sum(weight * (np.where(y > 0, y * np.log(np.maximum(y, 1e-9) / mean), 0.0) - y + mean))
        if abs(deviance - before) < 1e-8 * (abs(deviance) + 0.1):
            return coefficients, mean, last
        before = deviance


def dense_predict(
    base: Baseline, history: Floats, weights: Floats, people: Floats, target: int, fit: Fit
) -> tuple[float, float, float, bool]:
    """Return log mean, standard error, phi and whether the trend is kept, for one series, by dense matrices."""
    label = np.repeat(base.run_cell, np.diff(base.run_start))
    used = ~np.isnan(history[base.columns])
    columns, label, times = base.columns[used], label[used], base.times[used]
    y, prior, heads = history[columns], weights[columns], people[columns]
    cells = np.unique(label)
    for trend in (True, False):
        x = (label[:, None] == cells).astype(float)
        ahead = (cells == base.cell).astype(float)
        if trend:
            x, ahead = np.column_stack([x, times]), np.append(ahead, base.ahead)
        freedom, weight = len(y) - x.shape[1], prior
        for again in (False, True):
            b, mean, last = dense_glm(x, y, weight, heads)
            inverse = np.linalg.inv(x.T @ (last[:, None] * x))
            relative = (y - mean) / mean
            phi = max(1.0, np.sum(last * relative**2) / freedom)
            if again or not fit.reweight:
                break
            leverage = last * np.einsum("ij,jk,ik->i", x, inverse, x)
            s = 1.5 * (y ** (2 / 3) * mean ** (-1 / 6) - mean**0.5) / np.sqrt(phi * (1.0 - leverage))
            omega = np.where(s > fit.weights_threshold, np.maximum(s, 1e-9) ** -2.0, 1.0)
            weight = prior * omega * len(y) / omega.sum()
        share = weight if fit.quirk and fit.reweight else last
        spread = np.sum(share * relative**2) / freedom
        eta = float(ahead @ b + np.log(people[target]))
        error = float(np.sqrt(spread * ahead @ inverse @ ahead))
        if trend:
            p = 2.0 * stdtr(freedom, -abs(b[-1]) / np.sqrt(spread * inverse[-1, -1]))
            if not (fit.keep_trend and p < fit.trend_significance and np.exp(eta) <= y.max()):
                continue
        return eta, error, phi, trend
    raise AssertionError


@pytest.mark.parametrize("quirk", [True, False])
@pytest.mark.parametrize("periods", [1, 3, 10])
def test_the_prediction_is_that_of_a_dense_fit(periods: int, quirk: bool) -> None:
    """Also with missing counts, weights and denominators, series by series."""
    counts = simulate(12)
    random = np.random.default_rng(7)
    history = np.where(random.random(counts.shape) < 0.05, np.nan, counts)
    weights = random.uniform(0.3, 1.0, counts.shape)
    people = np.exp(random.normal(0.0, 0.3, counts.shape)) * 1e5
    observations = observe(counts, history=history, weights=weights, denominator=people)
    calendar = Calendar.of(observations, None)
    fit = Fit(True, True, 0.2, True, 1.5, quirk=quirk, population_offset=True)
    targets = np.array([365, 390])

    def baseline(target: int) -> Baseline:
        base = seasons(calendar, target, 5, 3, periods, 5)
        assert base is not None
        return base

    got = predict(observations, targets, baseline, fit)
    assert 0.1 < got.trend.mean() < 0.9
    for k, target in enumerate(targets):
        for s in range(len(counts)):
            want = dense_predict(baseline(target), history[s], weights[s], people[s], target, fit)
            have = got.log_mean[s, k], got.error[s, k], got.phi[s, k], got.trend[s, k]
            assert have == pytest.approx(want, rel=1e-9), (s, target)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_batch_equals_its_series_one_by_one(settings: dict[str, Any]) -> None:
    observations = observe(simulate(8))
    method = FarringtonFlexible(**settings)
    together = method.detect(observations, TARGETS)
    assert np.isfinite(together.upperbound).any()
    for s in range(8):
        alone = method.detect(observations.rows(s, s + 1), TARGETS)
        assert all(np.array_equal(arrays(together)[n][s : s + 1], a, equal_nan=True) for n, a in arrays(alone).items())


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_alarms_lie_above_the_bound_and_only_there(settings: dict[str, Any]) -> None:
    counts = simulate(30, seed=3)
    counts[:, TARGETS[::3]] *= 3.0
    found = FarringtonFlexible(**settings).detect(observe(counts), TARGETS)
    known = np.isfinite(found.upperbound)
    observed = counts[:, TARGETS]
    assert found.alarm.sum() > 20
    assert np.array_equal(found.alarm[known], observed[known] > found.upperbound[known])
    assert not found.alarm[~known].any()
    assert (found.expected[known] < found.upperbound[known] + 1.0).all()
    assert (found.phi >= 1.0).all()


def test_a_higher_count_changes_nothing_but_score_and_pvalue() -> None:
    counts = simulate(10)
    more = counts.copy()
    more[:, TARGETS[-1]] += 40.0
    method = FarringtonFlexible(limit54=(0, 4))
    low, high = (method.detect(observe(c), TARGETS[-1:]) for c in (counts, more))
    assert np.array_equal(low.upperbound, high.upperbound)
    assert (high.score > low.score).all()
    assert (high.pvalue < low.pvalue).all()
    assert (high.alarm >= low.alarm).all()


def test_the_periods_left_out_do_not_matter() -> None:
    counts = simulate(6)
    target = 370
    method = FarringtonFlexible(**NOUFAILY, limit54=(0, 4))
    bound = method.detect(observe(counts), np.array([target])).upperbound
    for first, changes in ((target - 26, False), (target - 27, True)):
        disturbed = counts.copy()
        disturbed[:, first:target] = 0.0
        again = method.detect(observe(disturbed), np.array([target])).upperbound
        assert np.array_equal(bound, again) is not changes


def test_history_rules_the_baseline_and_counts_the_alarm() -> None:
    counts = simulate(6)
    history = counts.copy()
    history[:, 250:262] = np.nan
    disturbed = counts.copy()
    disturbed[:, 250:262] += 1000.0
    method = FarringtonFlexible()
    assert same(
        method.detect(observe(counts, history=history), TARGETS),
        method.detect(observe(disturbed, history=history), TARGETS),
    )


def test_weight_zero_is_missing_and_weight_one_is_nothing() -> None:
    counts = simulate(6)
    dropped = np.random.default_rng(2).random(counts.shape) < 0.1
    history = np.where(dropped, np.nan, counts)
    method = FarringtonFlexible(**NOUFAILY)
    weighed = method.detect(observe(counts, weights=np.where(dropped, 0.0, 1.0)), TARGETS)
    assert same(weighed, method.detect(observe(counts, history=history), TARGETS))
    ones = method.detect(observe(counts, weights=np.ones_like(counts)), TARGETS)
    assert same(ones, method.detect(observe(counts), TARGETS))


def test_only_the_shape_of_the_population_matters() -> None:
    counts = simulate(8)
    people = 1e5 * np.exp(0.002 * np.arange(PERIODS)) * np.ones((8, 1))
    method = FarringtonFlexible(population_offset=True)
    growing = method.detect(observe(counts, denominator=people), TARGETS)
    larger = method.detect(observe(counts, denominator=1000.0 * people), TARGETS)
    constant = method.detect(observe(counts, denominator=np.full_like(people, 77.0)), TARGETS)
    without = FarringtonFlexible().detect(observe(counts), TARGETS)
    np.testing.assert_allclose(growing.upperbound, larger.upperbound, rtol=1e-9)
    np.testing.assert_allclose(constant.upperbound, without.upperbound, rtol=1e-9)
    assert np.nanmax(np.abs(growing.upperbound / without.upperbound - 1.0)) > 0.01


def test_each_series_has_its_own_population() -> None:
    counts = np.repeat(simulate(1) + 5.0, 2, axis=0)
    people = np.ones_like(counts)
    people[1, TARGETS] = 2.0
    method = FarringtonFlexible(population_offset=True, trend=False)
    found = method.detect(observe(counts, denominator=people), TARGETS[:1])
    assert found.expected[1, 0] == pytest.approx(2.0 * found.expected[0, 0])


def test_a_higher_count_of_the_past_is_weighed_down() -> None:
    counts = simulate(1, seed=5) + 20.0
    outbreak = counts.copy()
    outbreak[:, 300] += 500.0  # in a window of the target 352
    robust, plain = (FarringtonFlexible(reweight=reweight, trend=False) for reweight in (True, False))
    at = np.array([352])
    rises = [m.detect(observe(outbreak), at).expected[0, 0] / m.detect(observe(counts), at).expected[0, 0]
             for m in (robust, plain)]  # fmt: skip
    assert rises[0] < 1.1 < rises[1]


def test_a_trend_needs_three_years_and_does_not_extrapolate_beyond_the_past() -> None:
    t = np.arange(PERIODS)
    rising = np.round(20.0 * np.exp(0.01 * t))[None, :]
    target = np.array([400])
    falling = np.round(2000.0 * np.exp(-0.01 * t))[None, :]
    by_years = {years: FarringtonFlexible(years_back=years).detect(observe(falling), target).expected[0, 0]
                for years in (2, 3)}  # fmt: skip
    assert by_years[3] == pytest.approx(falling[0, 400], rel=0.05)
    assert by_years[2] > 1.5 * falling[0, 400]
    assert FarringtonFlexible().detect(observe(rising), target).expected[0, 0] < rising[0, :352].max()


def test_corrected_differs_in_standard_errors_only_after_reweighting() -> None:
    observations = observe(simulate(20))

    def detect(**settings: Any) -> list[Detection]:
        return [FarringtonFlexible(trend=False, compat=c, **settings).detect(observations, TARGETS)
                for c in ("r", "corrected")]  # fmt: skip

    r, corrected = detect()
    assert np.array_equal(r.expected, corrected.expected, equal_nan=True)
    assert np.array_equal(r.phi, corrected.phi)
    assert not np.array_equal(r.upperbound, corrected.upperbound, equal_nan=True)
    assert same(*detect(reweight=False))


def test_the_first_period_that_can_be_computed() -> None:
    counts = simulate(2) + 3.0
    for years, half_window in ((5, 3), (3, 2)):
        method = FarringtonFlexible(years_back=years, half_window=half_window)
        found = method.detect(observe(counts), np.arange(PERIODS))
        first = 52 * years + half_window
        assert (found.reason[:, :first] == Reason.TOO_SHORT).all()
        assert np.isnan(found.score[:, :first]).all()
        assert not found.alarm[:, :first].any()
        assert (found.reason[:, first:] == Reason.COMPUTED).all()


def test_reasons_of_single_values() -> None:
    counts = simulate(5) + 3.0
    history = counts.copy()
    counts[0, 365] = np.nan
    counts[1, 362:366] = 1.0
    history[2, 300:320] = np.nan  # the nearest window of 365, not the others
    history[3, :350] = np.nan
    counts[4] = 0.0
    history[4] = 0.0
    method = FarringtonFlexible()
    found = method.detect(observe(counts, history=history), np.array([365]))
    assert found.reason[:, 0].tolist() == [
        Reason.MISSING_COUNT,
        Reason.FEW_CASES,
        Reason.COMPUTED,
        Reason.GAP,
        Reason.FEW_CASES,
    ]
    assert np.isfinite(found.upperbound[:, 0]).tolist() == [True, False, True, False, False]
    assert np.isfinite(found.expected[:, 0]).tolist() == [True, False, True, False, False]
    assert np.isfinite(found.pvalue[:, 0]).tolist() == [False, True, True, False, True]
    assert not found.alarm.any()


def test_nothing_ever_seen_does_not_converge_over_a_whole_year() -> None:
    """As in R: with no cases the log mean falls by one a step, and 25 steps are not enough for 240 zeros."""
    found = FarringtonFlexible(**NOUFAILY).detect(observe(np.zeros((1, PERIODS))), np.array([365]))
    assert found.reason.tolist() == [[Reason.NO_CONVERGENCE]]
    assert np.isnan(found.phi).all()


def test_a_bound_without_end_is_not_finite() -> None:
    """Nothing in five years of windows: the upper limit of the mean overflows, its point estimate does not."""
    counts = np.zeros((1, PERIODS))
    settings: dict[str, Any] = {"limit54": (0, 4)}
    muan = FarringtonFlexible(threshold_method="muan", **settings).detect(observe(counts), np.array([365]))
    assert muan.reason.tolist() == [[Reason.NOT_FINITE]]
    assert np.isnan([muan.expected, muan.upperbound, muan.pvalue]).all()
    delta = FarringtonFlexible(**settings).detect(observe(counts), np.array([365]))
    assert delta.reason.tolist() == [[Reason.COMPUTED]]
    assert 0.0 < delta.expected[0, 0] < delta.upperbound[0, 0] < 0.01


def test_too_few_points_are_a_gap() -> None:
    counts = simulate(2) + 3.0
    for settings in ({"years_back": 1, "half_window": 0}, {"years_back": 1, "past_excluded": 60}):
        found = FarringtonFlexible(**settings).detect(observe(counts), TARGETS)
        assert (found.reason == Reason.GAP).all()


def test_a_population_unknown_at_the_target_is_not_finite() -> None:
    counts = simulate(3) + 3.0
    people = np.full_like(counts, 1000.0)
    people[0, 365], people[1, 365] = np.nan, 0.0
    people[2, 300:310] = np.nan  # points of the baseline are only left out
    found = FarringtonFlexible(population_offset=True).detect(observe(counts, denominator=people), np.array([365]))
    assert found.reason[:, 0].tolist() == [Reason.NOT_FINITE, Reason.NOT_FINITE, Reason.COMPUTED]
    assert not found.alarm[:2].any()


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_strange_counts_give_a_number_or_a_reason(settings: dict[str, Any]) -> None:
    random = np.random.default_rng(9)
    counts = np.stack(
        [
            np.full(PERIODS, 1e12),
            np.where(np.arange(PERIODS) == 200, 1e9, 0.0),
            random.integers(0, 2, PERIODS) * 1e6,
            np.exp(np.linspace(0.0, 30.0, PERIODS)),
            np.where(np.arange(PERIODS) % 52 == 0, 1.0, 0.0),
            random.random(PERIODS),
            np.where(random.random(PERIODS) < 0.9, np.nan, 5.0),
        ]
    )
    found = FarringtonFlexible(**settings).detect(observe(counts), np.arange(PERIODS))
    computed = found.reason == Reason.COMPUTED
    for name in ("expected", "upperbound", "score", "pvalue", "phi"):
        assert np.isfinite(getattr(found, name)[computed]).all(), name
    assert np.isnan(found.upperbound[~computed & (found.reason != Reason.MISSING_COUNT)]).all()


def test_a_season_without_any_count_is_a_gap() -> None:
    counts = simulate(1) + 3.0
    history = counts.copy()
    for middle in range(365 - 52, 0, -52):
        history[:, middle - 3 : middle + 4] = np.nan
    found = FarringtonFlexible(periods=10).detect(observe(counts, history=history), np.array([365]))
    assert found.reason.tolist() == [[Reason.GAP]]


def test_the_names_of_the_r_package_are_understood() -> None:
    names = {
        "b": 4, "w": 2, "noPeriods": 10, "pastWeeksNotIncluded": 26, "reweight": True, "weightsThreshold": 1,
        "trend": True, "pThresholdTrend": 1, "thresholdMethod": "muan", "powertrans": "1/2", "alpha": 0.01,
        "limit54": [0, 4], "epochAsDate": False, "populationOffset": False, "compat": "r",
    }  # fmt: skip
    method = FarringtonFlexible.model_validate(names)
    assert (method.years_back, method.half_window, method.periods, method.past_excluded) == (4, 2, 10, 26)
    assert method == FarringtonFlexible(
        years_back=4, half_window=2, periods=10, past_excluded=26, weights_threshold=1.0, trend_significance=1.0,
        threshold_method="muan", power="1/2", alpha=0.01, limit54=(0, 4), date_mode=False,
    )  # fmt: skip


def test_what_the_data_lack_is_an_error() -> None:
    observations = observe(simulate(1))
    with pytest.raises(InputError, match="number of periods a year"):
        FarringtonFlexible().detect(replace(observations, frequency=None), TARGETS)
    with pytest.raises(InputError, match="needs dates"):
        FarringtonFlexible(date_mode=True).detect(observations, TARGETS)
    with pytest.raises(InputError, match="needs denominators"):
        FarringtonFlexible(population_offset=True).detect(observations, TARGETS)


def test_months_and_days() -> None:
    random = np.random.default_rng(11)
    months = random.poisson(20.0, (2, 120)).astype(float)
    dates = (np.datetime64("2014-01") + np.arange(120)).astype("datetime64[D]")
    settings: dict[str, Any] = {"half_window": 1, "periods": 3, "past_excluded": 3}
    by_date = FarringtonFlexible(**settings).detect(observe(months, frequency=12, dates=dates), np.arange(110, 120))
    by_index = FarringtonFlexible(**settings).detect(observe(months, frequency=12), np.arange(110, 120))
    assert (by_date.reason == Reason.COMPUTED).all()
    np.testing.assert_allclose(by_date.expected, by_index.expected, rtol=0.05)  # months differ in their days
    days = random.poisson(8.0, (1, 1500)).astype(float)
    daily = observe(days, frequency=365, dates=np.datetime64("2019-01-01") + np.arange(1500))
    found = FarringtonFlexible(years_back=3, periods=5, past_excluded=26).detect(daily, np.arange(1490, 1500))
    assert (found.reason == Reason.COMPUTED).all()
    assert found.expected.mean() == pytest.approx(8.0, rel=0.15)


@pytest.mark.parametrize("settings", [{"alpha": 0.5}, {"limit54": (5, 0)}, {"b": 0}, {"w": -1}, {"noPeriod": 10}])
def test_a_setting_out_of_bounds_or_unknown_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FarringtonFlexible.model_validate(settings)
