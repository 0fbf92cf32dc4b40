from contextlib import suppress
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.core.errors import InputError
from mamori.core.time import week_of, week_start
from mamori.data.adapters._periods import NotOnAxisError, dated_axis, parse_days, parse_period, plain_day

DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))


@pytest.mark.parametrize(
    ("written", "kind", "start"),
    [
        ("2024-01-31", "day", date(2024, 1, 31)),
        ("2024-1-6", "day", date(2024, 1, 6)),
        ("20240131", "day", date(2024, 1, 31)),
        ("2024-01-31T00:00:00Z", "day", date(2024, 1, 31)),
        ("2024-01-31 00:00:00", "day", date(2024, 1, 31)),
        ("2024-W05", "ISO week", date(2024, 1, 29)),
        ("2024W05", "ISO week", date(2024, 1, 29)),
        ("2024W5", "ISO week", date(2024, 1, 29)),
        ("2020W53", "ISO week", date(2020, 12, 28)),
        ("2015WedW1", "week from Wednesday", date(2014, 12, 31)),
        ("2015ThuW1", "week from Thursday", date(2015, 1, 1)),
        ("2015FriW1", "week from Friday", date(2015, 1, 2)),
        ("2015SatW1", "week from Saturday", date(2015, 1, 3)),
        ("2015SunW1", "MMWR week", date(2015, 1, 4)),
        ("2015BiW1", "two weeks", date(2014, 12, 29)),
        ("2015BiW26", "two weeks", date(2015, 12, 14)),
        ("2024-02", "month", date(2024, 2, 1)),
        ("202402", "month", date(2024, 2, 1)),
    ],
)
def test_a_period_is_read_in_all_its_forms(written: str, kind: str, start: date) -> None:
    period = parse_period(written)
    assert (period.kind, period.date) == (kind, start)


