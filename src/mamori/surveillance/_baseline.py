"""Which past periods a Farrington method learns from at one target period, and how they are labelled."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mamori.core.contracts import Observations
from mamori.core.errors import InputError

DAYS_A_WEEK = 7
Rhythm = Literal["index", "days", "weeks", "months"]


@dataclass(frozen=True, eq=False)
class Baseline:
    """The points (n,) of a baseline, the same for all series.

    `columns`: their periods; points from ``run_start[r]`` to before ``run_start[r + 1]`` are of the seasonal cell
    ``run_cell[r]``; `times`: from their middle, in spacings of the first two; ``steps[step_of[j]]`` is the time
    from point j - 1 to j; the target lies at `ahead`, in `cell`, the last.
    """

    columns: np.ndarray
    run_start: np.ndarray
    run_cell: np.ndarray
    times: np.ndarray
    step_of: np.ndarray
    steps: np.ndarray
    ahead: float
    cell: int


@dataclass(frozen=True)
class Calendar:
    """How to go back whole years from a period: by `frequency` periods, or on the calendar by the dates."""

    frequency: int
    rhythm: Rhythm
    days: np.ndarray  # (T,) of each period: the date as a day number, or the index where there are no dates

    @classmethod
    def of(cls, observations: Observations, date_mode: bool | None) -> "Calendar":
        """Return the calendar of the observations; ``date_mode`` None is date mode where they have dates.

        Raises `InputError` where frequency or dates are needed but missing, or date mode knows no such frequency.
        """
        frequency, dates = observations.frequency, observations.dates
        if frequency is None:
            raise InputError("the number of periods a year is not known; give the frequency: 365, 52 or 12")
        if date_mode and dates is None:
            raise InputError("date mode (epochAsDate) needs dates; give the series a date column, or use index mode")
        if dates is None or date_mode is False:
            return cls(frequency, "index", np.arange(len(observations.t)))
        rhythms: dict[int, Rhythm] = {365: "days", 52: "weeks", 12: "months"}
        if frequency not in rhythms:
            raise InputError(
                f"date mode knows 365, 52 and 12 periods a year, not {frequency}; use index mode (epochAsDate false)"
            )
        return cls(frequency, rhythms[frequency], dates.astype("datetime64[D]").astype(np.int64))

    def years_before(self, target: int, years: int) -> np.ndarray | None:
        """Return the periods 1, 2, ... `years` years before `target`, None where one lies before the data.

        Days: the same date (1 March for 29 February). Weeks: of the same weekday, the day nearest to that date.
        Months: the same month.
        """
        back = np.arange(1, years + 1)
        if self.rhythm in ("index", "months"):  # months have no gaps: the same month is twelve periods back
            found = target - self.frequency * back
        else:
            day = self.days[target]
            date = np.datetime64(int(day), "D")
            month = date.astype("datetime64[M]")
            # A 29 February gives 28 days after 1 February, which is 1 March in a common year.
            same = ((month - 12 * back).astype("datetime64[D]") + (date - month.astype("datetime64[D]"))).astype(int)
            if self.rhythm == "weeks":
                half = DAYS_A_WEEK // 2
                same = same + (day - same + half) % DAYS_A_WEEK - half
            found = np.searchsorted(self.days, same)
            if np.any(self.days[found] != same):
                return None
        return found if found[-1] >= 0 else None


def windows(calendar: Calendar, target: int, years: int, half_window: int) -> Baseline | None:
    """Return the baseline of Farrington 1996: the windows around the target's period in past years.

    A window that begins before the data or reaches to the target is cut. None where a window's middle lies
    before the data.
    """
    middles = calendar.years_before(target, years)
    if middles is None:
        return None
    near = np.concatenate([np.arange(m - half_window, m + half_window + 1) for m in middles])
    columns = np.unique(near[(near >= 0) & (near < target)])
    return _baseline(calendar, target, columns, np.zeros(len(columns), dtype=np.int64), 0)


def seasons(
    calendar: Calendar, target: int, years: int, half_window: int, periods: int, excluded: int
) -> Baseline | None:
    """Return the baseline of Farrington Flexible: windows as the last seasonal cell, between them equal blocks.

    The `excluded` periods before the target are left out. None where the earliest window is not all in the data.
    Raises `InputError` where the year is too short for so many seasonal cells.
    """
    middles = calendar.years_before(target, years)
    if middles is None or middles[-1] < half_window:
        return None
    first = middles[-1] - half_window
    label = np.full(target + 1 - first, -1, dtype=np.int64)
    later = target
    for middle in middles:
        _label_gap(label, middle + half_window + 1 - first, later - half_window - first, periods, half_window)
        later = middle
    for middle in (target, *middles):
        label[max(middle - half_window - first, 0) : middle + half_window + 1 - first] = periods - 1
    used = np.flatnonzero(label[: max(target - excluded - first, 0)] >= 0)
    return _baseline(calendar, target, used + first, label[used], periods - 1)


def _label_gap(label: np.ndarray, start: int, stop: int, periods: int, half_window: int) -> None:
    """Label the periods between two windows with ``periods - 1`` blocks; the first ones take what is over."""
    if periods == 1:
        return
    length = stop - start
    if length < max(periods - (2 * half_window + 1), 0):
        raise InputError(
            f"{length} periods between the windows of two years are too few for {periods} seasonal periods (noPeriods) "
            f"beside a half window (w) of {half_window}; lower one of them"
        )
    whole, over = divmod(length, periods - 1)
    sizes = np.full(periods - 1, whole)
    sizes[:over] += 1
    label[start:stop] = np.repeat(np.arange(periods - 1), sizes)


def _baseline(calendar: Calendar, target: int, columns: np.ndarray, label: np.ndarray, cell: int) -> Baseline:
    """Return the baseline of these columns, in order of time."""
    when = calendar.days[columns]
    unit = float(when[1] - when[0]) if len(when) > 1 else 1.0
    middle = float(when.mean()) if len(when) else 0.0
    steps, step_of = np.unique(np.diff(when, prepend=when[:1]), return_inverse=True)
    starts = np.flatnonzero(np.diff(label, prepend=-1))
    return Baseline(
        columns=columns,
        run_start=np.append(starts, len(label)),
        run_cell=label[starts],
        times=(when - middle) / unit,
        step_of=step_of,
        steps=steps / unit,
        ahead=(float(calendar.days[target]) - middle) / unit,
        cell=cell,
    )
