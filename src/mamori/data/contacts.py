"""Contact matrices: from 16 to 17 age groups, and reciprocal for the people who live there. Arrays only."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SETTINGS: tuple[str, ...] = ("home", "work", "school", "community")


def split_75_and_over(contacts: Floats, people: Floats) -> Floats:
    """Return contacts (..., settings, 17, 17) from matrices (..., settings, 16, 16) whose last age is 75+.

    `people` (..., 17) are those who live there. The 17th row (persons of 80+) is a copy of the 16th; the 16th
    column (contacts with persons of 75+) is split between 75-79 and 80+ by their people (squire 0.7.1,
    process_contact_matrix_scaled_age).
    """
    rows = np.concatenate([contacts, contacts[..., -1:, :]], axis=-2)
    over_75 = people[..., 15] + people[..., 16]
    over_80 = np.divide(people[..., 16], over_75, out=np.zeros_like(over_75), where=over_75 > 0)
    share = np.stack([1 - over_80, over_80], axis=-1)[..., None, None, :]
    return np.concatenate([rows[..., :-1], rows[..., -1:] * share], axis=-1)


def make_reciprocal(contacts: Floats, people: Floats) -> Floats:
    """Return contacts (..., settings, 17, 17) such that N_i c_ij = N_j c_ji in each setting.

    All contacts between two age groups, T_ij = c_ij N_i, are replaced by (T_ij + T_ji) / 2 and divided by
    N_i, the `people` (..., 17) who live there. An age without people has no contacts, and nobody has any with
    it.
    """
    number = people[..., None, :, None]
    total = contacts * number * (people > 0)[..., None, None, :]
    total = (total + np.swapaxes(total, -1, -2)) / 2
    return np.divide(total, number, out=np.zeros_like(total), where=number > 0)
