"""What people know and the counts do not: breaks and known outbreaks left out of the history, alarms verified."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mamori.core.contracts import Observations
from mamori.core.errors import InputError, did_you_mean
from mamori.data.user_table import read_user_table
from mamori.surveillance.detect import Alerts

if TYPE_CHECKING:
    import polars as pl

VERIFIED = "verified"


@dataclass(frozen=True)
class Exclusion:
    """A period that a method learns nothing from, or less: dates or values of t, both ends included.

    `series` None means every series; `weight` in [0, 1) is what is left of the period, 0 nothing.
    """

    start: date | int
    end: date | int
    series: str | None = None
    weight: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.start, date) is not isinstance(self.end, date):
            raise InputError(f"the period {self.start}..{self.end} mixes a date and a number. Give two of one kind")
        if self.start > self.end:  # type: ignore[operator]
            raise InputError(f"the period {self.start}..{self.end} ends before it starts. Exchange the two")


def parse_period(given: str) -> Exclusion:
    """Return the exclusion written as ``START..END``: two dates or two values of t; raises `InputError` else."""
    start, separator, end = given.partition("..")
    if not separator:
        raise InputError(f"period '{given}' is not START..END; write e.g. 2020-03-01..2022-06-30 or 100..120")
    return Exclusion(_point(start, given), _point(end, given))


def read_exclusions(path: Path) -> list[Exclusion]:
    """Return the exclusions in the table `path` (columns: table ``exclusions``); raises `InputError`."""
    made = []
    for row, values in enumerate(read_user_table(path, "exclusions").iter_rows(named=True), start=2):
        where = f"{path} row {row}"
        try:
            start, end = (_point(values[name], where) for name in ("start", "end"))
            made.append(Exclusion(start, end, values["series"], values["weight"]))
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    return made


def _point(written: str, where: str) -> date | int:
    written = written.strip()
    if written.isdigit():
        return int(written)
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise InputError(f"{where}: '{written}' is neither a date (YYYY-MM-DD) nor a number of a period") from None


def exclude(observations: Observations, exclusions: list[Exclusion]) -> Observations:
    """Return `observations` whose history leaves out, or weighs less, the periods of `exclusions`.

    The counts themselves stay: what is excluded can still be judged. Raises `InputError` for a series that the
    data do not hold and for dates where the series have none.
    """
    history = observations.history.copy()
    weights = observations.weights
    if any(exclusion.weight for exclusion in exclusions):
        weights = np.ones_like(history) if weights is None else weights.copy()
    rows = {name: row for row, name in enumerate(observations.names)}
    for exclusion in exclusions:
        if exclusion.series is not None and exclusion.series not in rows:
            raise InputError(
                f"an exclusion names series '{exclusion.series}', which the counts do not hold."
                f"{did_you_mean(exclusion.series, rows)} Correct the name"
            )
        chosen = slice(None) if exclusion.series is None else slice(rows[exclusion.series], rows[exclusion.series] + 1)
        inside = _inside(observations, exclusion)
        if exclusion.weight and weights is not None:
            weights[chosen, inside] *= exclusion.weight
        else:
            history[chosen, inside] = np.nan
    return replace(observations, history=history, weights=weights)


def _inside(observations: Observations, exclusion: Exclusion) -> np.ndarray:
    if not isinstance(exclusion.start, date):
        return (observations.t >= exclusion.start) & (observations.t <= exclusion.end)
    if observations.dates is None:
        raise InputError(
            f"the period {exclusion.start}..{exclusion.end} has dates, the counts have none. Give numbers of periods"
        )
    ends = np.array([exclusion.start, exclusion.end], dtype="datetime64[D]")
    inside: np.ndarray = (observations.dates >= ends[0]) & (observations.dates <= ends[1])
    return inside


def read_status(path: Path) -> "pl.DataFrame":
    """Return the status of earlier alarms in the table `path` (columns: table ``alarm_status``).

    Raises `InputError` for a broken table and for an alarm that stands in it twice.
    """
    import polars as pl

    frame = read_user_table(path, "alarm_status")
    key = ["series", "t", "date"]
    if (twice := frame.with_row_index("row", 2).filter(pl.struct(key).is_duplicated())).height:
        first = twice.row(0, named=True)
        raise InputError(f"{path} row {first['row']}: the alarm of '{first['series']}' stands twice. Remove one row")
    return frame


def verified_periods(status: "pl.DataFrame") -> list[Exclusion]:
    """Return an exclusion for each alarm that was verified, so that it is not learnt as normal."""
    rows = status.filter(status.get_column("status") == VERIFIED).iter_rows(named=True)
    return [Exclusion(point, point, row["series"]) for row in rows for point in [row["date"] or row["t"]]]


def update_status(alerts: Alerts, earlier: "pl.DataFrame | None") -> "pl.DataFrame":
    """Return the table ``alarm_status``: the rows of `earlier` as they are, then the alarms not in it, as new."""
    import polars as pl

    names = ["series", "t", "date", "observed", "upperbound"]
    dated = alerts.observations.dates is not None
    alarms = alerts.table().filter(pl.col("alarm")).select(names)
    if dated:
        # A file with an earlier start would number the same period otherwise; its date stays.
        alarms = alarms.with_columns(pl.lit(None, pl.Int64).alias("t"))
    alarms = alarms.with_columns(status=pl.lit("new"), note=pl.lit(None, pl.String))
    if earlier is None:
        return alarms
    key = ["series", "date" if dated else "t"]
    return pl.concat([earlier, alarms.join(earlier, on=key, how="anti", maintain_order="left")])
