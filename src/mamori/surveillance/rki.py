"""RKI: the rule of thumb of the Robert Koch Institute, as in the R package (Höhle 2007, Comput Stat 22:571)."""

from typing import ClassVar

import numpy as np

from mamori.core.contracts import Observations
from mamori.surveillance.detector import Detection, Reason
from mamori.surveillance.windows import SeasonalWindows

LARGEST_POISSON_MEAN = 20
UPPER_LIMITS = np.array(
    [
        [3.285, 5.323, 6.686, 8.102, 9.598, 11.177, 12.817],
        [13.765, 14.921, 16.768, 17.633, 19.051, 20.335, 21.364],
        [22.945, 23.762, 25.400, 26.306, 27.735, 28.966, 30.017],
    ]
).ravel()
"""Upper 95 % confidence limits of a Poisson mean for 0 to 20 cases (Crow and Gardner 1959, Biometrika 46:441).

They come from the shortest sets of counts with a probability of 95 %, of these the one with the largest counts.
"""


class Rki(SeasonalWindows):
    r"""The count against mean plus two standard deviations of its baseline; for means up to 20 a Poisson limit.

    The Poisson limit is the upper 95 % confidence limit for $\lfloor m \rfloor$ cases, $m$ the mean of the baseline.
    """

    name: ClassVar[str] = "rki"

    def detect(self, observations: Observations, targets: np.ndarray) -> Detection:
        """Return the detection for the consecutive columns `targets`; see `Detector.detect`."""
        moments = self.moments(observations, targets)
        result = Detection.empty(*moments.mean.shape)
        judged = moments.reason == Reason.COMPUTED
        count = observations.counts[:, targets[0] : targets[-1] + 1]
        mean = moments.mean[judged]
        cases = np.minimum(mean, LARGEST_POISSON_MEAN).astype(np.int64)
        result.expected[:] = moments.mean
        result.upperbound[judged] = np.where(
            mean <= LARGEST_POISSON_MEAN, UPPER_LIMITS[cases], mean + 2 * moments.sd[judged]
        )
        result.alarm[:] = count > result.upperbound
        result.reason[:] = np.where(judged & np.isnan(count), Reason.MISSING_COUNT, moments.reason)
        return result
