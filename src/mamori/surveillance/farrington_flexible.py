"""Farrington Flexible: a quasi-Poisson baseline with seasonal levels and a trend (Noufaily et al. 2013)."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.detector import Detection, Detector, Reason

if TYPE_CHECKING:
    from mamori.surveillance._farrington import Prediction


class FarringtonFlexible(Detector):
    """Compare each count with a quasi-Poisson regression on the same season of past years, past outbreaks weighed down.

    log mean = seasonal level + slope x time (+ log population); see ``docs/methods/farrington.md``. Sources:
    Farrington, Andrews, Beale, Catchpole (1996) J R Stat Soc A 159:547; Noufaily et al. (2013) Stat Med 32:1206.
    """

    name: ClassVar[str] = "farrington-flexible"

    years_back: int = Field(5, ge=1, alias="b", description="Years of history that the baseline reaches back")
    half_window: int = Field(3, ge=0, alias="w", description="Periods before and after the same date of each past year")
    periods: int = Field(1, ge=1, alias="noPeriods", description="Seasonal levels of the year; 1 uses windows only")
    past_excluded: int | None = Field(
        None,
        ge=0,
        alias="pastWeeksNotIncluded",
        description="Periods just before the target that the baseline leaves out; by default the half window",
    )
    reweight: bool = Field(default=True, description="Weigh down counts of the baseline that lie far above their fit")
    weights_threshold: float = Field(
        2.58, ge=0.0, alias="weightsThreshold", description="Anscombe residual above which a count is weighed down"
    )
    trend: bool = Field(
        default=True, description="Fit a trend, and keep it where significant and not extrapolating too far"
    )
    trend_significance: float = Field(
        0.05, ge=0.0, le=1.0, alias="pThresholdTrend", description="P-value below which a trend is kept; 1 is always"
    )
    threshold_method: Literal["delta", "nbPlugin", "muan"] = Field(
        "delta",
        alias="thresholdMethod",
        description="Bound: normal on a power scale (delta), or a negative binomial quantile at the mean (nbPlugin) "
        "or at the upper limit of the mean (muan)",
    )
    power: Literal["2/3", "1/2", "none"] = Field(
        "2/3", alias="powertrans", description="Power of counts taken as normal by the delta method"
    )
    alpha: float = Field(0.05, gt=0.0, lt=0.5, description="Probability above the bound, one-sided")
    limit54: tuple[NonNegativeInt, PositiveInt] = Field(
        (5, 4), description="No alarm where the last so many periods (second) have fewer cases than this (first)"
    )
    population_offset: bool = Field(
        default=False, alias="populationOffset", description="Model counts per head of each series' own denominator"
    )
    date_mode: bool | None = Field(
        None,
        alias="epochAsDate",
        description="Go back whole years by date, not by number of periods; by default where there are dates",
    )
    compat: Literal["r", "corrected"] = Field(
        "r",
        description="r gives the R package's numbers, with its dispersion in standard errors; corrected the right one",
    )

    def detect(self, observations: Observations, targets: np.ndarray) -> Detection:
        """Return the detection at the columns `targets` (K,); see `Detector.detect`.

        Reasons: too-short (a reference window begins before the data), gap (too few points of the baseline are
        left), no-convergence, not-finite, missing-count (expected and bound are still given), few-cases (expected
        and bound are not given, score and p-value are). Raises `InputError` without a frequency, in date mode
        without dates, with a population offset but no denominator, or where the seasonal levels do not fit a year.
        """
        from mamori.surveillance._baseline import Calendar, seasons
        from mamori.surveillance._farrington import TREND_YEARS, Fit, predict

        calendar = Calendar.of(observations, self.date_mode)
        if self.population_offset and observations.denominator is None:
            raise InputError("a population offset (populationOffset) needs denominators; give the column denominator")
        past = self.half_window if self.past_excluded is None else self.past_excluded
        fit = Fit(
            trend=self.trend,
            keep_trend=self.years_back >= TREND_YEARS,
            trend_significance=self.trend_significance,
            reweight=self.reweight,
            weights_threshold=self.weights_threshold,
            quirk=self.compat == "r",
            population_offset=self.population_offset,
        )
        prediction = predict(
            observations,
            targets,
            lambda target: seasons(calendar, target, self.years_back, self.half_window, self.periods, past),
            fit,
        )
        return self._judge(observations.counts, targets, prediction)

    def _judge(self, counts: np.ndarray, targets: np.ndarray, prediction: "Prediction") -> Detection:
        """Compare the counts with what was predicted."""
        from mamori.surveillance._farrington import few_cases, mark_reasons
        from mamori.surveillance._thresholds import count_bound, normal_quantile, power_bound

        observed, z = counts[:, targets], normal_quantile(1.0 - self.alpha)
        origin = prediction.log_mean
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            mean = np.exp(prediction.log_mean)
            if self.threshold_method == "delta":
                origin = mean
                bound, pvalue = power_bound(mean, mean * prediction.error, prediction.phi, observed, z, self.power)
            else:
                upper = z * prediction.error if self.threshold_method == "muan" else 0.0
                bound, pvalue = count_bound(np.exp(origin + upper), prediction.phi, observed, self.alpha)
            score = (observed - origin) / (bound - origin)
        reason = mark_reasons(prediction.reason, bound, observed, few_cases(counts, targets, self.limit54))
        hidden = (reason == Reason.FEW_CASES) | (reason == Reason.NOT_FINITE)
        above = score > 1.0 if self.compat == "r" else observed > bound
        return Detection(
            expected=np.where(hidden, np.nan, mean),
            upperbound=np.where(hidden, np.nan, bound),
            score=score,
            pvalue=pvalue,
            phi=prediction.phi,
            alarm=above & (observed > 0.0) & ~hidden,
            reason=reason,
        )
