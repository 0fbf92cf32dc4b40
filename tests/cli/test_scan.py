"""`mamori scan`: what it writes and prints, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mamori.cli.main import run
from mamori.core.tables import TableDefinition

PLACES = [f"district {i}" for i in range(16)]
CLUSTER = {"district 5", "district 6", "district 7"}


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    """Return a file of 16 districts and 30 weeks, with a cluster in three districts in the last two weeks."""
    rng = np.random.default_rng(1)
    cases = rng.poisson(1.5, (16, 30))
    cases[5:8, -2:] += 8
    frame = pl.DataFrame(
        {
            "series": np.repeat(PLACES, 30),
            "date": np.tile(np.datetime64("2024-01-01") + 7 * np.arange(30), 16),
            "observed": cases.ravel(),
        }
    )
    path = tmp_path / "counts.csv"
    frame.write_csv(path)
    return path


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """Return the districts' coordinates: a line along a parallel."""
    path = tmp_path / "places.csv"
    frame = pl.DataFrame({"series": PLACES, "latitude": [50.0] * 16, "longitude": np.arange(16) / 5})
    frame.write_csv(path)
    return path


def test_a_scan_writes_clusters_members_and_provenance(
    counts: Path, places: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "clusters.csv"
    options = "--max-periods 6 --replicates 99 --workers 2 --seed 7 --from 2024-02-05"
    given = ["scan", str(counts), "--coordinates", str(places), *options.split(), "--out", str(out)]
    assert run(given) == 0
    clusters = pl.read_csv(out, try_parse_dates=True)
    TableDefinition.load("scan_clusters").validate(clusters, "clusters")
    first = clusters.row(0, named=True)
    assert set(first["members"].split("; ")) == CLUSTER
    assert (first["pvalue"], str(first["first_date"]), first["last_t"]) == (0.01, "2024-07-15", 30)
    members = pl.read_csv(tmp_path / "clusters.members.csv")
    assert members.filter(pl.col("cluster") == 1)["observed"].sum() == first["observed"]
    provenance = json.loads((tmp_path / "clusters.provenance.json").read_text(encoding="utf-8"))
    assert provenance["settings"]["seed"] == 7
    assert provenance["settings"]["first"] == 6
    assert len(provenance["counts_sha256"]) == len(provenance["coordinates_sha256"]) == 64
    printed = capsys.readouterr().out
    for word in ("permutation", "16 places", "district 5", "clusters.csv", "2024-07-15", "1 to 6 weeks"):
        assert word in printed


def test_population_neighbours_and_words_in_japanese(
    counts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people, beside, out = tmp_path / "people.csv", tmp_path / "beside.csv", tmp_path / "clusters.json"
    pl.DataFrame({"series": PLACES, "population": range(1000, 1016)}).write_csv(people)
    pl.DataFrame({"series": PLACES[:-1], "neighbour": PLACES[1:]}).write_csv(beside)
    options = ["--method", "poisson", "--replicates", "99", "--lang", "ja", "--out", str(out)]
    assert run(["scan", str(counts), "--neighbours", str(beside), "--population", str(people), *options]) == 0
    content = json.loads(out.read_text(encoding="utf-8"))
    assert content["clusters"][0]["steps"] == 1
    assert content["clusters"][0]["radius_km"] is None
    assert {row["series"] for row in content["members"] if row["cluster"] == 1} == CLUSTER
    assert content["provenance"]["baseline"] == "population"
    assert "相対リスク" in capsys.readouterr().out


def test_what_cannot_be_scanned_is_refused(
    counts: Path, places: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = tmp_path / "twice.csv"
    twice.write_text(f"series,latitude,longitude\n{PLACES[0]},1,1\n{PLACES[0]},2,2\n", encoding="utf-8")
    for options, message in (
        ([], "the places have no coordinates"),
        (["--coordinates", str(twice)], "column 'series' row 3 holds 'district 0' again"),
        (["--coordinates", str(places), "--neighbours", str(places)], "exclude each other"),
        (["--coordinates", str(places), "--method", "poison"], "Did you mean 'poisson'"),
        (["--coordinates", str(places), "--out", "clusters.xlsx"], "of unknown format"),
        (["--coordinates", str(places), "--from", "2030-01-01"], "--from is 2030-01-01"),
    ):
        assert run(["scan", str(counts), *options]) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("error: ")
        assert message in error
