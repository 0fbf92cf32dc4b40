"""The reproduction number over time: of a window of days (Cori et al. 2013), and of cases (Wallinga & Teunis 2004)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mamori.core.contracts import Observations
from mamori.core.errors import InputError
from mamori.core.provenance import provenance
from mamori.core.rng import stream_key
from mamori.inference import _cori
from mamori.inference._gamma_quantiles import unit_gamma_quantiles
from mamori.inference.serial_interval import SerialInterval, UncertainInterval

if TYPE_CHECKING:
    import polars as pl

Missing = Literal["missing", "zero"]

PROBABILITIES = np.array([0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975])
QUANTILES = ("q0.025", "q0.05", "q0.25", "median", "q0.75", "q0.95", "q0.975")
LOST_SHARE = 1e-3
"""An infection pressure is known when no more than this share of the serial interval falls on missing counts."""
LARGEST_VARIATION = 0.3
"""Estimates whose coefficient of variation may be above this are noted (Cori et al. 2013)."""
DAYS_A_YEAR = 365


class Reason(IntEnum):
    """Why a reproduction number is not there; `COMPUTED` is an empty cell in tables."""

    COMPUTED = 0
    TOO_EARLY = 1
    MISSING_COUNT = 2
    NO_CASES = 3
    NO_CONVERGENCE = 4

    @property
    def word(self) -> str:
        """The code as it stands in a table."""
        return "" if self is Reason.COMPUTED else self.name.lower().replace("_", "-")


class Note(IntEnum):
    """What to mind about a reproduction number that is there; `NOTHING` is an empty cell in tables."""

    NOTHING = 0
    FEW_CASES = 1
    NO_SOURCE = 2
    INCOMPLETE = 3

    @property
    def word(self) -> str:
        """The note as it stands in a table."""
        return "" if self is Note.NOTHING else self.name.lower().replace("_", "-")


@dataclass(frozen=True, eq=False)
class ReproductionNumbers:
    """Reproduction numbers of each series (S) over windows (W) of periods t_start..t_end, both included (W,).

    `mean`, `sd` (S, W) and `quantiles` (S, W, 7) at `PROBABILITIES`; NaN where there is a `reason` or where the
    method has no such value. `reason` and `note` (S, W) are codes of `Reason` and `Note` (uint8).
    """

    method: str
    observations: Observations
    t_start: np.ndarray
    t_end: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    quantiles: np.ndarray
    reason: np.ndarray
    note: np.ndarray
    settings: Mapping[str, Any]
    provenance: Mapping[str, str] = field(default_factory=dict)

    def reasons(self) -> dict[str, int]:
        """Return how many values there are of each reason and note, without those that have none."""
        words = [Reason(code).word for code in self.reason.ravel()] + [Note(code).word for code in self.note.ravel()]
        return {word: words.count(word) for word in dict.fromkeys(words) if word}

    def table(self) -> "pl.DataFrame":
        """Return a row per series and window with the columns of the table ``reproduction``.

        `date` is that of t_end and left out when the counts have none.
        """
        import polars as pl

        series, windows = self.mean.shape
        names = pl.Series(self.observations.names, dtype=pl.String)
        columns: dict[str, Any] = {"series": names.gather(np.repeat(np.arange(series), windows))}
        if self.observations.dates is not None:
            columns["date"] = np.tile(self.observations.dates[self.t_end - 1], series)
        columns |= {"t_start": np.tile(self.t_start, series), "t_end": np.tile(self.t_end, series)}
        columns |= {"mean": self.mean.ravel(), "sd": self.sd.ravel()}
        columns |= {name: self.quantiles[:, :, q].ravel() for q, name in enumerate(QUANTILES)}
        for name, words, codes in (("reason", Reason, self.reason), ("note", Note, self.note)):
            columns[name] = pl.Series([word.word or None for word in words], dtype=pl.String).gather(codes.ravel())
        return pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))


def estimate_reproduction_number(
    observations: Observations,
    interval: SerialInterval | UncertainInterval,
    *,
    imported: np.ndarray | None = None,
    window: int = 7,
    t_start: Sequence[int] | None = None,
    t_end: Sequence[int] | None = None,
    mean_prior: float = 5.0,
    std_prior: float = 5.0,
    missing: Missing = "missing",
    draws_of_interval: int = 500,
    draws_of_posterior: int = 50,
    seed: int = 0,
) -> ReproductionNumbers:
    """Return the posterior of the instantaneous reproduction number over windows of days (Cori et al. 2013).

    With local cases I, all cases C (local and imported), w the serial interval and the infection pressure
    Lambda_t = sum_{k>=1} w_k C_{t-k}, the I_t of a window are Poisson(R Lambda_t) and R ~ Gamma of that prior mean
    and standard deviation, so that the posterior is Gamma with shape a + sum I and rate 1/b + sum Lambda over the
    window, a = (mean/sd)^2, b = sd^2/mean. With an `UncertainInterval` it is the mixture over
    `draws_of_interval` intervals, with `draws_of_posterior` draws each (type-7 quantiles of them).

    ``observations.counts`` (S, T) are all cases per day, `imported` (S, T) those among them infected elsewhere;
    the first day's cases are taken as imported. Windows are the `window` days up to each day from day
    1 + `window`, or run from `t_start` to `t_end` (W,), 2 <= t_start <= t_end <= T. `missing` says whether a
    missing count is unknown (windows that need it have a reason) or zero.

    Reasons: ``too-early`` (t_end <= mean of the interval), ``missing-count``. Notes: ``few-cases`` (fewer than
    1/0.3^2 - a in the window), ``no-source`` (cases on a day on which no earlier case could infect).

    Raises `InputError` for counts that are not daily, negative or infinite, for fewer days than the mean of the
    interval, more imported cases than cases, windows outside the data, and a prior or a number of draws that is not
    positive.
    """
    counts, local = _checked_counts(observations, imported, missing)
    _check_length(interval.mean.mean if isinstance(interval, UncertainInterval) else interval.mean, counts.shape[1])
    starts, ends = _windows(len(observations.t), window, t_start, t_end)
    if not (0.0 < mean_prior < math.inf and 0.0 < std_prior < math.inf):
        raise InputError(f"the prior has mean {mean_prior:g} and SD {std_prior:g}; both must be > 0. Correct them")
    settings: dict[str, Any] = {"serial_interval": interval.described(), "mean_prior": mean_prior,
                                "std_prior": std_prior, "missing": missing, "seed": seed}  # fmt: skip
    prior = (mean_prior / std_prior) ** 2, std_prior**2 / mean_prior
    if not isinstance(interval, UncertainInterval):
        cases, exposure = _sums(local, starts, ends), _exposure(counts, local, [interval], starts, ends)
        shape, scale, reason, note = _posterior(cases, exposure, prior, ends)
        quantiles = unit_gamma_quantiles(shape.ravel(), PROBABILITIES).reshape(*shape.shape, -1) * scale
        moments = shape * scale[:, :, 0], np.sqrt(shape) * scale[:, :, 0], quantiles
        return _result("cori", observations, starts, ends, moments, reason, note, settings)
    if min(draws_of_interval, draws_of_posterior) < 1 or draws_of_interval * draws_of_posterior < 2:
        raise InputError(
            f"there are {draws_of_interval} draws of the interval with {draws_of_posterior} of the posterior each; "
            "both must be >= 1, and their product >= 2. Leave them out for 500 and 50"
        )
    settings |= {"draws_of_interval": draws_of_interval, "draws_of_posterior": draws_of_posterior}
    intervals = interval.draw(draws_of_interval, seed)
    parts = []
    # One series at a time: its draws are many.
    for s, name in enumerate(observations.names):
        own = slice(s, s + 1)
        cases = _sums(local[own], starts, ends)
        exposure = _exposure(counts[own], local[own], intervals, starts, ends)
        shape, scale, reason, note = _posterior(cases, exposure, prior, ends)
        parts.append((*_from_draws(shape[0], scale[0], draws_of_posterior, seed, name), reason[0], note[0]))
    mean, sd, quantiles, reason, note = (np.array(part) for part in zip(*parts, strict=True))
    return _result("cori", observations, starts, ends, (mean, sd, quantiles), reason, note, settings)


def estimate_case_reproduction_number(
    observations: Observations,
    interval: SerialInterval,
    *,
    imported: np.ndarray | None = None,
    window: int = 7,
    t_start: Sequence[int] | None = None,
    t_end: Sequence[int] | None = None,
    missing: Missing = "missing",
) -> ReproductionNumbers:
    """Return the mean number of cases that the cases of a window are expected to have caused (Wallinga & Teunis 2004).

    A case of day i was caused by one of day j with probability w_{i-j} / sum_k w_{i-k} C_k, so that a case of day
    j caused R_j = sum_i I_i w_{i-j} / sum_k w_{i-k} C_k; a window's value is the mean over its cases. What cases of the
    last days will still cause is not in the counts yet: values of the last serial interval are noted ``incomplete``
    (less than half of it has passed at t_end) and too low.

    Arguments, reasons and errors are those of `estimate_reproduction_number`; there is no prior, no standard
    deviation and no quantile, and a window without cases has the reason ``no-cases``.
    """
    counts, local = _checked_counts(observations, imported, missing)
    _check_length(interval.mean, counts.shape[1])
    starts, ends = _windows(len(observations.t), window, t_start, t_end)
    weights = interval.discretised(len(observations.t))
    pressure, missed = _pressure(counts, weights)
    unknown = np.isnan(local) | (missed > LOST_SHARE)
    caused = np.empty_like(counts)
    _cori.cases_caused(np.where(unknown, 0.0, local), np.where(unknown, 1.0, pressure), weights, caused)
    # What a case caused is unknown when a day on which it could have caused cases is.
    future, none = np.empty_like(counts), np.empty_like(counts)
    backwards = np.ascontiguousarray(unknown[:, ::-1].astype(float))
    _cori.infection_pressure(backwards, weights, future, none)
    lost = (future[:, ::-1] > LOST_SHARE) | np.isnan(counts)
    cases = _sums(np.nan_to_num(counts), starts, ends)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = _sums(np.nan_to_num(counts) * caused, starts, ends) / cases
    reason = np.zeros(mean.shape, dtype=np.uint8)
    reason[cases == 0.0] = Reason.NO_CASES
    reason[_sums(lost.astype(float), starts, ends) > 0.0] = Reason.MISSING_COUNT
    mean[reason != Reason.COMPUTED] = np.nan
    note = np.zeros(mean.shape, dtype=np.uint8)
    passed = np.cumsum(weights)[len(observations.t) - 1 - ends]
    note[:, passed < 0.5] = Note.INCOMPLETE
    note[reason != Reason.COMPUTED] = Note.NOTHING
    nothing = np.full(mean.shape, np.nan), np.full((*mean.shape, len(PROBABILITIES)), np.nan)
    settings = {"serial_interval": interval.described(), "missing": missing}
    return _result("wallinga-teunis", observations, starts, ends, (mean, *nothing), reason, note, settings)


def _checked_counts(
    observations: Observations, imported: np.ndarray | None, missing: Missing
) -> tuple[np.ndarray, np.ndarray]:
    """Return all and local cases (S, T), or raise for counts that are none."""
    if observations.frequency not in (None, DAYS_A_YEAR):
        raise InputError(
            f"the counts come {observations.frequency} times a year, but this method needs daily ones. Give daily "
            "counts (of a line list: period day), or choose the method renewal, which takes weekly ones"
        )
    if missing not in ("missing", "zero"):
        raise InputError(f"missing is '{missing}'; choose missing or zero")
    counts = check_counts(observations.counts, observations.names)
    if not counts.size:
        raise InputError("there are no counts. Give at least one series")
    if imported is None:
        elsewhere = np.zeros(counts.shape)
    else:
        elsewhere = check_counts(np.broadcast_to(imported, counts.shape), observations.names)
    if missing == "zero":
        counts, elsewhere = np.nan_to_num(counts), np.nan_to_num(elsewhere)
    local = counts - elsewhere
    if np.any(local < 0.0):
        s, t = np.argwhere(local < 0.0)[0]
        raise InputError(
            f"series '{observations.names[s]}', t={observations.t[t]}: {elsewhere[s, t]:g} of {counts[s, t]:g} cases "
            "are imported; there cannot be more than all. Correct them"
        )
    local[:, 0] = np.where(np.isnan(local[:, 0]), np.nan, 0.0)
    return np.ascontiguousarray(counts), local


def _check_length(mean_days: float, days: int) -> None:
    if mean_days >= days:
        raise InputError(
            f"the serial interval has a mean of {mean_days:g} days, but there are {days} days of counts; they must "
            "be more than that, because the sources of the cases are not among them. Give more days"
        )


def check_counts(counts: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return `counts` (S, T) as numbers, or raise `InputError` where one is negative or infinite."""
    counts = np.array(counts, dtype=float)
    bad = np.isinf(counts) | (counts < 0.0)
    if bad.any():
        s, t = np.argwhere(bad)[0]
        raise InputError(
            f"series '{names[s]}', t={t + 1} holds {counts[s, t]:g}; counts must be >= 0. Put a correction (negative "
            "count) into the days it corrects, or set the day to missing"
        )
    return counts


