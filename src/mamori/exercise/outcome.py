"""The outcome of an exercise: tables by draw, week, age and group, with intervals over the draws."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mamori.core.errors import InputError
from mamori.core.files import atomic_path


@dataclass(frozen=True)
class Outcome:
    """What an exercise gives: `run` says what was run, the tables say what came of it.

    * `draws`: a row per arm, draw and place; a day that never comes is null.
    * `weekly`: statistics over draws by arm, group, week and metric.
    * `ages`: the same by arm, group, age group and metric, for the whole run.
    * `summary`: the same by arm, group and metric, for the whole run, counts also per 100,000 people.
    * `differences`: what an arm averts against another, paired by draw.
    """

    run: dict[str, Any]
    draws: pl.DataFrame
    weekly: pl.DataFrame
    ages: pl.DataFrame
    summary: pl.DataFrame
    differences: pl.DataFrame

    def table(self) -> pl.DataFrame:
        """Return the summary."""
        return self.summary

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions, fingerprints and seed behind the outcome."""
        return dict(self.run["provenance"], seed=self.run["seed"])

    def write(self, folder: Path) -> None:
        """Write the run folder; ``run.json`` comes last, so that a folder with it is whole."""
        (folder / "run.json").unlink(missing_ok=True)
        for name in ("draws", "weekly", "ages"):
            with atomic_path(folder / f"{name}.parquet") as partial:
                getattr(self, name).write_parquet(partial, compression="zstd", statistics=False)
        for name in ("summary", "differences"):
            with atomic_path(folder / f"{name}.csv") as partial:
                getattr(self, name).write_csv(partial)
        with atomic_path(folder / "run.json") as partial:
            partial.write_text(json.dumps(self.run, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Outcome":
        """Return the outcome in a run folder. Raises `InputError` when it does not hold a whole one."""
        if not (folder / "run.json").is_file():
            raise InputError(
                f"{folder} holds no finished run (no run.json). Give the folder that `mamori exercise run` wrote"
            )
        try:
            run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
            tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in ("draws", "weekly", "ages")}
            tables |= {name: pl.read_csv(folder / f"{name}.csv") for name in ("summary", "differences")}
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise InputError(f"{folder} is damaged: {error}. Run the exercise again") from None
        return cls(run=run, **tables)
