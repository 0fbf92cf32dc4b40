"""Approval, manufacture and allocation follow the rules of the CEPI model."""

from collections.abc import Callable

import numpy as np
import pytest

from mamori.exercise.scenario import Scenario, Supply
from mamori.exercise.supply import Allocate, Develop, Make, ramp
from mamori.exercise.week import Campaign, Observation, Output, Places, Week

MakeWeek = Callable[..., Week]


def _seen(recognised: bool) -> Observation:
    nothing = np.zeros((1, 4))
    return Observation(nothing, nothing, nothing, np.array([recognised]))


def test_the_clock_starts_at_recognition(make_week: MakeWeek) -> None:
    develop = Develop(100, draws=1)
    weeks = []
    for recognised in (False, False, True, True):
        week = make_week()
        week.observation = _seen(recognised)
        weeks.append(int(develop.act(week).week[0]))
    assert weeks == [0, 0, 1, 2]


@pytest.mark.parametrize(("day", "week"), [(0, 0), (100, 14), (200, 29), (365, 52)])
def test_days_to_approval_are_rounded_to_weeks(make_week: MakeWeek, day: int, week: int) -> None:
    state = make_week()
    state.observation = _seen(True)
    assert Develop(day, draws=1).act(state).approval_week == week


def test_output_ramps_up_in_a_straight_line() -> None:
    weeks = np.array([0, 12, 17, 22, 500])
    np.testing.assert_allclose(ramp(weeks, 520.0, 12, 10), [0.0, 0.0, 5.0, 10.0, 10.0])


def test_nothing_is_made_before_recognition(make_week: MakeWeek, disease_x: Scenario) -> None:
    at_once = disease_x.supply.model_copy(
        update={
            "reserved_first_output_weeks": 0,
            "existing_first_output_weeks": 0,
            "built_first_output_weeks": 0,
            "transition_weeks_before_approval": 100,
        }
    )
    week = make_week()
    week.campaign = Campaign(np.array([0]), approval_week=0)
    output = Make(at_once).act(week)
    assert output.reserved[0] == output.existing[0] == output.built[0] == 0.0
    week.campaign = Campaign(np.array([1]), approval_week=0)
    assert Make(at_once).act(week).existing[0] > 0.0


def _allocation(
    rule: str, supply: Supply, places: Places, make_week: MakeWeek, weekly: float, weeks: int
) -> np.ndarray:
    """Return the doses (4,) allocated when every kind of capacity makes `weekly` doses a week."""
    allocate = Allocate(rule, supply, 0.8, places, draws=1)
    total = np.zeros(4)
    for _ in range(weeks):
        week = make_week()
        week.output = Output(np.array([weekly]), np.array([weekly]), np.array([weekly]))
        total = total + allocate.act(week)[0]
    return total


def test_by_income_the_richest_come_first(places: Places, make_week: MakeWeek, disease_x: Scenario) -> None:
    total = _allocation("income-order", disease_x.supply, places, make_week, weekly=1e8, weeks=5)
    np.testing.assert_allclose(total, [15e8, 0.0, 0.0, 0.0])


def test_by_population_all_get_the_same_per_person(places: Places, make_week: MakeWeek, disease_x: Scenario) -> None:
    nobody_reserved = disease_x.supply.model_copy(update={"reserved_hic_doses_per_year": 0.0})
    total = _allocation("population", nobody_reserved, places, make_week, weekly=1e8, weeks=5)
    np.testing.assert_allclose(total / places.eligible, total.sum() / places.eligible.sum())


@pytest.mark.parametrize("rule", ["income-order", "population"])
def test_allocation_ends_once_everybody_has_enough(
    rule: str, places: Places, make_week: MakeWeek, disease_x: Scenario
) -> None:
    enough = _allocation(rule, disease_x.supply, places, make_week, weekly=3e8, weeks=60)
    assert (enough >= 1.6 * places.eligible).all()
    assert (_allocation(rule, disease_x.supply, places, make_week, 3e8, 100) == enough).all()
