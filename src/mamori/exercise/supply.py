"""From the recognised pathogen to allocated doses: approval, manufacture, allocation.

The rules and their constants are those of the CEPI 100 Days Mission costing model; with its populations they
give its published trajectories.
"""

import numpy as np

from mamori.exercise.scenario import Supply
from mamori.exercise.week import DAYS, INCOME_GROUPS, Campaign, FloatArray, IntArray, Output, Places, Week

WEEKS_PER_YEAR = 52
"""Capacities per year are spread over 52 weeks, as in the CEPI model."""


class Develop:
    """The stage that carries the vaccine from recognition to its approval on a fixed day."""

    def __init__(self, approval_day: int, draws: int) -> None:
        self._approval_week = round(approval_day / DAYS)
        self._weeks = np.zeros(draws, dtype=np.int64)

    def act(self, week: Week) -> Campaign:
        """Return where the countermeasures stand in the coming week."""
        self._weeks = self._weeks + week.observation.recognised
        return Campaign(self._weeks, self._approval_week)


class Make:
    """The stage that turns plants to the vaccine and fills it.

    Capacity of K doses a year makes, x weeks after the transition, K/52 x (x - a) / s doses a week, limited
    to 0 and K/52, where a is the delay to first output and s the length of the ramp.
    """

    def __init__(self, supply: Supply) -> None:
        self._supply = supply

    def act(self, week: Week) -> Output:
        """Return the doses made in the coming week."""
        supply, campaign = self._supply, week.campaign
        begin = campaign.approval_week - supply.transition_weeks_before_approval
        since = np.where(campaign.week > 0, campaign.week - begin, 0)
        reserved = supply.reserved_hic_doses_per_year + supply.reserved_shared_doses_per_year
        return Output(
            reserved=ramp(since, reserved, supply.reserved_first_output_weeks, supply.reserved_ramp_weeks),
            existing=ramp(
                since,
                supply.existing_doses_per_year - reserved,
                supply.existing_first_output_weeks,
                supply.existing_ramp_weeks,
            ),
            built=ramp(
                since,
                supply.ceiling_doses_per_year - supply.existing_doses_per_year,
                supply.built_first_output_weeks,
                supply.built_ramp_weeks,
            ),
        )


def ramp(weeks: IntArray, doses_per_year: float, first_output_weeks: int, ramp_weeks: int) -> FloatArray:
    """Return the doses made in a week, `weeks` after the transition."""
    share = np.clip((weeks - first_output_weeks) / ramp_weeks, 0.0, 1.0)
    return np.asarray(share * doses_per_year / WEEKS_PER_YEAR)


class Allocate:
    """The stage that shares the doses made among the income groups of the whole world.

    Let f be the first income group, richest first, that was allocated less than its demand until the week
    before. A *sole* output goes to f; a *shared* output goes to f and all poorer groups by their people old
    enough to be vaccinated; the exclusive share h of the reserved output goes to the richest while f is they.
    With the rule 'income-order' existing and new capacity is sole, with 'population' all is shared. Once all
    demand is met nothing more is allocated. A group's last allocation may exceed its demand; nothing is taken
    back.
    """

    def __init__(self, rule: str, supply: Supply, uptake: float, places: Places, draws: int) -> None:
        reserved = supply.reserved_hic_doses_per_year + supply.reserved_shared_doses_per_year
        self._exclusive = supply.reserved_hic_doses_per_year / reserved if reserved else 0.0
        self._by_population = rule == "population"
        self._people = places.eligible_by_income
        self._demand = 2.0 * uptake * places.eligible_by_income
        self._allocated = np.zeros((draws, len(INCOME_GROUPS)))

    def act(self, week: Week) -> FloatArray:
        """Return the (D, 4) doses allocated to each income group for the coming week."""
        output = week.output
        unmet = self._allocated < self._demand
        wanted = np.asarray(unmet.any(axis=1))
        first = unmet.argmax(axis=1)
        groups = np.arange(len(INCOME_GROUPS))
        sole = (groups == first[:, None]).astype(np.float64)
        people = np.where(groups >= first[:, None], self._people, 0.0)
        total = people.sum(axis=1, keepdims=True)
        shared = np.divide(people, total, out=np.zeros_like(people), where=total > 0)
        richest = np.array([1.0, *[0.0] * (len(groups) - 1)])
        exclusive = np.where(first == 0, self._exclusive, 0.0)[:, None]
        unreserved = (output.existing + output.built)[:, None]
        added = output.reserved[:, None] * (exclusive * richest + (1.0 - exclusive) * shared)
        added += unreserved * (shared if self._by_population else sole)
        added *= wanted[:, None]
        self._allocated = self._allocated + added
        return np.asarray(added)
