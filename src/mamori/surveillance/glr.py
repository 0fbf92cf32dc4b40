"""Likelihood-ratio and generalized likelihood-ratio charts for counts (Höhle and Paul 2008, CSDA 52:4357)."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.detector import Detection, Detector, Reason
from mamori.surveillance.in_control import InControl, in_control_mean


@dataclass(frozen=True, eq=False)
class Chart:
    """Statistic, the count that brings it to the threshold, and alarms, all (S, K)."""

    value: np.ndarray
    bound: np.ndarray
    alarm: np.ndarray


class LikelihoodRatioChart(Detector):
    """What both charts share: the in-control mean, the distribution of counts, the threshold."""

    threshold: float = Field(
        5.0, gt=0, allow_inf_nan=False, alias="c.ARL", description="Value of the statistic that gives an alarm."
    )
    dispersion: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        alias="alpha",
        description="a in variance = m + a m^2; 0 is Poisson; when not given, the likeliest for the periods before "
        "the first target.",
    )
    harmonics: int = Field(1, ge=0, le=10, alias="S", description="Annual waves in the in-control mean.")
    trend: bool = Field(default=True, description="Whether the in-control mean has a log-linear trend.")

    def detect(self, observations: Observations, targets: np.ndarray) -> Detection:
        """Return the detection for the consecutive columns `targets`; see `Detector.detect`.

        ``score`` is the statistic, ``expected`` the in-control mean, ``phi`` its variance over it, ``upperbound``
        the count that brings the statistic to the threshold. The chart starts with the first target.
        """
        known = in_control_mean(
            observations,
            targets,
            harmonics=self.harmonics,
            trend=self.trend,
            dispersion=self.dispersion,
            method=self.name,
        )
        return self._detect(observations, targets, known)

    def detect_with_mean(self, observations: Observations, targets: np.ndarray, mean: np.ndarray) -> Detection:
        """Return the detection for an in-control `mean` (S, K) of your own, in cases, at `targets` (K,).

        Raises `InputError` where the mean has another shape, is not positive, or no dispersion is set.
        """
        if mean.shape != (observations.counts.shape[0], len(targets)):
            raise InputError(
                f"the mean has shape {mean.shape}; it must be series by targets, "
                f"{(observations.counts.shape[0], len(targets))}"
            )
        if not np.all(np.isfinite(mean) & (mean > 0)):
            raise InputError("the in-control mean must be above 0 and finite everywhere. Correct the mean")
        if self.dispersion is None:
            raise InputError("dispersion is not set; with a mean of your own give it too (0 for Poisson)")
        reason = np.zeros(mean.shape, dtype=np.uint8)
        return self._detect(observations, targets, InControl(mean, np.zeros(len(mean)), reason))

    def _detect(self, observations: Observations, targets: np.ndarray, known: InControl) -> Detection:
        end = targets[-1] + 1
        count = np.ascontiguousarray(observations.counts[:, targets[0] : end])
        before = np.full_like(count, np.nan)
        lag = 1 if targets[0] == 0 else 0
        before[:, lag:] = observations.counts[:, targets[0] + lag - 1 : end - 1]
        dispersion = known.dispersion if self.dispersion is None else np.full(len(count), self.dispersion)
        result = Detection.empty(*count.shape)
        mean = np.ascontiguousarray(known.mean)
        chart = Chart(result.score, result.upperbound, result.alarm)
        self._run(count, before, mean, np.nan_to_num(dispersion), chart)
        result.expected[:] = mean
        result.phi[:] = 1 + dispersion[:, None] * mean
        missing = np.isnan(count) & (known.reason == Reason.COMPUTED)
        result.reason[:] = np.where(missing, Reason.MISSING_COUNT, known.reason)
        return result

    @abstractmethod
    def _run(
        self, count: np.ndarray, before: np.ndarray, mean: np.ndarray, dispersion: np.ndarray, chart: Chart
    ) -> None:
        """Fill the chart; `before` (S, K) are the counts one period before those of `count`."""


class Lr(LikelihoodRatioChart):
    r"""CUSUM of the log-likelihood ratio between the mean $e^\theta\mu_t$ and $\mu_t$.

    $S_t = \max(0, S_{t-1} + z_t)$, alarm for $S_t > c$, after which it starts at 0. Poisson:
    $z = \theta x + (1 - e^\theta)\mu$; negative binomial with variance $\mu + a\mu^2$:
    $z = \theta x + (x + 1/a)\log\frac{1 + a\mu}{1 + a\mu e^\theta}$.
    """

    name: ClassVar[str] = "lr"

    theta: float = Field(
        math.log(2),
        gt=0,
        le=10,
        description="Logarithm of the factor on the mean that should be seen; log 2, a doubling, when not given.",
    )

    def _run(
        self, count: np.ndarray, _before: np.ndarray, mean: np.ndarray, dispersion: np.ndarray, chart: Chart
    ) -> None:
        from mamori.surveillance._glr import likelihood_ratio_chart

        out = (chart.value, chart.bound, chart.alarm)
        likelihood_ratio_chart(count, mean, dispersion, self.theta, self.threshold, *out)


class Glr(LikelihoodRatioChart):
    r"""CUSUM of the log-likelihood ratio maximised over the time and the size of the change.

    $G_n = \max_k \max_{\kappa \ge 0} \sum_{t=k}^n z_t(\kappa)$, alarm for $G_n \ge c$, after which it starts anew.
    An ``intercept`` change multiplies the mean by $e^\kappa$, an ``epi`` change adds $\lambda x_{t-1}$ to it.
    """

    name: ClassVar[str] = "glr"

    change: Literal["intercept", "epi"] = Field(
        "intercept", description="Whether an outbreak multiplies the mean or adds a multiple of the count before."
    )
    window: int = Field(-1, ge=-1, alias="M", description="How many periods back a change may lie; -1 for no limit.")
    least_periods: int = Field(
        1,
        ge=1,
        alias="Mtilde",
        description="Periods a change holds at least; one more for Poisson counts, an intercept change and a window.",
    )

    def _run(
        self, count: np.ndarray, before: np.ndarray, mean: np.ndarray, dispersion: np.ndarray, chart: Chart
    ) -> None:
        from mamori.surveillance._glr import generalized_likelihood_ratio_chart

        generalized_likelihood_ratio_chart(
            count,
            before,
            mean,
            dispersion,
            self.change == "epi",
            self.least_periods + int(self.dispersion == 0 and self.window >= 0 and self.change == "intercept"),
            self.window,
            self.threshold,
            chart.value,
            chart.bound,
            chart.alarm,
        )
