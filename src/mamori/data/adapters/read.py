"""Read what users hold into `Observations`: one function for all formats, one file for each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mamori.core.contracts import Observations
from mamori.core.errors import InputError, did_you_mean
from mamori.core.time import CALENDARS, Calendar
from mamori.data.adapters._grid import Duplicates, Missing, Negative, Rules
from mamori.data.adapters._json import read_json
from mamori.data.adapters._table import column_names, readable, snake_case
from mamori.data.adapters.dhis2 import read_dhis2
from mamori.data.adapters.erviss import read_erviss
from mamori.data.adapters.flunet import read_flunet
from mamori.data.adapters.godata import read_godata
from mamori.data.adapters.linelist import DATES, Counting, DateOfCase, PeriodOfCounts, read_linelist
from mamori.data.adapters.sormas import read_sormas
from mamori.data.adapters.tidy import read_tidy

FORMS = ("auto", "tidy", "linelist", "dhis2", "flunet", "erviss", "sormas", "godata")
CASE_FORMS = ("linelist", "sormas", "godata")
"""The forms with a row per case."""
SIGNAL_FORMS = ("dhis2", "flunet", "erviss")
"""The forms in which one file holds several things that are counted."""

_MARKS: tuple[tuple[str, frozenset[str]], ...] = (
    ("dhis2", frozenset({"dataelement", "period", "orgunit", "value"})),
    ("dhis2", frozenset({"data_element", "period", "org_unit", "value"})),
    ("flunet", frozenset({"spec_processed_nb", "inf_a", "inf_b"})),
    ("erviss", frozenset({"countryname", "yearweek", "indicator", "value"})),
    ("sormas", frozenset({"case_classification", "report_date"})),
    ("godata", frozenset({"date_of_reporting", "classification"})),
)
"""The columns by which a table of each form is known, in snake case."""


def read_observations(
    path: Path,
    *,
    form: str = "auto",
    frequency: int | None = None,
    calendar: Calendar | None = None,
    date: DateOfCase | None = None,
    period: PeriodOfCounts = "week",
    by: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    signal: str | None = None,
    missing: Missing = "missing",
    duplicates: Duplicates = "error",
    negative: Negative = "error",
    outbreak_values: Sequence[str] = (),
) -> Observations:
    """Return the counts in the file `path`, checked, as series on one time axis.

    `form` is one of `FORMS`; "auto" tells it by the columns. `frequency` is the number of periods a year of
    undated series, or settles what the spacing of dates leaves open. `calendar` is that of week numbers, and of
    the weeks into which cases are counted (ISO by default). `date` and `period` say by which date of a case, and
    per what, line lists are counted. `by` names the roles or columns that tell series apart, `columns` the
    file's column for a role (``{"observed": "cases"}``), `drop` the columns never to be read, `signal` what is
    wanted of a file that counts several things. `missing` says what a period without a row is: missing (NaN),
    or zero. `duplicates` says whether two rows of one series and period are an error or are added up,
    `negative` whether a negative count (a correction) is an error or missing.
    `outbreak_values` are the words in the column `known_outbreak` of a line list that mark known outbreaks.

    Counts are whole numbers >= 0. A row that is not counted is in `dropped` with its reason, a column that is
    not used in `ignored`.

    Raises `InputError`, naming row, column, value and repair, for a file that cannot be read or is in another
    encoding than UTF-8 or UTF-16; for columns that are missing or look like names of persons; for counts that
    are negative, fractions or no numbers; for periods that cannot be read, do not exist, are of two calendars or
    do not fit one spacing; for a series with two counts in a period; and for options that the form does not have.
    """
    path = Path(path)
    if form not in FORMS:
        raise InputError(f"form '{form}' is not known; choose {', '.join(FORMS)}.{did_you_mean(form, FORMS)}")
    if calendar is not None and calendar not in CALENDARS:
        raise InputError(f"calendar '{calendar}' is not known; choose {', '.join(CALENDARS)}")
    if form == "auto":
        form = _form_of(path, columns or {})
    _check_options(form, frequency=frequency, date=date, period=period, signal=signal, missing=missing,
                   duplicates=duplicates, negative=negative, outbreak_values=outbreak_values)  # fmt: skip
    rules = Rules(frequency, calendar, missing, duplicates, negative)
    if form in CASE_FORMS:
        counting = Counting(date, period, calendar, tuple(outbreak_values))
        read_cases = {"linelist": read_linelist, "sormas": read_sormas, "godata": read_godata}[form]
        with readable(path):
            return read_cases(path, counting, by, columns, drop)
    with readable(path):
        if form == "tidy":
            return read_tidy(path, rules, by, columns, drop)
        read_signal = {"dhis2": read_dhis2, "flunet": read_flunet, "erviss": read_erviss}[form]
        return read_signal(path, rules, signal, by, columns, drop)


def _check_options(form: str, **options: object) -> None:
    """Raise for an option that was given but means nothing for files of this form."""
    only_cases = {"date": None, "period": "week", "outbreak_values": ()}
    only_counts = {"frequency": None, "missing": "missing", "duplicates": "error", "negative": "error"}
    foreign: dict[str, object] = dict(only_counts if form in CASE_FORMS else only_cases)
    if form not in SIGNAL_FORMS:
        foreign["signal"] = None
    for name, default in foreign.items():
        given = options[name]
        if given != default and given:
            raise InputError(f"{name} is {given}, which has no meaning for a file of the form {form}. Leave it out")


def _form_of(path: Path, columns: Mapping[str, str]) -> str:
    """Return the form of the file, told by its columns and by the roles that the user names."""
    if path.suffix.lower() == ".json":
        return "godata" if isinstance(read_json(path), list) else "dhis2"
    names = {snake_case(name) for name in column_names(path)}
    for form, marks in _MARKS:
        if marks <= names:
            return form
    roles = names | set(columns)
    tidy = {"observed", "count", "t", "date", "week"}
    if tidy & set(columns) or (tidy & roles and not set(DATES) & set(columns)):
        return "tidy"
    cases = {name for known in DATES.values() for name in known}
    if cases & roles:
        return "linelist"
    raise InputError(
        f"{path} is of no form that its columns tell: {', '.join(sorted(names)[:12])}. Say the form "
        f"({', '.join(FORMS[1:])}) and name the columns, e.g. date=my_week, observed=my_cases"
    )
