"""The words a user reads, in every language Mamori speaks.

English stands in the code; each area's translation into another language lies beside the package in
``locale/<language>/<area>.po`` and is read at run time, so that one more language is one more folder.
"""

from functools import cache
from importlib import resources

from mamori.core.errors import InputError, did_you_mean

LANGUAGES: tuple[str, ...] = ("en", "ja")


def text(message: str, lang: str = "en") -> str:
    """Return `message` in the language `lang`, or `message` itself where no translation exists.

    Raises `InputError` for a language that Mamori does not speak.
    """
    return message if lang == "en" else _catalogue(lang).get(message, message)


def check_language(lang: str) -> str:
    """Return `lang`, or raise `InputError` when Mamori does not speak it."""
    if lang not in LANGUAGES:
        raise InputError(
            f"language '{lang}' is not available; choose one of {', '.join(LANGUAGES)}.{did_you_mean(lang, LANGUAGES)}"
        )
    return lang


@cache
def _catalogue(lang: str) -> dict[str, str]:
    check_language(lang)
    from babel.messages.pofile import read_po

    folder = resources.files("mamori") / "locale" / lang
    merged: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".po"):
            with file.open("rb") as stream:
                for entry in read_po(stream):
                    if entry.id and entry.string and not entry.fuzzy:
                        merged[str(entry.id)] = str(entry.string)
    return merged
