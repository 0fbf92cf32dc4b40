"""The axis on which the tables draw intervals: even, or by factors of ten where figures lie far apart."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mamori.report.readout import Estimate

FAR_APART = 50.0
"""Highest end of an interval over the smallest median from which the axis goes by factors of ten."""

MOST_TENS = 8
EVEN_MARKS = 4


@dataclass(frozen=True)
class Axis:
    """An axis from `start` to `end`; one that goes by tens starts and ends at a power of ten."""

    start: float
    end: float
    by_tens: bool

    @classmethod
    def of(cls, estimates: Iterable[Estimate]) -> "Axis":
        """Return the axis on which all `estimates` (>= 0) fit."""
        found = list(estimates)
        end = max((estimate.high for estimate in found), default=0.0)
        medians = [estimate.median for estimate in found if estimate.median > 0]
        if not medians or end / min(medians) <= FAR_APART:
            return cls(0.0, end or 1.0, by_tens=False)
        least = min(value for estimate in found for value in (estimate.low, estimate.median) if value > 0)
        last = math.ceil(math.log10(end))
        first = max(math.floor(math.log10(least)), last - MOST_TENS)
        return cls(10.0**first, 10.0**last, by_tens=True)

    @property
    def mark_percent(self) -> float:
        """The distance of two marks, in percent of the axis' length."""
        return 100 / (math.log10(self.end / self.start) if self.by_tens else EVEN_MARKS)

    def percent(self, value: float) -> float:
        """Return how far along the axis `value` lies, in percent; what is below its start lies there."""
        if not self.by_tens:
            return 100 * value / self.end
        return 100 * math.log10(max(value, self.start) / self.start) / math.log10(self.end / self.start)
