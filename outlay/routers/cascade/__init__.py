"""Several samples of a cheap model, and a dear one where they disagree."""

from outlay.routers.cascade.agreement import Cascade, Verdict, next_wave, verdict
from outlay.routers.cascade.calibration import calibrate
from outlay.routers.cascade.deferral import RandomDeferral
from outlay.routers.cascade.economics import (
    Terms,
    cost_at_once,
    cost_in_waves,
    in_waves,
    most_deferrals,
    step_usd,
)
from outlay.routers.cascade.equivalence import (
    Equivalence,
    normal_form,
    normalise_action,
    python_normal_form,
)
from outlay.routers.cascade.figures import Calibration, Candidate, Figures, Interval, Observation
from outlay.routers.cascade.judge import Judge, Unified

__all__ = [
    "Calibration",
    "Candidate",
    "Cascade",
    "Equivalence",
    "Figures",
    "Interval",
    "Judge",
    "Observation",
    "RandomDeferral",
    "Terms",
    "Unified",
    "Verdict",
    "calibrate",
    "cost_at_once",
    "cost_in_waves",
    "in_waves",
    "most_deferrals",
    "next_wave",
    "normal_form",
    "normalise_action",
    "python_normal_form",
    "step_usd",
    "verdict",
]
