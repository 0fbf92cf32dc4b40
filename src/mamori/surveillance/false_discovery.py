"""False-discovery control over many series: q-values by Benjamini and Hochberg, and by Storey.

Of 100,000 series without any outbreak, 1,000 alarm in a week at a threshold of p <= 0.01. A q-value takes the
number of series into account: of the alarms at q <= 0.05 in a week, at most 5 % are false on average.
"""

from typing import Literal, get_args

import numpy as np

from mamori.core.errors import InputError, did_you_mean

Method = Literal["bh", "storey"]
METHODS: tuple[Method, ...] = get_args(Method)

SPLIT = 0.5
"""p-values above it are taken to come from series without an outbreak (Storey's lambda)."""


def q_values(pvalues: np.ndarray, method: Method = "bh") -> np.ndarray:
    """Return the q-value of each p-value: the least false-discovery rate at which its series still alarms.

    `pvalues` (S, K) holds a column of S series for each of K periods; each column is a family of its own. NaN is
    a series that was not tested: it stays NaN and does not count among the m tests of its column.

    * ``bh``: q of the p-value of rank i is min over j >= i of m p_(j) / j, at most 1 (Benjamini and Hochberg
      1995, J R Stat Soc B 57:289). The false-discovery rate is controlled for p-values that are independent or
      positively dependent, and discrete ones make it only smaller.
    * ``storey``: the same times `null_share`, and 1 for p > `SPLIT` (Storey, Taylor and Siegmund 2004, J R
      Stat Soc B 66:187); it alarms wherever ``bh`` does at any rate up to `SPLIT`. Controlled for independent
      p-values.

    Raises `InputError` for another method and for a value outside [0, 1].
    """
    if method not in METHODS:
        raise InputError(f"method is '{method}'; choose {' or '.join(METHODS)}.{did_you_mean(method, METHODS)}")
    _check(pvalues)
    tests = (~np.isnan(pvalues)).sum(axis=0)
    order = np.argsort(pvalues, axis=0, kind="stable")  # NaN last
    ascending = np.take_along_axis(pvalues, order, axis=0)
    rank = np.arange(1.0, len(pvalues) + 1).reshape(-1, *[1] * (pvalues.ndim - 1))
    if method == "storey":
        share = null_share(pvalues)
        steps = np.where(ascending > SPLIT, 1.0, ascending * tests * share / rank)
    else:
        steps = ascending * tests / rank
    steps = np.fmin(steps, 1.0)
    sorted_q = np.fmin.accumulate(steps[::-1], axis=0)[::-1]
    result = np.empty_like(ascending)
    np.put_along_axis(result, order, sorted_q, axis=0)
    result[np.isnan(pvalues)] = np.nan
    return result


def null_share(pvalues: np.ndarray) -> np.ndarray:
    """Return the estimated share of series without an outbreak in each column of `pvalues` (S, K): (K,), at most 1.

    (1 + number of p > lambda) / (m (1 - lambda)) with lambda = `SPLIT` and m tested series (Storey, Taylor and
    Siegmund 2004, equation 6). Lambda is fixed: a smoother over lambda follows the steps of discrete p-values,
    and the many p-values of 1 that zero counts give only push this estimate towards 1, that is towards
    Benjamini and Hochberg. NaN in a column without any test. Raises `InputError` for a value outside [0, 1].
    """
    _check(pvalues)
    tests = (~np.isnan(pvalues)).sum(axis=0)
    above = (pvalues > SPLIT).sum(axis=0)
    share = np.full(np.shape(tests), np.nan)
    np.divide(1.0 + above, tests * (1 - SPLIT), out=share, where=tests > 0)
    return np.minimum(share, 1.0, out=share)


def _check(pvalues: np.ndarray) -> None:
    wrong = (pvalues < 0) | (pvalues > 1)
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0])
        raise InputError(
            f"the p-value at row {place[0]}{', column ' + str(place[1]) if len(place) > 1 else ''} is "
            f"{pvalues[place]:g}; a p-value lies in [0, 1]. Correct it, or give NaN for a series that was not tested"
        )
