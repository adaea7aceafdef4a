"""How many drafts, of how many tokens: what a budget pays for, as pure arithmetic.

The worst case of a shape is what its calls would reserve if each took all it may: drafts of a round share
their prompt where they see the same one, a distilling call reads every draft of its round, and every prompt
after the first round carries a full workspace. A shape is narrowed, a draft at a time, until its worst case
fits and each draft can still be as long as an answer needs.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Final, Literal

from outlay.budget import Price, Record, apportion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.budget import Budget

Operator = Literal["global-summary", "shared-top-k", "per-sample-top-k", "random-k", "error-analysis"]
"""D, what makes a workspace of a round's drafts."""

PAIR: Final = 2
"""The fewest drafts that there is something to distil of."""
LABEL: Final = 12
"""Tokens that stand around a draft in a prompt."""
AROUND: Final = 40
"""At most so many are reckoned for it in a workspace's bound."""
LEAST_SUMMARY: Final = 64
"""Tokens below which no summary is asked for."""

SEPARATE: Final = frozenset({"per-sample-top-k", "random-k"})
"""Operators that give each child a workspace of its own."""


class Sizes(Record):
    """Prompt tokens, as the model counts them."""

    question: int
    """Of a draft without a workspace."""
    refining: int
    """Of a draft with an empty workspace."""
    distilling: int = 0
    """Of a distilling call without drafts."""
    kappa: int
    """Of a full workspace, in tokens of its text."""
    weight: int = 1
    """What a token of a draft or a workspace counts for, where prompts are bounded and not counted."""
    per_request: int = 1
    """Samples that one request can ask for."""

    def drafts(self, tokens: Sequence[int]) -> int:
        """Of a distilling call that reads drafts of so many tokens each."""
        return self.distilling + self.weight * (sum(tokens) + LABEL * len(tokens))


class Shape(Record):
    """The rounds that are still to come."""

    widths: tuple[int, ...]
    """M_r, drafts of each round; the last one is the answer."""
    tokens: int
    """Most output tokens of a draft, and of the answer."""


class Terms(Record):
    """What the cost of a shape depends on."""

    operator: Operator
    k: int
    """Drafts in a workspace that is made of drafts."""
    sizes: Sizes
    price: Price | None = None
    """Of a token, for a budget in dollars."""

    def refining(self, tokens: int) -> int:
        """Give the prompt of a draft with the fullest workspace that drafts of so many tokens can make."""
        parts = {"global-summary": 1, "error-analysis": 2}.get(self.operator, self.k)
        fullest = min(self.sizes.kappa, parts * (tokens + AROUND))
        return self.sizes.refining + self.sizes.weight * fullest


class Cost(Record):
    """A worst case, in the units of a budget."""

    calls: int
    prompt_tokens: int
    output_tokens: int

    def fits(self, left: Budget, price: Price | None) -> bool:
        """Whether `left` pays for it; without a price dollars are no limit here (the ledger refuses)."""
        total = self.prompt_tokens + self.output_tokens
        dollars = (
            None if price is None else self.prompt_tokens * price.input + self.output_tokens * price.output
        )
        return (
            (left.calls is None or self.calls <= left.calls)
            and (left.output_tokens is None or self.output_tokens <= left.output_tokens)
            and (left.total_tokens is None or total <= left.total_tokens)
            and (left.usd is None or dollars is None or dollars <= left.usd * 1e6)
        )


def writes(operator: Operator) -> bool:
    """Whether a model writes the workspace; if not, it is made of drafts."""
    return operator in {"global-summary", "error-analysis"}


def distills(operator: Operator, k: int, drafts: int) -> bool:
    """Whether so many drafts need a distilling call: where all of them enter, none is chosen."""
    return drafts > 0 and (writes(operator) or (operator != "random-k" and drafts > k))


def distill_tokens(tokens: int, kappa: int) -> int:
    """Give the most that one distilling call may write; a selector may think before it chooses."""
    return min(tokens, kappa)


def worst_case(
    shape: Shape,
    terms: Terms,
    *,
    drafts: Sequence[int] = (),
    held: int = 0,
) -> Cost:
    """Give what a shape costs at most.

    Args:
        shape: The rounds.
        terms: What they cost.
        drafts: Tokens of each draft of the round before, to be distilled first.
        held: Output tokens of the answer that are set aside already, with its call and its prompt.
    """
    calls = prompts = outputs = 0
    operator, k, sizes = terms.operator, terms.k, terms.sizes
    written = distill_tokens(shape.tokens, sizes.kappa)
    separate = operator in SEPARATE
    rounds = [tuple(drafts), *((shape.tokens,) * width for width in shape.widths)]
    for before, after in pairwise(rounds):
        width = len(after)
        if distills(operator, k, len(before)):
            samples = width if separate else 1
            requests = ceil(samples / sizes.per_request)
            calls += requests
            prompts += requests * sizes.drafts(before)
            outputs += samples * written
        requests = width if before and separate else ceil(width / sizes.per_request)
        calls += requests
        prompts += requests * (terms.refining(shape.tokens) if before else sizes.question)
        outputs += sum(after)
    if held:
        calls -= 1
        prompts -= terms.refining(min(held, shape.tokens))
        outputs -= min(held, shape.tokens)
    return Cost(calls=calls, prompt_tokens=prompts, output_tokens=outputs)


def fit(
    widths: Sequence[int],
    terms: Terms,
    left: Budget,
    *,
    most: int,
    least: int,
    drafts: Sequence[int] = (),
    held: int = 0,
) -> Shape | None:
    """Give the widest shape that `left` pays for in the worst case, with drafts as long as it allows.

    Args:
        widths: M_r, as wide as it may be; the last is 1.
        terms: What they cost.
        left: What the fence has left, without what was set aside.
        most: Output tokens of a draft that are enough.
        least: Output tokens below which there are rather fewer drafts.
        drafts: As for `worst_case`.
        held: As for `worst_case`.

    Returns:
        The shape; `None` where not even the answer, and what is distilled for it, fits.
    """
    for count in range(sum(widths[:-1]), -1, -1):
        shape = Shape(widths=narrowed(widths, count), tokens=0)

        def too_dear(tokens: int, shape: Shape = shape) -> bool:
            longer = shape.model_copy(update={"tokens": tokens})
            return not worst_case(longer, terms, drafts=drafts, held=held).fits(left, terms.price)

        tokens = bisect_left(range(1, most + 1), True, key=too_dear)
        last = LEAST_SUMMARY if writes(terms.operator) and drafts else 1
        if tokens >= min(most, least if len(shape.widths) > 1 else last):
            return shape.model_copy(update={"tokens": tokens})
    return None


def narrowed(widths: Sequence[int], drafts: int) -> tuple[int, ...]:
    """Share so many drafts out over the rounds, in proportion to their widths, and add the answer.

    A round that would be left with one draft of several has nothing to distil: then the last round goes.
    """
    *rounds, answer = widths
    while rounds:
        shares = tuple(map(min, apportion(drafts, rounds), rounds))
        if all(share >= min(PAIR, width) for share, width in zip(shares, rounds, strict=True)):
            return (*shares, answer)
        rounds.pop()
    return (answer,)
