"""Outlay: the most answer out of a fixed amount of test-time compute.

Names are loaded when they are first used: importing `outlay` imports neither LiteLLM nor LangGraph.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outlay.budget import Budget, Price, Usage
    from outlay.errors import (
        BudgetExhaustedError,
        ConfigurationError,
        ContextOverflowError,
        ModelError,
        ModelRefusedError,
        ModelUnavailableError,
        OutlayError,
        OutputInvalidError,
        PolicyError,
        RetrievalError,
    )
    from outlay.ledger import Ledger, current_ledger, require_fence
    from outlay.model import Model
    from outlay.replay import Replay
    from outlay.strategy import Answer

__all__ = [
    "Answer",
    "Budget",
    "BudgetExhaustedError",
    "ConfigurationError",
    "ContextOverflowError",
    "Ledger",
    "Model",
    "ModelError",
    "ModelRefusedError",
    "ModelUnavailableError",
    "OutlayError",
    "OutputInvalidError",
    "PolicyError",
    "Price",
    "Replay",
    "RetrievalError",
    "Usage",
    "current_ledger",
    "require_fence",
]

_HOMES = {
    "Answer": "strategy",
    "Budget": "budget",
    "Ledger": "ledger",
    "Model": "model",
    "Price": "budget",
    "Replay": "replay",
    "Usage": "budget",
    "current_ledger": "ledger",
    "require_fence": "ledger",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'outlay' has no attribute {name!r}")
    return getattr(import_module(f"outlay.{_HOMES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return __all__
