"""Doubles for tests: models that are scripted or simulated, a server that counts, an embedder of hashes."""

from outlay.testing.faults import ODD_USAGE, Fault, mix
from outlay.testing.hash_embedder import HashEmbedder
from outlay.testing.questions import SimulatedQuestion, drawn_difficulty, simulated_questions
from outlay.testing.scripted import ScriptedModel, ScriptedProvider, prompt
from outlay.testing.server import CountingServer, Exchange
from outlay.testing.simulated import SimulatedModel, SimulatedProvider, simulated_from_spec
from outlay.testing.simulation import Sight, Simulation

__all__ = [
    "ODD_USAGE",
    "CountingServer",
    "Exchange",
    "Fault",
    "HashEmbedder",
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
