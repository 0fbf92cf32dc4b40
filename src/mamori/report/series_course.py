"""What the drawing of one series shows: counts, what is expected, the upper bound, alarms, and where they lie."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mamori.core.errors import InputError
from mamori.report.alert_words import AlertWords
from mamori.report.time_marks import Periods, count_ticks
from mamori.surveillance.detect import Alerts

MOST_BARS = 156
"""Periods that are drawn as bars: three years of weeks. Longer histories are drawn small beneath."""

WIDTH = 860
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 52, 216

_BOUND_IN_VIEW = 3.0
"""A bound further above the highest count would flatten the counts; there the line ends at the edge."""


@dataclass(frozen=True)
class PlotSettings:
    """What is greyed and what is hidden: the newest `incomplete` periods, and counts from 1 below `suppress_below`."""

    incomplete: int = 0
    suppress_below: int = 0

    def __post_init__(self) -> None:
        for name in ("incomplete", "suppress_below"):
            value = getattr(self, name)
            if value < 0:
                raise InputError(f"{name} is {value}; it must be >= 0. Give 0 for none")

    def hides(self, value: float) -> bool:
        """Whether `value` is a small count, which could point to a person."""
        return 0 < value < self.suppress_below


@dataclass(frozen=True, eq=False)
class SeriesCourse:
    """What the drawing of one series (row of the counts) of some alerts shows, and where in the drawing it lies."""

    alerts: Alerts
    row: int
    settings: PlotSettings
    words: AlertWords
    periods: Periods

    @cached_property
    def counts(self) -> np.ndarray:
        """The counts (T,), small ones to be hidden raised to the limit."""
        counts = self.alerts.observations.counts[self.row]
        return np.where(self.hidden, float(self.settings.suppress_below), counts)

    @cached_property
    def hidden(self) -> np.ndarray:
        """Whether a count is to be hidden, (T,)."""
        counts = self.alerts.observations.counts[self.row]
        return np.asarray((counts > 0) & (counts < self.settings.suppress_below))

    @cached_property
    def left_out(self) -> np.ndarray:
        """Whether the method learns nothing or less from a count, (T,)."""
        seen = self.alerts.observations
        out = np.isnan(seen.history[self.row]) & ~np.isnan(seen.counts[self.row])
        return np.asarray(out if seen.weights is None else out | (seen.weights[self.row] < 1))

    @cached_property
    def alarm(self) -> np.ndarray:
        """Whether a period is in alarm, (T,)."""
        alarm = np.zeros(len(self.counts), dtype=bool)
        alarm[self.alerts.targets] = self.alerts.alarm[self.row]
        return alarm

    @cached_property
    def window(self) -> range:
        """The columns that are drawn as bars: the newest ones that hold the last period judged."""
        size, last = len(self.counts), int(self.alerts.targets[-1])
        stop = min(size, last + 1 + MOST_BARS // 3)
        return range(max(0, stop - MOST_BARS), stop)

    @cached_property
    def lines(self) -> dict[str, np.ndarray]:
        """What is expected and the upper bound by period, (T,) each; NaN where there is none or it is hidden."""
        lines = {}
        for name in ("expected", "upperbound"):
            lines[name] = np.full(len(self.counts), np.nan)
            lines[name][self.alerts.targets] = getattr(self.alerts.detection, name)[self.row]
        bound = lines["upperbound"]
        bound[(bound > 0) & (bound < self.settings.suppress_below)] = np.nan
        return lines

    @cached_property
    def ticks(self) -> np.ndarray:
        """The marks of the axis of counts."""
        shown = self.counts[self.window.start : self.window.stop]
        highest = float(np.nanmax(np.append(shown, 1.0)))
        lines = np.concatenate([line[self.window.start : self.window.stop] for line in self.lines.values()])
        near = lines[np.isfinite(lines) & (lines <= _BOUND_IN_VIEW * highest)]
        return count_ticks(max(highest, float(near.max(initial=0.0))))

    @property
    def slot(self) -> float:
        """The width of one period."""
        return (WIDTH - LEFT - RIGHT) / len(self.window)

    def x(self, column: float) -> float:
        """Where a period begins."""
        return LEFT + (column - self.window.start) * self.slot

    def y(self, count: float) -> float:
        """How high a count stands."""
        return BOTTOM - float(count) / float(self.ticks[-1]) * (BOTTOM - TOP)

    @property
    def has_strip(self) -> bool:
        """Whether there is more history than the bars show."""
        return len(self.window) < len(self.counts)

    def spoken(self) -> str:
        """Say in words what the drawing shows."""
        say, column = self.words.say, int(self.alerts.targets[-1])
        values = {name: self.words.numbers.amount(float(line[column])) for name, line in self.lines.items()}
        return say(
            "Last period judged, {period}: observed {observed}, expected {expected}, upper bound {bound}. "
            "Periods in alarm: {alarms} of {judged}."
        ).format(
            period=self.periods.short(column),
            observed=self.written(column),
            expected=values["expected"],
            bound=values["upperbound"],
            alarms=int(self.alarm.sum()),
            judged=len(self.alerts.targets),
        )

    def written(self, column: int) -> str:
        """Write a count as the reader may see it."""
        if self.hidden[column]:
            return f"<{self.settings.suppress_below}"
        return self.words.numbers.amount(float(self.counts[column]))
