"""Periods as users write them (days, weeks, two weeks, months), and the one time axis on which they all lie."""

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

import numpy as np

from mamori.core.errors import InputError
from mamori.core.time import Calendar, week_start

Unit = Literal["day", "week", "biweek", "month"]
FREQUENCIES: dict[Unit, int] = {"day": 365, "week": 52, "biweek": 26, "month": 12}
UNITS: dict[int, Unit] = {frequency: unit for unit, frequency in FREQUENCIES.items()}
MAXIMUM_PERIODS = 100_000
"""More periods than this on one axis (270 years of days) come from a wrong date."""

_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+]00:?00)?)?")
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|[AP]M|[+-]\d{2}:?\d{2})?", re.IGNORECASE)
_LOCAL_DAY = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})")
_COMPACT_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")
_WEEK = re.compile(r"(\d{4})-?(Wed|Thu|Fri|Sat|Sun|Bi)?W(\d{1,2})", re.IGNORECASE)
_MONTH = re.compile(r"(\d{4})-?(\d{2})")
_COARSE = re.compile(r"\d{4}(-?Q\d|S\d|AprilS\d|NovS\d|April|July|Oct|Nov|\d{2}B)?", re.IGNORECASE)
_FORMS = "a day 2024-01-31, a week 2024-W05 or a month 2024-01"
_WEEKDAYS = {"wed": 2, "thu": 3, "fri": 4, "sat": 5}


@dataclass(frozen=True)
class Period:
    """A period as written: the kind of calendar it is of, its number there, and its date (the first day).

    Periods of one kind that follow each other have numbers that differ by 1; a plain day is numbered by days.
    """

    kind: str
    unit: Unit
    number: int
    date: date


def parse_period(written: str, calendar: Calendar | None = None) -> Period:
    """Return the period that `written` names; week numbers are those of `calendar`, ISO when it is None.

    Takes days (2024-01-31, 20240131), ISO and MMWR weeks (2024-W05, 2024W5), the weeks of DHIS2 that begin on
    another weekday (2024WedW5) and its two weeks (2024BiW3), and months (2024-01, 202401). A week belongs to
    the year of its fourth day, whatever day it begins on; two weeks n are the ISO weeks 2n - 1 and 2n.

    Raises `InputError` for anything else and for periods that do not exist.
    """
    written = written.strip()
    if match := _DAY.fullmatch(written) or _COMPACT_DAY.fullmatch(written):
        return plain_day(_date(written, *(int(part) for part in match.groups()[:3])))
    if match := _WEEK.fullmatch(written):
        return _week(int(match[1]), (match[2] or "").lower(), int(match[3]), calendar or "ISO")
    if match := _MONTH.fullmatch(written):
        return month(_date(written, int(match[1]), int(match[2]), 1))
    if _COARSE.fullmatch(written):
        raise InputError(f"'{written}' is longer than a month; detection needs days, weeks or months. Give those")
    raise InputError(f"'{written}' is no period that can be read. Write {_FORMS}")


def parse_days(written: Sequence[str]) -> list[date | InputError]:
    """Return the day that each text names, with or without a time of the day, or what is wrong with it.

    Beside 2024-01-31 the texts may be 31.01.2024 (the day first), or 31/01/2024 or 01/31/2024 when the texts
    together leave only one order possible.
    """
    bare = [_TIME.sub("", text.strip()) for text in written]
    local = [match for match in map(_LOCAL_DAY.fullmatch, bare) if match]
    day_first = any(match[2] == "." or int(match[1]) > 12 for match in local)
    month_first = any(match[2] != "." and int(match[3]) > 12 for match in local)
    return [_day(text, day_first=day_first, month_first=month_first) for text in bare]


def is_local_day(cell: object) -> bool:
    """Return whether `cell` is a text such as 31.01.2024 or 1/31/2024."""
    return isinstance(cell, str) and _LOCAL_DAY.fullmatch(cell.strip()) is not None


def _day(written: str, *, day_first: bool, month_first: bool) -> date | InputError:
    match = _LOCAL_DAY.fullmatch(written)
    try:
        if match is None:
            period = parse_period(written)
            if period.kind == "day":
                return period.date
            return InputError(f"'{written}' is a {period.kind}, where a day is needed. Write 2024-01-31")
        if day_first == month_first:
            return InputError(
                f"'{written}' may have the day or the month first, and no other date tells. Write 2024-01-31"
            )
        day, month_ = (int(match[1]), int(match[3])) if day_first else (int(match[3]), int(match[1]))
        return _date(written, int(match[4]), month_, day)
    except InputError as error:
        return error


def plain_day(day: date) -> Period:
    """Return the period of a date given as such; the spacing of all dates tells what it stands for."""
    return Period("day", "day", day.toordinal(), day)


def month(day: date) -> Period:
    """Return the calendar month of `day`."""
    return Period("month", "month", 12 * day.year + day.month - 1, day.replace(day=1))


