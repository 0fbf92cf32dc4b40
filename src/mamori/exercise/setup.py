"""What all arms and draws of a run share: the scenario, the world and what the stages need of it."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mamori.core.ages import AGE_GROUPS
from mamori.core.errors import InputError, did_you_mean
from mamori.core.provenance import fingerprint, provenance
from mamori.core.rng import philox, stream_key
from mamori.data.world import World
from mamori.epidemic.interventions import vaccination_coverage
from mamori.epidemic.pathogen import Vaccine, draw_pathogen, efficacy_given_infection
from mamori.exercise.scenario import Scenario
from mamori.exercise.statistics import Groups
from mamori.exercise.week import FloatArray, IntArray, Places, income_positions

BY_POPULATION = "draw by population"


@dataclass(frozen=True)
class Setup:
    """A scenario on its places; `world` holds only the places that take part."""

    scenario: Scenario
    world: World
    places: Places
    seed: int

    @classmethod
    def build(cls, scenario: Scenario, whole_world: World, seed: int) -> "Setup":
        """Return the set-up; doses are shared among the income groups of `whole_world`.

        Raises `InputError` for an unknown place or a place without an income group.
        """
        world = whole_world.select(scenario.places)
        youngest = scenario.delivery.youngest_age_years // 5
        income_everywhere = income_positions(whole_world.table["income_group"].to_list(), whole_world.codes)
        eligible_everywhere = whole_world.population[:, youngest:].sum(axis=1)
        eligible_by_income = np.bincount(income_everywhere, weights=eligible_everywhere, minlength=4)
        table = world.table
        people = world.population.sum(axis=1)
        contacts = (world.contacts.sum(axis=3) * world.population[:, None, :]).sum(axis=2) / people[:, None]
        places = Places(
            codes=tuple(world.codes),
            income=income_positions(table["income_group"].to_list(), world.codes),
            region=np.unique(table["subregion"].to_numpy(), return_inverse=True)[1].astype(np.int64),
            population=people,
            eligible=world.population[:, youngest:].sum(axis=1),
            eligible_by_income=eligible_by_income.astype(np.float64),
            ward_beds=(table["hospital_beds"] - table["icu_beds"]).to_numpy().astype(np.float64),
            icu_beds=table["icu_beds"].to_numpy().astype(np.float64),
            occupied_share=table["bed_occupancy_share"].to_numpy().astype(np.float64),
            usual_contacts=contacts,
        )
        setup = cls(scenario, world, places, seed)
        # An unknown place of emergence or pathogen is told at once.
        setup.emergence(0, 1)
        draw_pathogen(setup.pathogen, 1, seed)
        return setup

    @property
    def pathogen(self) -> str | Path:
        """The pathogen as the engine takes it: the name of a built-in one, or the file of a table."""
        name = self.scenario.pathogen
        return Path(name) if name.endswith(".csv") else name

    @cached_property
    def groups(self) -> Groups:
        """The groups over which the outcome is summed."""
        return Groups(self.places.codes, self.places.income, self.places.population)

    @cached_property
    def vaccine(self) -> Vaccine:
        """The vaccine of the scenario in the terms of the engine; nobody is given a booster."""
        product = self.scenario.vaccine
        infection = product.efficacy_infection
        disease = efficacy_given_infection(product.efficacy_hospital, infection)
        protection = np.inf if product.protection_days is None else product.protection_days
        return Vaccine(
            efficacy_infection=infection,
            efficacy_disease=disease,
            relative_infectiousness=product.relative_infectiousness,
            delay_days=product.protection_delay_days,
            protection_days=protection,
            booster_efficacy_infection=infection,
            booster_efficacy_disease=disease,
            booster_relative_infectiousness=product.relative_infectiousness,
            booster_protection_days=protection,
        )

    @cached_property
    def coverage(self) -> FloatArray:
        """(steps, 17) shares of each age vaccinated at most, oldest first, one more group in each step."""
        youngest = self.scenario.delivery.youngest_age_years // 5
        steps = vaccination_coverage("elderly", self.scenario.delivery.uptake)[: len(AGE_GROUPS) - youngest]
        return np.asarray(steps)

    def emergence(self, first_draw: int, draws: int) -> FloatArray:
        """Return (D, P) people infected on day 0. Raises `InputError` when the place is not in the run."""
        begin = self.scenario.emergence
        seeds = np.zeros((draws, len(self.places.codes)))
        if begin.place == BY_POPULATION:
            chosen = self._draw_places(first_draw, draws)
        else:
            try:
                code = self.world.select(begin.place).codes[0]
            except InputError:
                known = [*self.places.codes, *self.world.table["name_en"], BY_POPULATION]
                raise InputError(
                    f"emergence.place '{begin.place}' is not among the places of the run."
                    f"{did_you_mean(begin.place, known)} Name one of them, or write '{BY_POPULATION}'"
                ) from None
            chosen = np.full(draws, self.places.codes.index(code))
        seeds[np.arange(draws), chosen] = begin.infections
        return seeds

    def _draw_places(self, first_draw: int, draws: int) -> IntArray:
        """Return (D,) positions of places drawn by population, by seed and draw alone."""
        upto = np.cumsum(self.places.population) / self.places.population.sum()
        uniforms = np.array([_uniform(self.seed, draw) for draw in range(first_draw, first_draw + draws)])
        return np.minimum(np.searchsorted(upto, uniforms, side="right"), len(upto) - 1)

    @cached_property
    def fingerprint(self) -> str:
        """What decides the numbers of a draw, as one text: equal set-ups give equal draws."""
        scenario = self.scenario.model_dump(mode="json", exclude={"title", "summary", "draws"})
        own_table = self.pathogen.read_text(encoding="utf-8") if isinstance(self.pathogen, Path) else ""
        world = hashlib.sha256(repr((self.places.codes, own_table)).encode())
        numbers = (value for value in vars(self.places).values() if isinstance(value, np.ndarray))
        for array in (self.world.population, self.world.contacts, self.world.travel, *numbers):
            world.update(np.ascontiguousarray(array).tobytes())
        return fingerprint(provenance() | {"scenario": scenario, "seed": self.seed, "world": world.hexdigest()})


def _uniform(seed: int, draw: int) -> float:
    return float(philox(stream_key(seed, "emergence", "", draw), 0, 0, 0, 0)[0])
