"""The SEIR model: against scipy and the final-size equation, whole people by chance, errors."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from mamori.core.errors import InputError
from mamori.epidemic.seir import simulate_seir

FloatArray = NDArray[np.float64]
COURSE: dict[str, Any] = {"reproduction_number": 2.5, "latent_days": 4.6, "infectious_days": 2.1, "days": 300}


@pytest.fixture(scope="module")
def mixing(contacts: FloatArray) -> FloatArray:
    """Return contacts in all settings together."""
    return np.asarray(contacts.sum(axis=0))


def test_equations_against_scipy(mixing: FloatArray, people: FloatArray) -> None:
    seeds = np.full(17, 5.0)
    got = simulate_seir(mixing, people, seeds=seeds, **COURSE)
    beta = 2.5 / (2.1 * np.abs(np.linalg.eigvals(mixing)).max())

    def rates(_: float, y: FloatArray) -> FloatArray:
        s, e, i, _r = y.reshape(4, 17)
        new = beta * (mixing @ (i / people)) * s
        return np.concatenate([-new, new - e / 4.6, e / 4.6 - i / 2.1, i / 2.1])

    start = np.concatenate([people - seeds, np.zeros(17), seeds, np.zeros(17)])
    exact = solve_ivp(rates, (0, 300), start, t_eval=np.arange(301), rtol=1e-11, atol=1e-8, method="DOP853").y
    exact = exact.T.reshape(301, 4, 17)
    assert np.abs(got - exact).max() < 1e-5 * exact.max()
    assert np.all(np.abs(got - exact).max(axis=0) < 1e-5 * exact.max(axis=0))


def test_everybody_stays_and_the_size_is_that_of_theory() -> None:
    people = np.array([1e6])
    for draws in (None, 20):
        run = simulate_seir(np.array([[3.0]]), people, seeds=np.array([200.0]), draws=draws, **COURSE)
        assert run.shape == ((301, 4, 1) if draws is None else (20, 301, 4, 1))
        assert np.allclose(run.sum(axis=-2), people, rtol=1e-12)
        share = brentq(lambda z: 1.0 - 0.9998 * np.exp(-2.5 * z) - z, 0.1, 1.0)
        infected = 1.0 - run[..., -1, 0, 0] / 1e6
        assert np.mean(infected) == pytest.approx(share, rel=1e-5 if draws is None else 2e-3)


def test_draws_are_whole_people_and_stay_the_same_for_any_number(mixing: FloatArray, people: FloatArray) -> None:
    seeds = np.full(17, 2.0)
    whole = people.round()
    options = COURSE | {"days": 60, "seeds": seeds}
    three, five = (simulate_seir(mixing, whole, draws=draws, seed=4, **options) for draws in (3, 5))
    assert np.array_equal(three, np.round(three))
    assert three.tobytes() == five[:3].tobytes()
    assert len({draw.tobytes() for draw in five}) == 5
    assert simulate_seir(mixing, whole, draws=3, seed=5, **options).tobytes() != three.tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"contacts": np.ones((17, 16))},
            "contacts has shape (17, 16); with 17 ages in population it must be (17, 17)",
        ),
        ({"seeds": np.ones(16)}, "seeds has shape (16,)"),
        ({"population": np.full(17, np.nan)}, "hold a negative or missing number"),
        ({"contacts": np.full((17, 17), -1.0)}, "hold a negative or missing number"),
        ({"seeds": np.full(17, 1e9)}, "seeds exceed the population of an age"),
        ({"latent_days": 0.0}, "must be > 0"),
        ({"infectious_days": float("nan")}, "must be > 0"),
        ({"reproduction_number": -1.0}, "reproduction_number >= 0"),
        ({"days": 0}, "must be > 0"),
        ({"draws": 2, "latent_days": 0.5}, "a step must not be longer than a stage"),
    ],
)
def test_bad_arguments_are_named(mixing: FloatArray, people: FloatArray, change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"contacts": mixing, "population": people, "seeds": np.ones(17)} | COURSE | change
    with pytest.raises(InputError) as caught:
        simulate_seir(given.pop("contacts"), given.pop("population"), **given)
    assert message in str(caught.value)
