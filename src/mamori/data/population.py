"""People by age in any year, and the years of life that remain: arrays only, no file and no frame."""

import numpy as np
from numpy.typing import NDArray

from mamori.core.errors import InputError

Floats = NDArray[np.float64]

FIRST_YEAR, LAST_YEAR = 2000, 2100
GROUPS = 17
_PANDEMIC_YEAR = 2020
_NOBODY = 1e-9  # persons: an age with nobody of either sex takes the plain mean of the sexes


def check_year(year: int) -> None:
    """Raise `InputError` for a year that the world cannot be made for."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise InputError(f"year is {year}; it must be >= {FIRST_YEAR} and <= {LAST_YEAR}. Choose a year in between")


def decades_around(year: int) -> tuple[int, int]:
    """Return the multiples of ten at or before, and after, `year`; 2100 counts as the end of its decade."""
    first = min(year // 10 * 10, LAST_YEAR - 10)
    return first, first + 10


def mortality_decades(year: int) -> tuple[int, int]:
    """Return the two years whose mortality brackets `year`, passing over the pandemic year 2020.

    The rates of 2020 hold deaths of COVID-19; a life table made with them would undervalue the years that
    people of ordinary times lose.
    """
    if _PANDEMIC_YEAR - 10 < year < _PANDEMIC_YEAR + 10:
        return _PANDEMIC_YEAR - 10, _PANDEMIC_YEAR + 10
    return decades_around(year)


def collapse_to_17(people: Floats) -> Floats:
    """Return people (..., 21 ages 0-4 ... 100+) in the 17 groups 0-4 ... 80+."""
    return np.concatenate([people[..., :16], people[..., 16:].sum(-1, keepdims=True)], axis=-1)


def both_sexes(mortality: Floats, people: Floats) -> Floats:
    """Return the death rates of both sexes together.

    `mortality` (..., 2, 22 ages 0, 1, 5 ... 100+) per person-year; `people` (..., 2, 21 ages 0-4 ... 100+)
    weigh the sexes.
    """
    weights = np.concatenate([people[..., :1], people], axis=-1) + _NOBODY
    rates: Floats = (mortality * weights).sum(-2) / weights.sum(-2)
    return rates


def people_in_year(first: Floats, last: Floats, mortality: Floats, years_after_first: float) -> Floats:
    """Return people (..., 21 ages) between two counts ten years apart.

    `first`, `last` (..., 21 ages 0-4 ... 100+) are the counts; `mortality` (..., 22 ages 0, 1, 5 ... 100+) is
    the mean death rate of the decade; `years_after_first` lies in 0..10.

    A cohort is followed: those aged a in mid-decade were aged a-5 at its start and are a+5 at its end. With
    H_a the hazard of death summed over five years from age group a on,

    N_a = sqrt(N_(a-5)(start) N_(a+5)(end)) exp((H_a - H_(a-5)) / 2),

    which is the survival from the start times half of what migration has added, as a factor. Those under 5
    are the 5-9-year-olds of the end, brought back through their deaths; those of 95 and over the mean of
    both counts. Between the start, mid-decade and the end every age group is interpolated linearly.
    """
    hazard = _five_year_hazard(mortality)
    middle = (first + last) / 2
    middle[..., 0] = last[..., 1] * np.exp(hazard[..., 0])
    middle[..., 1:19] = np.sqrt(first[..., :18] * last[..., 2:20]) * np.exp((hazard[..., 1:19] - hazard[..., :18]) / 2)
    share = years_after_first / 5
    return (1 - share) * first + share * middle if share <= 1 else (2 - share) * middle + (share - 1) * last


def _five_year_hazard(mortality: Floats) -> Floats:
    """Deaths per person over the next five years, for people spread evenly over each group 0-4 ... 95-99.

    Of the five years to come, people of 0-4 spend on average 0.1 under age 1, 2.4 at 1-4 and 2.5 at 5-9;
    the others 2.5 in their own group and 2.5 in the next.
    """
    infants, toddlers, older = mortality[..., :1], mortality[..., 1:2], mortality[..., 2:]
    children = 0.1 * infants + 2.4 * toddlers + 2.5 * older[..., :1]
    return np.concatenate([children, 2.5 * (older[..., :-1] + older[..., 1:])], axis=-1)


def interpolate_rates(first: Floats, last: Floats, share: float) -> Floats:
    """Return death rates between two years, geometrically: log m = (1 - share) log m1 + share log m2."""
    result: Floats = np.exp((1 - share) * np.log(first) + share * np.log(last))
    return result


def remaining_life(mortality: Floats, people: Floats) -> Floats:
    """Return the remaining years of life (..., 17) at the middle of each age group.

    `mortality` (..., 22 ages 0, 1, 5 ... 100+) per person-year, `people` (..., 21 ages 0-4 ... 100+). An
    abridged period life table: q = n m / (1 + (n - a) m) with those who die living half of a five-year
    interval (1.5 of the four years from 1 to 4), e at 100 = 1/m; e in the middle of a group is interpolated
    between its ends; 80+ is the mean over its five-year groups, weighted by their people (Preston, Heuveline
    and Guillot 2001, Demography, chapter 3).
    """
    rates = mortality[..., 1:]
    width = np.array([4.0] + [5.0] * 19)
    lived_by_dying = np.array([1.5] + [2.5] * 19)
    closed = rates[..., :-1]
    dying = np.minimum(width * closed / (1 + (width - lived_by_dying) * closed), 1.0)
    expectation = np.empty_like(rates)
    expectation[..., -1] = 1 / rates[..., -1]
    for age in range(width.size - 1, -1, -1):
        survive = 1 - dying[..., age]
        expectation[..., age] = survive * (width[age] + expectation[..., age + 1]) + (
            dying[..., age] * lived_by_dying[age]
        )
    middles = np.empty(expectation.shape)
    # 2.5 is 1.5 years into the four from 1 to 5
    middles[..., 0] = expectation[..., 0] + (expectation[..., 1] - expectation[..., 0]) * 1.5 / 4
    middles[..., 1:-1] = (expectation[..., 1:-1] + expectation[..., 2:]) / 2
    middles[..., -1] = expectation[..., -1]
    old = people[..., 16:]
    over_80 = (middles[..., 16:] * old).sum(-1, keepdims=True) / old.sum(-1, keepdims=True)
    return np.concatenate([middles[..., :16], over_80], axis=-1)


def median_age(people: Floats) -> Floats:
    """Return the age (...) that half of `people` (..., 17) have not reached; 80+ is taken to end at 100."""
    edges = np.append(np.arange(0.0, 85.0, 5.0), 100.0)
    below = np.concatenate([np.zeros((*people.shape[:-1], 1)), people.cumsum(-1)], axis=-1)
    half = below[..., -1:] / 2
    group = np.minimum((below[..., 1:] < half).sum(-1, keepdims=True), GROUPS - 1)
    start = np.take_along_axis(below, group, -1)
    share = (half - start) / np.take_along_axis(people, group, -1)
    found: Floats = (edges[group] + share * np.diff(edges)[group])[..., 0]
    return found


def rake_to_bands(people: Floats, reference: Floats, bands: tuple[tuple[int, int, float], ...]) -> Floats:
    """Return people (21 ages) with each broad band multiplied by the ratio of its share to the reference's.

    `bands` are (first age, last age, share of all people); `reference` (21 ages) are the people whose shares
    they stand against.
    """
    starts = np.arange(0, 105, 5)
    raked = people.copy()
    for first, last, share in bands:
        in_band = (starts >= first) & (starts <= last)
        raked[in_band] *= share * reference.sum() / reference[in_band].sum()
    return raked
