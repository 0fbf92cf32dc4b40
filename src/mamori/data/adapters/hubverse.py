"""Forecasts in the long form of the Hubverse: a row for each quantile or draw of each forecast.

Source: Hubverse documentation, "Model output"; Consortium of Infectious Disease Modeling Hubs 2024.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mamori.core.contracts import Dropped
from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.data.adapters._table import FIRST_ROW, Table, numbers, open_table, readable

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

TASK = ("model", "origin_date", "target", "horizon", "location", "target_end_date")
"""What a forecast is of, and whose."""

_FORECAST_NAMES = {
    "model": ("model", "model_id"),
    "origin_date": ("origin_date", "reference_date", "forecast_date"),
    **{role: (role,) for role in ("target", "horizon", "location", "target_end_date")},
    **{role: (role,) for role in ("output_type", "output_type_id", "value")},
}
_TRUTH_NAMES = {
    "location": ("location", "series", "place"),
    "target": ("target",),
    "target_end_date": ("target_end_date", "date"),
    "observed": ("observed", "observation", "oracle_value", "value", "count"),
}
_OPTIONAL = ("model", "horizon", "target")
_DATES = ("origin_date", "target_end_date")
_DIGITS = 9
"""Levels are taken as the same when they are so to this many digits."""


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Forecasts by quantiles, by draws or by both, a row each.

    `tasks` has the columns `TASK`: `origin_date` is the date on which the forecast is based, `horizon` the number
    of periods after it, `target_end_date` the last day of the period that is forecast. `levels` (Q,) ascend in (0, 1);
    `quantiles` (N, Q) and `samples` (N, M) are NaN where a forecast does not have one. `dropped` tells which rows
    of the input are in neither.
    """

    tasks: "pl.DataFrame"
    levels: Floats
    quantiles: Floats
    samples: Floats
    dropped: tuple[Dropped, ...] = ()

    def __post_init__(self) -> None:
        size = self.tasks.height
        if self.quantiles.shape != (size, len(self.levels)) or self.samples.shape[:1] != (size,):
            raise InputError(
                f"quantiles have shape {self.quantiles.shape} and samples {self.samples.shape}; there must be a row "
                f"for each of the {size} forecasts and a column for each of the {len(self.levels)} levels"
            )

    def table(self) -> "pl.DataFrame":
        """Return the long form: a row per quantile or draw (columns: table `forecast`)."""
        import polars as pl

        parts = []
        for kind, values in (("quantile", self.quantiles), ("sample", self.samples)):
            names = [f"{level:g}" for level in self.levels] if kind == "quantile" else map(str, range(values.shape[1]))
            row, column = np.nonzero(~np.isnan(values))
            parts.append(
                self.tasks[row].with_columns(
                    pl.lit(kind).alias("output_type"),
                    pl.Series("output_type_id", np.array([*names], dtype=object)[column], dtype=pl.String),
                    pl.Series("value", values[row, column], dtype=pl.Float64),
                )
            )
        return pl.concat(parts).select(TableDefinition.load("forecast").attributes)


def read_forecasts(paths: Path | Sequence[Path]) -> Forecasts:
    """Return the forecasts in the files `paths`, or in all files below a folder, checked.

    The columns are those of the table `forecast`; ``reference_date`` or ``forecast_date`` may stand for
    ``origin_date``. Without the column ``model`` (or ``model_id``) the model is named by the file: in a hub
    ``<model>/<date>-<model>.csv`` by its folder, else by its name. An empty value is a missing quantile.

    Raises `InputError`, naming row, column, value and repair, for a file that cannot be read, a missing column, a
    cell that is no date, number or level within (0, 1), a quantile that is given twice, and quantiles that cross.
    """
    import polars as pl

    given = [paths] if isinstance(paths, Path) else list(paths)
    files = [file for path in given for file in (_files_below(path) if path.is_dir() else [path])]
    if not files:
        raise InputError("no file of forecasts is named. Name at least one")
    parts = [_read_file(file) for file in files]
    return _widened(pl.concat([part for part, _ in parts]), files, tuple(left for _, drop in parts for left in drop))


