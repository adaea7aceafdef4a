"""One request inside its fences: admitted, sent, billed, and tried again where that helps.

Runs on the calls loop from beginning to end.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from outlay.budget import Usage
from outlay.errors import BudgetExhaustedError, ConfigurationError, ModelError, ModelUnavailableError
from outlay.ledger import Claim, current_ledger
from outlay.model import billing
from outlay.model.prompt_bound import ATTACHMENT, unknown_parts
from outlay.model.provider import ParameterRenamedError
from outlay.model.records import Choice, Completion, Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.budget import Price
    from outlay.ledger import Ledger, Reservation
    from outlay.model.in_flight import InFlight
    from outlay.model.listener import Listener
    from outlay.model.provider import Provider
    from outlay.model.records import Request
    from outlay.replay import Recorded, Replay

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
LONGEST_RETRY_AFTER: Final = 120.0
"""Seconds; a provider that asks for more is not waited for."""


@dataclass(frozen=True)
class Terms:
    """How a model's requests are made, the same for all of them."""

    provider: Provider
    name: str
    price: Price | None
    retries: int
    timeout: float
    replay: Replay | None
    attachment_tokens: int | None = None


@dataclass(frozen=True)
class Samples:
    """The sample numbers that one request is for, under their key in the replay store."""

    key: str
    numbers: tuple[int, ...]


async def claim_of(terms: Terms, request: Request, min_output_tokens: int) -> Claim:
    """Give the most that `request` can cost."""
    prompt = await terms.provider.count_prompt(request)
    unknown = unknown_parts(request)
    prompt += unknown * (ATTACHMENT if terms.attachment_tokens is None else terms.attachment_tokens)
    window = await terms.provider.context_window()
    asked = request.max_output_tokens
    if window is not None and window - prompt >= min_output_tokens:
        asked = min(asked, window - prompt)
    return Claim(
        model=terms.name,
        prompt_tokens=prompt,
        bounded=not unknown or terms.attachment_tokens is not None,
        max_output_tokens=asked,
        min_output_tokens=min(min_output_tokens, asked),
        n=request.n,
        **billing.pricing(terms.price or terms.provider.price(prompt), request, prompt),
    )


