"""What a reply or a failure is billed, and how the samples of a reply share the bill."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from outlay.budget import PICODOLLARS, Price, Usage, UsageReport, apportion
from outlay.model.records import Choice, Completion
from outlay.model.thinking import split_thinking

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from outlay.errors import ModelError
    from outlay.ledger import Reservation
    from outlay.model.records import Message, Reply, Request


LONGEST_TOKEN: Final = 7
"""Bytes a token: no tokenizer averages more over a reply of prose, code or numbers."""
LONGEST_PIECE: Final = 16
"""Bytes of a word that a token holds at most, on average over a text."""
CREDIBLE: Final = 0.75
"""A report below this share of the pieces of all choices is of one of them."""
NO_TIERS: Final = frozenset({"auto", "default", "standard", "standard_only", "global"})
"""Values of `service_tier`, `speed` and `inference_geo` that mean the ordinary price."""
CHEAP_TIERS: Final = frozenset({"flex", "batch", "scale"})
"""Service tiers that cost no more than the ordinary price, unless a price says so."""

_PIECE: Final = re.compile(r"(?:[^\r\n\w]|_)?[^\W\d_]+|\d{1,3}|[^\s\w]+|_+")
"""What byte-pair tokenizers split a text into first: no token reaches beyond one of these."""
_RUN: Final = re.compile(r"([\s!-/:-@\[-`{-~\u2500-\u259f])\1+")
"""Space or a line drawn with one sign."""


def reported(reply: Reply, most: int | None = None, request: Request | None = None) -> UsageReport | None:
    """Return what `reply` is billed; `None` where the provider did not say.

    - A text that took no tokens was not reported, and a report that is `partial` is none.
    - A prompt below `least_tokens` of the request's text was not reported; see
      `UsageReport.prompt_reported`.
    - Of the tokens reported and those counted choice by choice, the larger are billed: some servers
      report one choice of several. Where nothing was counted, a report too small for the text of all
      choices is taken for one of the first choice.
    - The text of all choices has at least `least_tokens`.

    Args:
        reply: As the provider gave it.
        most: Output tokens that were reserved, which no estimate exceeds. `least_tokens` may.
        request: What was asked; `None`: unknown.
    """
    usage = reply.usage
    said = any(choice.text or choice.reasoning or choice.tool_calls for choice in reply.choices)
    if usage is None or not (usage.total_tokens or getattr(usage, "cost", None)):
        return None
    report = usage if isinstance(usage, UsageReport) else UsageReport(**dict(usage))
    if report.partial or (said and not report.output_tokens):
        return None
    output, least_prompt = sum(reply.output_tokens or ()), 1
    if not output:
        estimate = _of_all_choices(report, reply)
        output = max(_received(reply.choices), estimate if most is None else min(estimate, most))
        least_prompt = max(1, _asked(request)) if request else 1
    return report.model_copy(
        update={
            "calls": 1,
            "generations": len(reply.choices),
            "output_tokens": max(report.output_tokens, output),
            "prompt_reported": report.prompt_reported and report.prompt_tokens >= least_prompt,
        }
    )


def _of_all_choices(usage: Usage, reply: Reply) -> int:
    texts = [_written(choice) for choice in reply.choices]
    told = usage.output_tokens
    if len(texts) < 2:  # noqa: PLR2004 - one is all
        return told
    pieces = [max(1, _pieces(text)) for text in texts]
    sizes = [max(1, len(text.encode("utf-8", "replace"))) for text in texts]
    counts_words = told == sum(len(text.split()) for text in texts)  # as `outlay.testing` does
    if counts_words or (told >= CREDIBLE * sum(pieces) and sum(sizes) <= LONGEST_TOKEN * told):
        return told
    return max(ceil(told * sum(lengths) / lengths[0]) for lengths in (sizes, pieces))


def _pieces(text: str) -> int:
    """Return about how many tokens a byte-pair tokenizer makes of `text` at least.

    It tells one choice's report from that of all. Words that are tokens, as `outlay.testing` counts,
    are fewer, so it is no floor.
    """
    return sum(ceil(len(piece.encode("utf-8", "replace")) / LONGEST_PIECE) for piece in _PIECE.findall(text))


def least_tokens(text: str) -> int:
    """Return a number of tokens that `text` has at least: its words, or its bytes by `LONGEST_PIECE`.

    A line drawn with one sign, such as dashes, and a run of spaces count as one sign: they may be one token.
    """
    words = len(text.split())
    if len(text.encode("utf-8", "replace")) // LONGEST_PIECE <= words:
        return words
    return max(words, len(_RUN.sub(r"\1", text).encode("utf-8", "replace")) // LONGEST_PIECE)


def _received(choices: Iterable[Choice]) -> int:
    return sum(least_tokens(_written(choice)) for choice in choices)


def _asked(request: Request) -> int:
    """Return the least tokens of a request's messages.

    Those of the assistant are left out: chat templates drop its earlier thinking.
    """
    own = [message for message in request.messages if message.get("role") != "assistant"]
    texts = [message.get("content") for message in own] + [part.get("text") for part in _parts(own)]
    return sum(least_tokens(text) for text in texts if isinstance(text, str))


def _at_least(usage: Usage | None, output_tokens: int) -> Usage:
    usage = usage or Usage()
    return usage.model_copy(update={"output_tokens": max(usage.output_tokens, output_tokens)})


def shares(usage: Usage, reply: Reply, price: Price | None) -> tuple[Usage, ...]:
    """Divide a request's bill over its samples; the first carries the call and the prompt.

    Output goes by what was counted, else by length of text. What the request costs beside its
    generated tokens is the first one's.
    """
    weights = reply.output_tokens or tuple(max(1, len(_written(choice))) for choice in reply.choices)
    outputs = apportion(usage.output_tokens, weights)
    thoughts = apportion(usage.reasoning_tokens, [max(1, len(c.reasoning)) for c in reply.choices])
    parts = [
        Usage(generations=1, output_tokens=output, reasoning_tokens=min(output, thought))
        for output, thought in zip(outputs, thoughts, strict=True)
    ]
    asked: dict[str, Any] = {name: getattr(usage, name) for name in _REQUEST_FIELDS}
    dollars = _divided(usage, [parts[0].model_copy(update=asked), *parts[1:]], price)
    parts = [part.model_copy(update={"usd": usd}) for part, usd in zip(parts, dollars, strict=True)]
    parts[0] = parts[0].model_copy(update=asked)
    return tuple(parts)


_REQUEST_FIELDS: Final = ("calls", "prompt_tokens", "cached_tokens", "cache_write_tokens")


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


def settle_reply(reservation: Reservation, reply: Reply, request: Request | None = None) -> Usage:
    """Settle a call by what its reply reports.

    Where that is no whole report, the reservation stays spent. What was reported and received is a
    floor then.
    """
    report = reported(reply, reservation.charged.output_tokens, request)
    if report is None:
        return reservation.forfeit(_at_least(reply.usage, _received(reply.choices)))
    return reservation.settle(report)


def settle_failure(reservation: Reservation, error: ModelError, *, received: str = "") -> Usage:
    """Settle a failed call by what is known of it.

    Args:
        reservation: Of the call.
        error: What the call failed with. Its usage is a floor where what was billed is unknown.
        received: Text of the reply that arrived before it failed. Where there is any, the request was
            served: nothing is released, and what was received is a floor for the bill.
    """
    if received:
        return reservation.forfeit(_at_least(error.usage, least_tokens(received)))
    if not error.sent:
        reservation.release()
        return Usage()
    if error.unknown or (isinstance(error.usage, UsageReport) and error.usage.partial):
        return reservation.forfeit(error.usage)
    usage = error.usage or Usage(calls=1)
    return reservation.settle(usage if usage.calls else usage.model_copy(update={"calls": 1}))


def pricing(price: Price | None, request: Request, prompt_tokens: int) -> dict[str, Any]:
    """Return the fields of a `Claim` that say what `request` may cost.

    Args:
        price: The model's price; `None`: unknown.
        request: What is asked.
        prompt_tokens: Of the request, at most.
    """
    if price is None:
        return {"price": None}
    if not request.params and not request.tools and all(map(_is_text, request.messages)):
        return {"price": price}
    asked = _Extras.of(request, price)
    tier = asked.service_tier
    missing = asked.missing(price)
    if missing:
        return {"price": None, "unpriced": missing, "service_tier": tier}
    if asked.plain:
        return {"price": price}
    prices = [price.at(prompt_tokens), price]
    prices += [own, own.at(prompt_tokens)] if (own := price.service_tiers.get(tier or "")) else []
    ceiling = Price(
        input=max(asked.dearest_input(one) for one in prices),
        output=max(asked.dearest_output(one) for one in prices),
        request=max(one.request + asked.searches * (one.search or 0.0) for one in prices),
    )
    return {"price": price, "ceiling": ceiling, "searches": asked.searches, "service_tier": tier}


@dataclass(frozen=True)
class _Extras:
    """What a request asks for that may have a price of its own."""

    service_tier: str | None
    searches: int
    audio_input: bool
    audio_output: bool
    image_output: bool
    hour_cache: bool

    @classmethod
    def of(cls, request: Request, price: Price) -> _Extras:
        said = {**request.params, **(request.params.get("extra_body") or {})}
        modalities = said.get("modalities") or ()
        parts = [*_parts(request.messages), *request.tools]
        tiers = (said.get(name) for name in ("speed", "inference_geo", "service_tier"))
        dear = (tier for tier in tiers if isinstance(tier, str) and tier not in NO_TIERS)
        return cls(
            service_tier=next(dear, None),
            searches=_searches(said, request.tools, price),
            audio_input=any(part.get("type") in _AUDIO or not _AUDIO.isdisjoint(part) for part in parts),
            audio_output="audio" in modalities or bool(said.get("audio")),
            image_output="image" in modalities,
            hour_cache=any(_hour_long(part) for part in (*parts, *request.messages, said)),
        )

    @property
    def plain(self) -> bool:
        """Whether it is an ordinary request."""
        return self == _NO_EXTRAS

    def missing(self, price: Price) -> str:
        """Return the first field that `price` lacks for this; empty if none is."""
        tier = self.service_tier
        known = tier is None or tier in CHEAP_TIERS or tier in price.service_tiers
        needed = {
            "search": self.searches > 0,
            "audio_input": self.audio_input,
            "audio_output": self.audio_output,
            "image_output": self.image_output,
        }
        lacking = [name for name, asked in needed.items() if asked and getattr(price, name) is None]
        return next(iter(lacking), "") if known else "service_tiers"

    def dearest_input(self, price: Price) -> float:
        hour = price.cache_write_1h if self.hour_cache else None
        audio = price.audio_input if self.audio_input else None
        return max(price.dearest_input(), hour or 0.0, audio or 0.0)

    def dearest_output(self, price: Price) -> float:
        audio = price.audio_output if self.audio_output else None
        image = price.image_output if self.image_output else None
        return max(price.dearest_output(), audio or 0.0, image or 0.0)


_AUDIO: Final = frozenset({"input_audio", "audio", "audio_url"})
"""Types of content parts that hold audio, and the fields that hold it."""
_NO_EXTRAS: Final = _Extras(
    service_tier=None,
    searches=0,
    audio_input=False,
    audio_output=False,
    image_output=False,
    hour_cache=False,
)


def _searches(said: Mapping[str, Any], tools: Iterable[Message], price: Price) -> int:
    """Return the most web searches that a request may make."""
    most = price.max_searches if said.get("web_search_options") is not None else 0
    for tool in (*tools, *(said.get("plugins") or ())):
        names = {str(tool.get("type", "")), str(tool.get("id", "")), *map(str, tool)}
        if any(_SEARCH.match(name) for name in names):
            uses = tool.get("max_uses")
            most += uses if isinstance(uses, int) and uses >= 0 else price.max_searches
    return most


_SEARCH: Final = re.compile(r"web_?search|google_?search|web$|enterprise_?web_?search", re.IGNORECASE)


def _is_text(message: Message) -> bool:
    return isinstance(message.get("content"), str) and "cache_control" not in message


def _parts(messages: Iterable[Message]) -> Iterator[Message]:
    for message in messages:
        content = message.get("content")
        if isinstance(content, list | tuple):
            yield from (part for part in content if isinstance(part, Mapping))


def _hour_long(part: Message) -> bool:
    control = part.get("cache_control")
    return isinstance(control, Mapping) and control.get("ttl") not in {None, "5m"}


def _written(choice: Choice) -> str:
    calls = "".join(f" {call.name} {call.arguments}" for call in choice.tool_calls)
    return choice.reasoning + choice.text + calls


def _divided(usage: Usage, parts: Sequence[Usage], price: Price | None) -> list[float | None]:
    """Divide the dollars of a request: each part at its price, and the first takes the rest."""
    if usage.usd is None:
        return [None] * len(parts)
    # At the rates for the whole prompt, which the first part alone carries.
    costs = [price.at(usage.prompt_tokens).cost(part) / PICODOLLARS if price else 0.0 for part in parts]
    # Another service tier may be cheaper than the price that is known here.
    scale = min(1.0, usage.usd / sum(costs)) if any(costs) else 0.0
    others = [round(cost * scale, 12) for cost in costs[1:]]
    return [max(0.0, round(usage.usd - sum(others), 12)), *others]
