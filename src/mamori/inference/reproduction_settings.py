"""What a user says about how reproduction numbers are estimated: checked settings, from options or a JSON file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mamori.core.errors import InputError, did_you_mean
from mamori.inference.serial_interval import (
    Range,
    SerialInterval,
    UncertainInterval,
    delay_distribution,
    published_interval,
    published_names,
    published_uncertain_interval,
    read_delay,
)

METHODS = ("cori", "wallinga-teunis", "renewal")
WINDOWS = {"window": "window", "t_start": "t_start", "t_end": "t_end", "missing": "missing"}
ARGUMENTS = {
    "cori": WINDOWS
    | {
        "prior_mean": "mean_prior",
        "prior_sd": "std_prior",
        "draws_of_interval": "draws_of_interval",
        "draws_of_posterior": "draws_of_posterior",
        "seed": "seed",
    },
    "wallinga-teunis": WINDOWS,
    "renewal": {"draws": "draws", "seed": "seed"},
}
"""The settings of each method, and the arguments that they are."""
COMMON = {
    "method", "serial_interval", "uncertain", "mean_days", "sd_days", "probabilities", "mean_spread", "mean_lower",
    "mean_upper", "sd_spread", "sd_lower", "sd_upper",
}  # fmt: skip
DELAYS = {f"{what}{end}" for what in ("delay", "reporting") for end in ("", "_mean_days", "_sd_days")}
METHODS_ELSEWHERE = {
    "parametric_si": "cori",
    "non_parametric_si": "cori",
    "uncertain_si": "cori",
    "wallinga_teunis": "wallinga-teunis",
}
"""What the methods are called in EpiEstim."""


class ReproductionSettings(BaseModel):
    """Settings of a reproduction number; an alias is the name in EpiEstim, where it has one."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    method: Literal["cori", "wallinga-teunis", "renewal"] = "cori"
    serial_interval: str | None = Field(None, description="Published interval by name, or a table lag,prob")
    uncertain: bool = Field(default=False, description="Take the limits of the interval's mean and SD into account")
    mean_days: float | None = Field(None, alias="mean_si")
    sd_days: float | None = Field(None, alias="std_si")
    probabilities: list[float] | None = Field(None, alias="si_distr")
    mean_spread: float | None = Field(None, alias="std_mean_si")
    mean_lower: float | None = Field(None, alias="min_mean_si")
    mean_upper: float | None = Field(None, alias="max_mean_si")
    sd_spread: float | None = Field(None, alias="std_std_si")
    sd_lower: float | None = Field(None, alias="min_std_si")
    sd_upper: float | None = Field(None, alias="max_std_si")
    window: int = 7
    t_start: list[int] | None = None
    t_end: list[int] | None = None
    prior_mean: float = Field(5.0, alias="mean_prior")
    prior_sd: float = Field(5.0, alias="std_prior")
    draws_of_interval: int = Field(500, alias="n1")
    draws_of_posterior: int = Field(50, alias="n2")
    missing: Literal["missing", "zero"] = "missing"
    delay: str | list[float] | None = None
    delay_mean_days: float | None = None
    delay_sd_days: float | None = None
    reporting: str | list[float] | None = None
    reporting_mean_days: float | None = None
    reporting_sd_days: float | None = None
    weekday: bool = True
    draws: int = 500
    seed: int = 0

    def interval(self) -> SerialInterval | UncertainInterval:
        """Return the serial interval that the settings mean.

        Raises `InputError` when they mean none, or more than one.
        """
        given = [self.serial_interval is not None, self.mean_days is not None, self.probabilities is not None]
        if sum(given) != 1:
            raise InputError(
                f"the serial interval is given {'in several ways' if any(given) else 'nowhere'}, and there is no "
                "default, because the reproduction number depends on it. Give one: a published one by name "
                f"({', '.join(published_names())}), a table lag,prob, or its mean and SD in days"
            )
        ranges = (
            self.mean_spread,
            self.mean_lower,
            self.mean_upper,
            self.sd_spread,
            self.sd_lower,
            self.sd_upper,
        )
        if self.mean_days is not None:
            return self._parametric(ranges)
        if any(value is not None for value in ranges) or self.sd_days is not None:
            raise InputError("SD and limits of the serial interval belong to its mean in days. Leave them out")
        if self.probabilities is not None:
            return SerialInterval(mass=np.array(self.probabilities, dtype=float))
        name = str(self.serial_interval)
        if name.lower().endswith(".csv"):
            return SerialInterval(mass=read_delay(Path(name)), source=Path(name).name)
        return published_uncertain_interval(name) if self.uncertain else published_interval(name)

    def _parametric(self, ranges: tuple[float | None, ...]) -> SerialInterval | UncertainInterval:
        if self.mean_days is None or self.sd_days is None:
            raise InputError("the mean of the serial interval needs its standard deviation. Give sd_days (std_si)")
        if not self.uncertain and all(value is None for value in ranges):
            return SerialInterval(self.mean_days, self.sd_days)
        if any(value is None for value in ranges):
            raise InputError(
                "an uncertain serial interval needs mean_spread, mean_lower, mean_upper, sd_spread, sd_lower and "
                "sd_upper (std_mean_si, min_mean_si, max_mean_si, std_std_si, min_std_si, max_std_si). Give all"
            )
        spread, lower, upper, sd_spread, sd_lower, sd_upper = (float(value or 0.0) for value in ranges)
        return UncertainInterval(
            Range(self.mean_days, spread, lower, upper), Range(self.sd_days, sd_spread, sd_lower, sd_upper)
        )

    def delays(self, what: Literal["delay", "reporting"]) -> np.ndarray | None:
        """Return the probabilities of 0, 1, ... days until a case counts, or until it is in the data."""
        given, mean, sd = (getattr(self, what + end) for end in ("", "_mean_days", "_sd_days"))
        if given is not None and mean is not None:
            raise InputError(f"{what} is given twice, as a distribution and by its mean. Give one of them")
        if isinstance(given, str):
            return read_delay(Path(given), what)
        if given is not None:
            return np.array(given, dtype=float)
        if (mean is None) != (sd is None):
            raise InputError(f"{what} needs its mean and its standard deviation in days. Give both")
        return None if mean is None else delay_distribution(mean, sd, what=what)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the method's function that the settings give.

        Raises `InputError` for a setting that the method does not have.
        """
        names = ARGUMENTS[self.method]
        allowed = COMMON | DELAYS | {"weekday"} if self.method == "renewal" else COMMON
        for setting in sorted(self.model_fields_set - names.keys() - allowed):
            raise InputError(f"'{setting}' has no meaning for the method {self.method}. Leave it out")
        return {names[setting]: getattr(self, setting) for setting in names if setting in self.model_fields_set}


def read_settings(path: Path | None, options: Mapping[str, object]) -> ReproductionSettings:
    """Return the settings of a JSON file, None for none, with `options` that were given (not None) over them.

    Raises `InputError` naming the file, the field and the repair.
    """
    source = str(path) if path is not None else "the settings"
    fields: dict[str, object] = {}
    if path is not None:
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read {path} as JSON: {error}") from error
        if not isinstance(fields, dict):
            raise InputError(f'{path} holds no settings. Write an object, e.g. {{"mean_si": 2.6, "std_si": 1.5}}')
    names = {field.alias or name: name for name, field in ReproductionSettings.model_fields.items()}
    written = {names.get(key, key): key for key in fields}
    fields = {names.get(key, key): value for key, value in fields.items()}
    fields |= {key: value for key, value in options.items() if value is not None}
    method = fields.get("method", "cori")
    if isinstance(method, str):
        fields["method"] = METHODS_ELSEWHERE.get(method, method)
        if method == "uncertain_si":
            fields["uncertain"] = True
        if fields["method"] not in METHODS:
            raise InputError(f"{source}: method '{method}' is not known; choose {', '.join(METHODS)}."
                             f"{did_you_mean(method, METHODS)}")  # fmt: skip
    try:
        return ReproductionSettings(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(written.get(str(part), part)) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            hint = did_you_mean(name, [*ReproductionSettings.model_fields, *names])
            raise InputError(f"{source}: '{name}' is not a setting.{hint} Rename or remove it") from None
        raise InputError(f"{source}: '{name}' is {first['input']!r}. {first['msg']}. Correct it") from None
