"""One series as a drawing (SVG): counts, what is expected, the upper bound, alarms, and the weeks still incomplete."""

import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from html import escape
from pathlib import Path

import numpy as np

from mamori.core.errors import InputError, did_you_mean
from mamori.core.files import atomic_path
from mamori.core.messages import check_language
from mamori.report.alert_rows import Ranking
from mamori.report.alert_words import AlertWords
from mamori.report.page import template_text
from mamori.report.series_course import BOTTOM, LEFT, RIGHT, TOP, WIDTH, PlotSettings, SeriesCourse
from mamori.report.time_marks import Periods
from mamori.surveillance.detect import Alerts

HEIGHT, STRIP_HEIGHT = 250, 52
_STRIP_TOP, _STRIP_BOTTOM = 270, 294
_STRIP_COLUMNS = 201

_TITLE_WIDTH = 100
_LONGEST_NAME = 100

_LINE_CLASSES = {"expected": "p-expected", "upperbound": "p-bound"}


def draw_series(course: SeriesCourse, *, data: bool = True) -> str:
    """Return the drawing as an ``svg`` element without styles; `data` adds what the page's script reads."""
    height = HEIGHT + (STRIP_HEIGHT if course.has_strip else 0)
    title = course.words.title(course.alerts.observations.series.row(course.row, named=True))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {WIDTH} {height}" role="img"',
        f' aria-label="{escape(f"{title}. {course.spoken()}")}"{_data(course) if data else ""}>',
        f'<text class="p-title" x="0" y="15">{escape(_shortened(title))}</text>',
        *_legend(course),
        *_incomplete(course),
        *_axes(course),
        *_bars(course),
        *(_step_line(course, name) for name in _LINE_CLASSES),
        *(_strip(course) if course.has_strip else ()),
        "</svg>",
    ]
    return "".join(parts)


def _data(course: SeriesCourse) -> str:
    """Return what the page's script tells of single periods: counts, expected, bound of the window."""
    inside = slice(course.window.start, course.window.stop)
    shown = zip(course.counts[inside].tolist(), course.hidden[inside].tolist(), strict=True)
    counts = ["&lt;" if hidden else _brief(value) for value, hidden in shown]
    lines = {name: [_brief(value) for value in line[inside].tolist()] for name, line in course.lines.items()}
    flags = "".join("1" if alarm else "0" for alarm in course.alarm[inside]).rstrip("0")
    return (
        f' tabindex="0" data-first="{course.window.start}" data-counts="{",".join(counts)}"'
        f' data-expected="{_joined(lines["expected"])}" data-bound="{_joined(lines["upperbound"])}"'
        f' data-alarm="{flags}"'
    )


def plot_series(
    alerts: Alerts,
    series: str,
    path: Path | None = None,
    *,
    lang: str = "en",
    incomplete: int = 0,
    suppress_below: int = 0,
) -> str:
    """Return the plot of one series as SVG text, and write it to `path` where one is given.

    The newest `incomplete` periods are greyed; counts from 1 below `suppress_below` are not shown. Raises
    `InputError` for a series that the alerts do not hold, an unknown language or a path not ending in ``.svg``.
    """
    if path is not None and path.suffix.lower() != ".svg":
        raise InputError(f"the plot is to be written to {path}; plots are SVG. Give a name that ends in .svg")
    row = _rows(alerts, [series])[0]
    words = AlertWords(check_language(lang))
    course = SeriesCourse(
        alerts, row, PlotSettings(incomplete, suppress_below), words, Periods(alerts.observations, lang)
    )
    drawing = _alone(course)
    if path is not None:
        _write(drawing, path)
    return drawing


