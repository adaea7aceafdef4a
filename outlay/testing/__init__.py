"""Doubles for tests: a scripted model, and a server that counts what it serves."""

from outlay.testing.faults import Fault, mix
from outlay.testing.scripted import ScriptedModel, ScriptedProvider, prompt
from outlay.testing.server import CountingServer, Exchange

__all__ = [
    "CountingServer",
    "Exchange",
    "Fault",
    "ScriptedModel",
    "ScriptedProvider",
    "mix",
    "prompt",
]