def test_a_week_is_of_the_calendar_that_the_user_names() -> None:
    assert parse_period("2024-W05", "MMWR").date == week_start(2024, 5, "MMWR")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("2023-02-29", "'2023-02-29' is not a date that exists. Correct it"),
        ("2023-W53", "week 53 of 2023 does not exist; 2023 has ISO weeks 1 to 52. Correct the week"),
        ("2015WedW0", "week 0 of 2015 does not exist in weeks from Wednesday. Correct the week"),
        ("2014WedW53", "week 53 of 2014 does not exist in weeks from Wednesday. Correct the week"),
        ("2015BiW27", "two weeks 27 of 2015 do not exist on a regular axis; use BiW1 to BiW26"),
        ("2004Q1", "'2004Q1' is longer than a month; detection needs days, weeks or months. Give those"),
        ("2004", "'2004' is longer than a month; detection needs days, weeks or months. Give those"),
        ("2004AprilS1", "'2004AprilS1' is longer than a month; detection needs days, weeks or months. Give those"),
        (
            "week 5",
            "'week 5' is no period that can be read. Write a day 2024-01-31, a week 2024-W05 or a month 2024-01",
        ),
        ("0000-01-01", "'0000-01-01' is not a date that exists. Correct it"),
        ("9999-W01", "year 9999 is out of range. Correct it"),
    ],
)
def test_what_is_no_period_is_refused(written: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_period(written)
    assert str(caught.value) == message


@given(DAYS, st.sampled_from(["", "Wed", "Thu", "Fri", "Sat", "Sun"]))
def test_weeks_of_any_first_day_follow_each_other_and_hold_4_january_first(day: date, variant: str) -> None:
    """DHIS2 numbers all its weeks so that week 1 holds at least four days of the year."""
    first = parse_period(f"{day.year}{variant}W1")
    assert 0 <= (date(day.year, 1, 4) - first.date).days < 7
    weeks = 52
    with suppress(InputError):
        weeks = 52 + parse_period(f"{day.year}{variant}W53").number - parse_period(f"{day.year}{variant}W52").number
    following = parse_period(f"{day.year + 1}{variant}W1")
    assert following.number - first.number == weeks
    assert (following.date - first.date).days == 7 * weeks


@given(DAYS, st.integers(0, 500), st.sampled_from([1, 7]))
def test_days_and_weeks_are_told_by_their_spacing(start: date, more: int, step: int) -> None:
    days = [start + timedelta(days=step * index) for index in range(more + 3)]
    axis = dated_axis([plain_day(day) for day in reversed(days)], None)
    assert axis.frequency == {1: 365, 7: 52}[step]
    assert axis.dates is not None
    assert axis.dates.astype(object).tolist() == days
    assert axis.position.tolist() == list(range(len(days)))[::-1]


@given(DAYS, st.integers(3, 60))
def test_months_are_told_by_their_spacing(start: date, count: int) -> None:
    """The same day of each month, or its last where the month is shorter."""
    months = np.datetime64(start, "M") + np.arange(count)
    ends = (months + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    days = np.minimum(months.astype("datetime64[D]") + np.timedelta64(start.day - 1, "D"), ends)
    axis = dated_axis([plain_day(day) for day in days.astype(object)], None)
    assert axis.frequency == 12
    assert axis.dates is not None
    if start.day <= max(days.astype(object), key=lambda day: day.day).day:
        assert (axis.dates == days).all()


def test_a_missing_week_keeps_its_place() -> None:
    days = [date(2024, 1, 1), date(2024, 1, 8), date(2024, 1, 22)]
    axis = dated_axis([plain_day(day) for day in days], None)
    assert axis.position.tolist() == [0, 1, 3]
    assert axis.dates is not None
    assert axis.dates[2] == np.datetime64("2024-01-15")


def test_a_missing_month_takes_the_day_of_the_others() -> None:
    days = [date(2024, 1, 31), date(2024, 3, 31), date(2024, 4, 30), date(2024, 5, 31), date(2024, 6, 30)]
    axis = dated_axis([plain_day(day) for day in days], None)
    assert axis.frequency == 12
    assert axis.dates is not None
    assert axis.dates[1] == np.datetime64("2024-02-29")


@pytest.mark.parametrize(
    ("days", "frequency", "blamed"),
    [
        (["2024-01-01", "2024-01-08", "2024-01-16", "2024-01-22", "2024-01-29"], None, 2),
        (["2024-01-02", "2024-01-08", "2024-01-15", "2024-01-22", "2024-01-29"], None, 0),
        (["2024-01-01", "2024-02-01", "2024-03-02", "2024-04-01", "2024-05-01"], None, 2),
        (["2024-01-01", "2024-01-02"], 52, 1),
        (["2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22", *[f"2024-01-{d}" for d in range(23, 31)]], None, 0),
    ],
)
def test_a_date_off_the_spacing_is_named(days: list[str], frequency: int | None, blamed: int) -> None:
    with pytest.raises(NotOnAxisError) as caught:
        dated_axis([plain_day(date.fromisoformat(day)) for day in days], frequency)
    assert caught.value.index == blamed


def test_two_weeks_apart_may_mean_two_things() -> None:
    periods = [plain_day(date(2024, 1, 1) + timedelta(days=14 * index)) for index in range(4)]
    with pytest.raises(InputError, match="mostly 14 days apart"):
        dated_axis(periods, None)
    assert dated_axis(periods, 26).position.tolist() == [0, 1, 2, 3]
    assert dated_axis(periods, 52).position.tolist() == [0, 2, 4, 6]


def test_two_weeks_of_dhis2_skip_week_53() -> None:
    axis = dated_axis([parse_period("2020BiW26"), parse_period("2021BiW1")], None)
    assert axis.frequency == 26
    assert axis.dates is not None
    assert axis.dates.astype(str).tolist() == ["2020-12-14", "2021-01-04"]


def test_two_forms_of_period_do_not_share_an_axis() -> None:
    with pytest.raises(NotOnAxisError, match="is a MMWR week, where others are a ISO week"):
        dated_axis([parse_period("2024W1"), parse_period("2024SunW2")], None)


@given(DAYS, st.sampled_from(["ISO", "MMWR"]))
def test_a_week_comes_back_as_the_week_that_was_written(day: date, calendar: str) -> None:
    year, week = week_of(day, calendar)  # type: ignore[arg-type]
    start = parse_period(f"{year}-W{week:02d}", calendar).date  # type: ignore[arg-type]
    assert 0 <= (day - start).days < 7


@pytest.mark.parametrize(
    ("written", "want"),
    [
        (["17.09.2019", "01.02.2020"], [date(2019, 9, 17), date(2020, 2, 1)]),
        (["1/5/2015", "12/31/2014"], [date(2015, 1, 5), date(2014, 12, 31)]),
        (["1/5/2015", "31/12/2014 13:05"], [date(2015, 5, 1), date(2014, 12, 31)]),
        (["2020-07-24T00:00:00.000Z", "2020-07-24 23:59:00"], [date(2020, 7, 24), date(2020, 7, 24)]),
    ],
)
def test_local_days_are_taken_when_only_one_order_is_possible(written: list[str], want: list[date]) -> None:
    assert parse_days(written) == want


@pytest.mark.parametrize("written", [["1/5/2015", "2/6/2015"], ["13/5/2015", "5/13/2015"], ["1/5/15"], ["2024-01"]])
def test_local_days_of_unclear_order_are_refused(written: list[str]) -> None:
    assert all(isinstance(day, InputError) for day in parse_days(written))
