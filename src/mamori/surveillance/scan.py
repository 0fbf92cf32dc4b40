"""Prospective space-time scan: is there a place and a stretch of time up to now with more cases than elsewhere?

Every cylinder (zone of places x the last 1, 2, ... periods) is compared with the rest of the study. The chance of
the best one is its rank among the best ones of random tables drawn under the null (Kulldorff 2001, 2005).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from mamori.core.contracts import Observations
from mamori.core.errors import InputError, did_you_mean
from mamori.core.executor import run_chunks
from mamori.core.provenance import provenance
from mamori.core.rng import stream_key
from mamori.surveillance import _scan as kernels
from mamori.surveillance.scan_null import Table, expected_cases, null_maxima
from mamori.surveillance.zones import Zones, circles, neighbourhoods

if TYPE_CHECKING:
    import polars as pl

Method = Literal["permutation", "poisson"]
METHODS: tuple[Method, ...] = get_args(Method)

FEWEST_REPLICATES = 19
"""With fewer no p-value reaches 0.05."""
CHUNK = 16
"""Replicates that one thread draws at a time."""
TIE = 1e-9
"""A replicate whose ratio is lower by less than this share counts as equal: rounding must not lower a p-value."""


@dataclass(frozen=True)
class Cluster:
    """A cylinder with more cases than expected: `places` around `centre` in the columns `first` to `last`.

    `distance` is that of the farthest place: km, or steps between neighbours. `relative_risk` is the risk inside
    divided by that outside, None when no case lies outside. `recurrence` is 1 / p: when the scan is run every
    period, so many periods pass on average until chance alone gives such a cluster.
    """

    centre: str
    places: tuple[str, ...]
    distance: float
    first: int
    last: int
    observed: int
    expected: float
    relative_risk: float | None
    log_likelihood_ratio: float
    pvalue: float

    @property
    def recurrence(self) -> float:
        """Recurrence interval in periods of the data."""
        return 1.0 / self.pvalue


@dataclass(frozen=True, eq=False)
class ClusterScan:
    """What a scan found: `clusters` that share no place, the most likely first.

    `baseline` names what the expected cases come from (margins, history or population). `maxima` (R,) are the
    largest ratios of the replicates. Of the study's cells `missing` held no count and were left out.
    """

    observations: Observations
    clusters: tuple[Cluster, ...]
    baseline: str
    unit: Literal["km", "steps"]
    maxima: np.ndarray
    cases: int
    missing: int
    zones: int
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]

    def table(self) -> "pl.DataFrame":
        """Return a row per cluster with the columns of the table ``scan_clusters``."""
        import polars as pl

        from mamori.core.tables import TableDefinition

        rows = [self._row(number, found) for number, found in enumerate(self.clusters, start=1)]
        definition = TableDefinition.load("scan_clusters")
        return definition.validate(pl.DataFrame(rows, schema=list(definition.attributes), orient="row"), "the clusters")

    def members(self) -> "pl.DataFrame":
        """Return a row per cluster and place: cluster, series, observed (columns: table ``scan_members``)."""
        import polars as pl

        index = {name: row for row, name in enumerate(self.observations.names)}
        rows = []
        for number, found in enumerate(self.clusters, start=1):
            for place in found.places:
                counts = self.observations.counts[index[place], found.first : found.last + 1]
                rows.append((number, place, int(np.nansum(counts))))
        schema = {"cluster": pl.Int64, "series": pl.String, "observed": pl.Int64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _row(self, number: int, found: Cluster) -> tuple[Any, ...]:
        seen = self.observations
        dates = (None, None) if seen.dates is None else (seen.dates[found.first], seen.dates[found.last])
        return (
            number,
            found.pvalue,
            found.recurrence,
            found.centre,
            len(found.places),
            "; ".join(found.places),
            found.distance if self.unit == "km" else None,
            int(found.distance) if self.unit == "steps" else None,
            int(seen.t[found.first]),
            int(seen.t[found.last]),
            *(None if day is None else day.item() for day in dates),
            found.observed,
            found.expected,
            found.relative_risk,
            found.log_likelihood_ratio,
        )


def scan_clusters(
    observations: Observations,
    method: Method = "permutation",
    *,
    coordinates: Mapping[str, tuple[float, float]] | None = None,
    neighbours: Iterable[tuple[str, str]] | None = None,
    population: Mapping[str, float] | np.ndarray | None = None,
    max_share: float = 0.5,
    max_radius_km: float | None = None,
    max_periods: int | None = None,
    min_cases: int = 2,
    replicates: int = 999,
    max_clusters: int = 10,
    seed: int = 0,
    first: int | None = None,
    last: int | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> ClusterScan:
    """Look for clusters that last until the period `last`, each series of `observations` being a place.

    The study runs from `first` to `last` (values of t; all when not given). Windows are circles around each place:
    `coordinates` by series (latitude, longitude in degrees), else the columns of ``observations.series``; or they
    grow over `neighbours` (pairs of series). They hold at most `max_share` of what is expected in the whole study
    (and reach `max_radius_km`) and last 1 to `max_periods` periods (half of the study when not given).

    `permutation` takes nothing but the cases: expected is (cases of the place) x (cases of the period) / (all), the
    null exchanges the periods of the cases. `poisson` expects cases in proportion to `population` (by series, or an
    array (S,) or (S, T); expected counts serve as well), else to ``observations.denominator``, and the null spreads
    all cases so; with neither, each place's own cases are spread evenly over its own periods.

    A missing count is neither case nor population-time. Periods before the windows are read from the history, which
    leaves out what the user excluded. The same seed gives the same result for any number of `workers`.

    Raises `InputError` for settings and data that cannot be scanned. Sources: Kulldorff 2001, J R Stat Soc A 164:61;
    Kulldorff et al. 2005, PLoS Med 2:e59.
    """
    _check_settings(method, replicates, min_cases, max_clusters, population, neighbours, max_radius_km)
    columns = _columns(observations.t, first, last)
    durations = _durations(len(columns), max_periods)
    counts = _counts(observations, columns, durations)
    baseline, risk = _baseline(observations, method, population, columns)
    table = Table(counts, expected_cases(counts, baseline, risk, observations.names), durations)
    zones = _zones(observations, table.expected.sum(axis=1), coordinates, neighbours, max_share, max_radius_km)
    search = kernels.Search(
        zones.start, zones.member, zones.closes, table.window(table.expected), float(table.cases), float(min_cases)
    )
    settings = {
        "method": method,
        "first": int(observations.t[columns[0]]),
        "last": int(observations.t[columns[-1]]),
        "max_share": max_share,
        "max_radius_km": max_radius_km,
        "max_periods": durations,
        "min_cases": min_cases,
        "replicates": replicates,
        "seed": seed,
    }
    keys = np.array([stream_key(seed, "scan", method, replicate) for replicate in range(replicates)])
    maxima = _maxima(null_maxima(table, baseline, search, seed), keys, workers, progress)
    clusters = _clusters(observations.names, table, zones, search, columns, maxima, max_clusters)
    return ClusterScan(
        observations=observations,
        clusters=clusters,
        baseline=baseline,
        unit="km" if neighbours is None else "steps",
        maxima=maxima,
        cases=table.cases,
        missing=int(np.isnan(counts).sum()),
        zones=zones.number,
        settings=settings,
        provenance=provenance(settings=settings) | {"settings": settings},
    )


def _maxima(
    draw: Callable[[np.ndarray], np.ndarray],
    keys: np.ndarray,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> np.ndarray:
    """Return the largest ratio (R,) of the table drawn for each key."""
    maxima = np.empty(len(keys))
    chunks = [slice(start, start + CHUNK) for start in range(0, len(keys), CHUNK)]

    def one(chunk: slice) -> np.ndarray:
        return draw(keys[chunk])

    for index, part in run_chunks(one, chunks, workers=workers, progress=progress):
        maxima[chunks[index]] = part
    return maxima


def compile_kernels() -> None:
    """Load the compiled kernels of the scan, or compile them: a tiny scan by each method."""
    import polars as pl

    frame = pl.DataFrame({"series": ["a", "b"]})
    cases: list[tuple[Method, float]] = [("permutation", 1.0), ("permutation", np.nan), ("poisson", 1.0)]
    for method, count in cases:
        counts = np.array([[count, 1.0, 1.0], [1.0, 1.0, 2.0]])
        tiny = Observations(frame, np.arange(1, 4), counts, counts)
        scan_clusters(tiny, method, neighbours=[("a", "b")], replicates=FEWEST_REPLICATES)


def _clusters(
    names: list[str],
    table: Table,
    zones: Zones,
    search: kernels.Search,
    columns: np.ndarray,
    maxima: np.ndarray,
    most: int,
) -> tuple[Cluster, ...]:
    """Return the most likely cylinder, then the most likely that shares no place with those before, and so on.

    Each has its rank among the largest ratios of the replicates: for those after the first that is conservative.
    The list ends before one that every replicate exceeds.
    """
    window = table.window(np.nan_to_num(table.counts))
    blocked = np.zeros(len(names), dtype=bool)
    found: list[Cluster] = []
    while len(found) < most:
        ratio, centre, position, periods = kernels.most_likely(window, search, blocked)
        pvalue = float(1 + (maxima >= ratio * (1.0 - TIE)).sum()) / (len(maxima) + 1)
        if centre < 0 or (found and pvalue == 1.0):
            break
        inside = zones.member[zones.start[centre] : position + 1]
        observed = float(window[inside, periods - 1].sum())
        expected = float(search.expected[inside, periods - 1].sum())
        outside = table.cases - observed
        found.append(
            Cluster(
                centre=names[centre],
                places=tuple(names[place] for place in inside),
                distance=float(zones.distance[position]),
                first=int(columns[-1]) - periods + 1,
                last=int(columns[-1]),
                observed=int(observed),
                expected=expected,
                relative_risk=(observed / expected) / (outside / (table.cases - expected)) if outside else None,
                log_likelihood_ratio=float(ratio),
                pvalue=pvalue,
            )
        )
        blocked[inside] = True
    return tuple(found)


def _check_settings(
    method: str,
    replicates: int,
    min_cases: int,
    max_clusters: int,
    population: object,
    neighbours: object,
    max_radius_km: float | None,
) -> None:
    if method not in METHODS:
        raise InputError(
            f"method '{method}' is not known.{did_you_mean(method, METHODS)} Methods: {', '.join(METHODS)}"
        )
    if replicates < FEWEST_REPLICATES:
        raise InputError(
            f"replicates is {replicates}; with fewer than {FEWEST_REPLICATES} no p-value reaches 0.05. Take 999"
        )
    for name, value in (("min_cases", min_cases), ("max_clusters", max_clusters)):
        if value < 1:
            raise InputError(f"{name} is {value}; it must be >= 1")
    if method == "permutation" and population is not None:
        raise InputError("the permutation method uses no population. Leave it out, or choose poisson")
    if neighbours is not None and max_radius_km is not None:
        raise InputError("a largest radius means nothing between neighbours. Leave one of the two out")


def _columns(t: np.ndarray, first: int | None, last: int | None) -> np.ndarray:
    """Return the columns of the study."""
    if not len(t):
        raise InputError("the counts hold no period. Give at least one row")
    low, high = int(t[0]), int(t[-1])
    start, end = low if first is None else first, high if last is None else last
    if not low <= start < end <= high:
        raise InputError(
            f"the study runs from t={start} to {end}; it needs two periods or more within t={low} to {high}. "
            "Choose within"
        )
    return np.arange(start - low, end - low + 1)


def _durations(periods: int, most: int | None) -> int:
    if most is None:
        return periods // 2
    if not 1 <= most <= periods:
        raise InputError(f"a cluster may last {most} periods at most; choose 1 to {periods}, the length of the study")
    return most


def _counts(observations: Observations, columns: np.ndarray, durations: int) -> np.ndarray:
    """Return the cases of the study (P, T), NaN where missing: history before the windows, counts within."""
    counts = observations.history[:, columns].copy()
    counts[:, -durations:] = observations.counts[:, columns[-durations:]]
    if counts.shape[0] < 2:
        raise InputError("a scan compares places; the counts hold fewer than two series. Add the other places")
    broken = (counts < 0.0) | (counts != np.floor(counts)) & ~np.isnan(counts)
    if broken.any():
        row, column = np.argwhere(broken)[0]
        raise InputError(
            f"series '{observations.names[row]}' holds {counts[row, column]} at t={observations.t[columns[column]]}; "
            "a scan counts cases, whole numbers >= 0. Give counts, not rates"
        )
    if not np.nansum(counts) > 0.0:
        raise InputError("the study holds no case. Choose a longer one")
    return counts


def _baseline(
    observations: Observations, method: Method, population: Mapping[str, float] | np.ndarray | None, columns: np.ndarray
) -> tuple[str, np.ndarray | None]:
    """Return where expected cases come from, and what they are in proportion to (P, T)."""
    if method == "permutation":
        return "margins", None
    given = population if population is not None else observations.denominator
    if given is None:
        return "history", None
    names = observations.names
    if isinstance(given, Mapping):
        for name in names:
            if name not in given:
                raise InputError(f"series '{name}' has no population.{did_you_mean(name, given)} Add it")
        given = np.array([given[name] for name in names], dtype=float)
    shape = observations.counts.shape
    if given.shape not in (shape, shape[:1]):
        raise InputError(f"the population has shape {given.shape}; give one for each series, or {shape}")
    return "population", np.broadcast_to(given.T, shape[::-1]).T[:, columns].astype(float)


def _zones(
    observations: Observations,
    weight: np.ndarray,
    coordinates: Mapping[str, tuple[float, float]] | None,
    neighbours: Iterable[tuple[str, str]] | None,
    max_share: float,
    max_radius_km: float | None,
) -> Zones:
    if neighbours is not None:
        return neighbourhoods(observations.names, neighbours, weight, max_share=max_share)
    latitude, longitude = _coordinates(observations, coordinates)
    return circles(latitude, longitude, weight, max_share=max_share, max_radius_km=max_radius_km)


def _coordinates(
    observations: Observations, given: Mapping[str, tuple[float, float]] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return latitude and longitude (P,) of the series."""
    names = observations.names
    if given is None:
        if not {"latitude", "longitude"} <= set(observations.series.columns):
            raise InputError(
                "the places have no coordinates. Give them, or neighbours, or the columns latitude and longitude"
            )
        rows = observations.series.select("series", "latitude", "longitude").drop_nulls().iter_rows()
        given = {name: (latitude, longitude) for name, latitude, longitude in rows}
    for name in names:
        if name not in given:
            raise InputError(f"series '{name}' has no coordinates.{did_you_mean(name, given)} Add them")
        latitude, longitude = given[name]
        if not (abs(latitude) <= 90.0 and abs(longitude) <= 360.0):
            raise InputError(
                f"series '{name}' has latitude {latitude} and longitude {longitude}; "
                "they must be degrees within 90 and 360. Correct them"
            )
    places = np.array([given[name] for name in names], dtype=float)
    return places[:, 0], places[:, 1]
