"""How values that no source gives are filled: stated rules, each use of which is recorded."""

import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from mamori.data.adapters.factbook import Entry, Figure
from mamori.data.catalogue import Country, parameter
from mamori.data.gravity import great_circle_km
from mamori.data.places import Imputation

RULE_TOTAL = "Factbook total, moved to the year with the growth of the country nearest in median age"
RULE_AGES = "ages of the country nearest in median age, raked to the Factbook's broad ages"
RULE_CONTACTS = "contacts of the country nearest in median age"
RULE_LIFE = "life table of the country nearest in life expectancy"
RULE_MEDIAN = "median of the same subregion and income group"
RULE_INCOME_MEDIAN = "median of the income group"
RULE_INCOME_BEDS = "beds per person of the income group"
RULE_ICU = "share of hospital beds by income group"
RULE_OCCUPANCY = "occupancy by income group"
RULE_TRAVEL = "gravity model"

_FEWEST_FOR_A_MEDIAN = 3


def nearest(
    code: str,
    figure: str,
    candidates: Collection[str],
    register: Mapping[str, Country],
    entries: Mapping[str, Entry],
) -> str:
    """Return the donor of `code`: the candidate of the same subregion nearest in a figure of the Factbook.

    Where no candidate lies in the subregion, those of the region are taken; where the Factbook has no such
    figure of `code`, the nearest by distance.
    """
    own = register[code]
    near = [other for other in candidates if register[other].subregion == own.subregion] or [
        other for other in candidates if register[other].region == own.region
    ]
    if figure in entries[code].figures:
        here = entries[code].figures[figure].value
        return min(near, key=lambda other: (abs(entries[other].figures[figure].value - here), other))
    points = {other: entries[other].coordinates or (0.0, 0.0) for other in (code, *near)}
    return min(near, key=lambda other: (great_circle_km(points[code], points[other]), other))


@dataclass
class FigureTable:
    """The known figures of one column by place, and the medians that stand in for the missing ones."""

    column: str
    register: Mapping[str, Country]
    known: Mapping[str, Figure]
    imputed: list[Imputation] = field(default_factory=list)

    def value(self, code: str) -> Figure:
        """Return the figure of `code`, or the median of its subregion and income group.

        Where fewer than three such places have a figure: the parameter of that name and income group, or the
        median of the income group.
        """
        if code in self.known:
            return self.known[code]
        own = self.register[code]
        peers = {
            other: figure.value
            for other, figure in self.known.items()
            if self.register[other].income_group == own.income_group
        }
        near = [value for other, value in peers.items() if self.register[other].subregion == own.subregion]
        if len(near) >= _FEWEST_FOR_A_MEDIAN:
            return self._fill(code, statistics.median(near), RULE_MEDIAN)
        if self.column == "hospital_beds":
            return self._fill(code, parameter("beds_per_1000", own.income_group), RULE_INCOME_BEDS)
        return self._fill(code, statistics.median(peers.values()), RULE_INCOME_MEDIAN)

    def _fill(self, code: str, value: float, rule: str) -> Figure:
        self.imputed.append(Imputation(code, self.column, rule))
        return Figure(value, None)
