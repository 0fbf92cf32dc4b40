"""Scenarios are read strictly, and what is wrong in one is told with line and repair."""

import math
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamori.core.errors import InputError
from mamori.core.messages import LANGUAGES, text
from mamori.exercise import scenario as models
from mamori.exercise.assumptions import assumptions
from mamori.exercise.scenario import Arm, Scenario
from mamori.exercise.scenario_file import built_in_scenarios, changed, changed_settings, load_scenario


def _refused(folder: Path, content: str) -> str:
    file = folder / "mine.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as refusal:
        load_scenario(file)
    return str(refusal.value)


@pytest.mark.parametrize("name", built_in_scenarios())
def test_every_built_in_scenario_is_valid_and_has_units_and_sources(name: str) -> None:
    scenario = load_scenario(name)
    for setting in models.settings(scenario):
        assert setting.description, setting.path
        is_number = isinstance(setting.value, int | float) and not isinstance(setting.value, bool)
        assert setting.unit or not is_number or "steepness" in setting.path, setting.path
        assert setting.source or not is_number or setting.path == "draws", setting.path


def test_the_default_compares_two_vaccine_days_under_three_responses() -> None:
    assert load_scenario().arms == tuple(
        Arm(response, day) for response in ("none", "central", "strong") for day in (100, 365)
    )


def test_a_scenario_based_on_another_states_only_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("based_on: disease-x\nweeks: 52\nvaccine: {efficacy_infection: 0.6}\n", encoding="utf-8")
    scenario, default = load_scenario(file), load_scenario()
    assert scenario.weeks == 52
    assert scenario.vaccine.efficacy_infection == 0.6
    assert scenario.vaccine.efficacy_hospital == default.vaccine.efficacy_hospital
    assert scenario.supply == default.supply
    changed_paths = {setting.path for setting in models.settings(scenario)} - {
        setting.path for setting in changed_settings(scenario) if setting.source
    }
    assert {"weeks", "vaccine.efficacy_infection"} <= changed_paths
    assert "vaccine.efficacy_hospital" not in changed_paths


def test_a_file_may_be_based_on_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "first.yaml").write_text("based_on: disease-x\nweeks: 30\n", encoding="utf-8")
    (tmp_path / "second.yaml").write_text("based_on: first.yaml\ndraws: 7\n", encoding="utf-8")
    scenario = load_scenario(tmp_path / "second.yaml")
    assert (scenario.weeks, scenario.draws) == (30, 7)


BAD_FILES = {
    "based_on: disease-x\nvacine: 1\n": r"line 2: 'vacine' is not a field.* Did you mean 'vaccine'\?",
    "based_on: disease-x\nvaccine:\n  efficacy_infection: 1.5\n": r"line 3: 'vaccine\.efficacy_infection' is 1\.5",
    "based_on: disease-x\nvaccine:\n  efficacy_infection: .nan\n": r"line 3: .* is nan: .*finite",
    "based_on: disease-x\nvaccine:\n  approval_days: [100, -5]\n": r"line 3: 'vaccine\.approval_days\.1' is -5",
    "based_on: disease-x\nvaccine: {approval_days: [9, 9]}\n": r"line 2: vaccine: .*twice",
    "based_on: disease-x\nresponses:\n  central:\n    lihgt: 0\n": r"line 4: .* Did you mean 'light'\?",
    "based_on: disease-x\nresponses:\n  weak:\n    description: x\n": r"line 3: .*start_hospital_cases' is missing",
    "based_on: disease-x\nresponses:\n  Weak: null\n": r"line 3: 'responses\.Weak'",
    "based_on: disease-x\nresponses: {strong: {end_below_load: 3}}\n": r"line 2: responses\.strong: loads must rise",
    "based_on: disease-x\nplaces: []\n": r"line 2: 'places'",
    "based_on: disease-x\nallocation: popuation\n": r"line 2: 'allocation' is 'popuation'",
    'based_on: disease-x\nweeks: "104"\n': r"line 2: 'weeks' is '104'.*integer",
    "based_on: disease-x\nweeks: 10\nweeks: 11\n": r"line 3 .*duplicate",
    "based_on: disease-x\n  weeks: [10\n": r"line 2 .*not valid YAML",
    "based_on: disease-x\nstart_date: 2027-13-01\n": r"not valid YAML",
    "based_on: disease-x\nvaccine: {efficacy_hospital: 0.1}\n": r"line 2: vaccine: efficacy_hospital 0\.1 is below",
    "based_on: disease-x\nsupply: {existing_doses_per_year: 1}\n": r"line 2: supply: capacities must rise",
    "based_on: disesae-x\n": r"neither a built-in scenario nor a file\. Did you mean 'disease-x'\?",
    "based_on: mine.yaml\n": r"in a ring",
    "based_on: [1]\n": r"'based_on' is \[1\]",
    "title: x\n": r"'summary' is missing",
    "- 1\n": r"holds no fields",
    "": r"holds no fields",
}


