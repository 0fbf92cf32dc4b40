"""The scenario of an exercise: every value with its meaning, unit, bounds and source of its built-in value.

These models are the single source of the YAML files' fields, of the JSON Schema in ``schemas/`` and of what
``mamori exercise show`` prints. Japanese descriptions lie in the message catalogue under
``scenario.<path of the field>``.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mamori.core.messages import text

CEPI = "CEPI 100 Days Mission costing model (robj411/p2_drivers, 2026), README of code/costing"

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
NO_RESPONSE = "Nobody changes anything"
PositiveDoses = Annotated[float, Field(ge=0.0, le=1e12)]


def quantity(description: str, *, unit: str = "", source: str = "", **bounds: Any) -> Any:
    """Return a field with its `unit` and the `source` of the value in the built-in scenario."""
    extra = {key: value for key, value in (("unit", unit), ("source", source)) if value}
    return Field(description=description, json_schema_extra=dict(extra), **bounds)


class Part(BaseModel):
    """A part of a scenario: immutable, with no field beyond those declared and no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ShareByIncome(Part):
    """One share for each income group of the World Bank."""

    HIC: Share = quantity("High-income places", unit="share")
    UMIC: Share = quantity("Upper-middle-income places", unit="share")
    LMIC: Share = quantity("Lower-middle-income places", unit="share")
    LIC: Share = quantity("Low-income places", unit="share")


class ShareBySetting(Part):
    """One share of contacts for each setting."""

    home: Share = quantity("Contacts at home", unit="share")
    work: Share = quantity("Contacts at work", unit="share")
    school: Share = quantity("Contacts at school", unit="share")
    community: Share = quantity("Contacts anywhere else", unit="share")


class Emergence(Part):
    """Where the outbreak begins and with how many people."""

    place: str = quantity(
        "Code or name of the place where the pathogen emerges, or 'draw by population': each draw takes a place with "
        "probability proportional to its population",
        source="assumption: where the next pathogen emerges is not known",
    )
    infections: int = quantity(
        "People infected on day 0, all newly infected",
        unit="persons",
        source="assumption: large enough that few draws die out by chance before anybody notices",
        ge=1,
        le=1_000_000,
    )


class Surveillance(Part):
    """What is seen of the epidemic, and when."""

    reporting_delay_days: int = quantity(
        "Days from an event (admission, death) until decision makers know of it",
        unit="days",
        source="assumption: one week, the common rhythm of reporting",
        ge=0,
        le=28,
    )
    recognition_hospital_cases: int = quantity(
        "Reported hospital cases in one place after which the world knows of the new pathogen; the clock "
        "of the countermeasures starts then",
        unit="persons",
        source="41 hospital patients were known when the first cases of COVID-19 were described "
        "(Huang et al. 2020, Lancet 395:497); the sequence followed within days",
        ge=1,
        le=1_000_000,
    )


class Care(Part):
    """Hospital and intensive care."""

    beds: Literal["national", "pooled-by-region"] = quantity(
        "'national': every place has its own free beds; 'pooled-by-region': each week free beds of a "
        "subregion (M49) go to its places that lack them",
        source="assumption: no large-scale sharing of beds between countries",
    )
    icu_fallback: bool = quantity(
        "Whether those who find no intensive-care bed take a free ward bed",
        source="assumption: common practice in 2020; they die like those without intensive care, less those "
        "whom ward care saves",
    )
    staff_relative_risk: float = quantity(
        "Illness among hospital staff relative to everybody's; the absent close beds",
        unit="ratio",
        source="assumption: staff fall ill as often as everybody",
        ge=0,
        le=100,
    )


