"""The Watson replay on a small made-up fit: schedules as published and corrected, the clock, the deaths, bad files."""

import gzip
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mamori.core.errors import InputError
from mamori.epidemic.pathogen import Pathogen
from mamori.workflows.watson import (
    Fit,
    deaths_between,
    fit_schedule,
    load_fit,
    replay_country,
    replay_watson,
    run_fit,
)

FIRST_DOSE = date(2021, 1, 10)
DOSE_DAYS = 60
DELTA = date(2021, 2, 1)
Write = Callable[..., Path]


def _fit(iso3: str = "AAA", start: str = "2020-09-01") -> dict[str, Any]:
    """Return the content of a fit of two draws that ends on 2021-12-11."""
    wild = Pathogen.load("sars-cov-2")
    weeks = [date(2020, 8, 30) + timedelta(days=7 * k) for k in range(67)]
    return {
        "iso3": iso3,
        "population": (1e6 * np.linspace(3.0, 0.5, 17) / 29.75).round().tolist(),
        "hosp_bed_capacity": 3000,
        "ICU_bed_capacity": 60,
        "E1_0": [0] * 7 + [1, 2, 2] + [0] * 7,
        "dur_R": 365,
        "dur_V": 446,
        "dur_vaccine_delay": 14,
        "rel_infectiousness_vaccinated": 0.5,
        "prob_hosp": wild.prob_hospital.tolist(),
        "prob_severe": wild.prob_icu.tolist(),
        "prob_non_severe_death_treatment": wild.death_ward.tolist(),
        "prob_severe_death_treatment": wild.death_icu.tolist(),
        "prob_non_severe_death_no_treatment": wild.death_ward_untreated.tolist(),
        "prob_severe_death_no_treatment": wild.death_icu_untreated.tolist(),
        "vaccine_coverage_mat": [[0.0] * 12 + [0.8] * 5, [0.0] * 3 + [0.8] * 14],
        "vaccine_efficacies": {
            "ve_i_low": [0.6, 0.4, 0.7],
            "ve_i_high": [0.8, 0.5, 0.9],
            "ve_d_low": [0.75, 0.5, 0.9],
            "ve_d_high": [0.9, 0.6, 1.0],
            "ve_i_low_d": [0.3, 0.1, 0.5],
            "ve_i_high_d": [0.6, 0.4, 0.9],
            "ve_d_low_d": [0.7, 0.2, 0.9],
            "ve_d_high_d": [0.85, 0.5, 1.0],
        },
        "date_vaccine_change_first": FIRST_DOSE.isoformat(),
        "date_vaccine_change": None,
        "max_vaccine": [0.0, *(1000.0 + 100.0 * np.arange(DOSE_DAYS))],
        "dose_ratio": np.linspace(0.0, 0.6, DOSE_DAYS).tolist(),
        "date_Rt_change": ["2020-10-01", "2021-03-01"],
        "delta": {
            "start_date": DELTA.isoformat(),
            "shift_duration": 60,
            "prob_hosp_multiplier": 1.45,
            "delta_dur_R": 125.0,
        },
        "draws": {"start_date": [start, start], "R0": [2.5, 2.2], "ves": [0.5, 0.3], "Rt": [[1.3, 1.2], [1.6, 1.5]]},
        "data": {"week_start": [week.isoformat() for week in weeks]},
    }


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a writer of fits, each a country, into a folder with one contact matrix."""

    def put(*fits: dict[str, Any]) -> Path:
        gap = np.abs(np.subtract.outer(np.arange(16), np.arange(16)))
        matrices = {"matrices": {"m1": (0.3 + 3.0 * np.exp(-gap)).tolist()}, "country": {f["iso3"]: "m1" for f in fits}}
        (tmp_path / "contact_matrices.json").write_text(json.dumps(matrices))
        for fit in fits:
            with gzip.open(tmp_path / f"{fit['iso3']}.json.gz", "wt") as file:
                json.dump(fit, file)
        return tmp_path

    return put


def _load(folder: Path, iso3: str = "AAA", draw: int = 1) -> Fit:
    matrices = json.loads((folder / "contact_matrices.json").read_text())
    return load_fit(folder / f"{iso3}.json.gz", matrices, draw)


def test_the_clock(write: Write) -> None:
    fit = _load(write(_fit()))
    assert (fit.start, fit.first_dose, fit.last) == (date(2020, 9, 1), FIRST_DOSE, date(2021, 12, 11))
    run, begin = run_fit(fit, vaccinate=True, correct=False)
    assert begin == fit.start
    assert len(run.dead) == (fit.last - fit.start).days + 1


def test_reproduction_supply_severity_and_immunity_by_day(write: Write) -> None:
    fit = _load(write(_fit()), draw=2)
    schedule = fit_schedule(fit, fit.start, vaccinate=True, correct=False)

    def on(values: Any, day: date) -> float:
        return float(values[(day - fit.start).days])

    rt = [
        on(schedule.reproduction, d)
        for d in (date(2020, 9, 30), date(2020, 10, 1), date(2021, 2, 28), date(2021, 3, 1))
    ]
    assert rt == [2.2, 1.2, 1.2, 1.5]
    assert on(schedule.first_doses, FIRST_DOSE - timedelta(days=1)) == 0
    assert on(schedule.first_doses, FIRST_DOSE) == 1000
    assert on(schedule.first_doses, FIRST_DOSE + timedelta(days=7)) == 1700
    assert on(schedule.first_doses, date(2021, 12, 1)) == 1000 + 100 * (DOSE_DAYS - 1)
    for days, multiplier in ((-1, 1.0), (0, 1.0), (1, 1.0075), (60, 1.45), (200, 1.45)):
        assert on(schedule.severity, DELTA + timedelta(days=days)) == pytest.approx(multiplier)
    for days, duration in ((-1, 365), (0, 125), (59, 125), (60, 365)):
        assert on(schedule.immunity_rate, DELTA + timedelta(days=days)) == pytest.approx(2 / duration)
    assert not fit_schedule(fit, fit.start, vaccinate=False, correct=False).first_doses.any()


def _efficacies_by_hand(fit: Fit, day: date, correct: bool) -> tuple[float, float]:
    """Efficacies of one day, written out from the recipe (docs/methods/watson.md) for draw 2 (ves 0.3)."""
    numbers = fit.content["vaccine_efficacies"]

    def at(name: str) -> float:
        central, low, _ = numbers[name]
        return float(central - (0.5 - 0.3) / 0.5 * (central - low))

    come = min(max((day - FIRST_DOSE).days + 1, 0), DOSE_DAYS)
    element = come if correct else max(come - 1, 0)
    dated = max(element, 1)
    weight = min(1.0, max(0.0, (FIRST_DOSE + timedelta(days=dated - 1) - DELTA).days / 60))
    ratio = 0.0 if element == 0 else fit.content["dose_ratio"][element - 1]

    def mixed(kind: str, variant: str) -> float:
        return (1 - ratio) * at(f"ve_{kind}_low{variant}") + ratio * at(f"ve_{kind}_high{variant}")

    on_delta = weight if correct else 1 - weight
    infection = (1 - on_delta) * mixed("i", "") + on_delta * mixed("i", "_d")
    disease = (1 - on_delta) * mixed("d", "") + on_delta * mixed("d", "_d")
    return infection, (disease - infection) / (1 - infection)


@pytest.mark.parametrize("correct", [False, True])
@pytest.mark.parametrize("after", [-3, 0, 1, 22, 40, 59, 60, 200])
def test_efficacies_by_day(write: Write, correct: bool, after: int) -> None:
    fit = _load(write(_fit()), draw=2)
    schedule = fit_schedule(fit, fit.start, vaccinate=True, correct=correct)
    day = FIRST_DOSE + timedelta(days=after)
    infection, disease = _efficacies_by_hand(fit, day, correct)
    row = (day - fit.start).days
    assert schedule.efficacy_infection[row] == pytest.approx(np.full(17, infection))
    assert schedule.efficacy_disease[row] == pytest.approx(np.full(17, disease))


def test_quantiles_above_the_centre_lean_to_the_high_efficacy(write: Write) -> None:
    content = _fit()
    content["draws"]["ves"][0] = 0.75
    content["dose_ratio"] = [0.0] * DOSE_DAYS
    fit = _load(write(content))
    before_delta = fit_schedule(fit, fit.start, vaccinate=True, correct=True).efficacy_infection[0, 0]
    assert before_delta == pytest.approx(0.6 + 0.5 * (0.7 - 0.6))


def test_a_country_with_one_day_of_doses_holds_a_bare_ratio(write: Write) -> None:
    content = _fit() | {"max_vaccine": [0.0, 50.0], "dose_ratio": 0.4}
    fit = _load(write(content))
    schedule = fit_schedule(fit, fit.start, vaccinate=True, correct=False)
    # As published the last element is never used: the efficacy stays that of one dose.
    assert len(np.unique(schedule.efficacy_infection)) == 1
    corrected = fit_schedule(fit, fit.start, vaccinate=True, correct=True)
    assert len(np.unique(corrected.efficacy_infection)) == 2
    assert replay_country(fit, correct=False)["averted_yr"] > 0


def test_a_corrected_run_begins_with_the_first_dose_before_the_epidemic(write: Write) -> None:
    fit = _load(write(_fit(start="2021-03-15")))
    published, begin = run_fit(fit, vaccinate=True, correct=False)
    assert begin == fit.start
    corrected, begin = run_fit(fit, vaccinate=True, correct=True)
    assert begin == FIRST_DOSE
    ahead = (fit.start - FIRST_DOSE).days
    assert not corrected.infections[:ahead].any()
    assert corrected.by_vaccine[ahead, 1:].sum() == pytest.approx(sum(1000 + 100 * min(k, 59) for k in range(ahead)))
    assert published.by_vaccine[0, 1:].sum() == 0
    assert run_fit(fit, vaccinate=False, correct=True)[1] == fit.start
    # Those doses are thrown away as published; in the corrected run they protect, given the same efficacies.
    assert corrected.compartments[ahead + 1, 1:3].sum() == pytest.approx(5.0, rel=0.2)


def test_deaths_between_days(write: Write) -> None:
    fit = _load(write(_fit()))
    run, begin = run_fit(fit, vaccinate=True, correct=False)
    first, last = date(2020, 12, 8), date(2021, 12, 8)
    expected = run.dead[(last - begin).days] - run.dead[(first - begin).days]
    assert deaths_between(run, begin, first, last) == pytest.approx(expected)
    assert deaths_between(run, begin, date(2019, 12, 1), None) == run.dead[-1]
    assert deaths_between(run, begin, date(2019, 12, 1), begin) == 0
    assert deaths_between(run, begin, date(2019, 12, 1), date(2030, 1, 1)) == run.dead[-1]


def test_the_table_of_a_folder(write: Write) -> None:
    folder = write(_fit("BBB"), _fit("AAA", start="2021-03-15"))
    steps: list[tuple[int, int]] = []
    table = replay_watson(folder, 2, workers=2, progress=lambda done, total: steps.append((done, total)))
    assert table["iso3"].to_list() == ["AAA", "BBB"]
    assert table["variant"].unique().to_list() == ["as published"]
    assert table["draw"].to_list() == [2, 2]
    assert steps[-1] == (2, 2)
    row = table.row(1, named=True)
    assert row["averted_yr"] == pytest.approx(row["novax_yr"] - row["base_yr"])
    assert 0 < row["base_yr"] < row["novax_yr"] <= row["novax_all"]
    assert row["base_all"] >= row["base_yr"]
    assert table.equals(replay_watson(folder, 2, workers=1))
    corrected = replay_watson(folder, 2, correct=True)
    assert corrected["variant"].unique().to_list() == ["corrected"]
    assert corrected["novax_yr"].to_list() == pytest.approx(table["novax_yr"].to_list(), rel=1e-12)
    # Doses given before the epidemic count only in the corrected run.
    assert corrected["base_yr"][0] != table["base_yr"][0]


def test_vaccination_helps_more_with_better_efficacies(write: Write) -> None:
    poor, good = _fit("AAA"), _fit("BBB")
    good["draws"]["ves"], poor["draws"]["ves"] = [0.9, 0.9], [0.1, 0.1]
    table = replay_watson(write(poor, good), 1)
    assert table["averted_yr"][1] > 1.1 * table["averted_yr"][0] > 0
    assert table["novax_yr"][0] == table["novax_yr"][1]


def test_missing_files_and_draws_are_named(write: Write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no fits \(\*.json.gz\) in"):
        replay_watson(tmp_path)
    folder = write(_fit())
    for draw in (0, 3):
        with pytest.raises(InputError, match=f"draw is {draw}; .* holds the draws 1 to 2"):
            replay_watson(folder, draw)
    (folder / "contact_matrices.json").write_text('{"matrices": {}}')
    with pytest.raises(InputError, match="must hold 'matrices' and 'country'"):
        replay_watson(folder, 1)
    (folder / "contact_matrices.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        replay_watson(folder, 1)
    (folder / "contact_matrices.json").unlink()
    with pytest.raises(InputError, match=r"no contact_matrices.json in"):
        replay_watson(folder, 1)


@pytest.mark.parametrize("missing", ["population", "draws", "iso3"])
def test_files_that_are_no_fits_are_named(write: Write, missing: str) -> None:
    folder = write(_fit())
    content = {key: value for key, value in _fit().items() if key != missing}
    with gzip.open(folder / "AAA.json.gz", "wt") as file:
        json.dump(content, file)
    with pytest.raises(InputError, match=r"AAA.json.gz: not a fit of Watson et al. 2022 \(KeyError"):
        replay_watson(folder, 1)


@pytest.mark.parametrize(
    "missing",
    ["E1_0", "delta", "max_vaccine", "vaccine_efficacies", "dose_ratio", "prob_hosp", "data", "date_Rt_change"],
)
def test_fits_that_lack_a_part_are_named(write: Write, missing: str) -> None:
    folder = write({key: value for key, value in _fit().items() if key != missing})
    with pytest.raises(InputError, match=missing):
        replay_watson(folder, 1)


def test_files_cut_short_are_named(write: Write) -> None:
    folder = write(_fit())
    path = folder / "AAA.json.gz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match="not a fit"):
        replay_watson(folder, 1)


def test_gaps_between_vaccination_dates_are_refused(write: Write) -> None:
    folder = write(_fit() | {"date_vaccine_change": ["2021-01-10", "2021-02-10"]})
    with pytest.raises(InputError, match="only consecutive vaccination dates are understood"):
        replay_watson(folder, 1)
