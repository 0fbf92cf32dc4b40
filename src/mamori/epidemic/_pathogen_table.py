"""Read and check one pathogen's table: values, priors, correlations and severity profiles."""

from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mamori.core.ages import AGE_GROUPS
from mamori.core.errors import InputError, did_you_mean
from mamori.core.tables import TableDefinition
from mamori.epidemic._checks import check_bounds, column

FloatArray = NDArray[np.float64]

BY_AGE = (
    "asymptomatic_share",
    "prob_hospital",
    "prob_icu",
    "death_ward",
    "death_icu",
    "death_ward_untreated",
    "death_icu_untreated",
    "infection_fatality_ratio",
)
"""Parameters that may be given by age group; every other one is a single value."""

PATHWAY = ("prob_hospital", "death_ward", "death_icu")
RATIOS = ("prob_hospital", "infection_fatality_ratio")
PROFILE = ("highest_prob_hospital", "highest_hospital_fatality", "severity_profile")
SEVERITIES = (PATHWAY, RATIOS, PROFILE)
UNTREATED = (("death_ward_untreated", "death_icu_untreated"), ("untreated_fatality_ratio",))


@dataclass(frozen=True)
class Prior:
    """A distribution cut to [lower, upper]; `first` and `second` as the table definition says."""

    distribution: str
    first: float
    second: float
    lower: float = -np.inf
    upper: float = np.inf

    def quantile(self, u: FloatArray, upper: FloatArray | float = np.inf) -> FloatArray:
        """Return the quantiles at the probabilities `u` in (0, 1) of the distribution cut at `upper` too."""
        low = self._cdf(np.asarray(self.lower))
        high = self._cdf(np.minimum(self.upper, upper))
        return self._ppf(low + u * (high - low))

    def _cdf(self, x: FloatArray) -> FloatArray:
        from scipy import special

        a, b = self.first, self.second
        cumulative: Any
        match self.distribution:
            case "normal":
                cumulative = special.ndtr((x - a) / b)
            case "gamma":
                cumulative = special.gammainc(a, np.maximum(x, 0.0) / b)
            case "beta":
                cumulative = special.betainc(a, b, np.clip(x, 0.0, 1.0))
            case "uniform":
                cumulative = np.clip((x - a) / (b - a), 0.0, 1.0)
            case _:
                cumulative = np.clip(np.log(np.maximum(x, a) / a) / np.log(b / a), 0.0, 1.0)
        return np.asarray(cumulative)

    def _ppf(self, p: FloatArray) -> FloatArray:
        from scipy import special

        a, b = self.first, self.second
        quantile: Any
        match self.distribution:
            case "normal":
                quantile = a + b * special.ndtri(p)
            case "gamma":
                quantile = b * special.gammaincinv(a, p)
            case "beta":
                quantile = special.betaincinv(a, b, p)
            case "uniform":
                quantile = a + p * (b - a)
            case _:
                quantile = a * (b / a) ** p
        return np.asarray(quantile)

    def check(self, where: str) -> None:
        """Raise `InputError` when the two numbers are not what the distribution needs."""
        a, b = self.first, self.second
        needs = {
            "normal": (b > 0, "a standard deviation (second) > 0"),
            "gamma": (a > 0 and b > 0, "shape (first) and scale (second) > 0"),
            "beta": (a > 0 and b > 0, "alpha (first) and beta (second) > 0"),
            "uniform": (a < b, "a lower end (first) below the upper end (second)"),
            "loguniform": (0 < a < b, "a lower end (first) > 0 and below the upper end (second)"),
        }
        fits, rule = needs[self.distribution]
        if not fits:
            raise InputError(f"{where}: first is {a:g} and second {b:g}; {self.distribution} needs {rule}")
        if not self._cdf(np.asarray(self.upper)) > self._cdf(np.asarray(self.lower)):
            raise InputError(f"{where}: nothing lies between lower {self.lower:g} and upper {self.upper:g}")


@dataclass(frozen=True)
class PathogenTable:
    """What one table says, each parameter once."""

    name: str
    source: str
    values: dict[str, FloatArray] = field(default_factory=dict)
    """Fixed parameters: () or (17,)."""
    priors: dict[str, Prior] = field(default_factory=dict)
    correlations: dict[tuple[str, str], float] = field(default_factory=dict)
    profiles: dict[str, float] = field(default_factory=dict)
    """Weight of each pathogen whose shape of severity a draw may take."""

    def has(self, *parameters: str) -> bool:
        """Whether the table gives every one of `parameters`."""
        return all(
            p in self.values or p in self.priors or (p == "severity_profile" and bool(self.profiles))
            for p in parameters
        )

    @property
    def is_random(self) -> bool:
        """Whether draws differ."""
        return bool(self.priors or self.profiles)


def folder() -> Traversable:
    """Return the folder of the built-in pathogens' tables."""
    return resources.files("mamori") / "tables" / "pathogens"


def list_pathogens() -> tuple[str, ...]:
    """Return the names of the built-in pathogens, sorted."""
    return tuple(sorted(f.name.removesuffix(".csv") for f in folder().iterdir() if f.name.endswith(".csv")))


