import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mamori.core.contracts import Dropped
from mamori.core.errors import InputError
from mamori.report import alert_method
from mamori.report import alerts as report
from mamori.report.alerts import write_alert_report
from mamori.surveillance.detect import Alerts
from mamori.surveillance.detector import Reason
from tests.unit.report.alert_data import make_alerts, make_counts

Page = Callable[..., str]

VOID = {"meta", "input", "br"}


class Outline(HTMLParser):
    """Checks that elements close in order, and gathers the ids and the links within the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.ids += [str(given["id"])] if "id" in given else []
        self.links += [str(given["href"])] if "href" in given else []
        self.links += [f"#{given['aria-controls']}"] if "aria-controls" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert (tag, bool(attributes)) in {("path", True), ("line", True), ("rect", True)}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """Write the report of some alerts and return it as text."""

    def write(alerts: Alerts, **options: Any) -> str:
        return write_alert_report(alerts, tmp_path / "alerts.html", **options).read_text(encoding="utf-8")

    return write


@pytest.fixture
def alerts() -> Alerts:
    """Eight series of countries in twelve weeks: two in alarm now, one earlier, one missing, one too short."""
    counts = make_counts(8)
    counts[[1, 4], -1] = 25, 48
    counts[2, -3] = 33
    counts[6, -1] = np.nan
    labels = {
        "place": ["KEN", "UGA", "TZA", "RWA", "KEN", "UGA", "TZA", "RWA"],
        "host": ["human"] * 4 + ["animal"] * 4,
    }
    made = make_alerts(counts, targets=12, labels=labels, provenance={"mamori": "1", "counts_sha256": "ab12"})
    made.detection.reason[7, -1] = Reason.TOO_SHORT
    return made


def readable(page: str) -> str:
    """What a reader without JavaScript gets, as text."""
    page = re.sub(r"<(script|style)[ >].*?</\1>", "", page, flags=re.DOTALL)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def cells(page: str) -> list[dict[str, str]]:
    """The rows of the table of alarms, by class of the cell."""
    rows = re.findall(r'<tr class="alarm [^>]*>(.*?)</tr>', page, re.DOTALL)
    found = []
    for row in rows:
        cell = {name: re.sub(r"<[^>]+>", "", text) for name, text in re.findall(r'<td class="(\w+)">(.*?)</td>', row)}
        found.append(cell | {"series": re.findall(r"<button[^>]*>(.*?)</button>", row)[0]})
    return found


def test_the_headline_counts_alarms_chance_and_what_was_not_judged(page: Page, alerts: Alerts) -> None:
    said = readable(page(alerts, incomplete=1))
    assert "Week 2024-W08 (February 19, 2024): 2 of 8 series in alarm ." in said
    assert "Chance alone would give about 0.1 alarms in 6 series judged (level 0.01)." in said
    assert "Series that could not be judged: 2." in said
    assert "Series in alarm only in an earlier period judged: 1." in said
    assert "Not all cases of the newest 1 periods may be reported yet" in said
    assert "may be reported yet" not in readable(page(alerts))


def test_the_rows_are_those_of_the_table_of_alarms(page: Page, alerts: Alerts) -> None:
    rows = cells(page(alerts))
    latest = alerts.table().filter(pl.col("alarm")).group_by("series").agg(pl.all().sort_by("t").last()).sort("pvalue")
    assert [row["series"] for row in rows] == ["s5", "s2", "s3"]
    assert sorted(row["series"] for row in rows) == sorted(latest["series"])
    for row in rows:
        found = latest.row(by_predicate=pl.col("series") == row["series"], named=True)
        assert float(row["observed"]) == found["observed"]
        assert float(row["bound"]) == found["upperbound"]
        assert float(row["excess"]) == found["observed"] - found["expected"]
        assert float(row["ratio"]) == pytest.approx(found["observed"] / found["expected"], rel=5e-3)
    assert [row["when"] for row in rows] == ["2024-W08", "2024-W08", "2024-W06"]
    assert rows[0]["lasting"] == "1 / 1"


def test_each_alarm_has_its_plot_and_each_link_its_aim(page: Page, alerts: Alerts) -> None:
    content = page(alerts)
    outline = Outline(content)
    assert content.count('class="plot"') == 3
    assert len(outline.ids) == len(set(outline.ids))
    assert {link[1:] for link in outline.links} <= set(outline.ids)
    assert "#alarm-1" in outline.links


def test_the_page_asks_nothing_of_a_network(page: Page, alerts: Alerts) -> None:
    content = page(alerts)
    assert "default-src 'none'" in content
    assert not re.search(r"<(link|img|iframe|object|embed)\b", content)
    assert not re.search(r'\b(src|href)="(?!#)', content)
    assert not re.search(r"@import|url\(|\bfetch\(|XMLHttpRequest|import\(", content)
    assert set(re.findall(r'https?://[^"\s<]+', content)) == {"http://www.w3.org/2000/svg"}


def test_the_same_alerts_give_the_same_bytes(page: Page, alerts: Alerts) -> None:
    assert page(alerts) == page(alerts)


def test_series_that_were_not_judged_have_reason_and_repair(page: Page, alerts: Alerts) -> None:
    said = readable(page(alerts))
    assert "The count of this period is missing missing-count 1 Ask the reporting site for the count." in said
    assert "The history is too short for the method too-short 1 Add earlier counts" in said


def test_the_japanese_page_is_japanese(page: Page, alerts: Alerts) -> None:
    content = page(alerts, lang="ja")
    assert '<html lang="ja">' in content
    said = readable(content)
    assert "8系列のうち2系列に警報" in said
    assert "ケニア" in said
    codes = {"mamori", "test", "alpha", "missing", "count", "too", "short", "counts", "sha", "human", "animal"}
    names = {"Mamori", "Natural", "Earth", "Apache", "ears"}
    assert set(re.findall(r"[A-Za-z]{3,}", said)) <= codes | names


def test_what_of_the_input_is_not_in_the_counts_is_said(page: Page) -> None:
    dropped = (Dropped("count is negative", 3, 1017, "Correct the count."),)
    said = readable(page(make_alerts(make_counts(), dropped=dropped, ignored=("outbreak_state",))))
    assert "count is negative 3 1,017 Correct the count." in said
    assert "Columns of the input that are not used: outbreak_state." in said


def test_no_alarm_is_said_as_such(page: Page) -> None:
    content = page(make_alerts(make_counts()))
    assert "0 of 6 series in alarm" in readable(content)
    assert 'id="alarms"' not in content
    Outline(content)


def test_series_of_no_counts_are_all_not_judged(page: Page) -> None:
    said = readable(page(make_alerts(np.full((3, 60), np.nan))))
    assert "0 of 3 series in alarm" in said
    assert "Series that could not be judged: 3." in said
    assert "about 0 alarms in 0 series judged" in said


def test_hostile_words_stay_words(page: Page) -> None:
    bad = "</script><script>alert(1)</script>"
    counts = make_counts(2)
    counts[:, -1] = 30, 40
    names = [f"{bad}{row}" for row in range(2)]
    labels = {"series": names, "place": [bad, '" onmouseover="x'], "host": ["h<i>", "'a'"], "signal": ["&amp;", "s"],
              "latitude": [1.0, 2.0], "longitude": [30.0, 31.0]}  # fmt: skip
    status = pl.DataFrame({"series": names[:1], "t": [60], "date": [None], "status": ["new"], "note": [bad]})
    content = page(
        make_alerts(
            counts,
            labels=labels,
            dates=False,
            status=status,
            settings={"<b>": bad},
            provenance={bad: bad},
            dropped=(Dropped(bad, 3, None, bad),),
            ignored=(bad,),
        ),
        title=bad,
    )
    assert "<script>alert" not in content
    assert 'onmouseover="x' not in content
    assert content.count("</script>") == 2
    outline = Outline(content)
    assert "alarm-2" in outline.ids


def test_small_counts_are_nowhere_in_the_page(page: Page) -> None:
    counts = make_counts(2, mean=1.0)
    counts[:, -1] = 4, 30
    made = make_alerts(counts)
    made.detection.upperbound[:] = [[3.25], [3.25]]
    made.alarm[0, 0] = True
    content = page(made, suppress_below=5)
    small = next(row for row in cells(content) if row["series"] == "s1")
    assert small["observed"] == small["bound"] == "&lt;5"
    assert small["excess"] == small["ratio"] == small["pvalue"] == "–"
    shown = [int(count) for text in re.findall(r'data-counts="([^"]*)"', content) for count in re.findall(r"\d+", text)]
    assert shown
    assert not set(shown) & {1, 2, 3, 4}
    assert "3.25" not in content
    assert re.findall(r'data-counts="([^"]*)"', page(made))[0].count("1") > 0


def test_only_the_strongest_are_listed_and_the_rest_is_counted(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MOST_ALARMS", 5)
    counts = make_counts(9)
    counts[:, -1] = np.arange(21, 30)
    content = page(make_alerts(counts))
    assert "The 5 strongest of 9 series in alarm; the table of alarms holds all" in content
    assert [row["series"] for row in cells(content)] == ["s9", "s8", "s7", "s6", "s5"]
    assert content.count('class="plot"') == 5


def test_the_full_page_stays_small(page: Page) -> None:
    counts = make_counts(350, 600)
    counts[:, -1] = 200
    assert 1e6 < len(page(make_alerts(counts, targets=52))) < 4e6


def test_q_values_folded_series_status_and_exclusions_are_told(page: Page) -> None:
    counts = make_counts(3)
    counts[:, -1] = 30, 40, 5
    history = counts.copy()
    history[:, 3] = np.nan
    status = pl.DataFrame(
        {"series": ["s2"], "t": [60], "date": [None], "status": ["verified"], "note": ["5 in a school"]}
    )
    content = page(
        make_alerts(
            counts,
            dates=False,
            history=history,
            false_discovery_rate=0.05,
            qvalue=np.array([[0.04], [0.02], [1.0]]),
            folded_into=np.array([[1], [-1], [-1]]),
            status=status,
        )
    )
    said = readable(content)
    assert cells(content)[0]["qvalue"] == "0.02"
    assert "Reported under this series: s1" in said
    assert "Verified 5 in a school" in said
    assert "False discoveries are controlled" in said
    assert "Excluded periods and known outbreaks are left out of the history" in said
    assert "The series have no dates" in said
    assert "t = 60" in said


CLUSTERS = pl.DataFrame(
    {
        "cluster": [1, 2], "pvalue": [0.002, 0.4], "recurrence_interval": [500.0, 2.5], "centre": ["KEN", "Ward 4"],
        "places": [3, 1], "members": ["KEN; UGA; TZA", "Ward 4"], "radius_km": [400.0, 0.0], "steps": [None, None],
        "first_t": [58, 60], "last_t": [60, 60], "first_date": [date(2024, 2, 5), None],
        "last_date": [date(2024, 2, 19), None], "observed": [41, 3], "expected": [20.2, 0.5],
        "relative_risk": [2.14, None], "log_likelihood_ratio": [9.0, 2.0],
    }
)  # fmt: skip


def test_clusters_of_a_scan_are_listed(page: Page, alerts: Alerts) -> None:
    content = page(alerts, clusters=CLUSTERS, suppress_below=5)
    said = readable(content)
    assert "Kenya 3 KEN; UGA; TZA 2024-02-05 to 2024-02-19 41 20.2 2.14 0.002" in said
    assert "Ward 4 1 Ward 4 60 <5 0.5 – –" in said
    assert {link[1:] for link in Outline(content).links} <= set(Outline(content).ids)
    assert "The scan found no cluster." in readable(page(alerts, clusters=CLUSTERS.clear()))


def test_probabilities_of_fused_streams_are_those_of_the_last_week(page: Page, alerts: Alerts) -> None:
    fused = pl.DataFrame(
        {
            "place": ["KEN", "KEN", "UGA", "UGA"],
            "date": [date(2024, 2, 12), date(2024, 2, 19)] * 2,
            "posterior": [0.99, 0.12, 0.5, 0.9996],
            "prior": [0.05] * 4,
            "alarm": [True, False, False, True],
            "onset": [None, None, None, date(2024, 1, 29)],
            "top_stream": [None, None, None, "wastewater"],
        }
    )
    said = readable(page(alerts, fused=fused))
    assert "Week of 2024-02-19: places with the highest probability of an event, 2 of 2" in said
    assert "Uganda >99% ▼ 2024-01-29 wastewater Kenya 12% – –" in said


@pytest.mark.parametrize(("compat", "words"), [("r", "overwritten weights"), ("corrected", "the proper one")])
def test_the_settings_stand_with_what_differs(page: Page, compat: str, words: str) -> None:
    made = make_alerts(make_counts(), settings={"compat": compat, "limit": [5, 4], "none": None, "on": True})
    said = readable(page(made))
    assert words in said
    assert "limit 5, 4" in said
    assert "on yes" in said
    assert "How many alarms chance alone gives is not known" in said


@pytest.mark.parametrize(
    ("method", "settings", "level"),
    [
        ("farrington-flexible", {"alpha": 0.05}, 0.05),
        ("farrington", {"alpha": 0.05}, 0.025),
        ("ears", {"alpha": None, "variant": "C3"}, 0.025),
        ("ears", {"alpha": 0.01, "variant": "C3"}, 0.01),
        ("cusum", {}, None),
    ],
)
def test_the_level_is_the_methods_own(method: str, settings: dict[str, Any], level: float | None) -> None:
    assert alert_method.level(method, settings) == level


def test_wrong_options_write_nothing(tmp_path: Path, alerts: Alerts) -> None:
    path = tmp_path / "x.html"
    with pytest.raises(InputError, match="language 'jp' is not available"):
        write_alert_report(alerts, path, lang="jp")
    with pytest.raises(InputError, match="suppress_below is -5; it must be >= 0"):
        write_alert_report(alerts, path, suppress_below=-5)
    assert not path.exists()


def test_the_data_of_the_script_are_complete(page: Page, alerts: Alerts) -> None:
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', page(alerts), re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert data["periods"][-1] == "2024-W08"
    assert len(data["periods"]) == 60
    assert data["words"]["Group by place"] == "Group by place"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_script_is_valid(page: Page, alerts: Alerts, tmp_path: Path) -> None:
    script = page(alerts).rpartition("<script>")[2].partition("</script>")[0]
    (tmp_path / "page.js").write_text(script, encoding="utf-8")
    checked = subprocess.run(["node", "--check", "page.js"], cwd=tmp_path, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr.decode()
