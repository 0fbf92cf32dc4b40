"""From allocated doses to people: each place gives what it has, within what it can."""

from collections import deque

import numpy as np

from mamori.exercise.response import by_income
from mamori.exercise.scenario import Delivery
from mamori.exercise.week import Doses, FloatArray, Places, Week


class Deliver:
    """The stage that gives doses: second doses first, then first doses, within stock and weekly limit.

    A place holds the part of its income group's doses that its people old enough to be vaccinated are of the
    group's. A second dose that cannot be given in its week is not caught up. Doses that find nobody to take
    them go back into stock.
    """

    def __init__(self, delivery: Delivery, places: Places, draws: int) -> None:
        shape = (draws, len(places.codes))
        people = places.eligible_by_income[places.income]
        share = np.divide(places.eligible, people, out=np.zeros_like(people), where=people > 0)
        self._income = places.income
        self._share_of_group = share
        self._limit = by_income(delivery.weekly_limit)[places.income] * places.population
        self._demand = delivery.uptake * places.eligible
        self._stock = np.zeros(shape)
        self._planned = np.zeros(shape)
        self._first_given = np.zeros(shape)
        # First doses of the last weeks, oldest first: those of the oldest week are due in the coming one.
        weeks = delivery.second_dose_after_weeks
        self._recent = deque([np.zeros(shape)] * weeks, maxlen=weeks)

    def act(self, week: Week) -> Doses:
        """Return the doses of the coming week."""
        given = self._settle(week.flows.first_doses.sum(axis=2))
        arrived = week.allocated[:, self._income] * self._share_of_group
        self._stock = self._stock + arrived
        self._recent.append(given)
        open_now = (week.campaign.week > week.campaign.approval_week)[:, None]
        second = np.where(open_now, np.minimum(np.minimum(self._limit, self._stock), self._recent[0]), 0.0)
        self._stock = self._stock - second
        left = np.maximum(self._demand - self._first_given, 0.0)
        first = np.where(open_now, np.minimum(np.minimum(self._limit - second, self._stock), left), 0.0)
        self._stock = self._stock - first
        self._planned = first
        return Doses(arrived, first, second)

    def _settle(self, given: FloatArray) -> FloatArray:
        """Put the planned first doses that nobody took back into stock; return those given."""
        self._stock = self._stock + (self._planned - given)
        self._first_given = self._first_given + given
        return given
