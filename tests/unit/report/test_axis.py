import pytest

from mamori.report.axis import Axis
from mamori.report.readout import Estimate


def estimate(low: float, median: float, high: float) -> Estimate:
    return Estimate(low, median, high, mean=median)


def test_figures_near_each_other_share_an_even_axis() -> None:
    axis = Axis.of([estimate(2, 5, 8), estimate(0, 1, 10)])
    assert (axis.start, axis.end, axis.by_tens) == (0, 10, False)
    assert axis.percent(5) == 50
    assert axis.mark_percent == 25


def test_figures_far_apart_stand_on_factors_of_ten() -> None:
    axis = Axis.of([estimate(0, 20, 300), estimate(5_000, 2e6, 7e7)])
    assert (axis.start, axis.end, axis.by_tens) == (10, 1e8, True)
    assert axis.percent(1e8) == 100
    assert axis.percent(20_000) - axis.percent(2_000) == pytest.approx(axis.mark_percent)
    assert axis.percent(0) == 0


def test_the_axis_goes_no_further_down_than_a_reader_can_tell_apart() -> None:
    assert Axis.of([estimate(1e-6, 1e-3, 5e9)]).start == 100


def test_nothing_at_all_still_has_an_axis() -> None:
    assert Axis.of([]).percent(0) == 0
    assert Axis.of([estimate(0, 0, 0)]).percent(0) == 0
