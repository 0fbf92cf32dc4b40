"""What other methods say beside the alarms: clusters of a space-time scan, probabilities of fused streams."""

from typing import TYPE_CHECKING, Any

from mamori.report.alert_words import AlertWords
from mamori.report.series_course import PlotSettings

if TYPE_CHECKING:
    import polars as pl

MOST_PLACES = 20
"""Places with the highest probability of an event that the page lists."""

_ALMOST_SURE = 0.99


def cluster_rows(clusters: "pl.DataFrame", settings: PlotSettings, words: AlertWords) -> list[dict[str, str]]:
    """Return the words of each row of the table ``scan_clusters``; small counts are hidden as in the alarms."""
    numbers, found = words.numbers, []
    for row in clusters.iter_rows(named=True):
        hidden = settings.hides(row["observed"])
        risk = row["relative_risk"]
        first, last = (row[f"{end}_date"] or row[f"{end}_t"] for end in ("first", "last"))
        found.append(
            {
                "centre": words.place(row["centre"]),
                "places": numbers.exact(row["places"]),
                "members": row["members"],
                "when": str(first) if first == last else words.say("{low} to {high}").format(low=first, high=last),
                "observed": f"<{settings.suppress_below}" if hidden else numbers.exact(row["observed"]),
                "expected": numbers.amount(row["expected"]),
                "risk": "–" if hidden or risk is None else numbers.ratio(risk),
                "pvalue": "–" if hidden else numbers.probability(row["pvalue"]),
            }
        )
    return found


def fused_rows(fused: "pl.DataFrame", words: AlertWords) -> dict[str, Any]:
    """Return the places with the highest probability of an event in the last week of the table ``fusion_posterior``."""
    week = fused.get_column("date").max()
    last = fused.filter(fused.get_column("date") == week).sort("posterior", "place", descending=[True, False])
    rows = [
        {
            "place": words.place(row["place"]),
            "posterior": _probability(row["posterior"], words),
            "alarm": "▼" if row["alarm"] else "",
            "onset": "–" if row["onset"] is None else str(row["onset"]),
            "stream": row["top_stream"] or "–",
        }
        for row in last.head(MOST_PLACES).iter_rows(named=True)
    ]
    return {"week": str(week), "rows": rows, "places": words.numbers.exact(last.height)}


def _probability(value: float, words: AlertWords) -> str:
    """Write a probability in percent; nothing rounds to certainty."""
    percent = words.numbers.percent
    return f">{percent(_ALMOST_SURE)}" if value > _ALMOST_SURE else percent(value)
