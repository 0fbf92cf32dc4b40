"""The names of places, and the place that a name means."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

from mamori.data.adapters import factbook, starsim
from mamori.data.catalogue import countries


@cache
def territory_names(lang: str) -> Mapping[str, str]:
    """Return the names of countries and areas in `lang` by ISO 3166-1 alpha-2 code (Unicode CLDR)."""
    from babel import Locale

    return dict(Locale.parse(lang).territories)


def folded(name: str) -> str:
    """Return `name` without upper case, accents, punctuation and a leading "the", for comparison."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return re.sub(r"[\W_]+", " ", letters).strip().removeprefix("the ")


@cache
def country_aliases() -> Mapping[str, str]:
    """Return the code of each country by every folded name of it.

    Its ISO codes, its CLDR names in English and Japanese, its Factbook name, and the names and aliases of
    starsim-data. A name that two countries share means neither.
    """
    meant: dict[str, set[str]] = {}
    for code, country in countries().items():
        names = [code, country.iso2, territory_names("en")[country.iso2], territory_names("ja")[country.iso2]]
        if len(country.factbook) == 1:
            names.append(factbook.read(country.factbook[0]).name)
        if code in starsim.locations():
            names += starsim.locations()[code].names
        for name in names:
            meant.setdefault(folded(name), set()).add(code)
    return {name: next(iter(codes)) for name, codes in meant.items() if name and len(codes) == 1}