def read_truth(path: Path) -> "pl.DataFrame":
    """Return what came: columns location, target_end_date, observed and, where the file has it, target.

    ``series`` or ``place`` may stand for ``location``, ``date`` for ``target_end_date`` (it must be the last day of the
    period), and observation, oracle_value, value or count for ``observed``. Rows without a number are left out: what is
    not known cannot be compared.

    Raises `InputError` as `read_forecasts` does, and for two different numbers for one location, date and target.
    """
    import polars as pl

    table, rows, frame = _open(path, _TRUTH_NAMES, ("target",))
    known = [role for role in _TRUTH_NAMES if role != "observed" and table.has(role)]
    columns = [_typed(table, role, frame, rows) for role in known]
    columns.append(pl.Series("observed", numbers(table, "observed", rows, frame, whole=False, signed=True)))
    truth = pl.DataFrame(columns).with_columns(pl.Series("row", rows))
    truth = truth.filter(pl.col("observed").is_not_nan()).unique(
        [*known, "observed"], keep="first", maintain_order=True
    )
    if (second := _second(truth, known)) is not None:
        raise InputError(
            f"{path}: row {second['row']} gives {second['observed']:g} for {second['location']} on "
            f"{second['target_end_date']}, of which another row gives another number. Keep one (e.g. the newest as_of)"
        )
    return truth.drop("row")


def _files_below(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".csv", ".parquet"))
    if not files:
        raise InputError(f"{folder} holds no .csv or .parquet file. Name a folder with forecasts")
    return files


def _open(
    path: Path, names: dict[str, tuple[str, ...]], optional: Sequence[str]
) -> "tuple[Table, NDArray[np.int64], pl.DataFrame]":
    """Return the file as a table, its file rows, and the columns of its roles in order."""
    table = open_table(path, names)
    for role, known in names.items():
        if role not in optional and not table.has(role):
            raise InputError(f"{path}: column '{role}' is missing. Add it (as {' or '.join(known)})")
    with readable(path):
        frame = table.select([role for role in names if table.has(role)]).collect(engine="in-memory")
    return table, np.arange(FIRST_ROW, FIRST_ROW + frame.height), frame


def _typed(table: Table, role: str, frame: "pl.DataFrame", rows: NDArray[np.int64]) -> "pl.Series":
    """Return the column `role` as dates or texts, every cell filled (but of the target, which may be empty)."""
    import polars as pl

    given = frame.get_column(role)
    text = given.cast(pl.String).str.strip_chars()
    if role == "target":  # a hub of one target may leave it empty
        return text.fill_null("")
    text = text.set(text == "", None)
    values = text.str.to_date("%Y-%m-%d", strict=False) if role in _DATES else text
    if values.null_count():
        row = int(values.is_null().arg_max() or 0)
        rule = "it must be a date written YYYY-MM-DD" if role in _DATES else "a value is required"
        raise table.refuse(role, int(rows[row]), text[row], rule, "Fill or correct the cell")
    return values


def _read_file(path: Path) -> "tuple[pl.DataFrame, tuple[Dropped, ...]]":
    """Return the quantiles and draws of one file, a row each, and what is left out."""
    import polars as pl

    table, rows, frame = _open(path, _FORECAST_NAMES, _OPTIONAL)
    kinds = _typed(table, "output_type", frame, rows)
    scored = kinds.is_in(["quantile", "sample"])
    dropped = tuple(
        Dropped(f"output_type {kind}", int((kinds == kind).sum()), int(rows[(kinds == kind).arg_max() or 0]),
                "Only quantiles and samples are read")
        for kind in kinds.filter(~scored).unique().sort()
    )  # fmt: skip
    rows, frame, kinds = rows[scored.to_numpy()], frame.filter(scored), kinds.filter(scored)
    columns = [_typed(table, role, frame, rows) for role in TASK if table.has(role) and role != "horizon"]
    columns += [_horizon(table, frame, rows), kinds, *_ids(table, frame, kinds, rows)]
    value = numbers(table, "value", rows, frame, whole=False, signed=True)
    columns += [pl.Series("value", value, dtype=pl.Float64), pl.Series("row", rows, dtype=pl.Int64)]
    long = pl.DataFrame(columns)
    folder = path.parent.name
    named = {"model": folder if folder and path.stem.endswith(folder) else path.stem, "target": "", "file": str(path)}
    long = long.with_columns(pl.lit(name).alias(role) for role, name in named.items() if role not in long.columns)
    return long.select(*TASK, "output_type", "level", "draw", "value", "row", "file"), dropped


def _horizon(table: Table, frame: "pl.DataFrame", rows: NDArray[np.int64]) -> "pl.Series":
    """Return the horizon as whole numbers, null where the file does not give it."""
    import polars as pl

    if not table.has("horizon"):
        return pl.Series("horizon", [None] * frame.height, dtype=pl.Int64)
    values = numbers(table, "horizon", rows, frame, whole=False, signed=True)
    known = ~np.isnan(values)
    if (bad := known & (values != np.rint(values))).any():
        row = int(np.argmax(bad))
        raise table.refuse("horizon", int(rows[row]), frame["horizon"][row], "it must be a whole number", "Correct it")
    return pl.Series("horizon", values, dtype=pl.Float64).fill_nan(None).cast(pl.Int64)


