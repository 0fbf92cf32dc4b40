from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mamori.core.errors import InputError
from mamori.data.adapters.read import read_observations

Write = Callable[..., Path]

XMART = """COUNTRY_CODE,COUNTRY_AREA_TERRITORY,ORIGIN_SOURCE,ISO_YEAR,ISO_WEEK,ISO_WEEKSTARTDATE,\
MMWR_WEEKSTARTDATE,SPEC_PROCESSED_NB,AH1N12009,INF_A,INF_B,INF_ALL
KEN,Kenya,SENTINEL,2024,1,2024-01-01,2023-12-31,50,3,4,1,5
KEN,Kenya,NONSENTINEL,2024,1,2024-01-01,2023-12-31,20,1,1,0,1
KEN,Kenya,SENTINEL,2024,3,2024-01-15,2024-01-14,40,,,,
"""
OLDER = """country,iso3,year,week,sdate,spec_processed_nb,inf_a,inf_b,all_inf,title
Kenya,KEN,2012,1,2012-01-2,9,1,0,1,No Report
Kenya,KEN,2012,2,2012-01-9,,,,,Sporadic
Namibia,NAM,2012,2,2012-01-9,7,2,2,4,Sporadic
"""


def test_rows_of_different_origin_are_series_of_their_own(write: Write) -> None:
    observations = read_observations(write(XMART))
    assert observations.names == ["Kenya | SENTINEL", "Kenya | NONSENTINEL"]
    assert observations.series["signal"].to_list() == ["inf_all", "inf_all"]
    nan = np.nan
    np.testing.assert_array_equal(observations.counts, [[5, nan, nan], [1, nan, nan]])
    assert observations.denominator is not None
    np.testing.assert_array_equal(observations.denominator, [[50, nan, 40], [20, nan, nan]])
    assert (observations.frequency, observations.calendar) == (52, "ISO")


def test_origins_are_added_up_on_request_only(write: Write) -> None:
    with pytest.raises(InputError, match="rows 2 and 3 both give series 'Kenya'"):
        read_observations(write(XMART), by=["place"])
    total = read_observations(write(XMART), by=["place"], duplicates="sum")
    np.testing.assert_array_equal(total.counts, [[6, np.nan, np.nan]])


def test_another_virus_and_the_weeks_of_mmwr(write: Write) -> None:
    observations = read_observations(write(XMART), signal="AH1N12009", calendar="MMWR")
    assert observations.counts[:, 0].tolist() == [3.0, 1.0]
    assert observations.dates is not None
    assert str(observations.dates[0]) == "2023-12-31"
    assert observations.calendar == "MMWR"


def test_the_older_download_has_empty_counts_as_missing_whatever_the_activity(write: Write) -> None:
    """A row of activity 'No Report' can hold counts; they are kept."""
    observations = read_observations(write(OLDER))
    assert observations.names == ["Kenya", "Namibia"]
    np.testing.assert_array_equal(observations.counts, [[1, np.nan], [np.nan, 4]])


@pytest.mark.parametrize("signal", ["ah1n1", "iso_week", "country_area_territory", "spec_processed_nb"])
def test_what_is_no_virus_is_refused(write: Write, signal: str) -> None:
    with pytest.raises(InputError, match=f"has no column of the virus '{signal}'"):
        read_observations(write(XMART), signal=signal)
