"""What a reply is billed, and how its samples share the bill: arithmetic, no state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.budget import PICODOLLARS, Usage, apportion

if TYPE_CHECKING:
    from outlay.budget import Price
    from outlay.model.records import Choice, Reply


def reported(reply: Reply) -> Usage | None:
    """Give what `reply` is billed; `None` where the provider did not say.

    Of the tokens reported and those counted choice by choice, the larger are billed: some servers
    report one choice of several. A text that took no tokens was not reported either.
    """
    usage = reply.usage
    said = any(choice.text or choice.reasoning or choice.tool_calls for choice in reply.choices)
    if usage is None or not usage.total_tokens or (said and not usage.output_tokens):
        return None
    output = max(usage.output_tokens, sum(reply.output_tokens or ()))
    return usage.model_copy(update={"calls": 1, "generations": len(reply.choices), "output_tokens": output})


def shares(usage: Usage, reply: Reply, price: Price | None) -> tuple[Usage, ...]:
    """Divide a request's bill over its samples; the first carries the call and the prompt.

    Output goes by what was counted, else by length of text.
    """
    weights = reply.output_tokens or tuple(map(_length, reply.choices))
    outputs = apportion(usage.output_tokens, weights)
    thoughts = apportion(usage.reasoning_tokens, [max(1, len(c.reasoning)) for c in reply.choices])
    parts = [
        Usage(generations=1, output_tokens=output, reasoning_tokens=min(output, thought))
        for output, thought in zip(outputs, thoughts, strict=True)
    ]
    asked = {"calls": usage.calls, "prompt_tokens": usage.prompt_tokens, "cached_tokens": usage.cached_tokens}
    parts[0] = parts[0].model_copy(update=asked)
    return tuple(_priced(part, usage, price) for part in parts)


def _length(choice: Choice) -> int:
    calls = sum(len(call.name) + len(call.arguments) for call in choice.tool_calls)
    return max(1, len(choice.text) + len(choice.reasoning) + calls)


def _priced(part: Usage, whole: Usage, price: Price | None) -> Usage:
    usd = None if whole.usd is None else 0.0 if price is None else price.cost(part) / PICODOLLARS
    return part.model_copy(update={"usd": usd})
