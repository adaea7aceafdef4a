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


Tokens = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


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
    """What was spent; additive."""

    calls: int = 0
    """Requests admitted, retries included."""
    generations: int = 0
    """Completions generated: n samples in one request are n."""
    prompt_tokens: int = 0
    """Tokens sent, cached ones included; once per request, whatever its n."""
    cached_tokens: int = 0
    """The part of `prompt_tokens` that the provider read from its cache."""
    output_tokens: int = 0
    """Tokens generated, reasoning tokens included."""
    reasoning_tokens: int = 0
    """The part of `output_tokens` that was thinking."""
    usd: float | None = 0.0
    """Dollars; `None` when a price is unknown, never 0 for that reason."""

    @property
    def total_tokens(self) -> int:
        """Prompt tokens plus output tokens."""
        return self.prompt_tokens + self.output_tokens

    def less(self, part: Usage) -> Usage:
        """Give the rest beside `part`."""
        return Usage(
            calls=self.calls - part.calls,
            generations=self.generations - part.generations,
            prompt_tokens=self.prompt_tokens - part.prompt_tokens,
            cached_tokens=self.cached_tokens - part.cached_tokens,
            output_tokens=self.output_tokens - part.output_tokens,
            reasoning_tokens=self.reasoning_tokens - part.reasoning_tokens,
            usd=None if self.usd is None or part.usd is None else round(self.usd - part.usd, 12),
        )

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            generations=self.generations + other.generations,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            # Rounded to the picodollar that is counted, so that parts add up to their whole.
            usd=None if self.usd is None or other.usd is None else round(self.usd + other.usd, 12),
        )


class Price(Settings):
    """Dollars per million tokens."""

    input: Amount
    """A prompt token."""
    output: Amount
    """A generated token."""
    cached_input: Amount | None = None
    """A prompt token read from the provider's cache; `None`: the same as `input`."""
    cache_write: Amount | None = None
    """A prompt token written to the provider's cache; `None`: the same as `input`.

    Only the worst case uses it, because providers do not report which tokens were written.
    """

    def worst_case(self, prompt_tokens: int, output_tokens: int) -> int:
        """Give the most that such a call can cost, in picodollars, rounded up."""
        dearest = max(self.input, self.cached_input or 0.0, self.cache_write or 0.0)
        return prompt_tokens * _rate(dearest) + output_tokens * _rate(self.output)

    def cost(self, usage: Usage) -> int:
        """Give what `usage` cost, in picodollars."""
        cached = self.input if self.cached_input is None else self.cached_input
        return (
            (usage.prompt_tokens - usage.cached_tokens) * _rate(self.input)
            + usage.cached_tokens * _rate(cached)
            + usage.output_tokens * _rate(self.output)
        )

    def affords(self, picodollars: int, prompt_tokens: int) -> int | None:
        """Give the output tokens that `picodollars` buy beside the prompt; `None`: any number.

        Negative when the prompt alone costs more.
        """
        left = picodollars - self.worst_case(prompt_tokens, 0)
        if left < 0:
            return -1
        rate = _rate(self.output)
        return left // rate if rate else None


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


def picodollars(usd: float) -> int:
    """Give a dollar limit in picodollars, rounded to the nearest."""
    return round(Fraction(str(usd)) * PICODOLLARS)


@lru_cache
def _rate(dollars_per_million: float) -> int:
    return ceil(Fraction(str(dollars_per_million)) * PICODOLLARS_PER_TOKEN)


def _explain(kind: type[BaseModel], error: ValidationError) -> str:
    said = ((".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors())
    faults = "; ".join(f"{where}: {what}" for where, what in said)
    return f"{kind.__name__}: {faults} (fields: {', '.join(kind.model_fields)})"
