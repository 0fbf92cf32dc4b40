"""Pathogens and vaccines: the biological parameters of the epidemic engine.

Sources, the rule from ratios to a care pathway, and the priors of "Disease X": docs/methods/pathogens.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mamori.core.ages import AGE_GROUPS
from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.epidemic._checks import check_bounds, check_share, column
from mamori.epidemic._pathogen_table import (
    BY_AGE,
    PATHWAY,
    PROFILE,
    PathogenTable,
    list_pathogens,
    read_table,
)
from mamori.epidemic.severity import hospital_fatality, split_fatality, untreated_fatality

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = [
    "Pathogen",
    "PathogenDraws",
    "Stays",
    "Vaccine",
    "draw_pathogen",
    "efficacy_given_infection",
    "list_pathogens",
]

FloatArray = NDArray[np.float64]

REFERENCE = "sars-cov-2"
"""The pathogen whose whole pathway is published: others take from it the share in intensive care, the
contrast between ward and intensive care, and the proportions of the stays."""


@dataclass(frozen=True)
class Stays:
    """Mean days from hospital need to the outcome, by kind of care and outcome (each Erlang with 2 stages).

    Every field is a number in `Pathogen` and an array (D,) in `PathogenDraws`. `stepdown` is the stay in a
    ward bed after surviving intensive care.

    Raises `InputError` for a value outside the bounds of the table definition ``pathogen`` (``stay_*``).
    """

    ward_live: float | FloatArray
    ward_die: float | FloatArray
    ward_untreated_live: float | FloatArray
    ward_untreated_die: float | FloatArray
    icu_live: float | FloatArray
    icu_die: float | FloatArray
    icu_untreated_live: float | FloatArray
    icu_untreated_die: float | FloatArray
    stepdown: float | FloatArray

    def __post_init__(self) -> None:
        for field in fields(self):
            check_bounds(getattr(self, field.name), column("pathogen", f"stay_{field.name}"), "stays")


@dataclass(frozen=True)
class Pathogen:
    """The natural history of one pathogen; arrays are (17,), one value per age group.

    Infections take latent_days (Erlang 2) to become infectious. A share asymptomatic_share has no symptoms
    (asymptomatic_days, infectiousness asymptomatic_infectiousness), a share prob_hospital comes to need
    hospital after case_days (Erlang 2), the rest has mild disease (mild_days). Of those needing hospital a
    share prob_icu needs intensive care. Meaning, unit and bounds: the table definition ``pathogen``.

    Raises `InputError` for a value outside its bounds, an array without 17 ages, or
    asymptomatic_share + prob_hospital > 1.
    """

    name: str
    r0: float
    latent_days: float
    asymptomatic_days: float
    mild_days: float
    case_days: float
    asymptomatic_share: FloatArray
    asymptomatic_infectiousness: float
    prob_hospital: FloatArray
    prob_icu: FloatArray
    death_ward: FloatArray
    death_icu: FloatArray
    death_ward_untreated: FloatArray
    death_icu_untreated: FloatArray
    stays: Stays
    immunity_days: float
    dispersion: float

    def __post_init__(self) -> None:
        _check(self, ())

    @classmethod
    def load(cls, pathogen: str | Path) -> Pathogen:
        """Return a built-in pathogen by its name, or one of your own from a CSV file of the same layout.

        Raises `InputError` for an unknown name, a bad file, or a pathogen of which some parameters are
        distributions (use `draw_pathogen`).
        """
        table = read_table(pathogen)
        if table.is_random:
            raise InputError(
                f"pathogen '{table.name}' is given by distributions, not by single values. Use draw_pathogen"
            )

        def single(value: Any) -> Any:
            return value[0] if value.ndim > 1 else float(value[0])

        return cls(**_mapped(draw_pathogen(pathogen, 1), single))

    def repeat(self, draws: int) -> PathogenDraws:
        """Return this pathogen `draws` times."""

        def repeated(value: Any) -> Any:
            return np.repeat(np.asarray(value, float)[None], draws, axis=0)

        return PathogenDraws(**_mapped(self, repeated))

    @property
    def infection_fatality_ratio(self) -> FloatArray:
        """Share of infections that die with full care, by age."""
        return self.prob_hospital * hospital_fatality(self.prob_icu, self.death_ward, self.death_icu)

    @property
    def infection_fatality_ratio_untreated(self) -> FloatArray:
        """Share of infections that die without any hospital care, by age."""
        return self.prob_hospital * hospital_fatality(
            self.prob_icu, self.death_ward_untreated, self.death_icu_untreated
        )


@dataclass(frozen=True)
class PathogenDraws:
    """The fields of `Pathogen` with a leading dimension of draws: (D,) for numbers, (D, 17) for ages."""

    name: str
    r0: FloatArray
    latent_days: FloatArray
    asymptomatic_days: FloatArray
    mild_days: FloatArray
    case_days: FloatArray
    asymptomatic_share: FloatArray
    asymptomatic_infectiousness: FloatArray
    prob_hospital: FloatArray
    prob_icu: FloatArray
    death_ward: FloatArray
    death_icu: FloatArray
    death_ward_untreated: FloatArray
    death_icu_untreated: FloatArray
    stays: Stays
    immunity_days: FloatArray
    dispersion: FloatArray

    def __post_init__(self) -> None:
        _check(self, (len(self.r0),))

    def select(self, draws: slice) -> PathogenDraws:
        """Return some of the draws."""
        return PathogenDraws(**_mapped(self, lambda value: value[draws]))


@dataclass(frozen=True)
class Vaccine:
    """One product: what a dose does in protected people (vaccine states 3 and 4) and in boosted people.

    `efficacy_disease` is against hospital need given infection,
    (VE_hospital - VE_infection) / (1 - VE_infection). Meaning, unit and bounds: table definition ``vaccine``.

    Raises `InputError` for a value outside its bounds.
    """

    efficacy_infection: float
    efficacy_disease: float
    relative_infectiousness: float
    booster_efficacy_infection: float
    booster_efficacy_disease: float
    booster_relative_infectiousness: float
    booster_protection_days: float
    delay_days: float = 14.0
    protection_days: float = 365.0

    def __post_init__(self) -> None:
        for field in fields(self):
            check_bounds(getattr(self, field.name), column("vaccine", field.name), "vaccine")

    @classmethod
    def default(cls) -> Vaccine:
        """Return the vaccine of the table definition ``vaccine``: CEPI's model makes it for a new virus."""
        return cls(**{c.attribute: float(c.default) for c in TableDefinition.load("vaccine").columns})


