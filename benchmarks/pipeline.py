"""Counts in a Parquet file to alarms written, for growing numbers of series: ``python -m benchmarks.pipeline``.

Each size runs as a user would run it, ``mamori detect FILE --from T --out alarms.parquet``, in a process of its own;
wall clock, CPU and the largest memory of that process are printed, and drawn with ``--plot FILE.svg``.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

WEEKS = 520
SIZES = (1_000, 10_000, 100_000)
BAR_SERIES, BAR_S, BAR_GIB = 100_000, 30.0, 4.0
PART = 50_000


@dataclass(frozen=True)
class Cost:
    """What one run took: wall clock and CPU in seconds, largest resident memory in GiB."""

    series: int
    wall_s: float
    cpu_s: float
    memory_gib: float


def write_counts(path: Path, series: int, seed: int = 1) -> None:
    """Write `series` x 520 weekly counts, long, one row each: series, date, count."""
    rng = np.random.default_rng(seed)
    weeks = np.datetime64("2015-01-05", "D") + 7 * np.arange(WEEKS)
    season = 1 + 0.5 * np.cos(2 * np.pi * np.arange(WEEKS) / 52.18)
    parts = []
    for start in range(0, series, PART):
        size = min(PART, series - start)
        mean = rng.gamma(0.5, 20.0, size)[:, None] * season
        names = pl.Series("series", [f"district-{start + i:07d}" for i in range(size)])
        parts.append(path.with_suffix(f".{start}.parquet"))
        pl.DataFrame(
            {
                "series": names.gather(np.repeat(np.arange(size), WEEKS)),
                "date": np.tile(weeks, size),
                "count": rng.poisson(mean).astype(np.int32).ravel(),
            }
        ).write_parquet(parts[-1])
    pl.scan_parquet(parts).sink_parquet(path)
    for part in parts:
        part.unlink()


def run(counts: Path, series: int, method: str, workers: int, folder: Path) -> Cost:
    """Return the cost of detection for the last week of `counts`."""
    out = folder / "alarms.parquet"
    options = ["--method", method, "--from", str(WEEKS), "--workers", str(workers), "--out", str(out)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    measured = [sys.executable, "-c", _MEASURED, "detect", str(counts), *options]
    done = subprocess.run(measured, check=True, capture_output=True, text=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rows = pl.scan_parquet(out).select(pl.len()).collect().item()
    if rows != series:
        raise SystemExit(f"{rows} rows were written for {series} series")
    return Cost(series, wall, cpu, int(done.stdout.split()[-1]) / 2**20)


_MEASURED = """
import resource, sys
from mamori.cli.main import run
code = run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


def draw(costs: Sequence[Cost], path: Path) -> None:
    """Draw CPU seconds over series, both on a log scale, with the line of equal cost per series through the last."""
    width, height, margin = 560.0, 320.0, 50.0

    def x(series: float) -> float:
        return margin + (np.log10(series) - 3) / 3 * (width - 2 * margin)

    def y(cpu_s: float) -> float:
        return height - margin - np.log10(cpu_s) / 3 * (height - 2 * margin)

    def label(at: float, below: float, words: str, anchor: str = "middle") -> str:
        return f'<text x="{at:.0f}" y="{below:.0f}" text-anchor="{anchor}" fill="#666">{words}</text>'

    last = costs[-1]
    least = last.series / last.cpu_s
    box = f"0 0 {width:g} {height:g}"
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="12">']
    for series in (1_000, 10_000, 100_000, 1_000_000):
        lines.append(label(x(series), height - 30, f"{series:,}"))
        lines.append(f'<path d="M{x(series):.0f} {margin:g}V{height - margin:g}" stroke="#ccc"/>')
    for cpu in (1, 10, 100, 1_000):
        lines.append(label(margin - 8, y(cpu) + 4, f"{cpu:,}", "end"))
        lines.append(f'<path d="M{margin:g} {y(cpu):.0f}H{width - margin:g}" stroke="#ccc"/>')
    ends = f"M{x(least):.0f} {y(1):.0f}L{x(last.series):.0f} {y(last.cpu_s):.0f}"
    lines.append(f'<path d="{ends}" stroke="#888" stroke-dasharray="4 4"/>')
    lines += [f'<circle cx="{x(c.series):.0f}" cy="{y(c.cpu_s):.0f}" r="5" fill="#0b6e99"/>' for c in costs]
    lines.append(label(width / 2, height - 8, "series of 520 weeks"))
    lines.append(label(10, margin - 20, "CPU seconds; dashed: equal cost per series", "start") + "</svg>")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row per size; 1 where the size with a bar is over it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    parser.add_argument("--series", type=int, nargs="+", default=SIZES, help="numbers of series")
    parser.add_argument("--method", default="mamori")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--plot", type=Path, help="SVG file of the cost by series")
    given = parser.parse_args(arguments)
    costs = []
    within = True
    print("method | series | wall s | CPU s | memory GiB | bar")
    for series in given.series:
        with tempfile.TemporaryDirectory() as name:
            counts = Path(name) / "counts.parquet"
            write_counts(counts, series)
            cost = run(counts, series, given.method, given.workers, Path(name))
        costs.append(cost)
        bar = ""
        if series == BAR_SERIES:
            kept = cost.wall_s <= BAR_S and cost.memory_gib <= BAR_GIB
            within &= kept
            bar = f"{BAR_S:g} s, {BAR_GIB:g} GiB: {'PASS' if kept else 'OVER'}"
        figures = f"{cost.wall_s:.1f} | {cost.cpu_s:.1f} | {cost.memory_gib:.2f}"
        print(f"{given.method} | {series:,} | {figures} | {bar}", flush=True)
    if given.plot is not None:
        draw(costs, given.plot)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
