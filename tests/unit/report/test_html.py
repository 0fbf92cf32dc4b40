import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mamori.core.errors import InputError
from mamori.data.places import Override
from mamori.report.html import write_report
from tests.unit.report.conftest import PLACES, Write, write_run


@pytest.fixture(scope="module")
def pages(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The page of the shared run in each language."""
    return {lang: write_report(run_folder, lang).read_text(encoding="utf-8") for lang in ("en", "ja")}


def data_of(page: str) -> dict[str, Any]:
    """The JSON document from which the page's script draws."""
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


def without_script(page: str) -> str:
    """What a reader without JavaScript gets, as text."""
    page = re.sub(r"<(script|style)[ >].*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_page_asks_nothing_of_a_network(pages: dict[str, str]) -> None:
    page = pages["en"]
    assert "default-src 'none'" in page
    assert not re.search(r"<(link|img|iframe|object|embed)\b", page)
    assert not re.search(r'\b(src|href)="(?!#)', page)
    assert not re.search(r"@import|url\(|\bfetch\(|XMLHttpRequest|import\(", page)


def test_the_same_run_gives_the_same_bytes(run_folder: Path, pages: dict[str, str]) -> None:
    assert write_report(run_folder).read_bytes() == pages["en"].encode()


def test_the_headline_is_the_paired_difference_in_words(run_folder: Path, pages: dict[str, str]) -> None:
    deaths = (
        pl.read_parquet(run_folder / "draws.parquet")
        .filter(pl.col("arm").is_in(["central-100", "central-365"]))
        .group_by("arm", "draw")
        .agg(pl.col("deaths").sum())
        .sort("draw")
    )
    late, early = (deaths.filter(pl.col("arm") == f"central-{day}")["deaths"].to_numpy() for day in (365, 100))
    millions = np.median(late - early) / 1e6
    assert f"day 100 instead of day 365, {millions:.3g} million fewer people die" in without_script(pages["en"])
    assert f"死亡は{millions * 100:.3g}万人少なくなる" in without_script(pages["ja"])


def test_tables_by_income_group_are_there_without_script(pages: dict[str, str]) -> None:
    readable = without_script(pages["en"])
    for words in ("High income", "Upper middle income", "Lower middle income", "Low income", "not reached"):
        assert words in readable
    assert readable.count("Central response, vaccine approved on day 100") == 1


def test_the_script_finds_all_it_draws_from(pages: dict[str, str]) -> None:
    data = data_of(pages["en"])
    assert [arm["name"] for arm in data["arms"]][:2] == ["none-100", "none-365"]
    assert data["defaultResponse"] == "central"
    assert data["curves"]["groups"]["groups"] == ["WORLD", "HIC", "UMIC", "LMIC", "LIC"]
    for table in (table for part in ("curves", "beds", "ages") for table in data[part].values()):
        for arms in table["series"].values():
            assert len(arms) == 6
            assert all(len(groups) == len(table["groups"]) for groups in arms)
    for arms in data["columns"].values():
        for values in arms.values():
            assert len(values["median"] if isinstance(values, dict) else values) == len(PLACES)
    drawn = set(data["map"]["paths"])
    assert all(place["code"] in drawn or place["x"] is not None for place in data["places"])


def test_the_japanese_page_names_places_in_japanese(pages: dict[str, str]) -> None:
    assert '<html lang="ja">' in pages["ja"]
    assert "アメリカ合衆国" in {place["name"] for place in data_of(pages["ja"])["places"]}


def test_the_scenario_stands_in_the_page_with_its_sources(pages: dict[str, str]) -> None:
    readable = without_script(pages["en"])
    assert "supply.existing_doses_per_year" in readable
    assert "CEPI 100 Days Mission costing model" in readable
    assert "GPL-3" in readable
    assert "Natural Earth" in readable


def test_assumptions_and_overrides_are_listed_as_text(new_run: Write) -> None:
    override = Override("KEN", "hospital_beds", 1.5, 2.0, "beds <b>new</b>.csv", 3)
    path = new_run(
        places=PLACES[:3],
        weeks=5,
        draws=2,
        overrides=[asdict(override)],
        assumptions=["Nobody <i>travels</i>."],
        title="</script><script>alert(1)</script>",
    )
    page = write_report(path).read_text(encoding="utf-8")
    assert "Nobody &lt;i&gt;travels&lt;/i&gt;." in page
    assert "beds &lt;b&gt;new&lt;/b&gt;.csv" in page
    assert "<script>alert" not in page


def test_places_with_names_like_markup_do_not_leave_the_data(new_run: Write) -> None:
    camp = ("X-CAMP", "</script><b>Camp", "キャンプ", "LIC", 3.7, 34.8, 0.2)
    page = write_report(new_run(places=[*PLACES[:2], camp], weeks=5, draws=2)).read_text(encoding="utf-8")
    assert "</script><b>" not in page
    assert data_of(page)["places"][2]["name"] == "</script><b>Camp"


def test_a_run_with_one_vaccine_day_tells_its_burden(new_run: Write) -> None:
    page = write_report(new_run(places=PLACES[:4], weeks=10, draws=2, vaccine_days=[100])).read_text("utf-8")
    assert "Outcome under each response" in page
    assert "fewer people die" not in without_script(page)


def test_three_vaccine_days_are_each_compared_with_the_latest(new_run: Write) -> None:
    path = new_run(places=PLACES[:4], weeks=10, draws=2, vaccine_days=[100, 200, 365])
    readable = without_script(write_report(path).read_text(encoding="utf-8"))
    assert "Central response: day 100 instead of day 365" in readable
    assert "Central response: day 200 instead of day 365" in readable


def test_two_hundred_places_stay_below_three_megabytes(tmp_path: Path) -> None:
    many = [(f"P{number:03}", f"Place {number}", f"場所{number}", *PLACES[number % 30][3:]) for number in range(200)]
    report = write_report(write_run(tmp_path, places=many, draws=4))
    assert 1_000_000 < report.stat().st_size <= 3_000_000


def test_an_unknown_language_writes_nothing(new_run: Write) -> None:
    path = new_run(places=PLACES[:2], weeks=3, draws=2)
    with pytest.raises(InputError, match="language 'jp' is not available"):
        write_report(path, "jp")
    assert not (path / "report.html").exists()


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run"):
        write_report(tmp_path)


def test_a_run_with_missing_draws_is_refused_and_the_old_report_stays(new_run: Write) -> None:
    path = new_run(places=PLACES[:2], weeks=3, draws=3)
    before = write_report(path).read_bytes()
    pl.read_parquet(path / "draws.parquet").filter(pl.col("draw") < 2).write_parquet(path / "draws.parquet")
    with pytest.raises(InputError, match="holds 24 rows of draws; 6 arms x 3 draws x 2 places need 36"):
        write_report(path)
    assert (path / "report.html").read_bytes() == before
