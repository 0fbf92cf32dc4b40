"""The names that a reader of the alert report meets: series, places, reasons and what to do about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mamori.core.contracts import LABELS
from mamori.core.messages import text
from mamori.data.catalogue import countries
from mamori.data.names import territory_names
from mamori.report.numbers import Writer
from mamori.surveillance.detector import Reason


@dataclass(frozen=True)
class AlertWords:
    """Words and numbers in one language."""

    lang: str

    @cached_property
    def numbers(self) -> Writer:
        """Writes numbers in this language."""
        return Writer(self.lang)

    def say(self, message: str) -> str:
        """Return `message` in this language."""
        return text(message, self.lang)

    @property
    def sentence_gap(self) -> str:
        """What stands between two sentences."""
        return "" if self.lang == "ja" else " "

    def place(self, place: str) -> str:
        """Name a place: a country by its ISO 3166-1 alpha-3 code, any other place as the data name it."""
        country = countries().get(place)
        return territory_names(self.lang)[country.iso2] if country else place

    def about(self, series: Mapping[str, Any]) -> str:
        """Say what a series is about, as far as its own name does not."""
        name = str(series["series"])
        labels = [str(series[label]) for label in LABELS if series.get(label)]
        named = [self.place(label) for label in labels]
        return " · ".join(word for word in named if word.casefold() not in name.casefold())

    def title(self, series: Mapping[str, Any]) -> str:
        """Name a series and what it is about in one line of signs that can be drawn."""
        line = " · ".join(part for part in (str(series["series"]), self.about(series)) if part)
        return "".join(sign if sign.isprintable() else " " for sign in line)

    def status(self, status: str) -> str:
        """Name the status of an alarm."""
        names = {"new": self.say("New"), "verified": self.say("Verified"), "dismissed": self.say("Dismissed")}
        return names.get(status, status)

    def reason(self, reason: Reason) -> str:
        """Say why a series could not be judged."""
        names = {
            Reason.TOO_SHORT: self.say("The history is too short for the method"),
            Reason.MISSING_COUNT: self.say("The count of this period is missing"),
            Reason.GAP: self.say("Counts that the method needs are missing in the history"),
            Reason.ZERO_VARIANCE: self.say("The history does not vary"),
            Reason.NO_CONVERGENCE: self.say("The calculation did not converge"),
            Reason.FEW_CASES: self.say("Too few cases of late: by the rule of the method no alarm is given"),
            Reason.NOT_FINITE: self.say("The result is not a finite number"),
        }
        return names[reason]

    def repair(self, reason: Reason) -> str:
        """Say what can be done about a series that could not be judged."""
        names = {
            Reason.TOO_SHORT: self.say("Add earlier counts, or choose a method for short histories (mamori, ears)."),
            Reason.MISSING_COUNT: self.say("Ask the reporting site for the count. A true zero must be written as 0."),
            Reason.GAP: self.say("Fill in the missing counts, or choose a method that bears gaps (mamori)."),
            Reason.ZERO_VARIANCE: self.say("Check whether the site reports at all; any case may deserve a look."),
            Reason.NO_CONVERGENCE: self.say("Look at the plot of the series for extreme values; try another method."),
            Reason.FEW_CASES: self.say("Nothing is wrong. Single cases of a grave disease need a rule of their own."),
            Reason.NOT_FINITE: self.say("Look at the series for extreme values; try another method."),
        }
        return names[reason]
