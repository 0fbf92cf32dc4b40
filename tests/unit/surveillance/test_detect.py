"""One method over all series: chunks, ranges, tables, reasons, and what people know besides."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.surveillance import detect as detect_module
from mamori.surveillance.detect import Alerts, detect_outbreaks
from mamori.surveillance.detector import Detection, Detector, Reason
from mamori.surveillance.judgement import (
    Exclusion,
    exclude,
    parse_period,
    read_exclusions,
    read_status,
    update_status,
    verified_periods,
)


class Above(Detector):
    """Alarms above the mean of the history before the target plus a margin."""

    name = "above"
    margin: float = 2.0

    def detect(self, observations: Observations, targets: np.ndarray) -> Detection:
        found = Detection.empty(len(observations.counts), len(targets))
        for k, column in enumerate(targets):
            if column == 0:
                found.reason[:, k] = Reason.TOO_SHORT
                continue
            found.expected[:, k] = np.nanmean(observations.history[:, :column], axis=1)
            found.upperbound[:, k] = found.expected[:, k] + self.margin
            found.alarm[:, k] = observations.counts[:, column] > found.upperbound[:, k]
            found.pvalue[:, k] = np.where(found.alarm[:, k], 0.001, 0.5)
        return found


def made(*, series: int = 7, periods: int = 12, dated: bool = True) -> Observations:
    counts = np.random.default_rng(5).poisson(3.0, (series, periods)).astype(float)
    counts[2, periods - 1] = 40
    return Observations(
        pl.DataFrame({"series": [f"s{i}" for i in range(series)]}),
        np.arange(1, periods + 1),
        counts,
        counts,
        dates=np.datetime64("2024-01-01", "D") + 7 * np.arange(periods) if dated else None,
        frequency=52,
    )


def test_every_row_of_the_input_has_its_row_in_the_table() -> None:
    observations = made()
    table = detect_outbreaks(observations, Above()).table()
    assert table.height == 7 * 12
    assert table["observed"].to_list() == observations.counts.ravel().tolist()
    assert table["series"].to_list() == np.repeat(observations.names, 12).tolist()
    assert table["date"][:2].to_list() == [date(2024, 1, 1), date(2024, 1, 8)]
    assert table.filter(pl.col("t") == 1)["reason"].unique().to_list() == ["too-short"]
    definition = TableDefinition.load("alarms")
    definition.validate(table, "alarms")


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_neither_chunks_nor_threads_change_the_result(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect_module, "LARGEST_CHUNK", 2)
    shown: list[tuple[int, int]] = []
    found = detect_outbreaks(made(), Above(), workers=workers, progress=lambda done, total: shown.append((done, total)))
    whole = Above().detect(made(), np.arange(12))
    for name in vars(whole):
        np.testing.assert_array_equal(getattr(found.detection, name), getattr(whole, name))
    assert shown[-1][0] == shown[-1][1] == len(shown)


def test_a_range_judges_only_its_periods_with_the_whole_history() -> None:
    part, whole = (detect_outbreaks(made(), Above(), first=first, last=last) for first, last in ((5, 9), (None, None)))
    assert part.table()["t"].unique().sort().to_list() == [5, 6, 7, 8, 9]
    np.testing.assert_array_equal(part.detection.expected, whole.detection.expected[:, 4:9])


@pytest.mark.parametrize(("first", "last"), [(0, 5), (5, 13), (9, 8)])
def test_a_range_outside_the_data_is_refused(first: int, last: int) -> None:
    with pytest.raises(InputError, match="period to judge"):
        detect_outbreaks(made(), Above(), first=first, last=last)


def test_the_strongest_alarm_of_the_last_period_comes_first() -> None:
    found = detect_outbreaks(made(), Above(margin=-1.0))
    latest = found.latest()
    assert latest["series"][0] == "s2"
    assert latest["t"].unique().to_list() == [12]
    folded = np.full(found.alarm.shape, -1)
    folded[2] = 0
    hidden = replace(found, folded_into=folded)
    assert "s2" not in hidden.latest()["series"].to_list()
    assert hidden.table().filter(pl.col("series") == "s2")["folded_into"].unique().to_list() == ["s0"]


def test_a_hierarchy_adds_sums_and_reports_an_event_once() -> None:
    observations = made(series=3)
    found = detect_outbreaks(observations, Above(), parents={"s0": "all", "s1": "all", "s2": "all"}, last=12)
    assert found.observations.names == ["s0", "s1", "s2", "all"]
    np.testing.assert_array_equal(found.observations.counts[3], observations.counts.sum(axis=0))
    last = found.table().filter(pl.col("t") == 12)
    assert dict(zip(last["series"], last["folded_into"], strict=True))["all"] == "s2"
    assert found.latest()["series"].to_list() == ["s2"]


def test_reasons_are_counted() -> None:
    assert detect_outbreaks(made(), Above()).reasons() == {"too-short": 7}


def test_an_excluded_break_is_not_learnt_but_judged() -> None:
    observations = made()
    without = exclude(observations, [parse_period("2024-01-15..2024-01-28")])
    assert np.isnan(without.history[:, 2:4]).all()
    np.testing.assert_array_equal(np.delete(without.history, [2, 3], axis=1), np.delete(made().counts, [2, 3], axis=1))
    np.testing.assert_array_equal(without.counts, observations.counts)
    assert not np.isnan(observations.history).any()
    judged = detect_outbreaks(without, Above(), first=3, last=4)
    assert judged.table()["reason"].is_null().all()


def test_an_exclusion_may_concern_one_series_or_weigh_less() -> None:
    changed = exclude(made(), [Exclusion(3, 4, "s1"), Exclusion(4, 5, weight=0.5)])
    assert np.argwhere(np.isnan(changed.history)).tolist() == [[1, 2], [1, 3]]
    assert changed.weights is not None
    np.testing.assert_array_equal(changed.weights[0], [1, 1, 1, 0.5, 0.5, 1, 1, 1, 1, 1, 1, 1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("2024-01-01", "is not START..END"),
        ("2024-01-01..5", "mixes a date and a number"),
        ("7..5", "ends before it starts"),
        ("2024-13-01..2024-12-01", "neither a date"),
    ],
)
def test_a_wrong_period_is_refused(given: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_period(given)


def test_an_exclusion_must_fit_the_data() -> None:
    with pytest.raises(InputError, match=r"names series 's8', which the counts do not hold"):
        exclude(made(), [Exclusion(1, 2, "s8")])
    with pytest.raises(InputError, match="the counts have none"):
        exclude(made(dated=False), [parse_period("2024-01-01..2024-02-01")])


def test_a_table_of_exclusions_names_the_row_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "breaks.csv"
    path.write_text("series,start,end,weight\n,2024-01-01,2024-01-10,0.5\ns1,3,x,\n")
    with pytest.raises(InputError, match=r"breaks.csv row 3.*'x'"):
        read_exclusions(path)
    path.write_text("series,start,end,weight\n,2024-01-01,2024-01-10,0.5\ns1,3,4,\n")
    assert read_exclusions(path) == [
        Exclusion(date(2024, 1, 1), date(2024, 1, 10), None, 0.5),
        Exclusion(3, 4, "s1", 0.0),
    ]


def alarmed(observations: Observations) -> Alerts:
    return detect_outbreaks(observations, Above(), first=8)


@pytest.mark.parametrize("dated", [True, False])
def test_what_people_said_of_an_alarm_is_kept_and_read_again(tmp_path: Path, dated: bool) -> None:
    path = tmp_path / "status.csv"
    alerts = alarmed(made(dated=dated))
    update_status(alerts, None).write_csv(path)
    said = read_status(path).with_columns(
        status=pl.when(pl.col("series") == "s2").then(pl.lit("verified")).otherwise("status"), note=pl.lit("called")
    )
    said.write_csv(path)
    again = update_status(alerts, read_status(path))
    assert again.equals(said)
    shown = replace(alerts, status=again).table().filter("alarm")
    assert shown.filter(pl.col("series") == "s2")["status"].to_list() == ["verified"]
    assert shown["note"].unique().to_list() == ["called"]
    assert replace(alerts, status=again).table().height == alerts.table().height
    kept = exclude(made(dated=dated), verified_periods(again))
    assert np.argwhere(np.isnan(kept.history)).tolist() == [[2, 11]]


def test_new_alarms_are_added_below_and_none_is_lost() -> None:
    alerts = alarmed(made())
    first = update_status(alerts, None).head(1).with_columns(series=pl.lit("a series of last year"))
    merged = update_status(alerts, first)
    assert merged["series"][0] == "a series of last year"
    assert merged.height == 1 + alerts.alarm.sum()
    assert set(merged["status"][1:]) == {"new"}


def test_an_alarm_twice_in_the_status_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "status.csv"
    path.write_text("series,date,status\ns1,2024-01-01,new\ns1,2024-01-01,dismissed\n")
    with pytest.raises(InputError, match="row 2: the alarm of 's1' stands twice"):
        read_status(path)
