"""One function for all formats: telling them apart, their options, and any input whatever."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.data.adapters.read import FORMS, read_observations

Write = Callable[..., Path]

SEEDS = {
    "long.csv": "series,t,date,observed,denominator\na,1,2024-01-01,3,10\na,2,2024-01-08,4,10\nb,1,2024-01-01,,9\n",
    "wide.csv": "date,a,b\n2024-W01,1,2\n2024-W02,3,\n2024-W04,5,6\n",
    "linelist.csv": "date_onset,date_report,place\n2024-01-01,2024-01-05,x\n,2024-02-05,y\n1/2/2024,2024-03-05,x\n",
    "dhis2.csv": "dataelement,period,orgunit,value,deleted\nx,2024W1,a,3,\nx,2024W2,a,4,true\ny,2024W2,b,text,\n",
    "flunet.csv": "country,sdate,spec_processed_nb,inf_a,inf_b,all_inf\nKen,2024-01-01,9,1,2,3\nKen,2024-01-8,8,,,\n",
    "erviss.csv": "survtype,countryname,yearweek,indicator,age,value\nx,Malta,2024-W02,tests,total,3\n",
    "sormas.csv": "uuid,reportDate,caseClassification,district\nUUID,Date,Class,District\na,1/31/2024,SUSPECT,Bo\n",
    "godata.json": '[{"dateOfReporting": "2020-07-24T00:00:00.000Z", "classification": "X", "addresses": []}]',
    "dhis2.json": '{"dataValues": [{"dataElement": "a", "period": "202401", "orgUnit": "x", "value": "3"}]}',
    "analytics.json": '{"headers": [{"name": "dx"}, {"name": "pe"}, {"name": "ou"}, {"name": "value"}], "rows": '
    '[["a", "2024BiW1", "x", "3.0"]]}',
}
PIECES = [
    "", ",", ";", "\t", "\n", '"', "'", "-", "-1", "1e400", "nan", "2024-W53", "2024-02-30", "99999999999999999999",
    "\x00", "é", "１", "null", "true", "{", "[", "]", "[]", "{}", "0", " ", "1/13/2024", "9999-12-31", "0001-01-01",
    "t", "date", "observed", "name",
]  # fmt: skip


@st.composite
def mangled(draw: st.DrawFn) -> tuple[str, str]:
    """A small file of one of the formats in which some places are replaced by something else."""
    name = draw(st.sampled_from(sorted(SEEDS)))
    content = SEEDS[name]
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(content)))
        stop = start + draw(st.integers(0, 12))
        content = content[:start] + draw(st.sampled_from(PIECES) | st.text(max_size=4)) + content[stop:]
    return name, content


@given(
    file=mangled(),
    form=st.sampled_from(["auto", "auto", "auto", *FORMS]),
    options=st.fixed_dictionaries(
        {},
        optional={
            "date": st.sampled_from(["onset", "report"]),
            "frequency": st.sampled_from([52, 365, 7]),
            "calendar": st.sampled_from(["ISO", "MMWR"]),
            "period": st.sampled_from(["day", "week", "month"]),
            "by": st.lists(st.sampled_from(["place", "a", "district"]), max_size=2),
            "missing": st.sampled_from(["missing", "zero"]),
            "duplicates": st.sampled_from(["error", "sum"]),
            "negative": st.sampled_from(["error", "missing"]),
        },
    ),
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16", "latin-1"]),
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@example(file=("long.csv", "t,observed\n"), form="auto", options={}, encoding="utf-8")
def test_any_input_gives_sound_observations_or_an_error_for_the_user(
    tmp_path: Path, file: tuple[str, str], form: str, options: dict[str, Any], encoding: str
) -> None:
    name, content = file
    path = tmp_path / name
    path.write_bytes(content.encode(encoding, errors="replace"))
    try:
        observations = read_observations(path, form=form, **options)
    except InputError as error:
        assert str(error)
        return
    _assert_sound(observations)


def _assert_sound(observations: Observations) -> None:
    counts = observations.counts
    assert len(set(observations.names)) == len(observations.names) == len(counts) > 0
    assert (np.diff(observations.t) == 1).all()
    assert (np.isnan(counts) | ((counts >= 0) & (counts == np.rint(counts)) & np.isfinite(counts))).all()
    if observations.dates is not None:
        assert (np.diff(observations.dates) > np.timedelta64(0, "D")).all()
    assert all(left.rows > 0 and left.reason for left in observations.dropped)


@pytest.mark.parametrize(
    ("name", "options", "shape"),
    [
        ("long.csv", {}, (2, 2)),
        ("wide.csv", {}, (2, 4)),
        ("linelist.csv", {"date": "report"}, (1, 10)),
        ("dhis2.csv", {}, (1, 1)),
        ("flunet.csv", {}, (1, 2)),
        ("erviss.csv", {}, (1, 1)),
        ("sormas.csv", {}, (1, 1)),
        ("godata.json", {}, (1, 1)),
        ("dhis2.json", {}, (1, 1)),
        ("analytics.json", {}, (1, 1)),
    ],
)
def test_the_form_is_told_by_the_columns(
    write: Write, name: str, options: dict[str, Any], shape: tuple[int, int]
) -> None:
    assert read_observations(write(SEEDS[name], name), **options).counts.shape == shape


def test_a_form_can_be_said_and_columns_named(write: Write) -> None:
    path = write("Meldewoche;Anzahl\n2024W01;3\n2024W02;4\n", "kreis.txt")
    with pytest.raises(InputError, match="is of no form that its columns tell: anzahl, meldewoche"):
        read_observations(path)
    observations = read_observations(path, columns={"date": "Meldewoche", "observed": "Anzahl"})
    assert observations.counts.tolist() == [[3.0, 4.0]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "tidi"}, "form 'tidi' is not known; choose auto, tidy, linelist, dhis2, .* Did you mean 'tidy'?"),
        ({"calendar": "EPI"}, "calendar 'EPI' is not known"),
        ({"date": "onset"}, "date is onset, which has no meaning for a file of the form tidy"),
        ({"signal": "ah3"}, "signal is ah3, which has no meaning for a file of the form tidy"),
        ({"drop": ["x"]}, "has no column 'x'"),
        ({"calendar": "ISO"}, "holds plain dates, which need none"),
        ({"frequency": 7}, r"frequency is 7; dates take 365 \(days\)"),
    ],
)
def test_options_without_meaning_are_refused(write: Write, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_observations(write(SEEDS["long.csv"]), **options)


@pytest.mark.parametrize("name", ["missing.csv", "missing.json", "missing.parquet"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is not a file"):
        read_observations(tmp_path / name)


def test_another_kind_of_file_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match=r"ends in '.xlsx'; a table is a .csv, .tsv or .parquet file"):
        read_observations(write("x", "counts.xlsx"))
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_observations(write("no parquet", "counts.parquet"))
