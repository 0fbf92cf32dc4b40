"""Pathogens: the tables, the rule from ratios to a pathway, Disease X draws, and what is refused."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamori.core.ages import AGE_GROUPS
from mamori.core.errors import InputError
from mamori.core.tables import TableDefinition
from mamori.epidemic._pathogen_table import Prior, folder, read_table
from mamori.epidemic.pathogen import Pathogen, PathogenDraws, Stays, Vaccine, draw_pathogen, list_pathogens
from mamori.epidemic.severity import hospital_fatality, split_fatality, untreated_fatality

FIXED = tuple(name for name in list_pathogens() if name != "disease-x")


def test_the_pathogens_are_those_whose_route_is_modelled() -> None:
    assert list_pathogens() == (
        "disease-x",
        "influenza-1918",
        "influenza-1957",
        "influenza-2009",
        "sars-cov-1",
        "sars-cov-2",
        "sars-cov-2-delta",
        "sars-cov-2-omicron",
    )


@pytest.mark.parametrize("name", FIXED)
def test_the_pathway_returns_the_given_ratios(name: str) -> None:
    table, pathogen = read_table(name), Pathogen.load(name)
    assert pathogen.prob_hospital == pytest.approx(table.values["prob_hospital"])
    if "infection_fatality_ratio" in table.values:
        assert pathogen.infection_fatality_ratio == pytest.approx(table.values["infection_fatality_ratio"])


@pytest.mark.parametrize("name", FIXED)
def test_no_care_is_never_better_except_at_80_in_squires_own_table(name: str) -> None:
    pathogen = Pathogen.load(name)
    ward = pathogen.death_ward_untreated >= pathogen.death_ward
    icu = pathogen.death_icu_untreated >= pathogen.death_icu
    assert ward.all()
    assert icu[:-1].all()
    assert icu[-1] == (name != "sars-cov-2")


def test_sars_cov_2_is_squires_table() -> None:
    pathogen = Pathogen.load("sars-cov-2")
    # Methods: IFR with full care 4.3e-5 (0-4) and 8.8e-2 (80+), without care 4.9e-4 and 1.23e-1.
    ifr, untreated = pathogen.infection_fatality_ratio, pathogen.infection_fatality_ratio_untreated
    assert ifr[[0, -1]] == pytest.approx([4.3e-5, 8.8e-2], rel=0.01)
    assert untreated[[0, -1]] == pytest.approx([4.9e-4, 1.23e-1], rel=0.01)
    assert (pathogen.latent_days, pathogen.mild_days, pathogen.case_days) == (4.6, 2.1, 4.5)
    assert dataclasses.astuple(pathogen.stays) == (9, 9, 4.5, 4.5, 14.8, 11.1, 7.4, 1, 3)


def test_stays_scale_with_the_days_in_hospital() -> None:
    stays = Pathogen.load("influenza-1918").stays
    assert stays.ward_live == pytest.approx(9 * 5 / 12)
    assert stays.icu_die == pytest.approx(11.1 * 5 / 12)
    assert (stays.icu_untreated_die, stays.stepdown) == (1, 3)


@given(
    fatality=st.floats(0, 0.999),
    prob_icu=st.floats(0, 1),
    ward=st.floats(0.001, 0.999),
    icu=st.floats(0.001, 0.999),
)
def test_split_fatality_gives_back_the_fatality(fatality: float, prob_icu: float, ward: float, icu: float) -> None:
    arrays = [np.array([x]) for x in (fatality, prob_icu, ward, icu)]
    new_ward, new_icu = split_fatality(*arrays)
    assert 0 <= new_ward[0] < 1
    assert 0 <= new_icu[0] < 1
    if icu >= ward:
        assert new_icu[0] >= new_ward[0]
    assert hospital_fatality(arrays[1], new_ward, new_icu)[0] == pytest.approx(fatality, abs=1e-9)


def test_untreated_fatality_is_capped_and_never_below_the_treated() -> None:
    result = untreated_fatality(np.array([0.1, 0.5, 0.97]), np.array([5.0, 5.0, 5.0]))
    assert result == pytest.approx([0.5, 0.95, 0.97])


def test_draws_do_not_depend_on_how_many_are_asked_for() -> None:
    many = draw_pathogen("disease-x", 40, seed=3)
    few = draw_pathogen("disease-x", 2, seed=3, first_draw=17)
    for field in dataclasses.fields(PathogenDraws):
        if field.name not in ("name", "stays"):
            assert np.array_equal(getattr(few, field.name), getattr(many, field.name)[17:19]), field.name
    for field in dataclasses.fields(Stays):
        assert np.array_equal(getattr(few.stays, field.name), getattr(many.stays, field.name)[17:19])
    assert not np.array_equal(draw_pathogen("disease-x", 2, seed=4).r0, many.r0[:2])


def test_disease_x_follows_its_priors() -> None:
    draws = draw_pathogen("disease-x", 2000, seed=1)
    assert draws.r0.min() >= 1.5
    assert draws.r0.max() <= 3.5
    assert (1 - draws.asymptomatic_share[:, 0]).mean() == pytest.approx(14.68 / (14.68 + 7.30), abs=0.01)
    assert draws.mild_days.mean() == pytest.approx(18.61 * 0.17, rel=0.03)
    assert np.corrcoef(draws.mild_days, draws.case_days)[0, 1] > 0.98
    assert np.corrcoef(draws.r0, draws.case_days)[0, 1] == pytest.approx(0.661, abs=0.06)
    assert np.isinf(draws.immunity_days).all()
    assert (draws.asymptomatic_share + draws.prob_hospital <= 1 + 1e-12).all()
    assert (draws.death_icu_untreated >= draws.death_icu).all()


def test_a_fixed_pathogen_repeats() -> None:
    draws, single = draw_pathogen("sars-cov-1", 3, seed=9), Pathogen.load("sars-cov-1")
    again = single.repeat(3)
    assert draws.r0.tolist() == [single.r0] * 3
    assert np.array_equal(draws.death_icu, again.death_icu)
    assert np.array_equal(draws.stays.icu_live, again.stays.icu_live)
    assert draws.prob_hospital.shape == (3, 17)


@pytest.mark.parametrize(
    ("prior", "u", "expected"),
    [
        (Prior("normal", 2.0, 1.0), 0.5, 2.0),
        (Prior("normal", 0.0, 1.0, lower=0.0), 0.5, 0.67449),
        (Prior("gamma", 1.0, 2.0), 0.5, 2 * np.log(2)),
        (Prior("beta", 1.0, 1.0, upper=0.5), 0.5, 0.25),
        (Prior("uniform", 1.0, 3.0), 0.25, 1.5),
        (Prior("loguniform", 1.0, 100.0), 0.5, 10.0),
        (Prior("loguniform", 1.0, 100.0, lower=10.0), 0.5, 10**1.5),
    ],
)
def test_quantiles_of_cut_distributions(prior: Prior, u: float, expected: float) -> None:
    assert prior.quantile(np.array([u]))[0] == pytest.approx(expected, rel=1e-4)


def test_every_value_has_a_source_and_lies_within_its_bounds() -> None:
    definition = {c.attribute: c for c in TableDefinition.load("pathogen").columns}
    for name in list_pathogens():
        table = read_table(name)  # refuses values out of bounds and rows without a source
        assert set(table.values) | set(table.priors) <= set(definition)


def _own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return path


def _built_in(name: str) -> str:
    return (folder() / f"{name}.csv").read_text(encoding="utf-8")


def test_a_pathogen_of_ones_own_with_a_distribution(tmp_path: Path) -> None:
    text = _built_in("influenza-1918").replace("r0,,2.5,,,,,,", "r0,,,uniform,2,3,,,")
    draws = draw_pathogen(_own(tmp_path, text), 50, seed=1)
    assert draws.name == "mine"
    assert ((draws.r0 > 2) & (draws.r0 < 3)).all()
    assert np.ptp(draws.latent_days) == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("r0,,2.5,", "r0,,-1,", "row 2, parameter 'r0': r0 is -1; it must lie in (0, 30]"),
        ("r0,,2.5,", "r0,,nan,", "r0 is nan"),
        ("r0,,2.5,", "r0,,two,", "holds 'two'; it must be a number"),
        ("r0,,2.5,", "r0,,,", "needs either a value or a distribution"),
        ("r0,,2.5,", "R_0,,2.5,", "Did you mean 'r0'?"),
        ("r0,,2.5,,,", "r0,,,gamma,-1,2", "gamma needs shape"),
        ("r0,,2.5,,,", "r0,,,normal,2,", "needs first and second"),
        ("r0,,2.5,,,,,", "r0,,,uniform,2,3,4,5", "nothing lies between"),
        ("r0,,2.5,", "r0,0-4,2.5,", "element is '0-4'; it must be empty"),
        ("latent_days,,1.1,,,,,,x", "", "parameter 'latent_days' is missing"),
        ("prob_hospital,80+,", "prob_hospital,81+,", "element is '81+'"),
        ("prob_hospital,80+,", "prob_hospital,75-79,", "given twice"),
        ("infection_fatality_ratio,80+,0.03305529", "infection_fatality_ratio,80+,0.9", "at age 80+"),
        (
            "untreated_fatality_ratio,,5,",
            "death_ward_untreated,,0.5,",
            "fatality without care is not complete",
        ),
        ("hospital_death_days,,5,", "stay_icu_live,,5,", "give hospital_death_days, or stay_ward_die"),
        (
            "prob_hospital,0-4,0.12223968",
            "prob_hospital,0-4,0.9",
            "asymptomatic_share + prob_hospital is 1.23",
        ),
    ],
)
def test_bad_tables_are_refused_with_row_and_repair(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = _built_in("influenza-1918")
    if old.endswith(",x"):
        old = next(line for line in text.splitlines() if line.startswith(old[:-1])) + "\n"
    assert old in text
    with pytest.raises(InputError) as error:
        Pathogen.load(_own(tmp_path, text.replace(old, new)))
    assert message in str(error.value)


def test_a_missing_age_is_named(tmp_path: Path) -> None:
    lines = [line for line in _built_in("influenza-1918").splitlines() if "prob_hospital,5-9" not in line]
    with pytest.raises(InputError, match="prob_hospital lacks age group 5-9"):
        Pathogen.load(_own(tmp_path, "\n".join(lines)))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("correlation,r0:latent_day,0.5,,,,,,me", "must be two parameters"),
        ("correlation,r0:asymptomatic_infectiousness,0.5,,,,,,me", "needs a distribution of"),
        (
            "correlation,r0:latent_days,0.95,,,,,,me\ncorrelation,latent_days:mild_days,-0.95,,,,,,me",
            "contradict",
        ),
        ("severity_profile,influenza1918,1,,,,,,me", "Did you mean 'influenza-1918'?"),
        ("prob_hospital,,0.1,,,,,,me", "severity is given twice"),
    ],
)
def test_bad_relations_are_refused(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        draw_pathogen(_own(tmp_path, _built_in("disease-x") + row + "\n"), 2)
    assert message in str(error.value)


def test_unknown_names_and_files() -> None:
    with pytest.raises(InputError, match="Did you mean 'sars-cov-2'"):
        Pathogen.load("sarscov2")
    with pytest.raises(InputError, match="there is no file"):
        Pathogen.load(Path("nowhere.csv"))
    with pytest.raises(InputError, match="Use draw_pathogen"):
        Pathogen.load("disease-x")
    with pytest.raises(InputError, match="draws is 0"):
        draw_pathogen("sars-cov-2", 0)


def test_values_changed_in_python_are_checked_too() -> None:
    pathogen = Pathogen.load("sars-cov-2")
    with pytest.raises(InputError, match="pathogen 'sars-cov-2': r0 is -1"):
        dataclasses.replace(pathogen, r0=-1.0)
    with pytest.raises(InputError, match=r"has shape \(16,\); it must be \(17,\)"):
        dataclasses.replace(pathogen, prob_icu=np.full(16, 0.1))
    with pytest.raises(InputError, match="stay_ward_live is 0"):
        dataclasses.replace(pathogen.stays, ward_live=0.0)
    with pytest.raises(InputError, match="efficacy_infection is 1.2"):
        Vaccine(1.2, 0.5, 1.0, 0.5, 0.5, 1.0, 365.0)


def test_ages_are_the_shared_groups() -> None:
    assert Pathogen.load("sars-cov-2").prob_hospital.shape == (len(AGE_GROUPS),)


def _method_page_rows(columns: int) -> list[list[str]]:
    page = Path(__file__).parents[3] / "docs" / "methods" / "pathogens.md"
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [[row[0].strip("`"), *row[1:]] for row in rows if len(row) == columns]


def test_the_method_page_gives_the_values_of_the_tables() -> None:
    rows = _method_page_rows(9)
    assert {row[0] for row in rows} == set(FIXED)
    for name, *cells in rows:
        p = Pathogen.load(name)
        course = [p.r0, p.latent_days, p.asymptomatic_days, p.mild_days, p.case_days, p.asymptomatic_share[0]]
        assert [float(cell) for cell in cells] == pytest.approx([*course, p.immunity_days, p.dispersion], rel=3e-3)


def test_the_method_page_shows_that_the_rule_returns_the_given_ratios() -> None:
    rows = _method_page_rows(10)
    assert {row[0] for row in rows} == set(FIXED)
    for name, age, *cells in rows:
        p, i = Pathogen.load(name), AGE_GROUPS.index(age)
        given_ratio = read_table(name).values.get("infection_fatality_ratio")
        if given_ratio is not None:
            assert float(cells[1]) == pytest.approx(given_ratio[i], rel=0.01)
            assert cells[1] == cells[2]
        shown = [float(cells[0]), *(float(cell) for cell in cells[2:])]
        pathway = [p.prob_hospital, p.infection_fatality_ratio, p.infection_fatality_ratio_untreated]
        pathway += [p.death_ward, p.death_icu, p.death_ward_untreated, p.death_icu_untreated]
        assert shown == pytest.approx([values[i] for values in pathway], rel=0.01, abs=6e-4)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["disease-x", "influenza-1957"]),
    row=st.integers(0, 20),
    cell=st.integers(0, 8),
    text=st.one_of(
        st.text(alphabet=st.characters(codec="utf-8", exclude_characters='"\r\n,'), max_size=8),
        st.floats().map(str),
        st.sampled_from(["r0", "prob_hospital", "80+", "gamma", "inf", "-inf", "1e400", "r0:mild_days"]),
    ),
)
def test_any_cell_gives_a_pathogen_or_an_error_never_a_wrong_number(
    tmp_path: Path, name: str, row: int, cell: int, text: str
) -> None:
    with (folder() / f"{name}.csv").open(encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    rows[row][cell] = text
    path = tmp_path / "fuzzed.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    try:
        draws = draw_pathogen(path, 2)
    except InputError:
        return
    for field in dataclasses.fields(PathogenDraws):
        if field.name not in ("name", "stays"):
            assert not np.isnan(getattr(draws, field.name)).any(), field.name


@given(st.binary(max_size=200))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bytes.csv"
    path.write_bytes(content)
    with pytest.raises(InputError):
        Pathogen.load(path)
