"""Contact reductions, triggers, isolation and the order of vaccination."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.core.errors import InputError
from mamori.epidemic.interventions import (
    ContactReduction,
    Isolation,
    Reductions,
    Trigger,
    contact_scale,
    hospital_load,
    vaccination_coverage,
    weekly_incidence,
)
from mamori.epidemic.pathogen import Pathogen

PLACE = np.full((1, 17), 1000.0)


def test_a_contact_reduction_holds_from_its_first_day_to_before_its_last() -> None:
    measure = ContactReduction(Reductions(work=0.4, school=1.0), 10, 12)
    assert measure.scale(9).tolist() == [1, 1, 1, 1]
    assert measure.scale(10) == pytest.approx([1, 0.6, 0, 1])
    assert measure.scale(11) == pytest.approx([1, 0.6, 0, 1])
    assert measure.scale(12).tolist() == [1, 1, 1, 1]


def _run(trigger: Trigger, signals: list[float]) -> list[bool]:
    state, seen = trigger.start(1, 1), []
    for signal in signals:
        state = trigger.update(state, np.array([[signal]]))
        seen.append(bool(state.active[0, 0]))
    return seen


def test_a_trigger_has_hysteresis() -> None:
    assert _run(Trigger(0.9, 0.3, 0), [0.5, 0.9, 0.5, 0.3, 0.29, 0.5]) == [
        False,
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_trigger_stays_for_its_minimum_of_days() -> None:
    seen = _run(Trigger(0.5, 0.5, 3), [1, 0, 0, 0, 1, 0, 1, 1])
    assert seen == [True, True, True, False, False, False, True, True]


def test_a_trigger_decides_place_by_place() -> None:
    trigger = Trigger(1.0, 0.5)
    state = trigger.update(trigger.start(2, 2), np.array([[1.0, 0.0], [0.0, np.inf]]))
    assert state.active.tolist() == [[True, False], [False, True]]


def test_signals() -> None:
    load = hospital_load(np.array([[5.0, 0.0, 3.0]]), np.array([[10.0, 0.0, 0.0]]))
    assert load.tolist() == [[0.5, 0.0, np.inf]]
    daily = np.arange(10.0).reshape(1, 1, 10)
    assert weekly_incidence(daily, np.array([1e5]))[0, 0] == 3 + 4 + 5 + 6 + 7 + 8 + 9
    assert weekly_incidence(daily[..., :2], np.array([1e5]))[0, 0] == 1


def test_the_strongest_measure_holds_in_each_setting() -> None:
    scheduled = [Reductions(work=0.5).scale, Reductions(work=0.2, school=0.3).scale]
    active = np.array([[True, False]])
    scale = contact_scale(scheduled, [(active, Reductions(school=0.9).scale)])
    assert scale.shape == (1, 2, 4)
    assert scale[0, 0] == pytest.approx([1, 0.5, 0.1, 1])
    assert scale[0, 1] == pytest.approx([1, 0.5, 0.7, 1])
    assert contact_scale([], []).tolist() == [1, 1, 1, 1]


def test_isolation_at_once_removes_all_that_is_detected() -> None:
    pathogen = Pathogen.load("sars-cov-2").repeat(2)
    assert Isolation(0.6, 0.5, 0).removed(pathogen, PLACE) == pytest.approx(np.full((2, 1), 0.3))


def test_isolation_after_a_delay_is_the_integral_of_what_is_left() -> None:
    pathogen = Pathogen.load("sars-cov-2")
    removed = Isolation(1, 1, 2.5).removed(pathogen.repeat(1), PLACE)[0, 0]
    days = np.arange(0, 200, 1e-3)
    mild = (1 - pathogen.asymptomatic_share - pathogen.prob_hospital).mean() * np.exp(-days / 2.1)
    rate = 2 / 4.5
    case = pathogen.prob_hospital.mean() * np.exp(-rate * days) * (1 + rate * days)
    infectious = mild + case
    assert removed == pytest.approx(infectious[days >= 2.5].sum() / infectious.sum(), rel=1e-3)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 30), st.floats(0, 30))
def test_earlier_isolation_removes_more(share: float, effect: float, delay: float, later: float) -> None:
    pathogen = Pathogen.load("influenza-1957").repeat(1)
    early = Isolation(share, effect, delay).removed(pathogen, PLACE)
    late = Isolation(share, effect, delay + later).removed(pathogen, PLACE)
    assert 0 <= late[0, 0] <= early[0, 0] <= share * effect + 1e-12


def test_vaccination_orders() -> None:
    assert vaccination_coverage("all", 0.7).tolist() == [[0.7] * 17]
    elderly = vaccination_coverage("elderly")
    assert elderly.shape == (17, 17)
    assert elderly[0].tolist() == [0] * 16 + [0.8]
    assert elderly[1].tolist() == [0] * 15 + [0.8] * 2
    assert (elderly[-1] == 0.8).all()
    working = vaccination_coverage("working-elderly-children", 1)
    assert working.sum(axis=1).tolist() == [10, 14, 17]
    assert working[0, 3:13].all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Reductions(work=1.2), "reduction of contacts at work is 1.2"),
        (lambda: Reductions(home=float("nan")), "reduction of contacts at home is nan"),
        (lambda: ContactReduction(Reductions(), 5, 5), "holds no day"),
        (lambda: ContactReduction(Reductions(), -1, 5), "start_day of a contact reduction is -1"),
        (lambda: Trigger(0.2, 0.5), "off must not be above on"),
        (lambda: Trigger(1, 0, -1), "minimum_days of a trigger is -1"),
        (lambda: Isolation(1.5, 1, 0), "share_detected of isolation is 1.5"),
        (lambda: Isolation(1, 1, -2), "delay_days of isolation is -2"),
        (lambda: vaccination_coverage("eldery"), "Did you mean 'elderly'?"),
        (lambda: vaccination_coverage("all", 1.1), "vaccine coverage is 1.1"),
    ],
)
def test_impossible_measures_are_refused(make: object, message: str) -> None:
    with pytest.raises(InputError) as error:
        make()  # type: ignore[operator]
    assert message in str(error.value)
