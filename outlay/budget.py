"""What may be spent, what was spent, and what a token costs: values, no state.

`Budget` is a ceiling, `Usage` a sum, `Price` the rate between tokens and dollars. Deciding
how to split a budget is arithmetic and lives here; holding the line is the ledger's work.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

PICODOLLARS: Final = 10**12
"""Dollars are counted in integers of 1e-12, so that sums of them are exact."""

PICODOLLARS_PER_TOKEN: Final = 10**6
"""One dollar per million tokens, in picodollars per token."""


class Record(BaseModel):
    """A frozen value whose field docstrings reach its JSON schema."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Settings(Record):
    """A record the caller writes: what is wrong with it is a `ConfigurationError`."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as exc:
            raise ConfigurationError(_explain(type(self), exc)) from exc


LARGEST_COUNT: Final = 2**63 - 1
"""The largest integer that SQLite and most other stores can hold."""

Tokens = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=0, le=LARGEST_COUNT)]
Rate = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
"""A price; the limit keeps any cost within what a float can hold."""


class Budget(Settings):
    """A ceiling in up to five units; `None` means no limit.

    Zero is legal and admits nothing, except that zero dollars admit a model whose price is zero.
    """

    output_tokens: Tokens | None = None
    """Generated tokens, reasoning tokens included."""
    total_tokens: Tokens | None = None
    """Prompt tokens plus generated tokens."""
    usd: Amount | None = None
    """Dollars."""
    calls: Tokens | None = None
    """Requests admitted, retries included."""
    seconds: Amount | None = None
    """Wall time, from when the fence is first entered."""

    @property
    def limited(self) -> bool:
        """Whether any unit has a limit."""
        return any(limit is not None for _, limit in self)


class Usage(Record):
    """What was spent; additive. Every count is an integer of at least 0."""

    calls: Count = 0
    """Requests admitted, retries included."""
    generations: Count = 0
    """Completions generated: n samples in one request are n."""
    prompt_tokens: Count = 0
    """Tokens sent, cached ones included; once per request, whatever its n."""
    cached_tokens: Count = 0
    """The part of `prompt_tokens` that the provider read from its cache."""
    cache_write_tokens: Count = 0
    """The part of `prompt_tokens` that the provider wrote to its cache."""
    output_tokens: Count = 0
    """Tokens generated, reasoning tokens included."""
    reasoning_tokens: Count = 0
    """The part of `output_tokens` that was thinking."""
    usd: Amount | None = 0.0
    """Dollars; `None` when a price is unknown, never 0 for that reason."""

    @property
    def total_tokens(self) -> int:
        """Prompt tokens plus output tokens."""
        return self.prompt_tokens + self.output_tokens

    def less(self, part: Usage) -> Usage:
        """Return the rest beside `part`; no count falls below 0."""
        counts = {name: max(0, getattr(self, name) - getattr(part, name)) for name in _COUNTS}
        unknown = self.usd is None or part.usd is None
        # Rounded to the picodollar that is counted, so that parts add up to their whole.
        usd = None if unknown else max(0.0, round((self.usd or 0.0) - (part.usd or 0.0), 12))
        return Usage(**counts, usd=usd)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            generations=self.generations + other.generations,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            usd=None if self.usd is None or other.usd is None else round(self.usd + other.usd, 12),
        )


_COUNTS: Final = tuple(name for name in Usage.model_fields if name != "usd")


class UsageReport(Usage):
    """What a provider reported of one request, with the details that have prices of their own."""

    prompt_reported: bool = True
    """Whether the prompt's tokens were reported; if not, those reserved for it stay spent."""
    partial: bool = False
    """Whether more may have been used than it says; the whole reservation then stays spent."""
    cache_write_1h_tokens: Count = 0
    """The part of `cache_write_tokens` that is kept for an hour."""
    audio_input_tokens: Count = 0
    """The part of `prompt_tokens` that was audio."""
    audio_output_tokens: Count = 0
    """The part of `output_tokens` that was audio."""
    image_output_tokens: Count = 0
    """The part of `output_tokens` that was images."""
    searches: Count | None = None
    """Web searches made; `None`: not reported."""
    service_tier: str | None = None
    """The service tier that served the request; `None`: not reported."""
    cost: Amount | None = None
    """Dollars that the provider says it charged."""

    def plain(self, **changes: Any) -> Usage:
        """Return it as a `Usage`, with these fields changed."""
        return Usage(**{name: getattr(self, name) for name in Usage.model_fields} | changes)


