"""`outlay ask --dry-run`: the run as it would go at its most expensive, with no call made.

The strategy itself runs, inside the same fence, against a provider that makes no request: every
reply takes all the tokens it may, and no two samples agree. What a strategy would reserve is thus
not described a second time, where it could come to differ. Under a limit, short replies can leave
room for more calls than long ones: a second rehearsal, with replies of one token, counts those.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pydantic import Field
from rich import box
from rich.table import Table

from outlay.budget import PICODOLLARS, Record, Usage
from outlay.cli.asking import Session, open_session
from outlay.cli.bill import UNITS, amount, dollars, limits, rooms
from outlay.cli.exits import ANSWERED, print_json, say_error, status_of, with_options
from outlay.cli.live import paper, say
from outlay.cli.order import read_price
from outlay.cli.running import interruptible
from outlay.errors import ContextOverflowError, OutlayError
from outlay.ledger import Ledger, current_ledger
from outlay.local import window_advice
from outlay.model import Choice, Chunk, Reply
from outlay.model.provider import Tokenizing
from outlay.model.tokenizers import BYTES
from outlay.testing.placeholder import instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from outlay.budget import Price
    from outlay.cli.order import Order
    from outlay.model import Provider, Request
    from outlay.model.tokenizers import Tokenizer
    from outlay.outcome import Answer

ASSUMPTIONS: Final = (
    "every call writes as much as it may, and no two samples agree",
    "a list in a structured reply, such as a plan, is as long as its schema allows, or 4 items long",
    "no call fails: a retry would be admitted, and billed, like any other call",
    "the prompts fit the model's window, which only a llama.cpp server tells before a call",
    "time stands still: a limit in seconds is not rehearsed",
)


TINY: Final = 1e-9
"""Differences of dollars below this are rounding."""


class PlannedCall(Record):
    """One request that the run would make."""

    node: str
    model: str
    prompt_tokens: int
    n: int
    """Samples it asks for."""
    max_output_tokens: int
    """Of each sample."""
    usd: float | None
    """Worst case; `None` where the price is unknown."""
    set_aside: dict[str, float] = Field(default_factory=dict)
    """What the run's fence held back for later calls meanwhile, in each unit that it limits."""


def rehearse(order: Order) -> int:
    """Run the strategy without making a call, and print what it would reserve. Gives the exit status."""
    calls: list[PlannedCall] = []
    price = read_price(order.price)
    session = open_session(order, lambda provider: Rehearsal(provider, calls, price))
    brief = open_session(
        order,
        lambda provider: Rehearsal(provider, [], price, brief=True),
        question=session.question,
    )
    try:
        with session.output:
            found = interruptible(_run(session, brief), lambda: _part(session))
    except OutlayError as exc:
        say_error(type(exc).__name__, f"{exc} (no call was made)", as_json=order.as_json)
        return status_of(exc)
    most_calls = max(session.ledger.usage.calls, brief.ledger.usage.calls)
    if order.as_json:
        planned = [call.model_dump(mode="json") for call in calls]
        degraded = with_options(found.degraded) if found.degraded else None
        ending = {"stop_reason": found.stop_reason, "degraded": degraded}
        facts = {**ending, "most_calls": most_calls, "assumed": ASSUMPTIONS, **session.facts()}
        print_json({"dry_run": True, "calls": planned, **facts})
    else:
        _say(session, calls, found, most_calls)
    return ANSWERED


def _part(session: Session) -> None:
    session.output.give_back()
    say_error("Interrupted", "interrupted; no call was made", as_json=session.order.as_json)


async def _run(session: Session, brief: Session) -> Answer:
    with brief.ledger:
        await brief.strategy.arun(brief.question)
    with session.ledger:
        return await session.strategy.arun(session.question)


def _say(session: Session, calls: Sequence[PlannedCall], found: Answer, most_calls: int) -> None:
    console = paper()
    console.print(f"Dry run of {session.title}: no call was made. At most, it would reserve and call:")
    console.print(_table(calls))
    usage = session.ledger.usage
    tokens = f"{usage.prompt_tokens:,} prompt tokens, {usage.output_tokens:,} output tokens"
    console.print(f"in all: {usage.calls} calls, {usage.generations} samples, {tokens}, {dollars(usage.usd)}")
    if most_calls > usage.calls:
        console.print(f"short replies would leave room for more, inside the same limits: {most_calls} calls")
    for line in limits(session.ledger):
        console.print(line.replace(" spent", " at most"))
    for unit in UNITS:
        if held := max((call.set_aside.get(unit, 0) for call in calls), default=0):
            named = "" if unit == "usd" else f" {UNITS[unit]}"
            console.print(f"set aside meanwhile for later calls: up to {amount(unit, held)}{named}")
    ending = f"it would end: {found.stop_reason}"
    say(f"{ending} ({with_options(found.degraded)})" if found.degraded else ending)
    console.print("assumed:")
    for assumption in ASSUMPTIONS:
        say(f"  - {assumption}")


