"""Reading a provider's usage object as our record.

The object has OpenAI's chat shape, with what LiteLLM adds when it translates other providers, or
Anthropic's own shape. It is plain JSON from outside, so every value may be of any type.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from outlay.budget import UsageReport

LARGEST: Final = 10**12
"""Tokens; no request takes more, so a larger count is no report."""
LARGEST_COST: Final = 1e6
"""Dollars; no request costs more, so a larger cost is no report."""
TICKS_PER_DOLLAR: Final = 10**10
"""Unit of xAI's `cost_in_usd_ticks`."""
_IMPOSSIBLE: Final = -1
_BESIDE_THE_PROMPT: Final = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})
"""Counts that `input_tokens` does not include in Anthropic's shape."""
_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?", re.ASCII)

Json = Mapping[Any, Any]


def read_usage(found: object, *, service_tier: object = None) -> UsageReport | None:
    """Read a usage object; never raises.

    - A count below 0, or too large for any request, is left out, and the rest is `partial`.
    - A prompt of 0 tokens, or of none stated, is not reported; see `UsageReport.prompt_reported`.
    - Where counts contradict each other, the reading with the larger bill is taken: a total above
      the sum of its parts adds to the output; reasoning above the output was left out of it; cache
      reads and writes above the prompt were left out of the prompt.
    - A text that is a number counts as that number, and a fraction is rounded up. Other types are
      no counts.

    Args:
        found: The `usage` object of the reply, as plain JSON.
        service_tier: `service_tier` of the reply, if it has one.

    Returns:
        `None` where nothing usable was reported.
    """
    if not isinstance(found, Mapping):
        return None
    prompt = _largest(found, "prompt_tokens", "input_tokens")
    output = _largest(found, "completion_tokens", "output_tokens")
    total = _largest(found, "total_tokens")
    partial = _IMPOSSIBLE in {prompt, output, total}
    if partial:
        # What the total would add to the output may be of the count that is left out.
        prompt, output, total = max(0, prompt or 0), max(0, output or 0), 0
    cost = _cost(found)
    if not prompt and not output and not total and cost is None:
        return None
    report = _report(found, prompt or 0, output or 0, total or 0, cost, service_tier)
    return report.model_copy(update={"partial": partial})


def _report(
    found: Json, prompt: int, output: int, total: int, cost: float | None, tier: object
) -> UsageReport:
    asked = [*_details(found, "prompt_tokens_details", "input_tokens_details")]
    made = [*_details(found, "completion_tokens_details", "output_tokens_details")]
    cached = _most(
        (found, "prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens"),
        *((d, "cached_tokens", "cache_read_tokens", "cache_read_input_tokens") for d in asked),
    )
    hour, written = _cache_writes(found, asked)
    prompt_reported = prompt > 0
    anthropic = "prompt_tokens" not in found and not found.keys().isdisjoint(_BESIDE_THE_PROMPT)
    if anthropic or cached + written > prompt:
        prompt += cached + written
    audio, image = (_most(*((d, f"{kind}_tokens") for d in made)) for kind in ("audio", "image"))
    reasoning = _most((found, "reasoning_tokens"), *((d, "reasoning_tokens") for d in made))
    inside = reasoning + audio + image
    output = max(output + inside if inside > output else output, total - prompt)
    return UsageReport(
        calls=1,
        prompt_tokens=prompt,
        prompt_reported=prompt_reported,
        cached_tokens=cached,
        cache_write_tokens=written,
        cache_write_1h_tokens=hour,
        audio_input_tokens=min(prompt, _most(*((d, "audio_tokens") for d in asked))),
        output_tokens=output,
        reasoning_tokens=reasoning,
        audio_output_tokens=audio,
        image_output_tokens=image,
        searches=_searches(found, asked),
        service_tier=_tier(found, tier),
        cost=cost,
    )


def _cache_writes(found: Json, asked: list[Json]) -> tuple[int, int]:
    """Return the tokens written to a cache for an hour, and to any cache."""
    split = [
        *_details(found, "cache_creation"),
        *(d for one in asked for d in _details(one, "cache_creation_token_details", "cache_creation")),
    ]
    hour = _most(*((d, "ephemeral_1h_input_tokens") for d in split))
    minutes = _most(*((d, "ephemeral_5m_input_tokens") for d in split))
    names = ("cache_creation_tokens", "cache_write_tokens", "cache_creation_input_tokens")
    written = _most((found, "cache_creation_input_tokens"), *((d, *names) for d in asked))
    return hour, max(written, hour + minutes)


def _searches(found: Json, asked: list[Json]) -> int | None:
    places = [found, *_details(found, "server_tool_use", "server_tool_use_details"), *asked]
    names = ("num_search_queries", "web_search_requests")
    counts = [count for d in places for name in names if (count := _count(d.get(name))) is not None]
    return max(0, *counts) if counts else None


def _cost(found: Json) -> float | None:
    """Return the dollars that the provider reports, the largest of those it gives."""
    stated = found.get("cost")
    costs = [_dollars(stated.get("total_cost") if isinstance(stated, Mapping) else stated)]
    costs += [_dollars(found.get(name)) for name in ("total_cost", "estimated_cost")]
    upstream = max(
        (_dollars(d.get("upstream_inference_cost")) for d in _details(found, "cost_details")), default=0.0
    )
    # With a key of the caller's own, the router's fee and the provider's bill are both paid.
    costs.append(costs[0] + upstream if found.get("is_byok") is True else upstream)
    ticks = _count(found.get("cost_in_usd_ticks"), largest=int(LARGEST_COST) * TICKS_PER_DOLLAR)
    costs.append(max(0, ticks or 0) / TICKS_PER_DOLLAR)
    # 0 is what routers report when they do not know.
    return max(costs) or None


def _details(found: Json, *names: str) -> Iterable[Json]:
    return (value for name in names if isinstance(value := found.get(name), Mapping))


def _largest(found: Json, *names: str) -> int | None:
    """Return the largest count under any of the names; `_IMPOSSIBLE` only where none is possible."""
    counts = (_count(found.get(name)) for name in names)
    return max((count for count in counts if count is not None), default=None)


def _most(*places: tuple[Json, *tuple[str, ...]]) -> int:
    """Return the largest count under any of the names in the objects; 0 if there is none."""
    return max((max(0, _count(d.get(name)) or 0) for d, *names in places for name in names), default=0)


def _count(value: object, largest: int = LARGEST) -> int | None:
    """Read a count; `None`: there is none, `_IMPOSSIBLE`: a number that cannot be one."""
    number = _number(value)
    if number is None:
        return None
    return math.ceil(number) if 0 <= number <= largest else _IMPOSSIBLE


def _dollars(value: object) -> float:
    number = _number(value)
    return float(number) if number is not None and 0 <= number <= LARGEST_COST else 0.0


def _number(value: object) -> float | None:
    if isinstance(value, str) and _NUMBER.fullmatch(text := value.strip()):
        return float(text) if "." in text else int(text)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _tier(found: Json, stated: object) -> str | None:
    """Return what the price depends on: the service tier, or Anthropic's speed or region."""
    if found.get("speed") == "fast":
        return "fast"
    if found.get("inference_geo") == "us":
        return "us"
    tiers = (stated, found.get("service_tier"))
    return next((tier for tier in tiers if isinstance(tier, str)), None)
