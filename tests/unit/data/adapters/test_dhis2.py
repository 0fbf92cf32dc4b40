import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mamori.core.errors import InputError
from mamori.data.adapters.read import read_observations

Write = Callable[..., Path]

CSV = """"dataelement","period","orgunit","categoryoptioncombo","attributeoptioncombo","value",\
"storedby","lastupdated","comment","followup","deleted"
"cholera","2024W1","DiszpKrYNg8","default","default","12","x","2024-01-09","","false","false"
"cholera","2024W02","DiszpKrYNg8","default","default","0","x","2024-01-16","","false",""
"cholera","2024W3","DiszpKrYNg8","default","default","99","x","2024-01-23","typo","false","true"
"cholera","2024W4","g8upMTyEZGZ","default","default","3","x","2024-01-30","","true","false"
"remark","2024W4","g8upMTyEZGZ","default","default","late","x","2024-01-30","","false","false"
"""


def test_data_value_sets_as_csv(write: Write) -> None:
    observations = read_observations(write(CSV))
    assert observations.names == ["DiszpKrYNg8", "g8upMTyEZGZ"]
    assert observations.series["signal"].to_list() == ["cholera", "cholera"]
    nan = np.nan
    np.testing.assert_array_equal(observations.counts, [[12, 0, nan, nan], [nan, nan, nan, 3]])
    assert [(left.reason, left.rows, left.first_row) for left in observations.dropped] == [
        ("deleted in DHIS2", 1, 4),
        ("value of a data element that holds no numbers", 1, 6),
    ]
    assert observations.calendar == "ISO"
    zeros = read_observations(write(CSV), missing="zero")
    assert zeros.counts.tolist() == [[12, 0, 0, 0], [0, 0, 0, 3]]


def test_data_value_sets_as_json_take_what_is_common_to_the_set(write: Write) -> None:
    values = [{"dataElement": "measles", "value": "12"}, {"dataElement": "cholera", "value": 16, "period": "202402"}]
    document = {"dataSet": "x", "period": "202401", "orgUnit": "DiszpKrYNg8", "dataValues": values}
    observations = read_observations(write(json.dumps(document), "set.json"))
    assert observations.names == ["measles", "cholera"]
    assert observations.frequency == 12
    np.testing.assert_array_equal(observations.counts, [[12, np.nan], [np.nan, 16]])
    only = read_observations(write(json.dumps(document), "set.json"), signal="cholera")
    assert only.counts.tolist() == [[16.0]]
    assert only.dropped[0].reason == "another data element"


def test_analytics(write: Write) -> None:
    document = {
        "headers": [{"name": "dx"}, {"name": "pe"}, {"name": "ou"}, {"name": "value"}],
        "rows": [["cholera", "2024SunW1", "a", "1.0"], ["cholera", "2024SunW2", "a", "2.0"]],
    }
    observations = read_observations(write(json.dumps(document), "analytics.json"))
    assert observations.calendar == "MMWR"
    assert observations.counts.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("first", "second", "frequency"),
    [
        ("20240131", "20240201", 365),
        ("2024W9", "2024W10", 52),
        ("2024WedW9", "2024WedW10", 52),
        ("2024ThuW9", "2024ThuW10", 52),
        ("2024FriW9", "2024FriW10", 52),
        ("2024SatW9", "2024SatW10", 52),
        ("2024SunW9", "2024SunW10", 52),
        ("2024BiW9", "2024BiW10", 26),
        ("202409", "202410", 12),
    ],
)
def test_all_periods_up_to_a_month(write: Write, first: str, second: str, frequency: int) -> None:
    content = f"dataelement,period,orgunit,value\nx,{first},a,1\nx,{second},a,2\n"
    observations = read_observations(write(content))
    assert observations.counts.tolist() == [[1.0, 2.0]]
    assert observations.frequency == frequency


def test_option_combinations_tell_series_apart_only_where_they_differ(write: Write) -> None:
    content = "dataelement,period,orgunit,catoptcombo,attroptcombo,value\nx,202401,a,f,p,1\nx,202401,a,f,q,2\n"
    observations = read_observations(write(content))
    assert observations.names == ["p", "q"]
    assert observations.series["stratum"].to_list() == ["f", "f"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "is no JSON: line 1, column 2"),
        ("[" * 100_000, "is nested too deeply"),
        ("{}", "has neither 'dataValues' nor 'headers' and 'rows'"),
        ('{"dataValues": []}', "has no data values"),
        ('{"dataValues": [3]}', "'dataValues' must be a list of objects"),
        ('{"dataValues": [{"dataElement": "a", "value": "1", "orgUnit": "x"}]}', "has no column 'period' of DHIS2"),
        (
            '{"dataValues": [{"dataElement": "a", "value": "1", "orgUnit": "x", "period": "2004Q1"}]}',
            "column 'period' row 2: '2004Q1' is longer than a month",
        ),
        (
            '{"dataValues": [{"dataElement": "a", "value": "1.5", "orgUnit": "x", "period": "202401"}]}',
            "column 'value' row 2 holds '1.5'; counts must be whole numbers",
        ),
        ('{"headers": [{"name": "dx"}], "rows": [["a", "b"]]}', "row 2 does not have 1 values"),
        ('{"headers": [{"name": "dx"}, {"name": "dx"}], "rows": []}', "two columns are named 'dx'"),
        ('{"headers": [7], "rows": []}', "analytics need 'headers' with names"),
    ],
)
def test_bad_documents_are_refused(write: Write, document: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        read_observations(write(document, "dhis2.json"))


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (("2024W02", "2024SunW2"), {}, "row 3 holds '2024SunW2'; it is a MMWR week, where others are a ISO week"),
        (("2024W02", "2024W1"), {}, "rows 2 and 3 both give series 'DiszpKrYNg8' at 2024-01-01"),
        (('"12"', '"many"'), {}, "column 'value' row 2 holds 'many'; it must be a number"),
        (("", ""), {"signal": "colera"}, "has no data element 'colera'. Did you mean 'cholera'?"),
        (("", ""), {"date": "onset"}, "date is onset, which has no meaning for a file of the form dhis2"),
    ],
)
def test_bad_values_are_refused(write: Write, change: tuple[str, str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        read_observations(write(CSV.replace(*change)), **options)
