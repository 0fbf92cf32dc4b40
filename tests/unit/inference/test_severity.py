"""Fatality risks: by hand, against simulated outbreaks, with uncertain delays, and what is refused."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.inference.serial_interval import Range
from mamori.inference.severity import DelayToDeath, Reason, Severity, estimate_severity, limits

AT_ONCE = DelayToDeath(mass=np.array([1.0]))


def counts(values: object, frequency: int | None = 365) -> Observations:
    array = np.atleast_2d(np.array(values, dtype=float))
    series = pl.DataFrame({"series": [f"s{i}" for i in range(len(array))]})
    return Observations(series, np.arange(1, array.shape[1] + 1), array, array, frequency=frequency)


def test_the_share_known_and_the_risk_are_those_of_nishiura() -> None:
    delay = DelayToDeath(mass=np.array([0.2, 0.5, 0.3]))
    found = estimate_severity(counts([10.0, 20.0, 40.0]), counts([1.0, 3.0, 6.0]), delay)
    known = 10.0 * 1.0 + 20.0 * 0.7 + 40.0 * 0.2
    assert found.share_known[0, 0] == pytest.approx(known / 70.0)
    assert found.cfr[0, 0] == pytest.approx(10.0 / known)
    assert found.naive[0, 0] == pytest.approx(10.0 / 70.0)


def test_without_delay_the_posterior_is_the_beta_distribution() -> None:
    from scipy.special import betaincinv

    found = estimate_severity(counts([30.0, 20.0]), counts([4.0, 2.0]), AT_ONCE, draws=20000)
    want = [betaincinv(7.0, 45.0, p) for p in (0.025, 0.5, 0.975)]
    assert found.quantiles[0, 0, [0, 3, 6]] == pytest.approx(want, rel=1e-3)
    # Clopper & Pearson for 2 of 10: 2.52 % to 55.61 %.
    ten = estimate_severity(counts([10.0]), counts([2.0]), AT_ONCE)
    assert ten.naive_limits[0, 0] == pytest.approx([0.02521, 0.55610], abs=1e-5)
    none = estimate_severity(counts([10.0]), counts([0.0]), AT_ONCE)
    assert (none.cfr[0, 0], none.naive_limits[0, 0, 0]) == (0.0, 0.0)


def test_the_deaths_have_the_variance_of_unequal_binomials() -> None:
    # 200 cases of whom 20 % could have died by now: deaths are binomial with 0.2 p, not 40 trials with p.
    from scipy.special import betaincinv

    delay = DelayToDeath(mass=np.array([0.2, 0.8]))
    found = estimate_severity(counts([0.0, 200.0]), counts([0.0, 20.0]), delay, draws=20000)
    assert found.quantiles[0, 0, [0, 6]] == pytest.approx(
        [betaincinv(21.0, 181.0, p) / 0.2 for p in (0.025, 0.975)], rel=1e-3
    )


def test_each_date_is_judged_by_what_was_known_then() -> None:
    cases, deaths = counts([5.0, 9.0, 20.0, 7.0]), counts([0.0, 1.0, 2.0, 3.0])
    delay = DelayToDeath(3.0, 2.0)
    rolling = estimate_severity(cases, deaths, delay, every=True)
    for t in range(1, 4):
        then = estimate_severity(counts(cases.counts[0, : t + 1]), counts(deaths.counts[0, : t + 1]), delay)
        assert rolling.quantiles[0, t] == pytest.approx(then.quantiles[0, 0], nan_ok=True)
        assert rolling.cfr[0, t] == pytest.approx(then.cfr[0, 0], nan_ok=True)


def test_a_window_sees_a_risk_that_changes() -> None:
    cases = np.full(200, 1000.0)
    risk = np.where(np.arange(200) < 100, 0.2, 0.02)
    mass = np.array([0.0, 0.25, 0.5, 0.25])
    deaths = np.convolve(cases * risk, mass)[:200].round()
    found = estimate_severity(counts(cases), counts(deaths), DelayToDeath(mass=mass), window=20)
    assert found.cfr[0, 0] == pytest.approx(0.02, rel=0.01)
    assert found.share_known[0, 0] == pytest.approx(1.0)
    assert found.cases[0, 0] == 20000.0
    whole = estimate_severity(counts(cases), counts(deaths), DelayToDeath(mass=mass))
    assert whole.cfr[0, 0] > 0.1


def test_weeks_take_the_delay_from_any_of_their_days() -> None:
    delay = DelayToDeath(mass=np.eye(10)[7])
    found = estimate_severity(counts([70.0, 0.0], 52), counts([0.0, 7.0], 52), delay, every=True)
    assert found.reason[0].tolist() == [Reason.NO_OUTCOME_YET, Reason.COMPUTED]
    assert found.share_known[0, 1] == pytest.approx(1.0)
    half = DelayToDeath(mass=np.eye(10)[3])
    first = estimate_severity(counts([70.0], 52), counts([4.0], 52), half)
    assert first.share_known[0, 0] == pytest.approx(4 / 7)


def simulated(rng: np.random.Generator, risk: float, mean: float, sd: float) -> tuple[Observations, Observations]:
    days = 50
    cases = rng.poisson(4.0 * np.exp(0.08 * np.arange(days)))
    shape, scale = (mean / sd) ** 2, sd**2 / mean
    deaths = np.zeros(days)
    for day, number in enumerate(cases):
        died = rng.binomial(number, risk)
        when = np.floor(day + rng.random(died) + rng.gamma(shape, scale, died)).astype(int)
        np.add.at(deaths, when[when < days], 1)
    return counts(cases), counts(deaths)


def test_intervals_hold_the_truth_as_often_as_they_say_and_the_naive_ones_do_not() -> None:
    rng = np.random.default_rng(1)
    held, naive = [], []
    delay = DelayToDeath(limits(12.0, 16.0, "mean"), limits(5.0, 7.0, "sd"))
    for _ in range(80):
        risk = float(rng.choice([0.05, 0.3]))
        ill, dead = simulated(rng, risk, rng.normal(14.0, 1.02), rng.normal(6.0, 0.51))
        found = estimate_severity(ill, dead, delay, draws=500)
        held.append(found.quantiles[0, 0, 1] <= risk <= found.quantiles[0, 0, 5])
        naive.append(found.naive_limits[0, 0, 0] <= risk <= found.naive_limits[0, 0, 1])
    assert 0.84 <= np.mean(held) <= 0.96
    assert np.mean(naive) < 0.5


def test_an_uncertain_delay_widens_the_interval() -> None:
    ill, dead = simulated(np.random.default_rng(2), 0.2, 14.0, 6.0)
    exact = estimate_severity(ill, dead, DelayToDeath(14.0, 6.0))
    loose = estimate_severity(ill, dead, DelayToDeath(limits(9.0, 19.0, "mean"), 6.0))

    def width(found: Severity) -> float:
        return float(found.quantiles[0, 0, 6] - found.quantiles[0, 0, 0])

    assert width(loose) > 1.3 * width(exact)


def test_infections_die_less_often_than_cases() -> None:
    ill, dead = simulated(np.random.default_rng(3), 0.2, 14.0, 6.0)
    fixed = estimate_severity(ill, dead, DelayToDeath(14.0, 6.0), case_ascertainment=Range(0.25, 0.0, 0.25, 0.25),
                              death_ascertainment=Range(0.5, 0.0, 0.5, 0.5))  # fmt: skip
    assert fixed.ifr is not None
    assert fixed.ifr[0, 0] == pytest.approx(0.5 * fixed.quantiles[0, 0])
    loose = estimate_severity(ill, dead, DelayToDeath(14.0, 6.0), case_ascertainment=limits(0.1, 0.4, "share", 1.0))
    assert loose.ifr is not None
    assert loose.ifr[0, 0, 6] / loose.ifr[0, 0, 0] > 1.5 * fixed.ifr[0, 0, 6] / fixed.ifr[0, 0, 0]
    table = TableDefinition.load("severity").validate(loose.table(), "severity")
    assert table["ifr_median"].null_count() == 0


def test_what_has_no_risk_has_a_reason() -> None:
    delay = DelayToDeath(mass=np.array([0.0, 1.0]))
    found = estimate_severity(counts([[0.0, 5.0, 1.0]]), counts([[0.0, 0.0, 6.0]]), delay, every=True)
    words = ["no-cases", "no-outcome-yet", "more-deaths-than-outcomes"]
    table = TableDefinition.load("severity").validate(found.table(), "severity")
    assert table["reason"].to_list() == words
    assert found.reasons() == dict.fromkeys(words, 1)
    assert table["cfr"].null_count() == 3


@pytest.mark.parametrize(
    ("cases", "deaths", "message"),
    [
        (counts([1.0, math.nan]), counts([0.0, 0.0]), "series 's0': the count of cases at 2 is missing"),
        (counts([1.0, 1.0]), counts([0.0, -1.0]), "the count of deaths at 2 is -1"),
        (counts([1.0, 1.0]), counts([0.0]), "must be of the same series and periods"),
        (counts([1.0], 12), counts([0.0], 12), "the counts come 12 times a year"),
    ],
)
def test_counts_that_cannot_be_used_are_an_error(cases: Observations, deaths: Observations, message: str) -> None:
    with pytest.raises(InputError) as error:
        estimate_severity(cases, deaths, AT_ONCE)
    assert message in str(error.value)


def test_a_gap_is_named_by_its_date() -> None:
    dates = np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]")
    array = np.array([[1.0, math.nan]])
    gap = Observations(pl.DataFrame({"series": ["x"]}), np.array([1, 2]), array, array, dates, 365)
    with pytest.raises(InputError, match=r"the count of cases at 2024-01-02 is missing; .* Fill the gap"):
        estimate_severity(gap, gap, AT_ONCE)


@pytest.mark.parametrize(
    "make",
    [
        lambda: DelayToDeath(0.0, 1.0),
        lambda: DelayToDeath(5.0, -1.0),
        lambda: DelayToDeath(mass=np.array([0.5, 0.1])),
        lambda: limits(3.0, 2.0, "the mean"),
        lambda: limits(0.5, 1.5, "the share", 1.0),
        lambda: estimate_severity(counts([1.0]), counts([0.0]), AT_ONCE, window=0),
        lambda: estimate_severity(counts([1.0]), counts([0.0]), AT_ONCE, draws=1),
        lambda: estimate_severity(counts([1.0]), counts([0.0]), AT_ONCE, case_ascertainment=Range(1.0, 1.0, 0.5, 1.5)),
    ],
)
def test_settings_out_of_bounds_are_an_error(make: object) -> None:
    with pytest.raises(InputError):
        make()  # type: ignore[operator]


@given(
    rows=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1, max_size=15),
    mean=st.floats(0.1, 60.0),
    spread=st.floats(0.1, 1.2),
    window=st.none() | st.integers(1, 20),
)
@settings(max_examples=30, deadline=None)
def test_any_counts_give_a_risk_or_a_reason(
    rows: list[tuple[int, int]], mean: float, spread: float, window: int | None
) -> None:
    cases, deaths = (list(column) for column in zip(*rows, strict=True))
    delay = DelayToDeath(mean, mean * spread)
    found = estimate_severity(counts(cases), counts(deaths), delay, every=True, window=window, draws=100)
    computed = found.reason[0] == Reason.COMPUTED
    assert np.isnan(found.quantiles[0][~computed]).all()
    drawn = found.quantiles[0][computed]
    assert ((drawn >= 0.0) & (drawn <= 1.0)).all()
    assert (np.diff(drawn, axis=1) >= 0.0).all()
    TableDefinition.load("severity").validate(found.table(), "severity")
