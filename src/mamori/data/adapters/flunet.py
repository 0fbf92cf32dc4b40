"""Read WHO FluNet: virological counts by country, week and virus.

Takes the columns of WHO's file VIW_FNT.csv (`COUNTRY_AREA_TERRITORY`, `ISO_WEEKSTARTDATE`, `ORIGIN_SOURCE`,
`SPEC_PROCESSED_NB`, `AH1N12009`, `INF_ALL`, ...) and those of the older download (`country`, `sdate`, `all_inf`).
Source: WHO Global Influenza Programme, FluNet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mamori.core.contracts import Observations
from mamori.core.errors import InputError, did_you_mean
from mamori.data.adapters._grid import Rules, read_long
from mamori.data.adapters._table import open_table, snake_case
from mamori.data.adapters.tidy import with_keys

ROLES: dict[str, tuple[str, ...]] = {
    "place": ("country_area_territory", "country"),
    "stratum": ("origin_source",),
    "ISO": ("iso_weekstartdate", "sdate"),
    "MMWR": ("mmwr_weekstartdate",),
    "denominator": ("spec_processed_nb",),
}
ALL_INFLUENZA = ("inf_all", "all_inf")
NOT_VIRUSES = (
    "iso_year",
    "iso_week",
    "mmwr_year",
    "mmwr_week",
    "year",
    "week",
    "spec_processed_nb",
    "spec_received_nb",
)


def read_flunet(
    path: Path,
    rules: Rules,
    signal: str | None = None,
    by: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
) -> Observations:
    """Return the detections of one virus (`signal`, a column such as ah1n12009; all influenza by default).

    A series is a country and, where the file tells several, an origin of the specimens (sentinel, non-sentinel,
    not defined): rows of different origin are never added up, so that nothing is counted twice. An empty count
    is missing. The denominator is the number of specimens processed. Dates are the starts of ISO weeks, or of
    MMWR weeks when the calendar says so. Raises `InputError` as `read_observations` says.
    """
    import polars as pl

    table = open_table(path, ROLES, columns, drop)
    week = rules.calendar or "ISO"
    for role, what in (("place", "country"), (week, f"start of the {week} week")):
        if not table.has(role):
            raise InputError(f"{path} has no column of the {what}. Is it FluNet? Name it, e.g. {role}=my_column")
    viruses = {snake_case(name): name for name in table.columns}
    wanted = snake_case(signal) if signal else next((name for name in ALL_INFLUENZA if name in viruses), "inf_all")
    if wanted not in viruses or wanted in NOT_VIRUSES or viruses[wanted] in table.roles.values():
        options = [name for name in viruses if name not in NOT_VIRUSES]
        raise InputError(f"{path} has no column of the virus '{wanted}'.{did_you_mean(wanted, options)} Name another")
    roles = {**table.roles, "date": table.roles[week], "observed": viruses[wanted], "signal": "_signal"}
    frame = table.frame.with_columns(pl.lit(wanted).alias("_signal"))
    table = replace(
        table, frame=frame, roles={role: name for role, name in roles.items() if role not in ("ISO", "MMWR")}
    )
    rules = replace(rules, calendar=None, frequency=rules.frequency or 52)
    if by:
        return read_long(*with_keys(table, by), rules)
    several = table.has("stratum") and table.distinct(["stratum"]).height > 1
    return replace(read_long(table, ["place", "stratum"] if several else ["place"], rules), calendar=week)
