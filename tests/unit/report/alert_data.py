"""Made-up alerts: small seeded series, judged by a plain Poisson bound."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from mamori.core.contracts import Observations
from mamori.surveillance.detect import Alerts
from mamori.surveillance.detector import Detection, Reason

WEEKS = 60
ALPHA = 0.01


def make_counts(series: int = 6, weeks: int = WEEKS, mean: float = 10.0) -> np.ndarray:
    """Quiet Poisson counts (series, weeks): none lies above `BOUND`."""
    return np.minimum(np.random.default_rng(7).poisson(mean, (series, weeks)), 15).astype(float)


BOUND = 19.0
EXPECTED = 10.0


def make_alerts(
    counts: np.ndarray,
    targets: int = 1,
    labels: Mapping[str, object] | None = None,
    dates: bool = True,
    **changes: Any,
) -> Alerts:
    """Alerts of `counts` in the last `targets` periods: an alarm is a count above `BOUND`, a missing one has no values.

    p-values fall with the count; `changes` replace parts of the observations or of the alerts.
    """
    size, weeks = counts.shape
    columns = np.arange(weeks - targets, weeks)
    seen = counts[:, columns]
    missing = np.isnan(seen)
    detection = Detection.empty(size, targets)
    detection.expected[:] = np.where(missing, np.nan, EXPECTED)
    detection.upperbound[:] = np.where(missing, np.nan, BOUND)
    detection.pvalue[:] = 10.0 ** (-seen / 10)
    detection.alarm[:] = seen > BOUND
    detection.reason[missing] = Reason.MISSING_COUNT
    names: dict[str, object] = {"series": [f"s{row + 1}" for row in range(size)]}
    of_observations: dict[str, Any] = {"calendar": "ISO" if dates else None}
    of_observations |= {name: changes.pop(name) for name in ("weights", "dropped", "ignored") if name in changes}
    observations = Observations(
        pl.DataFrame(names | dict(labels or {})),
        np.arange(1, weeks + 1),
        counts,
        changes.pop("history", counts),
        dates=np.datetime64("2023-01-02") + 7 * np.arange(weeks) if dates else None,
        frequency=52,
        **of_observations,
    )
    given = {"method": "test", "settings": {"alpha": ALPHA}, "alarm": detection.alarm} | changes
    return Alerts(observations, columns, detection, **given)
