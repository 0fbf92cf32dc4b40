import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.data.adapters import _lookup
from mamori.data.adapters._lookup import Lookup


@pytest.mark.parametrize("bits", [1, 21])
@given(names=st.lists(st.text(max_size=8), min_size=1, max_size=40, unique=True), seed=st.integers(0, 99))
def test_texts_are_found_also_where_hashes_share_a_slot(names: list[str], seed: int, bits: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_lookup, "_SLOT_BITS", bits)
        patch.setattr(_lookup, "_SLOT_SHIFT", np.uint64(64 - bits))
        lookup = Lookup(pl.DataFrame({"name": names, "at": np.arange(len(names))}))
        rows = np.random.default_rng(seed).integers(0, len(names), 100)
        assert (lookup(pl.DataFrame({"name": pl.Series(names).gather(rows)})) == rows).all()


@pytest.mark.parametrize("spread", [1, 10**9])
def test_whole_numbers_are_found_near_and_far(spread: int) -> None:
    keys = np.array([5, -3, 8, 0]) * spread
    lookup = Lookup(pl.DataFrame({"key": keys, "at": np.arange(4)}))
    assert lookup(pl.DataFrame({"key": keys[[3, 0, 0, 1]]})).tolist() == [3, 0, 0, 1]


def test_pairs_with_empty_parts_are_found() -> None:
    places = pl.DataFrame({"a": ["x", "x", None], "b": ["1", None, "1"], "at": [0, 1, 2]})
    assert Lookup(places)(pl.DataFrame({"a": [None, "x"], "b": ["1", None]})).tolist() == [2, 1]
