"""Settings of the reproduction number: our names and EpiEstim's, what they mean, what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from mamori.core.errors import InputError
from mamori.inference.reproduction_settings import ReproductionSettings, read_settings
from mamori.inference.serial_interval import SerialInterval, UncertainInterval


def written(tmp_path: Path, fields: object) -> Path:
    path = tmp_path / "control.json"
    path.write_text(json.dumps(fields), encoding="utf-8")
    return path


def test_both_names_of_a_setting_are_known(tmp_path: Path) -> None:
    theirs = read_settings(
        written(tmp_path, {"method": "parametric_si", "mean_si": 3, "std_si": 2, "mean_prior": 2}), {}
    )
    ours = read_settings(written(tmp_path, {"mean_days": 3, "sd_days": 2, "prior_mean": 2}), {})
    assert theirs == ours
    assert ours.arguments() == {"mean_prior": 2.0}


def test_options_go_before_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, {"serial_interval": "measles", "window": 14})
    got = read_settings(path, {"serial_interval": "ebola", "window": None})
    assert (got.serial_interval, got.window) == ("ebola", 14)


def test_probabilities_and_tables_are_intervals(tmp_path: Path) -> None:
    given = read_settings(None, {"method": "non_parametric_si", "probabilities": [0, 0.5, 0.5]}).interval()
    table = tmp_path / "si.csv"
    table.write_text("lag,prob\n1,0.5\n2,0.5\n", encoding="utf-8")
    read = ReproductionSettings(serial_interval=str(table)).interval()
    assert isinstance(given, SerialInterval)
    assert isinstance(read, SerialInterval)
    assert given.mass is not None
    assert read.mass is not None
    np.testing.assert_array_equal(given.mass, read.mass)


def test_an_uncertain_interval_is_published_or_given_in_full() -> None:
    assert isinstance(read_settings(None, {"serial_interval": "mers", "uncertain": True}).interval(), UncertainInterval)
    fields = {
        "method": "uncertain_si", "mean_si": 3.0, "std_mean_si": 1.0, "min_mean_si": 2.0, "max_mean_si": 4.0,
        "std_si": 1.5, "std_std_si": 0.5, "min_std_si": 0.5, "max_std_si": 2.5, "n1": 10, "n2": 5,
    }  # fmt: skip
    names = {field.alias or name: name for name, field in ReproductionSettings.model_fields.items()}
    got = read_settings(None, {names[key]: value for key, value in fields.items()})
    assert isinstance(got.interval(), UncertainInterval)
    assert got.arguments() == {"draws_of_interval": 10, "draws_of_posterior": 5}


def test_delays_are_tables_lists_or_means(tmp_path: Path) -> None:
    table = tmp_path / "delay.csv"
    table.write_text("lag,prob\n0,0.5\n1,0.5\n", encoding="utf-8")
    got = ReproductionSettings(delay=str(table), reporting=[0.5, 0.5])
    np.testing.assert_array_equal(got.delays("delay"), got.delays("reporting"))
    mass = ReproductionSettings(delay_mean_days=4.0, delay_sd_days=2.0).delays("delay")
    assert mass is not None
    assert np.arange(len(mass)) @ mass == pytest.approx(4.0, abs=1e-4)
    assert ReproductionSettings().delays("delay") is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "the serial interval is given nowhere, and there is no default"),
        ({"mean_si": 2, "std_si": 1, "serial_interval": "measles"}, "given in several ways"),
        ({"mean_si": 2}, "needs its standard deviation"),
        ({"std_si": 2, "serial_interval": "measles"}, "belong to its mean"),
        ({"mean_si": 2, "std_si": 1, "uncertain": True}, "an uncertain serial interval needs mean_spread"),
        ({"method": "epiestim"}, "method 'epiestim' is not known; choose cori"),
        ({"mean_sii": 2}, "'mean_sii' is not a setting. Did you mean 'mean_si'"),
        ({"mean_si": "two"}, "'mean_si' is 'two'. Input should be a valid number"),
        ([1], "holds no settings"),
    ],
)
def test_what_means_no_interval_is_refused(tmp_path: Path, fields: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_settings(written(tmp_path, fields), {}).interval()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ReproductionSettings(method="renewal", window=7), "'window' has no meaning for the method renewal"),
        (ReproductionSettings(method="cori", delay=[1.0]), "'delay' has no meaning for the method cori"),
        (ReproductionSettings(method="wallinga-teunis", seed=1), "'seed' has no meaning"),
    ],
)
def test_a_setting_of_another_method_is_refused(settings: ReproductionSettings, words: str) -> None:
    with pytest.raises(InputError, match=words):
        settings.arguments()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ReproductionSettings(delay=[1.0], delay_mean_days=2.0), "delay is given twice"),
        (ReproductionSettings(delay_mean_days=2.0), "delay needs its mean and its standard deviation"),
        (ReproductionSettings(delay="nowhere.csv"), "cannot read nowhere.csv"),
    ],
)
def test_a_delay_that_is_none_is_refused(settings: ReproductionSettings, words: str) -> None:
    with pytest.raises(InputError, match=words):
        settings.delays("delay")


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "control.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="as JSON"):
        read_settings(path, {})
