"""Each event is reported once in a hierarchy, and sums upwards never pass over what is missing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.surveillance.hierarchy import Fold, aggregate, fold_alarms, read_hierarchy

# A country of two provinces, North with three districts and South with two.
NAMES = ["country", "north", "south", "n1", "n2", "n3", "s1", "s2"]
PARENTS = {"north": "country", "south": "country"} | dict.fromkeys(("n1", "n2", "n3"), "north")
PARENTS |= {"s1": "south", "s2": "south"}


def _fold(excess: Mapping[str, float], share: float = 0.8, **margins: float) -> dict[str, str]:
    """Fold one period in which the series of `excess` alarm: where each is reported."""
    alarm = np.array([[name in excess] for name in NAMES])
    amounts = np.array([[excess.get(name, 0.0)] for name in NAMES])
    margin = np.array([[margins.get(name, np.nan)] for name in NAMES])
    found = fold_alarms(NAMES, alarm, amounts, PARENTS, margin=margin, explaining_share=share)
    assert ((found.fold > 0) == alarm).all()
    assert ((found.into >= 0) == (found.fold >= Fold.IN_PARENT)).all()
    under = dict(zip(NAMES, found.into[:, 0], strict=True))
    return {name: NAMES[under[name]] if under[name] >= 0 else name for name in excess}


@pytest.mark.parametrize(
    ("excess", "reported_under"),
    [
        # One district explains all above it.
        ({"country": 100, "north": 98, "n1": 95}, {"country": "n1", "north": "n1", "n1": "n1"}),
        # Exactly 80 % explains, a little less does not.
        ({"north": 100, "n1": 80}, {"north": "n1", "n1": "n1"}),
        ({"north": 100, "n1": 79.9}, {"north": "north", "n1": "north"}),
        # Several districts together are their province.
        ({"north": 100, "n1": 50, "n2": 40}, dict.fromkeys(("north", "n1", "n2"), "north")),
        # Both provinces: the country, and everything within it.
        (
            {"country": 100, "north": 50, "south": 50, "n1": 50, "s1": 30, "s2": 20},
            dict.fromkeys(("country", "north", "south", "n1", "s1", "s2"), "country"),
        ),
        # One province of several districts is the country's alarm; the small other district stands for itself.
        (
            {"country": 100, "north": 90, "n1": 50, "n2": 40, "s1": 9},
            {"country": "north", "north": "north", "n1": "north", "n2": "north", "s1": "s1"},
        ),
        # A province without an alarm of its own does not break the line.
        ({"country": 100, "n1": 85}, {"country": "n1", "n1": "n1"}),
        ({"country": 100, "n1": 45, "s1": 45}, dict.fromkeys(("country", "n1", "s1"), "country")),
        # No alarm above: each stands for itself.
        ({"n1": 10, "n2": 10, "s1": 5}, {"n1": "n1", "n2": "n2", "s1": "s1"}),
        ({"country": 30}, {"country": "country"}),
        # Elsewhere fewer than expected: the districts exceed their province.
        ({"north": 100, "n1": 130, "n2": 110}, dict.fromkeys(("north", "n1", "n2"), "north")),
        ({"north": 100, "n1": 130, "n2": 20}, {"north": "n1", "n1": "n1", "n2": "n2"}),
        # Without an excess an alarm explains nothing and is explained by nothing.
        ({"country": -2.0, "north": 10, "n1": 9}, {"country": "country", "north": "n1", "n1": "n1"}),
        ({"north": 10, "n1": np.nan, "n2": 9}, {"north": "n2", "n1": "n1", "n2": "n2"}),
        ({"country": 100, "north": 0.0, "n1": 90}, {"country": "n1", "north": "north", "n1": "n1"}),
    ],
)
def test_worked_cases(excess: dict[str, float], reported_under: dict[str, str]) -> None:
    assert _fold(excess) == reported_under


def test_where_the_bound_is_known_what_is_left_without_the_alarms_below_decides() -> None:
    # 60 of 100: what is left, 40, gives an alarm or not.
    assert _fold({"north": 100, "n1": 60}, north=40) == {"north": "n1", "n1": "n1"}
    assert _fold({"north": 100, "n1": 60}, north=39.9) == {"north": "north", "n1": "north"}
    # 30 and 3 of 50: what is left, 17, is chance; the larger has 91 % of what is not.
    assert _fold({"north": 50, "n1": 30, "n2": 3}, north=20) == {"north": "n1", "n1": "n1", "n2": "n2"}
    assert _fold({"north": 50, "n1": 30, "n2": 20}, north=20) == dict.fromkeys(("north", "n1", "n2"), "north")
    # What is left would give no alarm, but most of the rise is elsewhere.
    assert _fold({"north": 50, "n1": 24.9}, north=40) == {"north": "north", "n1": "north"}
    assert _fold({"north": 50, "n1": 25}, north=40) == {"north": "n1", "n1": "n1"}


def test_the_share_that_explains_can_be_chosen() -> None:
    excess = {"north": 100.0, "n1": 60.0}
    assert _fold(excess, share=0.5)["north"] == "n1"
    assert _fold(excess, share=1.0)["n1"] == "north"


def test_codes_say_up_or_down_and_periods_stand_alone() -> None:
    alarm = np.array([[True, True, False], [True, False, False], [True, True, True]])
    excess = np.array([[10.0, 10.0, 50.0], [9.0, 9.0, 50.0], [2.0, 4.0, 1.0]])
    found = fold_alarms(["all", "young", "old"], alarm, excess, {"young": "all", "old": "all"})
    assert found.fold.tolist() == [
        [Fold.IN_CHILD, Fold.REPORTED, Fold.NO_ALARM],
        [Fold.REPORTED, Fold.NO_ALARM, Fold.NO_ALARM],
        [Fold.REPORTED, Fold.IN_PARENT, Fold.REPORTED],
    ]
    assert found.into.tolist() == [[1, -1, -1], [-1, -1, -1], [-1, 0, -1]]


def _line(row: int, parent: Sequence[int]) -> list[int]:
    """The series and all above it."""
    found = [row]
    while parent[found[-1]] >= 0:
        found.append(parent[found[-1]])
    return found


def _by_recursion(
    row: int, alarms: set[int], excess: Sequence[float], margin: Sequence[float], parent: Sequence[int]
) -> dict[int, int]:
    """The same rule written from the top down, series by series."""

    def within(top: int) -> list[int]:
        return [other for other in alarms if other != top and top in _line(other, parent)]

    inside = within(row)
    next_below = [other for other in inside if not any(other in within(between) for between in inside)]
    together = sum(excess[other] for other in next_below)
    if margin[row] >= 0:
        enough = excess[row] <= min(2 * together, together + margin[row])
    else:
        enough = together >= 0.8 * excess[row]
    best = max(next_below, key=lambda other: excess[other], default=None)
    if best is None or not enough or excess[best] < 0.8 * together:
        return dict.fromkeys([row, *inside], row)
    result: dict[int, int] = {}
    for other in next_below:
        result |= _by_recursion(other, alarms, excess, margin, parent)
    return result | {row: result[best]}


Forest = tuple[list[int], list[bool], list[float], list[float]]


@st.composite
def _forests(draw: st.DrawFn) -> Forest:
    """Up to nine series in any order: the row of each one's parent, its alarm, excess (all different) and margin."""
    size = draw(st.integers(1, 9))
    place = draw(st.permutations(range(size)))
    parent = [-1] * size
    for row in range(1, size):
        above = draw(st.integers(-1, row - 1))
        parent[place[row]] = place[above] if above >= 0 else -1
    alarm = draw(st.lists(st.booleans() | st.just(True), min_size=size, max_size=size))
    amounts = st.sampled_from([1.0, 2.0, 4.0, 5.0, 8.0, 10.0, 20.0, 25.0, 40.0, 50.0, 100.0, 110.0])
    excess = draw(st.lists(amounts, min_size=size, max_size=size, unique=True))
    margin = draw(st.lists(st.sampled_from([np.nan, 0.0, 3.0, 10.0, 40.0]), min_size=size, max_size=size))
    return parent, alarm, excess, margin


