"""Read the installed package airportsdata: how many airports with an IATA code each country has."""

import csv
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from mamori.data.adapters._package import package_file

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def count_airports() -> "Mapping[str, int]":
    """Return the number of airports with an IATA code by ISO 3166-1 alpha-2 code of the country."""
    path = package_file("airportsdata", "airportsdata", "airports.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        return Counter(row["country"] for row in csv.DictReader(stream) if row["iata"])
