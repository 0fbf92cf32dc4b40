"""The replay of Watson et al. 2022: draw 40 of all fits, and the daily course of two countries."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mamori.workflows.watson import Fit, _matrices, fit_schedule, load_fit, replay_country, replay_watson, run_fit

pytestmark = pytest.mark.shared

DRAW = 40
AVERTED = {False: 19.71e6, True: 18.90e6}  # in 187 countries, as published and corrected
# Large and small, every kind of vaccine; PRK and MYS with few infected for long, FJI with doses before the epidemic.
QUICK = ("KEN", "GBR", "PRK", "MYS", "FJI", "AUS", "BGD", "BRN", "CHL", "COL", "EGY", "FRA", "IDN", "IND", "JPN",
         "MEX", "NGA", "USA", "VCT", "ZAF")  # fmt: skip


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, dict[str, Any]]:
    """Return the published model's deaths by country."""
    table = pl.read_csv(shared / "reference/epidemic/watson_draw40.csv")
    return {row["iso3"]: row for row in table.to_dicts()}


def _fit(shared: Path, iso3: str) -> Fit:
    folder = shared / "data/watson_fits"
    return load_fit(folder / f"{iso3}.json.gz", _matrices(folder), DRAW)


def _tolerance(iso3: str, deaths: float) -> float:
    return max(2.0, (0.01 if iso3 == "PRK" else 0.002) * deaths)


@pytest.mark.quick
@pytest.mark.parametrize("iso3", QUICK)
def test_country(shared: Path, reference: dict[str, dict[str, Any]], iso3: str) -> None:
    got, want = replay_country(_fit(shared, iso3), correct=False), reference[iso3]
    for column in ("base_yr", "novax_yr"):
        assert got[column] == pytest.approx(want[column], abs=_tolerance(iso3, want[column]))


def test_every_country_as_published(shared: Path, reference: dict[str, dict[str, Any]]) -> None:
    table = {row["iso3"]: row for row in replay_watson(shared / "data/watson_fits", DRAW).to_dicts()}
    assert len(table) == 187
    for column in ("base_yr", "novax_yr"):
        off = {iso3: table[iso3][column] - want[column] for iso3, want in reference.items()}
        bad = {iso3: x for iso3, x in off.items() if abs(x) > _tolerance(iso3, reference[iso3][column])}
        assert not bad
        assert np.median([abs(x) / reference[iso3][column] for iso3, x in off.items()]) < 1e-4
    averted = sum(row["averted_yr"] for row in table.values())
    assert averted == pytest.approx(AVERTED[False], rel=1e-3)


def test_the_world_corrected(shared: Path) -> None:
    table = replay_watson(shared / "data/watson_fits", DRAW, correct=True)
    assert table["averted_yr"].sum() == pytest.approx(AVERTED[True], rel=1e-3)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("iso3", "published", "corrected"),
    [("GBR", 90_515, 92_159), ("KEN", 71_629, 74_077), ("IND", 3_836_925, 4_136_015), ("IDN", 563_650, 651_750)],
)
def test_what_the_corrections_change(shared: Path, iso3: str, published: float, corrected: float) -> None:
    """Deaths of the year with vaccine; an independent program's figures (docs/methods/watson.md)."""
    fit = _fit(shared, iso3)
    assert replay_country(fit, correct=False)["base_yr"] == pytest.approx(published, rel=5e-4)
    assert replay_country(fit, correct=True)["base_yr"] == pytest.approx(corrected, rel=5e-4)


@pytest.mark.quick
@pytest.mark.parametrize("iso3", ["KEN", "GBR"])
def test_daily_course(shared: Path, iso3: str) -> None:
    """Parameters by day to the reference's digits; states within 2e-4 of their maximum."""
    want = pl.read_csv(
        shared / f"reference/epidemic/watson_intermediate_{iso3}.csv", try_parse_dates=True, infer_schema_length=None
    )
    fit = _fit(shared, iso3)
    run, begin = run_fit(fit, vaccinate=True, correct=False)
    without, _ = run_fit(fit, vaccinate=False, correct=False)
    assert want["date"][0] == begin
    assert want["date"][-1] == date(2021, 12, 11) == fit.last
    published = fit_schedule(fit, begin, vaccinate=True, correct=False)
    corrected = fit_schedule(fit, begin, vaccinate=True, correct=True)
    parameters = {
        "Rt": published.reproduction,
        "supply": published.first_doses,
        "VEi": published.efficacy_infection[:, 0],
        "VEd": published.efficacy_disease[:, 0],
        "prob_hosp_multiplier": published.severity,
        "R_loss_rate": published.immunity_rate,
        "VEi_corrected": corrected.efficacy_infection[:, 0],
        "VEd_corrected": corrected.efficacy_disease[:, 0],
    }
    for name, values in parameters.items():
        assert values == pytest.approx(want[name].to_numpy()[:-1], rel=2e-6, abs=1e-12), name
    states = {
        "deaths_cum": run.dead,
        "deaths_cum_novax": without.dead,
        "vaccinated_cum": run.by_vaccine[:, 1:].sum(axis=1),
        "E_to_ICase": run.compartments[:, 1:7].sum(axis=1),
        "E_to_ICase_novax": without.compartments[:, 1:7].sum(axis=1),
        "S": run.compartments[:, 0],
        "S_novax": without.compartments[:, 0],
    }
    for name, values in states.items():
        expected = want[name].to_numpy()
        assert values == pytest.approx(expected, abs=2e-4 * expected.max()), name
