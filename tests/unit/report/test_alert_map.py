from xml.etree import ElementTree as ET

import pytest

from mamori.report import alert_map
from mamori.report.alert_map import AlertMap, draw_map
from mamori.report.alert_rows import ALARM_EARLIER, QUIET, STRONG, UNJUDGED, Ranking
from mamori.report.alert_words import AlertWords
from mamori.surveillance.detect import Alerts
from tests.unit.report.alert_data import make_alerts, make_counts

SVG = "{http://www.w3.org/2000/svg}"


def drawn(alerts: Alerts, lang: str = "en") -> AlertMap | None:
    ranking = Ranking(alerts)
    anchors = {int(series): f"alarm-{rank + 1}" for rank, series in enumerate(ranking.order)}
    return draw_map(ranking, AlertWords(lang), anchors)


def links(found: AlertMap | None) -> dict[str, str]:
    """Where each linked shape leads, by its words."""
    assert found is not None
    root = ET.fromstring(found.drawing)
    return {next(link.iter(f"{SVG}title")).text or "": link.attrib["href"] for link in root.iter(f"{SVG}a")}


def test_countries_by_code_or_name_have_the_level_of_their_strongest_series() -> None:
    counts = make_counts(6)
    counts[[0, 1, 2], -1] = 22, 45, 31
    places = ["KEN", "Kenya", "日本", "France", "SGP", None]
    counts[4, -1] = 40
    found = drawn(make_alerts(counts, labels={"place": places}))
    assert found is not None
    assert links(found) == {
        "Kenya: strong alarm (p ≤ 0.001), series: 2": "#alarm-1",
        "Japan: strong alarm (p ≤ 0.001), series: 1": "#alarm-3",
    }
    assert found.levels == (QUIET, STRONG)
    assert found.without_outline == ("Singapore",)
    assert found.nowhere == 1
    assert 'class="area quiet"' in found.drawing


def test_the_map_speaks_the_readers_language() -> None:
    counts = make_counts(1)
    counts[0, -1] = 40
    assert next(iter(links(drawn(make_alerts(counts, labels={"place": ["KEN"]}), "ja")))).startswith("ケニア")


def test_places_that_are_no_countries_have_no_map() -> None:
    places = ["Nairobi", "Mombasa", "Kenya", "Kisumu", "Kwale", "Meru"]
    assert drawn(make_alerts(make_counts(), labels={"place": places})) is None
    assert drawn(make_alerts(make_counts())) is None


def test_coordinates_are_circles_in_a_part_of_the_world() -> None:
    counts = make_counts(5)
    counts[1, -1], counts[2, -2] = 40, 40
    counts[3, -1] = float("nan")
    latitude, longitude = [-1.3, -4.0, -0.1, 0.5, None], [36.8, 39.7, 34.8, 35.3, None]
    labels = {
        "place": ["Nairobi", "<Mombasa>", "Kisumu", "Eldoret", "Meru"],
        "latitude": latitude,
        "longitude": longitude,
    }
    found = drawn(make_alerts(counts, targets=3, labels=labels))
    assert found is not None
    assert links(found) == {
        "<Mombasa>: strong alarm (p ≤ 0.001), series: 1": "#alarm-1",
        "Kisumu: alarm in an earlier period, series: 1": "#alarm-2",
    }
    root = ET.fromstring(found.drawing)
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    assert width < 100
    for circle in root.iter(f"{SVG}circle"):
        assert left < float(circle.attrib["cx"]) < left + width
        assert top < float(circle.attrib["cy"]) < top + height
    assert {node.attrib["class"] for node in root.iter(f"{SVG}path")} >= {"dots quiet", "dots unjudged"}
    assert found.levels == (UNJUDGED, QUIET, ALARM_EARLIER, STRONG)
    assert found.nowhere == 1


def test_alarms_beyond_the_most_are_dots_of_their_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_map, "_MOST_CIRCLES", 1)
    counts = make_counts(3)
    counts[:, -1] = 40, 31, 21
    found = drawn(make_alerts(counts, labels={"latitude": [1.0, 2.0, 3.0], "longitude": [32.0, 33.0, 34.0]}))
    assert len(links(found)) == 1
    assert found is not None
    assert 'class="dots strong"' in found.drawing
    assert 'class="dots alarm"' in found.drawing


def test_one_point_is_enough_for_a_map() -> None:
    counts = make_counts(1)
    counts[0, -1] = 40
    assert len(links(drawn(make_alerts(counts, labels={"latitude": [1.0], "longitude": [32.0]})))) == 1
