"""7-1-7: the published margins, ties, missing dates, bottlenecks, and what an event log must not hold."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.surveillance.timeliness import ACTIONS, NOT_APPLICABLE, Timeliness, assess_timeliness, wilson_interval

EMERGED = date(2024, 3, 1)

# Intervals (detect, notify, respond) in days, made so that medians, ranges and numbers met are those of the
# published table, with ties at exactly 7, 1 and 7 days.
PUBLISHED_INTERVALS = {
    "viral haemorrhagic fever": [
        *[(1, 0, 2), (2, 0, 2), (3, 0, 2), (4, 0, 3), (5, 0, 3), (6, 1, 7), (7, 2, 4)],
        *[(8, 2, 3), (9, 0, 8), (10, 0, 10), (14, 1, 5)],
    ],
    "vaccine-preventable": [
        *[(1, 0, 12), (4, 0, 20), (6, 2, 25), (12, 0, 4), (15, 0, 30)],
        *[(17, 3, 32), (20, 0, 40), (40, 8, 50), (90, 15, 60), (157, 0, 72)],
    ],
    "respiratory": [(0, 0, 1), (3, 1, 2), (3, 0, 5), (5, 0, 9), (9, 1, 3), (14, 0, 11)],
    "food- or water-borne": [(1, 0, 9), (1, 0, 12), (1, 2, 17), (5, 0, 20), (20, 4, 28)],
    "vector-borne": [(3, 0, 0), (20, 0, 3), (38, 5, 4), (60, 0, 6), (133, 17, 13)],
    "other": [(0, 0, 4), (1, 3, 6), (3, 24, 13), (67, 1, 8)],
}

# Bochner et al. 2023, Lancet Glob Health 11:e871, table 1 (PMC10156425): events; median, least, most, met of
# detection, notification, response; all three met.
PUBLISHED_TABLE: dict[str | None, tuple[int, tuple[tuple[float, int, int, int], ...], int]] = {
    "viral haemorrhagic fever": (11, ((6, 1, 14, 7), (0, 0, 2, 9), (3, 2, 10, 9)), 6),
    "vaccine-preventable": (10, ((16, 1, 157, 3), (0, 0, 15, 6), (31, 4, 72, 1)), 0),
    "respiratory": (6, ((4, 0, 14, 4), (0, 0, 1, 6), (4, 1, 11, 4)), 3),
    "food- or water-borne": (5, ((1, 1, 20, 4), (0, 0, 4, 3), (17, 9, 28, 0)), 0),
    "vector-borne": (5, ((38, 3, 133, 1), (0, 0, 17, 3), (4, 0, 13, 4)), 1),
    "other": (4, ((2, 0, 67, 3), (2, 0, 24, 2), (7, 4, 13, 2)), 1),
    None: (41, ((6, 0, 157, 22), (0, 0, 24, 29), (8, 0, 72, 20)), 11),
}


def _event(name: str, detect: int = 0, notify: int = 0, respond: int = 0, **changes: object) -> dict[str, Any]:
    """An event whose actions were all done `respond` days after the notification, the first of them at once."""
    detected = EMERGED + timedelta(detect)
    notified = detected + timedelta(notify)
    done = str(notified + timedelta(respond))
    row = {"event": name, "disease_class": "other", "emergence_date": EMERGED, "detection_date": detected}
    actions = {f"{action}_date": done for action in ACTIONS} | {"investigation_date": str(notified)}
    return row | {"notification_date": notified} | actions | changes


def _log(*events: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(events), schema_overrides={"emergence_date": pl.Date, "detection_date": pl.Date})


def _one(**changes: Any) -> dict[str, Any]:
    return assess_timeliness(_log(_event("e", **changes))).table().row(0, named=True)


@pytest.fixture(scope="module")
def published() -> Timeliness:
    """The 41 events, every third with actions that do not apply, and five that cannot be assessed."""
    rows = []
    for disease_class, intervals in PUBLISHED_INTERVALS.items():
        for number, (detect, notify, respond) in enumerate(intervals):
            partly: dict[str, Any] = {f"{a}_date": NOT_APPLICABLE for a in ACTIONS[4:]} if number % 3 == 0 else {}
            name = f"{disease_class} {number}"
            rows.append(_event(name, detect, notify, respond, disease_class=disease_class, **partly))
    nothing: dict[str, Any] = dict.fromkeys(("detection_date", "coordination_date"))
    needless: dict[str, Any] = {f"{action}_date": "Not applicable" for action in ACTIONS}
    rows += [
        _event("added: early and late actions undated", 2, 0, 2, **nothing, disease_class="respiratory"),
        _event("added: a late action is known", 2, 0, 30, **nothing, disease_class="other"),
        _event("added: ends unknown", 1, emergence_date=None, notification_date=None, disease_class="vector-borne"),
        _event("added: no action applies", detection_date=None, **needless),
        {"event": "added: nothing is known", "disease_class": "vaccine-preventable"},
    ]
    return assess_timeliness(_log(*rows))


@pytest.mark.parametrize(("disease_class", "expected"), PUBLISHED_TABLE.items())
def test_the_published_margins_come_out_beside_events_that_cannot_be_assessed(
    published: Timeliness,
    disease_class: str | None,
    expected: tuple[int, tuple[tuple[float, int, int, int], ...], int],
) -> None:
    events, intervals, all_met = expected
    summary = published.summary()
    rows = summary.filter(pl.col("group").eq_missing(disease_class)).rows_by_key("interval", named=True, unique=True)
    for interval, (median, least, most, met) in zip(("detect", "notify", "respond"), intervals, strict=True):
        row = rows[interval]
        assert (row["assessable"], row["met"]) == (events, met)
        assert (row["median_days"], row["min_days"], row["max_days"]) == (median, least, most)
        assert row["share"] == met / events
    assert (rows["all"]["assessable"], rows["all"]["met"]) == (events, all_met)
    assert rows["all"]["events"] > 0
    assert rows["all"]["median_days"] is None


def test_the_added_events_are_not_assessable_and_are_counted(published: Timeliness) -> None:
    added = published.table().filter(pl.col("event").str.starts_with("added"))
    assert added.height == 5
    for interval in ("detect", "notify", "respond", "all"):
        assert added[interval].unique().to_list() == ["not assessable"]
    whole = published.summary().row(-1, named=True)
    assert (whole["by"], whole["events"], whole["assessable"]) == ("all", 46, 41)
    assert published.table()["all"].eq("not assessable").sum() == 5


def test_published_percentages_and_what_independence_would_give(published: Timeliness) -> None:
    whole = published.summary().filter(pl.col("by") == "all")
    assert [round(100 * share) for share in whole["share"]] == [54, 71, 49, 27]
    # 21.4 % within disease classes; the margins of all events would give 18.5 %.
    assert whole["independent_share"].to_list()[-1] == pytest.approx(0.214, abs=5e-4)
    by_country = published.summary("country").row(-1, named=True)
    assert by_country["independent_share"] == pytest.approx(22 / 41 * 29 / 41 * 20 / 41)


def test_tables_hold_what_they_promise_and_the_whole_comes_last(published: Timeliness) -> None:
    TableDefinition.load("timeliness").validate(published.table(), "table")
    summary = TableDefinition.load("timeliness_summary").validate(published.summary(), "summary")
    assert summary["group"].unique(maintain_order=True).to_list() == [*sorted(PUBLISHED_INTERVALS), None]
    assert published.summary("country")["by"].to_list() == ["country"] * 4 + ["all"] * 4
    assert set(published.provenance) > {"mamori", "events_sha256"}


@pytest.mark.parametrize(
    ("interval", "days", "verdict"),
    [
        *[("detect", 7, "met"), ("detect", 8, "not met"), ("notify", 1, "met"), ("notify", 2, "not met")],
        *[("respond", 7, "met"), ("respond", 8, "not met"), ("respond", 0, "met")],
    ],
)
def test_the_last_day_of_a_target_still_meets_it(interval: str, days: int, verdict: str) -> None:
    row = _one(**{interval: days})
    assert row[f"{interval}_days"] == days
    assert row[interval] == row["all"] == verdict


@pytest.mark.parametrize(
    ("missing", "unknown"),
    [
        (["emergence_date"], ["detect", "all"]),
        (["detection_date"], ["detect", "notify", "all"]),
        (["notification_date"], ["notify", "respond", "all"]),
        (["laboratory_confirmation_date"], ["respond", "all"]),
        (["laboratory_confirmation_date", "coordination_date"], ["respond", "all"]),
    ],
)
def test_a_missing_date_makes_its_intervals_not_assessable_and_is_named(missing: list[str], unknown: list[str]) -> None:
    row = _one(respond=9, **dict.fromkeys(missing))
    verdicts = {interval: row[interval] for interval in ("detect", "notify", "respond", "all")}
    assert [interval for interval, verdict in verdicts.items() if verdict == "not assessable"] == unknown
    assert all(row[f"{interval}_days"] is None for interval in unknown if interval != "all")
    assert row["missing"] == ", ".join(missing)


def test_an_action_that_does_not_apply_is_left_out_of_the_response() -> None:
    late = str(EMERGED + timedelta(40))
    assert _one(coordination_date=late)["respond"] == "not met"
    spared = _one(coordination_date=" Not Applicable ")
    assert (spared["respond"], spared["respond_days"], spared["missing"]) == ("met", 0, None)


def test_what_was_done_before_the_notification_counts_on_its_day() -> None:
    early = {f"{action}_date": str(EMERGED) for action in ACTIONS}
    assert _one(notify=5, **early)["respond_days"] == 0


@pytest.mark.parametrize(
    ("changes", "bottleneck", "actions", "days", "ratio"),
    [
        ({"detect": 7, "notify": 1, "respond": 7}, None, None, None, None),
        ({"detect": 10, "notify": 3, "respond": 8}, "detect", None, 3, 10 / 7),
        ({"detect": 9, "notify": 3}, "notify", None, 2, 3.0),
        ({"detect": 10, "respond": 10, "investigation_date": None}, "detect", None, 3, 10 / 7),
        (
            {"respond": 3, "risk_assessment_date": "2024-03-15", "coordination_date": "2024-03-15"},
            *("respond", "risk_assessment, coordination", 7, 2.0),
        ),
        # The undated action may have come later still: at least so many days.
        ({"case_management_date": "2024-03-11", "coordination_date": None}, "respond", "case_management", 3, 10 / 7),
    ],
)
def test_the_bottleneck_is_the_interval_with_the_most_days_beyond_its_target(
    changes: dict[str, Any], bottleneck: str | None, actions: str | None, days: int | None, ratio: float | None
) -> None:
    row = _one(**changes)
    found = row["bottleneck"], row["bottleneck_actions"], row["excess_days"], row["excess_ratio"]
    assert found == (bottleneck, actions, days, pytest.approx(ratio))


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            _event("b", detection_date=date(2024, 2, 28)),
            "row 3, event 'b': detection_date 2024-02-28 lies before emergence_date 2024-03-01; it must not. Correct",
        ),
        (
            _event("b", 3, notification_date=EMERGED),
            "notification_date 2024-03-01 lies before detection_date 2024-03-04",
        ),
        (
            _event("b", notification_date=date(2024, 2, 1), detection_date=None),
            "notification_date 2024-02-01 lies before emergence_date",
        ),
        (
            _event("b", 3, coordination_date="2024-03-02"),
            "before detection_date 2024-03-04; it must not. Correct the one that is wrong, or give 2024-03-04 for what",
        ),
        (
            _event("b", detection_date=None, coordination_date="2024-02-02"),
            "coordination_date 2024-02-02 lies before emergence_date",
        ),
        (_event("a"), "row 3, event 'a' stands in row 2 already"),
        (
            _event("b", coordination_date="NA"),
            "coordination_date is 'NA'; it must be a date written YYYY-MM-DD or 'not",
        ),
        (_event("b", coordination_date="2024-02-30"), "coordination_date is '2024-02-30'"),
        (_event("b", coordination_date="20240305"), "coordination_date is '20240305'"),
        (_event("b") | {"event": None}, "column 'event' row 3 holds nothing"),
        (
            _event("b", coordinaton_date="2024-03-05"),
            "'coordinaton_date' is not known. Did you mean 'coordination_date'",
        ),
    ],
)
def test_a_log_that_cannot_be_is_refused_with_row_and_repair(event: dict[str, Any], message: str) -> None:
    log = pl.DataFrame([_event("a"), event], infer_schema_length=None)
    with pytest.raises(InputError) as error:
        assess_timeliness(log)
    assert message in str(error.value)


def test_a_file_gives_what_its_frame_gives(tmp_path: Path) -> None:
    log = _log(_event("a", 3, 1, 9), _event("b", 30, coordination_date=NOT_APPLICABLE, notification_date=None))
    expected = assess_timeliness(log)
    log.write_csv(tmp_path / "log.csv")
    log.write_parquet(tmp_path / "log.parquet")
    log.with_columns(pl.col("investigation_date").str.to_date()).write_parquet(tmp_path / "dates.parquet")
    for name in ("log.csv", "log.parquet", "dates.parquet"):
        found = assess_timeliness(tmp_path / name)
        assert found.table().equals(expected.table())
        assert found.provenance == expected.provenance


def test_an_unknown_grouping_is_refused(published: Timeliness) -> None:
    with pytest.raises(InputError, match="by is 'disease_clas'; .* Did you mean 'disease_class'?"):
        published.summary("disease_clas")


@given(st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_intervals_are_those_of_scipy(counts: tuple[int, int]) -> None:
    met, events = counts
    if not events:
        assert wilson_interval(met, events) == (None, None)
        return
    expected = binomtest(met, events).proportion_ci(method="wilson")
    assert wilson_interval(met, events) == pytest.approx((expected.low, expected.high), abs=1e-12)
    lower, upper = wilson_interval(met, events)
    assert lower is not None
    assert upper is not None
    assert 0 <= lower <= met / events <= upper <= 1


cells = st.one_of(st.none(), st.integers(-5, 60).map(lambda days: EMERGED + timedelta(days)))


@given(st.lists(cells, min_size=3, max_size=3), st.lists(cells | st.just("not applicable"), min_size=7, max_size=7))
def test_any_log_is_judged_or_refused_and_never_met_without_its_dates(
    milestones: list[date | None], actions: list[date | str | None]
) -> None:
    names = ("emergence_date", "detection_date", "notification_date")
    row = dict(zip(names, milestones, strict=True)) | {
        f"{action}_date": None if cell is None else str(cell) for action, cell in zip(ACTIONS, actions, strict=True)
    }
    log = pl.DataFrame([{"event": "e"} | row], schema_overrides=dict.fromkeys(names, pl.Date))
    try:
        found = assess_timeliness(log).table().row(0, named=True)
    except InputError as error:
        assert "lies before" in str(error)
        return
    known = [day is not None for day in milestones]
    dated = any(isinstance(cell, date) for cell in actions) and None not in actions
    assert (found["detect"] != "not assessable") == (known[0] and known[1])
    assert (found["notify"] != "not assessable") == (known[1] and known[2])
    assert (found["respond"] != "not assessable") == (known[2] and dated)
    assert (found["all"] == "met") == all(found[interval] == "met" for interval in ("detect", "notify", "respond"))
