"""Random numbers by counter: known answers, quantiles and variates against scipy, streams apart."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from mamori.core.rng import (
    binomial_quantile,
    gamma_variate,
    normal_quantile,
    philox,
    poisson_quantile,
    stream_key,
)

UNIFORMS = np.concatenate([[1e-15, 1e-9, 1e-4], (np.arange(500) + 0.5) / 500, [1 - 1e-4, 1 - 1e-9]])


def _words(key: list[int], counter: list[int]) -> list[int]:
    """Return the words x0, x1 >> 11, x2, x3 >> 11 that the two uniforms of 53 bits were made of."""
    words = []
    for uniform in philox(np.array(key, dtype=np.uint64), *counter):
        bits = int(np.floor(uniform * 2.0**53))
        words += [bits >> 21, bits & (2**21 - 1)]
    return words


@pytest.mark.parametrize(
    ("key", "counter", "answer"),
    [  # Random123 1.14, tests/kat_vectors, "philox4x32 10"
        ([0, 0], [0, 0, 0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([2**32 - 1] * 2, [2**32 - 1] * 4, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0xA4093822, 0x299F31D0],
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_known_answers(key: list[int], counter: list[int], answer: list[int]) -> None:
    first, second, third, fourth = _words(key, counter)
    assert [first, third] == answer[::2]
    # The half that centres a uniform may round the last of its 53 bits up.
    assert second - (answer[1] >> 11) in (0, 1)
    assert fourth - (answer[3] >> 11) in (0, 1)


def _stream(seed: int, purpose: str, place: str, draw: int, days: int = 2000) -> NDArray[np.float64]:
    """Return both uniforms of each day (days, 2)."""
    key = stream_key(seed, purpose, place, draw)
    return np.array([philox(key, day, 3, 1, 0) for day in range(days)]).reshape(days, 2)


def test_uniforms_are_uniform_and_the_two_of_a_counter_are_independent() -> None:
    pairs = _stream(1, "epidemic", "KEN", 0)
    assert stats.kstest(pairs[:, 0], "uniform").pvalue > 0.001
    assert stats.kstest(pairs[:, 1], "uniform").pvalue > 0.001
    assert abs(stats.pearsonr(pairs[:, 0], pairs[:, 1]).statistic) < 4 / np.sqrt(len(pairs))
    assert pairs.min() > 0
    assert pairs.max() < 1


@pytest.mark.parametrize(
    "other",
    [(2, "epidemic", "KEN", 0), (1, "surveillance", "KEN", 0), (1, "epidemic", "UGA", 0), (1, "epidemic", "KEN", 1)],
)
def test_seed_purpose_place_and_draw_have_streams_of_their_own(other: tuple[Any, ...]) -> None:
    here, there = _stream(1, "epidemic", "KEN", 0)[:, 0], _stream(*other)[:, 0]
    assert not np.any(here == there)
    assert abs(np.corrcoef(here, there)[0, 1]) < 4 / np.sqrt(len(here))


def test_keys_of_many_draws_and_places_differ() -> None:
    keys = {tuple(stream_key(1, "epidemic", place, draw)) for place in ("KEN", "UGA", "TZA") for draw in range(500)}
    assert len(keys) == 1500
    assert all(0 <= word < 2**32 for key in keys for word in key)


def test_every_word_of_the_counter_matters() -> None:
    key = stream_key(1, "epidemic", "KEN", 0)
    numbers = {philox(key, *counter) for counter in ([5, 0, 0, 0], [0, 5, 0, 0], [0, 0, 5, 0], [0, 0, 0, 5])}
    assert len(numbers) == 4


def test_normal_quantile() -> None:
    got = [normal_quantile(u) for u in UNIFORMS]
    assert np.abs(got - stats.norm.ppf(UNIFORMS)).max() < 1e-9


@pytest.mark.parametrize("mean", [1e-6, 0.1, 3.0, 20.0, 49.9])
def test_poisson_quantile_is_exact_up_to_a_mean_of_50(mean: float) -> None:
    got = [poisson_quantile(mean, u) for u in UNIFORMS]
    assert np.array_equal(got, stats.poisson.ppf(UNIFORMS, mean))


@pytest.mark.parametrize(("n", "p"), [(1.0, 0.15), (20.0, 0.3), (30.0, 0.9), (400.0, 0.1), (4000.0, 0.01), (7.0, 1.0)])
def test_binomial_quantile_is_exact_up_to_a_mean_of_50(n: float, p: float) -> None:
    got = np.array([binomial_quantile(n, p, u) for u in UNIFORMS])
    assert np.array_equal(got, stats.binom.ppf(UNIFORMS, n, p))


@pytest.mark.parametrize("mean", [60.0, 1000.0, 1e6])
def test_large_counts_are_near_the_exact_quantile(mean: float) -> None:
    central = UNIFORMS[(UNIFORMS > 1e-3) & (UNIFORMS < 1 - 1e-3)]
    poisson = np.array([poisson_quantile(mean, u) for u in central])
    binomial = np.array([binomial_quantile(10 * mean, 0.1, u) for u in central])
    assert np.abs(poisson - stats.poisson.ppf(central, mean)).max() <= 1
    assert np.abs(binomial - stats.binom.ppf(central, 10 * mean, 0.1)).max() <= 1


def test_nothing_comes_of_nothing() -> None:
    assert poisson_quantile(0.0, 0.7) == 0
    assert binomial_quantile(0.0, 0.5, 0.7) == 0
    assert binomial_quantile(9.0, 0.0, 0.7) == 0
    assert gamma_variate(0.0, stream_key(1, "x", "y", 0), 0, 0, 0, 0) == 0


@pytest.mark.parametrize("shape", [0.05, 0.5, 1.0, 4.0, 300.0])
def test_gamma_variates_have_the_gamma_distribution(shape: float) -> None:
    key = stream_key(1, "epidemic", "KEN", 0)
    sample = np.array([gamma_variate(shape, key, day, 8, 0, 0) for day in range(3000)])
    assert stats.kstest(sample, "gamma", args=(shape,)).pvalue > 0.001
    assert sample.mean() == pytest.approx(shape, abs=4 * np.sqrt(shape / len(sample)))