class Price(Settings):
    """Dollars per million tokens, and per search and per request."""

    input: Rate
    """A prompt token."""
    output: Rate
    """A generated token."""
    cached_input: Rate | None = None
    """A prompt token read from the provider's cache; `None`: the same as `input`."""
    cache_write: Rate | None = None
    """A prompt token written to the provider's cache; `None`: the same as `input`."""
    cache_write_1h: Rate | None = None
    """A prompt token written to a cache that lasts an hour; `None`: the same as `cache_write`."""
    reasoning: Rate | None = None
    """A reasoning token; `None`: the same as `output`."""
    audio_input: Rate | None = None
    """A prompt token of audio; `None`: unknown, so that audio is refused under a dollar limit."""
    audio_output: Rate | None = None
    """A generated token of audio; `None`: unknown."""
    image_output: Rate | None = None
    """A generated token of an image; `None`: unknown."""
    search: Rate | None = None
    """Dollars for one web search; `None`: unknown."""
    max_searches: Count = 10
    """Most web searches in a request that sets no limit itself (`max_uses`)."""
    request: Rate = 0.0
    """Dollars for each request, beside its tokens."""
    long_prompts: dict[int, Price] = Field(default_factory=dict)
    """Prices of requests whose prompt has more tokens than the key."""
    service_tiers: dict[str, Price] = Field(default_factory=dict)
    """Prices of service tiers, e.g. `{"priority": Price(...)}`; others cost the same as this one."""

    def worst_case(self, prompt_tokens: int, output_tokens: int) -> int:
        """Return the most that an ordinary request can cost, in picodollars, rounded up.

        Audio, images, searches, hour-long caches and service tiers are not ordinary: a `Claim` adds them.
        """
        if not self.long_prompts:
            return self._at_most(prompt_tokens, output_tokens)
        prices = self._up_to(prompt_tokens)
        return max(price._at_most(prompt_tokens, output_tokens) for price in prices)  # noqa: SLF001

    def _at_most(self, prompt_tokens: int, output_tokens: int) -> int:
        rates = prompt_tokens * _rate(self.dearest_input()) + output_tokens * _rate(self.dearest_output())
        return rates + (picodollars(self.request) if self.request else 0)

    def dearest_input(self) -> float:
        """Return the most that an ordinary prompt token can cost."""
        return max(self.input, self.cached_input or 0.0, self.cache_write or 0.0)

    def dearest_output(self) -> float:
        """Return the most that a generated token of text can cost."""
        return max(self.output, self.reasoning or 0.0)

    def cost(self, usage: Usage) -> int:
        """Return what `usage` cost, in picodollars.

        Of the tokens' price and the cost that a provider reports, the larger counts.
        """
        if not isinstance(usage, UsageReport):
            return _cost_of_tokens(self.at(usage.prompt_tokens), usage)
        price = self.service_tiers.get(usage.service_tier or "", self).at(usage.prompt_tokens)
        known = _cost_of_tokens(price, usage) + _cost_of_details(price, usage)
        return max(known, 0 if usage.cost is None else picodollars(usage.cost))

    def at(self, prompt_tokens: int) -> Price:
        """Return the price for a prompt of this length."""
        return self._up_to(prompt_tokens)[-1] if self.long_prompts else self

    def _up_to(self, prompt_tokens: int) -> list[Price]:
        longer = self.long_prompts
        return [self, *(longer[n] for n in sorted(longer) if prompt_tokens > n)] if longer else [self]

    def affords(self, money: int, prompt_tokens: int) -> int | None:
        """Return the output tokens that `money` picodollars buy beside the prompt; `None`: any number.

        Negative when the prompt alone costs more.
        """
        most: int | None = None
        for price in self._up_to(prompt_tokens):
            left = money - price._at_most(prompt_tokens, 0)  # noqa: SLF001
            if left < 0:
                return -1
            rate = _rate(price.dearest_output())
            if rate:
                most = left // rate if most is None else min(most, left // rate)
        return most


