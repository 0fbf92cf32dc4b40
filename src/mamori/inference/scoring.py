"""How good forecasts were: scores of quantiles, draws, counts and categories; tables of forecasts against the truth."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mamori.core.contracts import Dropped
from mamori.core.errors import InputError, did_you_mean
from mamori.core.provenance import provenance
from mamori.core.tables import TableDefinition
from mamori.data.adapters.hubverse import TASK, Forecasts, described
from mamori.inference._arrays import Floats
from mamori.inference._count_scores import cdf_counts, crps_counts, dawid_sebastiani_counts, log_score_counts
from mamori.inference._quantile_scores import (
    HUB_LEVELS,
    IntervalScore,
    crps_from_quantiles,
    interval_coverage,
    quantile_bias,
    quantile_coverage,
    weighted_interval_score,
)
from mamori.inference._relative_skill import relative_skill
from mamori.inference._sample_scores import (
    brier_score,
    crps_samples,
    dawid_sebastiani_samples,
    log_score_categories,
    pit_histogram,
    randomised_pit,
    ranked_probability_score,
    sample_bias,
    sample_cdf,
)

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "HUB_LEVELS",
    "IntervalScore",
    "Scores",
    "brier_score",
    "cdf_counts",
    "crps_counts",
    "crps_from_quantiles",
    "crps_samples",
    "dawid_sebastiani_counts",
    "dawid_sebastiani_samples",
    "interval_coverage",
    "log_score_categories",
    "log_score_counts",
    "pit_histogram",
    "quantile_bias",
    "quantile_coverage",
    "randomised_pit",
    "ranked_probability_score",
    "relative_skill",
    "sample_bias",
    "sample_cdf",
    "score_forecasts",
    "weighted_interval_score",
]

Incomplete = Literal["error", "exclude", "common"]
INCOMPLETE: tuple[Incomplete, ...] = get_args(Incomplete)
"""What to do where forecasts of one target have different quantiles."""

_INTERVALS = (50, 90, 95)
_WIS_PARTS = ("wis", "dispersion", "overprediction", "underprediction")


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of forecasts, a row each (columns: table `scores`), and what could not be scored."""

    frame: "pl.DataFrame"
    dropped: tuple[Dropped, ...]
    provenance: Mapping[str, str]

    def table(self) -> "pl.DataFrame":
        """Return a row per forecast (columns: table `scores`)."""
        return self.frame

    def summary(self, by: Sequence[str] = ("model",), baseline: str | None = None) -> "pl.DataFrame":
        """Return the mean scores by the columns `by` (columns: those, then of the table `score_summary`).

        Where `by` has ``model``, `relative_skill` compares the models within each combination of the others, by the
        weighted interval score or, where no forecast has quantiles, by the CRPS; with `baseline`, scaled by the
        relative skill of that model. Raises `InputError` for a column or a model that does not exist, and for a
        baseline when `by` does not have ``model``.
        """
        _check_names("by", by, TASK)
        if len(set(by)) < len(by) or not by:
            raise InputError(f"by is '{','.join(by)}'; name at least one column, each once, e.g. model,horizon")
        if baseline is not None and "model" not in by:
            raise InputError(f"by is '{','.join(by)}', without model: nothing is scaled by '{baseline}'. Add it")
        if baseline is not None:
            _check_names("baseline", [baseline], self.frame["model"].unique().sort().to_list())
        definition = TableDefinition.load("score_summary")
        names = [name for name in definition.attributes if name in self.frame.columns and name not in TASK]
        summary = _means(self.frame.sort(by, nulls_last=True, maintain_order=True), by, names)
        if "model" in by:
            skill = self._relative_skill([name for name in by if name != "model"], baseline)
            summary = summary.join(skill, on=list(by), how="left", nulls_equal=True, maintain_order="left")
        return summary

    def _relative_skill(self, groups: Sequence[str], baseline: str | None) -> "pl.DataFrame":
        """Return the columns `groups`, model, relative_skill and, with a baseline, scaled_relative_skill."""
        import polars as pl

        score = "wis" if self.frame["wis"].null_count() < self.frame.height else "crps"
        models = self.frame["model"].unique().sort()
        parts = []
        for group in self.frame.partition_by(groups, maintain_order=True) if groups else [self.frame]:
            code = group.select(pl.struct(name for name in TASK if name != "model").rank("dense") - 1).to_series()
            matrix = np.full((len(models), int(code.max() or 0) + 1), np.nan)  # type: ignore[arg-type]
            row = models.search_sorted(group["model"]).to_numpy()
            matrix[row, code.to_numpy()] = group[score].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            skill = relative_skill(matrix)
            columns = {"model": models, "relative_skill": skill}
            if baseline is not None:
                with np.errstate(divide="ignore", invalid="ignore"):
                    columns["scaled_relative_skill"] = skill / skill[models.index_of(baseline)]
            labels = [pl.lit(group[name][0], dtype=group.schema[name]).alias(name) for name in groups]
            parts.append(pl.DataFrame(columns).with_columns(labels))
        frame = pl.concat(parts)
        numbers = pl.col("^.*relative_skill$")
        return frame.with_columns(pl.when(numbers.is_finite()).then(numbers).name.keep())


