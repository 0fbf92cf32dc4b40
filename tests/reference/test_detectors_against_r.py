"""Alarms of the R package surveillance on twenty simulated series, method by method."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mamori.core.contracts import Observations
from mamori.surveillance.bayes import Bayes
from mamori.surveillance.cusum import Cusum
from mamori.surveillance.detector import Detector
from mamori.surveillance.ears import Ears
from mamori.surveillance.glr import Glr
from mamori.surveillance.rki import Rki

HERE = Path(__file__).parent
FIRST, LAST = 469, 520
METHODS: dict[str, Detector] = {
    **{f"ears_{c}": Ears.model_validate({"method": c, "minSigma": 0}) for c in ("C1", "C2", "C3")},
    "cusum_rossi_glm": Cusum.model_validate({"trans": "rossi", "m": "glm"}),
    "glrnb": Glr.model_validate({"M": 26}),
    "bayes1": Bayes.system(1),
    "bayes3": Bayes.system(3),
    "rki3": Rki.system(3),
}


@pytest.fixture(scope="module")
def panel() -> Observations:
    """Counts of 520 weeks, simulated."""
    frame = pl.read_csv(HERE / "farrington_counts.csv")
    counts = np.ascontiguousarray(frame.drop("t").to_numpy().T.astype(np.float64))
    names = pl.DataFrame({"series": frame.columns[1:]})
    return Observations(names, frame["t"].to_numpy(), counts, counts, frequency=52)


@pytest.mark.parametrize("method", METHODS)
def test_alarms_are_those_of_the_package(panel: Observations, method: str) -> None:
    """Every alarm and every value that the package leaves empty (C3 after equal counts) is ours too."""
    result = METHODS[method].detect(panel, np.arange(FIRST - 1, LAST))
    weeks = np.arange(FIRST, LAST + 1)
    figures = pl.read_csv(HERE / "detector_alarms_r.csv").filter(pl.col("method") == method)
    assert figures["series"].to_list() == panel.names
    for row, (alarms, missing) in enumerate(figures.select("alarms", "missing").rows()):
        assert weeks[result.alarm[row]].tolist() == [int(t) for t in (alarms or "").split()]
        if method.startswith("ears"):
            assert weeks[np.isnan(result.upperbound[row])].tolist() == [int(t) for t in (missing or "").split()]
