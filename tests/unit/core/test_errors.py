from mamori.core.errors import InputError, did_you_mean


def test_a_message_is_one_line() -> None:
    assert str(InputError("first\n    second\tthird")) == "first second third"


def test_the_closest_option_is_suggested_whatever_its_case() -> None:
    assert did_you_mean("jpm", ["JPN", "KEN"]) == " Did you mean 'JPN'?"


def test_nothing_is_suggested_when_nothing_is_close() -> None:
    assert did_you_mean("xyz", ["JPN", "KEN"]) == ""
