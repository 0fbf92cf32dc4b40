"""Serial intervals: cut into days, published, read from tables."""

from pathlib import Path

import numpy as np
import pytest

from mamori.core.errors import InputError
from mamori.inference.serial_interval import (
    FAMILIES,
    Family,
    Range,
    SerialInterval,
    UncertainInterval,
    delay_distribution,
    published_interval,
    published_intervals,
    published_names,
    published_uncertain_interval,
    read_delay,
)

DAYS = np.arange(400)


@pytest.mark.parametrize("family", FAMILIES)
def test_days_keep_mean_and_spread(family: Family) -> None:
    """Rounding up or down at random keeps the mean and adds about 1/6 to the variance."""
    weights = SerialInterval(8.0, 3.0, family, shift=1.0).discretised(400)
    mean = DAYS @ weights
    assert weights[0] == 0.0
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert mean == pytest.approx(8.0, abs=1e-9)
    assert (DAYS - mean) ** 2 @ weights == pytest.approx(9.0 + 1.0 / 6.0, abs=1e-3)


def test_what_falls_on_the_first_day_goes_to_the_others() -> None:
    weights = SerialInterval(2.0, 1.5, "lognormal", shift=0.0).discretised(100)
    assert weights[0] == 0.0
    assert weights.sum() == pytest.approx(1.0, abs=1e-4)


def test_given_probabilities_are_taken_as_they_are() -> None:
    interval = SerialInterval(mass=np.array([0.0, 0.5, 0.5]))
    assert interval.mean == 1.5
    assert interval.sd == 0.5
    np.testing.assert_array_equal(interval.discretised(5), [0.0, 0.5, 0.5, 0.0, 0.0])
    np.testing.assert_array_equal(interval.discretised(2), [0.0, 0.5])


def test_a_complete_distribution_sums_to_one() -> None:
    weights = SerialInterval(14.2, 9.6).complete()
    assert weights.sum() == pytest.approx(1.0)
    assert 50 < len(weights) < 200


def test_a_delay_keeps_its_mean_and_may_fall_on_the_first_day() -> None:
    mass = delay_distribution(1.0, 1.0)
    assert mass[0] > 0.2
    assert np.arange(len(mass)) @ mass == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("name", published_names())
def test_every_published_interval_works(name: str) -> None:
    interval = published_interval(name)
    weights = interval.complete()
    assert "doi:" in interval.source
    assert np.arange(len(weights)) @ weights == pytest.approx(interval.mean, rel=0.12)


def test_published_limits_hold_the_estimate() -> None:
    table = published_intervals()
    for row in table.iter_rows(named=True):
        for what in ("mean", "sd"):
            if row[f"{what}_lower"] is not None:
                assert row[f"{what}_lower"] < row[f"{what}_days"] < row[f"{what}_upper"]


def test_published_limits_become_a_range() -> None:
    interval = published_uncertain_interval("ebola")
    assert interval.mean.lower == 13.1
    assert interval.mean.sd == pytest.approx((15.3 - 13.1) / 3.919928, rel=1e-6)
    with pytest.raises(InputError, match="'measles' has no published limits of its mean"):
        published_uncertain_interval("measles")


def test_drawn_intervals_keep_to_their_limits() -> None:
    interval = UncertainInterval(Range(3.0, 1.0, 2.0, 4.0), Range(1.5, 2.0, 0.5, 3.5))
    drawn = interval.draw(400, seed=1)
    means, sds = np.array([(one.mean, one.sd) for one in drawn]).T
    assert means.min() >= 2.0
    assert means.max() <= 4.0
    assert (sds < means).all()
    assert means.mean() == pytest.approx(3.0, abs=0.2)
    assert [one.mean for one in interval.draw(5, seed=1)] == means[:5].tolist()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: SerialInterval(1.0, 1.0), "mean of the serial interval is 1 days; it must be > 1"),
        (lambda: SerialInterval(3.0, 0.0), "deviation of the serial interval is 0 days; it must be > 0"),
        (lambda: SerialInterval(mass=np.array([0.5, 0.5])), "gives 0 days the probability 0.5; it must be 0"),
        (lambda: SerialInterval(mass=np.array([0.0, 0.5])), "sum to 0.5; they must sum to 1"),
        (lambda: SerialInterval(mass=np.array([0.0, np.nan])), "must be a list of probabilities >= 0"),
        (lambda: SerialInterval(900.0, 400.0).complete(), "longer than 1000 days"),
        (lambda: published_interval("mesles"), "is called 'mesles'. Did you mean 'measles'?"),
        (lambda: Range(3.0, 1.0, 4.0, 5.0), "is no range"),
        (lambda: UncertainInterval(Range(3, 1, 0.5, 4), Range(1, 1, 0.5, 2)), "must be > 1 and > 0"),
        (lambda: UncertainInterval(Range(3, 1, 2, 4), Range(3, 1, 0.5, 4)), "must be below its mean"),
        (lambda: delay_distribution(-1.0, 1.0, what="reporting"), "the reporting has mean -1"),
    ],
)
def test_what_is_no_interval_is_refused(call: object, words: str) -> None:
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        call()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("lag,prob\n1,0.5\n1,0.5\n", "has a lag twice"),
        ("lag,prob\n", "has no rows"),
        ("lag,prob\n-1,1\n", "column 'lag' row 2 holds"),
        ("lag,prob\n1,1.5\n", "column 'prob' row 2 holds 1.5"),
        ("lag,p\n1,1\n", "column 'p' is not known"),
        ("lag,prob\n0,1\n", "gives 0 days the probability 1"),
        ("", "cannot read"),
    ],
)
def test_a_bad_table_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "si.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_delay(path)


def test_a_table_is_read_with_lags_left_out(tmp_path: Path) -> None:
    path = tmp_path / "si.csv"
    path.write_text("lag,prob\n3,0.75\n1,0.25\n", encoding="utf-8")
    np.testing.assert_array_equal(read_delay(path), [0.0, 0.25, 0.0, 0.75])


def test_a_long_tail_is_cut_where_the_days_end_and_the_rest_sums_to_one() -> None:
    weights = SerialInterval(24.0, 48.0).complete()
    assert np.isclose(weights.sum(), 1.0)
    assert len(weights) > 500
