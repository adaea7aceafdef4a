"""What was asked of `outlay train-router`: values, read but not yet acted on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from outlay.cli.questions import QuestionsOrder


@dataclass(frozen=True, kw_only=True)
class CollectOrder:
    """What is to be logged, and what that may cost."""

    out: Path
    questions: QuestionsOrder
    model: str = "local"
    api_base: str | None = None
    price: str | None = None
    prices: tuple[str, ...] = ()
    """Of the models that the strategy names, `MODEL=IN,OUT` each."""
    embedder: str = "minilm"
    timeout: float = 600.0
    strategy: str = "budget-mem"
    vectors: int = 11
    turn: int = 0
    limits: Mapping[str, float | None] = field(default_factory=dict)
    """The fields of the `Budget` of all runs on `out`."""
    concurrency: int = 4
    as_json: bool = False
