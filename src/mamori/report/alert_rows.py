"""What deserves a look: the alarms in their order, what lies on each place, and what could not be judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from mamori.surveillance.detect import Alerts
from mamori.surveillance.detector import Reason

NEW, DISMISSED = "new", "dismissed"

NOW, EARLIER, SET_ASIDE = 0, 1, 2
"""Blocks of the ranking: in alarm in the last period, only in an earlier one, dismissed."""

UNJUDGED, QUIET, ALARM_EARLIER, ALARM, STRONG, VERY_STRONG = -1, 0, 1, 2, 3, 4
"""How strongly a series calls for a look."""

STRONG_BELOW, VERY_STRONG_BELOW = 1e-3, 1e-6
"""p-values that part the alarms of the last period on the map."""


@dataclass(frozen=True)
class AlertRow:
    """A series in alarm: the figures of its latest alarm. Figures that the method does not give are NaN."""

    series: int
    target: int
    block: int
    observed: float
    expected: float
    bound: float
    pvalue: float
    qvalue: float
    in_a_row: int
    """Periods in alarm without a break, up to this one."""
    in_all: int
    """Periods in alarm among all that were judged."""
    status: str
    note: str
    folded: tuple[int, ...]
    """Series of the hierarchy whose alarm is reported under this one."""

    @property
    def excess(self) -> float:
        """Cases above what is expected without an outbreak."""
        return self.observed - self.expected

    @property
    def ratio(self) -> float:
        """Cases for each one that is expected without an outbreak; NaN where none is."""
        return self.observed / self.expected if self.expected > 0 else float("nan")


@dataclass(frozen=True)
class Unjudged:
    """The series that could not be judged in the last period, for one reason."""

    reason: Reason
    series: np.ndarray


@dataclass(frozen=True, eq=False)
class Ranking:
    """The alarms of some alerts, one row per series, strongest first.

    Series in alarm in the last period come before those that were so earlier, and dismissed alarms come last;
    within each block they are ordered by their latest alarm, newest first, then q-value, p-value and excess of
    cases. An alarm that a hierarchy reports under another series has no row of its own.
    """

    alerts: Alerts

    @cached_property
    def own(self) -> np.ndarray:
        """Whether a series is in alarm and the alarm stands for itself, (S, K)."""
        alarm = self.alerts.alarm
        return alarm if self.alerts.folded_into is None else alarm & (self.alerts.folded_into < 0)

    @cached_property
    def latest(self) -> np.ndarray:
        """The target of the latest alarm of each series, (S,); -1 where there is none."""
        found = self.own.shape[1] - 1 - self.own[:, ::-1].argmax(axis=1)
        return np.where(self.own.any(axis=1), found, -1)

    @cached_property
    def _known(self) -> Mapping[tuple[str, date | int], tuple[str, str]]:
        """Status and note of earlier alarms by series and date, or t where the series have no dates."""
        status = self.alerts.status
        if status is None:
            return {}
        point = "t" if self.alerts.observations.dates is None else "date"
        rows = status.select("series", point, "status", "note").iter_rows()
        return {(series, when): (word or NEW, note or "") for series, when, word, note in rows}

    def judgement(self, series: int, target: int) -> tuple[str, str]:
        """Return the status and the note of an alarm."""
        seen, column = self.alerts.observations, int(self.alerts.targets[target])
        when = int(seen.t[column]) if seen.dates is None else seen.dates[column].astype("datetime64[D]").item()
        return self._known.get((self.names[series], when), (NEW, ""))

    @cached_property
    def names(self) -> list[str]:
        """The names of the series."""
        return self.alerts.observations.names

    @cached_property
    def block(self) -> np.ndarray:
        """The block of each series, (S,); -1 for those never in alarm."""
        last = self.own.shape[1] - 1
        blocks = np.where(self.latest < 0, -1, np.where(self.latest == last, NOW, EARLIER))
        if self._known:
            for series in np.flatnonzero(self.latest >= 0):
                if self.judgement(int(series), int(self.latest[series]))[0] == DISMISSED:
                    blocks[series] = SET_ASIDE
        return blocks

    @cached_property
    def order(self) -> np.ndarray:
        """The series in alarm, strongest first."""
        series = np.flatnonzero(self.latest >= 0)
        at = self.latest[series]
        detection, seen = self.alerts.detection, self.alerts.observations
        excess = seen.counts[series, self.alerts.targets[at]] - detection.expected[series, at]
        keys = [series, -excess, detection.pvalue[series, at]]
        if self.alerts.qvalue is not None:
            keys.append(self.alerts.qvalue[series, at])
        return np.asarray(series[np.lexsort((*keys, -at, self.block[series]))])

    @cached_property
    def place_in_order(self) -> np.ndarray:
        """The rank of each series, (S,), from 0; those never in alarm share the last."""
        place = np.full(len(self.latest), len(self.order))
        place[self.order] = np.arange(len(self.order))
        return place

    def rows(self, most: int) -> list[AlertRow]:
        """Return the `most` strongest rows."""
        return [self._row(int(series)) for series in self.order[:most]]

    def _row(self, series: int) -> AlertRow:
        target = int(self.latest[series])
        detection, own = self.alerts.detection, self.own[series]
        status, note = self.judgement(series, target)
        before = own[: target + 1][::-1]
        folded = self.alerts.folded_into
        return AlertRow(
            series=series,
            target=target,
            block=int(self.block[series]),
            observed=float(self.alerts.observations.counts[series, self.alerts.targets[target]]),
            expected=float(detection.expected[series, target]),
            bound=float(detection.upperbound[series, target]),
            pvalue=float(detection.pvalue[series, target]),
            qvalue=float("nan") if self.alerts.qvalue is None else float(self.alerts.qvalue[series, target]),
            in_a_row=len(before) if before.all() else int(before.argmin()),
            in_all=int(own.sum()),
            status=status,
            note=note,
            folded=() if folded is None else tuple(np.flatnonzero(folded[:, target] == series).tolist()),
        )

    @property
    def tested(self) -> int:
        """Series that were judged in the last period."""
        return int((self._last_reason == Reason.COMPUTED).sum())

    @cached_property
    def _last_reason(self) -> np.ndarray:
        return self.alerts.detection.reason[:, -1]

    def unjudged(self) -> list[Unjudged]:
        """Return the series that could not be judged in the last period by reason, the most frequent first."""
        found = [Unjudged(reason, np.flatnonzero(self._last_reason == reason)) for reason in Reason if reason]
        return sorted((group for group in found if len(group.series)), key=lambda group: -len(group.series))

    @cached_property
    def level(self) -> np.ndarray:
        """How strongly each series calls for a look, (S,); a dismissed alarm is as quiet as none."""
        pvalue = self.alerts.detection.pvalue[:, -1]
        now = ALARM + (pvalue <= STRONG_BELOW).astype(int) + (pvalue <= VERY_STRONG_BELOW)
        quiet = np.where(self._last_reason == Reason.COMPUTED, QUIET, UNJUDGED)
        return np.select([self.block == NOW, self.block == EARLIER], [now, ALARM_EARLIER], quiet)
