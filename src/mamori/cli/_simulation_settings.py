"""From the options of `mamori simulate` to the settings of the simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mamori.cli._pairs import read_pairs, required

if TYPE_CHECKING:
    from mamori.epidemic.measures import Measures
    from mamori.epidemic.pathogen import Vaccine
    from mamori.epidemic.variants import Variant

SHARES = {"home": float, "work": float, "school": float, "community": float}


def vaccine(
    infection: float | None,
    hospital: float | None,
    relative_infectiousness: float | None,
    protection_days: float | None,
) -> Vaccine:
    """Return the default vaccine with what is given put in its place; a booster does what the first course
    does.

    `infection` and `hospital` are efficacies against infection and against hospital need in all.
    """
    from dataclasses import replace

    from mamori.epidemic.pathogen import Vaccine, efficacy_given_infection

    default = Vaccine.default()
    changed: dict[str, float] = {}
    if infection is not None or hospital is not None:
        not_infected = default.efficacy_infection if infection is None else infection
        if hospital is None:
            hospital = 1 - (1 - default.efficacy_infection) * (1 - default.efficacy_disease)
        changed["efficacy_infection"] = not_infected
        changed["efficacy_disease"] = efficacy_given_infection(hospital, not_infected)
    if relative_infectiousness is not None:
        changed["relative_infectiousness"] = relative_infectiousness
    if protection_days is not None:
        changed["protection_days"] = protection_days
    return replace(default, **changed, **{f"booster_{name}": value for name, value in changed.items()})


def measures(contacts: list[str], triggers: list[str], isolation: str | None) -> Measures:
    """Return the measures of ``--contacts``, ``--trigger`` and ``--isolation``."""
    from mamori.epidemic.interventions import ContactReduction, Isolation, Reductions, Trigger
    from mamori.epidemic.measures import Measures, TriggeredReduction

    scheduled = []
    for given in contacts:
        pairs = _read("--contacts", given, SHARES | {"from": int, "to": int}, "from", "to")
        start, end = pairs.pop("from"), pairs.pop("to")
        scheduled.append(ContactReduction(Reductions(**pairs), start, end))
    triggered = []
    for given in triggers:
        kinds = SHARES | {"signal": str, "on": float, "off": float, "days": int}
        pairs = _read("--trigger", given, kinds, "signal", "on", "off")
        switch = Trigger(pairs.pop("on"), pairs.pop("off"), pairs.pop("days", Trigger.minimum_days))
        triggered.append(TriggeredReduction(pairs.pop("signal"), switch, Reductions(**pairs)))
    if isolation is None:
        return Measures(tuple(scheduled), tuple(triggered))
    kinds = {"detected": float, "effect": float, "delay": float, "from": int}
    pairs = _read("--isolation", isolation, kinds, "detected", "effect", "delay")
    found = Isolation(pairs["detected"], pairs["effect"], pairs["delay"])
    return Measures(tuple(scheduled), tuple(triggered), found, pairs.get("from", 0))


def variant(given: str) -> Variant:
    """Return the variant of one ``--variant``."""
    from mamori.epidemic.variants import Variant

    names = {
        "from": "start_day",
        "days": "replacement_days",
        "transmission": "transmission",
        "severity": "severity",
        "efficacy": "vaccine_efficacy",
        "escape": "immune_escape",
        "form": "form",
    }
    kinds = dict.fromkeys(names, float) | {"from": int, "form": str}
    pairs = _read("--variant", given, kinds, "from", "days")
    return Variant(**{names[name]: value for name, value in pairs.items()})


def surges(given: str | None) -> dict[str, Any]:
    """Return the surges of wards and of intensive care in ``--surge``, as `Hospitals` takes them."""
    from mamori.epidemic.health_system import Surge

    if given is None:
        return {}
    kinds = {"ward": float, "icu": float, "from": int, "ramp": int}
    pairs = _read("--surge", given, kinds, "from")
    start, ramp = pairs.pop("from"), pairs.pop("ramp", 0)
    if not pairs:
        required("--surge", pairs, "icu")
    return {f"{kind}_surge": Surge(share, start, ramp) for kind, share in pairs.items()}


def _read(option: str, given: str, kinds: dict[str, Any], *needed: str) -> dict[str, Any]:
    pairs = read_pairs(option, given, kinds)
    required(option, pairs, *needed)
    return pairs
