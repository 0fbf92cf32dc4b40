"""Series within series (district, province, country; age group, all ages): sums upwards, one report per alarm."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mamori.core.contracts import LABELS, Observations
from mamori.core.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

EXPLAINING_SHARE = 0.8
"""Share of the excess in the alarms next below from which one of them explains the alarm above."""


class Fold(IntEnum):
    """What becomes of a series in a period: no alarm, its own report, or a line under another series' report."""

    NO_ALARM = 0
    REPORTED = 1
    IN_PARENT = 2
    IN_CHILD = 3


@dataclass(frozen=True, eq=False)
class Folding:
    """Where each alarm is reported: `fold` (S, K) holds codes of `Fold` (uint8).

    `into` (S, K) is the row of the series under which a folded alarm is reported, -1 for all others. That series
    is always one that is reported: above the folded one (`Fold.IN_PARENT`) or within it (`Fold.IN_CHILD`).
    """

    fold: np.ndarray
    into: np.ndarray


def read_hierarchy(path: str | Path) -> dict[str, str]:
    """Return the parent of each series in a CSV or Parquet file with the columns of the table ``hierarchy``.

    Raises `InputError` for a file that breaks the table and for a series that stands in it twice.
    """
    from mamori.data.user_table import read_user_table

    parents: dict[str, str] = {}
    rows: dict[str, int] = {}
    for row, (series, parent) in enumerate(read_user_table(Path(path), "hierarchy").iter_rows(), start=2):
        if series in rows:
            raise InputError(
                f"{path}: series '{series}' stands in row {rows[series]} and in row {row}; "
                "a series has one parent. Remove one of the rows"
            )
        rows[series] = row
        if parent is not None:
            parents[series] = parent
    return parents


def aggregate(observations: Observations, parents: Mapping[str, str]) -> Observations:
    """Return the observations with a series added for every parent that has none: the sum of its children.

    `parents` gives the parent of a series by name; parents can have parents. The counts, the history and the
    denominator of a sum are missing (NaN) in every period in which those of one child are: a sum without one of
    its parts would look like a fall. Its weight is the least of its children's. It keeps a label (place, host ...)
    that all its children share. A parent with counts of its own keeps them. The sums come after the series given,
    those of the lowest level first.

    Raises `InputError` for a series of `parents` that has neither counts nor children, and for a circle.
    """
    given = observations.names
    sums = [name for name in dict.fromkeys(parents.values()) if name not in set(given)]
    if not sums:
        _parent_rows(given, parents)
        return observations
    depth = _depths(_parent_rows(given + sums, parents))[len(given) :]
    sums = [sums[i] for i in np.argsort(-depth, kind="stable")]
    row = {name: i for i, name in enumerate(given + sums)}
    children: dict[str, list[int]] = {name: [] for name in sums}
    for child, parent in parents.items():
        if parent in children:
            children[parent].append(row[child])
    parts = [children[name] for name in sums]
    weights, denominator = observations.weights, observations.denominator
    return replace(
        observations,
        series=_with_sums(observations.series, sums, parts),
        counts=_with_rows(observations.counts, parts, np.sum),
        history=_with_rows(observations.history, parts, np.sum),
        weights=None if weights is None else _with_rows(weights, parts, np.min),
        denominator=None if denominator is None else _with_rows(denominator, parts, np.sum),
    )


def fold_alarms(
    names: Sequence[str],
    alarm: np.ndarray,
    excess: np.ndarray,
    parents: Mapping[str, str],
    *,
    margin: np.ndarray | None = None,
    explaining_share: float = EXPLAINING_SHARE,
) -> Folding:
    """Return which alarms of a hierarchy are reported and which are lines under another: each event once.

    `names` (S) are the series, `alarm` (S, K) their alarms, `excess` (S, K) observed - expected counts, `margin`
    (S, K) the excess up to which a series gives no alarm (bound - expected), `parents` the parent of a series by
    name. In each period, from the top down, a series with an alarm is looked at together with the alarms next below
    it (of its children; of their children where a child has no alarm):

    * they have at least half of its excess, without theirs it would give no alarm, and one of them has at least
      `explaining_share` of theirs: that one explains it. The upper alarm is folded into the report below, and each
      alarm below goes on for itself.
    * otherwise the rise is wider than any one of them. The upper series is reported, and every alarm within it is
      folded into it.

    Where the margin is not known (NaN, or none given), they must have at least `explaining_share` of its excess.
    An alarm without a positive excess (a cumulative method after the peak, or no expected count) can explain
    nothing and be explained by nothing: it is reported for itself.

    Raises `InputError` for shapes that differ, a share outside (0, 1], a name of `parents` that is no series, and
    a circle.
    """
    margin = np.full(excess.shape, np.nan) if margin is None else margin
    if not alarm.shape == excess.shape == margin.shape or len(alarm) != len(names):
        raise InputError(
            f"alarm, excess and margin have the shapes {alarm.shape}, {excess.shape} and {margin.shape} for "
            f"{len(names)} series; each must be series by periods. Give a row for each series"
        )
    if not 0 < explaining_share <= 1:
        raise InputError(f"explaining_share is {explaining_share}; it must lie in (0, 1]. The usual value is 0.8")
    parent = _parent_rows(names, parents)
    depth = _depths(parent)
    fold = np.where(alarm, Fold.REPORTED, Fold.NO_ALARM).astype(np.uint8)
    into = np.full(alarm.shape, -1, dtype=np.int64)
    taking_part = alarm & (excess > 0)
    for k in np.flatnonzero(taking_part.sum(axis=0) > 1):
        rows = np.flatnonzero(taking_part[:, k])
        rows = rows[np.argsort(depth[rows], kind="stable")]
        for row, report in _reports(rows.tolist(), excess[:, k], margin[:, k], parent, explaining_share).items():
            if report != row:
                fold[row, k] = Fold.IN_PARENT if depth[report] < depth[row] else Fold.IN_CHILD
                into[row, k] = report
    return Folding(fold, into)