def efficacy_given_infection(hospital: float, infection: float) -> float:
    """Return the efficacy against hospital need given infection from the two efficacies in all.

    (VE_hospital - VE_infection) / (1 - VE_infection). Raises `InputError` when the vaccine would protect less
    from hospital need than from infection, or for an efficacy outside [0, 1].
    """
    check_share("efficacy against infection", infection)
    check_share("efficacy against hospital need", hospital)
    if hospital < infection:
        raise InputError(
            f"the vaccine prevents {infection:g} of infections but only {hospital:g} of hospital need; "
            "whoever is not infected needs no hospital. Give at least as much against hospital need"
        )
    return 0.0 if infection == 1 else (hospital - infection) / (1 - infection)


def draw_pathogen(pathogen: str | Path, draws: int, seed: int = 0, first_draw: int = 0) -> PathogenDraws:
    """Draw the parameters of a pathogen; draw d depends on (`seed`, d) alone, not on how many are asked for.

    `pathogen` is a built-in name or a `Path` to a table of the same layout; a pathogen without distributions
    is repeated. Draws first_draw .. first_draw + draws - 1 are returned. Correlated parameters are joined by
    a Gaussian copula: x_k = F_k^-1(Phi(z_k)) with z multivariate normal.

    Raises `InputError` for an unknown name, a bad table, or draws < 1.
    """
    if draws < 1:
        raise InputError(f"draws is {draws}; it must be >= 1. Give the number of draws")
    table = read_table(pathogen)
    values = {name: np.repeat(value[None], draws, axis=0) for name, value in table.values.items()}
    if table.is_random:
        scores, choices = _random_numbers(seed, draws, first_draw)
        sampled = _sample(table, _correlate(table, scores))
        values |= sampled
        if table.has(*PROFILE):
            values |= _profiled_severity(table, values, choices)
    for name in BY_AGE:
        if name in values and values[name].ndim == 1:
            values[name] = np.repeat(values[name][:, None], len(AGE_GROUPS), axis=1)
    return _assemble(table, values, draws)


