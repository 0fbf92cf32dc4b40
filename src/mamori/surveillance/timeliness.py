"""Timeliness of detection and response: an event log held against the 7-1-7 targets.

An event is detected within 7 days of its emergence, notified within 1 day of its detection, and has all
applicable early response actions done within 7 days of its notification (7-1-7 Alliance, digital toolkit, step
2.2; Bochner et al. 2023, Lancet Global Health 11:e871, PMC10156425).
"""

import math
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from mamori.core.errors import InputError, did_you_mean
from mamori.core.provenance import provenance
from mamori.core.tables import TableDefinition
from mamori.data.user_table import read_user_table

if TYPE_CHECKING:
    import polars as pl

TARGET_DAYS = {"detect": 7, "notify": 1, "respond": 7}
"""The three intervals and the days within which each target is met; the last day still counts."""

MILESTONES = ("emergence_date", "detection_date", "notification_date")

ACTIONS = (
    "investigation",
    "risk_assessment",
    "laboratory_confirmation",
    "case_management",
    "countermeasures",
    "risk_communication",
    "coordination",
)
"""The early response actions; the event log has a column ``<action>_date`` for each."""

NOT_APPLICABLE = "not applicable"
MET, NOT_MET, NOT_ASSESSABLE = "met", "not met", "not assessable"
GROUPINGS = ("disease_class", "country")


@dataclass(frozen=True, eq=False)
class Timeliness:
    """The events of a log with their intervals, judged against the targets.

    `events` has the columns of the table ``timeliness``, a row per event in the order of the log.
    """

    events: "pl.DataFrame"
    provenance: dict[str, str]

    def table(self) -> "pl.DataFrame":
        """Return a row per event: its intervals (days), what was met, its bottleneck, the dates it lacks."""
        return self.events

    def summary(self, by: str = "disease_class") -> "pl.DataFrame":
        """Return shares, medians and ranges for each group of `by` and, last, for the whole log.

        `by` is one of `GROUPINGS`; the columns are those of the table ``timeliness_summary``, with a row for
        each interval and one for all three together. A share counts only assessable events in its denominator.
        Raises `InputError` for another `by`.
        """
        import polars as pl

        if by not in GROUPINGS:
            raise InputError(
                f"by is '{by}'; events are grouped by {' or '.join(GROUPINGS)}.{did_you_mean(by, GROUPINGS)}"
            )
        groups = self.events.partition_by(by, as_dict=True)
        named = sorted((key[0] is None, key[0], key) for key in groups)
        expected = {key: _independent_share(group) for key, group in groups.items()}
        rows = [row for *_, key in named for row in _summary_rows(groups[key], by, key[0], expected[key])]
        weight = {key: _judged(group, "all").height for key, group in groups.items()}
        whole = _weighted_mean([(share, weight[key]) for key, share in expected.items()])
        rows += _summary_rows(self.events, "all", None, whole)
        definition = TableDefinition.load("timeliness_summary")
        return definition.validate(pl.DataFrame(rows, schema=definition.attributes, orient="row"), "summary")


def assess_timeliness(events: "pl.DataFrame | str | Path") -> Timeliness:
    """Judge each event of a log against 7-1-7: detected in 7 days, notified in 1, responded to in 7.

    `events` is the log, as a frame or as a CSV or Parquet file, with the columns of the table ``event_log``.

    * detect = detection - emergence; notify = notification - detection; respond = the latest date among the
      applicable early response actions - notification, in whole days. What was done before the notification
      counts as done on its day.
    * A target is met when its interval is at most `TARGET_DAYS`.
    * An interval without one of its dates is not assessable. The response needs the date of every applicable
      action, and at least one that applies. All three are assessable when each of them is.
    * The bottleneck is the interval with the most days beyond its target; of two that are equal, the one with
      the larger ratio to its target, then the earlier one.

    Raises `InputError` for a log that breaks its table, an event that comes twice, a cell of an action that is
    neither a date nor 'not applicable', and dates out of order.
    """
    import polars as pl

    if isinstance(events, pl.DataFrame):
        source, log = "events", TableDefinition.load("event_log").validate(events, "events")
    else:
        source, log = str(events), read_user_table(Path(events), "event_log")
    rows = []
    seen: dict[str, int] = {}
    for number, event in enumerate(log.iter_rows(named=True), start=2):
        where = f"{source}: row {number}, event '{event['event']}'"
        if event["event"] in seen:
            raise InputError(
                f"{where} stands in row {seen[event['event']]} already; an event has one row. "
                "Join the two or give one another name"
            )
        seen[event["event"]] = number
        actions = _applicable_actions(event, where)
        _check_order(event, actions, where)
        rows.append(_assess(event, actions))
    definition = TableDefinition.load("timeliness")
    frame = pl.DataFrame(rows, schema=definition.attributes, infer_schema_length=None)
    written = log.with_columns(pl.col(*MILESTONES).cast(pl.String)).to_dicts()
    return Timeliness(definition.validate(frame, source), provenance(events=written))


def _applicable_actions(event: dict[str, Any], where: str) -> dict[str, date | None]:
    """Return the early response actions that apply to an event, each with its date or None."""
    actions: dict[str, date | None] = {}
    for action in ACTIONS:
        cell = (event[f"{action}_date"] or "").strip()
        if cell.lower() == NOT_APPLICABLE:
            continue
        actions[action] = _iso_date(cell)
        if cell and actions[action] is None:
            raise InputError(
                f"{where}: {action}_date is '{cell}'; it must be a date written YYYY-MM-DD or '{NOT_APPLICABLE}'. "
                "Correct the cell, or leave it empty when the date is not known"
            )
    return actions


