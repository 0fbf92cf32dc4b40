"""Scenarios stated as arguments of the R package nimue, run on our engine and given back in nimue's columns.

Conventions that differ from ours: row t = 1 is the initial state; a change at time tt holds from row tt on; daily
flows are missing in row 1. Source: nimue 0.1.23 (Hogan et al. 2021, Vaccine 39:2995); docs/methods/epidemic.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from mamori.core.ages import AGE_GROUPS
from mamori.core.errors import InputError, did_you_mean
from mamori.data.contacts import make_reciprocal, split_75_and_over
from mamori.epidemic.schedule import Course, NaturalHistory, Protection, Schedule, growth_per_contact, run_schedule

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from mamori.epidemic.schedule import PlaceRun

    FloatArray = NDArray[np.float64]

AGES = len(AGE_GROUPS)
_STAYS = ("get_ox_survive", "get_ox_die", "not_get_ox_survive", "not_get_ox_die",
          "get_mv_survive", "get_mv_die", "not_get_mv_survive", "not_get_mv_die")  # fmt: skip
_DURATIONS = {"dur_E": 4.6, "dur_IMild": 2.1, "dur_ICase": 4.5, "dur_rec": 3.0} | dict(
    zip((f"dur_{s}" for s in _STAYS), (9.0, 9.0, 4.5, 4.5, 14.8, 11.1, 7.4, 1.0), strict=True)
)
_PROBABILITIES = (
    "prob_hosp",
    "prob_severe",
    "prob_non_severe_death_treatment",
    "prob_non_severe_death_no_treatment",
    "prob_severe_death_treatment",
    "prob_severe_death_no_treatment",
)
_BY_TIME = {  # argument: (its times, value when neither file gives it)
    "R0": ("tt_R0", None),
    "max_vaccine": ("tt_vaccine", 1000.0),
    "hosp_bed_capacity": ("tt_hosp_beds", None),
    "ICU_bed_capacity": ("tt_ICU_beds", None),
    "prob_hosp_multiplier": ("tt_prob_hosp_multiplier", 1.0),
    "dur_R": ("tt_dur_R", np.inf),
    "vaccine_efficacy_infection": ("tt_vaccine_efficacy_infection", 0.95),
    "vaccine_efficacy_disease": ("tt_vaccine_efficacy_disease", 0.95),
}
_OTHERS = ("time_period", "seeding_cases", "seeding_age_order", "E1_0", "vaccine_coverage_mat", "dur_V",
"dur_vaccine_delay",
           "rel_infectiousness", "rel_infectiousness_vaccinated", "p_dist")  # fmt: skip
_MAY_BE_INFINITE = ("dur_R", "dur_V", "hosp_bed_capacity", "ICU_bed_capacity")
_SHARES = ("prob_hosp", "prob_severe", "prob_non", "vaccine_efficacy")
SHORTEST_DAYS = 0.05
_RECORDS = ("beta_set", "hosp_bed_capacity_used", "ICU_bed_capacity_used")  # results noted beside the arguments


def simulate_nimue(inputs: Path, params: Path) -> pl.DataFrame:
    """Run the scenario of nimue arguments ``params`` (JSON) on the country ``inputs`` (JSON); one row per day.

    Columns as in nimue's output summed over ages (t, S, E, IMild, ICase, IICU, IHospital, IRec, R, D, ...), and in our
    engine's accuracy. ``beta_set`` and ``*_used`` in ``params`` are results: the first is held against ours, the others
    serve when the argument itself is missing. Raises `InputError` with file and argument for whatever does not fit.
    """
    case = _Case(inputs, params)
    run = run_schedule(case.population, case.contacts, case.seeds(), case.course(), case.schedule())
    return _frame(run)


class _Case:
    """The two files, looked up argument by argument: first the scenario, then the country's defaults."""

    def __init__(self, inputs: Path, params: Path) -> None:
        self.inputs, self.params = _read(inputs), _read(params)
        self.files = (params, inputs)
        known = {*_DURATIONS, *_PROBABILITIES, *_OTHERS, *_RECORDS, *_BY_TIME, *(t for t, _ in _BY_TIME.values())}
        for name in self.params:
            if name not in known:
                raise InputError(f"{params}: unknown argument '{name}'.{did_you_mean(name, known)}")
        self.defaults: dict[str, Any] = dict(self.inputs)
        for block in ("default_probs", "default_durations", "default_vaccine_pars"):
            self.defaults |= self.inputs.get(block, {})
        self.population = self._ages("population")
        self.contacts = self._contacts()
        for name in ("rel_infectiousness", "p_dist"):
            if name in self.params and np.any(self._ages(name) != 1.0):
                raise InputError(f"{params}: '{name}' other than 1 is not part of this model. Remove it")
        periods = self._number("time_period")
        if periods != int(periods) or periods < 2:
            raise InputError(f"{params}: time_period is {periods}; it must be a whole number of days >= 2")
        self.days = int(periods) - 1

    def _find(self, name: str, default: Any = None) -> Any:
        for source in (self.params, self.defaults):
            if name in source:
                return source[name]
        if name.endswith("_capacity") and f"{name}_used" in self.params:
            return self.params[f"{name}_used"]
        if default is None:
            raise InputError(f"{self.files[0]}: argument '{name}' is missing. Add it there or to {self.files[1]}")
        return default

    def _values(self, name: str, default: Any = None) -> FloatArray:
        try:
            value = np.array(self._find(name, default), dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(
                f"{self.files[0]}: '{name}' must be numbers, all rows of one length. Got {str(self._find(name))[:60]}"
            ) from None
        if value.size == 0:
            raise InputError(f"{self.files[0]}: '{name}' is empty; give a value")
        if np.any(np.isnan(value)) or np.any(value < 0):
            raise InputError(f"{self.files[0]}: '{name}' holds a negative or missing number; every value must be >= 0")
        if name not in _MAY_BE_INFINITE and np.any(np.isinf(value)):
            raise InputError(f"{self.files[0]}: '{name}' is infinite; give a finite number")
        if name.startswith("dur_") and np.any(value < SHORTEST_DAYS):
            raise InputError(f"{self.files[0]}: '{name}' is {value.min()}; a duration must be >= {SHORTEST_DAYS} days")
        if name.startswith(_SHARES) and not name.endswith("multiplier") and np.any(value > 1):
            raise InputError(f"{self.files[0]}: '{name}' holds {value.max()}; a probability must be <= 1")
        return value

    def _number(self, name: str, default: float | None = None) -> float:
        value = np.unique(self._values(name, default))
        if value.size != 1:
            raise InputError(
                f"{self.files[0]}: '{name}' must be one number (the same at all ages). Got {value.size} different ones"
            )
        return float(value[0])

    def _ages(self, name: str) -> FloatArray:
        value = self._values(name)
        if value.shape != (AGES,):
            raise InputError(
                f"{self.files[0]}: '{name}' has shape {value.shape}; it must hold {AGES} ages (0-4, ..., 80+)"
            )
        return value

    def _contacts(self) -> FloatArray:
        if "contact_matrix_16x16_raw" in self.inputs:
            raw = self._values("contact_matrix_16x16_raw")
            if raw.shape != (AGES - 1, AGES - 1):
                raise InputError(f"{self.files[1]}: contact_matrix_16x16_raw has shape {raw.shape}; it must be 16 x 16")
            return np.asarray(make_reciprocal(split_75_and_over(raw[None], self.population), self.population)[0])
        ready = self._values("contact_matrix_17x17_processed")
        if ready.shape != (AGES, AGES):
            raise InputError(
                f"{self.files[1]}: contact_matrix_17x17_processed has shape {ready.shape}; it must be 17 x 17"
            )
        return ready

    def _by_day(self, name: str) -> FloatArray:
        """Values of a time-varying argument on the days 1..T - 1: the last change at or before the day."""
        times_name, default = _BY_TIME[name]
        values = self._values(name, default)
        times = np.atleast_1d(self._values(times_name, 0.0))
        by_age = name.startswith("vaccine_efficacy")
        if by_age:
            values = np.atleast_2d(values) if values.ndim else np.full((1, AGES), float(values))
            if values.shape[1] != AGES:
                raise InputError(f"{self.files[0]}: '{name}' must hold {AGES} ages per time. Got {values.shape[1]}")
        else:
            values = np.atleast_1d(values)
            if values.ndim > 1:
                raise InputError(f"{self.files[0]}: '{name}' must be a number or a list of numbers, one per time")
        if times.ndim > 1 or len(values) != len(times):
            raise InputError(
                f"{self.files[0]}: '{name}' has {len(values)} values and '{times_name}' {times.size} times; give both"
            )
        if np.any(np.diff(times) <= 0) or times[0] > 1:
            raise InputError(
                f"{self.files[0]}: '{times_name}' must rise and begin with 0 or 1. Got {times.tolist()[:5]}"
            )
        if np.any(times != np.floor(times)):
            raise InputError(f"{self.files[0]}: '{times_name}' must be whole days. Got {times.tolist()[:5]}")
        at = np.searchsorted(times, np.arange(1, self.days + 1), side="right") - 1
        return np.asarray(values[at])

    def seeds(self) -> FloatArray:
        if "E1_0" in self.params:
            first = self._ages("E1_0")
            if np.any(first > self.population):
                raise InputError(f"{self.files[0]}: 'E1_0' exceeds the population of an age; seed fewer people")
            return first
        if "seeding_age_order" not in self.params:
            raise InputError(
                f"{self.files[0]}: nimue draws the ages of first cases at random. Give 'E1_0' or 'seeding_age_order'"
            )
        order = np.atleast_1d(self._values("seeding_age_order"))
        if order.ndim > 1 or np.any(order != np.floor(order)) or np.any(order < 1) or np.any(order > AGES):
            raise InputError(f"{self.files[0]}: 'seeding_age_order' must name age groups 1 to {AGES}")
        cases = self._number("seeding_cases", 20.0)
        if cases != int(cases) or cases > self.population.min():
            raise InputError(
                f"{self.files[0]}: seeding_cases is {cases}; it must be whole, and fewer than live in an age"
            )
        return np.bincount(np.resize(order.astype(int), int(cases)) - 1, minlength=AGES).astype(np.float64)

    def history(self) -> NaturalHistory:
        duration = {name: self._number(name, value) for name, value in _DURATIONS.items()}
        p = [self._ages(name) for name in _PROBABILITIES]
        return NaturalHistory(
            duration["dur_E"],
            duration["dur_IMild"],
            duration["dur_ICase"],
            np.array([duration[f"dur_{s}"] for s in _STAYS]),
            duration["dur_rec"],
            *p,
        )

    def course(self) -> Course:
        coverage = np.atleast_2d(self._values("vaccine_coverage_mat", 0.8))
        if coverage.shape == (1, 1):
            coverage = np.full((1, AGES), coverage[0, 0])
        if coverage.ndim != 2 or coverage.shape[1] != AGES or np.any(coverage > 1):
            raise InputError(f"{self.files[0]}: 'vaccine_coverage_mat' must have {AGES} columns of shares from 0 to 1")
        protection = Protection(
            self._number("dur_vaccine_delay", 14.0),
            self._number("dur_V", 365.0),
            self._number("rel_infectiousness_vaccinated", 1.0),
            coverage,
        )
        return Course.prepare(self.history(), protection)

    def _severity(self) -> FloatArray:
        severity = self._by_day("prob_hosp_multiplier")
        if severity.max() * self._ages("prob_hosp").max() > 1:
            raise InputError(
                f"{self.files[0]}: 'prob_hosp_multiplier' x 'prob_hosp' exceeds 1; give a smaller multiplier"
            )
        return severity

    def schedule(self) -> Schedule:
        reproduction = self._by_day("R0")
        if "beta_set" in self.params:
            ours = reproduction[0] / growth_per_contact(self.contacts, self.history())
            theirs = float(np.atleast_1d(self._values("beta_set"))[0])
            if abs(ours - theirs) > 1e-6 * theirs:
                raise InputError(
                    f"{self.files[0]}: beta_set {theirs} does not belong to this R0, contacts and severity ({ours:.9g})"
                )
        return Schedule(
            reproduction=reproduction,
            first_doses=self._by_day("max_vaccine"),
            immunity_rate=2.0 / self._by_day("dur_R"),
            severity=self._severity(),
            ward_beds=self._by_day("hosp_bed_capacity"),
            icu_beds=self._by_day("ICU_bed_capacity"),
            efficacy_infection=self._by_day("vaccine_efficacy_infection"),
            efficacy_disease=self._by_day("vaccine_efficacy_disease"),
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            content = json.load(file)
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"no file {path}. Name a JSON file of nimue's arguments") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not JSON ({error}). Write one object of arguments") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: must hold one JSON object of arguments")
    return content


