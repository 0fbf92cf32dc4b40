"""The errors that a user can meet and put right."""

from collections.abc import Iterable
from difflib import get_close_matches


class MamoriError(Exception):
    """Something that stops the work and that the user should read as one line, not as a traceback."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class InputError(MamoriError):
    """What the user gave cannot be used.

    The message names the rule, the value, the row and column or field, and the repair, e.g.
    ``column 'count' row 17 holds -3; counts must be >= 0. Remove the row or leave the cell empty.``
    """


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the option closest to `name`, or ``""`` when none is close.

    Upper and lower case are not told apart.
    """
    by_folded = {option.casefold(): option for option in options}
    matches = get_close_matches(name.casefold(), by_folded, n=1)
    return f" Did you mean '{by_folded[matches[0]]}'?" if matches else ""
