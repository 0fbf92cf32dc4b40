"""Methods by name and settings from a control file."""

import json
from pathlib import Path

import pytest

from mamori.core.errors import InputError
from mamori.surveillance.methods import METHODS, make_detector, method_class, read_control


@pytest.mark.parametrize("name", METHODS)
def test_every_method_carries_its_name_and_explains_its_settings(name: str) -> None:
    kind = method_class(name)
    assert kind.name == name
    assert kind.__doc__
    for field, info in kind.model_fields.items():
        assert info.description, f"{name}: {field}"


def test_settings_are_taken_by_our_names_and_by_those_of_the_package() -> None:
    ours = make_detector("farrington-flexible", {"alpha": 0.01})
    assert ours == make_detector("farrington-flexible", {"alpha": 0.01, "w": 3})


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("farington", {}, "Did you mean 'farrington'"),
        ("ears", {"alfa": 0.1}, r"control.json: 'alfa' is not a setting of ears. Did you mean 'alpha'"),
        ("ears", {"alpha": 2}, r"control.json: 'alpha' is 2: it should be less than"),
    ],
)
def test_a_wrong_setting_is_refused(name: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_detector(name, settings, source="control.json")


def test_a_control_file_parts_data_and_method(tmp_path: Path) -> None:
    path = tmp_path / "control.json"
    path.write_text(json.dumps({"freq": 52, "range_from": 3, "range_to": 9, "alpha": 0.1}))
    control = read_control(path)
    assert (control.frequency, control.first, control.last) == (52, 3, 9)
    assert dict(control.settings) == {"alpha": 0.1}


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "not valid JSON"), ("[1]", "holds no settings"), ('{"freq": "52"}', "'freq' is '52'")],
)
def test_a_broken_control_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "control.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_control(path)
    with pytest.raises(InputError, match="cannot read"):
        read_control(tmp_path / "none.json")
