"""Counts become alarms: one method over all series, for a range of periods, with the reasons where it could not."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.core.executor import run_chunks
from mamori.core.provenance import provenance
from mamori.surveillance.detector import Detection, Detector, Reason
from mamori.surveillance.methods import DEFAULT_METHOD, make_detector
from mamori.surveillance.weekday import without_weekday_effect

if TYPE_CHECKING:
    import polars as pl

LARGEST_CHUNK = 2000
"""Series that one thread takes at a time: enough to hide the calls, few enough to share the work evenly."""


@dataclass(frozen=True, eq=False)
class Alerts:
    """The judgement of one method on each series (S) and target period (K).

    `targets` (K,) are columns of ``observations.counts``. `alarm` (S, K) are the method's own alarms, or those that
    hold when false discoveries are controlled over the series; then `qvalue` (S, K) and `false_discovery_rate` are
    there. `folded_into` (S, K),
    with a hierarchy, is the row of the series under which an alarm is reported, -1 where it stands for itself.
    `status` is the table ``alarm_status``, where people said what came of earlier alarms.
    """

    observations: Observations
    targets: np.ndarray
    detection: Detection
    method: str
    settings: Mapping[str, Any]
    alarm: np.ndarray
    qvalue: np.ndarray | None = None
    folded_into: np.ndarray | None = None
    status: "pl.DataFrame | None" = None
    false_discovery_rate: float | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    def reasons(self) -> dict[str, int]:
        """Return how many values could not be judged, by reason."""
        codes, counts = np.unique(self.detection.reason, return_counts=True)
        return {Reason(code).word: int(n) for code, n in zip(codes, counts, strict=True) if code != Reason.COMPUTED}

    def table(self) -> "pl.DataFrame":
        """Return a row per series and target period, series by series, with the columns of the table ``alarms``.

        Columns that nothing was asked about (``qvalue``, ``folded_into``, ``status``, ``note``) are left out.
        """
        return self._table(slice(None))

    def latest(self) -> "pl.DataFrame":
        """Return the alarms of the last period that stand for themselves, the strongest first, as `table` has them."""
        import polars as pl

        last = self._table(slice(-1, None))
        own = pl.col("folded_into").is_null() if self.folded_into is not None else pl.lit(value=True)
        by = ["qvalue", "pvalue"] if self.qvalue is not None else ["pvalue"]
        order = [*map(pl.col, by), (pl.col("expected") - pl.col("observed")).alias("excess")]
        return last.filter(pl.col("alarm") & own).sort(order, nulls_last=True)

    def _table(self, chosen: slice) -> "pl.DataFrame":
        import polars as pl

        targets = self.targets[chosen]
        size, width = len(self.alarm), len(targets)
        seen = self.observations
        names = seen.series.get_column("series")
        dates = None if seen.dates is None else np.tile(seen.dates[targets], size)
        columns: dict[str, Any] = {
            "series": names.gather(np.repeat(np.arange(size), width)),
            "t": np.tile(seen.t[targets], size),
            "date": pl.Series([None] * (size * width), dtype=pl.Date) if dates is None else pl.Series(dates),
            "observed": seen.counts[:, targets].ravel(),
        }
        for name in ("expected", "upperbound", "score", "pvalue", "phi"):
            columns[name] = getattr(self.detection, name)[:, chosen].ravel()
        columns["alarm"] = self.alarm[:, chosen].ravel()
        if self.qvalue is not None:
            columns["qvalue"] = self.qvalue[:, chosen].ravel()
        if self.folded_into is not None:
            rows = pl.Series(self.folded_into[:, chosen].ravel())
            columns["folded_into"] = names.gather(pl.select(pl.when(rows >= 0).then(rows)).to_series())
        frame = pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))
        if self.status is not None:
            key = ["series", "t" if dates is None else "date"]
            known = self.status.select(*key, "status", "note")
            frame = frame.join(known, on=key, how="left", maintain_order="left")
        words = pl.Series("reason", [reason.word or None for reason in Reason])
        return frame.with_columns(words.gather(self.detection.reason[:, chosen].ravel()))


def detect_outbreaks(
    observations: Observations,
    method: str | Detector = DEFAULT_METHOD,
    settings: Mapping[str, Any] | None = None,
    *,
    first: int | None = None,
    last: int | None = None,
    weekday: bool = False,
    neighbours: Iterable[tuple[str, str]] | None = None,
    parents: Mapping[str, str] | None = None,
    false_discovery: Literal["bh", "storey"] | None = None,
    false_discovery_rate: float = 0.05,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Alerts:
    """Judge every series at the periods `first` to `last` (values of t, inclusive; all when not given).

    `method` is a name of `methods.METHODS`, with its `settings`, or a detector. `weekday` takes the effect of the day
    of the week out of daily counts (`weekday`). `neighbours` (pairs of series) let related series add to the evidence
    of the method mamori (`neighbours`). With `false_discovery` the alarms
    are those whose q-value over the series of the same period is <= `false_discovery_rate`: Benjamini-Hochberg
    or Storey. `parents` (the parent of a series by name) adds the sums of a hierarchy as series and reports each
    event once (`hierarchy`). The result is the same for any number of `workers`.

    Raises `InputError` for settings that the method does not allow, for a range outside the data, and for q-values
    of a method that has no p-values.
    """
    from mamori.surveillance.hierarchy import aggregate, fold_alarms

    if isinstance(method, Detector):
        if settings:
            raise InputError("settings were given beside a detector that has its own. Give the method by name")
        detector = method
    else:
        detector = make_detector(method, settings)
    if parents:
        observations = aggregate(observations, parents)
    targets = _targets(observations.t, first, last)
    detection = _detect(detector, observations, targets, weekday, workers, progress)
    if neighbours is not None:
        detection = _with_neighbours(detector, detection, observations, neighbours)
    alarm, qvalue = detection.alarm, None
    if false_discovery is not None:
        qvalue = _q_values(detector, detection, false_discovery)
        alarm = qvalue <= false_discovery_rate
    folded_into = None
    if parents:
        excess = observations.counts[:, targets] - detection.expected
        margin = detection.upperbound - detection.expected
        folded_into = fold_alarms(observations.names, alarm, excess, parents, margin=margin).into
    asked = detector.model_dump(mode="json")
    origin = provenance(settings=asked)
    return Alerts(
        observations,
        targets,
        detection,
        detector.name,
        asked,
        alarm,
        qvalue,
        folded_into,
        false_discovery_rate=None if false_discovery is None else false_discovery_rate,
        provenance=origin,
    )


def _with_neighbours(
    detector: Detector, detection: Detection, observations: Observations, pairs: Iterable[tuple[str, str]]
) -> Detection:
    from mamori.surveillance.mamori import Mamori
    from mamori.surveillance.neighbours import adjacent, combine_neighbours, compressed

    if not isinstance(detector, Mamori):
        raise InputError(
            f"neighbours add to the evidence of the method mamori, not of {detector.name}. Choose it or leave them out"
        )
    return combine_neighbours(detection, *compressed(adjacent(observations.names, pairs)), detector.alpha)


def _targets(t: np.ndarray, first: int | None, last: int | None) -> np.ndarray:
    if not len(t):
        raise InputError("the counts hold no period. Give at least one row")
    low, high = int(t[0]), int(t[-1])
    start = low if first is None else first
    end = high if last is None else last
    for name, value in (("first", start), ("last", end)):
        if not low <= value <= high:
            raise InputError(f"the {name} period to judge is t={value}; the data hold t={low} to {high}. Choose within")
    if start > end:
        raise InputError(f"the first period to judge, t={start}, is after the last, t={end}. Exchange them")
    return np.arange(start - low, end - low + 1)


def _detect(
    detector: Detector,
    observations: Observations,
    targets: np.ndarray,
    weekday: bool,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> Detection:
    size = len(observations.counts)
    whole = Detection.empty(size, len(targets))
    step = min(LARGEST_CHUNK, max(1, -(-size // (4 * workers))))
    starts = range(0, size, step)

    def one(start: int) -> Detection:
        part = observations.rows(start, min(start + step, size))
        if not weekday:
            return detector.detect(part, targets)
        level, effect = without_weekday_effect(part, targets)
        return effect.put_back(detector.detect(level, targets), targets)

    for index, part in run_chunks(one, starts, workers=workers, progress=progress):
        rows = slice(starts[index], starts[index] + step)
        for name in vars(whole):
            getattr(whole, name)[rows] = getattr(part, name)
    return whole


def _q_values(detector: Detector, detection: Detection, method: Literal["bh", "storey"]) -> np.ndarray:
    from mamori.surveillance.false_discovery import q_values

    if np.isnan(detection.pvalue).all() and (detection.reason == Reason.COMPUTED).any():
        raise InputError(
            f"method {detector.name} gives no p-values, so false discoveries cannot be controlled. "
            "Choose mamori, farrington-flexible or ears, or leave the control out"
        )
    qvalue: np.ndarray = q_values(detection.pvalue, method)
    return qvalue
