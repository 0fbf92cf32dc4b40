"""What is seen comes late; contacts fall with load and deaths, unequally, and come back."""

from collections.abc import Callable

import numpy as np
import pytest

from mamori.exercise.response import KeepUsual, Observe, React
from mamori.exercise.scenario import Response, Scenario, Surveillance
from mamori.exercise.week import Observation, Places, Week

MakeWeek = Callable[..., Week]


@pytest.fixture(scope="module")
def central(disease_x: Scenario) -> Response:
    response = disease_x.responses["central"]
    assert response is not None
    return response


def _seeing(load: float = 0.0, deaths: float = 0.0, cases: float = 1e9, recognised: bool = True) -> Observation:
    every = np.ones((1, 4))
    return Observation(load * every, deaths * every, cases * every, np.array([recognised]))


def _contacts(stage: React, make_week: MakeWeek, *seen: Observation) -> np.ndarray:
    """Return the contacts (4 places, 4 settings) after the last of the observations."""
    for observation in seen:
        week = make_week()
        week.observation = observation
        decision = stage.act(week)
    return np.asarray(decision.contact_scale[0])


@pytest.mark.parametrize("delay", [0, 3, 7, 20])
def test_what_happened_is_known_after_the_delay(delay: int, places: Places, make_week: MakeWeek) -> None:
    observe = Observe(Surveillance(reporting_delay_days=delay, recognition_hospital_cases=1), places, draws=1)
    daily = np.arange(1.0, 36.0)
    for number in range(1, 6):
        days = daily[7 * (number - 1) : 7 * number]
        seen = observe.act(make_week(number, deaths=days, hospital_need=days, ward_demand=days))
    known = daily[: 35 - delay]
    np.testing.assert_allclose(seen.hospital_cases[0], known.sum())
    expected = known[-7:].mean() * 1e6 / places.population
    np.testing.assert_allclose(seen.deaths_per_million_per_day[0], expected)
    free = places.ward_beds + places.icu_beds
    np.testing.assert_allclose(seen.hospital_load[0], known[-1] / free)


def test_a_pathogen_once_recognised_stays_recognised(places: Places, make_week: MakeWeek) -> None:
    observe = Observe(Surveillance(reporting_delay_days=0, recognition_hospital_cases=40), places, draws=1)
    ten_in_one_place = np.array([10.0, 0.0, 0.0, 0.0])[:, None] / 7.0
    seen = [observe.act(make_week(n, hospital_need=ten_in_one_place)).recognised[0] for n in range(1, 6)]
    assert seen == [False, False, False, True, True]


def test_without_a_response_nothing_changes(places: Places, make_week: MakeWeek) -> None:
    week = make_week()
    week.observation = _seeing(load=5.0, deaths=1000.0)
    decision = KeepUsual(places, draws=1).act(week)
    assert (decision.contact_scale == 1.0).all()
    assert (decision.isolation == 0.0).all()


def test_nothing_begins_before_the_pathogen_is_recognised(
    central: Response, places: Places, make_week: MakeWeek
) -> None:
    stage = React(central, places, draws=1)
    assert (_contacts(stage, make_week, _seeing(load=2.0, recognised=False)) == 1.0).all()


def test_measures_follow_the_hospital_load_with_hysteresis(
    central: Response, places: Places, make_week: MakeWeek
) -> None:
    tireless = central.model_copy(update={"fatigue_floor": 1.0, "heavy_first_weeks": 0})
    stage = React(tireless, places, draws=1)
    light, heavy = 1.0 - central.light.work, 1.0 - central.heavy.work
    one_after_another = [
        (0.0, light),  # measures begin with the first cases
        (1.0, heavy),
        (0.5, heavy),  # between the two triggers nothing changes
        (0.2, light),
        (0.5, light),
    ]
    for load, expected in one_after_another:
        assert _contacts(stage, make_week, _seeing(load=load))[0, 1] == pytest.approx(expected)
    quiet = [_seeing(load=0.0)] * central.light_least_weeks
    assert _contacts(stage, make_week, *quiet)[0, 1] == 1.0


def test_a_place_begins_with_heavy_measures_and_keeps_them_their_least_weeks(
    central: Response, places: Places, make_week: MakeWeek
) -> None:
    long = central.model_copy(update={"heavy_first_weeks": 3, "heavy_least_weeks": 2, "fatigue_floor": 1.0})
    stage = React(long, places, draws=1)
    loads = (0.0, 0.0, 0.0, 0.0, 1.0, 0.1, 0.1)
    work = [_contacts(stage, make_week, _seeing(load=load))[0, 1] for load in loads]
    heavy, light = 1.0 - central.heavy.work, 1.0 - central.light.work
    np.testing.assert_allclose(work, [heavy, heavy, heavy, light, heavy, heavy, light])


