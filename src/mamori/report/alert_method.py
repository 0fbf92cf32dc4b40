"""What a reader of the alert report needs to judge the method: its settings, and what its figures are."""

from collections.abc import Mapping

import numpy as np

from mamori.report.alert_words import AlertWords
from mamori.surveillance.detect import Alerts
from mamori.surveillance.methods import METHODS, method_class


def level(method: str, values: Mapping[str, object]) -> float | None:
    """Return the probability that a method gives an alarm without an outbreak, as its settings promise it.

    None for methods that make no such promise. The `alpha` of the Farrington method of 1996 is two-sided: half of
    it lies above the bound (Farrington et al. 1996); that of EARS follows from its variant where it is not given.
    """
    alpha = values.get("alpha")
    if method == "ears" and alpha is None:
        from mamori.surveillance.ears import ALPHA

        alpha = ALPHA.get(values.get("variant"))  # type: ignore[call-overload]
    if not isinstance(alpha, float):
        return None
    return alpha / 2 if method == "farrington" else alpha


def settings(alerts: Alerts, words: AlertWords) -> list[dict[str, str]]:
    """Return the settings of the method with their meaning, and whether they are those that it begins with."""
    fields = method_class(alerts.method).model_fields if alerts.method in METHODS else {}
    rows = []
    for name, value in alerts.settings.items():
        field = fields.get(name)
        usual = field is not None and field.get_default(call_default_factory=True) == value
        rows.append(
            {
                "name": name,
                "value": _value(value, words),
                "meaning": words.say(field.description) if field and field.description else "",
                "usual": words.say("default") if usual else words.say("set for this run"),
            }
        )
    return rows


def _value(value: object, words: AlertWords) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return words.say("yes") if value else words.say("no")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(part, words)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_value(part, words) for part in value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def notes(alerts: Alerts, words: AlertWords, suppress_below: int) -> list[str]:
    """Return what a reader has to know to judge the alarms, as sentences."""
    say, seen = words.say, alerts.observations
    found = [
        say(
            "Expected is the mean without an outbreak, the upper bound the count above which the method gives an "
            "alarm. Excess cases are observed less expected; times expected is observed over expected."
        ),
        say(
            "First the series in alarm in the last period judged, then those in alarm earlier, newest first, then "
            "those dismissed; ranked by q-value where there is one, then p-value, then excess cases. The figures of a "
            "series are those of its latest alarm."
        ),
        say("An alarm is a reason to look, not proof of an outbreak; no alarm is no proof that there is none."),
    ]
    compat = {
        "r": say(
            "compat = r: the figures are those of the R package surveillance, with its overwritten weights in the "
            "dispersion; the bounds of compat = corrected differ."
        ),
        "corrected": say(
            "compat = corrected: the dispersion is the proper one, so bounds and alarms differ from those of the R "
            "package surveillance."
        ),
    }
    chosen = compat.get(str(alerts.settings.get("compat")))
    if chosen:
        found.append(chosen)
    if seen.dates is None:
        found.append(say("The series have no dates: periods are numbered as in the file."))
    left_out = np.isnan(seen.history).sum() > np.isnan(seen.counts).sum()
    if left_out or seen.weights is not None:
        found.append(
            say(
                "Excluded periods and known outbreaks are left out of the history, or weigh less; plots draw them open."
            )
        )
    if alerts.folded_into is not None:
        found.append(
            say("Alarms of narrower series that a wider one explains are listed under it and have no row of their own.")
        )
    if suppress_below:
        found.append(
            say(
                "Counts from 1 to {n} are not shown, nor are figures from which they could be worked out. In the "
                "plots they are open bars of one height."
            ).format(n=suppress_below - 1)
        )
    return found