def write_series_plots(
    alerts: Alerts,
    folder: Path,
    *,
    series: Sequence[str] | None = None,
    lang: str = "en",
    incomplete: int = 0,
    suppress_below: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write a plot (SVG) of each of `series`, or of every series in alarm, into `folder`; return the paths.

    The files are named after the series; `progress` is told how many of how many are done. Raises as `plot_series`
    does.
    """
    rows = Ranking(alerts).order.tolist() if series is None else _rows(alerts, series)
    words, settings = AlertWords(check_language(lang)), PlotSettings(incomplete, suppress_below)
    periods = Periods(alerts.observations, lang)
    names = alerts.observations.names
    paths = [folder / name for name in _file_names([names[row] for row in rows])]
    for done, (row, path) in enumerate(zip(rows, paths, strict=True), start=1):
        _write(_alone(SeriesCourse(alerts, row, settings, words, periods)), path)
        if progress is not None:
            progress(done, len(rows))
    return paths


def _write(drawing: str, path: Path) -> None:
    with atomic_path(path) as partial:
        partial.write_text(drawing, encoding="utf-8", newline="\n")


def _rows(alerts: Alerts, series: Sequence[str]) -> list[int]:
    known = {name: row for row, name in enumerate(alerts.observations.names)}
    for name in series:
        if name not in known:
            raise InputError(f"there is no series '{name}'.{did_you_mean(name, known)} Correct the name")
    return [known[name] for name in series]


def _alone(course: SeriesCourse) -> str:
    """Draw a series with its styles, for a file of its own."""
    head, _, rest = draw_series(course, data=False).partition(">")
    return f"{head}><style>{plain_style()}</style>{rest}\n"


@cache
def plain_style() -> str:
    """Return the styles of a plot that stands alone: light, and without variables, which not every program knows."""
    style = template_text("series_plot.css")
    colours = dict(re.findall(r"(--[\w-]+): (#\w+)", _light(template_text("page.css")) + _light(style)))
    rules = "\n".join(line for line in style.splitlines() if line.startswith(".plot"))
    white = ".plot { background: #ffffff; }\n"
    return white + re.sub(r"var\((--[\w-]+)\)", lambda found: colours[found[1]], rules)


def _light(style: str) -> str:
    return style.partition("@media (prefers-color-scheme: dark)")[0]


def _file_names(names: Sequence[str]) -> list[str]:
    """Return a file name for each series: letters, digits, points and hyphens only, each name once."""
    taken: set[str] = set()
    found = []
    for name in names:
        plain = re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFC", name)).strip("-._")[:_LONGEST_NAME] or "series"
        number, unique = 1, plain
        while unique.casefold() in taken:
            number += 1
            unique = f"{plain}-{number}"
        taken.add(unique.casefold())
        found.append(f"{unique}.svg")
    return found


def _brief(value: float) -> str:
    return "" if not math.isfinite(value) else f"{value:.0f}" if value.is_integer() else f"{value:.4g}"


def _joined(values: Sequence[str]) -> str:
    """Join values with commas; those that are empty at the end are left away."""
    return ",".join(values).rstrip(",")


def _shortened(title: str) -> str:
    return title if len(title) <= _TITLE_WIDTH else f"{title[: _TITLE_WIDTH - 1]}…"


def _bars(course: SeriesCourse) -> Iterator[str]:
    """Draw the counts as upright lines by kind, and a cross where a count is missing."""
    late_from = len(course.counts) - course.settings.incomplete
    strokes: dict[str, list[str]] = {}
    hollow: dict[str, list[str]] = {}
    marks, missing = [], []
    half = course.slot * 0.4
    for column in course.window:
        middle = course.x(column + 0.5)
        count = course.counts[column]
        if np.isnan(count):
            missing.append(f"M{middle - 2:.1f} {BOTTOM - 7}l4 4m0-4l-4 4")
            continue
        top = course.y(count)
        if course.alarm[column]:
            marks.append(f"M{middle:.1f} {top - 3:.1f}l-4-7h8z")
        if course.hidden[column] or course.left_out[column]:
            kind = "p-alarm" if course.alarm[column] else "p-hidden" if course.hidden[column] else "p-left"
            hollow.setdefault(kind, []).append(f"M{middle - half:.1f} {BOTTOM}V{top:.1f}h{2 * half:.1f}V{BOTTOM}")
            continue
        kind = "p-alarm" if course.alarm[column] else "p-late" if column >= late_from else "p-bar"
        strokes.setdefault(kind, []).append(f"M{middle:.1f} {BOTTOM}v{min(top - BOTTOM, -1):.1f}")
    for kind, paths in strokes.items():
        yield f'<path class="{kind}" stroke-width="{2 * half:.1f}" d="{"".join(paths)}"/>'
    for kind, paths in hollow.items():
        yield f'<path class="{kind}" d="{"".join(paths)}"/>'
    if missing:
        yield f'<path class="p-missing" d="{"".join(missing)}"/>'
    if marks:
        yield f'<path class="p-mark" d="{"".join(marks)}"/>'


def _step_line(course: SeriesCourse, name: str) -> str:
    """Draw a line that is level through each period and broken where there is no value in view."""
    steps, joined = [], False
    for column in course.window:
        value = course.lines[name][column]
        inside = np.isfinite(value) and 0 <= value <= course.ticks[-1]
        if inside:
            y = f"{course.y(value):.1f}"
            steps.append(f"V{y}" if joined else f"M{course.x(column):.1f} {y}")
            steps.append(f"H{course.x(column + 1):.1f}")
        joined = bool(inside)
    return f'<path class="{_LINE_CLASSES[name]}" d="{"".join(steps)}"/>' if steps else ""


def _axes(course: SeriesCourse) -> Iterator[str]:
    for tick in course.ticks:
        y = course.y(tick)
        yield f'<line class="p-grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{course.words.numbers.exact(tick)}</text>'
    for mark in course.periods.marks(course.window.start, course.window.stop):
        x = course.x(mark.column)
        length = 16 if mark.strong else 4
        yield f'<line class="p-grid" x1="{x:.1f}" x2="{x:.1f}" y1="{BOTTOM}" y2="{BOTTOM + length}"/>'
        if mark.strong:
            yield f'<text x="{x + 3:.1f}" y="{BOTTOM + 28}">{mark.name}</text>'
        else:
            yield f'<text x="{x:.1f}" y="{BOTTOM + 15}" text-anchor="middle">{mark.name}</text>'


def _incomplete(course: SeriesCourse) -> Iterator[str]:
    """Grey the newest periods, whose reports may not all be in."""
    first = max(len(course.counts) - course.settings.incomplete, course.window.start)
    if first >= course.window.stop:
        return
    x, end = course.x(first), course.x(course.window.stop)
    yield f'<rect class="p-weeks" x="{x:.1f}" y="{TOP - 12}" width="{end - x:.1f}" height="{BOTTOM - TOP + 12}"/>'
    yield f'<text x="{end:.1f}" y="{TOP - 2}" text-anchor="end">{course.words.say("incomplete")}</text>'


def _legend(course: SeriesCourse) -> Iterator[str]:
    """Draw a sample and a name of what the drawing shows."""
    say, inside = course.words.say, slice(course.window.start, course.window.stop)
    counts = course.counts[inside]
    entries = [
        (True, '<path class="p-bar" stroke-width="8" d="M{x} 34h10"/>', course.periods.each),
        (True, '<path class="p-expected" d="M{x} 34h14"/>', say("Expected")),
        (True, '<path class="p-bound" d="M{x} 34h14"/>', say("Upper bound")),
        (course.alarm[inside].any(), '<path class="p-mark" d="M{x} 30h8l-4 7z"/>', say("Alarm")),
        (
            course.left_out[inside].any(),
            '<path class="p-left" d="M{x} 38v-8h8v8"/>',
            say("Not learnt from, or less"),
        ),
        (np.isnan(counts).any(), '<path class="p-missing" d="M{x} 32l4 4m0-4l-4 4"/>', say("No count")),
        (
            course.hidden[inside].any(),
            '<path class="p-hidden" d="M{x} 38v-8h8v8"/>',
            say("From 1 to {n}, not shown exactly").format(n=course.settings.suppress_below - 1),
        ),
    ]
    x = 0.0
    for present, sample, name in entries:
        if present:
            yield sample.format(x=f"{x:.0f}") + f'<text x="{x + 18:.0f}" y="38">{escape(name)}</text>'
            x += 18 + _text_width(name) + 14


def _text_width(text: str) -> float:
    """Return about how wide `text` is: East Asian signs are twice as wide as others."""
    return sum(11.5 if unicodedata.east_asian_width(sign) in "WF" else 6.2 for sign in text)


def _strip(course: SeriesCourse) -> Iterator[str]:
    """Draw all counts small, with a frame around what the bars show."""
    size = len(course.counts)
    edges = np.linspace(0, size, min(size, _STRIP_COLUMNS) + 1).astype(int)
    highest = np.fmax.reduceat(course.counts, edges[:-1])
    top = float(np.nanmax(np.append(highest, 1.0)))
    width = (WIDTH - LEFT - RIGHT) / (len(edges) - 1)
    heights = np.nan_to_num(highest) / top * (_STRIP_BOTTOM - _STRIP_TOP)
    steps = "".join(f"V{_STRIP_BOTTOM - height:.0f}h{width:.3g}" for height in heights)
    yield f'<path class="p-history" d="M{LEFT} {_STRIP_BOTTOM}{steps}V{_STRIP_BOTTOM}z"/>'

    def x(column: int) -> float:
        return LEFT + column / size * (WIDTH - LEFT - RIGHT)

    start, stop = x(course.window.start), x(course.window.stop)
    frame = f'x="{start:.1f}" y="{_STRIP_TOP - 2}" width="{stop - start:.1f}" height="{_STRIP_BOTTOM - _STRIP_TOP + 2}"'
    yield f'<rect class="p-window" {frame}/>'
    ticks = "".join(f"M{x(column):.1f} {_STRIP_BOTTOM}l-2 5h4z" for column in np.flatnonzero(course.alarm).tolist())
    if ticks:
        yield f'<path class="p-tick" d="{ticks}"/>'
    yield f'<text x="0" y="{_STRIP_BOTTOM}">{course.words.say("All")}</text>'
    yield f'<text x="{LEFT}" y="{_STRIP_TOP - 4}">{escape(course.periods.short(0))}</text>'