def read_table(pathogen: str | Path) -> PathogenTable:
    """Return the checked table of a built-in pathogen (its name) or of a user's file (a `Path`).

    Raises `InputError` for an unknown name, an unreadable file, and anything in it that breaks a rule.
    """
    if isinstance(pathogen, Path):
        if not pathogen.is_file():
            raise InputError(f"there is no file '{pathogen}' with a pathogen. Give the path of a CSV table")
        return _parse(pathogen.stem, str(pathogen), pathogen.read_bytes())
    return _built_in(pathogen)


@cache
def _built_in(name: str) -> PathogenTable:
    names = list_pathogens()
    if name not in names:
        raise InputError(
            f"pathogen '{name}' is not known.{did_you_mean(name, names)} Choose one of {', '.join(names)}, "
            "or give a file of your own"
        )
    return _parse(name, f"tables/pathogens/{name}.csv", (folder() / f"{name}.csv").read_bytes())


def _parse(name: str, source: str, content: bytes) -> PathogenTable:
    import polars as pl

    try:
        frame = pl.read_csv(content, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{source} is not a readable CSV table: {error}") from error
    frame = TableDefinition.load("pathogen_values").validate(frame, source)
    table = PathogenTable(name, source)
    by_age: dict[str, dict[str, float]] = {}
    for number, row in enumerate(frame.iter_rows(named=True), start=2):
        _take(table, by_age, row, f"{source}: row {number}, parameter '{row['parameter']}'")
    for parameter, values in by_age.items():
        missing = [group for group in AGE_GROUPS if group not in values]
        if missing:
            raise InputError(f"{source}: {parameter} lacks age group {missing[0]}. Give all 17 or one without age")
        table.values[parameter] = np.array([values[group] for group in AGE_GROUPS])
    _check_completeness(table)
    return table


def _take(table: PathogenTable, by_age: dict[str, dict[str, float]], row: dict[str, Any], where: str) -> None:
    """Put one row of the file where it belongs."""
    parameter, element = row["parameter"], row["element"] or ""
    known = TableDefinition.load("pathogen").attributes
    if parameter not in known:
        raise InputError(f"{where} is not known.{did_you_mean(parameter, known)} Rename or remove it")
    if (row["value"] is None) == (row["distribution"] is None):
        raise InputError(f"{where} needs either a value or a distribution, and not both")
    if parameter in ("correlation", "severity_profile"):
        if row["value"] is None:
            raise InputError(f"{where} needs a value")
        _take_relation(table, parameter, element, _number(row["value"], parameter, where), where)
        return
    if element and (parameter not in BY_AGE or element not in AGE_GROUPS):
        allowed = "one of the 17 age groups, or empty" if parameter in BY_AGE else "empty"
        raise InputError(f"{where}: element is '{element}'; it must be {allowed}.{did_you_mean(element, AGE_GROUPS)}")
    if table.has(parameter) or element in by_age.get(parameter, {}) or (not element and parameter in by_age):
        raise InputError(f"{where}: the value is given twice. Remove one row")
    if row["distribution"] is not None:
        if element or row["first"] is None or row["second"] is None:
            raise InputError(f"{where}: a distribution needs first and second, and no age group")
        lower = -np.inf if row["lower"] is None else row["lower"]
        upper = np.inf if row["upper"] is None else row["upper"]
        prior = Prior(row["distribution"], row["first"], row["second"], lower, upper)
        prior.check(where)
        table.priors[parameter] = prior
    elif element:
        by_age.setdefault(parameter, {})[element] = _number(row["value"], parameter, where)
    else:
        table.values[parameter] = np.asarray(_number(row["value"], parameter, where))


def _take_relation(table: PathogenTable, parameter: str, element: str, value: float, where: str) -> None:
    if parameter == "severity_profile":
        names = list_pathogens()
        if element not in names:
            raise InputError(f"{where}: element '{element}' is no pathogen.{did_you_mean(element, names)}")
        table.profiles[element] = value
        return
    first, _, second = element.partition(":")
    for name in (first, second):
        if name not in TableDefinition.load("pathogen").attributes:
            raise InputError(f"{where}: element '{element}' must be two parameters as first:second")
    table.correlations[first, second] = value


def _number(value: str, parameter: str, where: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise InputError(f"{where} holds '{value}'; it must be a number, or inf where its bounds allow") from None
    check_bounds(number, column("pathogen", parameter), where)
    return number


def _check_completeness(table: PathogenTable) -> None:
    for attribute in TableDefinition.load("pathogen").columns:
        if attribute.required and not table.has(attribute.attribute):
            raise InputError(
                f"{table.source}: parameter '{attribute.attribute}' is missing. Add it: {attribute.description_en}"
            )
    _check_one_way(table, SEVERITIES, "severity")
    _check_one_way(table, UNTREATED, "fatality without care")
    for pair in table.correlations:
        for parameter in pair:
            if parameter not in table.priors:
                raise InputError(f"{table.source}: correlation {':'.join(pair)} needs a distribution of {parameter}")


def _check_one_way(table: PathogenTable, ways: tuple[tuple[str, ...], ...], what: str) -> None:
    """Refuse a table that gives `what` in no complete way, or parts of two."""
    choice = "; or ".join(", ".join(way) for way in ways)
    complete = [way for way in ways if table.has(*way)]
    if not complete:
        raise InputError(f"{table.source}: {what} is not complete. Give {choice}")
    for parameter in {p for way in ways for p in way} - set(complete[0]):
        if table.has(parameter):
            raise InputError(
                f"{table.source}: {what} is given twice, by {', '.join(complete[0])} and by {parameter}. "
                f"Give only one of: {choice}"
            )
