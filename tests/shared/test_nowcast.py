"""Nowcasts of the EHEC/HUS outbreak of 2011 against the reference, and real vintages against what came."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mamori.core.contracts import Triangle
from mamori.data.adapters.triangle import TriangleRules, read_triangle
from mamori.inference._nowcast_rows import Rows, cumulative_share
from mamori.inference.nowcast import CELL_PRIOR, Method, nowcast
from mamori.inference.scoring import HUB_LEVELS, weighted_interval_score

pytestmark = [pytest.mark.shared, pytest.mark.quick]

SUPPORT = 400
"""The reference cuts the distribution of a count there; draws above it are left out for the comparison."""


@pytest.fixture(scope="module")
def hus(shared: Path) -> Triangle:
    path = shared / "reference/surveillance/nowcast/husO104_linelist.csv"
    return read_triangle(path, columns={"reference": "dHosp", "report": "dReport"})


def cases(shared: Path, method: str) -> list[dict[str, Any]]:
    index = json.loads((shared / "reference/surveillance/nowcast/index.json").read_text())
    return [case for case in index if case["method"] == method]


def as_of(triangle: Triangle, now: str) -> Triangle:
    dates = np.asarray(triangle.dates)
    return triangle.as_of(int(triangle.t[np.flatnonzero(dates == np.datetime64(date.fromisoformat(now)))[0]]))


def read(shared: Path, case: dict[str, Any], what: str) -> pl.DataFrame:
    return pl.read_csv(shared / "reference/surveillance" / case[what], infer_schema_length=None)


def test_the_reporting_delay_is_that_of_lawless(shared: Path, hus: Triangle) -> None:
    for case in cases(shared, "lawless"):
        rows = Rows.of(as_of(hus, case["now"]).reported[0], case["D"])
        share = cumulative_share(*rows.growth(None))
        want = read(shared, case, "delay_cdf")["cdf"].to_numpy()
        assert np.abs(share - want[: len(share)]).max() < 1e-12
        table = read(shared, case, "output").filter(pl.col("reported_by_now") > 0).tail(-1)
        known = rows.latest[-len(read(shared, case, "output")) :]
        ages = rows.age[-len(known) :]
        ratio = (known / share[ages])[known > 0][1:]
        inside = ratio < SUPPORT
        point = table["nowcast_point"].to_numpy()
        assert (np.abs(ratio - point)[inside] <= np.maximum(2.0, 0.05 * point[inside])).all()


def test_the_truncated_model_gives_the_reference(shared: Path, hus: Triangle) -> None:
    for case in cases(shared, "bayes.trunc"):
        part = as_of(hus, case["now"])
        new, known = Rows.of(part.reported[0], case["D"]).growth(None)
        delays = np.arange(case["D"] + 1)
        stay = (CELL_PRIOR * delays + known - new) / (CELL_PRIOR * (delays + 1) + known)
        mean_share = np.append(np.cumprod(stay[:0:-1])[::-1], 1.0)
        want = read(shared, case, "delay_cdf")["cdf"].to_numpy()
        assert mean_share == pytest.approx(want[: len(mean_share)], rel=1e-12)
        cast = nowcast(part, "truncated", max_delay=case["D"], prior=(50.0, 3000.0), draws=20000)
        table = read(shared, case, "output").tail(len(cast.columns))
        for row, draws in zip(table.iter_rows(named=True), cast.draws[0], strict=True):
            drawn = draws[draws <= SUPPORT]
            assert drawn.mean() == pytest.approx(row["pred_mean"], rel=0.03)
            for level, name in ((0.025, "q025"), (0.25, "q25"), (0.5, "q50"), (0.75, "q75"), (0.975, "q975")):
                quantile = np.quantile(drawn, level, method="inverted_cdf")
                assert abs(quantile - row[name]) <= max(2.0, 0.05 * row[name])


def scored(triangle: Triangle, last: range, longest: int) -> dict[Method, tuple[float, float]]:
    """Return the share within the 90 % interval and the mean weighted interval score of each method."""
    final = triangle.latest()
    methods: tuple[Method, ...] = ("smooth", "chain-ladder")
    held: dict[Method, list[np.ndarray]] = {method: [] for method in methods}
    wis: dict[Method, list[np.ndarray]] = {method: [] for method in methods}
    for t in last:
        casts = {method: nowcast(triangle.as_of(t), method, max_delay=longest, draws=400) for method in methods}
        sound = np.all([cast.reason[0, -longest:] == 0 for cast in casts.values()], axis=0)
        for method, cast in casts.items():
            came = final[0, cast.columns[-longest:]][sound]
            levels = np.asarray(HUB_LEVELS)
            q = np.quantile(cast.draws[0, -longest:][sound], levels, axis=1, method="inverted_cdf").T
            low, high = (int(np.argmin(np.abs(levels - level))) for level in (0.05, 0.95))
            held[method].append((came >= q[:, low]) & (came <= q[:, high]))
            wis[method].append(weighted_interval_score(came, q, levels).wis)
    return {m: (float(np.concatenate(held[m]).mean()), float(np.concatenate(wis[m]).mean())) for m in methods}


def test_real_vintages_are_covered_and_scored_no_worse_than_the_chain_ladder(shared: Path, hus: Triangle) -> None:
    path = shared / "data/linelists/ebola_sierraleone_2014.csv"
    dates = {"reference": "date_of_onset", "report": "date_of_sample"}
    daily = read_triangle(path, TriangleRules(max_delay=21), columns=dates)
    weekly = read_triangle(path, TriangleRules(period="week", max_delay=4), columns=dates)
    found = {
        "HUS 2011, daily": scored(hus, range(27, 52), 15),
        "Ebola 2014, daily": scored(daily, range(40, 460, 10), 21),
        "Ebola 2014, weekly": scored(weekly, range(14, 66), 4),
    }
    for name, scores in found.items():
        for method, (held, wis) in scores.items():
            print(f"{name:20} {method:13} 90 % {100 * held:5.1f}  WIS {wis:7.3f}")
        assert 0.87 <= scores["smooth"][0] <= 0.93, name
        assert scores["smooth"][1] <= scores["chain-ladder"][1], name