@pytest.mark.parametrize("content", BAD_FILES)
def test_a_bad_file_is_refused_with_line_and_repair(tmp_path: Path, content: str) -> None:
    message = _refused(tmp_path, content)
    assert re.search(BAD_FILES[content], message), message
    assert "\n" not in message


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.floats(), st.text(max_size=5), st.just([])
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_field_is_taken_or_refused_in_one_line(tmp_path: Path, data: st.DataObject) -> None:
    default = load_scenario()
    path = data.draw(st.sampled_from([setting.path for setting in models.settings(default)]))
    value = data.draw(scalars)
    content: dict[str, object] = {"based_on": "disease-x"}
    inner = content
    *parents, last = path.split(".")
    for key in parents:
        inner[key] = {}
        inner = inner[key]  # type: ignore[assignment]
    inner[last] = value
    file = tmp_path / "fuzzed.yaml"
    from ruamel.yaml import YAML

    with file.open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump(content, stream)
    try:
        scenario = load_scenario(file)
    except InputError as refusal:
        assert "\n" not in str(refusal)
        assert path in str(refusal) or parents[0] in str(refusal)
    else:
        taken = {setting.path: setting.value for setting in models.settings(scenario)}
        assert not isinstance(taken[path], float) or math.isfinite(taken[path])
        assert taken[path] == value


def test_changed_keeps_what_is_none_and_refuses_what_is_not_allowed(disease_x: Scenario) -> None:
    shorter = changed(disease_x, weeks=10, draws=None, places=("KEN",))
    assert (shorter.weeks, shorter.draws, shorter.places) == (10, disease_x.draws, ["KEN"])
    with pytest.raises(InputError, match=r"'weeks' is 0"):
        changed(disease_x, weeks=0)


def test_the_schema_in_the_repository_is_that_of_the_models(root: Path) -> None:
    stored = (root / "schemas" / "scenario.schema.json").read_text(encoding="utf-8")
    assert stored == models.json_schema(), "run `python tools/make_schemas.py`"


@pytest.mark.parametrize("lang", [lang for lang in LANGUAGES if lang != "en"])
@pytest.mark.parametrize("name", built_in_scenarios())
def test_every_word_of_a_built_in_scenario_is_translated(lang: str, name: str) -> None:
    scenario = load_scenario(name)
    pooled = scenario.model_copy(update={"care": scenario.care.model_copy(update={"beds": "pooled-by-region"})})
    words = [scenario.title, scenario.summary, *assumptions(scenario), *assumptions(pooled)]
    for setting in models.settings(scenario):
        assert setting.meaning(lang) != setting.description, setting.path
        words += [word for word in (setting.unit, setting.source) if word]
        words += [setting.value] if setting.path.endswith("description") else []
    assert [word for word in words if text(word, lang) == word] == []


def test_every_word_of_the_command_line_is_translated(root: Path) -> None:
    source = (root / "src" / "mamori" / "cli" / "exercise.py").read_text(encoding="utf-8")
    words = set(re.findall(r'\btext\(\s*"([^"]+)"', source))
    for titles in re.findall(r"for name in \(([^)]*)\)", source):
        words |= set(re.findall(r'"([^"]+)"', titles))
    assert len(words) > 20
    assert sorted(word for word in words if text(word, "ja") == word) == []
