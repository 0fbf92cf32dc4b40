"""Detection on a nowcast: probabilities of an alarm that carry what may still be reported."""

import numpy as np
import polars as pl
import pytest

from mamori.core.contracts import Triangle
from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.inference.nowcast import Nowcast, nowcast
from mamori.surveillance.detect import detect_outbreaks
from mamori.workflows import nowcast_detection
from mamori.workflows.nowcast_detection import detect_on_nowcast


@pytest.fixture(scope="module")
def cast() -> Nowcast:
    """Two series of 80 weeks, a fifth reported at once; the second has an outbreak in the last week."""
    rng = np.random.default_rng(5)
    mean = np.full((2, 80), 20.0)
    mean[1, -1] = 140.0
    cells = np.stack([rng.poisson(share * mean) for share in (0.2, 0.4, 0.3, 0.1)], axis=2).astype(float)
    reported = np.cumsum(cells, axis=2)
    reported[:, np.arange(80)[:, None] + np.arange(4) >= 80] = np.nan
    dates = np.datetime64("2023-01-02") + 7 * np.arange(80)
    triangle = Triangle(pl.DataFrame({"series": ["calm", "outbreak"]}), np.arange(1, 81), reported, dates, 52)
    return nowcast(triangle, max_delay=3, draws=200)


def test_an_outbreak_is_seen_before_its_reports_are_in(cast: Nowcast) -> None:
    alerts = detect_on_nowcast(cast, "ears", draws=100)
    assert alerts.probability.shape == (2, 3)
    assert alerts.probability[1, -1] > 0.5
    assert alerts.probability[0].max() < 0.5
    assert not alerts.reported_alarm[1, -1]
    table = TableDefinition.load("nowcast_alarms").validate(alerts.table(), "alarms")
    assert table["alarm_probability"].to_list() == alerts.probability.ravel().tolist()


def test_the_share_of_draws_is_that_of_detection_draw_by_draw(cast: Nowcast, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = np.linspace(0, 199, 7).round().astype(int)
    first = int(cast.triangle.t[cast.columns[0]])
    alarms = [detect_outbreaks(cast.observations(int(draw)), "ears", first=first).alarm for draw in chosen]
    want = np.mean(alarms, axis=0)
    assert np.array_equal(detect_on_nowcast(cast, "ears", draws=7).probability, want)
    monkeypatch.setattr(nowcast_detection, "CHUNK_CELLS", 400)
    assert np.array_equal(detect_on_nowcast(cast, "ears", draws=7).probability, want)


def test_what_cannot_be_judged_has_a_reason() -> None:
    reported = np.zeros((1, 12, 3))
    reported[0, 2] = 2.0
    reported[:, np.arange(12)[:, None] + np.arange(3) >= 12] = np.nan
    triangle = Triangle(pl.DataFrame({"series": ["few"]}), np.arange(1, 13), reported, None, 52)
    alerts = detect_on_nowcast(nowcast(triangle, max_delay=2, draws=10), "ears", draws=5)
    assert np.isnan(alerts.probability).all()
    assert set(alerts.reason.ravel()) == {"no-nowcast"}


def test_more_draws_than_there_are_is_an_error(cast: Nowcast) -> None:
    with pytest.raises(InputError, match="draws is 201; the nowcast has 200"):
        detect_on_nowcast(cast, "ears", draws=201)
