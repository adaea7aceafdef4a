"""What a call may cost, as the four integers that fences count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import Field

from outlay.budget import Budget, Price, Record, picodollars
from outlay.errors import BudgetExhaustedError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

UNITS: Final = ("calls", "output_tokens", "total_tokens", "usd")
"""The fields of `Budget` that are counted, in the order of an `Amounts`."""

UNLIMITED: Final = 10**30
"""Stands for no limit, so that arithmetic needs no case for it."""

USD: Final = 3


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
    max_output_tokens: int = Field(ge=1)
    """Most tokens per generation; the fences may admit fewer."""
    min_output_tokens: int = Field(default=1, ge=1)
    """The request is refused rather than admitted with fewer than this per generation."""
    n: int = Field(default=1, ge=1)
    """Generations in the request."""
    price: Price | None = None
    """What a token costs; `None`: unknown, which no fence with a dollar limit admits."""

    def amounts(self, max_output_tokens: int) -> Amounts:
        """Give the most that the request costs with that many tokens per generation."""
        output = self.n * max_output_tokens
        dollars = self.price.worst_case(self.prompt_tokens, output) if self.price else 0
        return Amounts(1, output, self.prompt_tokens + output, dollars)

    def affordable(self, reach: Sequence[int]) -> int:
        """Give the tokens per generation that `reach` pays for; below 1 where it pays for none."""
        calls, output, total, dollars = reach
        if calls < 1:
            return 0
        least = min(output, total - self.prompt_tokens)
        if dollars < UNLIMITED // 2 and self.price:
            bought = self.price.affords(dollars, self.prompt_tokens)
            least = least if bought is None else min(least, bought)
        return least // self.n


def limits(budget: Budget) -> Amounts:
    """Give a budget's limits in what fences count."""
    given = (budget.calls, budget.output_tokens, budget.total_tokens)
    dollars = UNLIMITED if budget.usd is None else picodollars(budget.usd)
    return Amounts(*(UNLIMITED if limit is None else limit for limit in given), dollars)


def refusal(fence: str, claim: Claim, reach: Sequence[int]) -> BudgetExhaustedError:
    """Give the error that names the unit of which `reach` has least for `claim`."""
    asked = claim.amounts(claim.min_output_tokens)
    for unit, need, left in zip(UNITS, asked, reach, strict=True):
        if need > left or (need and left <= 0):
            scale = 1e-12 if unit == "usd" else 1
            return BudgetExhaustedError(fence, unit, need * scale, max(0, left) * scale)
    raise AssertionError("a refused claim is short of something")


def check_priced(claim: Claim, fence: str) -> None:
    """Refuse a claim without a price where dollars are limited."""
    if claim.price is None:
        raise ConfigurationError(
            f"the price of {claim.model or 'the model'} is unknown and fence {fence!r} limits dollars: "
            "give Model(..., price=Price(input=..., output=...)) in dollars per million tokens"
        )
