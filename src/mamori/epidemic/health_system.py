"""Beds that an outbreak can use: those free of other patients, staffed, added in a surge, pooled in a region.

Pure functions over arrays that broadcast to (D, P), draws x places. Equations: docs/methods/interventions.md.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mamori.core.errors import InputError, did_you_mean
from mamori.epidemic._checks import check_not_negative, check_share

FloatArray = NDArray[np.float64]


def free_beds(beds: ArrayLike, occupied_share: ArrayLike, deferrable_share: ArrayLike = 0.0) -> FloatArray:
    """Return the beds left for the outbreak, beds x (1 - occupied x (1 - deferrable)).

    `occupied_share` of the beds is taken by other patients, of whom `deferrable_share` can wait.
    Raises `InputError` for negative beds or shares outside [0, 1].
    """
    check_not_negative("beds", beds)
    check_share("share of beds occupied by other patients", occupied_share)
    check_share("share of other patients who can wait", deferrable_share)
    return np.asarray(beds, float) * (1.0 - np.asarray(occupied_share) * (1.0 - np.asarray(deferrable_share)))


def absent_share(prevalence: ArrayLike, relative_risk: float = 1.0) -> FloatArray:
    """Return the share of staff absent by illness, min(1, prevalence x relative risk).

    `prevalence` is the infectious share of the population.
    Raises `InputError` for a negative prevalence or risk.
    """
    check_not_negative("prevalence", prevalence)
    check_not_negative("relative risk of staff", relative_risk)
    return np.minimum(1.0, np.asarray(prevalence, float) * relative_risk)


def staffed_beds(beds: ArrayLike, staff: ArrayLike, beds_per_staff: float, absent: ArrayLike = 0.0) -> FloatArray:
    """Return the beds that have staff, min(beds, staff x (1 - absent) x beds per member of staff).

    Raises `InputError` for a negative number or an `absent` share outside [0, 1].
    """
    check_not_negative("beds", beds)
    check_not_negative("staff", staff)
    check_not_negative("beds per member of staff", beds_per_staff)
    check_share("share of staff absent", absent)
    served = np.asarray(staff, float) * (1.0 - np.asarray(absent)) * beds_per_staff
    return np.asarray(np.minimum(np.asarray(beds, float), served))


@dataclass(frozen=True)
class Surge:
    """Beds added from start_day on, growing in a straight line over ramp_days to `added_share` of the beds.

    France added 95 % to its intensive-care beds in spring 2020 (PMC7534597).
    Raises `InputError` for a negative number.
    """

    added_share: float
    start_day: int
    ramp_days: int = 0

    def __post_init__(self) -> None:
        check_not_negative("added_share of a surge", self.added_share)
        check_not_negative("start_day of a surge", self.start_day)
        check_not_negative("ramp_days of a surge", self.ramp_days)

    def factor(self, day: int) -> float:
        """Return the factor on the beds on `day`."""
        if day < self.start_day:
            return 1.0
        grown = 1.0 if self.ramp_days == 0 else min(1.0, (day - self.start_day) / self.ramp_days)
        return 1.0 + self.added_share * grown


def pool_beds(beds: ArrayLike, demand: ArrayLike, groups: NDArray[np.int64], shared: float = 1.0) -> FloatArray:
    """Return each place's beds after a group of places lends what it can spare to those that lack beds.

    `beds` and `demand` broadcast to (D, P); `groups` (P,) numbers the group of each place; places lend at
    most `shared` of what they do not need. Lent beds go to the lacking places in proportion to what they
    lack, so that

    * nobody serves fewer than alone: beds'_p >= min(beds_p, demand_p);
    * no group serves more than one perfect pool: the beds of a group stay the same in sum.

    Raises `InputError` for negative numbers or a share outside [0, 1].
    """
    check_not_negative("beds", beds)
    check_not_negative("demand for beds", demand)
    check_share("share of spare beds that is lent", shared)
    beds, demand = np.broadcast_arrays(np.asarray(beds, float), np.asarray(demand, float))
    spare = shared * np.maximum(beds - demand, 0.0)
    lack = np.maximum(demand - beds, 0.0)
    member = (groups[:, None] == np.unique(groups)).astype(float)
    group_spare, group_lack = spare @ member, lack @ member
    moved = np.minimum(group_spare, group_lack)
    lent = np.divide(moved, group_spare, out=np.zeros_like(moved), where=group_spare > 0) @ member.T
    received = np.divide(moved, group_lack, out=np.zeros_like(moved), where=group_lack > 0) @ member.T
    return np.asarray(beds - spare * lent + lack * received)


POOLS = ("region", "subregion")


@dataclass(frozen=True)
class Hospitals:
    """The beds that a simulation gives an outbreak.

    Without `limited` there is a bed for everybody. `occupied_share` of the beds is taken by other patients
    (None: the share of each place in the world's table), of whom `deferrable_share` can wait. Surges add ward
    and intensive-care beds. `staff_risk` is the staff's risk of illness relative to everybody's: the absent
    close beds (0: nobody is absent). Places of one `pool` ("region" or "subregion") lend each other
    `pool_share` of what they do not need. With `icu_fallback` those who find no intensive-care bed take a
    ward bed.

    Raises `InputError` for shares outside [0, 1], negative numbers, an unknown pool, and settings of beds
    without a limit.
    """

    limited: bool = True
    occupied_share: float | None = None
    deferrable_share: float = 0.0
    ward_surge: Surge | None = None
    icu_surge: Surge | None = None
    staff_risk: float = 0.0
    pool: str | None = None
    pool_share: float = 1.0
    icu_fallback: bool = False

    def __post_init__(self) -> None:
        if self.occupied_share is not None:
            check_share("share of beds occupied by other patients", self.occupied_share)
        check_share("share of other patients who can wait", self.deferrable_share)
        check_not_negative("relative risk of staff", self.staff_risk)
        check_share("share of spare beds that is lent", self.pool_share)
        if self.pool is not None and self.pool not in POOLS:
            raise InputError(f"pool '{self.pool}' is not known.{did_you_mean(self.pool, POOLS)} Choose {POOLS}")
        if not self.limited and replace(self, limited=True) != Hospitals():
            raise InputError("beds are without a limit, so that nothing else can be said of them. Drop one of the two")

    @property
    def looks_daily(self) -> bool:
        """Whether what happened yesterday decides about the beds of today."""
        return self.staff_risk > 0 or self.pool is not None

    def changes(self) -> set[int]:
        """Return the days on which the beds change by plan."""
        surges = [surge for surge in (self.ward_surge, self.icu_surge) if surge is not None]
        return {day for s in surges for day in range(s.start_day, s.start_day + s.ramp_days + 1)}

    def free(
        self, beds: FloatArray, occupied: FloatArray, surge: Surge | None, day: int, prevalence: FloatArray
    ) -> FloatArray:
        """Return the beds free for the outbreak on `day`.

        `beds` and `occupied` (P,) are the beds in ordinary times and the share that others take; `prevalence`
        broadcasts to (D, P). Other patients keep their beds when staff fall ill: the outbreak loses first.
        """
        if not self.limited:
            return np.full(np.broadcast_shapes(beds.shape, prevalence.shape), np.inf)
        others = beds - free_beds(beds, occupied, self.deferrable_share)
        open_beds = beds * (1.0 if surge is None else surge.factor(day))
        in_use = staffed_beds(open_beds, open_beds, 1.0, absent_share(prevalence, self.staff_risk))
        return np.asarray(np.maximum(in_use - others, 0.0))
