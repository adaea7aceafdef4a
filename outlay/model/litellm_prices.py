"""Prices out of LiteLLM's map."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from outlay.budget import Price

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MILLION: Final = 1_000_000
TIER: Final = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")
Entry = "Mapping[str, Any]"


def price_from(
    prices: Mapping[str, Mapping[str, Any]], names: Sequence[str], provider: str, prompt_tokens: int
) -> Price | None:
    """Give the price of the first of `names` that is listed for `provider`; `None` if none is.

    Where long prompts cost more, the tier is that of `prompt_tokens`.
    """
    for name in names:
        entry = prices.get(name)
        if entry is not None and _sold_by(entry, provider):
            return _price(entry, prompt_tokens)
    return None


def _sold_by(entry: Mapping[str, Any], provider: str) -> bool:
    return str(entry.get("litellm_provider", "")).startswith(provider)


def _price(entry: Mapping[str, Any], prompt_tokens: int) -> Price | None:
    tier = _tier(entry, prompt_tokens)

    def rate(field: str) -> float | None:
        value = entry.get(field + tier, entry.get(field))
        # 15 digits undo what the multiplication adds: 4e-07 is 0.4, not 0.39999999999999997.
        return None if value is None else float(f"{float(value) * MILLION:.15g}")

    asked, answered = rate("input_cost_per_token"), rate("output_cost_per_token")
    if asked is None or answered is None:
        return None
    return Price(
        input=asked,
        output=max(answered, rate("output_cost_per_reasoning_token") or 0.0),
        cached_input=rate("cache_read_input_token_cost"),
        cache_write=rate("cache_creation_input_token_cost"),
    )


def _tier(entry: Mapping[str, Any], prompt_tokens: int) -> str:
    starts = [int(found[1]) for found in map(TIER.fullmatch, entry) if found]
    passed = [start for start in starts if prompt_tokens > start * 1000]
    return f"_above_{max(passed)}k_tokens" if passed else ""
