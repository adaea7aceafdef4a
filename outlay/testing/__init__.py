"""Doubles for tests: a scripted model, a simulated one, and a server that counts what it serves."""

from outlay.testing.faults import Fault, mix
from outlay.testing.questions import SimulatedQuestion, drawn_difficulty, simulated_questions
from outlay.testing.scripted import ScriptedModel, ScriptedProvider, prompt
from outlay.testing.server import CountingServer, Exchange
from outlay.testing.simulated import SimulatedModel, SimulatedProvider, simulated_from_spec
from outlay.testing.simulation import Sight, Simulation

__all__ = [
    "CountingServer",
    "Exchange",
    "Fault",
    "ScriptedModel",
    "ScriptedProvider",
    "Sight",
    "SimulatedModel",
    "SimulatedProvider",
    "SimulatedQuestion",
    "Simulation",
    "drawn_difficulty",
    "mix",
    "prompt",
    "simulated_from_spec",
    "simulated_questions",
]