def _held(fence: Ledger | None, call: PlannedCall) -> dict[str, float]:
    """Give what is neither spent, nor left, nor reserved for `call`, which is the only one in flight."""
    while fence and isinstance(fence.parent, Ledger):
        fence = fence.parent
    output = call.n * call.max_output_tokens
    reserved = {
        "calls": 1,
        "output_tokens": output,
        "total_tokens": output + call.prompt_tokens,
        "usd": call.usd or 0.0,
    }
    held = {
        room.unit: room.limit - room.left - room.spent - reserved[room.unit]
        for room in (rooms(fence) if fence else ())
        if room.unit in reserved
    }
    return {unit: value for unit, value in held.items() if value > TINY}


def _table(calls: Sequence[PlannedCall]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("node")
    for heading in ("calls", "samples each", "prompt each, max", "output each, max", "dollars, max"):
        table.add_column(heading, justify="right")
    rows = Counter((c.node, c.n, c.prompt_tokens, c.max_output_tokens, c.usd) for c in calls)
    for (node, *figures, usd), count in rows.items():
        worst = None if usd is None else usd * count
        table.add_row(node, *(f"{figure:,}" for figure in (count, *figures)), dollars(worst))
    return table


@dataclass
class Rehearsal:
    """A provider that makes no request; what it needs to know it asks the real one."""

    provider: Provider
    calls: list[PlannedCall]
    """Where the calls are noted, shared by all models of a run."""
    price_given: Price | None = None
    brief: bool = False
    """Whether replies are as short as can be, not as long."""
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def complete(self, request: Request) -> Reply:
        prompt = await self.provider.count_prompt(request)
        await self._check_window(request, prompt)
        price = self.price_given or self.provider.price(prompt)
        output = request.n * request.max_output_tokens
        fence = current_ledger()
        call = PlannedCall(
            node=fence.name if fence else "",
            model=request.model,
            prompt_tokens=prompt,
            n=request.n,
            max_output_tokens=request.max_output_tokens,
            usd=price.worst_case(prompt, output) / PICODOLLARS if price else None,
        )
        self.calls.append(call.model_copy(update={"set_aside": _held(fence, call)}))
        if self.brief:
            output = request.n
        usage = Usage(calls=1, generations=request.n, prompt_tokens=prompt, output_tokens=output)
        return Reply(choices=tuple(Choice(text=self._text(request)) for _ in range(request.n)), usage=usage)

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        reply = await self.complete(request)
        yield Chunk(text=reply.choices[0].text, finish_reason="stop", usage=reply.usage)

    async def count_prompt(self, request: Request) -> int:
        return await self.provider.count_prompt(request)

    async def split_tokens(self, text: str) -> tuple[str, ...] | None:
        return await self.provider.split_tokens(text)

    def tokenizer(self) -> Tokenizer:
        return self.provider.tokenizer() if isinstance(self.provider, Tokenizing) else BYTES

    async def max_n(self) -> int:
        return await self.provider.max_n()

    async def context_window(self) -> int | None:
        return await self.provider.context_window()

    def price(self, prompt_tokens: int) -> Price | None:
        return self.provider.price(prompt_tokens)

    async def _check_window(self, request: Request, prompt: int) -> None:
        """Refuse a prompt that leaves no token of the model's window for the reply."""
        window = await self.provider.context_window()
        if window is not None and prompt >= window:
            raise ContextOverflowError(
                f"{request.model}: the prompt may take {prompt:,} tokens and the model's window holds "
                f"{window:,}{window_advice(request.model)}",
                model=request.model,
            )

    def _text(self, request: Request) -> str:
        number = next(self._numbers)
        if request.response_schema is not None:
            return json.dumps(instance(request.response_schema))
        # As long as the reply may be, so that what quotes it later is counted in full.
        filling = 0 if self.brief else max(0, request.max_output_tokens - 8)
        return "one " * filling + f"The answer is {number}."
