"""What a reply or a failure is billed, and how the samples of a reply share the bill."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

from outlay.budget import PICODOLLARS, Usage, apportion
from outlay.model.records import Completion
from outlay.model.thinking import split_thinking

if TYPE_CHECKING:
    from outlay.budget import Price
    from outlay.errors import ModelError
    from outlay.ledger import Reservation
    from outlay.model.records import Choice, Reply


LONGEST_TOKEN: Final = 7
"""Characters to a token, on average over a reply, that no tokenizer reaches on prose, code or numbers."""


def reported(reply: Reply) -> Usage | None:
    """Give what `reply` is billed; `None` where the provider did not say.

    Of the tokens reported and those counted choice by choice, the larger are billed: some servers
    report one choice of several. Where nothing was counted, a report that leaves more than
    `LONGEST_TOKEN` characters to a token is taken for such a one. A text that took no tokens was not
    reported either.
    """
    usage = reply.usage
    said = any(choice.text or choice.reasoning or choice.tool_calls for choice in reply.choices)
    if usage is None or not usage.total_tokens or (said and not usage.output_tokens):
        return None
    counted = sum(reply.output_tokens) if reply.output_tokens else _of_all_choices(usage, reply)
    output = max(usage.output_tokens, counted)
    return usage.model_copy(update={"calls": 1, "generations": len(reply.choices), "output_tokens": output})


def _of_all_choices(usage: Usage, reply: Reply) -> int:
    lengths = [_length(choice) for choice in reply.choices]
    if len(lengths) < 2 or sum(lengths) <= LONGEST_TOKEN * usage.output_tokens:  # noqa: PLR2004 - one is all
        return usage.output_tokens
    return ceil(usage.output_tokens * sum(lengths) / lengths[0])


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


def completion(choice: Choice, usage: Usage, model: str) -> Completion:
    """Make a completion of a choice, its thinking told apart."""
    text, thinking = split_thinking(choice.text, has_thought=bool(choice.reasoning))
    return Completion(
        text=text,
        reasoning=choice.reasoning or thinking,
        usage=usage,
        finish_reason=choice.finish_reason,
        logprobs=choice.logprobs,
        tool_calls=choice.tool_calls,
        model=model,
    )


def settle_failure(reservation: Reservation, error: ModelError) -> Usage:
    """Settle a failed call by what is known of it."""
    if not error.sent:
        reservation.release()
        return Usage()
    if error.unknown:
        return reservation.forfeit()
    return reservation.settle(error.usage or Usage(calls=1))


def _length(choice: Choice) -> int:
    calls = sum(len(call.name) + len(call.arguments) for call in choice.tool_calls)
    return max(1, len(choice.text) + len(choice.reasoning) + calls)


def _priced(part: Usage, whole: Usage, price: Price | None) -> Usage:
    usd = None if whole.usd is None else 0.0 if price is None else price.cost(part) / PICODOLLARS
    return part.model_copy(update={"usd": usd})