def _random_numbers(seed: int, draws: int, first_draw: int) -> tuple[FloatArray, FloatArray]:
    """Return normal scores (D, parameters of the definition) and a uniform (D,) per draw.

    Every parameter has its own column, used or not, so that fixing one leaves the others as they were.
    """
    width = len(TableDefinition.load("pathogen").columns)
    scores, choices = np.empty((draws, width)), np.empty(draws)
    for row, draw in enumerate(range(first_draw, first_draw + draws)):
        key = hashlib.blake2b(f"{seed}/pathogen/{draw}".encode(), digest_size=16).digest()
        generator = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
        choices[row] = generator.random()
        scores[row] = generator.standard_normal(width)
    return scores, choices


def _correlate(table: PathogenTable, scores: FloatArray) -> FloatArray:
    """Give the independent `scores` the correlations of the table."""
    names = TableDefinition.load("pathogen").attributes
    matrix = np.eye(len(names))
    for (first, second), value in table.correlations.items():
        i, j = names.index(first), names.index(second)
        matrix[i, j] = matrix[j, i] = value
    try:
        return scores @ np.linalg.cholesky(matrix).T
    except np.linalg.LinAlgError:
        raise InputError(
            f"{table.source}: the correlations contradict each other; no distribution has them. Weaken them"
        ) from None


def _sample(table: PathogenTable, scores: FloatArray) -> dict[str, FloatArray]:
    from scipy import special

    names = TableDefinition.load("pathogen").attributes
    sampled: dict[str, FloatArray] = {}
    # asymptomatic_share comes before highest_prob_hospital in the definition and bounds it from above.
    for name in sorted(table.priors, key=names.index):
        limit: FloatArray | float = np.inf
        if name == "highest_prob_hospital":
            limit = 1.0 - (sampled | table.values)["asymptomatic_share"]
        sampled[name] = table.priors[name].quantile(special.ndtr(scores[:, names.index(name)]), limit)
    return sampled


def _profiled_severity(
    table: PathogenTable, values: dict[str, FloatArray], choices: FloatArray
) -> dict[str, FloatArray]:
    """Give each draw the shape of severity by age of one pathogen, at the draw's own highest values."""
    profiles = [Pathogen.load(name) for name in table.profiles]
    weights = np.cumsum(list(table.profiles.values()))
    chosen = np.minimum(np.searchsorted(weights / weights[-1], choices, side="right"), len(profiles) - 1)
    hospital = np.array([p.prob_hospital / p.prob_hospital.max() for p in profiles])
    fatality = np.array([hospital_fatality(p.prob_icu, p.death_ward, p.death_icu) for p in profiles])
    fatality /= fatality.max(axis=1, keepdims=True)
    prob_hospital = hospital[chosen] * values["highest_prob_hospital"][:, None]
    return {
        "prob_hospital": prob_hospital,
        "infection_fatality_ratio": prob_hospital * fatality[chosen] * values["highest_hospital_fatality"][:, None],
    }


def _assemble(table: PathogenTable, values: dict[str, FloatArray], draws: int) -> PathogenDraws:
    """Fill in what the table leaves to the reference pathogen and to the rule of `severity`."""
    if "prob_icu" not in values:
        values["prob_icu"] = _reference_values(table, "prob_icu", draws)
    if not table.has(*PATHWAY):
        values |= _derived_deaths(table, values, draws)
    plain = ("name", "stays")
    taken = {f.name: values[f.name] for f in fields(PathogenDraws) if f.name not in plain}
    return PathogenDraws(name=table.name, stays=_stays(table, values, draws), **taken)


def _reference_values(table: PathogenTable, parameter: str, draws: int) -> FloatArray:
    reference = read_table(REFERENCE)
    if table.name == reference.name and table.source == reference.source:
        raise InputError(f"{table.source}: parameter '{parameter}' is missing; other pathogens rest on it. Add it")
    return np.repeat(reference.values[parameter][None], draws, axis=0)


