"""Exports of case-based systems: SORMAS and Go.Data."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mamori.core.errors import InputError
from mamori.data.adapters.read import read_observations

Write = Callable[..., Path]

SORMAS = """uuid,disease,firstName,lastName,reportDate,district,caseClassification,symptoms.onsetDate
UUID,Disease,First name,Last name,Date of report,District,Case classification,Date of onset
a,CHOLERA,x,y,1/5/2024,Bo,SUSPECT,
b,CHOLERA,x,y,1/15/2024,Bo,CONFIRMED,1/13/2024
c,CHOLERA,x,y,1/16/2024,Bo,NO_CASE,1/2/2024
d,CHOLERA,x,y,1/17/2024,Bo,Not a case,1/2/2024
"""
GODATA = [
    {
        "id": "1",
        "firstName": "x",
        "dateOfReporting": "2020-07-24T00:00:00.000Z",
        "dateOfOnset": "2020-07-20T00:00:00.000Z",
        "classification": "LNG_REFERENCE_DATA_CATEGORY_CASE_CLASSIFICATION_SUSPECT",
        "age": {"years": 22},
        "addresses": [
            {"typeId": "LNG_REFERENCE_DATA_CATEGORY_ADDRESS_TYPE_OTHER", "locationId": "L1"},
            {"typeId": "LNG_REFERENCE_DATA_CATEGORY_ADDRESS_TYPE_USUAL_PLACE_OF_RESIDENCE", "locationId": "L2"},
        ],
        "deleted": False,
    },
    {"id": "2", "dateOfReporting": "2020-08-05T00:00:00.000Z", "addresses": [{"locationId": "L3"}]},
    {"id": "3", "dateOfReporting": "2020-08-05T00:00:00.000Z", "deleted": True},
    {
        "id": "4",
        "dateOfReporting": "2020-08-05T00:00:00.000Z",
        "classification": "LNG_REFERENCE_DATA_CATEGORY_CASE_CLASSIFICATION_NOT_A_CASE_DISCARDED",
    },
]


def test_sormas_leaves_out_captions_and_what_is_no_case(write: Write) -> None:
    observations = read_observations(
        write(SORMAS), date="report", by=["signal", "place"], drop=["firstName", "lastName"]
    )
    assert observations.names == ["CHOLERA | Bo"]
    assert observations.counts.tolist() == [[1.0, 0.0, 1.0]]
    assert [(left.reason, left.rows, left.first_row) for left in observations.dropped] == [
        ("second header row", 1, 2),
        ("classified as no case", 2, 5),
    ]


def test_sormas_names_are_refused(write: Write) -> None:
    with pytest.raises(InputError, match="identifiers of persons seem to be in 'firstName', 'lastName'; counts"):
        read_observations(write(SORMAS), date="report")


def test_sormas_without_a_second_header(write: Write) -> None:
    lines = SORMAS.splitlines(keepends=True)
    observations = read_observations(write(lines[0] + "".join(lines[2:])), date="onset", drop=["firstName", "lastName"])
    assert observations.counts.tolist() == [[1.0]]
    assert [left.reason for left in observations.dropped] == [
        "classified as no case",
        "no value in column 'symptoms.onsetDate'",
    ]


def test_godata_as_json(write: Write) -> None:
    path = write(json.dumps(GODATA), "cases.json")
    observations = read_observations(path, date="report", by=["place"], drop=["firstName"])
    assert observations.names == ["L2", "L3"]
    assert observations.counts.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    assert [(left.reason, left.rows, left.first_row) for left in observations.dropped] == [
        ("deleted in Go.Data", 1, 4),
        ("classified as no case", 1, 5),
    ]


def test_godata_as_csv(write: Write) -> None:
    content = (
        "ID,Date of onset,Date of reporting,Classification\n1,2020-07-20,2020-07-24,Suspect\n2,,2020-07-25,Not a case\n"
    )
    observations = read_observations(write(content), date="report")
    assert observations.counts.tolist() == [[1.0]]
    assert observations.dropped[0].reason == "classified as no case"


@pytest.mark.parametrize(
    ("document", "message"),
    [("[]", "has no cases"), ("[1]", "is no list of cases"), ('[{"id": 1}]', "has no column with the date of onset")],
)
def test_bad_godata_documents_are_refused(write: Write, document: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        read_observations(write(document, "cases.json"))
