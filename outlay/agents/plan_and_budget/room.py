"""How many tokens a fence has left for calls that build on each other."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outlay.budget import Budget, Price


def output_room(left: Budget, price: Price | None, prompt_tokens: int, calls: int) -> float:
    """Give the output tokens that `calls` in a row can share; infinite when nothing limits them.

    Each call sends the prompt and what the ones before it answered, so that in the worst case every
    token of an answer is sent again with every further call.

    Args:
        left: What the fence has left.
        price: Of a token; without it dollars are no limit here (the ledger refuses such a call).
        prompt_tokens: Of one call, without answers.
        calls: How many.
    """
    if left.calls is not None and left.calls < calls:
        return 0
    again = calls - 1
    rooms = [inf]
    if left.output_tokens is not None:
        rooms.append(left.output_tokens)
    if left.total_tokens is not None:
        rooms.append((left.total_tokens - calls * prompt_tokens) / (1 + again))
    if left.usd is not None and price is not None:
        free = left.usd * 1e6 - calls * prompt_tokens * price.input
        each = price.output + again * price.input
        rooms.append(free / each if each else inf if free >= 0 else 0)
    return max(0.0, min(rooms))
