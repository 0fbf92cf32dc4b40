"""The names of periods, and the marks that stand for them on an axis of time."""

import math
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from babel.dates import format_date, format_skeleton

from mamori.core.contracts import Observations
from mamori.core.messages import text
from mamori.core.time import week_of

_QUARTER_WEEKS = (14, 27, 40)
_QUARTER_MONTHS = (4, 7, 10)
_MOST_QUARTERS = 26
"""Beyond so many the names of the quarters would run into each other; the years remain."""


@dataclass(frozen=True)
class Mark:
    """A mark at a period (column of the counts): its name, and whether a year or another whole begins there."""

    column: int
    name: str
    strong: bool = False


@dataclass(frozen=True, eq=False)
class Periods:
    """The periods of some observations, named in one language."""

    observations: Observations
    lang: str

    @cached_property
    def _days(self) -> list[date] | None:
        dates = self.observations.dates
        return None if dates is None else dates.astype("datetime64[D]").astype(object).tolist()

    def short(self, column: int) -> str:
        """Name a period where space is short: 2020-W20, 2020-05, 2020-05-11, or its number."""
        if self._days is None:
            return str(int(self.observations.t[column]))
        day = self._days[column]
        if self.observations.frequency == 12:
            return f"{day:%Y-%m}"
        calendar = self.observations.calendar
        if self.observations.frequency == 52 and calendar is not None:
            year, week = week_of(day, calendar)
            return f"{year}-W{week:02}" if calendar == "ISO" else f"{calendar} {year}-W{week:02}"
        return day.isoformat()

    def full(self, column: int) -> str:
        """Name a period in a sentence: its week and date, its month, its day, or its number."""
        if self._days is None:
            return f"t = {self.short(column)}"
        day = self._days[column]
        if self.observations.frequency == 12:
            return str(format_skeleton("yMMMM", day, locale=self.lang))
        written = format_date(day, format="long", locale=self.lang)
        if self.observations.frequency == 52:
            if self.observations.calendar is None:
                return text("Week of {date}", self.lang).format(date=written)
            return text("Week {week} ({date})", self.lang).format(week=self.short(column), date=written)
        return written

    @property
    def each(self) -> str:
        """Say what one bar counts."""
        names = {
            365: text("Count per day", self.lang),
            52: text("Count per week", self.lang),
            12: text("Count per month", self.lang),
        }
        return names.get(self.observations.frequency or 0, text("Count per period", self.lang))

    def marks(self, start: int, stop: int) -> list[Mark]:
        """Return the marks of an axis over the columns from `start` up to, not including, `stop`."""
        if (start, stop) not in self._known:
            self._known[start, stop] = self._found(range(start, stop))
        return self._known[start, stop]

    @cached_property
    def _known(self) -> dict[tuple[int, int], list[Mark]]:
        return {}

    def _found(self, columns: range) -> list[Mark]:
        if self._days is None:
            found = self._numbered(columns)
        elif self.observations.frequency == 12:
            found = self._monthly(columns)
        elif self.observations.frequency == 52:
            found = self._weekly(columns)
        else:
            found = self._daily(columns)
        light = sum(not mark.strong for mark in found)
        kept = [mark for mark in found if mark.strong or light <= _MOST_QUARTERS]
        return kept or [Mark(columns.start, self.short(columns.start), strong=True)]

    def _numbered(self, columns: range) -> list[Mark]:
        step = _round_step(len(columns) / 8)
        numbers = self.observations.t
        return [
            Mark(column, str(int(numbers[column])), strong=True) for column in columns if numbers[column] % step == 0
        ]

    def _weekly(self, columns: range) -> list[Mark]:
        calendar = self.observations.calendar or "ISO"
        found = []
        for column in columns:
            year, week = week_of(self._day(column), calendar)
            if week == 1:
                found.append(Mark(column, str(year), strong=True))
            elif week in _QUARTER_WEEKS:
                found.append(Mark(column, f"W{week}"))
        return found

    def _monthly(self, columns: range) -> list[Mark]:
        found = []
        for column in columns:
            day = self._day(column)
            if day.month == 1:
                found.append(Mark(column, str(day.year), strong=True))
            elif day.month in _QUARTER_MONTHS:
                found.append(Mark(column, format_date(day, "MMM", locale=self.lang)))
        return found

    def _daily(self, columns: range) -> list[Mark]:
        days = [(column, self._day(column)) for column in columns]
        return [
            Mark(column, str(format_skeleton("yMMM", day, locale=self.lang)), strong=True)
            for column, day in days
            if day.day == 1
        ]

    def _day(self, column: int) -> date:
        assert self._days is not None
        return self._days[column]


def _round_step(least: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50, ... that is not below `least`."""
    if least <= 1:
        return 1
    unit = 10 ** math.floor(math.log10(least))
    return int(next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= least))


def count_ticks(top: float) -> np.ndarray:
    """Return about five even steps of whole numbers from 0 to `top` or a little above."""
    step = _round_step(top / 4)
    return np.arange(0, max(1, math.ceil(top / step - 1e-9)) + 1) * step