class VaccineProduct(Part):
    """The vaccine that is developed, as a full course of two doses."""

    approval_days: list[Annotated[int, Field(ge=0, le=3650)]] = quantity(
        "Days from recognition to approval; each value is compared with the others as an arm of its own",
        unit="days",
        source="100 Days Mission (IPPS 2021); 365 days is CEPI's business as usual (326 days for COVID-19)",
        min_length=1,
    )
    efficacy_infection: Share = quantity(
        "Efficacy against infection",
        unit="share",
        source=f"variant-specific vaccine of the {CEPI}",
    )
    efficacy_hospital: Share = quantity(
        "Efficacy against hospital need, from exposure on: at least the efficacy against infection",
        unit="share",
        source=f"variant-specific vaccine of the {CEPI}",
    )
    relative_infectiousness: Share = quantity(
        "Infectiousness of a vaccinated infected person relative to an unvaccinated one",
        unit="share",
        source=f"transmission reduced by 0.35 in the {CEPI}",
    )
    protection_delay_days: float = quantity(
        "Mean days from the first dose to protection, counting the four weeks to the second dose",
        unit="days",
        source=f"28 days between doses and 7 days to immunity, {CEPI}",
        gt=0,
        le=365,
    )
    protection_days: float | None = quantity(
        "Mean days until protection is lost; null: it lasts beyond the run",
        unit="days",
        source=f"no waning in the {CEPI}",
        gt=0,
        le=36500,
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.efficacy_hospital < self.efficacy_infection:
            raise ValueError(
                f"efficacy_hospital {self.efficacy_hospital:g} is below efficacy_infection "
                f"{self.efficacy_infection:g}; whoever is not infected needs no hospital"
            )
        if len(set(self.approval_days)) < len(self.approval_days):
            raise ValueError("approval_days holds a day twice; remove one")
        return self


class Supply(Part):
    """How fast doses are made once manufacture begins."""

    reserved_hic_doses_per_year: PositiveDoses = quantity(
        "World capacity that high-income places have reserved for themselves",
        unit="doses per year",
        source=f"European Union 325 million and United States 150 million, {CEPI}",
    )
    reserved_shared_doses_per_year: PositiveDoses = quantity(
        "World capacity reserved beyond that and shared by population",
        unit="doses per year",
        source=f"business as usual of the {CEPI}; its scenarios S05 and S08 reserve 0.7e9",
    )
    existing_doses_per_year: PositiveDoses = quantity(
        "World capacity that can be turned to the vaccine now, reserved capacity included",
        unit="doses per year",
        source=CEPI,
    )
    ceiling_doses_per_year: PositiveDoses = quantity(
        "World capacity once new plants are built", unit="doses per year", source=CEPI
    )
    transition_weeks_before_approval: int = quantity(
        "Weeks before approval at which plants begin to turn to the vaccine",
        unit="weeks",
        source=CEPI,
        ge=0,
        le=104,
    )
    reserved_first_output_weeks: int = quantity(
        "Weeks from the transition to the first output of reserved capacity", unit="weeks", source=CEPI, ge=0
    )
    existing_first_output_weeks: int = quantity(
        "Weeks from the transition to the first output of existing unreserved capacity",
        unit="weeks",
        source=CEPI,
        ge=0,
    )
    built_first_output_weeks: int = quantity(
        "Weeks from the transition to the first output of newly built capacity",
        unit="weeks",
        source=CEPI,
        ge=0,
    )
    reserved_ramp_weeks: int = quantity(
        "Weeks from first to full output of reserved capacity", unit="weeks", source=CEPI, ge=1
    )
    existing_ramp_weeks: int = quantity(
        "Weeks from first to full output of existing unreserved capacity", unit="weeks", source=CEPI, ge=1
    )
    built_ramp_weeks: int = quantity(
        "Weeks from first to full output of newly built capacity", unit="weeks", source=CEPI, ge=1
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        reserved = self.reserved_hic_doses_per_year + self.reserved_shared_doses_per_year
        if not reserved <= self.existing_doses_per_year <= self.ceiling_doses_per_year:
            raise ValueError(
                f"capacities must rise: reserved {reserved:g} <= existing {self.existing_doses_per_year:g} "
                f"<= ceiling {self.ceiling_doses_per_year:g} doses per year"
            )
        return self


class Delivery(Part):
    """How allocated doses reach people."""

    weekly_limit: ShareByIncome = quantity(
        "Most doses that can be given in a week, as a share of the total population", source=CEPI
    )
    uptake: Share = quantity(
        "Share of those eligible by age who want the vaccine and of each age group that is vaccinated at most",
        unit="share",
        source=CEPI,
    )
    youngest_age_years: int = quantity(
        "Youngest age that is vaccinated: the first year of an age group (0, 5, 10, ... 80)",
        unit="years",
        source=CEPI,
        ge=0,
        le=80,
        multiple_of=5,
    )
    second_dose_after_weeks: int = quantity(
        "Weeks from first to second dose; second doses go first", unit="weeks", source=CEPI, ge=1, le=26
    )


class Response(Part):
    """How people and governments of every place react to what they see: the same rule, of unequal effect."""

    description: str = quantity("What this response stands for")
    start_hospital_cases: int = quantity(
        "Reported hospital cases in the place at which measures and isolation begin there",
        unit="persons",
        source="central: middle of the uniform distribution on 1 to 20 cases of the CEPI model; strong: the first case",
        ge=1,
        le=1_000_000,
    )
    isolation: ShareByIncome = quantity(
        "Share of the infectiousness of people with symptoms that testing and isolation remove",
        source="high income, central: half of the 0.4 that a 29 % fall in transmission by self-isolation "
        "means (Kucharski et al. 2020, Lancet Infect Dis 20:1151: optimistic); lower income: assumption",
    )
    effect: ShareByIncome = quantity(
        "Share of the demanded reduction of contacts, and of the precautions, that is achieved",
        source="central: fall of Rt from 2.87 in April-December 2020, relative to high-income countries: medians of "
        "the Watson et al. 2022 fits 1.34, 1.63, 1.49, 1.52 (high to low income), recomputed; strong: assumption",
    )
    light: ShareBySetting = quantity(
        "Reduction of contacts demanded by light measures: no large gatherings, work from home",
        source="assumption, between the effects of single measures in Brauner et al. 2021 (Science 371:eabd9338)",
    )
    heavy: ShareBySetting = quantity(
        "Reduction of contacts demanded by heavy measures: closed schools, closed businesses, stay at home",
        source="assumption: together about half of all contacts, those at home included; a nation under the "
        "strictest lockdown gave up 0.74 (United Kingdom, March 2020; Jarvis et al. 2020, BMC Medicine 18:124)",
    )
    heavy_from_load: float = quantity(
        "Hospital load (people needing a bed per free bed) from which heavy measures are taken",
        unit="share",
        source="central: trigger of closures in the CEPI model; strong: its lower trigger",
        gt=0,
        le=100,
    )
    light_below_load: float = quantity(
        "Hospital load below which heavy measures become light ones, and from which light ones begin again",
        unit="share",
        source="central: trigger of reopening in the CEPI model; strong: assumption",
        gt=0,
        le=100,
    )
    end_below_load: float = quantity(
        "Hospital load below which light measures end",
        unit="share",
        source="assumption: a fifth of the load below which heavy measures end",
        ge=0,
        le=100,
    )
    heavy_first_weeks: int = quantity(
        "Weeks of heavy measures with which a place begins, whatever its hospital load; 0: it begins with light ones",
        unit="weeks",
        source="OxCGRT stringency of 60-82 from 25 March to 15 May 2020 in every income group, with few cases in "
        "most places; recomputed",
        ge=0,
        le=104,
    )
    heavy_least_weeks: int = quantity(
        "Fewest weeks of heavy measures when they come back",
        unit="weeks",
        source="7 days in the CEPI model",
        ge=1,
        le=104,
    )
    light_least_weeks: int = quantity(
        "Fewest weeks of light measures",
        unit="weeks",
        source="assumption: about the length of the first spring of restrictions in 2020 (OxCGRT)",
        ge=1,
        le=104,
    )
    awareness_deaths_per_million_per_day: float = quantity(
        "Known deaths of the past week, per million people and day, at which people who are not tired make "
        "half of the voluntary reduction",
        unit="deaths per million per day",
        source="form: Weitz et al. 2020 (PNAS 117:32764); central: 0.3, at which this response to the wild type of "
        "SARS-CoV-2 gives 16 million deaths in two years, near the 14.8 million excess deaths of 2020-2021 (Msemburi "
        "et al. 2023, Nature 613:130); strong: a third of it",
        gt=0,
        le=1e6,
    )
    awareness_steepness: float = quantity(
        "Exponent k of the voluntary reduction x^k / (1 + x^k), x = deaths x adherence over the value above",
        source="assumption: the gentlest form, without lag-driven oscillations (Weitz et al. 2020)",
        gt=0,
        le=10,
    )
    voluntary: ShareBySetting = quantity(
        "Largest voluntary reduction of contacts",
        source="assumption: as far as heavy measures",
    )
    precautions: Share = quantity(
        "Reduction of transmission per contact by masks, distance and hygiene while there are measures, or as "
        "far as people are aware; people do not tire of it",
        unit="share",
        source="0.19 by masks at the mean level of wearing of 2020 (Leech et al. 2022, PNAS 119:e2119266119), the "
        "rest assumption; wearing rose through 2020 (Petherick et al. 2021)",
    )
    fatigue_half_life_days: float = quantity(
        "Days in which half of the way to the lasting adherence is gone",
        unit="days",
        source="30 % of the effect of lockdowns on mobility is lost in 4 weeks (Joshi & Musalem 2021, Sci Rep "
        "11:22658); the decline slows down (Petherick et al. 2021, Nat Hum Behav 5:1145)",
        gt=0,
        le=36500,
    )
    fatigue_floor: Share = quantity(
        "Adherence that remains under full measures however long they last",
        unit="share",
        source="assumption that with the half-life gives the 30 % loss in 4 weeks; strong: high trust",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.end_below_load <= self.light_below_load <= self.heavy_from_load:
            raise ValueError(
                f"loads must rise: end_below_load {self.end_below_load:g} <= light_below_load "
                f"{self.light_below_load:g} <= heavy_from_load {self.heavy_from_load:g}"
            )
        for setting in ShareBySetting.model_fields:
            if getattr(self.light, setting) > getattr(self.heavy, setting):
                raise ValueError(f"light measures reduce contacts in '{setting}' more than heavy ones; swap them")
        return self


class Scenario(Part):
    """One exercise: a pathogen, a world, a vaccine, responses; its arms are all responses x approval days."""

    title: str = quantity("Title of the exercise", min_length=1, max_length=200)
    summary: str = quantity("What the exercise asks and how, in a sentence or two", max_length=2000)
    pathogen: str = quantity(
        "Name of a built-in pathogen, or a CSV table of your own; 'disease-x' is drawn from prior distributions",
        min_length=1,
    )
    start_date: date = quantity("Day 0: the day on which the first people are infected")
    population_year: int = quantity(
        "Year of the world's population",
        unit="year",
        source="UN World Population Prospects 2024",
        ge=2000,
        le=2100,
    )
    weeks: int = quantity(
        "Length of the exercise",
        unit="weeks",
        source="two years, the horizon of the comparison",
        ge=1,
        le=1040,
    )
    draws: int = quantity(
        "Draws of chance and of the uncertain parameters; the same for every arm",
        unit="draws",
        ge=1,
        le=1_000_000,
    )
    places: list[str] = quantity("Places that take part: their codes or names, or WORLD for all of them", min_length=1)
    emergence: Emergence = quantity("Where and how the outbreak begins")
    surveillance: Surveillance = quantity("What is seen, and when")
    care: Care = quantity("Hospital and intensive care")
    vaccine: VaccineProduct = quantity("The vaccine")
    supply: Supply = quantity("Manufacture of the vaccine")
    allocation: Literal["income-order", "population"] = quantity(
        "'income-order': unreserved doses go to high-income places until their demand is met, then to the "
        "next income group; 'population': all doses are shared by the population old enough to be "
        "vaccinated",
        source=f"income-order: business as usual of the {CEPI}, as seen in 2021",
    )
    delivery: Delivery = quantity("Vaccination of people")
    responses: dict[Name, Response | None] = quantity(
        "Responses that are compared, by name; null: nobody changes anything", min_length=1
    )

    @property
    def arms(self) -> "tuple[Arm, ...]":
        """Every response with every day of approval, in the order of the file."""
        return tuple(Arm(response, day) for response in self.responses for day in self.vaccine.approval_days)


@dataclass(frozen=True)
class Arm:
    """One way in which the exercise is run: a response and a day of approval."""

    response: str
    vaccine_day: int

    @property
    def name(self) -> str:
        """The arm's name in tables, e.g. ``central-100``."""
        return f"{self.response}-{self.vaccine_day}"

    @property
    def label(self) -> str:
        """The arm in words."""
        return f"response {self.response}, vaccine approved on day {self.vaccine_day}"


@dataclass(frozen=True)
class Setting:
    """One value of a scenario with what a reader needs to judge it."""

    path: str
    value: Any
    unit: str
    source: str
    words: tuple[tuple[str, str], ...]
    """(key in the message catalogue, English) of every part of the description."""

    @property
    def description(self) -> str:
        """What the value means, in English."""
        return self.meaning("en")

    def meaning(self, lang: str) -> str:
        """Return what the value means in `lang`; in English where no translation exists."""
        parts = [english if (found := text(key, lang)) == key else found for key, english in self.words]
        return ": ".join(parts)


def settings(part: Part, path: str = "", key: str = "scenario") -> Iterator[Setting]:
    """Yield every value of `part` in the order of its fields.

    `path` is where the part stands in the scenario; `key` the same with * for the name of a response, under
    which the catalogue holds its descriptions.
    """
    for name, field in type(part).model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        unit, source = str(extra.get("unit", "")), str(extra.get("source", ""))
        here, words = f"{path}.{name}" if path else name, (f"{key}.{name}", field.description or "")
        value = getattr(part, name)
        if isinstance(value, ShareByIncome | ShareBySetting):
            for member, inner in type(value).model_fields.items():
                both = (words, (f"scenario.{member}", inner.description or ""))
                yield Setting(f"{here}.{member}", getattr(value, member), "share", source, both)
        elif isinstance(value, Part):
            yield from settings(value, here, words[0])
        elif isinstance(value, dict):
            for response, rule in value.items():
                if rule is None:
                    yield Setting(f"{here}.{response}", None, "", "", (("scenario.no-response", NO_RESPONSE),))
                else:
                    yield from settings(rule, f"{here}.{response}", f"{words[0]}.*")
        else:
            yield Setting(here, value, unit, source, (words,))


def json_schema() -> str:
    """Return the JSON Schema of a whole scenario (one that is not based on another), as in ``schemas/``."""
    schema = Scenario.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
