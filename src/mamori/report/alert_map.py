"""Where the alarms are: countries, or circles at coordinates, coloured by the strongest alarm of each place."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import numpy as np

from mamori.data.catalogue import countries
from mamori.data.names import country_aliases, folded
from mamori.report.alert_rows import ALARM, ALARM_EARLIER, QUIET, STRONG, UNJUDGED, VERY_STRONG, Ranking
from mamori.report.alert_words import AlertWords
from mamori.report.worldmap import WIDTH, on_the_drawing, world_map

LEVEL_CLASSES = {
    UNJUDGED: "unjudged",
    QUIET: "quiet",
    ALARM_EARLIER: "earlier",
    ALARM: "alarm",
    STRONG: "strong",
    VERY_STRONG: "very-strong",
}

_RADII = {UNJUDGED: 4.0, QUIET: 3.0, ALARM_EARLIER: 7.0, ALARM: 8.0, STRONG: 10.0, VERY_STRONG: 12.0}
"""Radii of circles where the drawing is `WIDTH` wide."""

_MARGIN = 0.12
_LEAST_WIDTH = 12.0
"""A map of neighbouring districts is not drawn closer than this; the borders are too coarse for it."""
_WIDEST, _TALLEST = 2.2, 1.4
_ROOMY, _SMALLEST = 100, 0.4
"""More alarms than the first have smaller circles, at the least by the second."""
_MOST_CIRCLES = 1000
"""Places in alarm beyond so many, the weakest, have a dot of their colour, but no words and no link."""


@dataclass(frozen=True)
class Spot:
    """A place on the map: where, its name, its series in order of their alarms, the highest level among them."""

    key: str | tuple[float, float]
    name: str
    series: np.ndarray
    level: int


@dataclass(frozen=True)
class AlertMap:
    """The drawing, the levels that occur on it, and what could not be drawn."""

    drawing: str
    levels: tuple[int, ...]
    without_outline: tuple[str, ...]
    """Places in alarm whose country is too small for the map."""
    nowhere: int
    """Series that have neither coordinates nor a country."""


def draw_map(ranking: Ranking, words: AlertWords, anchors: Mapping[int, str]) -> AlertMap | None:
    """Return the map of a ranking, or None where the series have no coordinates and few of their places are countries.

    `anchors` are the ids of the rows, by series, to which a click on the map leads.
    """
    located = _located(ranking, words)
    if located:
        return _circles(ranking, located, words, anchors)
    named, nowhere = _named(ranking, words)
    return _areas(named, nowhere, words, anchors) if named else None


def _spot(ranking: Ranking, key: str | tuple[float, float], name: str, series: np.ndarray) -> Spot:
    first = series[np.lexsort((series, ranking.place_in_order[series]))]
    return Spot(key, name, first, int(ranking.level[series].max()))


def _located(ranking: Ranking, words: AlertWords) -> list[Spot]:
    """Return a spot for each pair of coordinates."""
    frame = ranking.alerts.observations.series
    if not {"latitude", "longitude"} <= set(frame.columns):
        return []
    both = frame.select("latitude", "longitude").to_numpy().astype(float)
    known = np.flatnonzero(np.isfinite(both).all(axis=1))
    if not len(known):
        return []
    pairs, member = np.unique(both[known], axis=0, return_inverse=True)
    groups = np.split(known[np.argsort(member, kind="stable")], np.cumsum(np.bincount(member))[:-1])
    label = "place" if "place" in frame.columns else "series"
    names = frame.get_column(label)
    return [
        _spot(ranking, (float(pair[0]), float(pair[1])), words.place(str(names[int(series[0])])), series)
        for pair, series in zip(pairs, groups, strict=True)
    ]


def _named(ranking: Ranking, words: AlertWords) -> tuple[list[Spot], int]:
    """Return a spot for each country that a place names, and the number of series whose place names none.

    Where fewer than half of the places are countries, the rest would be missing silently: there is no map.
    """
    frame = ranking.alerts.observations.series
    if "place" not in frame.columns:
        return [], len(frame)
    places = frame.get_column("place").to_list()
    codes = {place: _code(str(place)) for place in set(places) if place}
    if 2 * sum(code is not None for code in codes.values()) < max(1, len(codes)):
        return [], len(frame)
    members: dict[str, list[int]] = {}
    for row, place in enumerate(places):
        if code := codes.get(place):
            members.setdefault(code, []).append(row)
    spots = [_spot(ranking, code, words.place(code), np.array(rows)) for code, rows in members.items()]
    return spots, len(frame) - sum(len(spot.series) for spot in spots)


def _code(place: str) -> str | None:
    return place if place in countries() else country_aliases().get(folded(place))


def _areas(spots: list[Spot], nowhere: int, words: AlertWords, anchors: Mapping[int, str]) -> AlertMap:
    world = world_map()
    by_code = {spot.key: spot for spot in spots}
    parts = [f'<path class="sea" d="{world.sea}"/>']
    for code, path in world.paths.items():
        spot = by_code.pop(code, None)
        if spot is None:
            parts.append(f'<path class="area" d="{path}"/>')
        else:
            parts.append(_linked(f'<path class="area {LEVEL_CLASSES[spot.level]}" d="{path}">', spot, words, anchors))
    return AlertMap(
        _whole(parts, (0.0, 0.0, float(WIDTH), float(world.height)), words),
        _levels(spots),
        tuple(str(spot.name) for spot in by_code.values() if spot.level >= ALARM_EARLIER),
        nowhere,
    )


def _circles(ranking: Ranking, spots: list[Spot], words: AlertWords, anchors: Mapping[int, str]) -> AlertMap:
    world = world_map()
    at = np.array([spot.key for spot in spots], dtype=float)
    x, y = on_the_drawing(at[:, 1], at[:, 0])
    frame = _frame(x, y)
    crowd = sum(spot.level >= ALARM_EARLIER for spot in spots)
    unit = frame[2] / WIDTH * min(1.0, max(_SMALLEST, (_ROOMY / max(crowd, 1)) ** 0.5))
    parts = [f'<path class="sea" d="{world.sea}"/>']
    parts += [f'<path class="area" d="{path}"/>' for path in world.paths.values()]
    alarmed = [i for i in np.argsort([-spot.level for spot in spots], kind="stable") if spots[i].level >= ALARM_EARLIER]
    shown = set(alarmed[:_MOST_CIRCLES])
    for level in _levels(spots):
        # Dots of no length with round ends: a few bytes each, for tens of thousands of places.
        these = [i for i, spot in enumerate(spots) if spot.level == level and i not in shown]
        dots = "".join(sorted({f"M{x[i]:.4g} {y[i]:.4g}h0" for i in these}))
        if dots:
            width = 2 * _RADII[level] * unit
            parts.append(f'<path class="dots {LEVEL_CLASSES[level]}" stroke-width="{width:.3g}" d="{dots}"/>')
    for i in reversed(alarmed[:_MOST_CIRCLES]):
        spot = spots[i]
        circle = f'<circle class="area {LEVEL_CLASSES[spot.level]}" cx="{x[i]:.2f}" cy="{y[i]:.2f}"'
        parts.append(_linked(f'{circle} r="{_RADII[spot.level] * unit:.3g}">', spot, words, anchors))
    nowhere = ranking.alerts.observations.series.height - sum(len(spot.series) for spot in spots)
    return AlertMap(_whole(parts, frame, words), _levels(spots), (), nowhere)


def _frame(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float, float]:
    """Return (left, top, width, height) of the part of the drawing that holds all points, neither flat nor narrow."""
    width = max(float(np.ptp(x)) * (1 + 2 * _MARGIN), _LEAST_WIDTH)
    height = max(float(np.ptp(y)) * (1 + 2 * _MARGIN), _LEAST_WIDTH / _WIDEST)
    width, height = max(width, height / _TALLEST), max(height, width / _WIDEST)
    middle = (float(x.min() + x.max()) / 2, float(y.min() + y.max()) / 2)
    return middle[0] - width / 2, middle[1] - height / 2, width, height


def _levels(spots: list[Spot]) -> tuple[int, ...]:
    return tuple(sorted({spot.level for spot in spots}))


def _linked(shape: str, spot: Spot, words: AlertWords, anchors: Mapping[int, str]) -> str:
    """Give a shape its words and, where its strongest series has a row, the way there."""
    strongest = int(spot.series[0])
    tag = shape[1:].split(" ", 1)[0]
    drawn = f"{shape}<title>{escape(_said(spot, words))}</title></{tag}>"
    anchor = anchors.get(strongest)
    return f'<a href="#{anchor}">{drawn}</a>' if anchor else drawn


def _said(spot: Spot, words: AlertWords) -> str:
    series = words.say("series: {n}").format(n=words.numbers.exact(len(spot.series)))
    return f"{spot.name}: {level_name(spot.level, words)}, {series}"


def level_name(level: int, words: AlertWords) -> str:
    """Name a level of the map."""
    names = {
        UNJUDGED: words.say("not judged"),
        QUIET: words.say("no alarm"),
        ALARM_EARLIER: words.say("alarm in an earlier period"),
        ALARM: words.say("alarm in the last period"),
        STRONG: words.say("strong alarm (p ≤ 0.001)"),
        VERY_STRONG: words.say("very strong alarm (p ≤ 0.000001)"),
    }
    return names[level]


def _whole(parts: list[str], frame: tuple[float, float, float, float], words: AlertWords) -> str:
    label = escape(words.say("Map of the alarms. The table above holds the same alarms."))
    box = " ".join(f"{value:.5g}" for value in frame)
    inside = "".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="group" aria-label="{label}">{inside}</svg>'