def _iso_date(cell: str) -> date | None:
    try:
        return date.fromisoformat(cell) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", cell) else None
    except ValueError:
        return None


def _check_order(event: dict[str, Any], actions: dict[str, date | None], where: str) -> None:
    """Raise for a milestone, or an action, that lies before what it must follow."""
    dates = {name: event[name] for name in MILESTONES}
    seen_first = "detection_date" if dates["detection_date"] else "emergence_date"
    ordered = [(earlier, later) for i, earlier in enumerate(MILESTONES) for later in MILESTONES[i + 1 :]]
    ordered += [(seen_first, f"{action}_date") for action in actions]
    dates |= {f"{action}_date": day for action, day in actions.items()}
    for earlier, later in ordered:
        if dates[earlier] and dates[later] and dates[later] < dates[earlier]:
            ready = f", or give {dates[earlier]} for what stood ready before" if later not in MILESTONES else ""
            raise InputError(
                f"{where}: {later} {dates[later]} lies before {earlier} {dates[earlier]}; it must not. "
                f"Correct the one that is wrong{ready}"
            )


def _assess(event: dict[str, Any], actions: dict[str, date | None]) -> dict[str, object]:
    """Return the row of the table ``timeliness`` for one event."""
    done = {action: day for action, day in actions.items() if day is not None}
    last = max(done.values(), default=None)
    known = {
        "detect": _days(event["emergence_date"], event["detection_date"]),
        "notify": _days(event["detection_date"], event["notification_date"]),
        "respond": _days(event["notification_date"], last),
    }
    days = known if len(done) == len(actions) else known | {"respond": None}
    met = {interval: _verdict(days[interval], target) for interval, target in TARGET_DAYS.items()}
    excess, ratio, bottleneck = _bottleneck(known)
    missing = [name for name in MILESTONES if event[name] is None]
    missing += [f"{action}_date" for action in actions if action not in done]
    return {
        **{name: event[name] for name in ("event", "disease", *GROUPINGS)},
        **{f"{interval}_days": days[interval] for interval in TARGET_DAYS},
        **met,
        "all": _joined(list(met.values())),
        "bottleneck": bottleneck,
        "bottleneck_actions": ", ".join(a for a in done if done[a] == last) if bottleneck == "respond" else None,
        "excess_days": excess,
        "excess_ratio": ratio,
        "missing": ", ".join(missing) or None,
    }


def _days(start: date | None, end: date | None) -> int | None:
    """Days from `start` to `end`, 0 where the end came first; None without one of the two."""
    return max((end - start).days, 0) if start and end else None


def _verdict(days: int | None, target: int) -> str:
    if days is None:
        return NOT_ASSESSABLE
    return MET if days <= target else NOT_MET


def _joined(verdicts: list[str]) -> str:
    if NOT_ASSESSABLE in verdicts:
        return NOT_ASSESSABLE
    return NOT_MET if NOT_MET in verdicts else MET


def _bottleneck(days: dict[str, int | None]) -> tuple[int | None, float | None, str | None]:
    """Return (days beyond the target, ratio to the target, interval) of the worst interval, Nones when none is late."""
    late = [
        (known - target, known / target, interval)
        for interval, target in TARGET_DAYS.items()
        if (known := days[interval]) is not None and known > target
    ]
    return max(late, key=lambda found: found[:2], default=(None, None, None))


def _judged(group: "pl.DataFrame", interval: str) -> "pl.DataFrame":
    """The events of `group` whose dates allow a judgement on `interval`."""
    return group.filter(group[interval] != NOT_ASSESSABLE)


def _summary_rows(
    group: "pl.DataFrame", by: str, name: str | None, independent: float | None
) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for interval in (*TARGET_DAYS, "all"):
        judged = _judged(group, interval)
        met = int((judged[interval] == MET).sum())
        share = met / judged.height if judged.height else None
        lower, upper = wilson_interval(met, judged.height)
        spread: tuple[object, ...] = (None, None, None)
        if interval != "all" and judged.height:
            days = judged[f"{interval}_days"]
            spread = (days.median(), days.min(), days.max())
        counts = (TARGET_DAYS.get(interval), group.height, judged.height, met)
        expected = independent if interval == "all" else None
        rows.append((by, name, interval, *counts, share, lower, upper, *spread, expected))
    return rows


def _independent_share(group: "pl.DataFrame") -> float | None:
    """The product of the shares that met each target, among the events assessable on all three."""
    judged = _judged(group, "all")
    if not judged.height:
        return None
    return math.prod(int((judged[interval] == MET).sum()) / judged.height for interval in TARGET_DAYS)


def _weighted_mean(values: list[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in values if value is not None]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if known else None


def wilson_interval(met: int, events: int, level: float = 0.95) -> tuple[float | None, float | None]:
    """Return the Wilson score interval of the share `met` / `events`; Nones when there are no events.

    With z the normal quantile of (1 + level)/2 and n = events, p = met/n:
    (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n) (Wilson 1927, J Am Stat Assoc 22:209).
    """
    if not events:
        return None, None
    z = NormalDist().inv_cdf((1 + level) / 2)
    p, spread = met / events, z * z / events
    centre = p + spread / 2
    half = z * math.sqrt(p * (1 - p) / events + spread / (4 * events))
    lower, upper = ((centre + sign * half) / (1 + spread) for sign in (-1, 1))
    # At 0 and at all met the interval ends there exactly; rounding would leave it a hair beyond.
    return (0.0 if met == 0 else lower), (1.0 if met == events else upper)
