from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.core.errors import InputError
from mamori.core.time import Calendar, week_end, week_of, week_start, weeks_in_year

DAYS = st.dates(date(1900, 1, 8), date(2200, 12, 20))
ANY_CALENDAR = st.sampled_from(["ISO", "MMWR"])

# Tables of notifiable diseases as printed in the Morbidity and Mortality Weekly Report: "week ending
# December 28, 2013 (52nd week)" (62/51&52), "January 4, 2014 (1st week)" (63/1),
# "January 3, 2015 (53rd week)" (63/53), "January 31, 2015 (4th week)" (64/4).
PUBLISHED_MMWR_WEEK_ENDS = [
    (date(2013, 12, 21), 2013, 51),
    (date(2013, 12, 28), 2013, 52),
    (date(2014, 1, 4), 2014, 1),
    (date(2015, 1, 3), 2014, 53),
    (date(2015, 1, 31), 2015, 4),
]


@pytest.mark.parametrize(("end", "year", "week"), PUBLISHED_MMWR_WEEK_ENDS)
def test_mmwr_weeks_end_as_published(end: date, year: int, week: int) -> None:
    assert week_of(end, "MMWR") == (year, week)
    assert week_end(year, week, "MMWR") == end
    assert week_of(end + timedelta(days=1), "MMWR") != (year, week)


@given(DAYS)
def test_iso_weeks_are_those_of_the_standard_library(day: date) -> None:
    iso = day.isocalendar()
    assert week_of(day, "ISO") == (iso.year, iso.week)
    assert week_start(iso.year, iso.week, "ISO") == date.fromisocalendar(iso.year, iso.week, 1)


@given(DAYS, ANY_CALENDAR)
def test_a_day_lies_in_its_own_week(day: date, calendar: Calendar) -> None:
    year, week = week_of(day, calendar)
    assert week_start(year, week, calendar) <= day <= week_end(year, week, calendar)


@given(st.integers(1900, 2199), ANY_CALENDAR)
def test_the_weeks_of_a_year_meet_those_of_the_next(year: int, calendar: Calendar) -> None:
    last = weeks_in_year(year, calendar)
    assert last in (52, 53)
    assert week_end(year, last, calendar) + timedelta(days=1) == week_start(year + 1, 1, calendar)


@given(DAYS, ANY_CALENDAR)
def test_a_week_begins_on_the_calendars_first_day(day: date, calendar: Calendar) -> None:
    start = week_start(*week_of(day, calendar), calendar)
    assert start.strftime("%w") == {"ISO": "1", "MMWR": "0"}[calendar]


def test_a_week_that_the_year_lacks_is_refused() -> None:
    with pytest.raises(InputError, match="week 53 of 2015 does not exist; 2015 has MMWR weeks 1 to 52"):
        week_start(2015, 53, "MMWR")


def test_another_calendar_is_refused() -> None:
    with pytest.raises(
        InputError, match="calendar 'mmwr' is not known; choose ISO or MMWR. Did you mean 'MMWR'"
    ):
        week_of(date(2020, 1, 1), "mmwr")  # type: ignore[arg-type]
