"""nimue's arguments: what is read, nimue's columns and clock, and an error for whatever does not fit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mamori.core.errors import InputError
from mamori.epidemic.nimue import simulate_nimue
from mamori.epidemic.pathogen import Pathogen

COLUMNS = [
    "t", "S", "E", "IMild", "ICase", "IICU", "IHospital", "IRec", "R", "D", "hospitalisations", "hospital_demand",
    "hospital_occupancy", "ICU_demand", "ICU_occupancy", "vaccines", "vaccinated", "priorvaccinated", "unvaccinated",
    "infections", "deaths", "infections_cum", "hospitalisations_cum", "vaccines_cum",
]  # fmt: skip
Simulate = Callable[..., pl.DataFrame]


def _inputs() -> dict[str, Any]:
    wild = Pathogen.load("sars-cov-2")
    gap = np.abs(np.subtract.outer(np.arange(16), np.arange(16)))
    return {
        "population": (1e6 * np.linspace(3.0, 0.5, 17) / 29.75).round().tolist(),
        "contact_matrix_16x16_raw": (0.3 + 3.0 * np.exp(-gap)).tolist(),
        "hosp_bed_capacity": 3000,
        "ICU_bed_capacity": 100,
        "default_probs": {
            "prob_hosp": wild.prob_hospital.tolist(),
            "prob_severe": wild.prob_icu.tolist(),
            "prob_non_severe_death_treatment": wild.death_ward.tolist(),
            "prob_non_severe_death_no_treatment": wild.death_ward_untreated.tolist(),
            "prob_severe_death_treatment": wild.death_icu.tolist(),
            "prob_severe_death_no_treatment": wild.death_icu_untreated.tolist(),
        },
    }


def _params() -> dict[str, Any]:
    return {
        "R0": [2.5, 1.5],
        "tt_R0": [0, 40],
        "time_period": 80,
        "seeding_cases": 20,
        "seeding_age_order": list(range(1, 18)),
        "max_vaccine": [0, 3000],
        "tt_vaccine": [0, 30],
        "vaccine_coverage_mat": [[0.0] * 13 + [0.8] * 4, [0.8] * 17],
        "dur_R": 365,
    }


@pytest.fixture(scope="session")
def simulate(tmp_path_factory: pytest.TempPathFactory) -> Simulate:
    """Return a run of nimue files in which some arguments are changed, or taken away (None)."""
    folder = tmp_path_factory.mktemp("nimue")

    def run(inputs: dict[str, Any] | None = None, **params: Any) -> pl.DataFrame:
        paths = []
        for name, content, changes in (("inputs", _inputs(), inputs or {}), ("params", _params(), params)):
            chosen = {key: value for key, value in (content | changes).items() if value is not None}
            path = folder / f"{name}.json"
            path.write_text(json.dumps(chosen))
            paths.append(path)
        return simulate_nimue(*paths)

    return run


def _series(frame: pl.DataFrame, name: str) -> NDArray[np.float64]:
    return frame[name].to_numpy()


def test_columns_and_clock_are_those_of_nimue(simulate: Simulate) -> None:
    frame = simulate()
    assert frame.columns == COLUMNS
    assert frame["t"].to_list() == list(range(1, 81))
    first = frame.row(0, named=True)
    assert first["E"] == 20
    assert first["S"] == sum(_inputs()["population"]) - 20
    assert [name for name, value in first.items() if value is None] == [
        "hospitalisations",
        "vaccines",
        "infections",
        "deaths",
    ]
    assert frame.slice(1).null_count().sum_horizontal().item() == 0
    # tt 30 is row 30: the doses of the day that leads from it to the next row.
    assert frame.filter(pl.col("vaccines") > 0)["t"].min() == 31


def test_compartments_are_everybody_and_flows_add_up(simulate: Simulate) -> None:
    frame = simulate(time_period=150, R0=2.5, tt_R0=0)
    rows = ["S", "E", "IMild", "ICase", "IICU", "IHospital", "IRec", "R", "D"]
    everybody = sum(_series(frame, name) for name in rows)
    assert np.allclose(everybody, sum(_inputs()["population"]), rtol=1e-9)
    states = sum(_series(frame, name) for name in ("vaccinated", "priorvaccinated", "unvaccinated"))
    assert np.allclose(states, sum(_inputs()["population"]), rtol=1e-9)
    for flow in ("infections", "hospitalisations", "vaccines"):
        assert np.allclose(np.diff(_series(frame, f"{flow}_cum")), _series(frame, flow)[1:])
    assert np.allclose(np.diff(_series(frame, "D")), _series(frame, "deaths")[1:])
    assert np.all(_series(frame, "ICU_occupancy") <= 100.5)
    assert _series(frame, "ICU_demand").max() > 150


def test_defaults_are_nimues(simulate: Simulate) -> None:
    without = simulate(max_vaccine=None, tt_vaccine=None, vaccine_coverage_mat=None, dur_R=None)
    given = simulate(
        max_vaccine=1000, tt_vaccine=0, vaccine_coverage_mat=[[0.8] * 17], dur_R="Inf", dur_V=365, dur_vaccine_delay=14,
        vaccine_efficacy_infection=0.95, vaccine_efficacy_disease=[0.95] * 17, rel_infectiousness_vaccinated=1,
        dur_E=4.6, dur_IMild=2.1, dur_ICase=4.5, dur_rec=3,
    )  # fmt: skip
    assert without.equals(given)


def test_the_scenario_goes_before_the_country(simulate: Simulate) -> None:
    beds = simulate(hosp_bed_capacity=1e9, ICU_bed_capacity=1e9)
    assert _series(beds, "ICU_occupancy").max() > 101
    noted = simulate(
        {"hosp_bed_capacity": None, "ICU_bed_capacity": None}, hosp_bed_capacity_used=1e9, ICU_bed_capacity_used=1e9
    )
    assert noted.equals(beds)


def test_seeds_by_age_or_by_order(simulate: Simulate) -> None:
    assert simulate(E1_0=[2, 2, 2] + [1] * 14, seeding_age_order=None).equals(simulate())
    assert simulate(seeding_cases=34)["E"][0] == 34


def test_arguments_may_change_in_time(simulate: Simulate) -> None:
    frame = simulate(
        ICU_bed_capacity=[100, 200], tt_ICU_beds=[0, 60], prob_hosp_multiplier=[1, 1.5], tt_prob_hosp_multiplier=[0, 50]
    )
    assert _series(frame, "ICU_occupancy")[:60].max() == pytest.approx(100, rel=5e-3)
    assert _series(frame, "ICU_occupancy")[65:].max() == pytest.approx(200, rel=5e-3)
    tables = [[0.9] * 17, [0.1] * 17]
    assert not simulate(vaccine_efficacy_infection=tables, tt_vaccine_efficacy_infection=[0, 60]).equals(simulate())


def test_a_ready_matrix_may_be_given(simulate: Simulate) -> None:
    ready = {"contact_matrix_16x16_raw": None, "contact_matrix_17x17_processed": np.ones((17, 17)).tolist()}
    assert simulate(ready).height == 80


def test_short_stages_are_followed_in_short_steps(simulate: Simulate) -> None:
    """A stage of a tenth of a day is near one of a fifth; a step longer than the stage would blow up."""
    deaths = [_series(simulate(dur_E=days), "D")[-1] for days in (0.1, 0.2)]
    assert deaths[0] == pytest.approx(deaths[1], rel=0.1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"R00": 2.5}, "unknown argument 'R00'. Did you mean 'R0'?"),
        ({"R0": None, "tt_R0": None}, "argument 'R0' is missing"),
        ({"R0": [2.5]}, "'R0' has 1 values and 'tt_R0' 2 times; give both"),
        ({"R0": [2.5, float("nan")]}, "'R0' holds a negative or missing number"),
        ({"R0": [2.5, -1]}, "'R0' holds a negative or missing number"),
        ({"R0": "high"}, "'R0' must be numbers"),
        ({"R0": [[2.5], [1, 2]]}, "'R0' must be numbers, all rows of one length"),
        ({"tt_R0": [0, 40.5]}, "'tt_R0' must be whole days"),
        ({"tt_R0": [40, 0]}, "'tt_R0' must rise and begin with 0 or 1"),
        ({"tt_R0": [5, 40]}, "'tt_R0' must rise and begin with 0 or 1"),
        ({"time_period": 1}, "time_period is 1.0; it must be a whole number of days >= 2"),
        ({"time_period": 80.5}, "it must be a whole number of days >= 2"),
        ({"time_period": [80, 90]}, "'time_period' must be one number"),
        ({"seeding_age_order": None}, "nimue draws the ages of first cases at random"),
        ({"seeding_age_order": [0, 18]}, "'seeding_age_order' must name age groups 1 to 17"),
        ({"E1_0": [1] * 16}, "'E1_0' has shape (16,); it must hold 17 ages"),
        ({"prob_hosp": [1.5] * 17}, "'prob_hosp' holds 1.5; a probability must be <= 1"),
        ({"prob_hosp": [0.1] * 16}, "'prob_hosp' has shape (16,); it must hold 17 ages"),
        ({"vaccine_coverage_mat": [[0.8] * 16]}, "'vaccine_coverage_mat' must have 17 columns"),
        ({"vaccine_coverage_mat": [[1.8] * 17]}, "'vaccine_coverage_mat' must have 17 columns of shares from 0 to 1"),
        ({"vaccine_efficacy_infection": [0.5] * 16}, "'vaccine_efficacy_infection' must hold 17 ages"),
        ({"rel_infectiousness": [0.5] * 17}, "'rel_infectiousness' other than 1 is not part of this model"),
        ({"beta_set": [0.5, 0.3]}, "beta_set 0.5 does not belong to this R0, contacts and severity"),
        ({"hosp_bed_capacity": -5}, "'hosp_bed_capacity' holds a negative or missing number"),
        ({"dur_E": 0}, "'dur_E'"),
        ({"dur_R": 0}, "'dur_R'"),
        ({"dur_V": 0}, "'dur_V'"),
        ({"R0": "Inf", "tt_R0": 0}, "'R0'"),
        ({"R0": [], "tt_R0": []}, "'R0' is empty"),
        ({"R0": [[2.5, 2.5], [1.5, 1.5]]}, "'R0'"),
        ({"max_vaccine": "Inf", "tt_vaccine": 0}, "'max_vaccine'"),
        ({"seeding_cases": "Inf"}, "'seeding_cases'"),
        ({"seeding_age_order": []}, "'seeding_age_order'"),
        ({"seeding_age_order": [1.5]}, "'seeding_age_order'"),
        ({"time_period": "Inf"}, "time_period"),
        ({"E1_0": [1e6] * 17}, "'E1_0'"),
        ({"vaccine_efficacy_infection": 1.2}, "'vaccine_efficacy_infection'"),
        ({"vaccine_efficacy_disease": [1.2] * 17}, "'vaccine_efficacy_disease'"),
        ({"prob_hosp_multiplier": 50}, "'prob_hosp_multiplier'"),
    ],
)
def test_bad_arguments_are_named(simulate: Simulate, params: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        simulate(**params)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"contact_matrix_16x16_raw": np.ones((16, 15)).tolist()}, "has shape (16, 15); it must be 16 x 16"),
        ({"contact_matrix_16x16_raw": np.ones((17, 17)).tolist()}, "has shape (17, 17); it must be 16 x 16"),
        ({"contact_matrix_16x16_raw": None}, "argument 'contact_matrix_17x17_processed' is missing"),
        ({"population": [1e5] * 16}, "'population' has shape (16,); it must hold 17 ages"),
        ({"population": [1e5] * 16 + [float("nan")]}, "'population' holds a negative or missing number"),
        ({"hosp_bed_capacity": None}, "argument 'hosp_bed_capacity' is missing"),
    ],
)
def test_bad_countries_are_named(simulate: Simulate, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        simulate(inputs)
    assert message in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    good = tmp_path / "inputs.json"
    good.write_text(json.dumps(_inputs()))
    with pytest.raises(InputError, match=r"no file .*absent.json"):
        simulate_nimue(good, tmp_path / "absent.json")
    for content, message in (("{", "not JSON"), ("[1, 2]", "must hold one JSON object"), ("\xff", "not JSON")):
        bad = tmp_path / "params.json"
        bad.write_bytes(content.encode("latin-1"))
        with pytest.raises(InputError, match=message):
            simulate_nimue(good, bad)
    with pytest.raises(InputError):
        simulate_nimue(good, tmp_path)


NUMBERS: st.SearchStrategy[Any] = st.one_of(
    st.integers(-5, 400), st.floats(), st.sampled_from(["Inf", "x", None, True, [], {}])
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    NUMBERS, st.lists(NUMBERS, max_size=3), st.lists(st.lists(NUMBERS, max_size=3), max_size=3)
)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.dictionaries(
        st.sampled_from(
            ["R0", "tt_R0", "time_period", "seeding_cases", "seeding_age_order", "E1_0", "max_vaccine", "tt_vaccine",
             "vaccine_coverage_mat", "dur_R", "dur_V", "dur_E", "dur_ICase", "dur_get_mv_die", "hosp_bed_capacity",
             "ICU_bed_capacity", "prob_hosp_multiplier", "vaccine_efficacy_infection", "prob_hosp",
             "rel_infectiousness_vaccinated", "beta_set", "spelling"]
        ),
        VALUES,
        min_size=1,
        max_size=2,
    )
)  # fmt: skip
def test_any_arguments_give_numbers_or_an_error(simulate: Simulate, changes: dict[str, Any]) -> None:
    try:
        frame = simulate(**(changes | {"time_period": changes.get("time_period", 10)}))
    except InputError as error:
        assert "\n" not in str(error)
        return
    values = frame.slice(1).to_numpy()
    assert np.all(np.isfinite(values))
    assert values.min() > -1e-6
