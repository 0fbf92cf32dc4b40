"""Bayes: the predictive quantile of a negative binomial (Höhle 2007, Comput Stat 22:571; Riebler 2004)."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from mamori.core.contracts import Observations
from mamori.surveillance.detector import Detection, Reason
from mamori.surveillance.windows import SeasonalWindows


class Bayes(SeasonalWindows):
    r"""The count against the predictive distribution that its baseline gives under Jeffreys' prior.

    Counts of the baseline, $n$ values that sum to $s$, are Poisson with one mean; the predictive distribution is
    negative binomial with size $s + 1/2$ and probability $n / (n + 1)$. Its $1-\alpha$ quantile is the bound.
    """

    name: ClassVar[str] = "bayes"

    alpha: float = Field(0.05, gt=0, lt=1, description="One-sided false-alarm rate.")

    def detect(self, observations: Observations, targets: np.ndarray) -> Detection:
        """Return the detection for the consecutive columns `targets`; see `Detector.detect`.

        ``pvalue`` is the predictive probability of the count or more.
        """
        from scipy.special import betainc
        from scipy.stats import nbinom

        moments = self.moments(observations, targets)
        result = Detection.empty(*moments.mean.shape)
        judged = moments.reason == Reason.COMPUTED
        count = observations.counts[:, targets[0] : targets[-1] + 1]
        present = judged & ~np.isnan(count)
        size = moments.total * moments.mean + 0.5
        share = moments.total / (moments.total + 1)
        result.expected[:] = moments.mean
        result.upperbound[judged] = nbinom.ppf(1 - self.alpha, size[judged], share[judged])
        result.alarm[present] = count[present] > result.upperbound[present]
        x = np.ceil(count[present])
        result.pvalue[present] = np.where(x > 0, betainc(np.maximum(x, 1.0), size[present], 1 - share[present]), 1.0)
        result.reason[:] = np.where(judged & ~present, Reason.MISSING_COUNT, moments.reason)
        return result