def _frame(run: PlaceRun) -> pl.DataFrame:
    import polars as pl

    c, s = run.compartments, run.stays

    def daily(flow: FloatArray) -> FloatArray:
        return np.concatenate([[np.nan], flow])

    def cumulative(flow: FloatArray) -> FloatArray:
        return np.concatenate([[0.0], np.cumsum(flow)])

    admitted = run.need[:, 0] + run.need[:, 1] - run.need[:, 2] - run.need[:, 3]
    ward, icu = s[:, 0] + s[:, 1], s[:, 4] + s[:, 5]
    all_ward, all_icu = s[:, :4].sum(axis=1), s[:, 4:8].sum(axis=1)
    columns = {
        "t": np.arange(1, len(c) + 1),
        "S": c[:, 0],
        "E": c[:, 1] + c[:, 2],
        "IMild": c[:, 4],
        "ICase": c[:, 5] + c[:, 6],
        "IICU": all_icu,
        "IHospital": all_ward,
        "IRec": run.stepdown,
        "R": c[:, 7] + c[:, 8],
        "D": run.dead,
        "hospitalisations": daily(admitted),
        "hospital_demand": all_ward + run.stepdown,
        "hospital_occupancy": ward + run.stepdown,
        "ICU_demand": all_icu,
        "ICU_occupancy": icu,
        "vaccines": daily(run.first_doses),
        "vaccinated": run.by_vaccine[:, 1:5].sum(axis=1),
        "priorvaccinated": run.by_vaccine[:, 5],
        "unvaccinated": run.by_vaccine[:, 0],
        "infections": daily(run.infections),
        "deaths": daily(run.deaths),
        "infections_cum": cumulative(run.infections),
        "hospitalisations_cum": cumulative(admitted),
        "vaccines_cum": cumulative(run.first_doses),
    }
    return pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))
