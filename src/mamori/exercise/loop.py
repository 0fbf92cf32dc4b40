"""The weekly loop, and the exercise that runs it for every arm and draw."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mamori.core.errors import InputError, did_you_mean
from mamori.core.executor import run_chunks
from mamori.data.world import World
from mamori.epidemic.health_system import free_beds
from mamori.epidemic.model import Drivers, Epidemic
from mamori.epidemic.pathogen import draw_pathogen
from mamori.exercise.outcome import Outcome
from mamori.exercise.record import Record, Recorder
from mamori.exercise.scenario import Arm, Scenario
from mamori.exercise.scenario_file import DEFAULT, changed, load_scenario
from mamori.exercise.setup import Setup
from mamori.exercise.stages import fixed_table_stages
from mamori.exercise.tables import build_outcome
from mamori.exercise.week import DAYS, Doses, Plan, Week

CHUNK_DRAWS = 10
"""Draws that run together: enough to spread the cost of a week's decisions, few enough for the memory."""

CHUNKS = ".chunks"
"""Folder, within the run folder, of what is finished while the run goes on."""


@dataclass(frozen=True)
class Chunk:
    """Some draws of one arm."""

    arm: Arm
    first_draw: int
    draws: int

    @property
    def file_name(self) -> str:
        """Name of the file that keeps the chunk's record."""
        return f"{self.arm.name}.{self.first_draw}-{self.first_draw + self.draws - 1}.npz"


@dataclass(frozen=True)
class Progress:
    """How far a run is: told at the start and after every chunk."""

    done: int
    chunks: int
    resumed: int
    """Chunks that an interrupted run had finished before."""
    chunk: Chunk | None
    """The chunk finished last; None at the start."""


