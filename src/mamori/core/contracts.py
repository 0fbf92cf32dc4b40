"""The frozen types in which the sciences meet: a science takes them as arguments and never asks who made them."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mamori.core.errors import InputError
from mamori.core.time import Calendar

if TYPE_CHECKING:
    import polars as pl

LABELS = ("place", "host", "stratum", "signal")
"""What a series is about; each is a column of `Observations.series` where the data name it."""


@dataclass(frozen=True)
class Dropped:
    """Rows of the input that are not in the counts: why, how many, where the first is (1-based file row)."""

    reason: str
    rows: int
    first_row: int | None
    repair: str


@dataclass(frozen=True, eq=False)
class Observations:
    """Counts of many series on one common time axis, checked once at the border. Missing (NaN) is not zero.

    `series` has a row per series: ``series`` (unique text) and, where known, the columns of `LABELS`,
    ``latitude`` and ``longitude`` (degrees). `t` (T,) counts the periods from 1 without gaps. `dates` (T,) are
    the dates as the user gave them (datetime64[D]), None for undated series; `frequency` is the number of
    periods a year (365 days, 52 weeks, 12 months), None when neither dates nor the user tell it.
    `calendar` names the calendar of weeks that the file used, None when it gave plain dates.

    `counts` (S, T) are cases. `history` (S, T) is what a method may learn from: the counts without those of
    known outbreaks and without excluded periods (NaN). `weights` (S, T) in [0, 1], None for all 1, weigh the
    history. `denominator` (S, T), None when not given, is the population or the number of tests. `dropped`
    tells which rows of the input are not counted and why, `ignored` which of its columns are not used.
    """

    series: "pl.DataFrame"
    t: np.ndarray
    counts: np.ndarray
    history: np.ndarray
    dates: np.ndarray | None = None
    frequency: int | None = None
    calendar: Calendar | None = None
    weights: np.ndarray | None = None
    denominator: np.ndarray | None = None
    dropped: tuple[Dropped, ...] = ()
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (self.series.height, len(self.t))
        for name in ("counts", "history", "weights", "denominator"):
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise InputError(f"{name} has shape {array.shape}; it must be {shape}: series by periods")
        if self.dates is not None and len(self.dates) != len(self.t):
            raise InputError(f"there are {len(self.dates)} dates for {len(self.t)} periods; give one for each")

    @property
    def names(self) -> list[str]:
        """The names of the series, in the order of the rows of `counts`."""
        return self.series.get_column("series").to_list()

    def rows(self, start: int, stop: int) -> "Observations":
        """Return the series from row `start` up to, not including, `stop`; the arrays are views."""

        def cut(array: np.ndarray | None) -> np.ndarray | None:
            return None if array is None else array[start:stop]

        return replace(
            self,
            series=self.series.slice(start, stop - start),
            counts=self.counts[start:stop],
            history=self.history[start:stop],
            weights=cut(self.weights),
            denominator=cut(self.denominator),
        )


@dataclass(frozen=True, eq=False)
class Triangle:
    """What was known of each period after each delay, of many series: the reporting triangle, cumulative.

    `reported` (S, T, W) are the cases of a reference period that are in the data d = 0 to W - 1 periods after it. It
    is NaN where that report is not out yet (the last report is that of the last period, so t + d >= T) or where it
    is missing. Along the delays it never falls. `series`, `t` (T,), `dates` (T,), `frequency`, `dropped` and
    `ignored` are as in `Observations`.

    Raises `InputError` for arrays that do not fit each other and for counts that fall.
    """

    series: "pl.DataFrame"
    t: np.ndarray
    reported: np.ndarray
    dates: np.ndarray | None = None
    frequency: int | None = None
    dropped: tuple[Dropped, ...] = ()
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = self.reported.shape
        if len(shape) != 3 or shape[:2] != (self.series.height, len(self.t)) or not shape[2]:
            raise InputError(
                f"reported has shape {shape}; it must be {(self.series.height, len(self.t))} and the delays"
            )
        if self.dates is not None and len(self.dates) != len(self.t):
            raise InputError(f"there are {len(self.dates)} dates for {len(self.t)} periods; give one for each")
        future = np.arange(shape[1])[:, None] + np.arange(shape[2]) >= shape[1]
        if np.isfinite(self.reported[:, future]).any():
            raise InputError(
                "reported holds counts of reports after the last period. Add the periods, or leave them out"
            )
        known = np.fmax.accumulate(self.reported, axis=2)
        with np.errstate(invalid="ignore"):
            falls = np.argwhere((self.reported < 0.0) | (self.reported < known) | np.isinf(self.reported))
        if len(falls):
            s, t, d = falls[0]
            raise InputError(
                f"series '{self.names[s]}' at t={self.t[t]} has {self.reported[s, t, d]:g} cases after {d} periods, "
                "fewer than before or no count; reports only add cases. Take corrections back to earlier reports first"
            )

    @property
    def names(self) -> list[str]:
        """The names of the series, in the order of the rows of `reported`."""
        return self.series.get_column("series").to_list()

    def latest(self) -> np.ndarray:
        """Return what is known now of each period (S, T); NaN where no report is there."""
        return np.asarray(np.fmax.reduce(self.reported, axis=2))

    def as_of(self, t: int) -> "Triangle":
        """Return the triangle as it was when the reports of period `t` (a value of ``t``) were the last.

        Raises `InputError` for a period outside the triangle.
        """
        if not self.t[0] <= t <= self.t[-1]:
            raise InputError(f"as of t={t}; the reports run from t={self.t[0]} to {self.t[-1]}. Choose within")
        size = int(t - self.t[0]) + 1
        reported = self.reported[:, :size].copy()
        reported[:, np.arange(size)[:, None] + np.arange(reported.shape[2]) >= size] = np.nan
        dates = None if self.dates is None else self.dates[:size]
        return replace(self, t=self.t[:size], reported=reported[:, :, :size], dates=dates)

    def observations(self, counts: np.ndarray | None = None) -> Observations:
        """Return the counts known now, or `counts` (S, T) in their place, as observations."""
        values = self.latest() if counts is None else counts
        return Observations(
            self.series, self.t, values, values, self.dates, self.frequency, dropped=self.dropped, ignored=self.ignored
        )