def _means(frame: "pl.DataFrame", by: Sequence[str], names: Sequence[str]) -> "pl.DataFrame":
    """Return the number of rows and the means of the columns `names` for each run of equal `by` in a sorted frame.

    The sums are NumPy's, whose order, unlike that of polars, does not depend on the threads.
    """
    import polars as pl

    starts = np.flatnonzero(frame.select(pl.struct(by).rle_id().diff().fill_null(1) != 0).to_series().to_numpy())
    values = frame.select(pl.col(names).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    known = ~np.isnan(values)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts)
    with np.errstate(invalid="ignore"):
        means = pl.DataFrame(sums / np.add.reduceat(known.astype(float), starts), schema=list(names))
    number = pl.Series("forecasts", np.diff(starts, append=frame.height), dtype=pl.Int64)
    return frame[starts].select(by).with_columns(number, *means.fill_nan(None).get_columns())


def score_forecasts(
    forecasts: Forecasts,
    truth: "pl.DataFrame",
    *,
    incomplete: Incomplete = "error",
    log: bool = False,
    seed: int = 0,
) -> Scores:
    """Score each forecast whose observation is known.

    `truth` has the columns location, target_end_date, observed and, unless all forecasts have one target, target.
    Forecasts of one target must have the same quantiles, since a score depends on which are given; `incomplete`
    says what to do where they have not: raise an error, exclude the forecasts that lack one that another has, or
    use the levels that are common to all. `log` scores log(x + 1) of forecasts and observations instead (Bosse
    et al. 2023, PLoS Comput Biol 19:e1011393), so that a small place counts as much as a large one. `seed` is of the
    randomised PIT. What is left out is counted in `dropped`.

    Raises `InputError` when nothing can be scored, when several targets have one truth, when quantiles differ
    ("error"), when levels are not in pairs around the median, and for `log` of a value below 0.
    """
    if incomplete not in INCOMPLETE:
        raise InputError(f"incomplete is '{incomplete}'; choose {', '.join(INCOMPLETE)}")
    joined, known = _joined(forecasts.tasks, truth)
    dropped = [*forecasts.dropped]
    if missing := int((~known).sum()):
        dropped.append(Dropped("no observation for the forecast", missing, None, "Give a truth that covers it"))
    quantiles, usable, left_out = _complete(forecasts, known, incomplete)
    dropped += left_out
    chosen = np.flatnonzero(known & usable)
    if not len(chosen):
        raise InputError(
            f"none of {len(known):,} forecasts can be scored: {known.sum():,} have an observation of their location "
            "and target_end_date. Compare how the two files write locations and dates"
        )
    frame = joined[chosen]
    y, q, draws = (frame["observed"].to_numpy(), quantiles[chosen], forecasts.samples[chosen])
    if log:
        y, q, draws = (_log1p(name, values) for name, values in (("observed", y), ("quantile", q), ("sample", draws)))
    columns = _of_quantiles(y, q, forecasts.levels)
    for name, values in _of_draws(y, draws, seed).items():
        columns[name] = np.where(np.isnan(columns[name]), values, columns[name]) if name in columns else values
    columns |= {"observed": y, "absolute_error": np.abs(columns["predicted"] - y)}
    digest = hashlib.sha256(forecasts.quantiles.tobytes() + forecasts.samples.tobytes()).hexdigest()
    origin = provenance() | {"forecasts_sha256": digest}
    return Scores(_framed(frame, columns), tuple(dropped), origin)


