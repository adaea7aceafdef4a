"""Several answers to one prompt, in as few requests as the provider can make of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from outlay.errors import BudgetExhaustedError, ModelError, ModelRefusedError, OutlayError
from outlay.model.exchange import Samples
from outlay.model.records import Completion

if TYPE_CHECKING:
    from outlay.model.exchange import Exchange

Outcome = Completion | OutlayError


@dataclass(frozen=True)
class Sampling:
    """One exchange to be divided into requests that the provider can take."""

    exchange: Exchange
    max_n: int | None
    """The most samples in one request; `None`: ask the provider."""

    async def run(self) -> tuple[Outcome, ...]:
        """Give a completion, or the error that took its place, for every sample."""
        most = self.max_n or await self.exchange.terms.provider.max_n()
        n = self.exchange.request.n
        parts = (_part(self.exchange, start, min(most, n - start)) for start in range(0, n, most))
        found = await asyncio.gather(*map(self._outcomes, parts))
        return tuple(outcome for outcomes in found for outcome in outcomes)

    async def _outcomes(self, part: Exchange) -> tuple[Outcome, ...]:
        """Run one request; where it brings fewer choices than asked for, ask for the rest."""
        n = part.request.n
        outcome: tuple[Outcome, ...]
        try:
            outcome = (await part.run())[:n]
        except ModelRefusedError as exc:
            return (exc,) if n == 1 else await self._one_by_one(part)
        except (ModelError, BudgetExhaustedError) as exc:
            return (exc,) * n
        if len(outcome) == n:
            return outcome
        return outcome + await self._outcomes(_part(part, len(outcome), n - len(outcome)))

    async def _one_by_one(self, part: Exchange) -> tuple[Outcome, ...]:
        """Ask singly what was refused together: some servers have no n, or a smaller one."""
        n = part.request.n
        first = await self._outcomes(_part(part, 0, 1))
        if isinstance(first[0], OutlayError):
            return first * n
        rest = await asyncio.gather(*(self._outcomes(_part(part, i, 1)) for i in range(1, n)))
        return first + tuple(outcome for outcomes in rest for outcome in outcomes)


def _part(whole: Exchange, start: int, n: int) -> Exchange:
    numbers = whole.samples.numbers[start : start + n]
    return replace(
        whole,
        request=whole.request.seeded(start).model_copy(update={"n": n}),
        samples=Samples(whole.samples.key, numbers),
    )