def _windows(
    periods: int, window: int, t_start: Sequence[int] | None, t_end: Sequence[int] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and last column (W,) of each window."""
    if (t_start is None) != (t_end is None):
        raise InputError("t_start and t_end belong together. Give both or neither")
    if t_start is None or t_end is None:
        if not 1 <= window <= periods - 1:
            raise InputError(
                f"window is {window} days and there are {periods} days of counts; it must be from 1 to "
                f"{periods - 1}, the days after the first. Choose a shorter window or give more days"
            )
        ends = np.arange(window, periods, dtype=np.int64)
        return ends - window + 1, ends
    starts, ends = np.asarray(t_start, dtype=np.int64), np.asarray(t_end, dtype=np.int64)
    if starts.shape != ends.shape or starts.ndim != 1 or not len(starts):
        raise InputError(f"there are {starts.size} t_start and {ends.size} t_end; give one of each per window")
    if np.any((starts < 2) | (ends < starts) | (ends > periods)):
        bad = int(np.argmax((starts < 2) | (ends < starts) | (ends > periods)))
        raise InputError(
            f"window {bad + 1} runs from {starts[bad]} to {ends[bad]}; it must hold 2 <= t_start <= t_end <= "
            f"{periods}, the number of days. Correct it"
        )
    return starts - 1, ends - 1


def _sums(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    sums = np.empty((len(values), len(starts)))
    _cori.window_sums(np.ascontiguousarray(values), starts, ends, sums)
    return sums


def _pressure(counts: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pressure, lost = np.empty_like(counts), np.empty_like(counts)
    _cori.infection_pressure(counts, weights, pressure, lost)
    return pressure, lost


@dataclass(frozen=True, eq=False)
class _Exposure:
    """For windows (S, W): the sum of the infection pressure under each interval (S, W, n), whether a pressure is
    unknown, whether there are cases on a day without any, and the mean of the intervals as they are cut (days)."""

    pressure: np.ndarray
    unknown: np.ndarray
    no_source: np.ndarray
    mean_days: float


def _exposure(
    counts: np.ndarray, local: np.ndarray, intervals: Sequence[SerialInterval], starts: np.ndarray, ends: np.ndarray
) -> _Exposure:
    windows = len(counts), len(starts)
    total = np.empty((*windows, len(intervals)))
    unknown, no_source, mean_days = np.zeros(windows, dtype=bool), np.zeros(windows, dtype=bool), 0.0
    for i, interval in enumerate(intervals):
        weights = interval.discretised(counts.shape[1])
        pressure, missed = _pressure(counts, weights)
        total[:, :, i] = _sums(pressure, starts, ends)
        unknown |= _sums((missed > LOST_SHARE).astype(float), starts, ends) > 0.0
        no_source |= _sums(((local > 0.0) & (pressure <= 0.0)).astype(float), starts, ends) > 0.0
        mean_days += float(np.arange(len(weights)) @ weights) / len(intervals)
    return _Exposure(total, unknown, no_source, mean_days)


def _posterior(
    cases: np.ndarray, exposure: _Exposure, prior: tuple[float, float], ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return shape (S, W), NaN where there is a reason, scale (S, W, n), reason and note (S, W)."""
    reason, note = np.zeros(cases.shape, dtype=np.uint8), np.zeros(cases.shape, dtype=np.uint8)
    reason[np.isnan(cases) | exposure.unknown] = Reason.MISSING_COUNT
    reason[:, ends + 1 <= exposure.mean_days] = Reason.TOO_EARLY
    note[cases < math.ceil(1.0 / LARGEST_VARIATION**2 - prior[0])] = Note.FEW_CASES
    note[exposure.no_source] = Note.NO_SOURCE
    note[reason != Reason.COMPUTED] = Note.NOTHING
    shape = np.where(reason == Reason.COMPUTED, prior[0] + cases, np.nan)
    return shape, 1.0 / (1.0 / prior[1] + exposure.pressure), reason, note


def _from_draws(
    shape: np.ndarray, scale: np.ndarray, each: int, seed: int, name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, SD (W,) and quantiles (W, 7) of draws from gamma distributions mixed over scales (W, n)."""
    mean, sd = np.full(shape.shape, np.nan), np.full(shape.shape, np.nan)
    quantiles = np.full((*shape.shape, len(PROBABILITIES)), np.nan)
    known = np.isfinite(shape)
    if known.any():
        draws = np.empty((int(known.sum()), scale.shape[1] * each))
        key = stream_key(seed, "reproduction-number", name, 0)
        _cori.posterior_draws(shape[known], np.ascontiguousarray(scale[known]), key, each, draws)
        mean[known], sd[known] = draws.mean(axis=1), draws.std(axis=1, ddof=1)
        quantiles[known] = np.quantile(draws, PROBABILITIES, axis=1).T
    return mean, sd, quantiles


def _result(
    method: str,
    observations: Observations,
    starts: np.ndarray,
    ends: np.ndarray,
    moments: tuple[np.ndarray, np.ndarray, np.ndarray],
    reason: np.ndarray,
    note: np.ndarray,
    settings: dict[str, Any],
) -> ReproductionNumbers:
    return ReproductionNumbers(
        method, observations, observations.t[starts], observations.t[ends], *moments, reason, note, settings,
        provenance(settings=settings),
    )  # fmt: skip
