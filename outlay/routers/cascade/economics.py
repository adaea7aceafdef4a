"""What a step of a cascade costs, and how its samples are bought cheapest: pure arithmetic.

Samples of one request pay for its prompt once; samples that are bought one after the other pay for it every
time, but the last of them are not bought where the first ones decide.
"""

from __future__ import annotations

from functools import cache
from math import ceil, comb, sqrt
from typing import TYPE_CHECKING, Final

from pydantic import Field

from outlay.budget import Amount, Price, Settings
from outlay.routers.cascade.agreement import next_wave

if TYPE_CHECKING:
    from outlay.routers.cascade.agreement import Cascade

UNKNOWN_PRICE: Final = Price(input=1, output=4)
"""Of a token, where no price is known: only the ratio counts."""

USUAL_AGREEMENT: Final = 0.9
"""Between what the paper's deferral rates of 3.9% and 22.2% at N = 3 come to, 0.97 and 0.85."""

PICODOLLAR: Final = 12
"""Decimal places of a dollar that are counted."""


class Terms(Settings):
    """What the samples of a step cost."""

    prompt_tokens: int = Field(ge=0)
    output_tokens: Amount
    """Of one sample, as expected."""
    price: Price | None = None
    """`None`: unknown, and output tokens are taken to be four times as dear as prompt tokens."""
    per_request: int = Field(default=1, gt=0)
    """Samples that one request can ask for, and that then share its prompt."""
    cached: float = Field(default=0.0, ge=0, le=1)
    """The share of the prompt that a request reads from the provider's cache once another was answered;
    those sent at the same time do not read it."""

    def cost(self, samples: int, *, again: bool = False) -> float:
        """Give what samples that are bought together cost, in dollars.

        Without a price, in the cost of a million prompt tokens.

        Args:
            samples: How many.
            again: Whether the prompt was answered before.
        """
        price = self.price or UNKNOWN_PRICE
        cached_rate = price.input if price.cached_input is None else price.cached_input
        cached = self.cached if again else 0.0
        prompt = self.prompt_tokens * ((1 - cached) * price.input + cached * cached_rate)
        requests = ceil(samples / self.per_request)
        return round((requests * prompt + samples * self.output_tokens * price.output) / 1e6, PICODOLLAR)


def cost_at_once(cascade: Cascade, terms: Terms) -> float:
    """Give c_S, what all samples of a step cost where they are bought together; units as in `Terms.cost`."""
    return terms.cost(cascade.n)


def cost_in_waves(cascade: Cascade, terms: Terms, agreement: float = USUAL_AGREEMENT) -> float:
    """Give what the samples of a step cost on average where each wave is the fewest that could decide.

    Args:
        cascade: The rule.
        terms: Units as in `Terms.cost`.
        agreement: The probability that two samples are equal. It is taken to come from one action of
            probability `sqrt(agreement)`, with all others different from each other.
    """
    usual = sqrt(agreement)
    verbatim = cascade.model_copy(update={"equivalence": "judge"})

    @cache
    def rest(equal: int, others: int) -> float:
        wave = next_wave(["="] * equal + [str(k) for k in range(others)], verbatim)
        if not wave:
            return 0.0
        return terms.cost(wave, again=equal + others > 0) + sum(
            comb(wave, k) * usual**k * (1 - usual) ** (wave - k) * rest(equal + k, others + wave - k)
            for k in range(wave + 1)
        )

    return round(rest(0, 0), PICODOLLAR)


def in_waves(cascade: Cascade, terms: Terms, agreement: float = USUAL_AGREEMENT) -> bool:
    """Whether buying samples in waves is cheaper than buying all at once; equally cheap, at once is faster.

    Args:
        cascade: The rule.
        terms: What samples cost.
        agreement: The probability that two samples are equal.
    """
    return cost_in_waves(cascade, terms, agreement) < cost_at_once(cascade, terms)


def step_usd(samples: float, teacher: float, deferral: float) -> float:
    """Give the expected dollars of a step: all its samples, and the teacher where it is deferred.

    Args:
        samples: c_S, dollars of all samples of a step.
        teacher: c_T, dollars of a step of the teacher.
        deferral: p, the share of steps that are deferred.
    """
    return round(samples + deferral * teacher, PICODOLLAR)


def most_deferrals(samples: float, teacher: float) -> float:
    """Give p* = 1 - c_S/c_T, the share of deferrals below which a cascade is cheaper than the teacher alone.

    0 where the samples cost as much as the teacher: no share is low enough.

    Args:
        samples: c_S, dollars of all samples of a step.
        teacher: c_T, dollars of a step of the teacher.
    """
    return 1 - samples / teacher if samples < teacher else 0.0
