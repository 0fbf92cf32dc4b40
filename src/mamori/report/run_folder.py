"""The outcome of an exercise as the arrays that a report is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mamori.core.errors import InputError
from mamori.epidemic.pathogen import draw_pathogen
from mamori.exercise.outcome import Outcome
from mamori.exercise.scenario import Arm
from mamori.exercise.week import INCOME_GROUPS

DRAW_METRICS: tuple[str, ...] = (
    "infections",
    "deaths",
    "yll",
    "bed_days_refused",
    "peak_ward_share",
    "first_dose_day",
    "day_10_per_100",
    "day_20_per_100",
    "day_40_per_100",
    "recognition_day",
)


@dataclass(frozen=True)
class Comparison:
    """Two arms under one response: what the `early` vaccine changes against the `late` one."""

    response: str
    early: int
    late: int


@dataclass(frozen=True)
class RunFolder:
    """What one exercise left behind, read once and checked."""

    path: Path
    outcome: Outcome
    arms: tuple[Arm, ...]
    places: pl.DataFrame
    """A row per place, in the order of every array's place axis: code, names, income group, coordinates and
    population."""

    @classmethod
    def read(cls, path: Path) -> "RunFolder":
        """Read the run folder at `path`.

        Raises `InputError` when it does not hold the whole outcome of an exercise.
        """
        outcome = Outcome.read(path)
        missing = [metric for metric in DRAW_METRICS if metric not in outcome.draws.columns]
        if missing:
            raise InputError(f"{path} has no '{missing[0]}' in its draws. Run the exercise again")
        arms = tuple(Arm(arm["response"], arm["vaccine_day"]) for arm in outcome.run["arms"])
        places = pl.DataFrame(outcome.run["place_table"], infer_schema_length=None)
        return cls(path=path, outcome=outcome, arms=arms, places=places)

    @property
    def run(self) -> Mapping[str, Any]:
        """What was run."""
        return self.outcome.run

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the places, in the order of every array's place axis."""
        return tuple(self.places["code"])

    @cached_property
    def population(self) -> np.ndarray:
        """Persons by place, (P,)."""
        return self.places["population"].to_numpy().astype(float)

    @cached_property
    def income(self) -> np.ndarray:
        """Income group by place, (P,) of str."""
        return self.places["income_group"].to_numpy().astype(str)

    @property
    def income_groups(self) -> tuple[str, ...]:
        """The income groups that have a place in this run, richest first."""
        return tuple(group for group in INCOME_GROUPS if (self.income == group).any())

    @property
    def arm_names(self) -> tuple[str, ...]:
        """The names of the arms."""
        return tuple(arm.name for arm in self.arms)

    @property
    def weeks(self) -> int:
        """Weeks simulated."""
        return int(self.run["weeks"])

    @property
    def start_date(self) -> date:
        """The calendar date of day 0."""
        return date.fromisoformat(str(self.run["start_date"])[:10])

    @cached_property
    def responses(self) -> tuple[str, ...]:
        """The responses, in the order of the arms."""
        return tuple(dict.fromkeys(arm.response for arm in self.arms))

    @property
    def default_response(self) -> str:
        """The response that the report shows first: the central one, or else the first."""
        return "central" if "central" in self.responses else self.responses[0]

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Under each response, every earlier vaccine day against the latest one."""
        found = []
        for response in self.responses:
            indices = [index for index, arm in enumerate(self.arms) if arm.response == response]
            *earlier, latest = sorted(indices, key=lambda index: self.arms[index].vaccine_day)
            found += [Comparison(response, index, latest) for index in earlier]
        return tuple(found)

    @cached_property
    def r0(self) -> np.ndarray:
        """The basic reproduction number of every draw, (draws,)."""
        return draw_pathogen(self.run["scenario"]["pathogen"], self.draws, seed=self.run["seed"]).r0

    @property
    def draws(self) -> int:
        """The number of draws."""
        return int(self.run["draws"])

    @property
    def recognition_day(self) -> np.ndarray:
        """The day on which the pathogen is recognised, (draws,); infinite where it never is.

        It is that of the first arm: no vaccine can change it, only a response that begins before recognition.
        """
        return np.asarray(self.outcomes["recognition_day"][0, :, 0])

    @cached_property
    def outcomes(self) -> Mapping[str, np.ndarray]:
        """Every metric of `draws.parquet` as an array (arms, draws, places).

        A day that never comes is infinite.
        """
        arm_order = pl.DataFrame(
            {"arm": [arm.name for arm in self.arms], "arm_index": range(len(self.arms))},
            schema_overrides={"arm_index": pl.Int32},
        )
        place_order = pl.DataFrame(
            {"code": self.codes, "place_index": range(len(self.codes))},
            schema_overrides={"place_index": pl.Int32},
        )
        ordered = (
            self.outcome.draws.join(arm_order, on="arm")
            .join(place_order, on="code")
            .sort("arm_index", "draw", "place_index")
        )
        shape = (len(self.arms), self.draws, len(self.codes))
        if len(ordered) != np.prod(shape):
            raise InputError(
                f"{self.path} holds {len(ordered)} rows of draws; {shape[0]} arms x {shape[1]} draws x "
                f"{shape[2]} places need {np.prod(shape)}. Run the exercise again"
            )
        return {
            metric: ordered[metric].cast(pl.Float64).fill_null(float("inf")).to_numpy().reshape(shape)
            for metric in DRAW_METRICS
        }