def test_half_of_the_voluntary_reduction_at_the_half_way_value(
    central: Response, places: Places, make_week: MakeWeek
) -> None:
    stage = React(central, places, draws=1)
    deaths = central.awareness_deaths_per_million_per_day
    contacts = _contacts(stage, make_week, _seeing(deaths=deaths, cases=0.0))
    assert contacts[0, 3] == pytest.approx(1.0 - central.voluntary.community / 2.0)


def test_contacts_never_rise_with_deaths_or_load(central: Response, places: Places, make_week: MakeWeek) -> None:
    def community(load: float, deaths: float) -> float:
        stage = React(central, places, draws=1)
        return float(_contacts(stage, make_week, _seeing(load, deaths))[0, 3])

    for load in (0.0, 0.5, 1.0):
        by_deaths = [community(load, deaths) for deaths in (0.0, 0.1, 1.0, 10.0, 100.0)]
        assert by_deaths == sorted(by_deaths, reverse=True)
    for deaths in (0.0, 1.0, 10.0):
        by_load = [community(load, deaths) for load in (0.0, 0.5, 1.0)]
        assert by_load == sorted(by_load, reverse=True)


def test_the_same_rule_has_less_effect_where_income_is_lower(
    central: Response, places: Places, make_week: MakeWeek
) -> None:
    contacts = _contacts(React(central, places, draws=1), make_week, _seeing(load=1.0))
    for position, group in enumerate(("HIC", "UMIC", "LMIC", "LIC")):
        expected = 1.0 - getattr(central.effect, group) * central.heavy.community
        assert contacts[position, 3] == pytest.approx(expected)
    assert (contacts[:, 0] == 1.0).all()


def test_thirty_percent_of_the_effect_is_lost_in_four_weeks(
    central: Response, places: Places, make_week: MakeWeek
) -> None:
    """Joshi & Musalem 2021: the median country lost 30.1 % of the fall in mobility within four weeks."""
    full = central.heavy.model_copy(update={"work": 1.0, "school": 1.0, "community": 1.0})
    stage = React(central.model_copy(update={"heavy": full, "voluntary": full}), places, draws=1)
    reduction = [1.0 - _contacts(stage, make_week, _seeing(load=1.0))[0, 1] for _ in range(5)]
    assert 1.0 - reduction[4] / reduction[0] == pytest.approx(0.30, abs=0.005)


def test_adherence_comes_back_when_measures_end(central: Response, places: Places, make_week: MakeWeek) -> None:
    stage = React(central, places, draws=1)
    tired = _contacts(stage, make_week, *[_seeing(load=1.0)] * 20)
    rested = _contacts(stage, make_week, *[_seeing(load=0.0)] * 60, _seeing(load=1.0))
    fresh = _contacts(React(central, places, draws=1), make_week, _seeing(load=1.0))
    assert tired[0, 3] > fresh[0, 3] + 0.1
    assert rested[0, 3] == pytest.approx(fresh[0, 3], abs=1e-3)


def test_tired_people_still_react_to_many_deaths(central: Response, places: Places, make_week: MakeWeek) -> None:
    stage = React(central, places, draws=1)
    many = 1000.0 * central.awareness_deaths_per_million_per_day
    contacts = _contacts(stage, make_week, *[_seeing(deaths=many)] * 30)
    assert contacts[0, 3] == pytest.approx(1.0 - central.voluntary.community, rel=0.01)


def test_precautions_last_while_there_are_measures(central: Response, places: Places, make_week: MakeWeek) -> None:
    stage = React(central, places, draws=1)
    for _ in range(10):
        week = make_week()
        week.observation = _seeing(load=1.0)
        transmission = stage.act(week).transmission[0]
    effect = [getattr(central.effect, group) for group in ("HIC", "UMIC", "LMIC", "LIC")]
    np.testing.assert_allclose(transmission, 1.0 - central.precautions * np.array(effect))


def test_isolation_begins_with_the_measures_and_stays(central: Response, places: Places, make_week: MakeWeek) -> None:
    stage = React(central, places, draws=1)
    isolation = []
    for cases in (0.0, 1e6, 1e6):
        week = make_week()
        week.observation = _seeing(cases=cases)
        isolation.append(stage.act(week).isolation[0])
    expected = [central.isolation.HIC, central.isolation.UMIC, central.isolation.LMIC, central.isolation.LIC]
    assert (isolation[0] == 0.0).all()
    np.testing.assert_allclose(isolation[1:], [expected, expected])