@dataclass(frozen=True)
class Exchange:
    """A request and what it is charged to."""

    terms: Terms
    fence: Ledger
    in_flight: InFlight
    request: Request
    min_output_tokens: int
    samples: Samples
    listener: Listener | None = None
    """Who hears the reply as it comes, if anyone does."""
    beside: bool = False
    """Whether it takes recorded samples beside others that are asked for, which pay for the prompt."""

    async def run(self) -> tuple[Completion, ...]:
        """Give the completions, one per choice.

        Raises:
            ModelError: The last attempt failed; its usage is that of all attempts.
            BudgetExhaustedError: A fence refused an attempt.
        """
        billed, failure = Usage(), None
        for attempt in itertools.count():
            try:
                return await self._attempt()
            except BudgetExhaustedError as exc:
                raise exc from failure
            except ModelError as exc:
                billed += exc.usage or Usage()
                exc.usage, failure = billed, exc
                if not await self._worth_another(attempt, exc):
                    raise
        raise AssertionError  # count() has no end

    async def _attempt(self) -> tuple[Completion, ...]:
        claim = await claim_of(self.terms, self.request, self.min_output_tokens)
        reservation = await self.fence.areserve(claim)
        self.in_flight.admit(reservation)
        try:
            recorded = await self._recorded(reservation.max_output_tokens)
            if all(recorded):
                return self._replayed([r for r in recorded if r], reservation, claim.price)
            if not any(recorded):
                return await self._ask(reservation, claim.price)
        finally:
            self.in_flight.end(reservation)
        return await self._divided([bool(r) for r in recorded])

    async def _ask(self, reservation: Reservation, price: Price | None) -> tuple[Completion, ...]:
        request = self.request.model_copy(update={"max_output_tokens": reservation.max_output_tokens})
        self.in_flight.send(reservation)
        try:
            reply = await self._reply(request)
        except ConfigurationError:
            if self._received():
                reservation.forfeit()
            else:
                reservation.release()
            raise
        except ModelError as exc:
            usage = billing.settle_failure(reservation, exc, received=self._received())
            raise self._billed(exc, usage) from exc.__cause__
        usage = billing.settle_reply(reservation, reply, request)
        parts = billing.shares(usage, reply, price)
        await self._record(reply.choices, parts, usage, reservation.max_output_tokens)
        return self._completions(reply.choices, parts, replayed=False)

    def _received(self) -> str:
        """Return what a stream gave before it failed: a floor for the bill."""
        return "".join(self.listener.received) if self.listener else ""

    def _billed(self, error: ModelError, usage: Usage) -> ModelError:
        # A copy, because a provider may raise one error twice, and each has its own bill.
        billed = copy(error)
        billed.model, billed.usage = error.model or self.terms.name, usage
        return billed

    async def _reply(self, request: Request) -> Reply:
        try:
            async with asyncio.timeout(self._patience()) as patience:
                if self.listener is None:
                    reply = await self.terms.provider.complete(request)
                else:
                    stream = self.terms.provider.stream(request)
                    reply = await self.listener.listen(stream, lambda: self._renew(patience))
        except TimeoutError as exc:
            raise self._silence() from exc
        if not reply.choices:
            raise ModelUnavailableError(
                f"{self.terms.name} replied without any choice",
                usage=billing.reported(reply) or reply.usage,
                unknown=billing.reported(reply) is None,
            )
        return reply

    def _renew(self, patience: asyncio.Timeout) -> None:
        patience.reschedule(asyncio.get_running_loop().time() + self._patience())

    def _patience(self) -> float:
        left = self._seconds_left()
        return self.terms.timeout if left is None else min(self.terms.timeout, max(0.0, left))

    def _seconds_left(self) -> float | None:
        # A model's own fence need not be inside the one around the call; both are charged.
        fences = (self.fence, current_ledger())
        return min((s for f in fences if f and (s := f.seconds_left()) is not None), default=None)

    def _silence(self) -> ModelUnavailableError:
        return ModelUnavailableError(
            f"{self.terms.name} did not answer in time: raise Model(..., timeout={self.terms.timeout:g}) or "
            "the budget's seconds, or ask for less",
            unknown=True,
        )

    async def _worth_another(self, attempt: int, error: ModelError) -> bool:
        """Wait before the next attempt; `False` where another is no use.

        Past a deadline there is no pause: the fence then says itself that it is over.
        """
        if isinstance(error, ParameterRenamedError):
            return attempt <= self.terms.retries  # else the server refuses both names
        was_heard = self.listener is not None and self.listener.heard
        is_closed = any(fence.closed for fence in (self.fence, current_ledger()) if fence)
        if not isinstance(error, ModelUnavailableError) or was_heard or is_closed:
            return False
        left = self._seconds_left()
        if left is not None and left <= 0:
            return True
        seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * random.uniform(0.5, 1.0)  # noqa: S311
        seconds = max(seconds, error.retry_after or 0.0)
        is_too_long = seconds > LONGEST_RETRY_AFTER or (left is not None and seconds >= left)
        if attempt >= self.terms.retries or is_too_long:
            return False
        await asyncio.sleep(seconds)
        return True

    async def _recorded(self, cap: int) -> list[Recorded | None]:
        replay = self.terms.replay
        if replay is None:
            return [None]
        return [
            await asyncio.to_thread(replay.lookup, self.samples.key, number, cap)
            for number in self.samples.numbers
        ]

    def _replayed(
        self, recorded: list[Recorded], reservation: Reservation, price: Price | None
    ) -> tuple[Completion, ...]:
        choices = tuple(r.choice for r in recorded)
        first = recorded[0].usage
        outputs = tuple(r.usage.output_tokens for r in recorded)
        usage = Usage(
            calls=0 if self.beside else 1,
            generations=len(recorded),
            prompt_tokens=0 if self.beside else first.prompt_tokens,
            cached_tokens=0 if self.beside else first.cached_tokens,
            output_tokens=sum(outputs),
            reasoning_tokens=sum(r.usage.reasoning_tokens for r in recorded),
        )
        usage = reservation.settle(usage, replayed=True)
        parts = billing.shares(usage, Reply(choices=choices, output_tokens=outputs), price)
        return self._completions(choices, parts, replayed=True)

    async def _divided(self, recorded: Sequence[bool]) -> tuple[Completion, ...]:
        """Take what is recorded from the store, and ask only for the rest."""
        found: dict[int, Completion] = {}
        for wanted in (True, False):
            places = [place for place, known in enumerate(recorded) if known is wanted]
            numbers = tuple(self.samples.numbers[place] for place in places)
            part = Exchange(
                self.terms,
                self.fence,
                self.in_flight,
                self.request.seeded(places[0]).model_copy(update={"n": len(places)}),
                self.min_output_tokens,
                Samples(self.samples.key, numbers),
                self.listener,
                beside=wanted,
            )
            found |= dict(zip(places, await part.run(), strict=False))
        return tuple(found[place] for place in sorted(found))

    async def _record(
        self, choices: tuple[Choice, ...], parts: tuple[Usage, ...], usage: Usage, cap: int
    ) -> None:
        if self.terms.replay is None:
            return
        for number, choice, part in zip(self.samples.numbers, choices, parts, strict=False):
            # Each sample is kept with the whole prompt, so that it can be served alone.
            alone = part.model_copy(
                update={
                    "calls": 1,
                    "prompt_tokens": usage.prompt_tokens,
                    "cached_tokens": usage.cached_tokens,
                }
            )
            pieces = await self._pieces(choice)
            await asyncio.to_thread(
                self.terms.replay.keep, self.samples.key, number, cap, choice, alone, pieces=pieces
            )

    async def _pieces(self, choice: Choice) -> tuple[str, ...] | None:
        repeatable = self.request.temperature == 0 or self.request.seed is not None
        if not repeatable or choice.reasoning or choice.tool_calls:
            return None
        try:
            return await self.terms.provider.split_tokens(choice.text)
        except ModelError:
            return None  # the reply is paid and kept; it only cannot serve a smaller limit

    def _completions(
        self, choices: tuple[Choice, ...], parts: tuple[Usage, ...], *, replayed: bool
    ) -> tuple[Completion, ...]:
        requested = "shared" if self.request.n > 1 else "single"
        return tuple(
            billing.completion(choice, part, self.terms.name).model_copy(
                update={"requested": requested, "replayed": replayed}
            )
            for choice, part in zip(choices, parts, strict=True)
        )
