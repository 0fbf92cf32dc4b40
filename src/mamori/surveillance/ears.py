"""EARS C1, C2 and C3: short baselines for series without history (Hutwagner et al. 2003, J Urban Health 80:i89)."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from mamori.core.contracts import Observations
from mamori.surveillance.detector import Detection, Detector, Reason
from mamori.surveillance.windows import Moments, previous_periods, window_moments

GUARD = 2
"""Periods between the baseline and the target in C2 and C3: so that a beginning outbreak does not hide itself."""
ALPHA = {"C1": 0.001, "C2": 0.001, "C3": 0.025}


class Ears(Detector):
    r"""EARS C1, C2 or C3: the count against mean and standard deviation of a few periods before it.

    With mean $m_t$ and SD $s_t$ of the baseline and $z = \Phi^{-1}(1-\alpha)$, C1 and C2 give an alarm for
    $y_t > m_t + z s_t$. C3 adds up the standardised excess of three periods, $S_t = (y_t - m_t) / s_t$:
    $\sum_{i=0}^{2} \max(0, S_{t-i} - 1) > z$; the R package leaves out $i = 0$ (``compat="r"``).
    """

    name: ClassVar[str] = "ears"

    variant: Literal["C1", "C2", "C3"] = Field("C1", alias="method", description="Which of the three EARS methods.")
    baseline: int = Field(7, ge=3, le=1000, description="Number of periods in the baseline.")
    min_sigma: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        alias="minSigma",
        description="Least standard deviation in cases; when not given, a baseline of equal values gets "
        "the square root of its mean plus a half.",
    )
    alpha: float | None = Field(
        None, gt=0, lt=0.5, description="One-sided false-alarm rate; 0.001 for C1 and C2, 0.025 for C3 when not given."
    )
    compat: Literal["r", "corrected"] = Field(
        "r", description="Whether C3 leaves out the current period, as the R package does, or takes it in."
    )

    def detect(self, observations: Observations, targets: np.ndarray) -> Detection:
        """Return the detection for the consecutive columns `targets`; see `Detector.detect`.

        A baseline of equal values is marked ``ZERO_VARIANCE``; its values are given where they exist.
        """
        from scipy.special import ndtr, ndtri

        past = GUARD if self.variant == "C3" else 0
        columns = np.arange(targets[0] - past, targets[-1] + 1)
        guard = 0 if self.variant == "C1" else GUARD
        moments = window_moments(observations, columns, previous_periods(self.baseline, guard))
        sigma = self._sigma(moments)
        count = _columns(observations.counts, columns)
        reason = moments.reason.copy()
        reason[(reason == Reason.COMPUTED) & (moments.sd == 0)] = Reason.ZERO_VARIANCE
        z = ndtri(1 - (self.alpha or ALPHA[self.variant]))
        with np.errstate(divide="ignore", invalid="ignore"):  # SD 0 on request: as IEEE arithmetic has it
            excess = (count - moments.mean) / sigma
            if self.variant == "C3":
                excess, upper = self._c3(count, moments.mean, sigma, excess, z)
            else:
                upper = moments.mean + z * sigma
        score = np.where(np.isfinite(excess) & ~np.isnan(count), excess, np.nan)[:, past:]
        result = Detection(
            expected=np.where(np.isnan(upper), np.nan, moments.mean)[:, past:],
            upperbound=upper[:, past:],
            score=score,
            pvalue=ndtr(-score),
            phi=np.full((len(count), len(targets)), np.nan),
            alarm=count[:, past:] > upper[:, past:],
            reason=reason[:, past:],
        )
        self._add_reasons(result, count, moments.reason)
        return result

    def _sigma(self, moments: Moments) -> np.ndarray:
        """Return the standard deviation with its floor, or by the rule for baselines of equal values."""
        if self.min_sigma is not None:
            floored: np.ndarray = np.maximum(moments.sd, self.min_sigma)
            return floored
        return np.where(moments.sd == 0, np.sqrt(moments.mean + 0.5), moments.sd)

    def _c3(
        self, count: np.ndarray, mean: np.ndarray, sigma: np.ndarray, excess: np.ndarray, z: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return C3's sum of excesses and its bound; the first two columns only lead up to the others."""
        over = np.maximum(0.0, excess - 1)
        past = np.full(count.shape, np.nan)
        past[:, GUARD:] = over[:, 1:-1] + over[:, :-2]
        if self.compat == "r":
            return past, np.maximum(0.0, count + sigma * (z - past))
        # The count from which the sum is above z; where the past alone is above it, any case is enough.
        upper = np.where(past < z, mean + sigma * (z - past + 1), 0.0)
        return past + over, np.where(np.isnan(past), np.nan, upper)

    def _add_reasons(self, result: Detection, count: np.ndarray, baseline_reason: np.ndarray) -> None:
        """Mark missing counts, and what of the two periods before the target is missing for C3."""
        targets = count.shape[1] - result.reason.shape[1]
        missing = np.isnan(count)
        if self.variant == "C3":
            blank = result.reason == Reason.COMPUTED
            for i in (1, 2):
                before = slice(targets - i, count.shape[1] - i)
                for code in (Reason.TOO_SHORT, Reason.GAP):
                    result.reason[blank & (baseline_reason[:, before] == code)] = code
                result.reason[blank & missing[:, before]] = Reason.GAP
        result.reason[missing[:, targets:] & (result.reason != Reason.TOO_SHORT)] = Reason.MISSING_COUNT


def _columns(array: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return those consecutive columns; NaN for those before the first."""
    before = int(np.sum(columns < 0))
    inside = array[:, max(0, columns[0]) : columns[-1] + 1]
    return np.pad(inside, ((0, 0), (before, 0)), constant_values=np.nan)
