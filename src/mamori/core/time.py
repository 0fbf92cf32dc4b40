"""Weeks of surveillance: ISO weeks (Monday to Sunday) and MMWR weeks (Sunday to Saturday).

In both calendars a week belongs to the year that holds most of its days, that is to the year of its fourth
day (ISO 8601-1:2019, 4.4.4.3; CDC, "MMWR Weeks", National Notifiable Diseases Surveillance System).
"""

from datetime import date, timedelta
from typing import Literal, get_args

from mamori.core.errors import InputError, did_you_mean

Calendar = Literal["ISO", "MMWR"]
CALENDARS: tuple[Calendar, ...] = get_args(Calendar)

_FIRST_ISO_WEEKDAY = {"ISO": 1, "MMWR": 7}


def week_of(day: date, calendar: Calendar) -> tuple[int, int]:
    """Return (year, week) of `day`; near New Year the year of the week can differ from the year of the day.

    Raises `InputError` for another calendar than ISO or MMWR.
    """
    fourth_day = _first_day_of_week(day, calendar) + timedelta(days=3)
    return fourth_day.year, (fourth_day.timetuple().tm_yday - 1) // 7 + 1


def week_start(year: int, week: int, calendar: Calendar) -> date:
    """Return the first day of a week: a Monday (ISO) or a Sunday (MMWR).

    Raises `InputError` for a week that the year does not have, or for another calendar than ISO or MMWR.
    """
    if not 1 <= week <= weeks_in_year(year, calendar):
        raise InputError(
            f"week {week} of {year} does not exist; {year} has {calendar} weeks 1 to "
            f"{weeks_in_year(year, calendar)}. Correct the week"
        )
    return _first_week_start(year, calendar) + timedelta(weeks=week - 1)


def week_end(year: int, week: int, calendar: Calendar) -> date:
    """Return the last day of a week: a Sunday (ISO) or a Saturday (MMWR); raises as `week_start` does."""
    return week_start(year, week, calendar) + timedelta(days=6)


def weeks_in_year(year: int, calendar: Calendar) -> int:
    """Return the number of weeks that belong to `year`: 52 or 53.

    Raises `InputError` for another calendar than ISO or MMWR.
    """
    return week_of(date(year, 12, 28), calendar)[1]


def _first_week_start(year: int, calendar: Calendar) -> date:
    return _first_day_of_week(date(year, 1, 4), calendar)


def _first_day_of_week(day: date, calendar: Calendar) -> date:
    if calendar not in _FIRST_ISO_WEEKDAY:
        raise InputError(f"calendar '{calendar}' is not known; choose ISO or MMWR.{did_you_mean(calendar, CALENDARS)}")
    return day - timedelta(days=(day.isoweekday() - _FIRST_ISO_WEEKDAY[calendar]) % 7)
