"""Numbers as the reader's language writes them, never with more than three significant digits."""

import math
import sys
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_decimal, format_percent

from mamori.core.messages import text

if TYPE_CHECKING:
    from mamori.report.readout import Estimate

Quantity = Literal["count", "rate", "percent", "day"]

_WORDS_FROM = {"en": 1e6, "ja": 1e5}
"""From here on a count is written with words: 12.3 million, 1230万."""

_LEAST_SHARE = 0.001
"""A smaller share is written as below this one."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_LARGEST_AMOUNT = 1e12
_LARGEST_RATIO = 1000.0


def _power_of_ten(value: float) -> str:
    digits, exponent = f"{value:.0e}".split("e")
    return f"{digits}×10{str(int(exponent)).translate(_RAISED)}"


def significant(value: float, digits: int = 3) -> float:
    """Round `value` to `digits` significant digits."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))


@dataclass(frozen=True)
class Writer:
    """Writes numbers in one language."""

    lang: str

    def count(self, value: float) -> str:
        """Write a number of people, days or doses."""
        rounded = significant(value)
        if abs(rounded) < _WORDS_FROM[self.lang]:
            return format_decimal(round(rounded), locale=self.lang)
        form: Literal["short", "long"] = "short" if self.lang == "ja" else "long"
        return format_compact_decimal(rounded, format_type=form, locale=self.lang, fraction_digits=2)

    def exact(self, value: float) -> str:
        """Write a whole number in full, such as a seed or a number of draws."""
        return format_decimal(round(value), locale=self.lang)

    def rate(self, value: float) -> str:
        """Write a rate, with no more than two decimals."""
        return format_decimal(round(significant(value), 2), locale=self.lang, format="#,##0.##")

    def percent(self, value: float) -> str:
        """Write a share of 1 as a percentage of two significant digits, with no more than one decimal."""
        if 0 < abs(value) < _LEAST_SHARE:
            return text("below {value}", self.lang).format(value=self.percent(_LEAST_SHARE))
        return format_percent(significant(value, 2), locale=self.lang, format="#,##0.#%")

    def amount(self, value: float) -> str:
        """Write an expected number or a bound: one decimal below a hundred, whole above, huge ones as a power."""
        if not math.isfinite(value):
            return "–"
        if abs(value) >= _LARGEST_AMOUNT:
            return _power_of_ten(value)
        return format_decimal(round(value, 1 if abs(value) < 100 else 0), locale=self.lang, format="#,##0.#")

    def probability(self, value: float) -> str:
        """Write a p-value with two significant digits, small ones as a power of ten."""
        if math.isnan(value):
            return "–"
        if value >= _LEAST_SHARE:
            return f"{significant(value, 2):g}"
        if value < sys.float_info.min:
            return "<10⁻³⁰⁰"
        return _power_of_ten(value)

    def ratio(self, value: float) -> str:
        """Write how many times one number is another; what nears nothing is not divided by."""
        if math.isnan(value):
            return "–"
        return f">{self.exact(_LARGEST_RATIO)}" if value > _LARGEST_RATIO else self.rate(value)

    def day(self, value: float) -> str:
        """Write a day of the run, or that it is not reached."""
        if math.isinf(value):
            return text("not reached", self.lang)
        return format_decimal(round(value), locale=self.lang)

    def write(self, value: float, quantity: Quantity) -> str:
        """Write `value` as `quantity`; what has no value is a dash."""
        if math.isnan(value):
            return "–"
        written: str = getattr(self, quantity)(value)
        return written

    def interval(self, estimate: "Estimate", quantity: Quantity) -> str:
        """Write the 90 % interval of `estimate`, e.g. ``9.8 to 15.1 million``."""
        if math.isnan(estimate.low):
            return ""
        low, high = self.write(estimate.low, quantity), self.write(estimate.high, quantity)
        if low == high:
            return low
        number, _, word = low.partition(" ")
        if word and high.endswith(f" {word}"):
            low = number
        return text("{low} to {high}", self.lang).format(low=low, high=high)

    def date(self, value: date) -> str:
        """Write a calendar date in full."""
        return format_date(value, format="long", locale=self.lang)