def _reports(
    rows: list[int], excess: np.ndarray, margin: np.ndarray, parent: np.ndarray, share: float
) -> dict[int, int]:
    """Return for each alarm of one period, `rows` from the top down, the series that it is reported under."""
    below: dict[int, list[int]] = {row: [] for row in rows}
    for row in rows:
        above = parent[row]
        while above >= 0 and above not in below:
            above = parent[above]
        if above >= 0:
            below[above].append(row)
    report: dict[int, int] = {}
    explained: list[tuple[int, int]] = []
    for row in rows:
        if row not in report:
            by = _explaining(excess[below[row]], excess[row], margin[row], share)
            if by is not None:
                explained.append((row, below[row][by]))
                continue
            report[row] = row
        report.update((child, report[row]) for child in below[row])
    for row, child in reversed(explained):
        report[row] = report[child]
    return report


def _explaining(below: np.ndarray, above: float, margin: float, share: float) -> int | None:
    """Return which of the excesses `below` explains an alarm with the excess `above`, or None."""
    if not len(below):
        return None
    total = float(below.sum())
    enough = total >= share * above if np.isnan(margin) else total >= above / 2 and above - total <= margin
    largest = int(below.argmax())
    return largest if enough and below[largest] >= share * total else None


def _parent_rows(names: Sequence[str], parents: Mapping[str, str]) -> np.ndarray:
    """Return the row of each series' parent (S,), -1 at the top; raise for names that are no series."""
    row = {name: i for i, name in enumerate(names)}
    found = np.full(len(row), -1, dtype=np.int64)
    for child, parent in parents.items():
        for name in (child, parent):
            if name not in row:
                raise InputError(
                    f"the hierarchy puts '{child}' into '{parent}', but there is no series '{name}'."
                    f"{did_you_mean(name, row)} Correct the name, add the counts, or remove the row"
                )
        found[row[child]] = row[parent]
    _refuse_circles(names, found)
    return found


def _refuse_circles(names: Sequence[str], parent: np.ndarray) -> None:
    safe = parent < 0
    for start in range(len(parent)):
        path: dict[int, None] = {}
        row = start
        while not safe[row]:
            if row in path:
                circle = [*path][[*path].index(row) :]
                chain = " in ".join(f"'{names[i]}'" for i in [*circle, row])
                raise InputError(f"the hierarchy goes round in a circle: {chain}. Remove one of these rows")
            path[row] = None
            row = int(parent[row])
        safe[list(path)] = True


def _depths(parent: np.ndarray) -> np.ndarray:
    """The number of series above each one."""
    depth = np.zeros(len(parent), dtype=np.int64)
    above = parent.copy()
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, parent[above], -1)
    return depth


def _with_rows(array: np.ndarray, parts: list[list[int]], join: Callable[..., np.ndarray]) -> np.ndarray:
    """Return `array` (S, T) with a row for each of `parts`: the rows named there joined; NaN where one is NaN."""
    size = len(array)
    whole = np.concatenate([array, np.empty((len(parts), array.shape[1]))])
    for row, children in enumerate(parts, start=size):
        whole[row] = join(whole[children], axis=0)
    return whole


def _with_sums(series: "pl.DataFrame", sums: list[str], parts: list[list[int]]) -> "pl.DataFrame":
    """Return the table of the series with a row for each sum: its name, and the labels that all its parts share."""
    import polars as pl

    columns: dict[str, list[str | None]] = {"series": [*series.get_column("series"), *sums]}
    for label in (label for label in LABELS if label in series.columns):
        values = series.get_column(label).to_list()
        for children in parts:
            shared = {values[child] for child in children}
            values.append(shared.pop() if len(shared) == 1 else None)
        columns[label] = values
    added = pl.DataFrame(columns, schema={name: series.schema[name] for name in columns})
    return pl.concat([series, added.tail(len(sums))], how="diagonal")
