"""The Factbook's texts as numbers with their year."""

import pytest

from mamori.core.errors import MamoriError
from mamori.data.adapters import factbook
from mamori.data.adapters.factbook import Figure, parse_coordinates, parse_entry, parse_figure


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("3.2 beds/1,000 population (2018 est.)", Figure(3.2, 2018)),
        ("$2.08 billion (2024 est.)", Figure(2.08e9, 2024)),
        ("$1.301 trillion (2023)", Figure(1.301e12, 2023)),
        ("$7,711,583 (2017 est.)", Figure(7_711_583, 2017)),
        ("114,621 (2024 est.)", Figure(114_621, 2024)),
        ("652,271 (July 2020 est.)", Figure(652_271, 2020)),
        ("82% of GDP (2016 est.)", Figure(82, 2016)),
        ("12.8% (2024 est.) (male 6,944/female 7,724)", Figure(12.8, 2024)),
        ("21.8 years", Figure(21.8, None)),
        ("-270.771 million", Figure(-270.771e6, None)),
        ("NA", None),
        ("no permanent inhabitants", None),
        ("", None),
    ],
)
def test_figures(text: str, figure: Figure | None) -> None:
    found = parse_figure(text)
    assert (found is None) == (figure is None)
    if found is not None and figure is not None:
        assert found.value == pytest.approx(figure.value)
        assert found.year == figure.year


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("12 07 N, 61 40 W", (12 + 7 / 60, -61 - 40 / 60)),
        ("1 17 S, 36 49 E", (-1 - 17 / 60, 36 + 49 / 60)),
        ("<strong>Saint Helena:</strong> 15 57 S, 5 42 W <p>", (-15.95, -5.7)),
        ("<strong> </strong>7 18S, 72 24E", (-7.3, 72.4)),
        ("none", None),
    ],
)
def test_coordinates(text: str, place: tuple[float, float] | None) -> None:
    assert parse_coordinates(text) == (None if place is None else pytest.approx(place))


def test_the_newest_year_of_a_series_counts() -> None:
    entry = parse_entry(
        {
            "Economy": {
                "Public debt": {
                    "Public debt 2016": {"text": "82% of GDP (2016 est.)"},
                    "Public debt 2017": {"text": "70% of GDP (2017 est.)"},
                    "note": "<b>note:</b> central government",
                }
            }
        }
    )
    assert entry.figures["public_debt_pct_gdp"] == Figure(70.0, 2017)


def test_age_bands_must_cover_all_ages() -> None:
    bands = {"0-14 years": {"text": "30%"}, "15-64 years": {"text": "65%"}, "65 years and over": {"text": "5%"}}
    whole = parse_entry({"People and Society": {"Age structure": bands}})
    assert whole.age_bands == ((0, 14, 0.3), (15, 64, 0.65), (65, 120, 0.05))
    del bands["15-64 years"]
    assert parse_entry({"People and Society": {"Age structure": bands}}).age_bands == ()


def test_an_entry_of_the_package_is_read() -> None:
    entry = factbook.read("ke")
    assert entry.name == "Kenya"
    assert entry.figures["population"].value > 4e7
    assert entry.coordinates == pytest.approx((-1.28, 36.82), abs=0.02)


def test_an_unknown_entry_is_named() -> None:
    with pytest.raises(MamoriError, match="no entry 'zz9'"):
        factbook.read("zz9")
