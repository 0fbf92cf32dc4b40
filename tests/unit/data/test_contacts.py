"""Contact matrices: the 17th age group and reciprocity."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from mamori.data.contacts import make_reciprocal, split_75_and_over

MATRICES = arrays(np.float64, (4, 17, 17), elements=st.floats(0, 50))
PEOPLE = arrays(np.float64, 17, elements=st.just(0.0) | st.floats(1e-3, 1e8))


def test_the_oldest_row_is_copied_and_the_oldest_column_split_by_people() -> None:
    contacts = np.arange(4 * 16 * 16, dtype=np.float64).reshape(4, 16, 16)
    people = np.ones(17)
    people[15], people[16] = 3.0, 1.0
    split = split_75_and_over(contacts, people)
    assert split.shape == (4, 17, 17)
    assert_allclose(split[:, 16], split[:, 15])
    assert_allclose(split[:, :16, 15], 0.75 * contacts[:, :, 15])
    assert_allclose(split[:, :16, 16], 0.25 * contacts[:, :, 15])
    assert_allclose(split.sum(-1)[:, :16], contacts.sum(-1))


def test_a_place_without_people_over_75_has_no_contacts_with_them() -> None:
    people = np.ones(17)
    people[15:] = 0.0
    split = split_75_and_over(np.ones((4, 16, 16)), people)
    assert np.isfinite(split).all()
    assert_allclose(make_reciprocal(split, people)[:, :, 15:], 0.0)


@settings(max_examples=50)
@given(MATRICES, PEOPLE)
def test_contacts_become_reciprocal(contacts: np.ndarray, people: np.ndarray) -> None:
    total = make_reciprocal(contacts, people) * people[:, None]
    assert_allclose(total, np.swapaxes(total, -1, -2), rtol=1e-12, atol=1e-300)


@settings(max_examples=50)
@given(MATRICES, arrays(np.float64, 17, elements=st.floats(1, 1e8)))
def test_reciprocity_keeps_all_contacts_and_changes_nothing_twice(contacts: np.ndarray, people: np.ndarray) -> None:
    once = make_reciprocal(contacts, people)
    assert_allclose(
        (once * people[:, None]).sum((1, 2)), (contacts * people[:, None]).sum((1, 2)), rtol=1e-9, atol=1e-9
    )
    assert_allclose(make_reciprocal(once, people), once, rtol=1e-9, atol=1e-12)
