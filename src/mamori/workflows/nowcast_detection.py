"""Detection on a nowcast: the last, incomplete periods are judged by what they will hold, with its uncertainty."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.inference.nowcast import Nowcast
from mamori.surveillance.detect import detect_outbreaks
from mamori.surveillance.detector import Detector, Reason
from mamori.surveillance.methods import DEFAULT_METHOD

if TYPE_CHECKING:
    import polars as pl

CHUNK_CELLS = 20_000_000
"""Counts (draws x series x periods) that are judged at a time."""


@dataclass(frozen=True, eq=False)
class NowcastAlerts:
    """How likely each of the last periods (K) of each series (S) is an alarm, given what may still be reported.

    `probability` (S, K) is the share of draws with an alarm among those that could be judged, NaN where none could
    (`reason` (S, K) then tells why, by the detector's words, or ``no-nowcast``). `reported_alarm` (S, K) is the alarm
    that the counts known now give.
    """

    nowcast: Nowcast
    probability: np.ndarray
    reported_alarm: np.ndarray
    reason: np.ndarray
    method: str
    settings: Mapping[str, Any]
    provenance: Mapping[str, str] = field(default_factory=dict)

    def table(self) -> "pl.DataFrame":
        """Return a row per series and open period, with the columns of the table ``nowcast_alarms``."""
        import polars as pl

        base = self.nowcast.table().select("series", "t", "date", "reported", "median")
        return base.with_columns(
            pl.Series("alarm_probability", self.probability.ravel()).fill_nan(None),
            pl.Series("alarm_reported", self.reported_alarm.ravel()),
            pl.Series("reason", self.reason.ravel(), dtype=pl.String),
        )


def detect_on_nowcast(
    cast: Nowcast,
    method: str | Detector = DEFAULT_METHOD,
    settings: Mapping[str, Any] | None = None,
    *,
    draws: int = 200,
    weekday: bool = False,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> NowcastAlerts:
    """Judge the open periods of a nowcast under each of `draws` of its draws, spread evenly over all of them.

    In each draw the open periods have the counts of that draw, as periods to judge and as history of the later ones;
    the closed periods have their counts. `method`, `settings` and `weekday` are as in `detect_outbreaks`. A period
    with an alarm in most draws is one whether or not the late reports come in as they usually do.

    Raises `InputError` as `detect_outbreaks` does, and for a number of draws outside 1 to those of the nowcast.
    """
    series, width, available = cast.draws.shape
    if not 1 <= draws <= available:
        raise InputError(f"draws is {draws}; the nowcast has {available}. Choose 1 to {available}")
    if not width:
        raise InputError("the nowcast has no open period: all counts are final. Use detect_outbreaks")
    known = cast.triangle.observations()
    first = int(cast.triangle.t[cast.columns[0]])
    now = detect_outbreaks(known, method, settings, first=first, weekday=weekday, workers=workers)
    alarms, judged = np.zeros((series, width)), np.zeros((series, width))
    reason = np.full((series, width), None, dtype=object)
    chosen = np.linspace(0, available - 1, draws).round().astype(int)
    step = max(1, CHUNK_CELLS // known.counts.size)
    for start in range(0, draws, step):
        part = chosen[start : start + step]
        many = _stacked(known, cast, part)
        alerts = detect_outbreaks(many, method, settings, first=first, weekday=weekday, workers=workers)
        shape = (len(part), series, width)
        found = alerts.detection.reason.reshape(shape)
        judged += (found == Reason.COMPUTED).sum(axis=0)
        alarms += (alerts.alarm.reshape(shape) & (found == Reason.COMPUTED)).sum(axis=0)
        for code in np.unique(found):
            reason[(found[0] == code) & (code != Reason.COMPUTED)] = Reason(code).word
        if progress is not None:
            progress(min(start + step, draws), draws)
    with np.errstate(invalid="ignore"):
        probability = np.where(judged > 0, alarms / judged, np.nan)
    reason[judged > 0] = None
    reason[cast.reason != 0] = "no-nowcast"
    return NowcastAlerts(
        cast, np.where(cast.reason != 0, np.nan, probability), now.alarm, reason, now.method, now.settings,
        dict(cast.provenance) | dict(now.provenance),
    )  # fmt: skip


def _stacked(known: Observations, cast: Nowcast, draws: np.ndarray) -> Observations:
    """Return the series of `known` once for each of `draws`, with that draw's counts in the open periods."""
    import polars as pl

    counts = np.tile(known.counts, (len(draws), 1, 1))
    counts[:, :, cast.columns] = np.moveaxis(cast.draws[:, :, draws], 2, 0)
    flat = counts.reshape(-1, counts.shape[2])
    names = [f"{name} #{draw}" for draw in draws for name in known.names]
    return replace(known, series=pl.DataFrame({"series": names}), counts=flat, history=flat)
