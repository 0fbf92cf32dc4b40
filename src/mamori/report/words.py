"""The names that a reader of the report meets: arms, groups and places in the reader's language."""

from dataclasses import dataclass
from functools import cached_property

from mamori.core.messages import text
from mamori.exercise.scenario import Arm
from mamori.report.numbers import Writer
from mamori.report.run_folder import Comparison, RunFolder

DAY_INKS = ("early", "late", "third")
"""Colour classes of the vaccine days, earliest first; further days share the last."""


@dataclass(frozen=True)
class Words:
    """Names in one language for one run."""

    folder: RunFolder
    lang: str

    @cached_property
    def numbers(self) -> Writer:
        """Writes numbers in this language."""
        return Writer(self.lang)

    def say(self, message: str) -> str:
        """Return `message` in this language."""
        return text(message, self.lang)

    def income(self, group: str) -> str:
        """Name an income group of the World Bank."""
        names = {
            "HIC": self.say("High income"),
            "UMIC": self.say("Upper middle income"),
            "LMIC": self.say("Lower middle income"),
            "LIC": self.say("Low income"),
        }
        return names[group]

    def short_income(self, group: str) -> str:
        """Name an income group in a word or two."""
        names = {
            "HIC": self.say("High income"),
            "UMIC": self.say("Upper middle"),
            "LMIC": self.say("Lower middle"),
            "LIC": self.say("Low income"),
        }
        return names[group]

    def places(self, number: int) -> str:
        """Write a number of places."""
        message = self.say("{n} place") if number == 1 else self.say("{n} places")
        return message.format(n=self.numbers.exact(number))

    @property
    def sentence_gap(self) -> str:
        """What stands between two sentences."""
        return "" if self.lang == "ja" else " "

    def response(self, name: str) -> str:
        """Name a response; one of the user's own keeps the name that the scenario gives it."""
        names = {
            "none": self.say("No response"),
            "central": self.say("Central response"),
            "strong": self.say("Strong response"),
        }
        return names.get(name, name)

    def vaccine_day(self, day: int) -> str:
        """Name the day of approval in full."""
        return self.say("vaccine approved on day {day}").format(day=self.numbers.day(day))

    def short_vaccine_day(self, day: int) -> str:
        """Name the day of approval where space is short."""
        return self.say("day {day}").format(day=self.numbers.day(day))

    def arm(self, arm: Arm) -> str:
        """Name an arm."""
        return self.say("{response}, {vaccine}").format(
            response=self.response(arm.response), vaccine=self.vaccine_day(arm.vaccine_day)
        )

    def comparison(self, comparison: Comparison) -> str:
        """Name a comparison: its response, and its days where the run compares several."""
        name = self.response(comparison.response)
        if len(self.vaccine_days) <= 2:
            return name
        early, late = self.folder.arms[comparison.early], self.folder.arms[comparison.late]
        days = self.say("{early} instead of {late}").format(
            early=self.short_vaccine_day(early.vaccine_day), late=self.short_vaccine_day(late.vaccine_day)
        )
        return f"{name}: {days}"

    @cached_property
    def vaccine_days(self) -> tuple[int, ...]:
        """The days of approval of the run, earliest first."""
        return tuple(sorted({arm.vaccine_day for arm in self.folder.arms}))

    def ink(self, arm: Arm) -> str:
        """Return the colour class of an arm's vaccine day."""
        return DAY_INKS[min(self.vaccine_days.index(arm.vaccine_day), len(DAY_INKS) - 1)]

    @cached_property
    def place_names(self) -> list[str]:
        """The names of the places in this language, in their order; English where there is none."""
        english, own = self.folder.places["name_en"], self.folder.places[f"name_{self.lang}"]
        return [name or fallback for name, fallback in zip(own, english, strict=True)]