def _cost_of_tokens(price: Price, usage: Usage) -> int:
    cached = price.input if price.cached_input is None else price.cached_input
    written = price.input if price.cache_write is None else price.cache_write
    thought = price.output if price.reasoning is None else price.reasoning
    plain = max(0, usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens)
    said = max(0, usage.output_tokens - usage.reasoning_tokens)
    return (
        plain * _rate(price.input)
        + usage.cached_tokens * _rate(cached)
        + usage.cache_write_tokens * _rate(written)
        + said * _rate(price.output)
        + usage.reasoning_tokens * _rate(thought)
        + (picodollars(price.request) * usage.calls if price.request else 0)
    )


def _cost_of_details(price: Price, report: UsageReport) -> int:
    """Return what the details cost beyond what `_cost_of_tokens` counts for them."""
    written = price.input if price.cache_write is None else price.cache_write
    beyond = (
        (report.cache_write_1h_tokens, price.cache_write_1h, written),
        (report.audio_input_tokens, price.audio_input, price.input),
        (report.audio_output_tokens, price.audio_output, price.output),
        (report.image_output_tokens, price.image_output, price.output),
    )
    extra = sum(n * max(0, _rate(own) - _rate(usual)) for n, own, usual in beyond if n and own)
    return extra + (report.searches or 0) * picodollars(price.search or 0.0)


FREE: Final = Price(input=0, output=0)


def apportion(total: int, weights: Sequence[float | Fraction], floor_each: int = 0) -> tuple[int, ...]:
    """Split `total` into integer shares by weight, losing no unit.

    Each share is `floor_each` plus the integer part of its proportion of the rest; the units
    left by rounding go one each to the largest shares, ties to the lower index (the rule of
    Plan-and-Budget, arXiv 2505.16122, section on local budgets). Where `total` cannot pay every
    floor, the floor shrinks to what it can.

    Args:
        total: Units to hand out, at least 0.
        weights: Relative; need not sum to one. All zero means equal.
        floor_each: Least units per share.

    Raises:
        ConfigurationError: `total`, a weight or the floor is negative or not finite, or there
            are no weights.
    """
    if not weights:
        raise ConfigurationError("apportion needs at least one weight")
    if total < 0 or floor_each < 0 or not all(0 <= w < float("inf") for w in weights):
        raise ConfigurationError("apportion needs finite weights, total and floor of at least 0")
    floor_each = min(floor_each, total // len(weights))
    exact = [Fraction(w) for w in weights]
    whole = sum(exact)
    if not whole:
        exact, whole = [Fraction(1)] * len(weights), Fraction(len(weights))
    free = total - floor_each * len(weights)
    shares = [w * free / whole for w in exact]
    parts = [floor(share) for share in shares]
    by_size = sorted(range(len(parts)), key=lambda i: (-shares[i], i))
    for i in by_size[: free - sum(parts)]:
        parts[i] += 1
    return tuple(floor_each + part for part in parts)


@lru_cache
def picodollars(usd: float) -> int:
    """Return dollars in picodollars, rounded to the nearest."""
    return round(Fraction(str(usd)) * PICODOLLARS)


@lru_cache
def _rate(dollars_per_million: float) -> int:
    return ceil(Fraction(str(dollars_per_million)) * PICODOLLARS_PER_TOKEN)


def _explain(kind: type[BaseModel], error: ValidationError) -> str:
    said = ((".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors())
    faults = "; ".join(f"{where}: {what}" for where, what in said)
    return f"{kind.__name__}: {faults} (fields: {', '.join(kind.model_fields)})"
