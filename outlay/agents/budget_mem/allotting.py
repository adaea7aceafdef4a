"""What a fence has for the answer, for what it is answered from, and for the modules."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import uuid4

from outlay.agents.budget_mem.prompts import answer_prompt
from outlay.budget import PICODOLLARS, Budget, Record
from outlay.calls import in_own_thread
from outlay.errors import BudgetExhaustedError
from outlay.ledger import Ledger, require_fence
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
TRIES: Final = 5
"""To set it aside, where others who share the fence take what was measured before it is."""
FEWEST_ANSWER_TOKENS: Final = 8
"""An answer that may have fewer is not asked for."""
SHORT_ANSWER_TOKENS: Final = 16
"""Enough for a phrase: longer answers are for those who can read a whole chunk beside them."""
FEWER: Final = "an answer from {kept} of {found} retrieved chunks is all that fits"

T = TypeVar("T")


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
    hold: str = HOLD
    """The name under which the answer is set aside."""
    sure: bool = False
    """Whether to count on what is set aside alone, which nobody else who shares the fence can take."""

    async def allot(self, question: str, chunks: Sequence[Chunk]) -> Allotted:
        """Fit as many of the retrieved chunks as an answer can be read from, and set the answer aside.

        At least one: a part of it may do, for a shorter answer. What others who share the fence take
        meanwhile is no longer there, so that it is fitted again.
        """
        for _ in range(TRIES):
            allotted, claim = await self._fitted(question, chunks)
            if not allotted.tokens or self._set_aside(claim):
                return allotted
        return Allotted(chunks=0, tokens=0)

    async def _fitted(self, question: str, chunks: Sequence[Chunk]) -> tuple[Allotted, Claim]:
        room = self._room()
        alone = await self._claim(question, "", self.most)
        tokens = _afforded(alone, room)
        if tokens < min(self.most, FEWEST_ANSWER_TOKENS):
            return Allotted(chunks=0, tokens=0), alone
        for count in range(len(chunks), 0, -1):
            claim = await self._claim(question, shown(self._longest(chunks[:count])), tokens)
            if await self._fits(claim, tokens, room):
                return Allotted(chunks=count, tokens=tokens), claim
        tokens = min(tokens, SHORT_ANSWER_TOKENS) if chunks else tokens
        parts, most = first_lines(shown(chunks[:1]))
        kept = await self.most_of(question, parts, most, tokens)
        claim = await self._claim(question, parts(kept), tokens)
        return Allotted(chunks=min(1, len(chunks)), tokens=tokens), claim

    async def shrink(self, question: str, chunks: Sequence[Chunk], tokens: int) -> None:
        """Free what an answer from these chunks does not need of what was set aside."""
        if (hold := self._held()) is not None:
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
        hold = self._held()
        if hold is None:
            yield
            return
        with hold.open():
            try:
                yield
            finally:
                hold.give_back()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Give back what was set aside if this fails: a fence around somebody's graph may go on."""
        try:
            yield
        except BaseException:
            self.give_back()
            raise

    def give_back(self) -> None:
        """Free what is set aside for the answer, if anything is."""
        if (hold := self._held()) is not None:
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

    def _room(self) -> Budget:
        """Give what the answer can spend: what is left, and what is set aside for it."""
        left, hold = require_fence().remaining, self._held()
        if hold is None:
            return left
        counted = 0 if self.sure else 1
        calls, output, total, dollars = hold.left
        return Budget(
            calls=None if left.calls is None else left.calls * counted + calls,
            output_tokens=None if left.output_tokens is None else left.output_tokens * counted + output,
            total_tokens=None if left.total_tokens is None else left.total_tokens * counted + total,
            usd=None if left.usd is None else left.usd * counted + dollars / PICODOLLARS,
            seconds=left.seconds,
        )

    def _set_aside(self, claim: Claim) -> bool:
        """Keep what the answer may cost, on the fence around the node; `False`: it has no room for it.

        A run that goes on after a restart keeps none.
        """
        around = require_fence().parent
        if not isinstance(around, Ledger):
            raise AssertionError  # a node's own fence is always inside another  # noqa: TRY004
        try:
            around.set_aside(claim, name=self.hold)
        except BudgetExhaustedError:
            return False
        return True

    def _held(self) -> SetAside | None:
        holds = (fence.set_asides.get(self.hold) for fence in require_fence().path)
        return next((hold for hold in holds if hold is not None), None)


def first_lines(text: str) -> tuple[Callable[[int], str], int]:
    """Give what gives the first n lines of a text, and how many there are."""
    lines = text.splitlines()
    return lambda count: "\n".join(lines[:count]).rstrip(), len(lines)


def left_for_modules() -> Budget | None:
    """Give what the modules can spend, which is not what is set aside; `None`: there is no limit."""
    left = require_fence().remaining
    return left if left.limited else None


def less(left: Budget, claim: Claim | None) -> Budget:
    """Give what is left once a call has cost the most it can; `None`: there is no call."""
    if claim is None:
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


async def within_time(work: Callable[[], T]) -> T | None:
    """Do work in a thread until the time is over, as it may be that an embedder is loaded first: `None`."""
    try:
        async with asyncio.timeout(require_fence().seconds_left()):
            return await in_own_thread(work)
    except TimeoutError:
        return None


def hold_name() -> str:
    """Give the name under which to set the answer aside; on a fence that others may share, one of its own."""
    run = current_run.get()
    return HOLD if run is not None and run.fence is require_fence().parent else f"{HOLD} {uuid4().hex}"


def _afforded(claim: Claim, room: Budget) -> int:
    """Give the output tokens that such a call can have."""
    if room.calls == 0 or (room.seconds is not None and room.seconds <= 0):
        return 0
    within = claim.output_within(room)
    return claim.max_output_tokens if within is None else min(claim.max_output_tokens, within)
