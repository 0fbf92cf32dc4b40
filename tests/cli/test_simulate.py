"""`mamori simulate`: what it writes and prints, and what it refuses."""

import json
from pathlib import Path

import polars as pl
import pytest
import typer

from mamori.cli._pairs import read_pairs
from mamori.cli._simulation_settings import measures, surges, vaccine, variant
from mamori.cli.main import app, run
from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.epidemic.interventions import ContactReduction, Isolation, Reductions, Trigger
from mamori.epidemic.measures import TriggeredReduction
from mamori.epidemic.pathogen import Vaccine
from mamori.epidemic.variants import Variant


def test_a_run_writes_its_tables_and_provenance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "two.csv"
    options = "--days 40 --draws 2 --vaccine-start-day 10 --by-age --workers 1 --seed 3"
    assert run(["simulate", "KEN", "Uganda", *options.split(), "--out", str(out)]) == 0
    daily = pl.read_csv(out)
    TableDefinition.load("simulation_daily").validate(daily, "daily")
    assert daily["code"].unique(maintain_order=True).to_list() == ["KEN", "UGA"]
    ages = pl.read_csv(tmp_path / "two.ages.csv")
    TableDefinition.load("simulation_ages").validate(ages, "ages")
    provenance = json.loads((tmp_path / "two.provenance.json").read_text(encoding="utf-8"))
    assert provenance["settings"]["seed"] == 3
    assert provenance["settings"]["vaccination"]["start_day"] == 10
    printed = capsys.readouterr().out
    for word in ("All places", "KEN", "UGA", "Peak need of ward beds", "People vaccinated", "two.csv"):
        assert word in printed
    assert {file.name for file in tmp_path.iterdir()} == {"two.csv", "two.ages.csv", "two.provenance.json"}


def test_json_holds_all_and_words_follow_the_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "one.json"
    options = "--days 5 --deterministic --no-limit-beds --per-draw --by-age --lang ja"
    assert run(["simulate", "KEN", *options.split(), "--out", str(out)]) == 0
    content = json.loads(out.read_text(encoding="utf-8"))
    assert len(content["daily"]) == 5
    assert content["daily"][0]["ward_beds"] is None
    assert len(content["ages"]) == 17 * 4
    assert content["provenance"]["settings"]["hospitals"]["limited"] is False
    assert "上限なし" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no place is given"),
        (["KEN", "--out", "result.xlsx"], "of unknown format"),
        (["KEN", "--days", "0"], "days is 0"),
        (["KEN", "--pathogen", "sars-cov2"], "Did you mean 'sars-cov-2'"),
        (["KEN", "--pathogen", "mine.csv"], "there is no file 'mine.csv'"),
        (["KEN", "--r0", "nan"], "r0 is nan"),
        (["KEN", "--vaccine-coverage", "0.7"], "--vaccine-coverage needs --vaccine-start-day"),
        (["KEN", "--booster-start-day", "9"], "--booster-start-day needs --vaccine-start-day"),
        (["KEN", "--pool-share", "0.5"], "--pool-share needs --pool-beds"),
        (["KEN", "--by-age"], "--by-age needs --out"),
        (["KEN", "--travel-file", "t.csv"], "--travel-file needs --travel"),
        (["KEN", "--inputs", "i.json"], "--inputs needs --from nimue"),
        (["--from", "nimui"], "Did you mean 'nimue'"),
        (["--from", "nimue", "--inputs", "i.json"], "needs --inputs, --params and --out"),
        (["--from", "nimue", "--days", "9"], "--days means nothing with --from nimue"),
        (["KEN", "--from", "nimue"], "'places' means nothing with --from nimue"),
        (["KEN", "--contacts", "scool=1,from=3,to=4"], "Did you mean 'school'"),
        (["KEN", "--surge", "from=3"], "--surge: 'icu' is missing"),
        (["KEN", "--vaccine-start-day", "9", "--vaccine-efficacy-hospital", "0.1"], "infections but only 0.1"),
        (["KEN", "--no-limit-beds", "--deferrable", "0.5"], "Drop one of the two"),
    ],
)
def test_what_cannot_be_done_is_one_line_of_error(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate", *arguments]) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ")
    assert line.count("\n") == 1
    assert message in line


def test_settings_of_measures() -> None:
    plan = measures(
        ["school=1,work=0.4,from=30,to=120"],
        ["signal=hospital_load,on=0.95,off=0.25,days=14,community=0.5"],
        "detected=0.5,effect=0.7,delay=2,from=30",
    )
    assert plan.contacts == (ContactReduction(Reductions(work=0.4, school=1.0), 30, 120),)
    trigger = TriggeredReduction("hospital_load", Trigger(0.95, 0.25, 14), Reductions(community=0.5))
    assert plan.triggered == (trigger,)
    assert (plan.isolation, plan.isolation_start_day) == (Isolation(0.5, 0.7, 2.0), 30)


def test_settings_of_variants_surges_and_vaccines() -> None:
    assert variant("from=200,days=60,severity=1.45,form=linear") == Variant(200, 60, severity=1.45, form="linear")
    surge = surges("ward=0.5,icu=0.95,from=60,ramp=30")
    assert surge["icu_surge"].factor(90) == pytest.approx(1.95)
    assert surge["ward_surge"].factor(75) == pytest.approx(1.25)
    product = vaccine(0.6, 0.9, None, 200)
    assert product.efficacy_disease == product.booster_efficacy_disease == pytest.approx(0.75)
    assert product.booster_protection_days == 200


def test_the_help_names_the_default_vaccine() -> None:
    product = vaccine(None, None, None, None)
    assert product == Vaccine.default()
    in_all = 1 - (1 - product.efficacy_infection) * (1 - product.efficacy_disease)
    expected = {
        "vaccine_efficacy_infection": product.efficacy_infection,
        "vaccine_efficacy_hospital": in_all,
        "vaccine_relative_infectiousness": product.relative_infectiousness,
        "vaccine_protection_days": product.protection_days,
    }
    command = typer.main.get_command(app).commands["simulate"]  # type: ignore[attr-defined]
    options = {parameter.name: parameter for parameter in command.params}
    for name, value in expected.items():
        assert float(options[name].show_default) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("on", "'on' is not a setting"),
        ("on=", "'on=' is not a setting"),
        ("onn=1", "Did you mean 'on'?"),
        ("on=1,on=2", "'on' is given twice"),
        ("on=much", "on is 'much'; it must be a number"),
        ("days=1.5", "days is '1.5'; it must be a whole number"),
    ],
)
def test_bad_pairs(given: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_pairs("--trigger", given, {"on": float, "days": int})
    assert message in str(error.value)
