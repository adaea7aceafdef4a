"""In-context distillation with self-consistency cascades (arXiv 2512.02543)."""

from outlay.agents.in_context_distillation.collecting import Attempt, Collection, collect, reached
from outlay.agents.in_context_distillation.config import Config
from outlay.agents.in_context_distillation.strategy import InContextDistillation
from outlay.agents.in_context_distillation.teaching import PolicyTeacher

__all__ = [
    "Attempt",
    "Collection",
    "Config",
    "InContextDistillation",
    "PolicyTeacher",
    "collect",
    "reached",
]
