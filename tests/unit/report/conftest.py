"""A made-up run folder: small epidemics in thirty places, with the shapes that an exercise writes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mamori.core.ages import AGE_GROUPS
from mamori.exercise.outcome import Outcome
from mamori.exercise.scenario_file import load_scenario

WEEKS = 104
DRAWS = 20
RESPONSES = {"none": 0.0, "central": 0.62, "strong": 0.75}
VACCINE_DAYS = (100, 365)
ROLLOUT_DELAY_DAYS = {"HIC": 20, "UMIC": 90, "LMIC": 170, "LIC": 260}
FATALITY = {"HIC": 0.011, "UMIC": 0.006, "LMIC": 0.004, "LIC": 0.003}

# code, English, Japanese, income group, latitude, longitude, million people
PLACES: list[tuple[str, str, str, str, float, float, float]] = [
    ("AUS", "Australia", "オーストラリア", "HIC", -25, 133, 26.9),
    ("BGD", "Bangladesh", "バングラデシュ", "LMIC", 24, 90, 175.7),
    ("BRA", "Brazil", "ブラジル", "UMIC", -10, -55, 212.8),
    ("CAN", "Canada", "カナダ", "HIC", 60, -95, 40.1),
    ("CHN", "China", "中国", "UMIC", 35, 105, 1416.1),
    ("COD", "Congo - Kinshasa", "コンゴ民主共和国(キンシャサ)", "LIC", 0, 25, 112.8),
    ("DEU", "Germany", "ドイツ", "HIC", 51, 9, 84.1),
    ("EGY", "Egypt", "エジプト", "LMIC", 27, 30, 118.4),
    ("ETH", "Ethiopia", "エチオピア", "LIC", 8, 38, 135.5),
    ("FRA", "France", "フランス", "HIC", 46, 2, 66.7),
    ("GBR", "United Kingdom", "イギリス", "HIC", 54, -2, 69.6),
    ("IDN", "Indonesia", "インドネシア", "UMIC", -5, 120, 285.7),
    ("IND", "India", "インド", "LMIC", 20, 77, 1463.9),
    ("IRN", "Iran", "イラン", "UMIC", 32, 53, 92.4),
    ("JPN", "Japan", "日本", "HIC", 36, 138, 123.1),
    ("KEN", "Kenya", "ケニア", "LMIC", 1, 38, 57.5),
    ("MEX", "Mexico", "メキシコ", "UMIC", 23, -102, 131.9),
    ("MOZ", "Mozambique", "モザンビーク", "LIC", -18.25, 35, 35.6),
    ("NGA", "Nigeria", "ナイジェリア", "LMIC", 10, 8, 237.5),
    ("PAK", "Pakistan", "パキスタン", "LMIC", 30, 70, 255.2),
    ("PER", "Peru", "ペルー", "UMIC", -10, -76, 34.6),
    ("RUS", "Russia", "ロシア", "HIC", 60, 100, 144.0),
    ("SGP", "Singapore", "シンガポール", "HIC", 1.37, 103.8, 5.87),
    ("SLE", "Sierra Leone", "シエラレオネ", "LIC", 8.5, -11.5, 8.8),
    ("TUV", "Tuvalu", "ツバル", "UMIC", -8, 178, 0.0095),
    ("UGA", "Uganda", "ウガンダ", "LIC", 1, 32, 51.4),
    ("UKR", "Ukraine", "ウクライナ", "UMIC", 49, 32, 39.0),
    ("USA", "United States", "アメリカ合衆国", "HIC", 38, -97, 347.3),
    ("YEM", "Yemen", "イエメン", "LIC", 15, 48, 41.8),
    ("ZAF", "South Africa", "南アフリカ", "UMIC", -29, 24, 64.7),
]

Write = Callable[..., Path]


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of thirty places, twenty draws and six arms over two years; shared, so never to be changed."""
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def new_run(tmp_path: Path) -> Write:
    """Write a run of one's own; takes what `write_run` takes after the folder."""
    return lambda **options: write_run(tmp_path / "run", **options)


