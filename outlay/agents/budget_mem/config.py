"""The parameters of `BudgetMem`."""

from __future__ import annotations

from pydantic import Field

from outlay.budget import Settings
from outlay.memory.conversations.packing import CHUNK_TOKENS, FEWEST_TOKENS
from outlay.memory.modules import Tiering


class Config(Settings):
    """Parameters of `BudgetMem`."""

    tiering: Tiering = "implementation"
    """What a higher tier buys: a better kind of program, more reasoning, or a larger model."""
    k: int = Field(default=10, ge=0)
    """Chunks retrieved; fewer where a fence or a window does not hold an answer from so many."""
    chunk_tokens: int = Field(default=CHUNK_TOKENS, ge=FEWEST_TOKENS)
    """Of a chunk, at most, where a memory is made for this strategy, as a bench does; one that is given has
    its own."""
    top_k: int = Field(default=5, gt=0)
    """Chunks that the filter keeps, at most."""
    trade_off: float = Field(default=0.3, ge=0)
    """What the whole range of cost, from the cheapest tiers to the dearest, counts beside the quality of the
    answer, 0 to 1 (lambda), as the router is told; 0: quality alone."""
    max_output_tokens: int = Field(default=512, gt=0)
    """Of a module's call; small models and small fences want 64 to 128."""
    max_answer_tokens: int = Field(default=64, gt=0)
    """Of the answer, which is a short phrase."""
    most_lines: int = Field(default=12, gt=0)
    """Lines that a module without a model lists, at most."""
    temperature: float = Field(default=0.0, ge=0)
    """Of every call; 0 is greedy."""
    seed: int = 0
    """Of the router `random`."""
