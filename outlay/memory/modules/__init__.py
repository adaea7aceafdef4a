"""What is extracted from a history for a question, each part of it at one of three tiers.

    filter -> entity, temporal, topic -> summary

The rules at LOW and MID need the extra `outlay[memory]`; nothing of it is imported before one of them runs.
"""

from outlay.memory.modules.extracted import Extracted
from outlay.memory.modules.modules import Modules
from outlay.memory.modules.routing import (
    DESCRIPTIONS,
    MODULES,
    Choice,
    Decision,
    ModuleName,
    Router,
    Tier,
    Tiering,
)

__all__ = [
    "DESCRIPTIONS",
    "MODULES",
    "Choice",
    "Decision",
    "Extracted",
    "ModuleName",
    "Modules",
    "Router",
    "Tier",
    "Tiering",
]
