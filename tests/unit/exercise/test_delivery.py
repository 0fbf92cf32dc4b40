"""Doses reach people within stock, weekly limit and demand."""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mamori.exercise.delivery import Deliver
from mamori.exercise.scenario import Delivery, Scenario, ShareByIncome
from mamori.exercise.week import Campaign, Places, Week

MakeWeek = Callable[..., Week]


class _Campaign:
    """A campaign of one draw in which the share `taken` of the planned first doses finds somebody."""

    def __init__(self, delivery: Delivery, places: Places, make_week: MakeWeek, taken: float = 1.0) -> None:
        self.stage = Deliver(delivery, places, draws=1)
        self.make_week = make_week
        self.taken = taken
        self.first: list[np.ndarray] = []
        self.second: list[np.ndarray] = []

    def run(self, allocations: list[np.ndarray], approval_week: int = 0) -> None:
        given = np.zeros(4)
        for number, allocated in enumerate(allocations, start=1):
            week = self.make_week(number, first_doses=given[:, None] / 7.0)
            week.campaign = Campaign(np.array([number]), approval_week)
            week.allocated = allocated[None]
            doses = self.stage.act(week)
            given = doses.first[0] * self.taken
            self.first.append(given)
            self.second.append(doses.second[0])


def test_doses_wait_for_approval(places: Places, make_week: MakeWeek, disease_x: Scenario) -> None:
    campaign = _Campaign(disease_x.delivery, places, make_week)
    campaign.run([np.full(4, 1e6)] * 6, approval_week=4)
    assert np.sum(campaign.first[:4]) == 0.0
    np.testing.assert_allclose(campaign.first[4], 5e6)


def test_second_doses_go_first_four_weeks_later(places: Places, make_week: MakeWeek, disease_x: Scenario) -> None:
    campaign = _Campaign(disease_x.delivery, places, make_week)
    campaign.run([np.full(4, 1e6)] * 6)
    np.testing.assert_allclose(campaign.second[:4], 0.0)
    np.testing.assert_allclose(campaign.second[4:], 1e6)
    np.testing.assert_allclose(campaign.first[4:], 0.0, atol=1e-3)


def test_doses_that_nobody_takes_stay_in_stock(places: Places, make_week: MakeWeek, disease_x: Scenario) -> None:
    campaign = _Campaign(disease_x.delivery, places, make_week, taken=0.0)
    campaign.run([np.full(4, 1e6), np.zeros(4)])
    campaign.taken = 1.0
    campaign.run([np.zeros(4)])
    np.testing.assert_allclose(campaign.first[-1], 1e6)


def test_places_of_an_income_group_share_by_people_old_enough(
    places: Places, make_week: MakeWeek, disease_x: Scenario
) -> None:
    # Only two places of the world's low-income group take part, with 1 % and 3 % of its people.
    low = np.array([3, 3, 3, 3])
    people = places.eligible_by_income[3] * np.array([0.01, 0.03, 0.0, 0.0])
    subset = Places(**(vars(places) | {"income": low, "eligible": people}))
    campaign = _Campaign(disease_x.delivery, subset, make_week)
    campaign.run([np.array([0.0, 0.0, 0.0, 1e6])])
    np.testing.assert_allclose(campaign.first[0], [1e4, 3e4, 0.0, 0.0])


@settings(max_examples=60, deadline=None)
@given(
    weekly=st.lists(st.floats(0.0, 2e9), min_size=1, max_size=30),
    uptake=st.floats(0.0, 1.0),
    limit=st.floats(0.0, 0.2),
    taken=st.floats(0.0, 1.0),
)
def test_no_more_is_given_than_arrived_than_can_be_given_or_than_is_wanted(
    places: Places, make_week: MakeWeek, weekly: list[float], uptake: float, limit: float, taken: float
) -> None:
    shares = ShareByIncome(HIC=limit, UMIC=limit, LMIC=limit, LIC=limit)
    rules = Delivery(weekly_limit=shares, uptake=uptake, youngest_age_years=15, second_dose_after_weeks=4)
    campaign = _Campaign(rules, places, make_week, taken)
    campaign.run([np.full(4, doses) for doses in weekly])
    first, second = np.array(campaign.first), np.array(campaign.second)
    given, slack = first + second, 1.0 + 1e-9
    assert (first >= 0.0).all()
    assert (second >= 0.0).all()
    assert (given <= limit * places.population * slack).all()
    assert (np.cumsum(given, axis=0) <= np.cumsum(weekly)[:, None] * slack).all()
    assert (first.sum(axis=0) <= uptake * places.eligible * slack).all()
    assert (second.sum(axis=0) <= first.sum(axis=0) * slack).all()
