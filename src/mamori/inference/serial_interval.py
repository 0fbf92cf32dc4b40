"""Serial intervals and generation times: distributions in days, cut into days, and the published ones by name."""

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from mamori.core.errors import InputError, did_you_mean
from mamori.core.tables import TableDefinition

if TYPE_CHECKING:
    import polars as pl

Family = Literal["gamma", "lognormal", "weibull"]
Kind = Literal["serial interval", "generation time"]

FAMILIES: tuple[Family, ...] = get_args(Family)
COMPLETE = 1e-6
"""A distribution is cut into days until no more than this share is left."""
MOST_DAYS = 1000


@dataclass(frozen=True, eq=False)
class SerialInterval:
    """Days between the onsets of a case and of those it infects, or between their infections (`kind`).

    Either `family` with `mean` and `sd` in days, where nothing lies below `shift` days; or `mass` (K,), the
    probability of 0, 1, 2 ... days, the first of which is 0. `source` is where the figures come from.

    Raises `InputError` for what is no such distribution.
    """

    mean: float = math.nan
    sd: float = math.nan
    family: Family = "gamma"
    shift: float = 1.0
    mass: np.ndarray | None = None
    kind: Kind = "serial interval"
    name: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if self.mass is not None:
            _check_mass(self.mass, "serial interval")
            days = np.arange(len(self.mass))
            mean = float(days @ self.mass)
            object.__setattr__(self, "mean", mean)
            object.__setattr__(self, "sd", math.sqrt(max(float((days - mean) ** 2 @ self.mass), 0.0)))
            return
        if self.family not in FAMILIES:
            raise InputError(f"family is '{self.family}'; choose {', '.join(FAMILIES)}")
        if not (math.isfinite(self.mean) and self.mean > self.shift):
            raise InputError(
                f"the mean of the serial interval is {self.mean:g} days; it must be > {self.shift:g}. Correct it, or "
                "give the probability of each number of days"
            )
        if not (math.isfinite(self.sd) and self.sd > 0.0):
            raise InputError(
                f"the standard deviation of the serial interval is {self.sd:g} days; it must be > 0. Correct it"
            )

    def discretised(self, days: int) -> np.ndarray:
        """Return the probabilities (days,) of 0, 1, ... days between cases, for a case at any time of its day.

        With G the integral of the distribution function from 0, w_k = G(k + 1) - 2 G(k) + G(k - 1); w_0 is set to
        0 and the rest divided by 1 - w_0. The gamma distribution shifted by a day has w_0 = 0 (Cori et al. 2013,
        web appendix 11). The probabilities are not scaled up for what lies beyond `days`.
        """
        if self.mass is not None:
            return np.asarray(np.pad(self.mass, (0, max(0, days - len(self.mass))))[:days])
        weights = _by_day(self.family, self.mean, self.sd, self.shift, days)
        same_day = weights[0] if days else 0.0
        weights[:1] = 0.0
        return np.asarray(weights / (1.0 - same_day))

    def complete(self) -> np.ndarray:
        """Return the probabilities until no more than `COMPLETE` is left, scaled to the sum 1.

        Raises `InputError` for a distribution of more than `MOST_DAYS` days.
        """
        return _cut(self.mass if self.mass is not None else self.discretised(MOST_DAYS), "serial interval")

    def described(self) -> dict[str, object]:
        """Return what the distribution is, for settings and provenance."""
        known: dict[str, object] = {"name": self.name, "kind": self.kind, "mean_days": self.mean, "sd_days": self.sd}
        if self.mass is None:
            known |= {"family": self.family, "shift_days": self.shift}
        else:
            known["probabilities"] = self.mass.tolist()
        return known | {"source": self.source}


