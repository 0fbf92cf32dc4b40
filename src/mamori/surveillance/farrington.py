"""Farrington 1996: a quasi-Poisson baseline from the same weeks of past years, with a trend."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt

from mamori.core.contracts import Observations
from mamori.surveillance.detector import Detection, Detector, Reason


class Farrington(Detector):
    """Compare each count with a quasi-Poisson regression on the weeks around the same date of past years.

    log mean = intercept + slope x time. Counts of the baseline above their fit are weighed down; the trend is kept
    where it is significant at 5 %, has at least three years, and predicts no more than the baseline ever had. The
    bound is the two-sided 1 - alpha limit of counts to the power `power`. Source: Farrington, Andrews, Beale,
    Catchpole (1996) J R Stat Soc A 159:547.
    """

    name: ClassVar[str] = "farrington"

    years_back: int = Field(5, ge=1, alias="b", description="Years of history that the baseline reaches back")
    half_window: int = Field(3, ge=0, alias="w", description="Periods before and after the same date of each past year")
    reweight: bool = Field(default=True, description="Weigh down counts of the baseline that lie above their fit")
    trend: bool = Field(
        default=True, description="Fit a trend, and keep it where significant and not extrapolating too far"
    )
    power: Literal["2/3", "1/2", "none"] = Field(
        "2/3", alias="powertrans", description="Power of counts taken as normal by the delta method"
    )
    alpha: float = Field(0.05, gt=0.0, lt=1.0, description="Probability outside both prediction limits, two-sided")
    limit54: tuple[NonNegativeInt, PositiveInt] = Field(
        (5, 4), description="No alarm where the last so many periods (second) have fewer cases than this (first)"
    )
    date_mode: bool | None = Field(
        None,
        alias="epochAsDate",
        description="Go back whole years by date, not by number of periods; by default where there are dates",
    )

    def detect(self, observations: Observations, targets: np.ndarray) -> Detection:
        """Return the detection at the columns `targets` (K,); see `Detector.detect`.

        Reasons: too-short (the same date of a past year lies before the data; a window may be cut), gap (too few
        points of the baseline are left), no-convergence, not-finite, missing-count (expected and bound are still
        given), few-cases (bound and score 0, as in R). Raises `InputError` without a frequency, or in date mode
        without dates.
        """
        from mamori.surveillance._baseline import Calendar, windows
        from mamori.surveillance._farrington import TREND_YEARS, Fit, few_cases, mark_reasons, predict
        from mamori.surveillance._thresholds import normal_quantile, power_bound

        calendar = Calendar.of(observations, self.date_mode)
        fit = Fit(
            trend=self.trend,
            keep_trend=self.years_back >= TREND_YEARS,
            trend_significance=0.05,
            reweight=self.reweight,
            weights_threshold=1.0,
            error_by_phi=True,
        )
        prediction = predict(
            observations, targets, lambda target: windows(calendar, target, self.years_back, self.half_window), fit
        )
        observed = observations.counts[:, targets]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            mean = np.exp(prediction.log_mean)
            error, z = mean * prediction.error, normal_quantile(1.0 - 0.5 * self.alpha)
            bound, pvalue = power_bound(mean, error, prediction.phi, observed, z, self.power)
            score = (observed - mean) / (bound - mean)
        reason = mark_reasons(prediction.reason, bound, observed, few_cases(observations.counts, targets, self.limit54))
        few = reason == Reason.FEW_CASES
        return Detection(
            expected=mean,
            upperbound=np.where(few, 0.0, bound),
            score=np.where(few, 0.0, score),
            pvalue=pvalue,
            phi=prediction.phi,
            alarm=(score > 1.0) & ~few,
            reason=reason,
        )
