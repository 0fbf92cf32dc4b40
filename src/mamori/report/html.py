"""The report of an exercise as one HTML page that works offline."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from mamori.core.files import atomic_path
from mamori.exercise.setup import BY_POPULATION
from mamori.report import assumptions, packing, page, readout
from mamori.report.axis import Axis
from mamori.report.numbers import Quantity
from mamori.report.page_data import page_data, place_curves
from mamori.report.readout import Change, Estimate, IncomeChange, Wait
from mamori.report.run_folder import RunFolder
from mamori.report.words import Words

SCRIPTS = ("core.js", "figures.js", "charts.js", "map.js", "places.js", "main.js")
"""The page's script, in the order in which its parts build on each other."""

STYLES = ("page.css", "report.css")

GLANCE_THRESHOLD = 20
"""Doses per 100 people at which the first screen tells the days behind."""

DRAWS_FOR_INTERVALS = 100
"""Below this many draws the 5 % and 95 % quantiles rest on fewer than five draws each."""


def write_report(run_folder: Path, lang: str = "en") -> Path:
    """Write `report.html` into `run_folder` from the tables that the exercise left there; return its path.

    The page holds its data, styles and script and asks nothing of a network. The same folder and language
    give the same bytes.

    Raises `InputError` when the folder is not that of a finished exercise, or for an unknown language.
    """
    folder = RunFolder.read(Path(run_folder))
    words = Words(folder, lang)
    path = folder.path / "report.html"
    content = render(folder, words)
    with atomic_path(path) as partial:
        partial.write_text(content, encoding="utf-8", newline="\n")
    return path


def render(folder: RunFolder, words: Words) -> str:
    """Return the page of a run."""
    script = page.joined(SCRIPTS)
    curves = place_curves(folder)
    incomes, waits = readout.income_changes(folder), readout.waits(folder)
    context = {
        **_masthead(folder, words),
        **_result(folder, words, incomes, waits),
        **_equity(folder, words, incomes, waits),
        **assumptions.context(folder, words),
        "_": words.say,
        "lang": words.lang,
        "write": words.numbers.write,
        "interval": words.numbers.interval,
        "uncertainty": _uncertainty(folder, words),
        "curves_note": _curves_note(folder, words, curves),
        "css": page.joined(STYLES),
        "script": script,
        "data": page.as_json(page_data(folder, words, curves, script)),
    }
    return page.render("report.html.j2", context)


def _masthead(folder: RunFolder, words: Words) -> dict[str, Any]:
    """The title of the page and the facts of the run."""
    run, numbers, say = folder.run, words.numbers, words.say
    scenario = run["scenario"]
    emergence = str(scenario["emergence"]["place"])
    begins_in = (
        say("a place drawn by population")
        if emergence == BY_POPULATION
        else words.place_names[folder.codes.index(emergence)]
    )
    facts = [
        (say("Pathogen"), str(scenario["pathogen"])),
        (say("R0"), _figure(readout.over_draws(folder.r0), "rate", words)),
        (say("Begins in"), begins_in),
        (
            say("Places"),
            say("{places}, {people} people").format(
                places=numbers.exact(len(folder.codes)), people=numbers.count(folder.population.sum())
            ),
        ),
        (
            say("Period"),
            say("{days} days from {date}").format(
                days=numbers.exact(packing.DAYS_PER_WEEK * folder.weeks), date=numbers.date(folder.start_date)
            ),
        ),
        (say("Recognised on day"), _figure(readout.over_draws(folder.recognition_day), "day", words)),
        (say("Draws, seed"), f"{numbers.exact(folder.draws)}, {run['seed']}"),
    ]
    return {
        "title": say(str(run["title"])),
        "summary": say(str(scenario["summary"])),
        "facts": facts,
        "version": str(run["provenance"]["mamori"]),
    }


def _figure(estimate: Estimate, quantity: Quantity, words: Words) -> str:
    """Write a median with its interval behind it."""
    middle, interval = words.numbers.write(estimate.median, quantity), words.numbers.interval(estimate, quantity)
    return f"{middle} ({interval})" if interval not in ("", middle) else middle


def _result(folder: RunFolder, words: Words, incomes: Sequence[IncomeChange], waits: Sequence[Wait]) -> dict[str, Any]:
    """The sentence and the table on what an earlier vaccine changes, and the same by income group."""
    changes = readout.world_changes(folder)
    late, early = _day_labels(folder, words)
    return {
        "burdens": _burdens(folder, words),
        "changes": [
            {
                "label": words.comparison(change.comparison),
                "change": change,
                "sentence": _sentence(folder, words, change),
                "by_income": _by_income(words, change, incomes, waits),
            }
            for change in changes
        ],
        "deaths_axis": Axis.of(
            estimate for change in changes for estimate in (change.deaths_late, change.deaths_early)
        ),
        "late_label": late,
        "early_label": early,
    }


def _burdens(folder: RunFolder, words: Words) -> list[dict[str, Any]]:
    """The outcome of the arms whose response was run with one vaccine day only."""
    return [
        {
            "label": words.arm(folder.arms[index]),
            "rows": [
                {"name": words.income(row.group) if row.group else words.say("All places"), "burden": row}
                for row in rows
            ],
        }
        for index, rows in groupby(readout.burdens(folder), key=lambda row: row.arm)
    ]