def write_run(
    folder: Path,
    places: Sequence[tuple[str, str, str, str, float, float, float]] = PLACES,
    vaccine_days: Sequence[int] = VACCINE_DAYS,
    draws: int = DRAWS,
    weeks: int = WEEKS,
    **changes: Any,
) -> Path:
    """Write the folder of an exercise with made-up figures; `changes` replace fields of run.json."""
    folder.mkdir(parents=True, exist_ok=True)
    scenario = load_scenario().model_dump(mode="json")
    scenario["vaccine"]["approval_days"] = list(vaccine_days)
    arms: list[dict[str, Any]] = [
        {
            "name": f"{response}-{day}",
            "label": f"{response}, day {day}",
            "vaccine_day": day,
            "response": response,
        }
        for response in RESPONSES
        for day in vaccine_days
    ]
    names = ("code", "name_en", "name_ja", "income_group", "latitude", "longitude", "population")
    run = {
        "title": scenario["title"],
        "scenario": scenario,
        "arms": arms,
        "places": [place[0] for place in places],
        "place_table": [dict(zip(names, (*place[:6], place[6] * 1e6), strict=True)) for place in places],
        "start_date": scenario["start_date"],
        "weeks": weeks,
        "draws": draws,
        "seed": 20261122,
        "provenance": {"mamori": "0.1.0", "scenario_sha256": "0f" * 32, "starsim-data": "2.0.0"},
        "overrides": [],
        "assumptions": [],
    }
    courses = [_course(places, arm["vaccine_day"], RESPONSES[str(arm["response"])], draws, weeks) for arm in arms]
    arm_names = [str(arm["name"]) for arm in arms]
    empty = pl.DataFrame({"arm": []})
    Outcome(
        run=run | changes,
        draws=_draws_table(arm_names, places, courses),
        weekly=_weekly_table(arm_names, places, courses),
        ages=_ages_table(arm_names, places, courses),
        summary=empty,
        differences=empty,
    ).write(folder)
    return folder


def _course(
    places: Sequence[tuple[str, str, str, str, float, float, float]],
    vaccine_day: int,
    response: float,
    draws: int,
    weeks: int,
) -> dict[str, np.ndarray]:
    """Run one arm of a plain epidemic in daily steps; weekly arrays (draws, places, weeks)."""
    random = np.random.default_rng(7)  # the same for every arm: draws are paired
    people = np.array([place[6] for place in places]) * 1e6
    income = [place[3] for place in places]
    r0 = random.lognormal(np.log(2.5), 0.15, (draws, 1))
    arrival = random.integers(5, 70, (draws, len(places)))
    rollout = vaccine_day + 30 + np.array([ROLLOUT_DELAY_DAYS[group] for group in income])
    fatality = np.array([FATALITY[group] for group in income]) * random.lognormal(0, 0.3, (draws, 1))
    beds = people / 1e3 * np.array([{"HIC": 1.2, "UMIC": 0.8, "LMIC": 0.4, "LIC": 0.25}[group] for group in income])
    susceptible, infectious = np.tile(people, (draws, 1)), np.zeros((draws, len(places)))
    ward, doses = np.zeros((draws, len(places))), np.zeros((draws, len(places)))
    week: dict[str, list[np.ndarray]] = {name: [] for name in ("infections", "ward", "doses", "scale")}
    sums = np.zeros((draws, len(places)))
    for day in range(7 * weeks):
        load = np.minimum(1, ward / beds)
        scale = 1 - response * np.maximum(load, 0.8 * (infectious > people * 1e-5))
        infectious += np.where(arrival == day, 10.0, 0.0)
        new = np.minimum(susceptible, r0 / 6 * scale * infectious * susceptible / people)
        given = np.where(day >= rollout, np.minimum(people * 0.004, np.maximum(0, people * 0.7 - doses)), 0)
        doses = doses + given
        susceptible = np.maximum(0, susceptible - new - 0.7 * given * susceptible / people)
        infectious = infectious + new - infectious / 6
        ward = ward + 0.04 * new - ward / 9
        sums += new
        if day % 7 == 6:
            for name, value in (("infections", sums), ("ward", ward), ("doses", doses), ("scale", scale)):
                week[name].append(value.copy())
            sums[:] = 0
    stacked = {name: np.stack(values, axis=-1) for name, values in week.items()}
    stacked["deaths"] = stacked["infections"] * fatality[..., None]
    stacked["beds"] = np.broadcast_to(beds[:, None], stacked["ward"].shape)
    stacked["arrival"] = arrival
    return stacked


