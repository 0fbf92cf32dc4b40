"""Care: beds never overfilled, refusal and its price, the ward instead of intensive care, exact stays."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from mamori.epidemic.model import Drivers, Epidemic, Flows, outcome_shares
from mamori.epidemic.pathogen import Pathogen

FloatArray = NDArray[np.float64]
Build = Callable[..., Epidemic]


def _run(build: Build, drivers: Drivers, days: int = 200, **changes: Any) -> tuple[Epidemic, Flows]:
    epidemic = build(**changes)
    epidemic.infect(100.0)
    return epidemic, epidemic.advance(days, drivers)


@pytest.mark.parametrize("chance", [0.0, np.inf])
def test_beds_are_full_and_never_overfull(build: Build, crowded: Drivers, chance: float) -> None:
    _, flows = _run(build, crowded, stochastic_below=chance)
    # Free beds count those that a day's discharges will free, so that intensive care stays at capacity.
    assert flows.icu_occupied.max() == pytest.approx(100.0, rel=5e-3)
    # Those who step down from intensive care take a ward bed whether one is free or not: 3 days of a day's step-down.
    stepdown = 100.0 * 2.0 / 14.8
    assert 3000.0 * 0.99 < flows.ward_occupied.max() <= 3000.0 + stepdown
    assert flows.icu_demand.max() > 2.0 * flows.icu_occupied.max()
    assert flows.refused.sum() > 0


def test_nobody_is_refused_where_beds_are_ample(build: Build) -> None:
    _, flows = _run(build, Drivers())
    assert not flows.refused.any()
    assert np.array_equal(flows.ward_occupied, flows.ward_demand)
    assert np.array_equal(flows.icu_occupied, flows.icu_demand)
    _, plenty = _run(build, Drivers(ward_beds=1e6, icu_beds=1e6))
    assert plenty.deaths == pytest.approx(flows.deaths, rel=1e-9)


def test_without_beds_everybody_is_refused(build: Build, pathogen: Pathogen) -> None:
    epidemic, flows = _run(build, Drivers(ward_beds=0.0, icu_beds=0.0), days=400)
    assert flows.refused.sum() == pytest.approx(flows.hospital_need.sum(), rel=1e-6)
    # The first to come step from the rule's day of discharges; nobody is discharged where nobody lies.
    assert flows.icu_occupied.max() < 1e-6
    fatality = epidemic.deaths_by_age[0, 0] / epidemic.infections_by_age[0, 0]
    assert fatality == pytest.approx(pathogen.infection_fatality_ratio_untreated, rel=1e-4)


def test_with_full_care_the_infection_fatality_ratio_comes_out(build: Build, pathogen: Pathogen) -> None:
    epidemic, _ = _run(build, Drivers(), days=500)
    fatality = epidemic.deaths_by_age[0, 0] / epidemic.infections_by_age[0, 0]
    assert fatality == pytest.approx(pathogen.infection_fatality_ratio, rel=1e-4)


def test_refusal_costs_lives_between_those_two(build: Build, crowded: Drivers) -> None:
    deaths = [
        _run(build, drivers, days=400)[0].deaths_by_age.sum()
        for drivers in (Drivers(), crowded, Drivers(ward_beds=0.0, icu_beds=0.0))
    ]
    assert deaths[0] < 0.8 * deaths[1] < 0.8 * deaths[2]


@pytest.mark.parametrize("chance", [0.0, np.inf])
def test_a_ward_bed_instead_of_intensive_care_saves_lives(build: Build, chance: float) -> None:
    drivers = Drivers(ward_beds=1e6, icu_beds=20.0)
    runs = {
        fallback: _run(build, drivers, days=400, icu_fallback=fallback, stochastic_below=chance)
        for fallback in (False, True)
    }
    (plain, without), (shifted, with_ward) = runs[False], runs[True]
    assert shifted.deaths_by_age.sum() < 0.9 * plain.deaths_by_age.sum()
    assert with_ward.refused.sum() < 1e-6 < without.refused.sum()
    # They need intensive care and lie in a ward: counted in both.
    assert with_ward.icu_demand.max() > 2.0 * with_ward.icu_occupied.max()
    assert with_ward.ward_occupied.max() > 1.2 * without.ward_occupied.max()


def test_the_ward_instead_of_intensive_care_is_of_no_use_when_wards_are_full(build: Build) -> None:
    drivers = Drivers(ward_beds=0.0, icu_beds=20.0)
    deaths = [_run(build, drivers, icu_fallback=fallback)[0].deaths_by_age.sum() for fallback in (False, True)]
    assert deaths[0] == pytest.approx(deaths[1], rel=1e-9)


def test_fatality_in_a_ward_lies_halfway_between_intensive_care_and_none() -> None:
    one = np.ones(17)
    shares = outcome_shares(one, 0.1 * one, 0.5 * one, 0.4 * one, 0.9 * one)
    assert shares[9, 0] == pytest.approx(0.65)
    assert shares[8, 0] == pytest.approx(0.35)
    # Where treatment does not help, neither does the ward; it does no harm.
    assert outcome_shares(one, one, one, 0.99 * one, 0.95 * one)[9, 0] == pytest.approx(0.99)


def test_stays_are_followed_exactly(build: Build, pathogen: Pathogen) -> None:
    """A day's need, then nothing more: occupancy against the same two-stage stays by scipy."""
    epidemic = build(pathogen=replace(pathogen, prob_hospital=np.full(17, 0.4)).repeat(1))
    state = epidemic._state
    state.y[0, 0, 0, 0] -= 10.0
    state.y[0, 0, 0, 6] = 10.0  # the last stage before hospital need
    state.status[..., 2] = 2
    flows = epidemic.advance(40, Drivers(transmission=0.0))
    severe, stays = pathogen.prob_icu, pathogen.stays
    ward = 10.0 * np.array(
        [((1 - severe) * (1 - pathogen.death_ward)).sum(), ((1 - severe) * pathogen.death_ward).sum()]
    )
    icu = 10.0 * np.array([(severe * (1 - pathogen.death_icu)).sum(), (severe * pathogen.death_icu).sum()])
    case = 2.0 / pathogen.case_days
    w_live, w_die, i_live, i_die, down = (
        2.0 / float(np.asarray(days))
        for days in (stays.ward_live, stays.ward_die, stays.icu_live, stays.icu_die, stays.stepdown)
    )

    def rates(_: float, x: FloatArray) -> FloatArray:
        need = case * x[0]
        return np.array(
            [
                -need,
                ward[0] * need - w_live * x[1],
                w_live * (x[1] - x[2]),
                ward[1] * need - w_die * x[3],
                w_die * (x[3] - x[4]),
                icu[0] * need - i_live * x[5],
                i_live * (x[5] - x[6]),
                icu[1] * need - i_die * x[7],
                i_die * (x[7] - x[8]),
                i_live * x[6] - down * x[9],
                down * (x[9] - x[10]),
            ]
        )

    start = np.zeros(11)
    start[0] = 1.0
    days = np.arange(1, 41)
    x = solve_ivp(rates, (0, 40), start, t_eval=days, rtol=1e-10, atol=1e-12, method="DOP853").y
    in_ward, in_icu = x[1:5].sum(axis=0) + x[9:].sum(axis=0), x[5:9].sum(axis=0)
    assert flows.ward_occupied[0, 0] == pytest.approx(in_ward, abs=2e-5 * in_ward.max())
    assert flows.icu_occupied[0, 0] == pytest.approx(in_icu, abs=2e-5 * in_icu.max())
    everybody = 170.0 * (1.0 - x[0]) - x[1:].sum(axis=0)
    recovered = epidemic._state.y[0, 0, :, 7:9].sum()
    assert epidemic.deaths_by_age.sum() + recovered == pytest.approx(everybody[-1], rel=1e-5)


@pytest.mark.parametrize("stay", ["ward_live", "icu_die", "stepdown"])
def test_longer_stays_fill_more_beds(build: Build, pathogen: Pathogen, stay: str) -> None:
    longer = replace(
        pathogen,
        stays=replace(
            pathogen.stays,
            **{f.name: 2.0 * getattr(pathogen.stays, f.name) for f in fields(pathogen.stays) if f.name == stay},
        ),
    )
    peaks = [
        (flows.ward_occupied.max(), flows.icu_occupied.max())
        for flows in (_run(build, Drivers(), pathogen=p.repeat(1))[1] for p in (pathogen, longer))
    ]
    changed = 1 if stay.startswith("icu") else 0
    assert peaks[1][changed] > 1.01 * peaks[0][changed]
    assert peaks[1][1 - changed] == pytest.approx(peaks[0][1 - changed], rel=1e-3)


def test_beds_that_open_later_are_filled_at_once(build: Build, crowded: Drivers) -> None:
    epidemic = build()
    epidemic.infect(100.0)
    epidemic.advance(80, crowded)
    flows = epidemic.advance(20, replace(crowded, icu_beds=200.0))
    assert flows.icu_occupied[0, 0, 5] == pytest.approx(200.0, rel=5e-3)
