"""Money kept for a later call, so that a strategy can always answer."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from outlay.ledger.admission import judge
from outlay.ledger.booking import room_as_budget
from outlay.ledger.claim import Amounts, add
from outlay.ledger.copies import Uncopyable
from outlay.ledger.turn import now_or_late

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlay.budget import Budget
    from outlay.ledger.claim import Claim
    from outlay.ledger.fence import Fence
    from outlay.ledger.turn import Tell

open_set_asides: ContextVar[tuple[SetAside, ...]] = ContextVar("outlay_set_asides", default=())
"""Those that calls made here may draw on, the outer first."""


class SetAside(Uncopyable):
    """What a fence keeps for a later call, on its whole path and in every unit.

    Opened, it is a floor and not a cap: calls inside draw on what it holds, then on what is free.
    """

    def __init__(self, name: str, fence: Fence, path: tuple[Fence, ...], held: Amounts) -> None:
        self.name = name
        self.fence = fence
        self.path = path
        self.left = list(held)
        self.alive = True
        for outer in path:
            add(outer.held, held)

    @property
    def remaining(self) -> Budget:
        """What it still holds."""
        return room_as_budget(self.fence.limit, type(self.fence.limit)(*self.left), None)

    @property
    def output_tokens(self) -> int:
        """What it still holds of generated tokens, limited or not."""
        return Amounts(*self.left).output_tokens

    @contextmanager
    def open(self) -> Iterator[SetAside]:
        """Let the calls made inside draw on it."""
        outer = open_set_asides.get()
        open_set_asides.set((*outer, self))
        try:
            yield self
        finally:
            open_set_asides.set(tuple(hold for hold in open_set_asides.get() if hold is not self))

    def give_back(self) -> None:
        """Free what it still holds, for good."""

        def act(tell: Tell) -> None:
            self.end()
            judge(self.path, tell)

        now_or_late(act)

    def shrink(self, claim: Claim) -> None:
        """Free what `claim` does not need of what it still holds."""
        needed = claim.amounts(claim.max_output_tokens)

        def act(tell: Tell) -> None:
            self.draw([max(0, held - need) for held, need in zip(self.left, needed, strict=True)])
            judge(self.path, tell)

        now_or_late(act)

    def draw(self, amounts: Sequence[int]) -> None:
        """Take from it what a call inside is charged; only inside a `Turn`."""
        add(self.left, amounts, -1)
        for fence in self.path:
            add(fence.held, amounts, -1)

    def refill(self, amounts: Sequence[int]) -> None:
        """Put back what a call did not use, so that its retry is still covered; only inside a `Turn`."""
        if self.alive:
            add(self.left, amounts)
            for fence in self.path:
                add(fence.held, amounts)

    def end(self) -> None:
        """Free what it holds; only inside a `Turn`."""
        self.draw(list(self.left))
        self.alive = False
        if self.fence.set_asides.get(self.name) is self:
            del self.fence.set_asides[self.name]
