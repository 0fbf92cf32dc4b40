"""The nowcast models: their parts by hand, simulated truth, missing reports, and what cannot be nowcast."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamori.core.contracts import Triangle
from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.inference import _nowcast
from mamori.inference._nowcast_chain_ladder import SIZES, expected_to_come, spread_by_age
from mamori.inference._nowcast_rows import Rows, cumulative_share
from mamori.inference._nowcast_smooth import SmoothModel
from mamori.inference.nowcast import METHODS, Method, Reason, nowcast

nan = math.nan


def triangle(cells: np.ndarray, frequency: int | None = 365) -> Triangle:
    """Return the triangle of new cases (S, T, W), of which those after the last period are not known yet."""
    reported = np.cumsum(np.asarray(cells, dtype=float), axis=2)
    size, width = reported.shape[1:]
    reported[:, np.arange(size)[:, None] + np.arange(width) >= size] = nan
    names = [f"s{i}" for i in range(len(reported))]
    dates = np.datetime64("2024-01-01") + (7 if frequency == 52 else 1) * np.arange(size)
    return Triangle(pl.DataFrame({"series": names}), np.arange(1, size + 1), reported, dates, frequency)


def simulated(seed: int, size: int = 60, longest: int = 8, level: float = 40.0) -> tuple[Triangle, np.ndarray]:
    rng = np.random.default_rng(seed)
    mean = level * np.exp(0.6 * np.sin((np.arange(size) + 17 * seed) / 9.0))
    share = np.exp(-0.5 * ((np.arange(longest + 1) - 2.5) / 1.8) ** 2)
    cells = np.array([rng.multinomial(rng.poisson(m), share / share.sum()) for m in mean])
    return triangle(cells[None]), cells.sum(axis=1)


def test_the_share_reported_is_that_of_the_reverse_hazards() -> None:
    rows = Rows.of(np.array([[2.0, 5.0, 6.0], [4.0, 6.0, nan], [3.0, nan, nan]]), 2)
    new, known = rows.growth(None)
    assert new.tolist() == [9.0, 5.0, 1.0]
    assert known.tolist() == [9.0, 11.0, 6.0]
    assert cumulative_share(new, known) == pytest.approx([(1 - 5 / 11) * (1 - 1 / 6), 1 - 1 / 6, 1.0])
    assert rows.latest.tolist() == [6.0, 6.0, 3.0]
    assert rows.age.tolist() == [2, 1, 0]
    last = rows.growth(2)
    assert (last[0][2], last[1][2]) == (0.0, 0.0)


def test_longer_delays_are_taken_together_and_gaps_left_out() -> None:
    rows = Rows.of(
        np.array([[1.0, 2.0, 3.0, 7.0], [nan, 4.0, nan, nan], [nan, nan, nan, nan], [0.0, nan, nan, nan]]), 2
    )
    assert rows.latest[:2].tolist() == [7.0, 4.0]
    assert rows.age.tolist() == [2, 1, -1, 0]
    new, known = rows.growth(None)
    assert (new[1], known[1]) == (1.0, 2.0)
    then = rows.as_of(2)
    assert then.age.tolist() == [1, -1]


def test_the_expectation_is_that_of_a_flat_prior() -> None:
    # N given x ~ binomial(N, F) and a flat prior: sum over N of (N - x) C(N, x) (1 - F)^(N - x) F^(x + 1).
    x, share = 3, 0.4
    more = np.arange(400)
    mass = [math.comb(x + int(m), x) * (1 - share) ** int(m) * share ** (x + 1) for m in more]
    assert expected_to_come(np.array([float(x)]), np.array([share]))[0] == pytest.approx(more @ np.array(mass))


def test_the_spread_is_learnt_from_what_past_nowcasts_missed() -> None:
    rng = np.random.default_rng(1)
    mean = np.full((400, 3), 30.0)
    wide = rng.negative_binomial(4.0, 4.0 / 34.0, size=mean.shape).astype(float)
    assert spread_by_age(mean, wide) == pytest.approx(4.0, rel=0.25)
    assert (spread_by_age(mean, rng.poisson(mean).astype(float)) > 100.0).all()
    assert (spread_by_age(np.full((4, 2), nan), np.full((4, 2), nan)) == SIZES[0]).all()


def model_of_gaps() -> SmoothModel:
    cells = np.arange(1.0, 41.0).reshape(10, 4) % 5
    reported = triangle(cells[None]).reported[0]
    reported[2, 0], reported[4, 1:3], reported[7, 1] = nan, nan, nan
    return SmoothModel(Rows.of(reported, 3), 365, 2)


def test_the_likelihood_has_the_derivatives_it_says() -> None:
    model = model_of_gaps()
    rng = np.random.default_rng(3)
    x = model.start + 0.3 * rng.normal(size=len(model.start))
    size = 3.0

    def evaluate(at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        gradient, information = np.zeros(len(x)), np.zeros((len(x), len(x)))
        value = _nowcast.likelihood(at, size, model.longest, model.weekday, model.has_week, model.block, model.blocks,
                                    *model.cells, gradient, information)  # fmt: skip
        return value, gradient, information

    _, gradient, information = evaluate(x)
    for p in range(len(x)):
        step = 1e-5 * np.eye(len(x))[p]
        assert (evaluate(x + step)[0] - evaluate(x - step)[0]) / 2e-5 == pytest.approx(gradient[p], abs=1e-5)
    # Where all counts equal their means, the information is minus the second derivative.
    row, first, last, count = model.cells
    for c in range(len(row)):
        one = (row[c : c + 1], first[c : c + 1], last[c : c + 1])
        low, high = 0.0, 1e4
        for _ in range(200):
            middle, slope = 0.5 * (low + high), np.zeros(len(x))
            _nowcast.likelihood(x, size, model.longest, model.weekday, model.has_week, model.block, model.blocks, *one,
                                np.array([middle]), slope, np.zeros((len(x), len(x))))  # fmt: skip
            low, high = (middle, high) if slope[row[c]] < 0.0 else (low, middle)
        count[c] = low
    _, gradient, information = evaluate(x)
    assert np.abs(gradient).max() < 1e-8
    for p in range(len(x)):
        step = 1e-5 * np.eye(len(x))[p]
        second = (evaluate(x + step)[1] - evaluate(x - step)[1]) / 2e-5
        assert second == pytest.approx(-information[p], abs=1e-5)


def test_a_missing_report_is_seen_with_the_next_one() -> None:
    row, first, last, count = model_of_gaps().cells
    gap = row == 4
    assert list(zip(first[gap].tolist(), last[gap].tolist(), strict=True)) == [(0, 0), (1, 3)]
    assert count[gap].sum() == (np.arange(1.0, 41.0).reshape(10, 4) % 5)[4].sum()
    assert (first[row == 2][0], last[row == 2][0]) == (0, 1)


@pytest.mark.parametrize("method", METHODS)
def test_simulated_truth_is_covered(method: Method) -> None:
    held, off = [], []
    for seed in range(12):
        known, final = simulated(seed)
        cast = nowcast(known, method, max_delay=8, draws=400, seed=seed)
        came = final[cast.columns]
        low, middle, high = (cast.quantiles((p,))[0, :, 0] for p in (0.05, 0.5, 0.95))
        held.append((came >= low) & (came <= high))
        off.append((middle / came - 1.0)[:-2])
    assert 0.84 <= np.mean(held) <= 0.99
    assert abs(np.mean(off)) < 0.03


def test_the_smooth_model_beats_the_chain_ladder_on_the_youngest() -> None:
    error: dict[Method, list[float]] = {"smooth": [], "chain-ladder": []}
    for seed in range(8):
        known, final = simulated(seed, level=15.0)
        for method, misses in error.items():
            misses.append(abs(np.median(nowcast(known, method, max_delay=8, draws=400).draws[0, -1]) - final[-1]))
    assert np.mean(error["smooth"]) < np.mean(error["chain-ladder"])


def test_a_known_delay_and_prior_give_the_negative_binomial() -> None:
    # So many cases that the delay is as good as known: half at once, half a period later.
    cells = np.full((1, 200, 2), 50000.0)
    cells[0, -1, 0] = 3.0
    cast = nowcast(triangle(cells), "truncated", max_delay=1, prior=(10.0, 20.0), draws=40000)
    shape, rate, share = 5.0, 0.5, 0.5
    mean = (shape + 3) * (1 - share) / (rate + share)
    more = cast.draws[0, 0] - 3
    assert more.mean() == pytest.approx(mean, rel=0.02)
    assert more.var() == pytest.approx(mean + mean**2 / (shape + 3), rel=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_draws_do_not_depend_on_workers_or_other_series(method: Method) -> None:
    one, _ = simulated(1)
    two, _ = simulated(2)
    both = Triangle(
        pl.DataFrame({"series": ["s0", "s1"]}), one.t, np.vstack([one.reported, two.reported]), one.dates, 365
    )
    together = nowcast(both, method, max_delay=8, draws=50, workers=2)
    assert np.array_equal(together.draws[0], nowcast(one, method, max_delay=8, draws=50).draws[0])
    again = nowcast(both, method, max_delay=8, draws=50, seed=1)
    assert not np.array_equal(together.draws, again.draws)


@pytest.mark.parametrize("method", METHODS)
def test_missing_last_reports_are_nowcast_from_the_one_before(method: Method) -> None:
    known, _ = simulated(4)
    reported = known.reported.copy()
    size = len(known.t)
    for t in range(size):
        if size - 1 - t < reported.shape[2]:
            reported[0, t, size - 1 - t] = nan
    late = Triangle(known.series, known.t, reported, known.dates, 365)
    cast = nowcast(late, method, max_delay=8, draws=100)
    assert cast.reason[0, -1] == (Reason.NO_REPORT if method == "chain-ladder" else Reason.COMPUTED)
    assert (cast.reason[0, :-1] == Reason.COMPUTED).all()
    before = nowcast(known.as_of(size - 1), method, max_delay=8, draws=100)
    assert cast.share[0, :-1] == pytest.approx(before.share[0], abs=0.05)


def test_what_cannot_be_nowcast_has_a_reason() -> None:
    few = np.zeros((1, 30, 4))
    few[0, 3, 1] = 2
    assert set(nowcast(triangle(few), max_delay=3).reason[0]) == {Reason.FEW_CASES}
    short, _ = simulated(1, size=12)
    assert nowcast(short, "chain-ladder", max_delay=8).reasons() == {"short-history": 8}
    late = np.zeros((1, 30, 4))
    late[0, :, 2] = 9.0
    cast = nowcast(triangle(late), "chain-ladder", max_delay=3)
    assert cast.reason[0, -2:].tolist() == [Reason.NOTHING_KNOWN_BY_THEN] * 2
    assert np.isnan(cast.draws[0, -2:]).all()
    assert cast.table()["reason"].to_list()[-2:] == ["nothing-known-by-then"] * 2


def test_the_table_is_the_one_that_is_documented() -> None:
    cast = nowcast(simulated(1)[0], "truncated", max_delay=8)
    table = TableDefinition.load("nowcast").validate(cast.table(), "nowcast")
    assert table.height == 8
    assert (table["q0.05"] <= table["median"]).all()
    assert (table["reported"] <= table["q0.025"]).all()
    seen = cast.observations()
    assert seen.counts[0, :-8].tolist() == cast.triangle.latest()[0, :-8].tolist()
    assert seen.counts[0, -1] == table["median"][-1]
    assert cast.observations(3).counts[0, -1] == cast.draws[0, -1, 3]


def test_the_longest_delay_is_where_nearly_all_is_reported() -> None:
    cells = np.tile([50.0, 40.0, 9.5, 0.3, 0.2], (1, 40, 1))
    assert nowcast(triangle(cells), "truncated").max_delay == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": "smoth"}, "method 'smoth' is not known. Did you mean 'smooth'?"),
        ({"max_delay": 60}, "max_delay is 60; with 60 periods it must be 1 to 59"),
        ({"max_delay": 8, "window": 8}, "window is 8 periods; it must be > max_delay, 8"),
        ({"prior": (1.0, 1.0)}, "the prior of the incidence is of the method truncated, not smooth"),
        ({"method": "truncated", "prior": (0.0, 1.0)}, "both must be > 0"),
        ({"draws": 1}, "draws is 1; it must be >= 2"),
    ],
)
def test_settings_out_of_bounds_are_an_error(given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        nowcast(simulated(1)[0], **given)  # type: ignore[arg-type]
    assert message in str(error.value)


def test_months_are_an_error() -> None:
    with pytest.raises(InputError, match="the counts come 12 times a year"):
        nowcast(triangle(np.ones((1, 20, 3)), 12))


@given(
    cells=st.lists(st.lists(st.sampled_from([0, 0, 1, 2, 30, 4000]), min_size=3, max_size=3), min_size=4, max_size=25),
    gaps=st.sets(st.tuples(st.integers(0, 24), st.integers(0, 2)), max_size=10),
    method=st.sampled_from(METHODS),
    frequency=st.sampled_from([365, 52, None]),
)
@settings(max_examples=60, deadline=None)
def test_any_triangle_gives_counts_or_a_reason(
    cells: list[list[int]], gaps: set[tuple[int, int]], method: Method, frequency: int | None
) -> None:
    known = triangle(np.array([cells]), frequency)
    for t, d in gaps:
        if t < len(cells):
            known.reported[0, t, d] = nan
    if not np.isfinite(known.reported).any():
        return
    cast = nowcast(known, method, max_delay=2, draws=20)
    computed = cast.reason[0] == Reason.COMPUTED
    drawn = cast.draws[0][computed]
    latest = np.nan_to_num(known.latest()[0, cast.columns])[computed]
    assert np.isfinite(drawn).all()
    assert (drawn >= latest[:, None]).all()
    assert np.isnan(cast.draws[0][~computed]).all()
    share = cast.share[0][computed]
    assert ((share >= 0.0) & (share <= 1.0 + 1e-12)).all()
