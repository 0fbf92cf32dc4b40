"""How good models are against each other, where each has forecast something else."""

import numpy as np

from mamori.inference._arrays import Floats


def relative_skill(scores: Floats) -> Floats:
    """Return the relative skill of each model, (K,): below 1 is better than the others; NaN without a score.

    `scores` (K, N) >= 0 are the scores of the models for the same forecasts, NaN where a model has none. With
    θ_ij = mean score of i / mean score of j over the forecasts that both have,

        θ_i = (Π_j θ_ij)^(1/J) over the J models that share a forecast with i, itself included.

    A pair of which both means are 0 is left out. Source: Cramer et al. 2022, PNAS 119:e2113561119.
    """
    given = ~np.isnan(scores)
    totals = np.where(given, scores, 0.0) @ given.T.astype(float)  # [i, j]: sum of i's scores where j has one
    shared = (given.astype(int) @ given.T.astype(int)) > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(totals) - np.log(totals.T)
        np.fill_diagonal(logs, 0.0)
        used = shared & ~np.isnan(logs)
        return np.asarray(np.exp(np.where(used, logs, 0.0).sum(axis=1) / used.sum(axis=1)))