def _date(written: str, year: int, month_: int, day: int) -> date:
    try:
        return date(year, month_, day)
    except ValueError:
        raise InputError(f"'{written}' is not a date that exists. Correct it") from None


def _week(year: int, variant: str, number: int, calendar: Calendar) -> Period:
    if not 1 <= year <= 9998:
        raise InputError(f"year {year} is out of range. Correct it")
    if variant == "bi":
        if not 1 <= number <= 26:
            raise InputError(f"two weeks {number} of {year} do not exist on a regular axis; use BiW1 to BiW26")
        return Period("two weeks", "biweek", 26 * year + number - 1, week_start(year, 2 * number - 1, "ISO"))
    if variant in ("", "sun"):
        weeks: Calendar = "MMWR" if variant else calendar
        start = week_start(year, number, weeks)
        return Period(f"{weeks} week", "week", start.toordinal() // 7, start)
    start = _week_from(year, number, _WEEKDAYS[variant])
    return Period(f"week from {start:%A}", "week", start.toordinal() // 7, start)


def _week_from(year: int, number: int, weekday: int) -> date:
    """Return the first day of week `number` of weeks from `weekday` (Monday 0) on; week 1 holds 4 January."""

    def first(of: int) -> date:
        anchor = date(of, 1, 4)
        return anchor - timedelta(days=(anchor.weekday() - weekday) % 7)

    start = first(year) + timedelta(weeks=number - 1)
    if number < 1 or start >= first(year + 1):
        raise InputError(f"week {number} of {year} does not exist in weeks from {start:%A}. Correct the week")
    return start


@dataclass(frozen=True, eq=False)
class Axis:
    """The common time axis: `t` (T,) without gaps, `dates` (T,) or None, and where each written period lies.

    `position` gives the column of each distinct period, in the order in which they were handed in.
    """

    t: np.ndarray
    dates: np.ndarray | None
    frequency: int | None
    calendar: Calendar | None
    position: np.ndarray

    def written(self, column: int) -> str:
        """Return how messages name the period of a column: its date, or its number."""
        return str(self.t[column] if self.dates is None else self.dates[column])


def numbered_axis(numbers: Sequence[int], frequency: int | None) -> Axis:
    """Return the axis of undated periods whose numbers `t` are given, each once."""
    values = np.asarray(numbers, dtype=np.int64)
    _check_length(values, values)
    return Axis(np.arange(values.min(), values.max() + 1), None, frequency, None, values - values.min())


def dated_axis(periods: Sequence[Period], frequency: int | None) -> Axis:
    """Return the axis of the distinct `periods`, all of one kind, with their dates as given.

    Plain days tell by their spacing whether they are days, weeks or months, unless `frequency` (365, 52, 26,
    12) says so. A period that is missing in between has the date that continues the spacing.

    Raises `NotOnAxisError` naming the index of the period that does not fit.
    """
    kind, unit = periods[0].kind, periods[0].unit
    for index, period in enumerate(periods):
        if period.kind != kind:
            raise NotOnAxisError(
                index, f"is a {period.kind}, where others are a {kind}", "Write all periods in one form"
            )
    if kind == "day":
        return _axis_of_days(periods, frequency)
    if frequency not in (None, FREQUENCIES[unit]):
        raise InputError(
            f"frequency is {frequency}, but the file gives a {kind}, {FREQUENCIES[unit]} a year. Leave the option out"
        )
    calendar: Calendar | None = {"ISO week": "ISO", "MMWR week": "MMWR"}.get(kind)  # type: ignore[assignment]
    numbers = np.array([period.number for period in periods], dtype=np.int64)
    _check_length(numbers, [period.date for period in periods])
    if unit == "month":
        dates = _month_dates(numbers, 1)
    elif unit == "biweek":
        spanned = range(int(numbers.min()), int(numbers.max()) + 1)
        dates = np.array([week_start(n // 26, 2 * (n % 26) + 1, "ISO") for n in spanned], dtype="datetime64[D]")
    else:
        dates = _regular_dates(numbers, min(period.date for period in periods), 7)
    return _axis(numbers, dates, unit, calendar)


class NotOnAxisError(Exception):
    """A period does not fit with the others: its index, what is wrong, and the repair."""

    def __init__(self, index: int, problem: str, repair: str) -> None:
        super().__init__(problem)
        self.index, self.problem, self.repair = index, problem, repair


def _axis_of_days(periods: Sequence[Period], frequency: int | None) -> Axis:
    days = [period.date for period in periods]
    if frequency is None and len(set(days)) == 1:
        return Axis(np.array([1]), np.array(days[:1], dtype="datetime64[D]"), None, None, np.zeros(len(days), np.int64))
    if frequency is None:
        unit = _unit_of(days)
    elif frequency in UNITS:
        unit = UNITS[frequency]
    else:
        raise InputError(f"frequency is {frequency}; dates take 365 (days), 52 (weeks), 26 (two weeks) or 12 (months)")
    ordinals = np.array([day.toordinal() for day in days], dtype=np.int64)
    if unit == "month":
        return _months(days, ordinals)
    step = {"day": 1, "week": 7, "biweek": 14}[unit]
    offset = ordinals - ordinals.min()
    _check_spacing(ordinals, offset % step != 0, f"{step} days")
    _check_length(offset // step, days)
    return _axis(offset // step, _regular_dates(offset // step, min(days), step), unit, None)


def _months(days: list[date], ordinals: np.ndarray) -> Axis:
    """Months given by one of their days: the same day of each month, or the last where the month is shorter."""
    anchor = max(day.day for day in days)
    fits = np.array([day.day == min(anchor, _month_length(day)) for day in days])
    numbers = np.array([month(day).number for day in days], dtype=np.int64)
    _check_spacing(ordinals, ~fits, "a calendar month")
    _check_length(numbers, days)
    return _axis(numbers, _month_dates(numbers, anchor), "month", None)


def _check_spacing(ordinals: np.ndarray, wrong: np.ndarray, spacing: str) -> None:
    """Raise `NotOnAxisError` for the earliest of the days that the rest do not share their spacing with."""
    if wrong.any():
        # Where the first date of all is the odd one out, all others look wrong: blame the smaller party.
        blamed = wrong if 2 * wrong.sum() <= len(wrong) else ~wrong
        index = int(np.flatnonzero(blamed)[np.argmin(ordinals[blamed])])
        raise NotOnAxisError(
            index,
            f"does not fit the spacing of the other dates, {spacing}",
            "Correct the date, or number the periods in a column t",
        )


def _unit_of(days: list[date]) -> Unit:
    ordered = sorted(set(days))
    gaps = Counter((later - earlier).days for earlier, later in pairwise(ordered))
    most = max(gaps.values())
    usual = min(gap for gap, times in gaps.items() if times == most)
    if _look_monthly(ordered):
        return "month"
    if usual == 1:
        _check_no_weeks(days, ordered)
        return "day"
    if usual == 7:
        return "week"
    raise InputError(
        f"the dates are mostly {usual} days apart, first {ordered[0]} and {ordered[1]}; days, weeks (7) and months are "
        "known by their spacing. Say which it is: frequency 365, 52, 26 (two weeks) or 12"
    )


def _check_no_weeks(days: list[date], ordered: list[date]) -> None:
    """Raise `NotOnAxisError` where weeks stand among days: three gaps of seven days in a row."""
    gaps = [(later - earlier).days for earlier, later in pairwise(ordered)]
    for index in range(len(gaps) - 2):
        if gaps[index : index + 3] == [7, 7, 7]:
            raise NotOnAxisError(
                days.index(ordered[index]),
                "begins a stretch of weeks in a table of days; a count of a week is not one of a day",
                "Give the weeks in a file of their own, or say that all are days (frequency 365)",
            )


def _look_monthly(ordered: list[date]) -> bool:
    """Whether most dates are 28 to 31 days apart and on the same day of the month or on its last."""
    gaps = np.diff([day.toordinal() for day in ordered])
    if 2 * np.count_nonzero((gaps >= 28) & (gaps <= 31)) < len(gaps):
        return False
    usual_day = Counter(day.day for day in ordered).most_common(1)[0][0]
    anchor = max(day.day for day in ordered)
    same_day = sum(day.day == usual_day for day in ordered)
    at_end = sum(day.day == min(anchor, _month_length(day)) for day in ordered)
    return 2 * max(same_day, at_end) > len(ordered)


def _month_length(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _regular_dates(numbers: np.ndarray, first: date, step: int) -> np.ndarray:
    return np.datetime64(first, "D") + step * np.arange(int(np.ptp(numbers)) + 1)


def _month_dates(numbers: np.ndarray, day: int) -> np.ndarray:
    """Return the given day of each month from the first to the last of `numbers`, or the month's last day."""
    months = np.arange(int(numbers.min()), int(numbers.max()) + 1) - 12 * 1970
    starts = months.astype("datetime64[M]").astype("datetime64[D]")
    lengths = ((months + 1).astype("datetime64[M]").astype("datetime64[D]") - starts).astype(np.int64)
    return np.asarray(starts + (np.minimum(day, lengths) - 1))


def _axis(numbers: np.ndarray, dates: np.ndarray, unit: Unit, calendar: Calendar | None) -> Axis:
    return Axis(np.arange(1, len(dates) + 1), dates, FREQUENCIES[unit], calendar, numbers - numbers.min())


def _check_length(numbers: np.ndarray, written: Sequence[object] | np.ndarray) -> None:
    count = int(np.ptp(numbers)) + 1
    if count > MAXIMUM_PERIODS:
        first, last = written[int(numbers.argmin())], written[int(numbers.argmax())]
        raise InputError(
            f"the periods run from {first} to {last}, {count:,} in all; at most {MAXIMUM_PERIODS:,} are taken. "
            "Correct the first or the last"
        )
