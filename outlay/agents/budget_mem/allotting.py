"""What a fence has for the answer, for what it is answered from, and for the modules."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from outlay.agents.budget_mem.prompts import answer_prompt
from outlay.budget import PICODOLLARS, Budget, Record
from outlay.errors import BudgetExhaustedError
from outlay.ledger import require_fence
from outlay.memory.modules.showing import shown
from outlay.tracing import current_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outlay.ledger import Claim
    from outlay.ledger.set_aside import SetAside
    from outlay.memory.conversations import Chunk
    from outlay.model import Model

HOLD: Final = "answer"
"""The name under which the answer is set aside."""
FEWEST_ANSWER_TOKENS: Final = 8
"""An answer that may have fewer is not asked for."""
SHORT_ANSWER_TOKENS: Final = 16
"""Enough for a phrase: longer answers are for those who can read a whole chunk beside them."""
FEWER: Final = "an answer from {kept} of {found} retrieved chunks is all that fits"


class Allotted(Record):
    """What fits."""

    chunks: int
    """So many of the best retrieved."""
    tokens: int
    """Of the answer; 0: it cannot be paid for."""


@dataclass(frozen=True)
class Allotting:
    """Fits an answer into the fence around it, and into its model's window."""

    model: Model
    top_k: int
    """Chunks that the answer is read from, at most."""
    most: int
    """Output tokens of an answer that are enough."""

    async def allot(self, question: str, chunks: Sequence[Chunk]) -> Allotted:
        """Fit as many of the retrieved chunks as an answer can be read from, and set the answer aside.

        At least one: a part of it may do, for a shorter answer.
        """
        room = self._room()
        alone = await self._claim(question, "", self.most)
        tokens = _afforded(alone, room)
        if tokens < min(self.most, FEWEST_ANSWER_TOKENS):
            return Allotted(chunks=0, tokens=0)
        for count in range(len(chunks), 0, -1):
            claim = await self._claim(question, shown(self._longest(chunks[:count])), tokens)
            if await self._fits(claim, tokens, room):
                self._set_aside(claim)
                return Allotted(chunks=count, tokens=tokens)
        tokens = min(tokens, SHORT_ANSWER_TOKENS) if chunks else tokens
        parts, most = first_lines(shown(chunks[:1]))
        kept = await self.most_of(question, parts, most, tokens)
        self._set_aside(await self._claim(question, parts(kept), tokens))
        return Allotted(chunks=min(1, len(chunks)), tokens=tokens)

    async def shrink(self, question: str, chunks: Sequence[Chunk], tokens: int) -> None:
        """Free what an answer from these chunks does not need of what was set aside."""
        if (hold := _held()) is not None:
            hold.shrink(await self._claim(question, shown(chunks), tokens))

    async def most_of(self, question: str, parts: Callable[[int], str], most: int, tokens: int) -> int:
        """Give the greatest n, up to `most`, whose `parts(n)` an answer of so many tokens can be read from.

        Args:
            question: That is asked.
            parts: Gives a text that is longer for a greater n.
            most: The greatest n; mostly it fits.
            tokens: Of the answer.
        """
        room, least = self._room(), 0
        middle = most
        while least < most:
            claim = await self._claim(question, parts(middle), tokens)
            if await self._fits(claim, tokens, room):
                least = middle
            else:
                most = middle - 1
            middle = (least + most + 1) // 2
        return least

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Draw on what was set aside for the answer, and give back what is left of it."""
        hold = _held()
        if hold is None:
            yield
            return
        with hold.open():
            try:
                yield
            finally:
                hold.give_back()

    async def _fits(self, claim: Claim, tokens: int, room: Budget) -> bool:
        window = await self.model.context_window()
        inside = window is None or claim.prompt_tokens + tokens <= window
        return inside and _afforded(claim, room) >= tokens

    async def _claim(self, question: str, notes: str, tokens: int) -> Claim:
        return await self.model.worst_case(answer_prompt(question, notes), max_output_tokens=tokens)

    def _longest(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Give the chunks that are the most the filter can leave."""
        return sorted(chunks, key=lambda chunk: -len(chunk.text))[: self.top_k]

    @staticmethod
    def _room() -> Budget:
        """Give what the answer can spend: what is left, and what is set aside for it."""
        left, hold = require_fence().remaining, _held()
        if hold is None:
            return left
        calls, output, total, dollars = hold.left
        return Budget(
            calls=None if left.calls is None else left.calls + calls,
            output_tokens=None if left.output_tokens is None else left.output_tokens + output,
            total_tokens=None if left.total_tokens is None else left.total_tokens + total,
            usd=None if left.usd is None else left.usd + dollars / PICODOLLARS,
            seconds=left.seconds,
        )

    @staticmethod
    def _set_aside(claim: Claim) -> None:
        """Keep what the answer may cost, on the run's own fence, as far as it can hold it.

        A run that goes on after a restart, or as a part of somebody's graph, keeps none.
        """
        run = current_run.get()
        if run is not None and HOLD not in run.fence.set_asides:
            with suppress(BudgetExhaustedError):
                run.fence.set_aside(claim, name=HOLD)


def first_lines(text: str) -> tuple[Callable[[int], str], int]:
    """Give what gives the first n lines of a text, and how many there are."""
    lines = text.splitlines()
    return lambda count: "\n".join(lines[:count]).rstrip(), len(lines)


def left_for_modules() -> Budget | None:
    """Give what the modules can spend, which is not what is set aside; `None`: there is no limit."""
    left = require_fence().remaining
    return left if left.limited else None


def less(left: Budget | None, claim: Claim | None) -> Budget | None:
    """Give what is left once a call has cost the most it can."""
    if left is None or claim is None:
        return left
    calls, output, total, dollars = claim.amounts(claim.max_output_tokens)
    return Budget(
        calls=None if left.calls is None else max(0, left.calls - calls),
        output_tokens=None if left.output_tokens is None else max(0, left.output_tokens - output),
        total_tokens=None if left.total_tokens is None else max(0, left.total_tokens - total),
        usd=None if left.usd is None else max(0.0, left.usd - dollars / PICODOLLARS),
        seconds=left.seconds,
    )


@contextmanager
def share_of_time(stages: int) -> Iterator[None]:
    """Give what is done inside its share of the time left, where so many stages are still to come.

    Time cannot be set aside: a module that takes too long is broken off, and falls to a lower tier.
    """
    fence = require_fence()
    left = fence.seconds_left()
    if left is None:
        yield
        return
    with fence.allot(Budget(seconds=max(0.0, left / stages)), name="its share of the time"):
        yield


def _held() -> SetAside | None:
    run = current_run.get()
    return run.fence.set_asides.get(HOLD) if run else None


def _afforded(claim: Claim, room: Budget) -> int:
    """Give the output tokens that such a call can have."""
    if room.calls == 0 or (room.seconds is not None and room.seconds <= 0):
        return 0
    within = claim.output_within(room)
    return claim.max_output_tokens if within is None else min(claim.max_output_tokens, within)
