"""What a simulation returns: daily and by-age tables, a summary, and what it was made from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mamori.core.ages import AGE_GROUPS

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

METRICS = (
    "infections",
    "imports",
    "hospital_need",
    "ward_demand",
    "ward_occupied",
    "ward_beds",
    "icu_demand",
    "icu_occupied",
    "icu_beds",
    "refused",
    "deaths",
    "first_doses",
    "booster_doses",
    "infectious",
)
"""The daily series: those of the engine's flows, and the beds free for the outbreak."""
AGE_METRICS = ("infections", "deaths", "first_doses", "booster_doses")
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
QUANTILES = ("q05", "q25", "q50", "q75", "q95")
ALL_PLACES = "ALL"
"""Code of the sum over the places in summaries."""


@dataclass(frozen=True)
class Simulation:
    """The result of `simulate`.

    `daily` holds one array (D, P, days) for each of `METRICS`; day 0 is the first day. `ages` holds one array
    (D, P, 17) for each of `AGE_METRICS`, sums over the run. `provenance` names the program, the data and
    every setting.
    """

    codes: tuple[str, ...]
    daily: Mapping[str, NDArray[np.float32]]
    ages: Mapping[str, NDArray[np.float64]]
    population: NDArray[np.float64]
    provenance: Mapping[str, Any]

    @property
    def draws(self) -> int:
        """Number of draws."""
        return int(self.daily["infections"].shape[0])

    @property
    def days(self) -> int:
        """Number of days."""
        return int(self.daily["infections"].shape[2])

    def table(self, *, per_draw: bool = False) -> pl.DataFrame:
        """Return the daily series, tidy: code, day, metric, mean and quantiles over draws.

        With `per_draw`, instead: code, draw, day and a column for each metric. Columns: the table definitions
        ``simulation_daily`` and ``simulation_draws``.
        """
        import polars as pl

        if per_draw:
            series = {name: self.daily[name].transpose(1, 0, 2).ravel() for name in METRICS}
            index = _index(self.codes, draw=self.draws, day=self.days)
            return index.hstack(_unlimited_as_missing(pl.DataFrame(series)))
        frames = [
            _index(self.codes, day=self.days)
            .with_columns(pl.lit(name).alias("metric"))
            .hstack(_quantiles(self.daily[name]))
            for name in METRICS
        ]
        order = {name: number for number, name in enumerate(METRICS)}
        return (
            pl.concat(frames)
            .with_columns(pl.col("metric").replace_strict(order).alias("order"))
            .sort("code", "order", "day")
            .drop("order")
            .select("code", "day", "metric", "mean", *QUANTILES)
        )

    def by_age(self) -> pl.DataFrame:
        """Return sums over the run by age: code, age_group, metric, population, mean, quantiles over draws.

        Columns: the table definition ``simulation_ages``.
        """
        import polars as pl

        index = _index(self.codes, age_group=len(AGE_GROUPS)).with_columns(
            pl.Series("age_group", AGE_GROUPS * len(self.codes)),
            pl.Series("population", self.population.ravel()),
        )
        frames = [
            index.with_columns(pl.lit(name).alias("metric")).hstack(_quantiles(self.ages[name])) for name in AGE_METRICS
        ]
        columns = ("code", "age_group", "metric", "population", "mean", *QUANTILES)
        return pl.concat(frames).select(columns)

    def summary(self) -> pl.DataFrame:
        """Return totals and peaks: code ("ALL" for all places together), metric, mean, quantiles over draws.

        Metrics: infections, deaths, first_doses and bed_days_refused over the run; peak_ward_demand and
        peak_icu_demand, the most people at once in need of a bed; ward_beds and icu_beds, the beds free for
        the outbreak on that day. Columns: the table definition ``simulation_summary``.
        """
        import polars as pl

        places = list(range(len(self.codes)))
        groups = [(code, [place]) for code, place in zip(self.codes, places, strict=True)]
        if len(places) > 1:
            groups.insert(0, (ALL_PLACES, places))
        frames = []
        for code, members in groups:
            values = self._totals(members)
            frames.append(
                pl.DataFrame({"code": [code] * len(values), "metric": list(values)}).hstack(
                    _quantiles(np.stack(list(values.values()), axis=1))
                )
            )
        return pl.concat(frames)

    def _totals(self, members: list[int]) -> dict[str, NDArray[np.float64]]:
        """Return each metric of the summary for the sum of some places, (D,)."""
        daily = {name: self.daily[name][:, members].sum(axis=1, dtype=np.float64) for name in METRICS}
        totals = {name: self.ages[name][:, members].sum(axis=(1, 2)) for name in AGE_METRICS[:3]}
        totals["bed_days_refused"] = (
            daily["ward_demand"] - daily["ward_occupied"] + daily["icu_demand"] - daily["icu_occupied"]
        ).sum(axis=1)
        for kind in ("ward", "icu"):
            demand = daily[f"{kind}_demand"]
            peak = demand.argmax(axis=1)[:, None]
            totals[f"peak_{kind}_demand"] = np.take_along_axis(demand, peak, axis=1)[:, 0]
            totals[f"{kind}_beds"] = np.take_along_axis(daily[f"{kind}_beds"], peak, axis=1)[:, 0]
        return totals


def _index(codes: tuple[str, ...], **sizes: int) -> pl.DataFrame:
    """Return the index columns of arrays with the axes (place, *sizes), flattened."""
    import polars as pl

    shape = (len(codes), *sizes.values())
    grids = np.indices(shape, dtype=np.int32).reshape(len(shape), -1)
    columns = dict(zip(sizes, grids[1:], strict=True))
    return pl.DataFrame({"code": np.array(codes)[grids[0]].tolist(), **columns})


def _quantiles(values: NDArray[Any]) -> pl.DataFrame:
    """Return mean and quantiles over the first axis, the others flattened."""
    import polars as pl

    flat = values.reshape(len(values), -1).astype(np.float64)
    with np.errstate(invalid="ignore"):  # beds without a limit cannot be interpolated
        quantiles = np.quantile(flat, PROBABILITIES, axis=0)
    table = pl.DataFrame({"mean": flat.mean(axis=0), **dict(zip(QUANTILES, quantiles, strict=True))})
    return _unlimited_as_missing(table)


def _unlimited_as_missing(table: pl.DataFrame) -> pl.DataFrame:
    """Return `table` in double precision, with nothing where beds have no limit."""
    import polars as pl

    numbers = pl.all().cast(pl.Float64)
    return table.select(pl.when(numbers.is_finite()).then(numbers))


def jsonable(value: Any) -> Any:
    """Return `value` made of what JSON holds; infinity becomes "inf"."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return "inf" if isinstance(value, float) and math.isinf(value) else value