def _derived_deaths(table: PathogenTable, values: dict[str, FloatArray], draws: int) -> dict[str, FloatArray]:
    """Return the probabilities of death with and without care that the fatality ratio gives."""
    prob_hospital, deaths = values["prob_hospital"], values["infection_fatality_ratio"]
    too_high = (deaths > 0) & (deaths >= prob_hospital)
    if too_high.any():
        age = AGE_GROUPS[int(np.argmax(too_high.any(axis=0)))]
        raise InputError(
            f"{table.source}: infection_fatality_ratio at age {age} is not below prob_hospital, so that "
            "everybody in hospital would die. Raise prob_hospital or lower the fatality"
        )
    fatality = np.divide(deaths, prob_hospital, out=np.zeros_like(deaths), where=prob_hospital > 0)
    prob_icu = values["prob_icu"]
    contrast = [_reference_values(table, name, draws) for name in ("death_ward", "death_icu")]
    ward, icu = split_fatality(fatality, prob_icu, *contrast)
    if "untreated_fatality_ratio" in values:
        wanted = untreated_fatality(fatality, values["untreated_fatality_ratio"][:, None])
        ward_untreated, icu_untreated = split_fatality(wanted, prob_icu, *contrast)
    else:
        ward_untreated = np.maximum(ward, values["death_ward_untreated"])
        icu_untreated = np.maximum(icu, values["death_icu_untreated"])
    return {
        "death_ward": ward,
        "death_icu": icu,
        "death_ward_untreated": ward_untreated,
        "death_icu_untreated": icu_untreated,
    }


def _stays(table: PathogenTable, values: dict[str, FloatArray], draws: int) -> Stays:
    """Return the stays given, and the others in proportion to the reference pathogen's.

    The day to death without intensive care and the step-down do not scale: they belong to the care.
    """
    stays: dict[str, FloatArray] = {}
    for field in fields(Stays):
        name = f"stay_{field.name}"
        if name in values:
            stays[field.name] = values[name]
            continue
        stays[field.name] = _reference_values(table, name, draws)
        if field.name not in ("icu_untreated_die", "stepdown"):
            days = "hospital_recovery_days" if field.name.endswith("live") else "hospital_death_days"
            if days not in values:
                raise InputError(f"{table.source}: give {days}, or {name}")
            stays[field.name] = stays[field.name] * values[days] / _reference_values(table, days, draws)
    return Stays(**stays)


def _mapped(pathogen: Pathogen | PathogenDraws, change: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the fields of `pathogen` with `change` applied to every number, those of the stays too."""
    values = {f.name: change(getattr(pathogen, f.name)) for f in fields(pathogen) if f.name not in ("name", "stays")}
    stays = Stays(**{f.name: change(getattr(pathogen.stays, f.name)) for f in fields(Stays)})
    return values | {"name": pathogen.name, "stays": stays}


def _check(pathogen: Pathogen | PathogenDraws, leading: tuple[int, ...]) -> None:
    owner = f"pathogen '{pathogen.name}'"
    for field in fields(pathogen):
        if field.name in ("name", "stays"):
            continue
        values = np.asarray(getattr(pathogen, field.name), float)
        shape = (*leading, len(AGE_GROUPS)) if field.name in BY_AGE else leading
        if values.shape != shape:
            raise InputError(f"{owner}: {field.name} has shape {values.shape}; it must be {shape}")
        check_bounds(values, column("pathogen", field.name), owner)
    for field in fields(Stays):
        if np.shape(getattr(pathogen.stays, field.name)) != leading:
            raise InputError(f"{owner}: the stay {field.name} must have shape {leading}")
    total = pathogen.asymptomatic_share + pathogen.prob_hospital
    if np.any(total > 1.0 + 1e-9):
        age = AGE_GROUPS[int(np.argmax(total)) % len(AGE_GROUPS)]
        raise InputError(
            f"{owner}: asymptomatic_share + prob_hospital is {total.max():.4g} at age {age}; "
            "it must be at most 1. Lower one of them"
        )