def _ids(
    table: Table, frame: "pl.DataFrame", kinds: "pl.Series", rows: NDArray[np.int64]
) -> "tuple[pl.Series, pl.Series]":
    """Return the level of each quantile and the name of each draw, null for the other kind."""
    import polars as pl

    ids = _typed(table, "output_type_id", frame, rows)
    is_quantile = kinds == "quantile"
    level = ids.cast(pl.Float64, strict=False).round(_DIGITS)
    wrong = is_quantile & ~((level > 0.0) & (level < 1.0)).fill_null(value=False)
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        rule = "the level of a quantile must lie within (0, 1)"
        raise table.refuse("output_type_id", int(rows[row]), ids[row], rule, "Write e.g. 0.5")
    both = pl.DataFrame({"level": level, "draw": ids, "is_quantile": is_quantile}).select(
        pl.when("is_quantile").then("level").alias("level"), pl.when(~pl.col("is_quantile")).then("draw").alias("draw")
    )
    return both["level"], both["draw"]


def _second(frame: "pl.DataFrame", keys: Sequence[str]) -> dict[str, Any] | None:
    """Return the first row of which `keys` stand in a row before, None when there is none."""
    import polars as pl

    if not frame.select(keys).is_duplicated().any():
        return None
    return frame.row(int(frame.select((~pl.struct(keys).is_first_distinct()).arg_max()).item()), named=True)


def _widened(long: "pl.DataFrame", files: Sequence[Path], dropped: tuple[Dropped, ...]) -> Forecasts:
    """Return the rows as matrices with a row per forecast, in the order of the files."""
    import polars as pl

    if not long.height:
        raise InputError(f"{', '.join(map(str, files))}: there is no row with quantiles or samples. Add one")
    if (second := _second(long, [*TASK, "output_type", "level", "draw"])) is not None:
        what = "quantile" if second["draw"] is None else "sample"
        raise InputError(
            f"{second['file']}: row {second['row']} gives {what} {second['level'] or second['draw']} of "
            f"{described(second)} a second time. Remove one"
        )
    tasks = long.select(TASK).unique(maintain_order=True).with_row_index("task")
    long = long.join(tasks, on=list(TASK), how="left", nulls_equal=True, maintain_order="left")
    is_quantile = pl.col("output_type") == "quantile"
    of_quantiles, of_draws = long.filter(is_quantile), long.filter(~is_quantile)
    levels = np.unique(of_quantiles["level"].to_numpy())
    place = np.searchsorted(levels, of_quantiles["level"].to_numpy())
    number = of_draws.select(pl.int_range(pl.len()).over("task").alias("number"))["number"].to_numpy()
    quantiles = _matrix(of_quantiles, place, (tasks.height, len(levels)))
    _refuse_crossing(quantiles, levels, tasks, of_quantiles)
    samples = _matrix(of_draws, number, (tasks.height, int(number.max(initial=-1)) + 1))
    return Forecasts(tasks.drop("task"), levels, quantiles, samples, dropped)


def _matrix(long: "pl.DataFrame", column: NDArray[np.int64], shape: tuple[int, int]) -> Floats:
    values = np.full(shape, np.nan)
    values[long["task"].to_numpy(), column] = long["value"].to_numpy()
    return values


def _refuse_crossing(quantiles: Floats, levels: Floats, tasks: "pl.DataFrame", long: "pl.DataFrame") -> None:
    """Raise `InputError` naming the first quantile that lies below one of a lower level."""
    import polars as pl

    highest = np.fmax.accumulate(quantiles, axis=1) if len(levels) else quantiles
    if not (crossing := quantiles < highest).any():
        return
    task, place = (int(i) for i in np.unravel_index(np.argmax(crossing), crossing.shape))
    found = long.filter((pl.col("task") == task) & (pl.col("level") == levels[place])).row(0, named=True)
    raise InputError(
        f"{found['file']}: column 'value' row {found['row']} holds {quantiles[task, place]:g} at level "
        f"{levels[place]:g} of {described(tasks.row(task, named=True))}, below {highest[task, place]:g} at a lower "
        "level; quantiles must not cross. Sort or correct them"
    )


def described(task: Mapping[str, object]) -> str:
    """Return in words which forecast has the values `task` of `TASK`."""
    words = [f"{name} {task[name]}" for name in TASK if name not in _DATES and task[name] not in (None, "")]
    return f"the forecast of {task['origin_date']} for {task['target_end_date']} ({', '.join(words)})"
