import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from mamori.core.errors import InputError
from mamori.report.series_course import MOST_BARS
from mamori.report.series_plot import plot_series, write_series_plots
from mamori.surveillance.detect import Alerts
from tests.unit.report.alert_data import make_alerts, make_counts


def drawn(alerts: Alerts, series: str = "s1", **options: int) -> dict[str, str]:
    """The paths of a plot by class; what is drawn in the legend is left out."""
    root = ET.fromstring(plot_series(alerts, series, **options))  # type: ignore[arg-type]
    found: dict[str, str] = {}
    for node in root.iter("{http://www.w3.org/2000/svg}path"):
        path = node.attrib["d"]
        if not re.match(r"M\d+ 3\d", path) and not path.startswith("M0 "):
            found[node.attrib["class"]] = path
    return found


def words(alerts: Alerts, series: str = "s1", **options: int) -> str:
    root = ET.fromstring(plot_series(alerts, series, **options))  # type: ignore[arg-type]
    return " ".join(node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text"))


def test_every_count_is_a_bar_and_a_missing_one_is_a_cross() -> None:
    counts = make_counts(1)
    counts[0, 10] = np.nan
    counts[0, 11] = 0
    paths = drawn(make_alerts(counts))
    assert paths["p-bar"].count("M") == 59
    assert "v-1.0" in paths["p-bar"]
    assert paths["p-missing"].count("l4 4") == 1
    assert "No count" in words(make_alerts(counts))


def test_an_alarm_has_a_triangle_and_a_colour_of_its_own() -> None:
    counts = make_counts(1)
    counts[0, -1] = 30
    paths = drawn(make_alerts(counts, targets=5))
    assert paths["p-alarm"].count("M") == 1
    assert paths["p-mark"].count("z") == 1
    assert paths["p-bound"].count("M") == paths["p-expected"].count("M") == 1
    assert paths["p-bound"].count("H") == 5


def test_the_lines_are_broken_where_there_is_no_value_and_end_at_the_edge() -> None:
    counts = make_counts(1)
    counts[0, -3] = np.nan
    alerts = make_alerts(counts, targets=5)
    assert drawn(alerts)["p-bound"].count("M") == 2
    alerts.detection.upperbound[0, -1] = np.inf
    alerts.detection.upperbound[0, 0] = 1e9
    assert drawn(alerts)["p-bound"].count("H") == 2
    assert "1,000,000" not in words(alerts)


def test_excluded_history_is_drawn_open() -> None:
    counts = make_counts(1)
    history = counts.copy()
    history[0, 5:9] = np.nan
    assert drawn(make_alerts(counts, history=history))["p-left"].count("M") == 4
    weights = np.ones_like(counts)
    weights[0, 5:7] = 0.5
    assert drawn(make_alerts(counts, weights=weights))["p-left"].count("M") == 2


def test_the_newest_weeks_are_greyed() -> None:
    alerts = make_alerts(make_counts(1))
    assert drawn(alerts, incomplete=3)["p-late"].count("M") == 3
    assert "incomplete" in words(alerts, incomplete=3)
    assert "incomplete" not in words(alerts)


def test_a_long_series_shows_its_newest_part_and_all_of_it_small() -> None:
    counts = make_counts(1, weeks=400)
    counts[0, 20] = 30
    alerts = make_alerts(counts, targets=390)
    paths = drawn(alerts)
    assert paths["p-bar"].count("M") == MOST_BARS
    assert paths["p-tick"].count("z") == 1
    assert "p-history" in paths
    assert "p-history" not in drawn(make_alerts(make_counts(1)))


def test_periods_judged_long_ago_are_in_view() -> None:
    counts = make_counts(1, weeks=400)
    alerts = make_alerts(counts)
    counts[0, 50] = 30
    past = Alerts(alerts.observations, np.array([50]), alerts.detection, "test", {}, np.array([[True]]))
    assert drawn(past)["p-mark"].count("z") == 1


def test_small_counts_are_hidden_everywhere() -> None:
    counts = make_counts(1)
    counts[0, :8] = [1, 2, 3, 4, 0, 5, 4, 1]
    counts[0, -1] = 3
    alerts = make_alerts(counts)
    alerts.detection.upperbound[:] = 2.5
    alerts.alarm[:] = True
    drawing = plot_series(alerts, "s1", suppress_below=5)
    paths = drawn(alerts, suppress_below=5)
    heights = set(re.findall(r"V([\d.]+)h", paths["p-hidden"] + paths["p-alarm"]))
    assert len(heights) == 1
    small = (counts[0, :-1] > 0) & (counts[0, :-1] < 5)
    assert paths["p-hidden"].count("M") == small.sum() >= 6
    assert paths["p-alarm"].count("M") == 1
    assert "p-bound" not in paths
    assert "observed &lt;5," in drawing
    assert "From 1 to 4, not shown exactly" in drawing


def test_a_series_of_no_counts_is_drawn() -> None:
    paths = drawn(make_alerts(np.full((1, 60), np.nan)))
    assert set(paths) == {"p-missing"}
    assert paths["p-missing"].count("l4 4") == 60


def test_a_file_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "plot.svg"
    drawing = plot_series(make_alerts(make_counts()), "s2", path, lang="ja")
    assert path.read_text("utf-8") == drawing
    assert "var(" not in drawing
    assert "data-" not in drawing
    assert "上限" in drawing


def test_names_like_markup_or_paths_are_only_words(tmp_path: Path) -> None:
    hostile = ["../../etc/<b>&\"x'", "a/b", "A b", "a b", "場所 1", "...\x00"]
    alerts = make_alerts(make_counts(6), labels={"series": hostile})
    paths = write_series_plots(alerts, tmp_path, series=hostile)
    assert [path.parent for path in paths] == [tmp_path] * 6
    assert len({path.name.casefold() for path in paths}) == 6
    assert paths[4].name == "場所-1.svg"
    for path, name in zip(paths, hostile, strict=True):
        root = ET.fromstring(path.read_text("utf-8"))
        assert root[1].text == name.replace("\x00", " ")


def test_without_names_the_series_in_alarm_are_drawn(tmp_path: Path) -> None:
    counts = make_counts(4)
    counts[[1, 3], -1] = 25, 35
    done: list[tuple[int, int]] = []
    paths = write_series_plots(make_alerts(counts), tmp_path, progress=lambda *step: done.append(step))
    assert [path.name for path in paths] == ["s4.svg", "s2.svg"]
    assert done == [(1, 2), (2, 2)]


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    alerts = make_alerts(make_counts(2))
    with pytest.raises(InputError, match="there is no series 'S2'. Did you mean 's2'"):
        plot_series(alerts, "S2")
    with pytest.raises(InputError, match=r"plots are SVG. Give a name that ends in .svg"):
        plot_series(alerts, "s1", tmp_path / "plot.png")
    with pytest.raises(InputError, match="language 'xx'"):
        plot_series(alerts, "s1", lang="xx")
    with pytest.raises(InputError, match="incomplete is -1; it must be >= 0"):
        plot_series(alerts, "s1", incomplete=-1)
