from datetime import date

import numpy as np
import polars as pl

from mamori.report.alert_rows import ALARM, ALARM_EARLIER, QUIET, STRONG, UNJUDGED, Ranking
from mamori.surveillance.detector import Reason
from tests.unit.report.alert_data import EXPECTED, make_alerts, make_counts


def ranked(ranking: Ranking) -> list[str]:
    return [ranking.names[row.series] for row in ranking.rows(100)]


def test_now_comes_before_earlier_and_small_p_before_large() -> None:
    counts = make_counts()
    counts[1, -1], counts[4, -1] = 25, 40
    counts[2, -3] = 90
    ranking = Ranking(make_alerts(counts, targets=4))
    assert ranked(ranking) == ["s5", "s2", "s3"]
    assert [row.block for row in ranking.rows(100)] == [0, 0, 1]


def test_of_the_earlier_ones_the_newest_comes_first() -> None:
    counts = make_counts(3)
    counts[0, -5], counts[1, -2], counts[2, -2] = 90, 20, 40
    assert ranked(Ranking(make_alerts(counts, targets=6))) == ["s3", "s2", "s1"]


def test_equal_p_is_ordered_by_excess_and_a_missing_p_comes_last() -> None:
    counts = make_counts()
    counts[[0, 1, 2], -1] = 30, 50, 60
    alerts = make_alerts(counts)
    alerts.detection.pvalue[[0, 1, 2], 0] = 0.001, 0.001, np.nan
    assert ranked(Ranking(alerts)) == ["s2", "s1", "s3"]


def test_q_values_go_before_p_values() -> None:
    counts = make_counts(2)
    counts[:, -1] = 30, 50
    alerts = make_alerts(counts, qvalue=np.array([[0.01], [0.02]]))
    assert ranked(Ranking(alerts)) == ["s1", "s2"]


def test_a_row_tells_of_the_latest_alarm_and_how_long_it_has_lasted() -> None:
    counts = make_counts()
    counts[3, [-8, -4, -3, -2]] = 30, 31, 32, 33
    row = Ranking(make_alerts(counts, targets=10)).rows(1)[0]
    assert (row.observed, row.in_a_row, row.in_all) == (33, 3, 4)
    assert row.excess == 33 - EXPECTED
    assert row.ratio == 33 / EXPECTED


def test_dismissed_alarms_come_last_and_are_quiet_on_the_map() -> None:
    counts = make_counts(3)
    counts[:, -1] = 80, 30, 25
    last = date(2023, 1, 2).fromordinal(date(2023, 1, 2).toordinal() + 7 * 59)
    status = pl.DataFrame(
        {"series": ["s1", "s2"], "t": [None, None], "date": [last, last], "status": ["dismissed", "verified"],
         "note": ["wrong codes", None]}
    )  # fmt: skip
    ranking = Ranking(make_alerts(counts, status=status))
    rows = ranking.rows(3)
    assert [(ranking.names[row.series], row.status, row.note) for row in rows] == [
        ("s2", "verified", ""),
        ("s3", "new", ""),
        ("s1", "dismissed", "wrong codes"),
    ]
    assert ranking.level.tolist() == [QUIET, STRONG, ALARM]


def test_the_status_of_undated_series_goes_by_their_periods() -> None:
    counts = make_counts(1)
    counts[0, -1] = 30
    status = pl.DataFrame({"series": ["s1"], "t": [60], "date": [None], "status": ["verified"], "note": ["seen"]})
    assert Ranking(make_alerts(counts, dates=False, status=status)).rows(1)[0].note == "seen"


def test_a_folded_alarm_stands_under_its_series() -> None:
    counts = make_counts(3)
    counts[:, -1] = 30, 31, 5
    folded = np.array([[1], [-1], [-1]])
    ranking = Ranking(make_alerts(counts, folded_into=folded))
    assert ranked(ranking) == ["s2"]
    assert ranking.rows(1)[0].folded == (0,)


def test_what_could_not_be_judged_is_counted_by_reason() -> None:
    counts = make_counts(5)
    counts[[0, 2], -1] = np.nan
    alerts = make_alerts(counts)
    alerts.detection.reason[3, 0] = Reason.TOO_SHORT
    ranking = Ranking(alerts)
    assert ranking.tested == 2
    assert [(group.reason, group.series.tolist()) for group in ranking.unjudged()] == [
        (Reason.MISSING_COUNT, [0, 2]),
        (Reason.TOO_SHORT, [3]),
    ]
    assert ranking.level.tolist() == [UNJUDGED, QUIET, UNJUDGED, UNJUDGED, QUIET]


def test_an_earlier_alarm_is_weaker_on_the_map_than_one_now() -> None:
    counts = make_counts(2)
    counts[0, -2], counts[1, -1] = 90, 20
    assert Ranking(make_alerts(counts, targets=3)).level.tolist() == [ALARM_EARLIER, ALARM]
