"""Options that hold several settings at once, written as ``name=value,name=value``."""

from collections.abc import Mapping

from mamori.core.errors import InputError, did_you_mean


def read_pairs(
    option: str, given: str, kinds: Mapping[str, type[int] | type[float] | type[str]]
) -> dict[str, int | float | str]:
    """Return the settings in `given` by name; `kinds` are the names that `option` knows, with their types.

    Raises `InputError` for a part that is no ``name=value``, a name that is unknown or given twice, and a
    value that is not of its type.
    """
    settings: dict[str, int | float | str] = {}
    for part in given.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise InputError(
                f"{option}: '{part.strip()}' is not a setting; write name=value. It knows {', '.join(kinds)}"
            )
        if name not in kinds:
            raise InputError(f"{option}: '{name}' is not known.{did_you_mean(name, kinds)} It knows {', '.join(kinds)}")
        if name in settings:
            raise InputError(f"{option}: '{name}' is given twice. Remove one")
        try:
            settings[name] = kinds[name](value)
        except ValueError:
            noun = "a whole number" if kinds[name] is int else "a number"
            raise InputError(f"{option}: {name} is '{value}'; it must be {noun}") from None
    return settings


def required(option: str, settings: Mapping[str, object], *names: str) -> None:
    """Raise `InputError` for the first of `names` that is not among `settings`."""
    for name in names:
        if name not in settings:
            raise InputError(f"{option}: '{name}' is missing. Add {name}=...")
