"""The space-time scan against a plain search of all cylinders, its nulls, and what it refuses."""

from itertools import pairwise
from math import comb, log
from typing import Any

import numpy as np
import polars as pl
import pytest

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.core.rng import stream_key
from mamori.core.tables import TableDefinition
from mamori.surveillance import _scan as kernels
from mamori.surveillance.scan import Method, scan_clusters
from mamori.surveillance.scan_null import Table, _strata, expected_cases
from mamori.surveillance.zones import EARTH_RADIUS_KM, circles, neighbourhoods

RING = [(f"p{i}", f"p{(i + 1) % 12}") for i in range(12)]


def observations(counts: np.ndarray, seed: int = 0, **more: Any) -> Observations:
    """Return counts (P, T) of places p0, p1, ... scattered over five degrees, by week."""
    rng = np.random.default_rng(seed)
    places, periods = counts.shape
    frame = pl.DataFrame(
        {
            "series": [f"p{i}" for i in range(places)],
            "latitude": 10.0 + 5.0 * rng.random(places),
            "longitude": 20.0 + 5.0 * rng.random(places),
        }
    )
    values = counts.astype(float)
    dates = np.datetime64("2024-01-01") + 7 * np.arange(periods)
    given = {"history": values, "dates": dates} | more
    return Observations(frame, np.arange(1, periods + 1), values, **given)


def distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance by the spherical law of cosines, another formula than the one under test."""
    (p, u), (q, v) = (np.radians(point) for point in (a, b))
    return float(EARTH_RADIUS_KM * np.arccos(np.sin(p) * np.sin(q) + np.cos(p) * np.cos(q) * np.cos(u - v)))


def best_by_hand(seen: Observations, expected: np.ndarray, share: float, durations: int) -> tuple[float, set[str], int]:
    """Return (ratio, places, periods) of the best cylinder, all of them tried one by one."""
    points = seen.series.select("latitude", "longitude").rows()
    total = float(np.nansum(seen.counts))
    best: tuple[float, set[str], int] = (0.0, set(), 0)
    for centre in points:
        order = sorted(range(len(points)), key=lambda i: distance_km(centre, points[i]) if points[i] != centre else 0.0)
        for size in range(1, len(order) + 1):
            inside = order[:size]
            if expected[inside].sum() > share * total:
                break
            for periods in range(1, durations + 1):
                c = float(np.nansum(seen.counts[inside, -periods:]))
                m = float(expected[inside, -periods:].sum())
                if c <= m or c < 2:
                    continue
                ratio = c * log(c / m) + ((total - c) * log((total - c) / (total - m)) if total > c else 0.0)
                if ratio > best[0]:
                    best = (ratio, {f"p{i}" for i in inside}, periods)
    return best


@pytest.mark.parametrize("method", ["permutation", "poisson"])
@pytest.mark.parametrize("seed", range(6))
def test_the_best_cylinder_is_that_of_a_search_by_hand(method: Method, seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.7, (9, 14))
    counts[2, -3:] += rng.poisson(3, 3)
    seen = observations(counts, seed)
    if method == "permutation":
        expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
        population = None
    else:
        population = rng.random(9) + 0.5
        expected = np.outer(population / population.sum(), np.full(14, 1 / 14)) * counts.sum()
    ratio, places, periods = best_by_hand(seen, expected, 0.5, 7)
    found = scan_clusters(seen, method, population=population, replicates=19).clusters[0]
    assert found.log_likelihood_ratio == pytest.approx(ratio, rel=1e-12)
    assert (set(found.places), found.last - found.first + 1, found.last) == (places, periods, 13)
    rows = [int(place[1:]) for place in found.places]
    assert found.observed == counts[rows, found.first :].sum()
    assert found.expected == pytest.approx(expected[rows, found.first :].sum(), rel=1e-12)


def test_secondary_clusters_share_no_place_and_fall_in_likelihood() -> None:
    counts = np.random.default_rng(4).poisson(1.0, (30, 20))
    counts[[3, 9, 20], -2:] += 6
    result = scan_clusters(observations(counts), replicates=199)
    assert len(result.clusters) > 2
    places = [place for found in result.clusters for place in found.places]
    assert len(places) == len(set(places))
    for a, b in pairwise(result.clusters):
        assert a.log_likelihood_ratio >= b.log_likelihood_ratio
        assert a.pvalue <= b.pvalue
    for found in result.clusters:
        higher = (result.maxima >= found.log_likelihood_ratio).sum()
        assert found.pvalue == (1 + higher) / 200
        assert found.recurrence == 1 / found.pvalue


def test_results_do_not_depend_on_the_number_of_workers() -> None:
    counts = np.random.default_rng(5).poisson(1.0, (15, 20)).astype(float)
    gaps = counts.copy()
    gaps[3, 15:18] = np.nan
    for values, method in ((counts, "permutation"), (gaps, "permutation"), (counts, "poisson")):
        one, three = (
            scan_clusters(observations(values), method, replicates=99, workers=workers)  # type: ignore[arg-type]
            for workers in (1, 3)
        )
        assert np.array_equal(one.maxima, three.maxima)
        assert one.clusters == three.clusters


def _seen_windows(table: Table, draws: int, kind: str) -> np.ndarray:
    """Return windows (R, P, D) drawn under the null, not yet summed over the periods."""
    place, column = (np.repeat(index.ravel(), table.counts.astype(int).ravel()) for index in np.indices((4, 6)))
    windows = np.zeros((draws, 4, table.durations))
    shuffle: Any = kernels._shuffle  # compiled for kernels only; its Python source draws the same
    scatter: Any = kernels._scatter
    strata = _strata(table, by_place=kind == "history")
    slots = np.sort((5 - column)[5 - column < table.durations])
    for r in range(draws):
        key = stream_key(1, "test", kind, r)
        if kind == "margins":
            shuffle.py_func(key, place.copy(), slots, windows[r])
        else:
            scatter.py_func(key, strata, windows[r])
    return windows


@pytest.mark.parametrize("kind", ["margins", "history", "population"])
def test_tables_drawn_under_the_null_have_its_mean_and_its_fixed_margins(kind: str) -> None:
    counts = np.random.default_rng(6).poisson(3.0, (4, 6)).astype(float)
    risk = np.outer([1.0, 2.0, 3.0, 4.0], np.ones(6)) if kind == "population" else None
    durations = 6 if kind == "history" else 3
    table = Table(counts, expected_cases(counts, kind, risk, list("abcd")), durations)
    windows = _seen_windows(table, 800, kind)
    expected = table.expected[:, ::-1][:, :durations]
    error = np.sqrt(expected.max() / 800)
    assert np.abs(windows.mean(axis=0) - expected).max() < 4.5 * error
    if kind == "margins":
        assert (windows.sum(axis=1) == counts.sum(axis=0)[::-1][:durations]).all()
    if kind == "history":
        assert (windows.sum(axis=2) == counts.sum(axis=1)).all()


def test_swaps_keep_margins_and_missing_cells() -> None:
    counts = np.random.default_rng(7).poisson(2.0, (5, 8))
    known = np.ones((5, 8), dtype=bool)
    known[1, 2:5] = False
    counts[~known] = 0
    place, ago = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices((5, 8)))
    before = ago.copy()
    kernels.swap_periods(stream_key(0, "test", "", 0), place, ago, known, 2000)
    after = np.zeros((5, 8), dtype=int)
    np.add.at(after, (place, ago), 1)
    assert not np.array_equal(ago, before)
    assert (after.sum(axis=0) == counts.sum(axis=0)).all()
    assert (after.sum(axis=1) == counts.sum(axis=1)).all()
    assert (after[~known] == 0).all()


def test_missing_cells_are_neither_cases_nor_time_at_risk() -> None:
    counts = np.array([[4.0, np.nan, 4.0, 4.0], [2.0, 2.0, 2.0, 2.0], [6.0, 6.0, np.nan, np.nan]])
    known = ~np.isnan(counts)
    names = list("abc")
    margins = expected_cases(counts, "margins", None, names)
    # The counts are place effect x period effect exactly: the fit over the known cells returns them.
    assert np.allclose(margins[known], counts[known], rtol=1e-9)
    assert (margins[~known] == 0).all()
    assert np.allclose(expected_cases(counts, "history", None, names)[known], counts[known])
    spread = expected_cases(counts, "population", np.ones((3, 4)), names)
    assert np.allclose(spread[known], 32 / 9)
    assert (spread[~known] == 0).all()


@pytest.mark.parametrize("case", ["permutation", "gaps", "history", "population"])
def test_false_alarms_are_as_rare_as_the_level_says(case: str) -> None:
    """Reject at p <= 0.1 in 300 null data sets; the bound is the 1e-4 binomial tail."""
    rng = np.random.default_rng(8)
    sets, level, rejected = 300, 0.1, 0
    for number in range(sets):
        season = rng.gamma(9.0, 1 / 9, 16) if case in ("permutation", "gaps") else np.ones(16)
        mean = np.outer(rng.gamma(4.0, 0.5, 12), season)
        counts = rng.poisson(mean).astype(float)
        if case == "gaps":
            counts[rng.random(counts.shape) < 0.15] = np.nan
        population = mean[:, 0] if case == "population" else None
        method: Method = "permutation" if case in ("permutation", "gaps") else "poisson"
        result = scan_clusters(observations(counts, number), method, population=population, replicates=19, seed=number)
        assert result.missing == np.isnan(counts).sum()
        rejected += result.clusters[0].pvalue <= level if result.clusters else 0
    tail = [sum(comb(sets, k) * level**k * (1 - level) ** (sets - k) for k in range(x, sets + 1)) for x in range(sets)]
    most = next(x for x in range(sets) if tail[x] < 1e-4)
    least = next(x for x in range(sets) if tail[x] < 1 - 1e-4)
    assert least <= rejected <= most


@pytest.mark.parametrize("method", ["permutation", "poisson"])
def test_a_planted_cluster_is_found_where_it_is(method: Method) -> None:
    counts = np.random.default_rng(9).poisson(1.5, (40, 30))
    seen = observations(counts)
    rows = seen.series.select("latitude", "longitude").rows()
    nearest = sorted(range(40), key=lambda i: distance_km(rows[0], rows[i]) if i else 0.0)[:5]
    counts[nearest, -3:] += np.random.default_rng(10).poisson(3.0, (5, 3))
    found = scan_clusters(observations(counts), method, replicates=199).clusters[0]
    assert found.pvalue == 1 / 200
    overlap = {f"p{i}" for i in nearest} & set(found.places)
    assert len(overlap) >= 4
    assert len(found.places) <= 7
    assert found.first == 27
    assert found.relative_risk is not None
    assert found.relative_risk > 2.0


def test_places_without_cases_are_not_named_where_they_add_nothing() -> None:
    counts = np.random.default_rng(13).poisson(1.0, (12, 20))
    counts[4, -2:] += 9
    counts[[1, 3, 5]] = 0
    line = {f"p{i}": (0.0, 0.1 * i + 0.001 * i * i) for i in range(12)}
    found = scan_clusters(observations(counts), coordinates=line, replicates=19).clusters[0]
    assert found.places == ("p4",)


def test_the_history_before_the_windows_leaves_out_what_was_excluded() -> None:
    counts = np.random.default_rng(11).poisson(1.0, (10, 20)).astype(float)
    history = counts.copy()
    history[:, 3:6] = np.nan
    history[0, -2] = np.nan
    result = scan_clusters(observations(counts, history=history), replicates=19, max_periods=4)
    assert result.missing == 30
    assert result.cases == np.nansum(history[:, :16]) + counts[:, 16:].sum()


def test_tables_have_their_columns_and_name_the_places() -> None:
    counts = np.random.default_rng(12).poisson(1.0, (12, 20))
    counts[4, -2:] += 9
    seen = observations(counts)
    result = scan_clusters(seen, replicates=99)
    row = result.table().row(0, named=True)
    assert row["steps"] is None
    assert row["places"] == len(row["members"].split("; "))
    assert (row["last_t"], str(row["last_date"])) == (20, str(seen.dates[-1]))  # type: ignore[index]
    members = result.members()
    TableDefinition.load("scan_members").validate(members, "members")
    assert members.filter(pl.col("cluster") == 1)["observed"].sum() == row["observed"]
    by_steps = scan_clusters(seen, neighbours=RING, replicates=99)
    assert by_steps.table()["radius_km"].is_null().all()
    assert by_steps.table()["steps"].is_not_null().all()
    assert by_steps.provenance["settings"]["replicates"] == 99


def test_circles_grow_by_distance_and_stop_at_the_bounds() -> None:
    latitude, longitude = np.zeros(4), np.array([0.0, 1.0, -1.0, 170.0])
    zones = circles(latitude, longitude, np.ones(4), max_share=0.75)
    degree = EARTH_RADIUS_KM * np.pi / 180
    first = slice(zones.start[0], zones.start[1])
    assert zones.member[first].tolist() == [0, 1, 2]
    # Two places at one distance enter together.
    assert zones.closes[first].tolist() == [1, 0, 1]
    assert np.allclose(zones.distance[first], [0.0, degree, degree])
    across = circles(np.zeros(2), np.array([179.5, -179.5]), np.ones(2), max_share=1.0)
    assert np.allclose(across.distance, [0.0, degree, 0.0, degree])
    assert circles(latitude, longitude, np.ones(4), max_radius_km=100.0).number == 4
    assert circles(latitude, longitude, np.array([9.0, 1.0, 1.0, 1.0]), max_radius_km=1.0).number == 3


def test_neighbourhoods_grow_by_steps() -> None:
    zones = neighbourhoods(list("abcde"), [("a", "b"), ("c", "b"), ("c", "d")], np.ones(5), max_share=0.8)
    rows = [zones.member[low:high].tolist() for low, high in pairwise(zones.start)]
    assert rows == [[0, 1, 2, 3], [1, 0, 2, 3], [2, 1, 3, 0], [3, 2, 1, 0], [4]]
    assert zones.closes[4:8].tolist() == [1, 0, 1, 1]
    assert zones.distance[:4].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "posson"}, "Did you mean 'poisson'"),
        ({"replicates": 9}, "no p-value reaches 0.05"),
        ({"min_cases": 0}, "min_cases is 0"),
        ({"max_share": 0.0}, "largest share is 0.0"),
        ({"max_radius_km": -1.0}, "largest radius is -1.0 km"),
        ({"max_periods": 21}, "choose 1 to 20"),
        ({"first": 20}, "two periods or more"),
        ({"last": 21}, "within t=1 to 20"),
        ({"population": np.ones(12)}, "uses no population"),
        ({"neighbours": RING, "max_radius_km": 5.0}, "means nothing between neighbours"),
        ({"neighbours": [("p0", "q1")]}, "no series of the counts"),
        ({"neighbours": [("p0", "p0")]}, "own neighbour"),
        ({"coordinates": {"p0": (1.0, 2.0)}}, "'p1' has no coordinates"),
        ({"coordinates": {f"p{i}": (91.0, 0.0) for i in range(12)}}, "latitude 91.0"),
        ({"method": "poisson", "population": {"p0": 1.0}}, "'p1' has no population"),
        ({"method": "poisson", "population": np.ones(3)}, "has shape (3,)"),
        ({"method": "poisson", "population": np.zeros(12)}, "cases where its population is 0"),
        ({"method": "poisson", "population": np.full(12, np.nan)}, "has a count but the population nan"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        scan_clusters(observations(np.ones((12, 20))), **change)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (np.full((3, 6), 1.5), "whole numbers >= 0"),
        (np.full((3, 6), -1.0), "whole numbers >= 0"),
        (np.zeros((3, 6)), "holds no case"),
        (np.ones((1, 6)), "fewer than two series"),
    ],
)
def test_counts_that_cannot_be_scanned_are_refused(counts: np.ndarray, message: str) -> None:
    with pytest.raises(InputError) as error:
        scan_clusters(observations(counts))
    assert message in str(error.value)


def test_places_without_coordinates_are_refused() -> None:
    seen = observations(np.ones((3, 6)))
    bare = Observations(seen.series.select("series"), seen.t, seen.counts, seen.history)
    with pytest.raises(InputError, match="no coordinates"):
        scan_clusters(bare)
