"""How good forecasts are: on simulated counts, and on admissions with influenza in the United States.

``python -m benchmarks.forecast simulated`` and ``python -m benchmarks.forecast flusight [--every 4]``. The target data
of FluSight (``data/surveillance/flusight_target_hospital_admissions.csv``) are looked for in the folder that
`MAMORI_SHARED` names. They are final: what was known at the time differed in the last weeks.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.data.adapters.hubverse import Forecasts
from mamori.inference.forecast import (
    Autoregressive,
    Baseline,
    Method,
    Renewal,
    combine_forecasts,
    forecast_counts,
    join_forecasts,
)
from mamori.inference.scoring import score_forecasts
from mamori.inference.serial_interval import SerialInterval

HORIZON = 4
DRAWS = 1000
FIRST = np.datetime64("2023-10-01")
SEASON = (10, 11, 12, 1, 2, 3, 4, 5)
"""Months of origin dates: those in which the hub collects forecasts."""
INFLUENZA = SerialInterval(mean=2.8, sd=1.5)
"""Seasonal influenza: the mean of H1N1pdm09 in Vink et al. 2014 (H3N2: 2.2 days); the SD is assumed."""
EPIDEMICS = 200
DAYS = 120

Floats = NDArray[np.float64]


def forecast_all(observations: Observations, methods: Sequence[Method], horizon: int, seed: int = 0) -> Forecasts:
    """Return the forecasts of `methods` and of two ensembles of them."""
    single = forecast_counts(observations, methods, horizon, draws=DRAWS, seed=seed)
    ensembles = [combine_forecasts(single, how, f"ensemble ({how})") for how in ("median", "linear-pool")]
    return join_forecasts([single, *ensembles])


def flusight(every: int) -> None:
    """Print skill and coverage by horizon, with a forecast of every jurisdiction on every so many weeks."""
    path = (
        Path(os.environ.get("MAMORI_SHARED", "../shared")) / "data/surveillance/flusight_target_hospital_admissions.csv"
    )
    if not path.is_file():
        raise InputError(f"the target data of FluSight are not at {path}. Set MAMORI_SHARED to the folder above data")
    long = pl.read_csv(path, schema_overrides={"location": pl.String, "value": pl.Float64}, try_parse_dates=True,
                       null_values="NA").select("location", "date", "value")  # fmt: skip
    wide = long.pivot(on="location", index="date", values="value").sort("date")
    dates = wide["date"].to_numpy().astype("datetime64[D]")
    counts = np.ascontiguousarray(wide.drop("date").to_numpy().T, dtype=np.float64)
    names = pl.DataFrame({"series": wide.columns[1:]})
    months = dates.astype("datetime64[M]").astype(int) % 12 + 1
    origins = [i for i in range(len(dates) - HORIZON) if dates[i] >= FIRST and months[i] in SEASON][::every]
    parts = []
    for i in origins:
        known = counts[:, : i + 1]
        seen = Observations(names, np.arange(1, i + 2), known, known, dates=dates[: i + 1], frequency=52)
        parts.append(forecast_all(seen, [Baseline(), Autoregressive(), Renewal(INFLUENZA)], HORIZON))
    truth = long.select("location", pl.col("date").alias("target_end_date"), pl.col("value").alias("observed"))
    print(f"{len(origins)} origins, {dates[origins[0]]} to {dates[origins[-1]]}, {len(counts)} jurisdictions")
    report(join_forecasts(parts), truth)


def simulate(draw: int) -> Floats:
    """Return reported cases (DAYS,) of an epidemic by the renewal equation, of which R goes up and down.

    log R is a cosine of 60 to 150 days and of height 0.05 to 0.25 with a random phase, plus a mean-reverting walk; a
    day's cases are negative binomial of size 20 and infect in turn, a third is reported by chance.
    """
    rng = np.random.default_rng(draw)
    weights = INFLUENZA.complete()
    wave = rng.uniform(0.05, 0.25) * np.cos(2.0 * np.pi * (np.arange(DAYS) / rng.uniform(60, 150) + rng.uniform()))
    noise = np.zeros(DAYS)
    for t in range(1, DAYS):
        noise[t] = 0.95 * noise[t - 1] + rng.normal(0.0, 0.02)
    lead = len(weights)
    cases = np.concatenate([np.full(lead, 300.0), np.zeros(DAYS)])
    for t in range(DAYS):
        pressure = float(weights[1:] @ cases[lead + t - 1 : t : -1])
        mean = min(float(np.exp(wave[t] + noise[t])) * pressure, 1e7)
        cases[lead + t] = rng.poisson(mean * rng.gamma(20.0, 1.0 / 20.0))
    return rng.binomial(cases[lead:].astype(np.int64), 1.0 / 3.0).astype(np.float64)


def simulated() -> None:
    """Print skill and coverage by horizon on simulated epidemics, from two origins each."""
    counts = np.stack([simulate(draw) for draw in range(EPIDEMICS)])
    dates = np.datetime64("2024-01-01") + np.arange(DAYS)
    names = pl.DataFrame({"series": [f"{draw}" for draw in range(EPIDEMICS)]})
    parts = []
    for known in (DAYS - 50, DAYS - 20):
        first = counts[:, :known]
        seen = Observations(names, np.arange(1, known + 1), first, first, dates=dates[:known], frequency=365)
        parts.append(forecast_all(seen, [Baseline(), Autoregressive(), Renewal(INFLUENZA)], 14))
    truth = pl.DataFrame(
        {
            "location": np.repeat(names["series"].to_numpy(), DAYS),
            "target_end_date": np.tile(dates, EPIDEMICS),
            "observed": counts.ravel(),
        }
    )
    print(f"{EPIDEMICS} simulated epidemics, 2 origins each, days ahead; {int(counts.mean())} cases a day in the mean")
    report(join_forecasts(parts), truth, (1, 3, 7, 14))


def report(forecasts: Forecasts, truth: pl.DataFrame, horizons: Sequence[int] = (1, 2, 3, 4)) -> None:
    """Print relative skill on both scales, coverage and bias, by model and horizon."""
    natural, logs = (score_forecasts(forecasts, truth, log=log).summary(["model", "horizon"], "baseline")
                     for log in (False, True))  # fmt: skip
    joined = natural.join(logs.select("model", "horizon", log_skill="scaled_relative_skill"), on=["model", "horizon"])
    header = ("model", "ahead", "n", "WIS", "rel. WIS", "rel. log WIS", "50 %", "90 %", "bias")
    print(" | ".join(header))
    for row in joined.filter(pl.col("horizon").is_in(horizons)).iter_rows(named=True):
        cells = [
            f"{row[name]:.2f}" for name in ("scaled_relative_skill", "log_skill", "coverage_50", "coverage_90", "bias")
        ]
        print(" | ".join([row["model"], str(row["horizon"]), str(row["forecasts"]), f"{row['wis']:.3g}", *cells]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("simulated", "flusight"))
    parser.add_argument("--every", type=int, default=4, help="weeks between origins (flusight)")
    given = parser.parse_args(arguments)
    if given.job == "simulated":
        simulated()
    else:
        flusight(given.every)


if __name__ == "__main__":
    main()