@given(_forests())
def test_any_forest_is_folded_as_the_rule_says(forest: Forest) -> None:
    parent, alarm, excess, margin = forest
    alarms = {row for row, alarming in enumerate(alarm) if alarming}
    expected: dict[int, int] = {}
    for row in alarms:
        if not any(above in alarms for above in _line(row, parent)[1:]):
            expected |= _by_recursion(row, alarms, excess, margin, parent)
    names = [f"series {row}" for row in range(len(parent))]
    parents = {names[row]: names[above] for row, above in enumerate(parent) if above >= 0}
    alarms_given, *amounts = (np.array(values)[:, None] for values in (alarm, excess, margin))
    found = fold_alarms(names, alarms_given, amounts[0], parents, margin=amounts[1])
    reported = {row: row if found.into[row, 0] < 0 else int(found.into[row, 0]) for row in alarms}
    assert reported == expected
    for row, report in reported.items():
        above, below = report in _line(row, parent)[1:], row in _line(report, parent)[1:]
        code = Fold.IN_PARENT if above else Fold.IN_CHILD if below else Fold.REPORTED
        assert found.fold[row, 0] == code
        assert found.fold[report, 0] == Fold.REPORTED


@pytest.mark.parametrize(
    ("parents", "message"),
    [
        ({"n1": "nroth"}, "puts 'n1' into 'nroth', but there is no series 'nroth'. Did you mean 'north'?"),
        ({"n9": "north"}, "there is no series 'n9'."),
        ({"n1": "n1"}, "goes round in a circle: 'n1' in 'n1'. Remove"),
        (
            {"s1": "n1", "n1": "n2", "n2": "n3", "n3": "n1"},
            "goes round in a circle: 'n1' in 'n2' in 'n3' in 'n1'.",
        ),
    ],
)
def test_a_hierarchy_that_cannot_be_is_refused(parents: dict[str, str], message: str) -> None:
    nothing = np.zeros((len(NAMES), 1))
    with pytest.raises(InputError) as error:
        fold_alarms(NAMES, nothing > 0, nothing, parents)
    assert message in str(error.value)