def run_exercise(
    scenario: str | Path | Scenario = DEFAULT,
    *,
    world: World | None = None,
    places: Sequence[str] | None = None,
    weeks: int | None = None,
    draws: int | None = None,
    arms: Sequence[str] | None = None,
    seed: int = 1,
    out: str | Path | None = None,
    workers: int | None = None,
    chunk_draws: int = CHUNK_DRAWS,
    progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Run an exercise and return its outcome; with `out` also write it there as a run folder.

    `scenario` is the name of a built-in scenario, a YAML file or a `Scenario`; `places`, `weeks` and `draws`
    replace its values, `arms` names those of its arms to run. `world` is where it runs, by default
    `World.load()` of the scenario's year: doses are shared among all its places, also those that take no
    part.

    The same `seed` gives the same bytes for any number of `workers` (threads; by default all processors) and
    any `chunk_draws` (draws that run together). With `out`, every finished chunk is kept there until the run
    ends: the same call after an interrupt goes on where it stopped.

    Raises `InputError` for what the scenario, its places, its arms or `out` do not allow.
    """
    resolved = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    resolved = changed(resolved, places=places, weeks=weeks, draws=draws)
    whole_world = World.load(resolved.population_year) if world is None else world
    setup = Setup.build(resolved, whole_world, seed)
    chosen = _chosen_arms(resolved, arms)
    if chunk_draws < 1:
        raise InputError(f"chunk_draws is {chunk_draws}; it must be >= 1. Give the number of draws to run together")
    chunks = {arm: _chunks(arm, resolved.draws, chunk_draws) for arm in chosen}
    folder = None if out is None else Path(out)
    with _work_folder(folder, setup.fingerprint) as work:
        _simulate_missing(setup, [chunk for members in chunks.values() for chunk in members], work, workers, progress)
        files = {arm: [work / chunk.file_name for chunk in members] for arm, members in chunks.items()}
        outcome = build_outcome(setup, files)
        if folder is not None:
            outcome.write(folder)
    return outcome


def simulate(setup: Setup, chunk: Chunk) -> Record:
    """Run the weekly loop for the draws of one chunk: advance, observe, decide ... deliver."""
    scenario, places, world = setup.scenario, setup.places, setup.world
    epidemic = Epidemic(
        world.population,
        world.contacts,
        draw_pathogen(setup.pathogen, chunk.draws, setup.seed, chunk.first_draw),
        seed=setup.seed,
        place_codes=places.codes,
        vaccine=setup.vaccine,
        coverage=setup.coverage,
        travel=world.travel,
        accuracy="coarse",
        icu_fallback=scenario.care.icu_fallback,
        first_draw=chunk.first_draw,
    )
    seeds = setup.emergence(chunk.first_draw, chunk.draws)
    epidemic.infect(seeds)
    stages = fixed_table_stages(scenario, chunk.arm, places, chunk.draws)
    recorder = Recorder(places, chunk.draws, scenario.weeks)
    nothing = np.zeros(seeds.shape)
    ward, icu = (free_beds(beds, places.occupied_share) for beds in (places.ward_beds, places.icu_beds))
    plan = Plan(Drivers(ward_beds=ward, icu_beds=icu), Doses(nothing, nothing, nothing))
    for number in range(1, scenario.weeks + 1):
        week = Week(number, plan, epidemic.advance(DAYS, plan.drivers))
        recorder.take(week)
        week.observation = stages.observe.act(week)
        week.decision = stages.decide.act(week)
        week.beds = stages.care.act(week)
        week.campaign = stages.develop.act(week)
        week.output = stages.make.act(week)
        week.allocated = stages.allocate.act(week)
        week.doses = stages.deliver.act(week)
        recorder.see(week)
        drivers = Drivers(
            contact_scale=week.decision.contact_scale,
            transmission=week.decision.transmission,
            isolation=week.decision.isolation,
            first_doses_per_day=week.doses.first / DAYS,
            ward_beds=week.beds.ward,
            icu_beds=week.beds.icu,
        )
        plan = Plan(drivers, week.doses)
    return recorder.finish(epidemic, seeds)


def _simulate_missing(
    setup: Setup,
    chunks: list[Chunk],
    work: Path,
    workers: int | None,
    progress: Callable[[Progress], None] | None,
) -> None:
    """Run the chunks whose records are not in `work` yet and keep them there."""
    missing = [chunk for chunk in chunks if not (work / chunk.file_name).is_file()]
    resumed = len(chunks) - len(missing)

    def tell(done: int, chunk: Chunk | None) -> None:
        if progress is not None:
            progress(Progress(resumed + done, len(chunks), resumed, chunk))

    def simulate_and_keep(chunk: Chunk) -> None:
        simulate(setup, chunk).save(work / chunk.file_name)

    tell(0, None)
    threads = workers if workers is not None else os.cpu_count() or 1
    for done, (index, _) in enumerate(run_chunks(simulate_and_keep, missing, workers=threads), start=1):
        tell(done, missing[index])


@contextmanager
def _work_folder(out: Path | None, fingerprint: str) -> Iterator[Path]:
    """Give a folder for finished chunks, in `out` if there is one; it goes when the run is written."""
    if out is None:
        with tempfile.TemporaryDirectory(prefix="mamori-") as folder:
            yield Path(folder)
        return
    if out.exists() and not out.is_dir():
        raise InputError(f"cannot write a run into {out}: it is a file. Name a folder")
    if out.is_dir() and any(out.iterdir()) and not ((out / "run.json").is_file() or (out / CHUNKS).is_dir()):
        raise InputError(f"{out} is not empty and holds no run; nothing was written. Name a new folder")
    # Another scenario or seed has another fingerprint: its chunks are never mixed with these.
    work = out / CHUNKS / fingerprint[:16]
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write into {out}: {error.strerror}. Name another folder") from None
    yield work
    shutil.rmtree(work)
    with suppress(OSError):  # another run's chunks may wait there
        work.parent.rmdir()


def _chosen_arms(scenario: Scenario, names: Sequence[str] | None) -> list[Arm]:
    """Return the arms of these names, in the order of the scenario; all without names."""
    arms = {arm.name: arm for arm in scenario.arms}
    if names is None:
        return list(arms.values())
    for name in names:
        if name not in arms:
            raise InputError(
                f"arm '{name}' is not one of the scenario's.{did_you_mean(name, arms)} The arms are {', '.join(arms)}"
            )
    if not names:
        raise InputError(f"no arm is named; name some of {', '.join(arms)}")
    return [arm for name, arm in arms.items() if name in names]


def _chunks(arm: Arm, draws: int, size: int) -> list[Chunk]:
    return [Chunk(arm, first, min(size, draws - first)) for first in range(0, draws, size)]
