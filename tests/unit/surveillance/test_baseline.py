"""Which past periods a baseline holds and how they are labelled."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance._baseline import Calendar, seasons, windows


def observations(periods: int, frequency: int | None, dates: np.ndarray | None = None) -> Observations:
    counts = np.ones((1, periods))
    series = pl.DataFrame({"series": ["a"]})
    return Observations(series, np.arange(1, periods + 1), counts, counts, dates=dates, frequency=frequency)


def dated(first: str, periods: int, frequency: int) -> Observations:
    if frequency == 12:
        dates = (np.datetime64(first, "M") + np.arange(periods)).astype("datetime64[D]")
    else:
        dates = np.datetime64(first, "D") + {52: 7, 365: 1}[frequency] * np.arange(periods)
    return observations(periods, frequency, dates)


INDEX = Calendar.of(observations(600, 52), None)


def test_windows_lie_a_year_apart() -> None:
    base = windows(INDEX, 300, 2, 3)
    assert base is not None
    assert base.columns.tolist() == [*range(193, 200), *range(245, 252)]
    assert base.times.sum() == pytest.approx(0.0)
    assert np.diff(base.times).tolist() == np.diff(base.columns).tolist()
    assert base.steps[base.step_of[1:]].tolist() == np.diff(base.columns).tolist()
    assert base.ahead - base.times[-1] == pytest.approx(300 - 251)


def test_the_first_window_of_1996_may_be_cut_but_its_middle_not() -> None:
    cut = windows(INDEX, 105, 2, 3)
    assert cut is not None
    assert cut.columns[:5].tolist() == [0, 1, 2, 3, 4]
    assert windows(INDEX, 103, 2, 3) is None


def test_the_flexible_method_needs_the_whole_first_window() -> None:
    assert seasons(INDEX, 107, 2, 3, 1, 3) is not None
    assert seasons(INDEX, 106, 2, 3, 1, 3) is None


def test_one_level_is_the_windows() -> None:
    flexible, original = seasons(INDEX, 300, 5, 3, 1, 3), windows(INDEX, 300, 5, 3)
    assert flexible is not None
    assert original is not None
    assert flexible.columns.tolist() == original.columns.tolist()
    assert set(flexible.run_cell) == {0}


def test_levels_fill_the_year_and_the_longer_blocks_come_first() -> None:
    base = seasons(INDEX, 300, 2, 3, 10, 26)
    assert base is not None
    assert base.columns.tolist() == list(range(193, 274))
    lengths = np.diff(base.run_start)
    # 45 weeks between two windows: nine blocks of five
    assert lengths[:11].tolist() == [7, *[5] * 9, 7]
    assert base.run_cell[:11].tolist() == [9, *range(9), 9]
    assert base.cell == 9
    uneven = seasons(INDEX, 300, 2, 3, 8, 26)
    assert uneven is not None
    assert np.diff(uneven.run_start)[:9].tolist() == [7, 7, 7, 7, 6, 6, 6, 6, 7]


def test_periods_before_the_target_are_left_out() -> None:
    for excluded in (0, 3, 10, 60):
        base = seasons(INDEX, 300, 3, 3, 4, excluded)
        assert base is not None
        assert base.columns.max() == 300 - excluded - 1


def test_too_many_levels_are_an_error() -> None:
    months = Calendar.of(observations(120, 12), None)
    assert seasons(months, 100, 5, 1, 10, 1) is not None
    with pytest.raises(InputError, match="9 periods between the windows of two years are too few for 14 seasonal"):
        seasons(months, 100, 5, 1, 14, 1)


@given(st.integers(0, 20_000), st.integers(1, 9))
def test_a_week_years_ago_is_the_nearest_of_the_same_weekday(first_day: int, years: int) -> None:
    first = np.datetime64("1970-01-01") + first_day
    calendar = Calendar.of(dated(str(first), 520, 52), None)
    found = calendar.years_before(519, years)
    assert found is not None
    target = (first + 7 * 519).astype(date)
    for index, back in zip(found, range(1, years + 1), strict=True):
        leap_day = (target.month, target.day) == (2, 29)
        same = date(target.year - back, 3, 1) if leap_day else target.replace(year=target.year - back)
        assert abs((first + 7 * index).astype(date) - same) <= timedelta(days=3)


def test_days_keep_the_date_and_29_february_becomes_1_march() -> None:
    calendar = Calendar.of(dated("2015-01-01", 3000, 365), None)
    target = int((np.datetime64("2020-02-29") - np.datetime64("2015-01-01")).astype(int))
    found = calendar.years_before(target, 5)
    assert found is not None
    days = [str(np.datetime64("2015-01-01") + i) for i in found]
    assert days == ["2019-03-01", "2018-03-01", "2017-03-01", "2016-02-29", "2015-03-01"]
    assert calendar.years_before(target - 365 * 5, 2) is None


def test_months_keep_the_month_also_at_its_end() -> None:
    dates = (np.datetime64("2015-02", "M") + np.arange(120)).astype("datetime64[D]") - 1
    calendar = Calendar.of(observations(120, 12, dates), None)
    found = calendar.years_before(61, 5)
    assert found is not None
    assert found.tolist() == [49, 37, 25, 13, 1]


def test_dates_are_used_where_there_are_any_unless_refused() -> None:
    given_dates = dated("2015-01-05", 600, 52)
    assert Calendar.of(given_dates, None).rhythm == "weeks"
    assert Calendar.of(given_dates, True).rhythm == "weeks"
    assert Calendar.of(given_dates, False).rhythm == "index"
    by_date, by_index = (Calendar.of(given_dates, mode).years_before(500, 6) for mode in (None, False))
    assert by_date is not None
    assert by_index is not None
    assert by_date.tolist() != by_index.tolist()  # six years are 313 weeks


def test_what_a_calendar_lacks_is_an_error() -> None:
    with pytest.raises(InputError, match="number of periods a year is not known"):
        Calendar.of(observations(600, None), None)
    with pytest.raises(InputError, match="date mode .* needs dates"):
        Calendar.of(observations(600, 52), True)
    with pytest.raises(InputError, match="not 13; use index mode"):
        Calendar.of(observations(600, 13, np.datetime64("2000-01-01") + 28 * np.arange(600)), None)