def _day_labels(folder: RunFolder, words: Words) -> tuple[str, str]:
    """Name the later and the earlier vaccine of the comparisons: by their days where all have the same."""
    lates = {folder.arms[comparison.late].vaccine_day for comparison in folder.comparisons}
    earlies = {folder.arms[comparison.early].vaccine_day for comparison in folder.comparisons}
    late = words.vaccine_day(lates.pop()) if len(lates) == 1 else words.say("later vaccine")
    early = words.vaccine_day(earlies.pop()) if len(earlies) == 1 else words.say("earlier vaccine")
    return late, early


def _sentence(folder: RunFolder, words: Words, change: Change) -> dict[str, str]:
    """Return the parts of the sentence that says what the earlier vaccine changes."""
    numbers = words.numbers
    early, late = folder.arms[change.comparison.early], folder.arms[change.comparison.late]
    return {
        "response": words.response(change.comparison.response),
        "early": words.short_vaccine_day(early.vaccine_day),
        "late": words.short_vaccine_day(late.vaccine_day),
        "deaths": numbers.count(abs(change.deaths_averted.median)),
        "interval": numbers.interval(change.deaths_averted, "count"),
        "share": numbers.write(change.deaths_averted_share.median, "percent"),
        "yll": numbers.count(change.yll_averted.median),
    }


def _by_income(
    words: Words, change: Change, incomes: Sequence[IncomeChange], waits: Sequence[Wait]
) -> list[dict[str, Any]]:
    """Per income group: deaths averted, and days behind the high-income group with the earlier vaccine."""
    behind: Mapping[str, Estimate] = {
        wait.group: wait.behind
        for wait in waits
        if wait.arm == change.comparison.early and wait.threshold == GLANCE_THRESHOLD
    }
    return [
        {
            "name": words.short_income(row.group),
            "averted": row.averted_per_100k,
            "behind": behind[row.group],
            "reference": row.group == "HIC",
        }
        for row in incomes
        if row.change.comparison == change.comparison
    ]


def _equity(folder: RunFolder, words: Words, incomes: Sequence[IncomeChange], waits: Sequence[Wait]) -> dict[str, Any]:
    """The two tables by income group: deaths, and days of waiting."""
    axis = Axis.of(estimate for row in incomes for estimate in (row.late_per_100k, row.early_per_100k))
    income_blocks = []
    for comparison, found in groupby(incomes, key=lambda row: row.change.comparison):
        rows = list(found)
        income_blocks.append(
            {
                "response": comparison.response,
                "label": words.comparison(comparison),
                "rows": [
                    {"name": words.income(row.group), "places": words.places(row.places), "income": row} for row in rows
                ],
            }
        )
    wait_blocks = []
    for index, found_waits in groupby(waits, key=lambda wait: wait.arm):
        arm, of_arm = folder.arms[index], list(found_waits)
        wait_blocks.append(
            {
                "response": arm.response,
                "key": words.ink(arm),
                "label": words.arm(arm),
                "rows": [
                    {
                        "name": words.income(group),
                        "reference": group == "HIC",
                        "waits": [wait for wait in of_arm if wait.group == group],
                    }
                    for group in folder.income_groups
                ],
            }
        )
    return {
        "incomes": income_blocks,
        "income_axis": axis,
        "waits": wait_blocks,
        "thresholds": readout.THRESHOLDS,
        "glance_threshold": GLANCE_THRESHOLD,
    }


def _uncertainty(folder: RunFolder, words: Words) -> str:
    """Say what the intervals are and what they are not."""
    draws = folder.draws
    said = words.say(
        "Vaccine days count from the recognition of the pathogen. Each figure is the median of {draws} draws "
        "with its 90 % interval (5 % to 95 %). Draws differ in the uncertain properties of the pathogen and "
        "in chance; vaccine days are compared within the same draw. The intervals do not hold what the model "
        "leaves out: the true uncertainty is larger. Medians of groups need not add up to that of the whole. "
        "The mean gives rare, very severe draws their full weight: it is the expected value."
    ).format(draws=words.numbers.exact(draws))
    if draws >= DRAWS_FOR_INTERVALS:
        return said
    few = words.say("With so few draws the ends of the intervals are rough; use at least {draws} for decisions.")
    return said + words.sentence_gap + few.format(draws=words.numbers.exact(DRAWS_FOR_INTERVALS))


def _curves_note(folder: RunFolder, words: Words, curves: packing.Curves) -> str:
    """Say what the curves show, and what of single places was left out to keep the page small."""
    notes = [
        words.say(
            "Lines are medians over the draws; bands hold 90 % of the draws (for all places and income "
            "groups also 50 %). A line joins each week's median, which is not one draw's course. Days count "
            "from the first infection. Dashed: beds that other patients leave free."
        )
    ]
    every = curves.steps[0] // packing.DAYS_PER_WEEK
    if every > 1:
        notes.append(words.say("Single places are shown in steps of {n} weeks.").format(n=every))
    if len(curves.groups) < len(folder.codes):
        notes.append(words.say("Single places are shown for the {n} with most people.").format(n=len(curves.groups)))
    return words.sentence_gap.join(notes)
