"""`mamori timeliness`: an event log held against the 7-1-7 targets."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mamori.cli._common import Language
from mamori.core.files import atomic_path, check_table_format, write_table
from mamori.core.messages import text

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from mamori.surveillance.timeliness import Timeliness

SHOWN_EVENTS = 20
"""Events in each printed list; all are in the file."""

NAMED_ACTIONS = 2
"""Actions that came last together and are named in print; of more, the number."""

_NARROWEST = 120

HEADINGS = {"disease_class": "Disease class", "country": "Country"}
INTERVALS = {"detect": "Detect", "notify": "Notify", "respond": "Respond", "all": "All three"}
ACTION_WORDS = {
    "investigation": "Investigation",
    "risk_assessment": "Risk assessment",
    "laboratory_confirmation": "Laboratory confirmation",
    "case_management": "Case management",
    "countermeasures": "Countermeasures",
    "risk_communication": "Risk communication",
    "coordination": "Coordination",
}
DATE_WORDS = {"emergence": "Emergence", "detection": "Detection", "notification": "Notification"} | ACTION_WORDS


def timeliness(
    events: Annotated[
        Path, typer.Argument(help="Event log: a CSV or Parquet file with the columns of the table event_log.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File of a row per event: .csv, .parquet or .json; the shares lie in FILE.summary beside it.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[str, typer.Option(help="What to group the shares by: disease_class or country.")] = "disease_class",
    lang: Language = "en",
) -> None:
    """Hold an event log against 7-1-7: detected in 7 days, notified in 1, responded to in 7, and where time went.

    Example: mamori timeliness events.csv --by disease_class --out timeliness.csv
    """
    if out is not None:
        check_table_format(out)
    from rich.console import Console

    from mamori.surveillance.timeliness import assess_timeliness

    result = assess_timeliness(events)
    summary = result.summary(by)
    if out is not None:
        _write(result, summary, out)
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, _NARROWEST))
    _print_summary(summary, by, console, lang)
    _print_bottlenecks(result.table(), console, lang)
    _print_missing(result.table(), console, lang)
    if out is not None:
        typer.echo(f"{text('Written', lang)}: {out}")


def _write(result: "Timeliness", summary: "pl.DataFrame", out: Path) -> None:
    """Write the events to `out`, shares and provenance beside it; JSON holds all in one file."""
    if out.suffix.lower() == ".json":
        whole = {
            "provenance": result.provenance,
            "events": result.table().to_dicts(),
            "summary": summary.to_dicts(),
        }
        _write_json(whole, out)
        return
    write_table(result.table(), out)
    write_table(summary, out.with_suffix(f".summary{out.suffix}"))
    _write_json(result.provenance, out.with_suffix(".provenance.json"))


def _write_json(content: object, out: Path) -> None:
    with atomic_path(out) as partial:
        partial.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _print_summary(summary: "pl.DataFrame", by: str, console: "Console", lang: str) -> None:
    from rich.table import Table

    title = text("7-1-7: events that met the target of those that can be assessed", lang)
    explained = text("share (95 % interval); below it the median (range) of the days", lang)
    table = Table(title=title, caption=explained, title_justify="left", caption_justify="left", show_lines=True)
    table.add_column(text(HEADINGS[by], lang), overflow="fold")
    table.add_column(text("Events", lang), justify="right")
    for row in summary.head(len(INTERVALS)).iter_rows(named=True):
        heading = text(INTERVALS[row["interval"]], lang)
        if row["target_days"] is not None:
            heading += " " + text("≤ {days} d", lang).format(days=row["target_days"])
        table.add_column(heading, justify="right")
    for group in summary.iter_slices(len(INTERVALS)):
        whole = group["by"][0] == "all"
        name = text("All events", lang) if whole else group["group"][0] or text("not stated", lang)
        cells = [_share(row, lang) for row in group.iter_rows(named=True)]
        table.add_row(name, str(group["events"][0]), *cells, style="bold" if whole else None)
    console.print(table)


def _share(row: dict[str, float], lang: str) -> str:
    if not row["assessable"]:
        return text("not assessable", lang)
    share = f"{row['met']}/{row['assessable']} {row['share']:.0%} ({row['lower']:.0%}–{row['upper']:.0%})"
    if row["median_days"] is None:
        return share
    return f"{share}\n{row['median_days']:g} ({row['min_days']}–{row['max_days']})"


def _print_bottlenecks(events: "pl.DataFrame", console: "Console", lang: str) -> None:
    """Print the events that lost the most days, and in which interval."""
    from rich.table import Table

    late = events.filter(events["excess_days"].is_not_null())
    late = late.sort("excess_days", "excess_ratio", descending=True, maintain_order=True)
    if not late.height:
        return
    table = Table(title=text("Bottlenecks: the days beyond the target", lang), title_justify="left")
    for name in ("Event", "Disease", "Bottleneck"):
        table.add_column(text(name, lang), overflow="fold")
    for name in ("Days beyond", "Days / target"):
        table.add_column(text(name, lang), justify="right")
    for row in late.head(SHOWN_EVENTS).iter_rows(named=True):
        where = text(INTERVALS[row["bottleneck"]], lang)
        if row["bottleneck_actions"]:
            where += f": {_actions(row['bottleneck_actions'].split(', '), lang)}"
        bound = "≥ " if row["bottleneck"] == "respond" and row["respond_days"] is None else ""
        days, ratio = f"{bound}{row['excess_days']}", f"{bound}{row['excess_ratio']:.1f}"
        table.add_row(row["event"], row["disease"] or "", where, days, ratio)
    console.print(table)
    _say_rest(late.height, console, lang)


def _actions(actions: list[str], lang: str) -> str:
    if len(actions) > NAMED_ACTIONS:
        return text("{number} actions on one day", lang).format(number=len(actions))
    return ", ".join(text(ACTION_WORDS[action], lang) for action in actions)


def _print_missing(events: "pl.DataFrame", console: "Console", lang: str) -> None:
    """Print the events that cannot be assessed in full, and what each lacks."""
    from rich.table import Table

    partial = events.filter(events["all"] == "not assessable")
    if not partial.height:
        return
    table = Table(title=text("Not assessable in full", lang), title_justify="left")
    table.add_column(text("Event", lang), overflow="fold")
    table.add_column(text("Missing dates", lang), overflow="fold")
    for row in partial.head(SHOWN_EVENTS).iter_rows(named=True):
        names = [name.removesuffix("_date") for name in (row["missing"] or "").split(", ") if name]
        lacking = ", ".join(text(DATE_WORDS[name], lang) for name in names)
        table.add_row(row["event"], lacking or text("no early response action applies", lang))
    console.print(table)
    _say_rest(partial.height, console, lang)


def _say_rest(events: int, console: "Console", lang: str) -> None:
    if events > SHOWN_EVENTS:
        console.print(text("and {number} more; --out writes all", lang).format(number=events - SHOWN_EVENTS))
