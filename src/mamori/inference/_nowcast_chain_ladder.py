"""Chain ladder: development factors, and a negative binomial spread learnt from what past nowcasts missed."""

import numpy as np
from scipy.special import gammaln

from mamori.inference._nowcast_rows import Rows, cumulative_share

SIZES = np.exp(np.linspace(np.log(0.05), np.log(1e4), 60))
"""Sizes of the negative binomial among which the most likely is taken; the last is as good as Poisson."""
FEWEST_PAST = 5
"""Past nowcasts that are needed to learn a spread from."""


def expected_to_come(known: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the expected number of cases still to come, (x + 1) (1 - F) / F.

    The mean of N - x for x ~ binomial (N, F) with a flat prior on N; of x = 0, too, something may come.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((known + 1.0) * (1.0 - share) / share)


def past_misses(rows: Rows, window: int | None, past: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what the nowcasts of the last `past` periods expected and what came, (past, D) each by age.

    The nowcast of each past period is made from what was known then. Of what it expected, the part that should have
    come by now is compared with what did; NaN where that is not known.
    """
    longest, size = rows.longest, len(rows.age)
    expected, came = np.full((past, longest), np.nan), np.full((past, longest), np.nan)
    for back in range(1, past + 1):
        then = rows.as_of(size - back)
        share = cumulative_share(*then.growth(window))
        t = np.flatnonzero(then.open & (then.age >= 0))
        before, now = then.age[t], rows.age[t]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = (then.latest[t] + 1.0) * (share[now] - share[before]) / share[before]
        sound = np.isfinite(mean) & (now > before) & (mean > 0.0)
        expected[back - 1, before[sound]] = mean[sound]
        came[back - 1, before[sound]] = (rows.latest[t] - then.latest[t])[sound]
    return expected, came


def spread_by_age(expected: np.ndarray, came: np.ndarray) -> np.ndarray:
    """Return the size (D,) of the negative binomial by age: the most likely given `expected` and `came` (past, D).

    Each age learns from its own misses and, with half the weight, from those of the ages beside it.
    """
    sound = np.isfinite(expected) & np.isfinite(came)
    m, y = np.where(sound, expected, 1.0)[..., None], np.where(sound, came, 0.0)[..., None]
    log_density = gammaln(y + SIZES) - gammaln(SIZES) + SIZES * np.log(SIZES) - (y + SIZES) * np.log(m + SIZES)
    log_density += y * np.log(m)
    own = np.where(sound[..., None], log_density, 0.0).sum(axis=0)
    pooled = own.copy()
    pooled[1:] += 0.5 * own[:-1]
    pooled[:-1] += 0.5 * own[1:]
    return np.asarray(SIZES[pooled.argmax(axis=1)])
