"""Every file of real counts and cases beside the repository is read, or refused for what is wrong with it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mamori.core.errors import InputError
from mamori.data.adapters.read import read_observations

pytestmark = [pytest.mark.shared, pytest.mark.quick]

VALUE = {"date": "onset_date", "observed": "value"}
READ: list[tuple[str, dict[str, Any], tuple[int, int], int | None, float]] = [
    # file, options, shape, frequency, sum of counts
    ("linelists/ebola_kikwit_1995.csv", {"drop": ["reporting"]}, (2, 192), 365, 528),
    ("linelists/ebola_sierraleone_2014.csv", {"by": ["district"]}, (14, 70), 52, 11903),
    ("linelists/fluH7N9_china_2013.csv", {"by": ["province"], "period": "day"}, (13, 159), 365, 126),
    ("linelists/influenza_england_1978_school.csv", {}, (2, 14), 365, 2496),
    ("linelists/measles_hagelloch_1861.csv", {"columns": {"onset": "date_of_prodrome"}}, (1, 13), 52, 188),
    ("linelists/sars_canada_2003.csv", {}, (4, 110), 365, 250),
    ("linelists/smallpox_abakaliki_1967.csv", {"period": "month"}, (1, 3), 12, 32),
    ("linelists/zika_girardot_2015.csv", {"columns": {"observed": "cases"}}, (1, 96), 365, 1936),
    ("linelists/zika_sanandres_2015.csv", {"columns": {"observed": "cases"}}, (1, 147), 365, 928),
    ("linelists/zika_yap_2007.csv", {"columns": VALUE}, (1, 29), 52, 108),
    ("surveillance/ebola_west_africa_2014_country_timeseries.csv", {"drop": ["Day"]}, (16, 290), 365, 692180),
    (
        "surveillance/cholera_afro_annual_1949_2024.csv",
        {"columns": {"t": "year", "observed": "cases_total", "place": "country"}},
        (51, 55),
        None,
        9940336,
    ),
    (
        "surveillance/covid_daily_jhu_2020_2023.parquet",
        {"columns": {"observed": "new_cases", "place": "iso3"}, "negative": "missing"},
        (197, 1143),
        365,
        677419357,
    ),
    (
        "surveillance/who_covid_weekly.csv",
        {
            "columns": {"date": "Date_reported", "observed": "New_cases", "place": "Country_code"},
            "negative": "missing",
        },
        (240, 283),
        52,
        778118450,
    ),
    (
        "surveillance/flusight_target_hospital_admissions.csv",
        {"columns": {"observed": "value", "place": "location_name"}},
        (53, 230),
        52,
        2868132,
    ),
    ("surveillance/flunet_weekly_1997_2022.parquet", {}, (155, 1324), 52, 5569371),
    ("surveillance/flunet_weekly_1997_2022.parquet", {"signal": "ah1n12009"}, (155, 1324), 52, 1206777),
    ("surveillance/erviss_activityFluTypeSubtype.csv", {}, (404, 254), 52, 3207640),
    ("surveillance/erviss_SARITestsDetectionsPositivity.csv", {}, (141, 254), 52, 371176),
]
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("linelists/dengue_fais_2011.csv", {"columns": VALUE}, "row 2 .* begins a stretch of weeks in a table of days"),
    ("linelists/dengue_yap_2011.csv", {"columns": VALUE}, "row 2 .* begins a stretch of weeks in a table of days"),
    ("linelists/nipah_malaysia.csv", {}, "row 22 holds '1997-05-25'; it does not fit the spacing"),
    ("linelists/norovirus_derbyshire_2001_school.csv", {}, "is of no form that its columns tell"),
    ("linelists/sarscov2_who_2019.csv", {}, "column 'risk_chn' row 4 holds 'Very High'; it must be a number"),
    ("surveillance/erviss_SARIRates.csv", {}, "column 'value' row 2 holds '14.2'; counts must be whole numbers"),
    ("surveillance/erviss_ILIARIRates.csv", {}, "has the indicators ARIconsultationrate, ILIconsultationrate"),
    (
        "surveillance/cholera_country_weekly_2023_2024.csv",
        {"columns": {"t": "week", "observed": "cases", "place": "country"}},
        "rows 2 and 687 both give series 'Burundi' at 1",
    ),
    (
        "surveillance/covid_daily_jhu_2020_2023.parquet",
        {"columns": {"observed": "new_cases", "place": "iso3"}},
        "column 'new_cases' row 6907 holds -1; it must be >= 0",
    ),
]


@pytest.mark.parametrize(("name", "options", "shape", "frequency", "total"), READ)
def test_real_files_are_read(
    shared: Path, name: str, options: dict[str, Any], shape: tuple[int, int], frequency: int | None, total: float
) -> None:
    observations = read_observations(shared / "data" / name, **options)
    assert observations.counts.shape == shape
    assert observations.frequency == frequency
    assert np.nansum(observations.counts) == total


@pytest.mark.parametrize(("name", "options", "message"), REFUSED)
def test_real_files_with_faults_are_refused(shared: Path, name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_observations(shared / "data" / name, **options)


def test_namibia_is_a_country(shared: Path) -> None:
    columns = {"date": "Date_reported", "observed": "New_cases", "place": "Country_code"}
    observations = read_observations(
        shared / "data/surveillance/who_covid_weekly.csv", columns=columns, negative="missing"
    )
    assert "NA" in observations.names


def test_the_reference_series_and_panel_are_read(shared: Path) -> None:
    for path in sorted((shared / "reference/surveillance/series").glob("*.csv")):
        observations = read_observations(path)
        assert observations.counts.shape[0] == 1
        assert observations.t[0] == 1
        assert observations.ignored[-1] == "outbreak_state"
    panel = read_observations(shared / "reference/surveillance/panel/counts.csv", frequency=52)
    assert panel.counts.shape == (500, 520)
    assert panel.names[0] == "s001"
