"""What every detector is (settings that are checked, one method) and what it returns (arrays, reasons)."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from mamori.core.contracts import Observations


class Reason(IntEnum):
    """Why a value could not be computed; `COMPUTED` is the empty word in tables."""

    COMPUTED = 0
    TOO_SHORT = 1
    MISSING_COUNT = 2
    GAP = 3
    ZERO_VARIANCE = 4
    NO_CONVERGENCE = 5
    FEW_CASES = 6
    NOT_FINITE = 7

    @property
    def word(self) -> str:
        """The code as it stands in a table."""
        return "" if self is Reason.COMPUTED else self.name.lower().replace("_", "-")


@dataclass(frozen=True, eq=False)
class Detection:
    """What a detector says for each series (S) and target period (K); NaN where a method has no such value.

    `expected`: mean without an outbreak; `upperbound`: the count above which an alarm is given; `score`: the
    method's own statistic; `pvalue`: probability of a count this high without an outbreak; `phi`: dispersion;
    `alarm`: bool; `reason`: codes of `Reason` (uint8).
    """

    expected: np.ndarray
    upperbound: np.ndarray
    score: np.ndarray
    pvalue: np.ndarray
    phi: np.ndarray
    alarm: np.ndarray
    reason: np.ndarray

    @classmethod
    def empty(cls, series: int, targets: int) -> "Detection":
        """Return a detection of that shape in which nothing is computed yet: NaN, no alarms, no reasons."""

        def nothing() -> np.ndarray:
            return np.full((series, targets), np.nan)

        return cls(
            expected=nothing(),
            upperbound=nothing(),
            score=nothing(),
            pvalue=nothing(),
            phi=nothing(),
            alarm=np.zeros((series, targets), dtype=bool),
            reason=np.zeros((series, targets), dtype=np.uint8),
        )


class Detector(BaseModel, ABC):
    """A method with its settings. Fields carry our names; an alias is the name in the R package, where it has one."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    name: ClassVar[str]
    """The name on the command line and in results."""

    @abstractmethod
    def detect(self, observations: Observations, targets: np.ndarray) -> Detection:
        """Return the detection for the consecutive columns `targets` (K,) of ``observations.counts``.

        Every series stands on its own: its rows do not depend on the other series given. The method reads the
        counts at the target and ``history`` before it. Raises `InputError` when the settings do not fit the
        data as a whole (no frequency, no dates); what concerns one value is a reason code.
        """
