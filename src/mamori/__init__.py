"""Mamori (守り, protection): pandemic prevention, preparedness and response.

Whatever a command does is one call here. The names are imported when they are first used, so that
``import mamori`` and ``mamori --help`` are quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mamori.core.contracts import Observations, Triangle
    from mamori.core.errors import InputError, MamoriError
    from mamori.data.adapters.hubverse import read_forecasts, read_truth
    from mamori.data.adapters.read import read_observations
    from mamori.data.adapters.triangle import TriangleRules, read_triangle, triangle_from_snapshots
    from mamori.data.world import World
    from mamori.epidemic.health_system import Hospitals, Surge
    from mamori.epidemic.interventions import ContactReduction, Isolation, Reductions, Trigger
    from mamori.epidemic.measures import Measures, TriggeredReduction, Vaccination
    from mamori.epidemic.model import Drivers, Epidemic
    from mamori.epidemic.nimue import simulate_nimue
    from mamori.epidemic.pathogen import Pathogen, Vaccine
    from mamori.epidemic.simulate import simulate
    from mamori.epidemic.simulation import Simulation
    from mamori.epidemic.variants import Variant
    from mamori.exercise.compare import compare_runs
    from mamori.exercise.loop import run_exercise
    from mamori.exercise.outcome import Outcome
    from mamori.exercise.scenario import Scenario
    from mamori.exercise.scenario_file import load_scenario
    from mamori.inference._ensemble import combine_forecasts
    from mamori.inference._quantile_scores import weighted_interval_score
    from mamori.inference.forecast import forecast_counts
    from mamori.inference.nowcast import Nowcast, nowcast
    from mamori.inference.renewal import RenewalModel, estimate_renewal
    from mamori.inference.reproduction import estimate_case_reproduction_number, estimate_reproduction_number
    from mamori.inference.scoring import score_forecasts
    from mamori.inference.serial_interval import SerialInterval, UncertainInterval, published_interval
    from mamori.inference.severity import DelayToDeath, estimate_severity
    from mamori.report.alerts import write_alert_report
    from mamori.report.html import write_report
    from mamori.report.series_plot import plot_series, write_series_plots
    from mamori.surveillance.detect import Alerts, detect_outbreaks
    from mamori.surveillance.fusion import EventProcess, Fusion, fuse_streams
    from mamori.surveillance.scan import scan_clusters
    from mamori.surveillance.signals import Signals, read_signals
    from mamori.surveillance.stream import Stream, estimate_stream, load_streams
    from mamori.surveillance.timeliness import assess_timeliness
    from mamori.workflows.back_calculation import back_calculate, covid19_fit, covid19_reproduction
    from mamori.workflows.nowcast_detection import detect_on_nowcast
    from mamori.workflows.watson import replay_watson

__version__ = "0.1.0"

_EXPORTS = {
    "Alerts": "mamori.surveillance.detect",
    "ContactReduction": "mamori.epidemic.interventions",
    "DelayToDeath": "mamori.inference.severity",
    "Drivers": "mamori.epidemic.model",
    "Epidemic": "mamori.epidemic.model",
    "EventProcess": "mamori.surveillance.fusion",
    "Fusion": "mamori.surveillance.fusion",
    "Hospitals": "mamori.epidemic.health_system",
    "InputError": "mamori.core.errors",
    "Isolation": "mamori.epidemic.interventions",
    "MamoriError": "mamori.core.errors",
    "Measures": "mamori.epidemic.measures",
    "Nowcast": "mamori.inference.nowcast",
    "Observations": "mamori.core.contracts",
    "Outcome": "mamori.exercise.outcome",
    "Pathogen": "mamori.epidemic.pathogen",
    "Reductions": "mamori.epidemic.interventions",
    "RenewalModel": "mamori.inference.renewal",
    "Scenario": "mamori.exercise.scenario",
    "SerialInterval": "mamori.inference.serial_interval",
    "Signals": "mamori.surveillance.signals",
    "Simulation": "mamori.epidemic.simulation",
    "Stream": "mamori.surveillance.stream",
    "Surge": "mamori.epidemic.health_system",
    "Triangle": "mamori.core.contracts",
    "TriangleRules": "mamori.data.adapters.triangle",
    "Trigger": "mamori.epidemic.interventions",
    "TriggeredReduction": "mamori.epidemic.measures",
    "UncertainInterval": "mamori.inference.serial_interval",
    "Vaccination": "mamori.epidemic.measures",
    "Vaccine": "mamori.epidemic.pathogen",
    "Variant": "mamori.epidemic.variants",
    "World": "mamori.data.world",
    "assess_timeliness": "mamori.surveillance.timeliness",
    "back_calculate": "mamori.workflows.back_calculation",
    "combine_forecasts": "mamori.inference._ensemble",
    "compare_runs": "mamori.exercise.compare",
    "covid19_fit": "mamori.workflows.back_calculation",
    "covid19_reproduction": "mamori.workflows.back_calculation",
    "detect_on_nowcast": "mamori.workflows.nowcast_detection",
    "detect_outbreaks": "mamori.surveillance.detect",
    "estimate_case_reproduction_number": "mamori.inference.reproduction",
    "estimate_renewal": "mamori.inference.renewal",
    "estimate_reproduction_number": "mamori.inference.reproduction",
    "estimate_severity": "mamori.inference.severity",
    "estimate_stream": "mamori.surveillance.stream",
    "forecast_counts": "mamori.inference.forecast",
    "fuse_streams": "mamori.surveillance.fusion",
    "load_scenario": "mamori.exercise.scenario_file",
    "load_streams": "mamori.surveillance.stream",
    "nowcast": "mamori.inference.nowcast",
    "plot_series": "mamori.report.series_plot",
    "published_interval": "mamori.inference.serial_interval",
    "read_forecasts": "mamori.data.adapters.hubverse",
    "read_observations": "mamori.data.adapters.read",
    "read_signals": "mamori.surveillance.signals",
    "read_triangle": "mamori.data.adapters.triangle",
    "read_truth": "mamori.data.adapters.hubverse",
    "replay_watson": "mamori.workflows.watson",
    "run_exercise": "mamori.exercise.loop",
    "scan_clusters": "mamori.surveillance.scan",
    "score_forecasts": "mamori.inference.scoring",
    "simulate": "mamori.epidemic.simulate",
    "simulate_nimue": "mamori.epidemic.nimue",
    "triangle_from_snapshots": "mamori.data.adapters.triangle",
    "weighted_interval_score": "mamori.inference._quantile_scores",
    "write_alert_report": "mamori.report.alerts",
    "write_report": "mamori.report.html",
    "write_series_plots": "mamori.report.series_plot",
}

__all__ = [
    "Alerts",
    "ContactReduction",
    "DelayToDeath",
    "Drivers",
    "Epidemic",
    "EventProcess",
    "Fusion",
    "Hospitals",
    "InputError",
    "Isolation",
    "MamoriError",
    "Measures",
    "Nowcast",
    "Observations",
    "Outcome",
    "Pathogen",
    "Reductions",
    "RenewalModel",
    "Scenario",
    "SerialInterval",
    "Signals",
    "Simulation",
    "Stream",
    "Surge",
    "Triangle",
    "TriangleRules",
    "Trigger",
    "TriggeredReduction",
    "UncertainInterval",
    "Vaccination",
    "Vaccine",
    "Variant",
    "World",
    "__version__",
    "assess_timeliness",
    "back_calculate",
    "combine_forecasts",
    "compare_runs",
    "covid19_fit",
    "covid19_reproduction",
    "detect_on_nowcast",
    "detect_outbreaks",
    "estimate_case_reproduction_number",
    "estimate_renewal",
    "estimate_reproduction_number",
    "estimate_severity",
    "estimate_stream",
    "forecast_counts",
    "fuse_streams",
    "load_scenario",
    "load_streams",
    "nowcast",
    "plot_series",
    "published_interval",
    "read_forecasts",
    "read_observations",
    "read_signals",
    "read_triangle",
    "read_truth",
    "replay_watson",
    "run_exercise",
    "scan_clusters",
    "score_forecasts",
    "simulate",
    "simulate_nimue",
    "triangle_from_snapshots",
    "weighted_interval_score",
    "write_alert_report",
    "write_report",
    "write_series_plots",
]


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'mamori' has no attribute '{name}'")
    value: object = getattr(import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
