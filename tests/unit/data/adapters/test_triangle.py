"""Reporting triangles from line lists, counts by two dates and snapshots; and the triangle's own rules."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamori.core.contracts import Observations, Triangle
from mamori.core.errors import InputError
from mamori.data.adapters.triangle import TriangleRules, read_triangle, snapshot_date, triangle_from_snapshots

FIRST = date(2024, 1, 1)  # a Monday


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def day(number: int) -> str:
    return str(FIRST + timedelta(days=number))


@pytest.fixture
def linelist(tmp_path: Path) -> Path:
    return written(
        tmp_path / "cases.csv",
        "onset,report,district",
        f"{day(0)},{day(0)},a",
        f"{day(0)},{day(2)},a",
        f"{day(1)},{day(2)},b",
        f"{day(2)},{day(8)},a",
        f"{day(3)},{day(1)},a",
        f",{day(1)},a",
    )


def test_a_line_list_becomes_cumulative_counts_by_delay(linelist: Path) -> None:
    triangle = read_triangle(linelist)
    assert triangle.frequency == 365
    assert triangle.reported.shape == (1, 9, 7)
    assert triangle.reported[0, 0].tolist() == [1, 1, 2, 2, 2, 2, 2]
    assert triangle.reported[0, 2].tolist() == [0, 0, 0, 0, 0, 0, 1]
    assert np.isnan(triangle.reported[0, 7, 2:]).all()
    assert triangle.latest()[0].tolist() == [2, 1, 1, 0, 0, 0, 0, 0, 0]
    assert [(left.reason.split(" (")[0], left.rows, left.first_row) for left in triangle.dropped] == [
        ("no value in column 'onset'", 1, 7),
        ("reported before it happened", 1, 6),
    ]
    assert triangle.ignored == ("district",)


def test_series_are_told_apart_and_long_delays_left_out(linelist: Path) -> None:
    triangle = read_triangle(linelist, TriangleRules(max_delay=3), by=["district"])
    assert triangle.names == ["a", "b"]
    assert triangle.reported.shape[2] == 4
    assert triangle.latest().sum(axis=1).tolist() == [2, 1]
    assert triangle.dropped[-1].reason == "reported more than 3 days later"


@pytest.mark.parametrize(
    ("calendar", "starts", "counts"), [("ISO", "2024-01-01", [3, 1]), ("MMWR", "2023-12-31", [3, 1])]
)
def test_weeks_begin_as_their_calendar_says(tmp_path: Path, calendar: str, starts: str, counts: list[int]) -> None:
    path = written(tmp_path / "c.csv", "onset,report", *(f"{day(n)},{day(n + 7)}" for n in (0, 3, 5, 8)))
    triangle = read_triangle(path, TriangleRules(period="week", calendar=calendar))  # type: ignore[arg-type]
    assert str(np.asarray(triangle.dates)[0]) == starts
    assert triangle.frequency == 52
    assert triangle.latest()[0, :2].tolist() == counts
    assert triangle.reported[0, 0, :2].tolist() == [0, 3]


def test_new_and_cumulative_counts_give_the_triangle_of_the_cases(linelist: Path, tmp_path: Path) -> None:
    want = read_triangle(linelist)
    rows = [(0, 0, 1), (0, 2, 1), (1, 2, 1), (2, 8, 1)]
    new = written(
        tmp_path / "n.csv", "reference_date,report_date,count", *(f"{day(r)},{day(p)},{n}" for r, p, n in rows)
    )
    assert np.array_equal(read_triangle(new).reported, want.reported, equal_nan=True)
    size, width = want.reported.shape[1:]
    known = [(t, d) for t in range(size) for d in range(width) if t + d < size]
    lines = [f"{day(t)},{day(t + d)},{want.reported[0, t, d]:g}" for t, d in known]
    cumulative = written(tmp_path / "k.csv", "reference_date,report_date,cumulative", *lines)
    assert np.array_equal(read_triangle(cumulative).reported, want.reported, equal_nan=True)


def test_a_missing_report_is_missing(tmp_path: Path) -> None:
    lines = [f"{day(0)},{day(0)},1", f"{day(0)},{day(2)},4", f"{day(2)},{day(2)},1"]
    triangle = read_triangle(written(tmp_path / "k.csv", "reference,report,cumulative", *lines))
    assert np.array_equal(triangle.reported[0, 0], [1, np.nan, 4], equal_nan=True)
    assert np.isnan(triangle.latest()[0, 1])


def test_corrections_are_an_error_or_taken_back(tmp_path: Path) -> None:
    lines = [f"{day(0)},{day(n)},{count}" for n, count in enumerate((3, 5, 2, 4))]
    path = written(tmp_path / "k.csv", "reference,report,cumulative", *lines)
    with pytest.raises(InputError, match=r"of 2024-01-01, 3 cases were known after 0 days, and only 2 later"):
        read_triangle(path)
    triangle = read_triangle(path, TriangleRules(revisions="take-back"))
    assert triangle.reported[0, 0].tolist() == [2, 2, 2, 4]
    assert triangle.dropped[0].rows == 2
    new = [f"{day(0)},{day(n)},{count}" for n, count in enumerate((3, 2, -3, 2))]
    again = written(tmp_path / "n.csv", "reference,report,count", *new)
    assert read_triangle(again, TriangleRules(revisions="take-back")).reported[0, 0].tolist() == [2, 2, 2, 4]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("onset,x", "2024-01-01,1"), "has no column of the report date. Name it, e.g. report=my_column"),
        (("onset,report", "2024-01-01,yesterday"), "column 'report' row 2: 'yesterday' is no period"),
        (("onset,report", "2024-01-05,2024-01-01"), "has no row with column 'onset' and column 'report' that counts"),
        (("onset,report", "1024-01-05,2024-01-01"), "at most 100,000 are taken. Look for a wrong date"),
        (
            ("onset,report,count", "2024-01-01,2024-01-01,-1"),
            "at t=1 has -1 cases after 0 periods, fewer than before or no count",
        ),
        (("onset,report,count", "2024-01-01,2024-01-01,"), "row 2 holds nothing; a count is needed"),
        (("onset,report,count,cumulative", "2024-01-01,2024-01-01,1,1"), "has new and cumulative counts"),
        (("onset,report,cumulative", *["2024-01-01,2024-01-02,1"] * 2), "rows 2 and 3 both give the cases of one"),
        (("onset,report,patient_name", "2024-01-01,2024-01-02,X"), "names or other identifiers of persons"),
    ],
)
def test_what_cannot_be_read_is_an_error(tmp_path: Path, lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError) as error:
        read_triangle(written(tmp_path / "x.csv", *lines))
    assert message in str(error.value)


@pytest.mark.parametrize(
    "rules", [{"period": "month"}, {"max_delay": 0}, {"revisions": "ignore"}, {"calendar": "Gregorian"}]
)
def test_rules_are_checked(rules: dict[str, object]) -> None:
    with pytest.raises(InputError):
        TriangleRules(**rules)  # type: ignore[arg-type]


Cases = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20)), min_size=1, max_size=60)


@given(cases=Cases, cut=st.integers(0, 50))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_as_of_is_what_a_file_of_that_day_would_have_given(
    tmp_path: Path, cases: list[tuple[int, int]], cut: int
) -> None:
    path = written(tmp_path / "f.csv", "onset,report", *(f"{day(o)},{day(o + d)}" for o, d in cases))
    whole = read_triangle(path)
    assert whole.latest().sum() == len(cases)
    first = min(o for o, _ in cases)
    t = min(cut, len(whole.t) - 1) + 1
    early = [(o, d) for o, d in cases if o + d <= first + t - 1]
    then = whole.as_of(t)
    assert then.latest().sum() == len(early)
    if early:
        read = read_triangle(path, TriangleRules(last=FIRST + timedelta(days=first + t - 1)))
        shift = min(o for o, _ in early) - first
        width = read.reported.shape[2]
        assert np.array_equal(then.reported[:, shift:, :width], read.reported, equal_nan=True)


@given(st.lists(st.lists(st.sampled_from(["2024-01-01", "2024-01-09", "", "x", "31.01.2024", "-3", "1e9", "NA"]),
                         min_size=3, max_size=3), min_size=1, max_size=6))  # fmt: skip
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_gives_a_triangle_or_an_error(tmp_path: Path, rows: list[list[str]]) -> None:
    path = written(tmp_path / "f.csv", "onset,report,count", *(",".join(row) for row in rows))
    try:
        triangle = read_triangle(path)
    except InputError:
        return
    assert np.nansum(triangle.latest()) >= 0


def seen(start: int, counts: list[float], step: int = 7) -> Observations:
    values = np.array([counts], dtype=float)
    dates = np.datetime64(day(start)) + step * np.arange(len(counts))
    return Observations(pl.DataFrame({"series": ["x"]}), np.arange(1, len(counts) + 1), values, values, dates,
                        52 if step == 7 else 365)  # fmt: skip


def test_snapshots_become_a_triangle() -> None:
    snapshots = {FIRST + timedelta(days=9): seen(0, [5, 1]), FIRST + timedelta(days=24): seen(0, [7, 4, 6, 2])}
    triangle = triangle_from_snapshots(snapshots)
    assert triangle.frequency == 52
    want = [[np.nan, 5, np.nan, 7], [1, np.nan, 4, np.nan], [np.nan, 6, np.nan, np.nan], [2, np.nan, np.nan, np.nan]]
    assert np.array_equal(triangle.reported[0], want, equal_nan=True)


@pytest.mark.parametrize(
    ("snapshots", "message"),
    [
        ({}, "there are no snapshots"),
        ({FIRST: seen(0, [1, 1])}, "has a count of 2024-01-08, after its publication"),
        ({FIRST + timedelta(days=9): seen(0, [5, 1]), FIRST + timedelta(days=15): seen(0, [4, 1])}, "and only 4 later"),
        ({FIRST + timedelta(days=9): seen(0, [5]), FIRST + timedelta(days=15): seen(1, [4])}, "begin on another day"),
        ({FIRST + timedelta(days=9): seen(0, [5]), FIRST + timedelta(days=15): seen(1, [4], 1)}, "some snapshots have"),
    ],
)
def test_snapshots_that_do_not_fit_are_an_error(snapshots: dict[date, Observations], message: str) -> None:
    with pytest.raises(InputError) as error:
        triangle_from_snapshots(snapshots)
    assert message in str(error.value)


def test_the_name_of_a_snapshot_tells_its_date() -> None:
    assert snapshot_date(Path("2024-01-31_rates.csv")) == date(2024, 1, 31)
    for name in ("rates.csv", "2024-13-01.csv", "2024-01-01_2024-02-01.csv"):
        with pytest.raises(InputError, match="does not tell when it was published"):
            snapshot_date(Path(name))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([[1.0, 0.0], [1.0, np.nan]], "reports only add cases"),
        ([[1.0, 1.0], [1.0, 2.0]], "after the last period"),
        ([[-1.0, 1.0], [1.0, np.nan]], "reports only add cases"),
    ],
)
def test_a_triangle_refuses_what_it_cannot_be(cells: list[list[float]], message: str) -> None:
    with pytest.raises(InputError) as error:
        Triangle(pl.DataFrame({"series": ["x"]}), np.array([1, 2]), np.array([cells]))
    assert message in str(error.value)
