"""A variant's share over time and what it does to the drivers."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.core.errors import InputError
from mamori.epidemic.variants import Variant, VariantEffect, combine


def test_logistic_replacement_goes_from_1_to_99_percent() -> None:
    variant = Variant(100, 60)
    assert variant.share(99) == 0
    assert [variant.share(day) for day in (100, 130, 160)] == pytest.approx([0.01, 0.5, 0.99])
    odds = [variant.share(day) / (1 - variant.share(day)) for day in (110, 111, 112)]
    assert odds[1] / odds[0] == pytest.approx(odds[2] / odds[1])


def test_linear_replacement_is_watsons_delta() -> None:
    # Methods: multiplier 1 on the start date, 1.0075 the day after, 1.45 from day 60 on.
    delta = Variant(0, 60, severity=1.45, form="linear")
    assert [delta.effect(day).severity for day in (0, 1, 60, 200)] == pytest.approx([1, 1.0075, 1.45, 1.45])


@given(st.floats(0, 0.95), st.floats(1, 200), st.sampled_from(["logistic", "linear"]))
def test_the_whole_escape_is_lost_over_the_replacement(escape: float, days: float, form: str) -> None:
    variant = Variant(10, days, immune_escape=escape, form=form)  # type: ignore[arg-type]
    loss = sum(variant.effect(day).reinfection_rate for day in range(int(variant.last_day) + 2))
    assert (1 + loss) * np.exp(-loss) == pytest.approx(1 - escape, rel=1e-4)
    assert variant.effect(int(variant.last_day) + 1).reinfection_rate == pytest.approx(0, abs=1e-5)


def test_effects_of_variants_in_a_row() -> None:
    first, second = VariantEffect(1.5, 1.2, 0.9, 0.01), VariantEffect(2.0, 0.5, 0.5, 0.02)
    assert astuple(combine([first, second])) == pytest.approx((3.0, 0.6, 0.45, 0.03))
    assert combine([]) == VariantEffect()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replacement_days": 0}, "replacement_days of a variant is 0"),
        ({"transmission": -1}, "transmission of a variant is -1"),
        ({"vaccine_efficacy": 1.1}, "vaccine_efficacy of a variant is 1.1"),
        ({"immune_escape": 1}, "it must be below 1"),
        ({"form": "square"}, "must be logistic or linear"),
    ],
)
def test_impossible_variants_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        Variant(**({"start_day": 1, "replacement_days": 30} | change))  # type: ignore[arg-type]
    assert message in str(error.value)
