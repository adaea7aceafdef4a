"""What a call may cost, as the four integers that fences count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import Field

from outlay.budget import PICODOLLARS, Budget, Price, Record, Usage, UsageReport, picodollars
from outlay.errors import BudgetExhaustedError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

UNITS: Final = ("calls", "output_tokens", "total_tokens", "usd")
"""The fields of `Budget` that are counted, in the order of an `Amounts`."""

UNLIMITED: Final = 10**30
"""Stands for no limit, so that arithmetic needs no case for it."""

CALLS, OUTPUT, TOTAL, USD = range(4)

PRICE_UNITS: Final = {
    "search": "in dollars per search",
    "service_tiers": "a price for each service tier by its name",
}
"""How the fields of `Price` are given that are not dollars per million tokens."""


class Amounts(NamedTuple):
    """Calls, output tokens, total tokens and picodollars."""

    calls: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    picodollars: int = 0


class Claim(Record):
    """The worst case of one request."""

    model: str = ""
    """The model's name, for the bill."""
    prompt_tokens: int = Field(default=0, ge=0)
    """Tokens of the prompt, from above where they could not be counted."""
    bounded: bool = True
    """Whether `prompt_tokens` is an upper bound. A request without one is refused by every fence that
    limits total tokens or dollars."""
    max_output_tokens: int = Field(ge=1)
    """Most tokens per generation; the fences may admit fewer."""
    min_output_tokens: int = Field(default=1, ge=1)
    """The request is refused rather than admitted with fewer than this per generation."""
    n: int = Field(default=1, ge=1)
    """Generations in the request."""
    price: Price | None = None
    """What a token costs; `None`: unknown, which no fence with a dollar limit admits."""
    ceiling: Price | None = None
    """What a token costs at most, where what is asked for may cost more than an ordinary request."""
    unpriced: str = ""
    """The field of `Price` that is missing for what is asked, if one is."""
    searches: int = Field(default=0, ge=0)
    """Most web searches that the request may make."""
    service_tier: str | None = None
    """The service tier that is asked for."""

    def amounts(self, max_output_tokens: int) -> Amounts:
        """Give the most that the request costs with that many tokens per generation."""
        output = self.n * max_output_tokens
        dollars = self.rates.worst_case(self.prompt_tokens, output) if self.rates else 0
        return Amounts(1, output, self.prompt_tokens + output, dollars)

    @property
    def rates(self) -> Price | None:
        """What a token costs at most."""
        return self.ceiling or self.price

    def output_within(self, left: Budget) -> int | None:
        """Give the output tokens that `left` pays for beside one prompt; `None`: any number."""
        rooms = [] if left.output_tokens is None else [left.output_tokens]
        if left.total_tokens is not None:
            rooms.append(left.total_tokens - self.prompt_tokens)
        if left.usd is not None and self.rates is not None:
            bought = self.rates.affords(picodollars(left.usd), self.prompt_tokens)
            rooms += [] if bought is None else [bought]
        return max(0, min(rooms)) if rooms else None

    def cost(self, usage: Usage) -> int | None:
        """Return what `usage` cost, in picodollars; `None` where the price is unknown.

        Without a report of the service tier, the dearer of the ordinary and the asked one counts.
        """
        if not isinstance(usage, UsageReport):
            return None if self.price is None else self.price.cost(usage)
        if self.price is None:
            return None if usage.cost is None else picodollars(usage.cost)
        if usage.service_tier is not None or self.service_tier is None:
            return self.price.cost(usage)
        asked = usage.model_copy(update={"service_tier": self.service_tier})
        return max(self.price.cost(usage), self.price.cost(asked))

    def unknown(self, charged: Amounts) -> Usage:
        """Give what is booked when nobody knows what was used: all that was charged."""
        return Usage(
            calls=1,
            generations=self.n,
            prompt_tokens=self.prompt_tokens,
            output_tokens=charged.output_tokens,
            usd=None if self.price is None else charged.picodollars / PICODOLLARS,
        )

    def check_bounded(self, unit: int, fence: str) -> None:
        """Refuse a prompt without a bound where a fence limits what depends on it.

        Raises:
            ConfigurationError: It does.
        """
        free = self.rates is not None and not self.rates.worst_case(1, 0)
        if not self.bounded and (unit == TOTAL or (unit == USD and not free)):
            raise unbounded(unit, fence)

    def affordable(self, unit: int, reach: int, fence: str) -> int:
        """Give the tokens per generation that `reach` of one unit pays for; below 1: none.

        Raises:
            ConfigurationError: The unit is dollars and the price is unknown, or the prompt has no bound.
        """
        if unit == OUTPUT:
            return reach // self.n
        if not self.bounded:
            self.check_bounded(unit, fence)
        if unit == TOTAL:
            return (reach - self.prompt_tokens) // self.n
        if unit == CALLS:
            return self.max_output_tokens if reach > 0 else 0
        if self.rates is None:
            raise unpriced(self, fence)
        bought = self.rates.affords(reach, self.prompt_tokens)
        return self.max_output_tokens if bought is None else bought // self.n


