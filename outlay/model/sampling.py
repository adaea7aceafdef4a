"""Several answers to one prompt, in as few requests as the provider can make of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from outlay.errors import BudgetExhaustedError, ModelError, ModelUnavailableError, OutlayError
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
        parts = (self._part(start, min(most, n - start)) for start in range(0, n, most))
        found = await asyncio.gather(*map(self._outcomes, parts))
        return tuple(outcome for outcomes in found for outcome in outcomes)

    def _part(self, start: int, n: int) -> Exchange:
        samples = self.exchange.samples
        return replace(
            self.exchange,
            request=self.exchange.request.model_copy(update={"n": n}),
            samples=Samples(samples.key, samples.numbers[start : start + n]),
        )

    async def _outcomes(self, part: Exchange) -> tuple[Outcome, ...]:
        """Run one request; where it brings fewer choices than asked for, ask for the rest."""
        n = part.request.n
        outcome: tuple[Outcome, ...]
        try:
            outcome = (await part.run())[:n]
        except (ModelError, BudgetExhaustedError) as exc:
            return (exc,) * n
        if len(outcome) == n:
            return outcome
        if not outcome:
            return (ModelUnavailableError(f"{part.terms.name} replied without any choice"),) * n
        numbers = part.samples.numbers[len(outcome) :]
        rest = replace(
            part,
            request=part.request.model_copy(update={"n": n - len(outcome)}),
            samples=Samples(part.samples.key, numbers),
        )
        return outcome + await self._outcomes(rest)
