"""CUSUM of transformed counts (Rossi, Lampugnani and Marchi 1999, Stat Med 18:2111)."""

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mamori.core.contracts import Observations
from mamori.surveillance.detector import Detection, Detector, Reason
from mamori.surveillance.in_control import in_control_mean

Transformation = Literal["standard", "rossi", "anscombe", "anscombe2nd", "pearsonNegBin", "anscombeNegBin"]
Floats = NDArray[np.float64]
Formula = Callable[[Floats, Floats, float], Floats]


class Cusum(Detector):
    r"""CUSUM: sums what lies above the in-control mean by more than `k` standard deviations, over all periods.

    $C_t = \max(0, C_{t-1} + s_t - k)$ with the standardised count $s_t$, an alarm for $C_t \ge h$. The sum starts
    at 0 with the first target; all periods before it teach the in-control mean $m_t$.
    """

    name: ClassVar[str] = "cusum"

    reference_value: float = Field(
        1.04, ge=0, allow_inf_nan=False, alias="k", description="What is taken from every standardised count."
    )
    decision_interval: float = Field(
        2.26, gt=0, allow_inf_nan=False, alias="h", description="The sum from which on an alarm is given."
    )
    in_control: Literal["mean", "glm"] = Field(
        "mean", alias="m", description="One mean, or a Poisson regression with an annual wave."
    )
    transformation: Transformation = Field(
        "standard", alias="trans", description="How counts are brought to mean 0 and variance 1."
    )
    dispersion: float = Field(
        0.1,
        gt=0,
        allow_inf_nan=False,
        alias="alpha",
        description="a in variance = m + a m^2, for the two negative binomial transformations.",
    )
    reset: bool = Field(default=False, description="Whether the sum starts at 0 after an alarm.")
    compat: Literal["r", "corrected"] = Field(
        "r", description="Bounds as in the R package, or the exact count from which on an alarm is given."
    )

    def detect(self, observations: Observations, targets: np.ndarray) -> Detection:
        """Return the detection for the consecutive columns `targets`; see `Detector.detect`.

        The count that would bring the sum to `decision_interval` is ``upperbound``: a count equal to it gives an
        alarm. ``score`` is the sum. A missing count leaves the sum as it is.
        """
        from mamori.surveillance._cusum import cumulative_sums

        known = in_control_mean(
            observations,
            targets,
            harmonics=int(self.in_control == "glm"),
            trend=False,
            dispersion=0.0,
            method=self.name,
        )
        result = Detection.empty(*known.mean.shape)
        count = observations.counts[:, targets[0] : targets[-1] + 1]
        mean = known.mean
        steps = STATISTIC[self.transformation](count, mean, self.dispersion)
        sums, before = np.empty((2, *steps.shape))
        cumulative_sums(steps, self.reference_value, self.decision_interval, self.reset, sums, before)
        judged = known.reason == Reason.COMPUTED
        present = judged & ~np.isnan(count)
        needed = self.decision_interval + self.reference_value - before
        result.expected[:] = mean
        result.upperbound[judged] = self._bound(mean[judged], needed[judged])
        result.score[present] = sums[present]
        result.alarm[:] = present & (sums >= self.decision_interval)
        result.reason[:] = np.where(judged & ~present, Reason.MISSING_COUNT, known.reason)
        return result

    def _bound(self, mean: Floats, needed: Floats) -> Floats:
        """Return the count whose standardised value is `needed`, at least 0."""
        if self.compat == "r":
            if self.transformation == "standard":
                return np.maximum(0.0, np.ceil(COUNT["standard"](mean, needed, self.dispersion)))
            if self.transformation == "rossi":  # the square of a negative root is taken for a count
                square = 4 * mean + 2 * needed * np.sqrt(mean)
                return np.where(square < 0, 0.0, (np.sqrt(np.maximum(0.0, square)) - np.sqrt(mean)) ** 2)
            if self.transformation == "anscombe2nd":  # the second-order term has another power than in the statistic
                return _power_count(mean ** (2 / 3) - mean ** (1 / 3) / 9, mean, needed)
        return np.maximum(0.0, COUNT[self.transformation](mean, needed, self.dispersion))