class Allowance(Claim):
    """What a whole run elsewhere may cost: all or nothing, in the units that are limited."""

    max_output_tokens: int = 1
    budget: Budget
    """The most that the run can cost."""

    def amounts(self, max_output_tokens: int) -> Amounts:  # noqa: ARG002 - it cannot be cut
        return Amounts(*(0 if most == UNLIMITED else most for most in limits(self.budget)))

    def cost(self, usage: Usage) -> int | None:
        return None if usage.usd is None else picodollars(usage.usd)

    def unknown(self, charged: Amounts) -> Usage:
        dollars = None if self.budget.usd is None else charged.picodollars / PICODOLLARS
        prompt = max(0, charged.total_tokens - charged.output_tokens)
        return Usage(
            calls=charged.calls, prompt_tokens=prompt, output_tokens=charged.output_tokens, usd=dollars
        )

    def affordable(self, unit: int, reach: int, fence: str) -> int:  # noqa: ARG002 - as for a request
        return 1 if reach >= self.amounts(1)[unit] else 0


def limits(budget: Budget) -> Amounts:
    """Give a budget's limits in what fences count."""
    dollars = None if budget.usd is None else picodollars(budget.usd)
    given = (budget.calls, budget.output_tokens, budget.total_tokens, dollars)
    return Amounts(*(UNLIMITED if limit is None else limit for limit in given))


def refusal(fence: str, unit: int, claim: Claim, reach: int) -> BudgetExhaustedError:
    """Give the error that says what was short."""
    need = claim.amounts(claim.min_output_tokens)[unit]
    return BudgetExhaustedError(fence, UNITS[unit], need / scale(unit), max(0, reach) / scale(unit))


def scale(unit: int) -> int:
    """Return how many of what fences count make one of a unit of `Budget`."""
    return PICODOLLARS if unit == USD else 1


def unpriced(claim: Claim, fence: str) -> ConfigurationError:
    """Give the error of a claim without a price where dollars are limited."""
    what, given, unit = "", "input=..., output=...", "in dollars per million tokens"
    if claim.unpriced:
        what, given = f"{claim.unpriced.replace('_', ' ')} of ", f"..., {claim.unpriced}=..."
        unit = PRICE_UNITS.get(claim.unpriced, unit)
    return ConfigurationError(
        f"the price of {what}{claim.model or 'the model'} is unknown and fence {fence!r} limits dollars: "
        f"give Model(..., price=Price({given})), {unit}"
    )


def unbounded(unit: int, fence: str) -> ConfigurationError:
    """Return the error of a claim whose prompt has no bound where tokens or dollars are limited."""
    limit = "dollars" if unit == USD else "total tokens"
    return ConfigurationError(
        f"the tokens of the request's attachments or searches are unknown and fence {fence!r} limits "
        f"{limit}: give Model(..., attachment_tokens=), the most that one of them takes"
    )


def add(into: list[int], amounts: Sequence[int], sign: int = 1) -> None:
    """Add amounts in place; written out, because every call does it at every fence."""
    calls, output, total, dollars = amounts
    into[0] += sign * calls
    into[1] += sign * output
    into[2] += sign * total
    into[3] += sign * dollars
