from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mamori.core.errors import InputError
from mamori.data.adapters.read import read_observations

Write = Callable[..., Path]

VIRUSES = """survtype,countryname,yearweek,pathogen,pathogentype,pathogensubtype,indicator,age,value
SARI,Malta,2024-W02,Influenza,Influenza,total,detections,total,3
SARI,Malta,2024-W02,Influenza,Influenza,total,positivity,total,3.0
SARI,Malta,2024-W02,Influenza,Influenza,total,tests,total,100
SARI,Malta,2024-W01,RSV,RSV,RSV,detections,total,1
"""


def test_detections_have_their_tests_as_denominator(write: Write) -> None:
    observations = read_observations(write(VIRUSES))
    assert observations.names == ["Malta | Influenza | Influenza | total", "Malta | RSV | RSV | RSV"]
    assert observations.series["place"].to_list() == ["Malta", "Malta"]
    nan = np.nan
    np.testing.assert_array_equal(observations.counts, [[nan, 3], [1, nan]])
    assert observations.denominator is not None
    np.testing.assert_array_equal(observations.denominator, [[nan, 100], [nan, nan]])
    (left,) = observations.dropped
    assert (left.reason, left.rows, left.first_row) == ("another indicator", 2, 3)
    assert observations.calendar == "ISO"
    assert observations.ignored == ("survtype", "indicator")


def test_another_indicator_on_request(write: Write) -> None:
    assert read_observations(write(VIRUSES), signal="tests").counts.tolist() == [[100.0]]
    with pytest.raises(InputError, match="has the indicators detections, positivity, tests. Did you mean 'tests'?"):
        read_observations(write(VIRUSES), signal="test")


def test_rates_are_no_counts(write: Write) -> None:
    content = "survtype,countryname,yearweek,indicator,age,value\nx,Malta,2024-W02,ILIconsultationrate,0-4,85.7\n"
    with pytest.raises(InputError, match="column 'value' row 2 holds '85.7'; counts must be whole numbers"):
        read_observations(write(content))
