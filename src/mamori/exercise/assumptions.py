"""What a reader of an outcome must know to judge it, in sentences that follow from the scenario.

The sentences hold no numbers (those stand in the scenario), so that each has one translation in the
catalogue.
"""

from mamori.exercise.scenario import Scenario
from mamori.exercise.setup import BY_POPULATION


def assumptions(scenario: Scenario) -> list[str]:
    """Return the assumptions behind an exercise of `scenario`, in English."""
    found = [
        (
            "The outbreak is recognised when enough hospital cases are reported in one place; the days to a "
            "vaccine count from then, not from the first infection."
        ),
        (
            "Decisions are taken once a week, on what was reported with the stated delay; contacts, beds and "
            "doses do not change within a week."
        ),
        (
            "Chance and the uncertain properties of the pathogen are the same in every arm, draw by draw, so "
            "that arms differ only by what is compared."
        ),
        (
            "Doses that exist are not doses given: manufacture starts with a delay and ramps up, each place "
            "gives at most a stated share of its population a week, and second doses go first."
        ),
        (
            "Protection is that of a full course, counted from the first dose; a late second dose is not "
            "modelled, and nobody gets a booster."
        ),
        "Each place vaccinates its oldest people first.",
        "Manufacture, allocation and delivery follow the CEPI 100 Days Mission costing model.",
    ]
    if scenario.emergence.place == BY_POPULATION:
        found.append("Every draw begins in another place, chosen with probability proportional to population.")
    if any(scenario.responses.values()):
        found += [
            (
                "Responses follow one rule everywhere: contacts fall as hospital load and deaths rise, with "
                "an effect that depends on the income group, and adherence fades while measures last."
            ),
            "People react to the deaths that happen, not to those that are registered.",
            (
                "The sizes of the responses are assumptions informed by 2020 and 2021, not forecasts of what "
                "any government will do."
            ),
        ]
    if None in scenario.responses.values():
        found.append(
            "Without a response nobody avoids anybody, whatever happens: a limiting case, not a forecast. "
            "Most infections then come before any vaccine, and even an early vaccine averts little."
        )
    if scenario.allocation == "income-order":
        found.append("Doses that nobody reserved go to richer places until their demand is met.")
    else:
        found.append("All doses but those reserved by high-income places are shared by population.")
    if scenario.care.beds == "national":
        found.append("Every place has its own free beds; patients do not cross borders.")
    else:
        found.append(
            "Within each subregion, beds that one place can spare serve places that lack them from the next week on."
        )
    return found