def _check_names(what: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise InputError(f"{what}: '{name}' is not known.{did_you_mean(name, known)} Choose of {', '.join(known)}")


def _joined(tasks: "pl.DataFrame", truth: "pl.DataFrame") -> "tuple[pl.DataFrame, NDArray[np.bool_]]":
    """Return the tasks with what came, and where that is known."""
    keys = ["location", "target_end_date"]
    if "target" in truth.columns:
        keys.append("target")
    elif tasks["target"].n_unique() > 1:
        several = ", ".join(f"'{target}'" for target in tasks["target"].unique().sort())
        raise InputError(f"the forecasts have the targets {several}, the truth has no column 'target'. Add it")
    if not truth.select(keys).is_unique().all():
        raise InputError(f"the truth has two rows for one {', '.join(keys)}. Keep one")
    joined = tasks.join(truth.select(*keys, "observed"), on=keys, how="left", maintain_order="left")
    return joined, (joined["observed"].is_not_null() & joined["observed"].is_not_nan()).to_numpy()


def _complete(
    forecasts: Forecasts, known: NDArray[np.bool_], incomplete: Incomplete
) -> tuple[Floats, NDArray[np.bool_], list[Dropped]]:
    """Return the quantiles to score, which forecasts have something to score, and what is left out."""
    quantiles = forecasts.quantiles.copy()
    given = ~np.isnan(quantiles)
    usable = np.asarray(given.any(axis=1) | (~np.isnan(forecasts.samples)).any(axis=1))
    dropped = []
    if empty := int((known & ~usable).sum()):
        dropped.append(Dropped("forecast without any value", empty, None, "Give its quantiles"))
    for target in forecasts.tasks["target"].unique(maintain_order=True):
        rows = (forecasts.tasks["target"] == target).to_numpy() & known & given.any(axis=1)
        lacking = given[rows].any(axis=0) & ~given[rows]
        if not lacking.any():
            continue
        first, level = (int(i) for i in np.unravel_index(np.argmax(lacking), lacking.shape))
        if incomplete == "error":
            task = forecasts.tasks.row(int(np.flatnonzero(rows)[first]), named=True)
            raise InputError(
                f"the quantile {forecasts.levels[level]:g} is missing in {described(task)}, and others have it; scores "
                "of different quantiles are not comparable. Add it, or leave out such forecasts (incomplete=exclude) "
                "or such quantiles (incomplete=common)"
            )
        if incomplete == "exclude":
            short = np.flatnonzero(rows)[lacking.any(axis=1)]
            usable[short] = False
            dropped.append(Dropped("forecast lacks a quantile of others", len(short), None, "Give all quantiles"))
        else:
            uncommon = lacking.any(axis=0)
            names = ", ".join(f"{tau:g}" for tau in forecasts.levels[uncommon])
            reason = f"value of a quantile that not all forecasts have ({names})"
            dropped.append(Dropped(reason, int(given[rows][:, uncommon].sum()), None, "Give all quantiles"))
            quantiles[np.ix_(rows, uncommon)] = np.nan
            if not given[rows][:, ~uncommon].any():
                raise InputError(f"the forecasts of target '{target}' have no quantile in common. Add one, e.g. 0.5")
    return quantiles, usable, dropped


def _log1p(name: str, values: Floats) -> Floats:
    if (values < 0.0).any():
        raise InputError(f"{name} holds {np.nanmin(values):g}; log needs values >= 0. Score on the natural scale")
    return np.log1p(values)


def _of_quantiles(y: Floats, q: Floats, levels: Floats) -> dict[str, Floats]:
    """Return the scores of forecasts by quantiles, NaN for the others; those with the same levels together."""
    names = ("predicted", *_WIS_PARTS, *(f"coverage_{share}" for share in _INTERVALS), "bias")
    scores = {name: np.full(len(y), np.nan) for name in names}
    given = ~np.isnan(q)
    left = given.any(axis=1)
    while left.any():  # once for each set of levels: no more than there are targets
        pattern = given[np.argmax(left)]
        rows = left & (given == pattern).all(axis=1)
        left &= ~rows
        block = (y[rows], q[np.ix_(rows, pattern)], levels[pattern])
        parts = weighted_interval_score(*block)
        for name in _WIS_PARTS:
            scores[name][rows] = getattr(parts, name)
        for share in _INTERVALS:
            if np.isclose(levels[pattern][:, None], [0.5 - share / 200, 0.5 + share / 200]).any(axis=0).all():
                scores[f"coverage_{share}"][rows] = interval_coverage(*block, share / 100)
        if len(block[2]) % 2:
            scores["predicted"][rows] = block[1][:, len(block[2]) // 2]
            scores["bias"][rows] = quantile_bias(*block)
    return scores


def _of_draws(y: Floats, draws: Floats, seed: int) -> dict[str, Floats]:
    """Return the scores of forecasts by draws, NaN for the others; those with the same number of draws together."""
    names = ("predicted", "bias", "crps", "dawid_sebastiani", "pit")
    scores = {name: np.full(len(y), np.nan) for name in names}
    number = (~np.isnan(draws)).sum(axis=1)
    below, at_most = np.zeros(len(y)), np.zeros(len(y))
    for size in np.unique(number[number > 0]):
        rows = number == size
        seen, block = y[rows], np.sort(draws[rows], axis=1)[:, :size]  # NaN is sorted to the end
        below[rows], at_most[rows] = sample_cdf(seen, block)
        scores["predicted"][rows] = np.median(block, axis=1)
        scores["bias"][rows] = sample_bias(seen, block)
        scores["crps"][rows] = crps_samples(seen, block)
        if size > 1:
            scores["dawid_sebastiani"][rows] = dawid_sebastiani_samples(seen, block)
    if number.any():
        scores["pit"] = np.where(number > 0, randomised_pit(below, at_most, seed=seed), np.nan)
    return scores


def _framed(tasks: "pl.DataFrame", columns: dict[str, Floats]) -> "pl.DataFrame":
    """Return the scores as the table `scores`; what could not be computed is null."""
    import polars as pl

    definition = TableDefinition.load("scores")
    scores = pl.DataFrame(columns).with_columns(pl.when(pl.all().is_finite()).then(pl.all()).name.keep())
    scores = scores.with_columns(pl.col("^coverage_.*$").cast(pl.Boolean))
    return definition.validate(tasks.select(TASK).with_columns(scores.get_columns()), "the scores")