def _draws_table(
    arms: Sequence[str], places: Sequence[tuple[Any, ...]], courses: Sequence[dict[str, np.ndarray]]
) -> pl.DataFrame:
    people = np.array([place[6] for place in places]) * 1e6
    frames = []
    for arm, course in zip(arms, courses, strict=True):
        draws = len(course["deaths"])
        given = course["doses"] / people[:, None] * 100

        def day_of(reached: np.ndarray) -> list[int | None]:
            first = 7 * reached.argmax(axis=-1) + 7
            ever = reached.any(axis=-1)
            return [int(day) if there else None for day, there in zip(first.ravel(), ever.ravel(), strict=True)]

        refused = np.maximum(0, course["ward"] - course["beds"]).sum(-1) * 7
        deaths = course["deaths"].sum(-1)
        frames.append(
            pl.DataFrame(
                {
                    "arm": arm,
                    "draw": np.repeat(np.arange(draws), len(places)),
                    "code": [place[0] for place in places] * draws,
                    "infections": course["infections"].sum(-1).ravel(),
                    "deaths": deaths.ravel(),
                    "yll": (deaths * 14.2).ravel(),
                    "bed_days_refused": refused.ravel(),
                    "peak_ward_share": (course["ward"].max(-1) / course["beds"][..., 0]).ravel(),
                    "first_dose_day": day_of(given > 0),
                    "day_10_per_100": day_of(given >= 10),
                    "day_20_per_100": day_of(given >= 20),
                    "day_40_per_100": day_of(given >= 40),
                    "recognition_day": np.repeat(course["arrival"].min(axis=1) + 21, len(places)),
                }
            )
        )
    return pl.concat(frames)


def _groups(places: Sequence[tuple[Any, ...]]) -> list[tuple[str, str, np.ndarray]]:
    income = np.array([place[3] for place in places])
    groups = [("world", "WORLD", np.ones(len(places), dtype=bool))]
    groups += [
        ("income", group, income == group) for group in ("LIC", "LMIC", "UMIC", "HIC") if (income == group).any()
    ]
    return groups + [("country", place[0], np.arange(len(places)) == i) for i, place in enumerate(places)]


def _weekly_table(
    arms: Sequence[str], places: Sequence[tuple[Any, ...]], courses: Sequence[dict[str, np.ndarray]]
) -> pl.DataFrame:
    groups = _groups(places)
    frames = []
    for arm, course in zip(arms, courses, strict=True):
        metrics = {
            "infections": course["infections"],
            "deaths": course["deaths"],
            "ward_occupied": course["ward"],
            "ward_beds": course["beds"],
            "icu_occupied": course["ward"] * 0.15,
            "icu_beds": course["beds"] * 0.06,
            "doses_cum": course["doses"],
            "contact_scale": course["scale"],
        }
        for metric, values in metrics.items():
            summed = [values[:, members].sum(axis=1) for _, _, members in groups]
            if metric == "contact_scale":
                summed = [values[:, members].mean(axis=1) for _, _, members in groups]
            whole = np.stack(summed, axis=1)
            weeks = whole.shape[2]
            columns: dict[str, Any] = {
                "group_kind": np.repeat([kind for kind, _, _ in groups], weeks),
                "group": np.repeat([group for _, group, _ in groups], weeks),
                "week": np.tile(np.arange(1, weeks + 1), len(groups)),
                "mean": whole.mean(axis=0).ravel(),
            }
            for name, share in (("q05", 0.05), ("q25", 0.25), ("q50", 0.5), ("q75", 0.75), ("q95", 0.95)):
                columns[name] = np.quantile(whole, share, axis=0).ravel()
            frames.append(pl.DataFrame(columns).with_columns(arm=pl.lit(arm), metric=pl.lit(metric)))
    return pl.concat(frames)


def _ages_table(
    arms: Sequence[str], places: Sequence[tuple[Any, ...]], courses: Sequence[dict[str, np.ndarray]]
) -> pl.DataFrame:
    age = np.arange(len(AGE_GROUPS))
    by_age = {
        "infections": np.exp(-age / 12),
        "deaths": np.exp(age / 2.8),
        "yll": np.exp(age / 2.8) * (85 - 5 * age),
        "first_doses": 1.0 * (age > 2),
    }
    rows = []
    for arm, course in zip(arms, courses, strict=True):
        for kind, group, members in _groups(places):
            totals = {
                "infections": course["infections"][:, members].sum((1, 2)),
                "deaths": course["deaths"][:, members].sum((1, 2)),
                "yll": course["deaths"][:, members].sum((1, 2)) * 14.2,
                "first_doses": course["doses"][:, members, -1].sum(1),
            }
            for metric, total in totals.items():
                shares = by_age[metric] / by_age[metric].sum()
                low, middle, high = np.quantile(total, (0.05, 0.5, 0.95))
                rows += [
                    (
                        arm,
                        kind,
                        group,
                        name,
                        metric,
                        share * total.mean(),
                        share * low,
                        share * middle,
                        share * high,
                    )
                    for name, share in zip(AGE_GROUPS, shares, strict=True)
                ]
    names = ["arm", "group_kind", "group", "age_group", "metric", "mean", "q05", "q50", "q95"]
    return pl.DataFrame(rows, schema=names, orient="row")