@dataclass(frozen=True)
class Range:
    """A quantity that is known up to a normal distribution of that `mean` and `sd`, cut to [lower, upper]."""

    mean: float
    sd: float
    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not (self.lower <= self.mean <= self.upper and self.sd >= 0.0 and math.isfinite(self.upper - self.lower)):
            raise InputError(
                f"{self.mean:g} (SD {self.sd:g}) in [{self.lower:g}, {self.upper:g}] is no range; it must hold "
                "lower <= mean <= upper and SD >= 0. Correct it"
            )

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Return the quantiles at the probabilities `u` in (0, 1)."""
        from scipy.special import ndtr, ndtri

        if self.sd == 0.0:
            return np.full(len(u), self.mean)
        low, high = ndtr((self.lower - self.mean) / self.sd), ndtr((self.upper - self.mean) / self.sd)
        return np.asarray(np.clip(self.mean + self.sd * ndtri(low + u * (high - low)), self.lower, self.upper))


@dataclass(frozen=True)
class UncertainInterval:
    """A serial interval whose mean and standard deviation (days, gamma shifted by a day) are known up to a range.

    Raises `InputError` when no mean lies above 1 day or no mean above a standard deviation.
    """

    mean: Range
    sd: Range
    name: str = ""
    source: str = ""
    kind: Kind = "serial interval"

    def __post_init__(self) -> None:
        if not (self.mean.lower > 1.0 and self.sd.lower > 0.0):
            raise InputError(
                f"the lower limits of the serial interval's mean and SD are {self.mean.lower:g} and {self.sd.lower:g} "
                "days; they must be > 1 and > 0. Raise them"
            )
        if self.sd.mean >= self.mean.mean:
            raise InputError(
                f"the standard deviation of the serial interval ({self.sd.mean:g} days) must be below its mean "
                f"({self.mean.mean:g}). Correct them"
            )

    def draw(self, size: int, seed: int) -> list[SerialInterval]:
        """Return `size` intervals; pairs whose standard deviation is not below the mean are drawn again."""
        from mamori.core.rng import philox, stream_key

        key = stream_key(seed, "serial-interval", self.name, 0)
        pairs: list[tuple[float, float]] = []
        attempt = 0
        while len(pairs) < size:
            u = np.array([philox(key, attempt, i, 0, 0) for i in range(size)])
            mean, sd = self.mean.quantile(u[:, 0]), self.sd.quantile(u[:, 1])
            pairs += [(float(m), float(s)) for m, s in zip(mean, sd, strict=True) if s < m]
            attempt += 1
        return [SerialInterval(mean=m, sd=s, kind=self.kind) for m, s in pairs[:size]]

    def described(self) -> dict[str, object]:
        """Return what the interval is, for settings and provenance."""
        return {"name": self.name, "kind": self.kind, "mean_days": vars(self.mean), "sd_days": vars(self.sd),
                "source": self.source}  # fmt: skip


def delay_distribution(mean_days: float, sd_days: float, family: Family = "gamma", what: str = "delay") -> np.ndarray:
    """Return the probabilities of 0, 1, ... days of a delay, for a start at any time of its day, complete.

    Raises `InputError` when mean and standard deviation are not positive, or the delay is too long; `what` names it.
    """
    if not (0.0 < mean_days < math.inf and 0.0 < sd_days < math.inf):
        raise InputError(f"the {what} has mean {mean_days:g} and SD {sd_days:g} days; both must be > 0. Correct them")
    return _cut(_by_day(family, mean_days, sd_days, 0.0, MOST_DAYS), what)


def published_intervals() -> "pl.DataFrame":
    """Return the published serial intervals and generation times that ship with Mamori, one a row."""
    import polars as pl

    definition = TableDefinition.load("serial_intervals")
    file = resources.files("mamori") / "tables" / "parameters" / "serial_intervals.csv"
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    return definition.validate(pl.DataFrame(rows), "tables/parameters/serial_intervals.csv")


@cache
def _published() -> dict[str, dict[str, object]]:
    return {row["name"]: row for row in published_intervals().iter_rows(named=True)}


def published_names() -> list[str]:
    """Return the names of the published intervals."""
    return list(_published())


def published_interval(name: str) -> SerialInterval:
    """Return the published interval called `name`.

    Raises `InputError` with the names that there are.
    """
    row = _published_row(name)
    return SerialInterval(
        mean=float(str(row["mean_days"])),
        sd=float(str(row["sd_days"])),
        family=row["family"],  # type: ignore[arg-type]
        shift=float(str(row["shift_days"])),
        kind=row["interval"],  # type: ignore[arg-type]
        name=name,
        source=str(row["source"]),
    )


def published_uncertain_interval(name: str) -> UncertainInterval:
    """Return the published interval called `name` with its published 95 % limits as ranges (gamma).

    The standard deviation of each range is that of a normal distribution with those limits.

    Raises `InputError` when there is none of that name, or it has no published limits.
    """
    row = _published_row(name)

    def ranged(quantity: str) -> Range:
        low, high = row[f"{quantity}_lower"], row[f"{quantity}_upper"]
        if low is None or high is None:
            raise InputError(
                f"'{name}' has no published limits of its {quantity} ({row['source']}). Choose another, or give the "
                "range yourself"
            )
        lower, upper, mean = float(str(low)), float(str(high)), float(str(row[f"{quantity}_days"]))
        return Range(mean, (upper - lower) / (2 * 1.959964), lower, upper)

    kind: Kind = row["interval"]  # type: ignore[assignment]
    return UncertainInterval(ranged("mean"), ranged("sd"), name, str(row["source"]), kind)


def _published_row(name: str) -> dict[str, object]:
    names = _published()
    if name not in names:
        raise InputError(
            f"no published serial interval is called '{name}'.{did_you_mean(name, names)} There are {', '.join(names)}"
        )
    return names[name]


def read_delay(path: Path, what: str = "serial interval") -> np.ndarray:
    """Return the probabilities (K,) of 0, 1, ... days in a table ``lag,prob`` (CSV); lags not given have 0.

    `what` names the distribution in messages.

    Raises `InputError` for a file without these columns or rows, and for what is no probability distribution.
    """
    import polars as pl

    try:
        frame = TableDefinition.load("delay").validate(pl.read_csv(path, infer_schema_length=None), str(path))
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise InputError(f"cannot read {path} as a table lag,prob: {error}") from error
    lags, mass = frame["lag"].to_numpy(), frame["prob"].to_numpy()
    if not len(lags) or len(np.unique(lags)) < len(lags):
        raise InputError(f"{path} has {'a lag twice' if len(lags) else 'no rows'}. Give one row per lag in days")
    probabilities = np.zeros(int(lags.max()) + 1)
    probabilities[lags] = mass
    if what == "serial interval":
        _check_mass(probabilities, what)
        return probabilities
    return check_distribution(probabilities, what)


def check_distribution(mass: np.ndarray, what: str) -> np.ndarray:
    """Return `mass` (K,), or raise `InputError` when it is no probability distribution over 0, 1, ... days."""
    if mass.ndim != 1 or not len(mass) or not np.all(np.isfinite(mass)) or mass.min() < 0.0:
        raise InputError(f"the {what} must be a list of probabilities >= 0, one per day from 0. Correct it")
    if abs(mass.sum() - 1.0) > 1e-3:
        raise InputError(f"the probabilities of the {what} sum to {mass.sum():.6g}; they must sum to 1. Correct them")
    return mass


def _check_mass(mass: np.ndarray, what: str) -> None:
    check_distribution(mass, what)
    if mass[0] != 0.0:
        raise InputError(
            f"the {what} gives 0 days the probability {mass[0]:g}; it must be 0, because a case cannot count as the "
            "source of cases of its own day. Move it to day 1"
        )


def _by_day(family: Family, mean: float, sd: float, shift: float, days: int) -> np.ndarray:
    """Return the probabilities (days,) of 0, 1, ... days: second differences of the integrated distribution."""
    integral = _integrated_distribution(family, mean - shift, sd, np.arange(-1.0, days + 1.0) - shift)
    return np.asarray(np.maximum(integral[2:] - 2.0 * integral[1:-1] + integral[:-2], 0.0))


def _cut(weights: np.ndarray, what: str) -> np.ndarray:
    """Return `weights` until no more than `COMPLETE` is left, scaled to the sum 1."""
    enough = np.flatnonzero(np.cumsum(weights) >= (1.0 - COMPLETE) * min(1.0, weights.sum()))
    if weights.sum() < 0.99:
        raise InputError(
            f"the {what} is longer than {MOST_DAYS} days with probability {1.0 - weights.sum():.2g}. Give a shorter one"
        )
    weights = weights[: enough[0] + 1]
    return np.asarray(weights / weights.sum())


def _integrated_distribution(family: Family, mean: float, sd: float, x: np.ndarray) -> np.ndarray:
    """Return the integral from 0 to x of the distribution function."""
    from scipy.special import gamma, gammainc, ndtr

    x = np.maximum(x, 0.0)
    if family == "gamma":
        shape, scale = (mean / sd) ** 2, sd**2 / mean
        below, partial = gammainc(shape, x / scale), mean * gammainc(shape + 1.0, x / scale)
    elif family == "weibull":
        shape = _weibull_shape(sd / mean)
        scale = mean / float(gamma(1.0 + 1.0 / shape))
        power = (x / scale) ** shape
        below, partial = -np.expm1(-power), mean * gammainc(1.0 + 1.0 / shape, power)
    else:
        spread = math.sqrt(math.log1p((sd / mean) ** 2))
        with np.errstate(divide="ignore"):
            z = (np.log(x) - math.log(mean)) / spread + 0.5 * spread
        below, partial = ndtr(z), mean * ndtr(z - spread)
    return np.asarray(x * below - partial)


def _weibull_shape(variation: float) -> float:
    """Return the shape of the Weibull distribution with that coefficient of variation."""
    from scipy.optimize import brentq
    from scipy.special import gammaln

    def excess(log_shape: float) -> float:
        k = math.exp(log_shape)
        return float(gammaln(1.0 + 2.0 / k) - 2.0 * gammaln(1.0 + 1.0 / k)) - math.log1p(variation**2)

    return math.exp(brentq(excess, math.log(0.1), math.log(200.0), xtol=1e-14))