def test_shapes_and_shares_are_checked() -> None:
    nothing = np.zeros((len(NAMES), 1))
    with pytest.raises(InputError, match="each must be series by periods"):
        fold_alarms(NAMES[:3], nothing > 0, nothing, {})
    with pytest.raises(InputError, match="each must be series by periods"):
        fold_alarms(NAMES, nothing > 0, np.zeros((len(NAMES), 2)), {})
    with pytest.raises(InputError, match="each must be series by periods"):
        fold_alarms(NAMES, nothing > 0, nothing, {}, margin=np.zeros((len(NAMES), 2)))
    for share in (0.0, 1.1, np.nan):
        with pytest.raises(InputError, match="explaining_share is"):
            fold_alarms(NAMES, nothing > 0, nothing, {}, explaining_share=share)


def _observations(**arrays: np.ndarray) -> Observations:
    counts = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, np.nan], [100.0, 200.0, 300.0], [5.0, 5.0, 5.0]])
    series = pl.DataFrame(
        {
            "series": ["n1", "n2", "s1", "alone"],
            "host": ["human", "human", "animal", "human"],
            "signal": ["cases"] * 4,
            "latitude": [1.0, 2.0, 3.0, 4.0],
        }
    )
    given_arrays: dict[str, Any] = {"counts": counts, "history": counts.copy()} | arrays
    return Observations(series=series, t=np.arange(1, 4), **given_arrays)


def test_parents_without_counts_are_the_sums_of_their_children_and_missing_is_not_zero() -> None:
    history = np.array([[np.nan, 2.0, 3.0], [10.0, 20.0, 30.0], [100.0, 200.0, 300.0], [5.0, 5.0, 5.0]])
    weights = np.array([[1.0, 0.5, 1.0], [0.2, 1.0, 1.0], [1.0, 1.0, 0.1], [1.0, 1.0, 1.0]])
    given_data = _observations(history=history, weights=weights, denominator=np.full((4, 3), 1000.0))
    found = aggregate(given_data, {"n1": "north", "n2": "north", "north": "country", "s1": "country"})
    assert found.names == ["n1", "n2", "s1", "alone", "north", "country"]
    np.testing.assert_array_equal(found.counts[:4], given_data.counts)
    np.testing.assert_array_equal(found.counts[4:], [[11, 22, np.nan], [111, 222, np.nan]])
    np.testing.assert_array_equal(found.history[4:], [[np.nan, 22, 33], [np.nan, 222, 333]])
    assert found.weights is not None
    np.testing.assert_array_equal(found.weights[4:], [[0.2, 0.5, 1.0], [0.2, 0.5, 0.1]])
    assert found.denominator is not None
    np.testing.assert_array_equal(found.denominator[4:], [[2000.0] * 3, [3000.0] * 3])
    added = found.series.tail(2)
    assert added["host"].to_list() == ["human", None]
    assert added["signal"].to_list() == ["cases", "cases"]
    assert added["latitude"].to_list() == [None, None]
    assert found.series.head(4).equals(given_data.series)


def test_a_parent_with_counts_keeps_them() -> None:
    given_data = _observations()
    found = aggregate(given_data, {"n1": "alone", "n2": "alone"})
    assert found is given_data
    mixed = aggregate(given_data, {"n1": "alone", "alone": "top"})
    np.testing.assert_array_equal(mixed.counts[4], mixed.counts[3])


def test_a_name_without_counts_or_children_and_a_circle_of_sums_are_refused() -> None:
    with pytest.raises(InputError, match="puts 'n9' into 'north', but there is no series 'n9'"):
        aggregate(_observations(), {"n1": "north", "n9": "north"})
    with pytest.raises(InputError, match="goes round in a circle"):
        aggregate(_observations(), {"n1": "a", "a": "b", "b": "a"})


def test_a_hierarchy_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "hierarchy.csv"
    path.write_text("series,parent\nn1,north\nn2,north\nnorth,country\ncountry,\n")
    assert read_hierarchy(path) == {"n1": "north", "n2": "north", "north": "country"}
    path.write_text("series,parent\nn1,north\nn1,south\n")
    with pytest.raises(InputError, match="series 'n1' stands in row 2 and in row 3; a series has one parent"):
        read_hierarchy(path)
