"""The reporting triangle of one series as nowcasts see it: what is known of each period, and how counts grew."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Rows:
    """What is known of the reference periods of one series, delays of `longest` and more taken together.

    `reported` (T, longest + 1) are cumulative counts by delay, NaN where there is no report. `latest` (T,) is the last
    known of them (NaN where nothing is) and `age` (T,) its delay, -1 where nothing is known.
    """

    reported: np.ndarray
    latest: np.ndarray
    age: np.ndarray

    @classmethod
    def of(cls, reported: np.ndarray, longest: int) -> "Rows":
        """Return the rows of the cumulative counts `reported` (T, W)."""
        size, width = reported.shape
        cut = np.full((size, longest + 1), np.nan)
        cut[:, : min(width, longest + 1)] = reported[:, : longest + 1]
        if width > longest:
            cut[:, longest] = np.fmax.reduce(reported[:, longest:], axis=1)
        known = np.isfinite(cut)
        age = np.where(known.any(axis=1), longest - known[:, ::-1].argmax(axis=1), -1)
        latest = np.where(age >= 0, cut[np.arange(size), age], np.nan)
        return cls(cut, latest, age)

    @property
    def longest(self) -> int:
        return int(self.reported.shape[1]) - 1

    @property
    def open(self) -> np.ndarray:
        """Whether more cases of a period can be reported, (T,)."""
        return self.age < self.longest

    def as_of(self, periods: int) -> "Rows":
        """Return the first `periods` rows as they were known at the last of them."""
        cut = self.reported[:periods].copy()
        cut[np.arange(periods)[:, None] + np.arange(self.longest + 1) >= periods] = np.nan
        return Rows.of(cut, self.longest)

    def growth(self, window: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Return, for each delay d, the cases reported at d and at d or before (longest + 1,) each.

        Only periods of which both are known count, and only the last `window` periods where that is given.
        """
        rows = self.reported if window is None else self.reported[-window:]
        before = np.hstack([np.zeros((len(rows), 1)), rows[:, :-1]])
        both = np.isfinite(rows) & np.isfinite(before)
        return np.where(both, rows - before, 0.0).sum(axis=0), np.where(both, rows, 0.0).sum(axis=0)


def cumulative_share(new: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the share F (D + 1,) of cases reported by each delay.

    F_l = prod_{d > l} (1 - new_d / known_d), the reverse-time hazards of Lawless 1994 (the development factors of a
    chain ladder); a delay at which nothing is known adds no case.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        stay = np.where(known > 0.0, 1.0 - new / known, 1.0)
    stay[0] = 1.0
    return np.asarray(np.append(np.cumprod(stay[:0:-1])[::-1], 1.0))
