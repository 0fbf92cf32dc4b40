import math

import pytest

from mamori.report.numbers import Writer, significant
from mamori.report.readout import Estimate

EN, JA = Writer("en"), Writer("ja")


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(0.0, 0.0), (12345.0, 12300.0), (0.0012345, 0.00123), (-987.6, -988.0), (999.6, 1000.0)],
)
def test_three_significant_digits(value: float, rounded: float) -> None:
    assert significant(value) == pytest.approx(rounded)


@pytest.mark.parametrize(
    ("value", "english", "japanese"),
    [
        (0.4, "0", "0"),
        (12_345, "12,300", "12,300"),
        (854_321, "854,000", "85.4万"),
        (5_083_000, "5.08 million", "508万"),
        (123_456_789, "123 million", "1.23億"),
        (-2_345_678, "-2.35 million", "-235万"),
    ],
)
def test_counts(value: float, english: str, japanese: str) -> None:
    assert EN.count(value) == english
    assert JA.count(value) == japanese


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0%"), (0.0004, "below 0.1%"), (0.0384, "3.8%"), (0.612, "61%"), (1, "100%")]
)
def test_percentages(value: float, text: str) -> None:
    assert EN.percent(value) == text


def test_a_day_that_never_comes() -> None:
    assert EN.day(float("inf")) == "not reached"
    assert JA.day(float("inf")) == "未到達"


@pytest.mark.parametrize(
    ("estimate", "english", "japanese"),
    [
        (Estimate(9.8e6, 12e6, 15.1e6, 12e6), "9.8 to 15.1 million", "980万～1510万"),
        (Estimate(200_000, 1e6, 4.91e6, 1e6), "200,000 to 4.91 million", "20万～491万"),
        (Estimate(-12, 3, 40, 3), "-12 to 40", "-12～40"),
        (Estimate(5, 5, 5, 5), "5", "5"),
        (Estimate(float("nan"), float("nan"), float("nan"), float("nan")), "", ""),
    ],
)
def test_intervals(estimate: Estimate, english: str, japanese: str) -> None:
    assert EN.interval(estimate, "count") == english
    assert JA.interval(estimate, "count") == japanese


def test_what_has_no_value_is_a_dash() -> None:
    assert EN.write(float("nan"), "rate") == "–"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.14, "0.1"),
        (12.34, "12.3"),
        (99.0, "99"),
        (1234.5, "1,234"),
        (math.nan, "–"),
        (math.inf, "–"),
        (3e40, "3×10⁴⁰"),
    ],
)
def test_amounts_have_a_decimal_below_a_hundred(value: float, written: str) -> None:
    assert EN.amount(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0456, "0.046"), (0.001, "0.001"), (0.00012, "1×10⁻⁴"), (3.2e-17, "3×10⁻¹⁷"), (0.0, "<10⁻³⁰⁰"), (math.nan, "–")],
)
def test_probabilities_keep_their_order_of_magnitude(value: float, written: str) -> None:
    assert EN.probability(value) == written


@pytest.mark.parametrize(("value", "written"), [(1.234, "1.23"), (1e30, ">1,000"), (math.nan, "–")])
def test_ratios_to_almost_nothing_have_no_figure(value: float, written: str) -> None:
    assert EN.ratio(value) == written
