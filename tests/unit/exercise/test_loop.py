"""The loop on three real places: what must hold for any exercise, whatever its numbers."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mamori.core.errors import InputError
from mamori.data.world import World
from mamori.exercise import loop
from mamori.exercise.compare import compare_runs
from mamori.exercise.loop import Chunk, Progress, run_exercise, simulate
from mamori.exercise.outcome import Outcome
from mamori.exercise.record import Record
from mamori.exercise.scenario import Arm, Scenario
from mamori.exercise.scenario_file import changed
from mamori.exercise.setup import Setup

FILES = ("ages.parquet", "differences.csv", "draws.parquet", "run.json", "summary.csv", "weekly.parquet")


@pytest.fixture(scope="module")
def world() -> World:
    return World.load()


@pytest.fixture(scope="module")
def scenario(disease_x: Scenario) -> Scenario:
    """Disease X for 60 weeks in three places of three income groups, vaccine at once or late."""
    vaccine = disease_x.vaccine.model_copy(update={"approval_days": [0, 365]})
    small = disease_x.model_copy(update={"vaccine": vaccine})
    return changed(small, places=["ISL", "MNG", "RWA"], weeks=60, draws=3)


@pytest.fixture(scope="module")
def run(scenario: Scenario, world: World) -> Callable[..., Outcome]:
    def run_it(**options: object) -> Outcome:
        return run_exercise(scenario, world=world, seed=3, **{"workers": 1, **options})  # type: ignore[arg-type]

    return run_it


@pytest.fixture(scope="module")
def outcome(run: Callable[..., Outcome]) -> Outcome:
    return run()


def test_a_run_names_its_arms_places_and_assumptions(outcome: Outcome, scenario: Scenario) -> None:
    assert [arm["name"] for arm in outcome.run["arms"]] == [arm.name for arm in scenario.arms]
    assert outcome.run["places"] == ["ISL", "MNG", "RWA"]
    assert outcome.run["assumptions"]
    assert Scenario.model_validate_json(json.dumps(outcome.run["scenario"])) == scenario


def test_totals_agree_over_weeks_ages_groups_and_draws(outcome: Outcome) -> None:
    for metric in ("infections", "deaths"):
        draws = outcome.draws.group_by("arm", "draw", maintain_order=True).agg(pl.col(metric).sum())
        mean = draws.group_by("arm", maintain_order=True).agg(pl.col(metric).mean())
        world = {"group_kind": "world", "metric": metric}
        summary = outcome.summary.filter(**world)
        ages = outcome.ages.filter(**world).group_by("arm", maintain_order=True).agg(pl.col("mean").sum())
        weekly = outcome.weekly.filter(**world).group_by("arm", maintain_order=True).agg(pl.col("mean").sum())
        np.testing.assert_allclose(summary["mean"], mean[metric], rtol=1e-9)
        np.testing.assert_allclose(ages["mean"], mean[metric], rtol=1e-9)
        # The people infected on day 0 belong to no week.
        seeds = 20.0 if metric == "infections" else 0.0
        np.testing.assert_allclose(weekly["mean"].cast(pl.Float64) + seeds, mean[metric], rtol=1e-5)


def test_nobody_is_counted_twice(outcome: Outcome, world: World) -> None:
    people = dict(zip(world.codes, world.population.sum(axis=1), strict=True))
    for row in outcome.draws.iter_rows(named=True):
        assert 0.0 <= row["deaths"] <= people[row["code"]]
        assert row["yll"] <= row["deaths"] * 100.0
    totals = outcome.draws.group_by("arm", "draw").agg(pl.col("infections", "deaths").sum())
    assert (totals["deaths"] < totals["infections"]).all()


def test_what_happens_before_the_first_dose_is_the_same_in_both_vaccine_arms(scenario: Scenario, world: World) -> None:
    setup = Setup.build(scenario, world, seed=3)
    early, late = (simulate(setup, Chunk(Arm("central", day), 0, 3)) for day in (0, 365))
    doses = early.weekly["first_doses_cum"].sum(axis=2)
    for draw in range(3):
        before = doses[draw] == 0.0
        assert before.any()
        assert not before.all()
        for metric in ("infections", "deaths", "ward_demand", "contact_scale"):
            np.testing.assert_array_equal(early.weekly[metric][draw, before], late.weekly[metric][draw, before])


def test_doses_given_follow_doses_that_arrived(scenario: Scenario, world: World) -> None:
    record = simulate(Setup.build(scenario, world, seed=3), Chunk(Arm("none", 0), 0, 3))
    arrived, given = record.weekly["doses_arrived_cum"], record.weekly["doses_cum"]
    assert given.max() > 0.0
    assert (given <= arrived * (1.0 + 1e-5) + 1.0).all()
    assert (np.diff(given, axis=1) >= 0.0).all()


def test_a_response_lowers_contacts_and_deaths(outcome: Outcome) -> None:
    world = outcome.summary.filter(group_kind="world", metric="deaths")
    deaths = dict(zip(world["arm"], world["mean"], strict=True))
    assert deaths["strong-365"] < deaths["central-365"] < deaths["none-365"]
    assert deaths["none-0"] <= deaths["none-365"]
    contacts = outcome.weekly.filter(group_kind="world", metric="contact_scale")
    assert (contacts.filter(arm="none-365")["q05"] == 1.0).all()
    assert (contacts.filter(arm="central-365")["q05"] < 0.9).any()


def _bytes(folder: Path) -> dict[str, bytes]:
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.mark.parametrize(("workers", "chunk_draws"), [(1, 1), (2, 2), (3, 5)])
@pytest.mark.parametrize("beds", ["national", "pooled-by-region"])
def test_the_same_bytes_for_any_number_of_workers_and_draws_together(
    scenario: Scenario, world: World, tmp_path: Path, workers: int, chunk_draws: int, beds: str
) -> None:
    shorter = changed(scenario, weeks=25, care=scenario.care.model_copy(update={"beds": beds}).model_dump())
    arms = ["central-0"]
    for folder, threads, together in (("all", 1, 3), ("parts", workers, chunk_draws)):
        run_exercise(shorter, world=world, arms=arms, out=tmp_path / folder, workers=threads, chunk_draws=together)
    assert _bytes(tmp_path / "all") == _bytes(tmp_path / "parts")


def test_an_interrupted_run_goes_on_without_doing_anything_twice(
    run: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"arms": ["none-0", "central-0"], "weeks": 20, "chunk_draws": 1}
    run(out=tmp_path / "whole", **options)
    done: list[Chunk] = []

    def stop_after_two(setup: Setup, chunk: Chunk) -> Record:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(chunk)
        return simulate(setup, chunk)

    monkeypatch.setattr(loop, "simulate", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        run(out=tmp_path / "parts", **options)
    assert not (tmp_path / "parts" / "run.json").exists()
    with pytest.raises(InputError, match="holds no finished run"):
        Outcome.read(tmp_path / "parts")
    monkeypatch.setattr(loop, "simulate", simulate)
    told: list[Progress] = []
    run(out=tmp_path / "parts", progress=told.append, **options)
    assert told[0].resumed == 2
    assert not {progress.chunk for progress in told} & set(done)
    assert _bytes(tmp_path / "parts") == _bytes(tmp_path / "whole")


def test_another_seed_does_not_take_what_an_interrupted_run_kept(scenario: Scenario, world: World) -> None:
    prints = {Setup.build(scenario, world, seed).fingerprint for seed in (1, 2)}
    longer = Setup.build(changed(scenario, weeks=61), world, 1).fingerprint
    more_draws = Setup.build(changed(scenario, draws=9), world, 1).fingerprint
    assert len(prints | {longer}) == 3
    assert more_draws in prints


def test_a_run_read_back_is_the_run_written(run: Callable[..., Outcome], tmp_path: Path) -> None:
    written = run(out=tmp_path / "run", arms=["none-0"], weeks=10)
    read = Outcome.read(tmp_path / "run")
    assert read.run == json.loads(json.dumps(written.run))
    assert read.draws.equals(written.draws)
    assert read.weekly.equals(written.weekly)
    assert read.summary["mean"].to_list() == pytest.approx(written.summary["mean"].to_list(), nan_ok=True)


def test_comparing_a_run_with_itself_finds_no_difference(outcome: Outcome) -> None:
    table = compare_runs(outcome, outcome)
    assert set(table["arm"]) == {arm["name"] for arm in outcome.run["arms"]}
    assert (table["difference_mean"] == 0.0).all()
    assert (table["first_q50"] == table["second_q50"]).all()


def test_runs_of_different_seeds_are_not_paired(run: Callable[..., Outcome], scenario: Scenario, world: World) -> None:
    first = run(arms=["none-0"], weeks=10)
    second = run_exercise(scenario, world=world, arms=["none-0"], weeks=10, seed=4, workers=1)
    assert compare_runs(first, second)["difference_q50"].null_count() == compare_runs(first, second).height


def test_runs_without_a_common_arm_or_of_other_places_are_not_compared(
    run: Callable[..., Outcome], outcome: Outcome
) -> None:
    other_arm = run(arms=["none-0"], weeks=2)
    with pytest.raises(InputError, match="no arm in common"):
        compare_runs(other_arm, run(arms=["none-365"], weeks=2))
    with pytest.raises(InputError, match="different places"):
        compare_runs(outcome, run(places=["ISL"], weeks=2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arms": ["centrel-0"]}, r"Did you mean 'central-0'\?"),
        ({"arms": []}, "no arm is named"),
        ({"places": ["Icland"]}, r"Did you mean 'Iceland'\?"),
        ({"weeks": 0}, "'weeks' is 0"),
        ({"draws": -1}, "'draws' is -1"),
        ({"workers": 0}, "workers is 0"),
        ({"chunk_draws": 0}, "chunk_draws is 0"),
    ],
)
def test_what_cannot_be_run_is_refused(run: Callable[..., Outcome], options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(**options)


def test_an_unknown_pathogen_or_place_of_emergence_is_refused_before_the_run(scenario: Scenario, world: World) -> None:
    with pytest.raises(InputError, match=r"Did you mean 'disease-x'\?"):
        run_exercise(scenario.model_copy(update={"pathogen": "disese-x"}), world=world)
    elsewhere = scenario.emergence.model_copy(update={"place": "KEN"})
    with pytest.raises(InputError, match=r"emergence\.place 'KEN' is not among the places"):
        run_exercise(scenario.model_copy(update={"emergence": elsewhere}), world=world)


def test_a_folder_that_holds_something_else_is_left_alone(run: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match="not empty and holds no run"):
        run(out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(InputError, match="it is a file"):
        run(out=tmp_path / "thesis.txt")


def test_places_drawn_by_population_depend_on_seed_and_draw_alone(scenario: Scenario, world: World) -> None:
    setup = Setup.build(scenario, world, seed=5)
    together = setup.emergence(0, 400)
    np.testing.assert_array_equal(together[7:9], setup.emergence(7, 2))
    assert (together.sum(axis=1) == scenario.emergence.infections).all()
    share = (together > 0).mean(axis=0)
    people = setup.places.population / setup.places.population.sum()
    np.testing.assert_allclose(share, people, atol=4 * np.sqrt(0.25 / 400))
