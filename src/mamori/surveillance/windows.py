"""What the window methods share: which past periods are pooled for each target, and their moments."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.detector import Detector, Reason

KNOWN_SHARE = 0.5
"""The share of the windows that must be known; with less the value is not computed (`Reason.GAP`)."""

SYSTEMS = {1: (0, 6, True), 2: (1, 6, True), 3: (2, 4, False)}
"""`years_back`, `half_window` and `current_year` of the systems 1 to 3 of Bayes and RKI."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Of each series (S) and target (K): weight ``total`` of the pooled values, ``mean``, ``sd``, ``reason`` codes.

    Where the reason is not `Reason.COMPUTED` the other values are NaN.
    """

    total: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    reason: np.ndarray


def previous_periods(periods: int, gap: int = 0) -> np.ndarray:
    """Return the window (1, 2) of the `periods` before a target, less the last `gap`: first and last offset."""
    return np.array([[-periods - gap, -1 - gap]], dtype=np.int64)


class SeasonalWindows(Detector):
    """What Bayes and RKI share: a baseline of the same period in years before and of the periods before the target."""

    years_back: int = Field(0, ge=0, le=100, alias="b", description="Years before, around the same period, to pool.")
    half_window: int = Field(6, ge=0, le=1000, alias="w", description="Periods on each side of the same period.")
    current_year: bool = Field(
        default=True, alias="actY", description="Whether to pool also the periods just before the target."
    )

    @classmethod
    def system(cls, number: int) -> Self:
        """Return the detector with the baseline of system `number` (1, 2 or 3) of the R package."""
        years, half_window, current = SYSTEMS[number]
        return cls(years_back=years, half_window=half_window, current_year=current)

    @model_validator(mode="after")
    def _has_a_baseline(self) -> Self:
        if self.years_back * (2 * self.half_window + 1) + self.current_year * self.half_window < 2:
            raise ValueError(
                "the baseline holds fewer than 2 periods; give more years (years_back) or a wider window (half_window)"
            )
        return self

    def moments(self, observations: Observations, targets: np.ndarray) -> Moments:
        """Return the moments of the baseline of `targets`: ``2 half_window + 1`` periods of each year before.

        With `current_year` also the `half_window` periods before the target. Raises `InputError` where earlier
        years are asked of series without a frequency.
        """
        if self.years_back and observations.frequency is None:
            raise InputError(
                f"{self.name} with years_back = {self.years_back} must know how many periods a year has; "
                "give dates, or freq = 365, 52 or 12"
            )
        year, half = observations.frequency or 0, self.half_window
        windows = [[-i * year - half, -i * year + half] for i in range(1, self.years_back + 1)]
        if self.current_year:
            windows.append([-half, -1])
        return window_moments(observations, targets, np.array(windows, dtype=np.int64))


def window_moments(observations: Observations, targets: np.ndarray, windows: np.ndarray) -> Moments:
    """Return the moments of the known, weighted values of ``history`` in `windows` before each of `targets` (K,).

    ``TOO_SHORT`` where a window begins before the series; ``GAP`` where less than half of the windows' weight is
    known, or too little for a standard deviation.
    """
    from mamori.surveillance._windows import pool

    shape = (observations.counts.shape[0], len(targets))
    total, mean, sd = np.full((3, *shape), np.nan)
    reason = np.zeros(shape, dtype=np.uint8)
    early = int(np.sum(targets + windows.min() < 0))
    reason[:, :early] = Reason.TOO_SHORT
    if early < len(targets):
        weights = np.empty((0, 0)) if observations.weights is None else observations.weights
        parts = [np.empty((shape[0], shape[1] - early)) for _ in range(3)]
        pool(observations.history, weights, int(targets[early]), windows, *parts)
        gap = (parts[0] < KNOWN_SHARE * np.sum(windows[:, 1] - windows[:, 0] + 1)) | np.isnan(parts[2])
        reason[:, early:][gap] = Reason.GAP
        for whole, part in zip((total, mean, sd), parts, strict=True):
            whole[:, early:] = np.where(gap, np.nan, part)
    return Moments(total, mean, sd, reason)