def _standard(x: Floats, m: Floats, _: float) -> Floats:
    return (x - m) / np.sqrt(m)


def _standard_count(m: Floats, s: Floats, _: float) -> Floats:
    return m + s * np.sqrt(m)


def _rossi(x: Floats, m: Floats, _: float) -> Floats:
    steps: Floats = (x - 3 * m + 2 * np.sqrt(x * m)) / (2 * np.sqrt(m))
    return steps


def _rossi_count(m: Floats, s: Floats, _: float) -> Floats:
    square = np.maximum(0.0, 4 * m + 2 * s * np.sqrt(m))
    root: Floats = np.maximum(0.0, np.sqrt(square) - np.sqrt(m))
    return root**2


def _anscombe(x: Floats, m: Floats, _: float) -> Floats:
    return 1.5 * (x ** (2 / 3) - m ** (2 / 3)) / m ** (1 / 6)


def _power_count(centre: Floats, m: Floats, s: Floats) -> Floats:
    """Return the count whose power 2/3 is `s` standard deviations above `centre`."""
    return np.maximum(0.0, centre + s * m ** (1 / 6) / 1.5) ** 1.5


def _anscombe_count(m: Floats, s: Floats, _: float) -> Floats:
    return _power_count(m ** (2 / 3), m, s)


def _anscombe_second(x: Floats, m: Floats, _: float) -> Floats:
    return 1.5 * (x ** (2 / 3) - _second_order_mean(m)) / m ** (1 / 6)


def _anscombe_second_count(m: Floats, s: Floats, _: float) -> Floats:
    return _power_count(_second_order_mean(m), m, s)


def _second_order_mean(m: Floats) -> Floats:
    """Return E(x^(2/3)) of a Poisson count up to the second order."""
    return m ** (2 / 3) - m ** (-1 / 3) / 9


def _pearson(x: Floats, m: Floats, a: float) -> Floats:
    return (x - m) / np.sqrt(m + a * m**2)


def _pearson_count(m: Floats, s: Floats, a: float) -> Floats:
    return m + s * np.sqrt(m + a * m**2)


def _anscombe_negative_binomial(x: Floats, m: Floats, a: float) -> Floats:
    return (_stabilised(x, a) - _stabilised(m, a)) / (m + a * m**2) ** (1 / 6)


def _anscombe_negative_binomial_count(m: Floats, s: Floats, a: float) -> Floats:
    wanted = np.maximum(0.0, _stabilised(m, a) + s * (m + a * m**2) ** (1 / 6))
    x = (wanted / 1.5) ** 1.5  # below the root: the function lies under 1.5 x^(2/3) and is concave, so Newton ascends
    for _ in range(60):
        step = (wanted - _stabilised(x, a)) * (x + a * x**2) ** (1 / 3)
        x = x + step
        if np.all(np.abs(step) <= 1e-13 * x):
            break
    return x


def _stabilised(x: Floats, a: float) -> Floats:
    """Return the integral of (u + a u^2)^(-1/3) from 0 to x: Anscombe's function for variance u + a u^2."""
    from scipy.special import hyp2f1

    values: Floats = 1.5 * x ** (2 / 3) * hyp2f1(1 / 3, 2 / 3, 5 / 3, -a * x)
    return values


STATISTIC: dict[Transformation, Formula] = {
    "standard": _standard,
    "rossi": _rossi,
    "anscombe": _anscombe,
    "anscombe2nd": _anscombe_second,
    "pearsonNegBin": _pearson,
    "anscombeNegBin": _anscombe_negative_binomial,
}
"""Standardised count of a count, its in-control mean and the dispersion."""

COUNT: dict[Transformation, Formula] = {
    "standard": _standard_count,
    "rossi": _rossi_count,
    "anscombe": _anscombe_count,
    "anscombe2nd": _anscombe_second_count,
    "pearsonNegBin": _pearson_count,
    "anscombeNegBin": _anscombe_negative_binomial_count,
}
"""The inverse: the count of an in-control mean, a standardised count and the dispersion."""
