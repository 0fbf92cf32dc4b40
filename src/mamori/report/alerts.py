"""The report of alarms as one HTML page that works offline: what deserves a look, where, and what was not judged."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mamori import __version__
from mamori.core.files import atomic_path
from mamori.core.messages import check_language
from mamori.report import alert_joined, alert_map, alert_method, page
from mamori.report.alert_rows import EARLIER, NOW, SET_ASIDE, AlertRow, Ranking
from mamori.report.alert_words import AlertWords
from mamori.report.series_course import BOTTOM, LEFT, RIGHT, TOP, PlotSettings, SeriesCourse
from mamori.report.series_plot import draw_series, plain_style
from mamori.report.time_marks import Periods
from mamori.surveillance.detect import Alerts

if TYPE_CHECKING:
    import polars as pl

MOST_ALARMS = 300
"""Series that the page lists and draws, the strongest; it says how many more there are."""

MOST_UNJUDGED = 200
"""Names of series that the page lists for one reason."""

STYLES = ("page.css", "series_plot.css", "alerts.css")
SCRIPTS = ("core.js", "alerts.js")


def write_alert_report(
    alerts: Alerts,
    path: Path,
    *,
    lang: str = "en",
    incomplete: int = 0,
    title: str | None = None,
    suppress_below: int = 0,
    clusters: "pl.DataFrame | None" = None,
    fused: "pl.DataFrame | None" = None,
) -> Path:
    """Write the report of `alerts` to `path` as one HTML page and return the path.

    The newest `incomplete` periods of the data are marked as not fully reported. With `suppress_below` n, counts
    from 1 to n - 1, and figures from which they could be worked out, are not shown. `clusters` (table
    ``scan_clusters``) and `fused` (table ``fusion_posterior``) are shown beside the alarms where given. The page
    holds its data, styles and script and asks nothing of a network; the same alerts give the same bytes.

    Raises `InputError` for an unknown language and for negative `incomplete` or `suppress_below`.
    """
    report = _Report(alerts, AlertWords(check_language(lang)), PlotSettings(incomplete, suppress_below), title)
    context = report.context() | {
        "clusters": None if clusters is None else alert_joined.cluster_rows(clusters, report.settings, report.words),
        "fused": None if fused is None else alert_joined.fused_rows(fused, report.words),
    }
    content = page.render("alerts.html.j2", context)
    with atomic_path(path) as partial:
        partial.write_text(content, encoding="utf-8", newline="\n")
    return path


@dataclass(frozen=True, eq=False)
class _Report:
    alerts: Alerts
    words: AlertWords
    settings: PlotSettings
    given_title: str | None

    @cached_property
    def ranking(self) -> Ranking:
        return Ranking(self.alerts)

    @cached_property
    def periods(self) -> Periods:
        return Periods(self.alerts.observations, self.words.lang)

    @cached_property
    def shown(self) -> list[AlertRow]:
        return self.ranking.rows(MOST_ALARMS)

    @property
    def last_column(self) -> int:
        return int(self.alerts.targets[-1])

    def context(self) -> dict[str, Any]:
        """Return what the template is filled with."""
        say, script = self.words.say, page.joined(SCRIPTS)
        rows = [self._row(rank, row) for rank, row in enumerate(self.shown)]
        return {
            "_": say,
            "lang": self.words.lang,
            "version": __version__,
            "title": self.given_title or say("Alert report"),
            "facts": self._facts(),
            "headline": self._headline(),
            "sentences": self._sentences(),
            "blocks": [
                {"name": name, "rows": [row for row in rows if row["block"] == block]}
                for block, name in self._block_names().items()
            ],
            "columns": self._columns(),
            "shown_count": len(rows),
            "alarm_count": len(self.ranking.order),
            "map": self._map(),
            "unjudged": self._unjudged(),
            "method": self.alerts.method,
            "method_settings": alert_method.settings(self.alerts, self.words),
            "notes": alert_method.notes(self.alerts, self.words, self.settings.suppress_below),
            "dropped": self._dropped(),
            "ignored": self.alerts.observations.ignored,
            "provenance": sorted(self.alerts.provenance.items()),
            "number": self.words.numbers.exact,
            "css": page.joined(STYLES),
            "script": script,
            "data": page.as_json(self._data(script)),
        }

    def _facts(self) -> list[tuple[str, str]]:
        say, numbers, seen = self.words.say, self.words.numbers, self.alerts.observations
        first, size = int(self.alerts.targets[0]), len(seen.t)
        judged = self.periods.short(first)
        if len(self.alerts.targets) > 1:
            judged = say("{low} to {high}").format(low=judged, high=self.periods.short(self.last_column))
        facts = [
            (say("Method"), self.alerts.method),
            (say("Periods judged"), judged),
            (say("Series"), numbers.exact(seen.series.height)),
        ]
        if "place" in seen.series.columns:
            facts.append((say("Places"), numbers.exact(seen.series.get_column("place").n_unique())))
        counts = say("{low} to {high}").format(low=self.periods.short(0), high=self.periods.short(size - 1))
        return [*facts, (say("Counts"), counts)]

    def _headline(self) -> dict[str, str]:
        """The parts of the first sentence."""
        alarms = int((self.ranking.block == NOW).sum())
        return {
            "when": self.periods.full(self.last_column),
            "alarms": self.words.numbers.exact(alarms),
            "series": self.words.numbers.exact(self.alerts.observations.series.height),
        }

    def _sentences(self) -> list[str]:
        """What the first sentence has to be read with."""
        say, exact = self.words.say, self.words.numbers.exact
        found = [self._chance()]
        unjudged = self.alerts.observations.series.height - self.ranking.tested
        if unjudged:
            found.append(say("Series that could not be judged: {n}.").format(n=exact(unjudged)))
        earlier = int((self.ranking.block == EARLIER).sum())
        if earlier:
            found.append(say("Series in alarm only in an earlier period judged: {n}.").format(n=exact(earlier)))
        dismissed = int((self.ranking.block == SET_ASIDE).sum())
        if dismissed:
            found.append(say("Dismissed by earlier judgement: {n}.").format(n=exact(dismissed)))
        if self.settings.incomplete and self.last_column >= len(self.alerts.observations.t) - self.settings.incomplete:
            found.append(
                say(
                    "Not all cases of the newest {n} periods may be reported yet: an alarm there stands, "
                    "the lack of one does not reassure."
                ).format(n=self.settings.incomplete)
            )
        return found

    def _chance(self) -> str:
        """Say how many alarms chance alone would give."""
        say, numbers = self.words.say, self.words.numbers
        if self.alerts.false_discovery_rate is not None:
            return say(
                "False discoveries are controlled over the series: of the alarms, about {share} or fewer are false. "
                "The q-value of an alarm is the share of false ones among all alarms at least as strong."
            ).format(share=numbers.probability(self.alerts.false_discovery_rate))
        level = alert_method.level(self.alerts.method, self.alerts.settings)
        if level is None:
            return say("How many alarms chance alone gives is not known for this method.")
        return say("Chance alone would give about {n} alarms in {tested} series judged (level {alpha}).").format(
            n=numbers.amount(self.ranking.tested * level),
            tested=numbers.exact(self.ranking.tested),
            alpha=numbers.probability(level),
        )

    def _block_names(self) -> dict[int, str]:
        say = self.words.say
        return {
            NOW: say("In alarm in the last period judged"),
            EARLIER: say("In alarm only earlier"),
            SET_ASIDE: say("Dismissed"),
        }

    def _columns(self) -> list[tuple[str, str]]:
        """The columns of the table of alarms: key and heading."""
        say, judged = self.words.say, len(self.alerts.targets)
        several = judged > 1
        columns = [
            ("when", say("Alarm in") if several else ""),
            ("observed", say("Observed")),
            ("expected", say("Expected")),
            ("bound", say("Upper bound")),
            ("excess", say("Excess cases")),
            ("ratio", say("Times expected")),
            ("pvalue", say("p-value")),
            ("qvalue", say("q-value") if self.alerts.qvalue is not None else ""),
            ("lasting", say("Periods in alarm: in a row / of {n}").format(n=judged) if several else ""),
        ]
        return [column for column in columns if column[1]]

    def _row(self, rank: int, row: AlertRow) -> dict[str, Any]:
        """The words and figures of one alarm; what would give a small count away is left out."""
        numbers, seen = self.words.numbers, self.alerts.observations
        about = seen.series.row(row.series, named=True)
        hidden = self.settings.hides(row.observed)
        limit = f"<{self.settings.suppress_below}"
        return {
            "id": f"alarm-{rank + 1}",
            "rank": numbers.exact(rank + 1),
            "block": row.block,
            "series": about["series"],
            "about": self.words.about(about),
            "place": self.words.place(str(about.get("place") or "")),
            "host": str(about.get("host") or ""),
            "status": row.status,
            "status_name": self.words.status(row.status),
            "note": row.note,
            "folded": [self.ranking.names[series] for series in row.folded],
            "plot": draw_series(SeriesCourse(self.alerts, row.series, self.settings, self.words, self.periods)),
            "cells": {
                "when": self.periods.short(int(self.alerts.targets[row.target])),
                "observed": limit if hidden else numbers.amount(row.observed),
                "expected": numbers.amount(row.expected),
                "bound": limit if self.settings.hides(row.bound) else numbers.amount(row.bound),
                "excess": "–" if hidden else numbers.amount(row.excess),
                "ratio": "–" if hidden else numbers.ratio(row.ratio),
                "pvalue": "–" if hidden else numbers.probability(row.pvalue),
                "qvalue": "–" if hidden else numbers.probability(row.qvalue),
                "lasting": f"{row.in_a_row} / {row.in_all}",
            },
        }

    def _map(self) -> dict[str, Any] | None:
        anchors = {row.series: f"alarm-{rank + 1}" for rank, row in enumerate(self.shown)}
        found = alert_map.draw_map(self.ranking, self.words, anchors)
        if found is None:
            return None
        return {
            "drawing": found.drawing,
            "levels": [
                {"ink": alert_map.LEVEL_CLASSES[level], "name": alert_map.level_name(level, self.words)}
                for level in reversed(found.levels)
            ],
            "without_outline": found.without_outline,
            "nowhere": found.nowhere,
        }

    def _unjudged(self) -> list[dict[str, Any]]:
        names = self.ranking.names
        return [
            {
                "reason": self.words.reason(group.reason),
                "code": group.reason.word,
                "repair": self.words.repair(group.reason),
                "count": self.words.numbers.exact(len(group.series)),
                "names": [names[series] for series in group.series[:MOST_UNJUDGED]],
                "more": max(0, len(group.series) - MOST_UNJUDGED),
            }
            for group in self.ranking.unjudged()
        ]

    def _dropped(self) -> list[dict[str, str]]:
        say, exact = self.words.say, self.words.numbers.exact
        return [
            {
                "reason": say(part.reason),
                "rows": exact(part.rows),
                "first_row": "–" if part.first_row is None else exact(part.first_row),
                "repair": say(part.repair),
            }
            for part in self.alerts.observations.dropped
        ]

    def _data(self, script: str) -> dict[str, Any]:
        """Return all that the page's script reads."""
        return {
            "lang": self.words.lang,
            "words": {message: self.words.say(message) for message in page.script_messages(script)},
            "periods": [self.periods.short(column) for column in range(len(self.alerts.observations.t))],
            "hidden": f"<{self.settings.suppress_below}",
            "plot": {"left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM, "style": plain_style()},
        }
