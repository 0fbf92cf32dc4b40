import pytest

from mamori import __version__
from mamori.core.provenance import DATA_PACKAGES, fingerprint, provenance


def test_versions_of_program_and_data_are_recorded() -> None:
    record = provenance()
    assert record["mamori"] == __version__
    assert set(DATA_PACKAGES) < set(record)


def test_inputs_are_recorded_by_fingerprint() -> None:
    assert provenance(scenario={"r0": 2.5})["scenario_sha256"] == fingerprint({"r0": 2.5})


def test_a_fingerprint_depends_on_content_not_on_order() -> None:
    assert fingerprint({"a": 1, "b": [1.5, None]}) == fingerprint({"b": [1.5, None], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_a_fingerprint_is_the_same_on_every_machine() -> None:
    assert fingerprint({"名": "守り"}) == "a1aeb3a0433b09055a46c1a7b112678e3767bd9089bcee60a8b0b056bff5bc21"


@pytest.mark.parametrize(("value", "error"), [(float("nan"), ValueError), ({1, 2}, TypeError)])
def test_what_has_no_canonical_form_is_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        fingerprint(value)
