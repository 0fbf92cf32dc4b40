"""Run the benchmarks: ``python -m benchmarks [JOB ...] [--peers PYTHON] [--exercise DRAWS]``."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.jobs import JOBS, Job, seir_job
from mamori.core.errors import InputError

EXERCISE_BAR_S, EXERCISE_DRAWS, EXERCISE_ARMS = 600.0, 100, 2
HEADER = ("job", "wall ms", "CPU ms", "budget", "", "peer", "peer's CPU ms", "ratio")


def best(job: Job) -> tuple[float, float]:
    """Return wall and CPU milliseconds of the job, best of its repeats, after one run that compiles."""
    run = job.prepare()
    run()
    wall = cpu = float("inf")
    for _ in range(job.repeats):
        begin_wall, begin_cpu = time.perf_counter(), time.process_time()
        run()
        wall = min(wall, time.perf_counter() - begin_wall)
        cpu = min(cpu, time.process_time() - begin_cpu)
    return 1e3 * wall, 1e3 * cpu


def side_by_side(python: str) -> dict[str, float]:
    """Run the SEIR job in the programs that ``python`` has; CPU milliseconds by program."""
    script = Path(__file__).with_name("peers.py")
    finished = subprocess.run(
        [python, str(script)], input=json.dumps(seir_job()), capture_output=True, text=True, check=True
    )
    answers = [json.loads(line) for line in finished.stdout.splitlines() if line.startswith("{")]
    return {answer["peer"]: answer["cpu_ms"] for answer in answers}


def line(job: Job, live: dict[str, float]) -> tuple[tuple[str, ...], bool]:
    """Return the job's row, and whether it keeps its budget."""
    try:
        wall, cpu = best(job)
    except InputError as error:
        return (job.name, "-", "-", f"{job.budget_ms:g}", f"not run: {error}"), True
    kept = cpu <= job.budget_ms
    row = [f"{job.name}: {job.what}", f"{wall:.2f}", f"{cpu:.2f}", f"{job.budget_ms:g}", "PASS" if kept else "OVER"]
    if job.side_by_side in live:
        peer = live[str(job.side_by_side)]
        row += [str(job.side_by_side), f"{peer:.4g}", f"{peer / cpu:.1f}"]
    elif job.peer:
        row += [f"{job.peer.program} (recorded)", f"{job.peer.cpu_ms:g}", f"{job.peer.cpu_ms / cpu:.1f}"]
    return tuple(row), kept


def exercise(draws: int) -> tuple[tuple[str, ...], bool]:
    """Run the built-in exercise with two arms; the time is scaled to 100 draws."""
    from mamori.exercise.loop import run_exercise
    from mamori.exercise.scenario_file import load_scenario

    arms = [arm.name for arm in load_scenario("disease-x").arms][:EXERCISE_ARMS]
    wall, cpu = time.perf_counter(), time.process_time()
    run = run_exercise(draws=draws, arms=arms).run
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    country_years = len(run["places"]) * run["weeks"] / 52.18 * draws * len(arms)
    scaled = EXERCISE_DRAWS / draws
    kept = wall * scaled <= EXERCISE_BAR_S
    what = (
        f"exercise: {len(run['places'])} places, {run['weeks']} weeks, {len(arms)} arms, {EXERCISE_DRAWS} draws "
        f"(from {draws}; {1e3 * cpu / country_years:.2f} ms per country-year)"
    )
    row = (
        what,
        f"{1e3 * wall * scaled:.0f}",
        f"{1e3 * cpu * scaled:.0f}",
        f"{1e3 * EXERCISE_BAR_S:g} (wall)",
        "PASS" if kept else "OVER",
    )
    return row, kept


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row per job; 1 where a job is over its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("jobs", nargs="*", help="names of jobs; by default all")
    parser.add_argument("--peers", metavar="PYTHON", help="an interpreter with epydemix and memilio-simulation")
    parser.add_argument("--exercise", type=int, metavar="DRAWS", help="also run the built-in exercise")
    given = parser.parse_args(arguments)
    unknown = set(given.jobs) - {job.name for job in JOBS}
    if unknown:
        parser.error(f"no job {', '.join(sorted(unknown))}; there are {', '.join(job.name for job in JOBS)}")
    live = side_by_side(given.peers) if given.peers else {}
    print(" | ".join(HEADER), flush=True)
    within = True
    for job in JOBS:
        if not given.jobs or job.name in given.jobs:
            row, kept = line(job, live)
            within &= kept
            print(" | ".join(row), flush=True)
    if given.exercise:
        row, kept = exercise(given.exercise)
        within &= kept
        print(" | ".join(row), flush=True)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
