"""Prices out of LiteLLM's map."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from outlay.budget import Price

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Entry = Mapping[str, Any]

MILLION: Final = 1_000_000
LONG_PROMPT: Final = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")
SERVICE_TIER: Final = re.compile(r"input_cost_per_token_(?!above_|batches|cache_hit)([a-z]+)")
ALWAYS_SEARCHES: Final = re.compile(r"^perplexity/|search-(preview|api)|deep-research")
"""Models that search the web in every request, asked or not."""
ONE_SEARCH: Final = ("openai", "azure", "perplexity")
"""Providers that bill a request for one search, however many it makes."""

_RATES: Final = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
    "reasoning": "output_cost_per_reasoning_token",
    "audio_input": "input_cost_per_audio_token",
    "audio_output": "output_cost_per_audio_token",
    "image_output": "output_cost_per_image_token",
}
"""LiteLLM's names for the fields of `Price`."""

_cache: dict[str, tuple[Entry, Price | None]] = {}
"""Price of each entry that was asked for, with the entry as it was read: building one is slow."""


def price_from(prices: Mapping[str, Entry], names: Sequence[str], provider: str) -> Price | None:
    """Return the price of the first of `names` that is listed for `provider`; `None` if none is.

    It holds the prices of long prompts and of service tiers.
    """
    for name in names:
        entry = prices.get(name)
        if entry is not None and _sold_by(entry, provider):
            if name not in _cache or _cache[name][0] != entry:
                _cache[name] = dict(entry), _price(name, entry)
            return _cache[name][1]
    return None


def _sold_by(entry: Entry, provider: str) -> bool:
    return str(entry.get("litellm_provider", "")).startswith(provider)


def _price(name: str, entry: Entry) -> Price | None:
    tiers = {found[1] for found in map(SERVICE_TIER.fullmatch, entry) if found}
    served = {tier: _with_long_prompts(entry, f"_{tier}", {}) for tier in sorted(tiers)}
    served |= {kind: _with_long_prompts(entry, "", {}, times) for kind, times in _multipliers(entry)}
    extras = _extras(name, entry) | {
        "service_tiers": {tier: price for tier, price in served.items() if price}
    }
    return _with_long_prompts(entry, "", extras)


def _multipliers(entry: Entry) -> Iterable[tuple[str, float]]:
    """Return what multiplies all rates where it is asked for, e.g. `speed="fast"`."""
    found = entry.get("provider_specific_entry") or {}
    return [(str(kind), times) for kind, times in found.items() if isinstance(times, int | float)]


def _with_long_prompts(
    entry: Entry, tier: str, extras: Mapping[str, Any], times: float = 1.0
) -> Price | None:
    """Return the price under a service tier; an `above` suffix stands before the tier's own."""
    above = {int(found[1]) * 1000: found[1] for found in map(LONG_PROMPT.fullmatch, entry) if found}
    longer = {start: _rates(entry, f"_above_{k}k_tokens", tier) for start, k in above.items()}
    ranges = entry.get("tiered_pricing") or ()
    steps = sorted((int(one["range"][0]), {**entry, **one}) for one in ranges if "range" in one)
    longer |= {start: _rates(step, "", tier) for start, step in steps if start}
    rates = _rates(steps[0][1] if steps else entry, "", tier)
    if rates is None:
        return None
    scaled = {n: _scaled(own, times) for n, own in longer.items() if own}
    return Price(
        **_scaled(rates, times), **extras, long_prompts={n: Price(**own) for n, own in scaled.items()}
    )


def _scaled(rates: Mapping[str, float], times: float) -> dict[str, float]:
    return {field: rate if times == 1.0 else float(f"{rate * times:.15g}") for field, rate in rates.items()}


def _rates(entry: Entry, above: str, tier: str) -> dict[str, float] | None:
    """Return the fields of a price that the entry has, the most specific ones first."""
    found = {}
    for field, listed in _RATES.items():
        names = (f"{listed}{above}{tier}", f"{listed}{above}", f"{listed}{tier}", listed)
        values = [entry[name] for name in names if isinstance(entry.get(name), int | float)]
        if values:
            found[field] = _per_million(values[0])
    if not {"input", "output"} <= found.keys():
        return None
    if found.get("cache_write", 0.0) < found["input"]:
        # The price of keeping a cache, or none: a token that is written was read from the prompt first.
        found.pop("cache_write", None)
    if entry.get("supports_audio_input"):
        found.setdefault("audio_input", found["input"])
    return found


def _extras(name: str, entry: Entry) -> dict[str, Any]:
    """Return what is billed beside tokens."""
    per_search = entry.get("search_context_cost_per_query") or {}
    costs = [cost for cost in per_search.values() if isinstance(cost, int | float)]
    always = bool(ALWAYS_SEARCHES.search(name)) or name.startswith("sonar")
    request = float(entry.get("input_cost_per_request") or 0.0) + (max(costs, default=0.0) if always else 0.0)
    extras: dict[str, Any] = {"request": request}
    if costs:
        extras["search"] = 0.0 if always else max(costs)
    if costs and str(entry.get("litellm_provider", "")).startswith(ONE_SEARCH):
        extras["max_searches"] = 1
    return extras


def _per_million(value: float) -> float:
    # 15 digits undo what the multiplication adds: 4e-07 is 0.4, not 0.39999999999999997.
    return float(f"{float(value) * MILLION:.15g}")
