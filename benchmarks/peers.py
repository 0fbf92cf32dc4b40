"""The SEIR job in other programs; run by an interpreter that has them (``python -m benchmarks --peers PYTHON``).

Reads the job as JSON from standard input (see `benchmarks.jobs.seir_job`), prints a line of JSON per program: CPU
milliseconds, best of ``repeats``, and infected people by the end.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any


def best(run: Callable[[], float], repeats: int) -> tuple[float, float]:
    """Return CPU milliseconds of the quickest of ``repeats`` runs, and what the last one gave."""
    shortest, value = float("inf"), 0.0
    for _ in range(repeats):
        begin = time.process_time()
        value = run()
        shortest = min(shortest, 1e3 * (time.process_time() - begin))
    return shortest, value


def memilio(job: dict[str, Any]) -> tuple[float, float]:
    """MEmilio's SEIR model with its adaptive integrator."""
    import numpy as np
    from memilio.simulation import AgeGroup, LogLevel, set_log_level
    from memilio.simulation.oseir import InfectionState, Model, simulate

    set_log_level(LogLevel.Off)
    ages = len(job["population"])

    def run() -> float:
        model = Model(ages)
        for a, people in enumerate(job["population"]):
            age = AgeGroup(a)
            model.parameters.TimeExposed[age] = job["latent_days"]
            model.parameters.TimeInfected[age] = job["infectious_days"]
            model.parameters.TransmissionProbabilityOnContact[age] = job["transmission"]
            model.populations[age, InfectionState.Infected] = job["seeds"][a]
            model.populations.set_difference_from_group_total_AgeGroup((age, InfectionState.Susceptible), people)
        model.parameters.ContactPatterns.cont_freq_mat[0].baseline = np.array(job["contacts"])
        model.parameters.ContactPatterns.cont_freq_mat[0].minimum = np.zeros((ages, ages))
        result = simulate(0, job["days"], 1.0, model).as_ndarray()
        end = result[1:, -1].reshape(ages, 4)
        return float(sum(job["population"]) - end[:, 0].sum())

    return best(run, 20)


def epydemix(job: dict[str, Any]) -> tuple[float, float]:
    """epydemix's SEIR model, stochastic."""
    import numpy as np
    import pandas as pd
    from epydemix import EpiModel
    from epydemix.population import Population

    ages = len(job["population"])
    people = Population("benchmark")
    people.add_population(np.array(job["population"]), [str(a) for a in range(ages)])
    people.add_contact_matrix(np.array(job["contacts"]), "all")
    model = EpiModel("SEIR", compartments=["S", "E", "I", "R"])
    model.set_population(people)
    model.add_parameter("beta", job["transmission"])
    model.add_parameter("sigma", 1.0 / job["latent_days"])
    model.add_parameter("gamma", 1.0 / job["infectious_days"])
    model.add_transition("S", "E", params=("beta", "I"), kind="mediated")
    model.add_transition("E", "I", params="sigma", kind="spontaneous")
    model.add_transition("I", "R", params="gamma", kind="spontaneous")
    seeds = np.round(job["seeds"])
    start = {"S": np.array(job["population"]) - seeds, "E": 0 * seeds, "I": seeds, "R": 0 * seeds}
    end = pd.Timestamp("2025-01-01") + pd.Timedelta(days=job["days"])

    def run() -> float:
        results = model.run_simulations("2025-01-01", end, initial_conditions_dict=start, Nsim=job["draws"], rng=1)
        left = np.mean([path.compartments["S_total"][-1] for path in results.trajectories])
        return float(sum(job["population"]) - left)

    return best(run, 2)


if __name__ == "__main__":
    work = json.load(sys.stdin)
    for function, package in ((memilio, "memilio-simulation"), (epydemix, "epydemix")):
        milliseconds, infected = function(work)
        print(json.dumps({"peer": package, "version": version(package), "cpu_ms": milliseconds, "infected": infected}))
