"""Evidence of related series joined to each series' own: neighbouring places, hosts, age groups."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from mamori.core.errors import InputError, did_you_mean
from mamori.surveillance.detector import Detection

LEAST = -1.0  # standard score below which a quiet neighbour says no more against an outbreak
OWN_EXCESS = 0.5  # own p-value at or above which a series is not alarmed for its neighbours' sake
CORRELATION = np.sqrt(0.5)  # of the own and the joint standard score


def adjacent(names: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[set[int]]:
    """Return the rows of the neighbours of each of the series `names`; `pairs` name two, once in either order.

    Raises `InputError` for a series that is not in `names` or its own neighbour.
    """
    index = {name: place for place, name in enumerate(names)}
    beside: list[set[int]] = [set() for _ in names]
    for pair in pairs:
        for name in pair:
            if name not in index:
                raise InputError(
                    f"neighbours name '{name}', which is no series of the counts.{did_you_mean(name, index)} "
                    "Correct the name or remove the row"
                )
        a, b = index[pair[0]], index[pair[1]]
        if a == b:
            raise InputError(f"neighbours name '{pair[0]}' as its own neighbour. Remove the row")
        beside[a].add(b)
        beside[b].add(a)
    return beside


def compressed(beside: Sequence[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return neighbours by row as the compressed rows (indptr, indices) of an adjacency matrix."""
    indptr = np.concatenate([[0], np.cumsum([len(rows) for rows in beside], dtype=np.int64)])
    indices = np.array([row for rows in beside for row in sorted(rows)], dtype=np.int64)
    return indptr, indices


def combine_neighbours(detection: Detection, indptr: np.ndarray, indices: np.ndarray, alpha: float) -> Detection:
    r"""Return the detection with the p-value of each series' own and its neighbours' evidence together.

    The neighbours of series s are ``indices[indptr[s]:indptr[s + 1]]`` (compressed rows of an adjacency matrix).
    With $z = \Phi^{-1}(1 - p)$, own $z_s$ and the n neighbours whose p-value is known,

    $$N = \frac{1}{\sqrt n} \sum_{j} \left(\max(z_j, -1) - \mathrm{E}\max(Z, -1)\right), \qquad
    M = \max\left(z_s, \frac{z_s + N}{\sqrt 2}\right), \qquad p = 1 - \Phi_2(M, M; 1 / \sqrt 2),$$

    so that a series weighs as much as all its neighbours together. $\Phi_2$ is the bivariate normal distribution: p is
    uniform or larger when neighbours without outbreak are independent, each with a calibrated p-value. `score` becomes
    M; `upperbound` is unknown (NaN), for the neighbours raise and lower it; `alarm` is p <= `alpha` for a series with
    an own p-value below 0.5. A series without (known) neighbours keeps its p-value. Raises `InputError` when the
    adjacency does not fit the series.
    """
    from scipy.sparse import csr_array
    from scipy.special import ndtr, ndtri, owens_t

    series = len(detection.pvalue)
    _check(indptr, indices, series)
    z = -ndtri(np.clip(detection.pvalue, 1e-300, 1.0 - 1e-16))
    known = ~np.isnan(z)
    mean = np.exp(-0.5 * LEAST**2) / np.sqrt(2.0 * np.pi) + LEAST * ndtr(LEAST)
    adjacency = csr_array((np.ones(len(indices)), indices, indptr), shape=(series, series))
    number = adjacency @ known.astype(float)
    total = adjacency @ np.where(known, np.maximum(z, LEAST) - mean, 0.0)
    joint = CORRELATION * (z + total / np.sqrt(np.maximum(number, 1.0)))
    score = np.where(number > 0, np.maximum(z, joint), z)
    either = ndtr(-score) + 2.0 * owens_t(score, np.sqrt((1.0 - CORRELATION) / (1.0 + CORRELATION)))
    pvalue = np.where(number > 0, either, detection.pvalue)
    with np.errstate(invalid="ignore"):
        alarm = (pvalue <= alpha) & (detection.pvalue < OWN_EXCESS)
    return replace(
        detection,
        score=score,
        pvalue=pvalue,
        upperbound=np.full_like(detection.upperbound, np.nan),
        alarm=alarm,
    )


def _check(indptr: np.ndarray, indices: np.ndarray, series: int) -> None:
    if len(indptr) != series + 1 or indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise InputError(f"indptr must rise from 0 to {len(indices)} (neighbours) in {series + 1} entries (series + 1)")
    if len(indices) and (indices.min() < 0 or indices.max() >= series):
        raise InputError(
            f"neighbours are numbered {indices.min()} to {indices.max()}; give rows from 0 to {series - 1}"
        )
    own = np.repeat(np.arange(series), np.diff(indptr)) == indices
    if own.any():
        row = int(indices[np.argmax(own)])
        raise InputError(f"series {row} is its own neighbour; leave it out")
