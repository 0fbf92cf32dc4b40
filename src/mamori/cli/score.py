"""`mamori score`: forecasts held against what came."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mamori.cli._common import Language, compiling
from mamori.core.files import atomic_path, check_table_format, write_table
from mamori.core.messages import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from mamori.core.contracts import Dropped
    from mamori.inference.scoring import Incomplete, Scores

SHOWN_GROUPS = 40
"""Groups in the printed list; all are in the file."""

HEADINGS = {
    "model": "Model",
    "origin_date": "Origin",
    "target": "Target",
    "horizon": "Horizon",
    "location": "Location",
    "target_end_date": "Period ends",
    "forecasts": "Forecasts",
    "wis": "WIS",
    "crps": "CRPS",
    "dispersion": "Dispersion",
    "overprediction": "Overprediction",
    "underprediction": "Underprediction",
    "bias": "Bias",
    "coverage_50": "50 % held",
    "coverage_90": "90 % held",
    "relative_skill": "Relative skill",
    "scaled_relative_skill": "Scaled skill",
}
_SHARES = ("coverage_50", "coverage_90")


def score(
    forecasts: Annotated[
        list[Path],
        typer.Argument(help="Forecasts in Hubverse form: .csv or .parquet files, or folders of them."),
    ],
    truth: Annotated[Path, typer.Option(help="What came: location, target_end_date, observed, and target if several.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File of a row per forecast: .csv, .parquet or .json; the means lie in FILE.summary beside it.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[str, typer.Option(help="Columns to take means by: model, horizon, location, target ...")] = "model",
    baseline: Annotated[
        str | None, typer.Option(help="Model by which relative skill is scaled.", show_default=False)
    ] = None,
    incomplete: Annotated[
        str,
        typer.Option(help="Where quantiles differ: error, exclude (such forecasts) or common (quantiles only)."),
    ] = "error",
    log: Annotated[bool, typer.Option("--log", help="Score log(x + 1): a small place counts as a large one.")] = False,
    seed: Annotated[int, typer.Option(help="Of the randomised PIT of draws.")] = 0,
    lang: Language = "en",
) -> None:
    """Score forecasts: weighted interval score and its parts, coverage, bias, CRPS, and skill against other models.

    Example: mamori score model-output --truth target.csv --by model,horizon --baseline hub-baseline --out scores.csv
    """
    if out is not None:
        check_table_format(out)
    from mamori.data.adapters.hubverse import read_forecasts, read_truth
    from mamori.inference.scoring import score_forecasts

    given = read_forecasts(forecasts)
    with compiling(lang):
        scores = score_forecasts(
            given, read_truth(truth), incomplete=cast("Incomplete", incomplete), log=log, seed=seed
        )
    summary = scores.summary([name.strip() for name in by.split(",")], baseline)
    for left in scores.dropped:
        typer.echo(_left_out(left, lang), err=True)
    _print_summary(scores, summary, lang)
    if out is not None:
        settings = {"by": by, "baseline": baseline, "incomplete": incomplete, "log": log, "seed": seed}
        _write(scores, summary, out, truth, settings)
        typer.echo(f"{text('Written', lang)}: {out}")


def _write(scores: "Scores", summary: "pl.DataFrame", out: Path, truth: Path, settings: "Mapping[str, object]") -> None:
    """Write the scores to `out`, their means and provenance beside it."""
    write_table(scores.table(), out)
    write_table(summary, out.with_suffix(f".summary{out.suffix}"))
    with truth.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    origin = {
        "settings": dict(settings),
        "left_out": [vars(left) for left in scores.dropped],
        "provenance": {**scores.provenance, "truth_sha256": digest},
    }
    with atomic_path(out.with_suffix(".provenance.json")) as partial:
        partial.write_text(json.dumps(origin, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _left_out(left: "Dropped", lang: str) -> str:
    return text("left out: {rows} × {reason}. {repair}", lang).format(
        rows=f"{left.rows:,}", reason=left.reason, repair=left.repair
    )


def _print_summary(scores: "Scores", summary: "pl.DataFrame", lang: str) -> None:
    """Print the means by group; columns without any value are left out."""
    from rich.console import Console
    from rich.table import Table

    title = text("{number} forecasts scored", lang).format(number=f"{scores.table().height:,}")
    table = Table(title=title, title_justify="left")
    shown = [name for name in HEADINGS if name in summary.columns and summary[name].null_count() < summary.height]
    for name in shown:
        label = summary.schema[name].is_numeric() and name != "horizon"
        table.add_column(text(HEADINGS[name], lang), justify="right" if label else "left", overflow="fold")
    for row in summary.head(SHOWN_GROUPS).iter_rows(named=True):
        table.add_row(*(_cell(name, row[name]) for name in shown))
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, 160))
    console.print(table)
    if summary.height > SHOWN_GROUPS:
        console.print(text("and {number} more; --out writes all", lang).format(number=summary.height - SHOWN_GROUPS))


def _cell(name: str, value: object) -> str:
    if name in _SHARES and isinstance(value, float):
        return f"{value:.0%}"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
