"""Find outbreaks in weekly counts: a file of your own in, alarms and the reasons for silence out."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

import mamori


def weekly_counts() -> pl.DataFrame:
    """Return six years of weekly counts of three districts; the north has an outbreak in the last two weeks."""
    rng = np.random.default_rng(7)
    weeks = np.datetime64("2019-01-07", "D") + 7 * np.arange(6 * 52)
    season = np.exp(0.5 * np.cos(2 * np.pi * np.arange(len(weeks)) / 52.18))
    counts = {name: rng.poisson(mean * season) for name, mean in (("north", 6), ("centre", 20), ("south", 0.5))}
    counts["north"][-2:] += [9, 14]
    return pl.concat(
        pl.DataFrame({"date": weeks, "series": [name] * len(weeks), "count": values}) for name, values in counts.items()
    )


def main() -> None:
    """Write the counts as a user would hold them, read them, and judge the last ten weeks."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "counts.csv"
        weekly_counts().write_csv(path)
        observations = mamori.read_observations(path)
    last = int(observations.t[-1])
    for method in ("mamori", "farrington-flexible", "ears"):
        alerts = mamori.detect_outbreaks(observations, method, first=last - 9)
        alarms = alerts.table().filter(pl.col("alarm")).select("series", "date", "observed", "expected", "upperbound")
        print(f"{method}: {alarms.height} alarms, not judged: {alerts.reasons()}")
        print(alarms)


if __name__ == "__main__":
    main()
