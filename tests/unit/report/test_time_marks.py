import numpy as np
import polars as pl
import pytest

from mamori.core.contracts import Observations
from mamori.report.time_marks import Periods, count_ticks


def periods(dates: np.ndarray | None, frequency: int | None, calendar: str | None = None, size: int = 120) -> Periods:
    counts = np.zeros((1, size))
    series = pl.DataFrame({"series": ["a"]})
    t = np.arange(1, size + 1)
    return Periods(Observations(series, t, counts, counts, dates, frequency, calendar), "en")  # type: ignore[arg-type]


WEEKS = np.datetime64("2020-12-28") + 7 * np.arange(120)
MONTHS = (np.datetime64("2020-03") + np.arange(120)).astype("datetime64[D]")
DAYS = np.datetime64("2024-02-20") + np.arange(120)


def test_weeks_are_named_by_their_calendar() -> None:
    assert periods(WEEKS, 52, "ISO").short(0) == "2020-W53"
    assert periods(WEEKS - 1, 52, "MMWR").short(0) == "MMWR 2020-W53"
    assert periods(WEEKS, 52).short(0) == "2020-12-28"
    assert periods(WEEKS, 52, "ISO").full(1) == "Week 2021-W01 (January 4, 2021)"
    assert periods(WEEKS, 52).full(1) == "Week of January 4, 2021"


def test_months_days_and_numbers_are_named() -> None:
    assert (periods(MONTHS, 12).short(0), periods(MONTHS, 12).full(0)) == ("2020-03", "March 2020")
    assert (periods(DAYS, 365).short(0), periods(DAYS, 365).full(0)) == ("2024-02-20", "February 20, 2024")
    assert (periods(None, 52).short(9), periods(None, 52).full(9)) == ("10", "t = 10")


def test_the_axis_of_weeks_marks_years_and_quarters() -> None:
    marks = periods(WEEKS, 52, "ISO").marks(0, 60)
    assert [(mark.column, mark.name) for mark in marks if mark.strong] == [(1, "2021"), (53, "2022")]
    assert [mark.name for mark in marks if not mark.strong] == ["W14", "W27", "W40"]


def test_the_axes_of_months_days_and_numbers() -> None:
    assert [mark.name for mark in periods(MONTHS, 12).marks(0, 12)] == ["Apr", "Jul", "Oct", "2021"]
    assert [mark.name for mark in periods(DAYS, 365).marks(0, 30)] == ["Mar 2024"]
    assert [mark.name for mark in periods(None, None).marks(0, 120)] == ["20", "40", "60", "80", "100", "120"]


def test_a_long_axis_of_months_keeps_the_years_only() -> None:
    assert all(mark.strong for mark in periods(MONTHS, 12).marks(0, 120))


def test_a_short_axis_has_a_mark_all_the_same() -> None:
    assert [mark.name for mark in periods(WEEKS, 52, "ISO").marks(3, 6)] == ["2021-W03"]


@pytest.mark.parametrize(
    ("top", "ticks"), [(1, [0, 1]), (3, [0, 1, 2, 3]), (7, [0, 2, 4, 6, 8]), (300, [0, 100, 200, 300])]
)
def test_counts_have_whole_marks(top: float, ticks: list[int]) -> None:
    assert count_ticks(top).tolist() == ticks
