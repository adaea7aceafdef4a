"""Many calls at once against the counting server, and the audit of the books afterwards."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from outlay.budget import PICODOLLARS, Budget, Price, Usage, picodollars
from outlay.errors import BudgetExhaustedError, ModelError
from outlay.ledger import Ledger
from outlay.model import Completion, Model
from outlay.testing import ODD_USAGE, CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from outlay.testing import Exchange

    Outcome = Completion | BudgetExhaustedError | ModelError | asyncio.CancelledError
    Faults = Sequence[Fault | None]

PRICE = Price(input=0.3, output=1.7)
ASKED = 20
"""Output tokens that each call asks for."""
CALLS = 50
GROUPS = 5
WORTH = 5
"""Calls that the cap is worth."""

LONG = "word " * 40
SHORT = "word " * 6

REFUSED = {Fault.RATE_LIMITED, Fault.BAD_REQUEST, Fault.UNAUTHORISED, Fault.TOO_LONG}
"""Whoever is failed so knows that nothing was generated."""


class Sums(NamedTuple):
    """A usage in integers."""

    calls: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    picodollars: int = 0


@dataclass(frozen=True)
class Fences:
    """Which fences stand around the calls, from the outermost in, and one more around each group."""

    path: tuple[Budget, ...]
    group: Budget | None = None


@dataclass
class Storm:
    """What came of offering many calls at once."""

    server: CountingServer
    prompt_bound: int
    """Prompt tokens that were reserved for each call."""
    fences: list[Ledger] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    @property
    def completed(self) -> set[int]:
        """The calls that were answered."""
        return {number for number, outcome in self.outcomes.items() if isinstance(outcome, Completion)}

    @property
    def foreign(self) -> list[Outcome]:
        """Outcomes that no caller should have to expect."""
        expected = (Completion, BudgetExhaustedError, ModelError, asyncio.CancelledError)
        return [outcome for outcome in self.outcomes.values() if not isinstance(outcome, expected)]

    @property
    def overshoot(self) -> list[str]:
        """Everything above a limit: by the fences' own books, and by what was really served."""
        served = sums(self.server.usage)
        outer = self.fences[0]
        books = [(fence.name, fence.budget, sums(fence.usage)) for fence in self.fences]
        return [
            f"{name}: {spent} {unit} of {limit}"
            for name, budget, usage in [*books, ("served", outer.budget, served)]
            for unit, limit, spent in limits(budget, usage)
            if spent > limit
        ]

    @property
    def thrown_away(self) -> list[Exchange]:
        """Good answers that were served and told, and did not reach a caller who still wanted them."""
        return [
            exchange
            for exchange in self.server.exchanges
            if exchange.fault in {None, Fault.SLOW, Fault.FIRST_CHOICE_USAGE, *ODD_USAGE}
            and not isinstance(self.outcomes[number_of(exchange.body)], Completion | asyncio.CancelledError)
        ]

    @property
    def booked(self) -> Sums:
        """All that the outermost fence counted."""
        return sums(self.fences[0].usage)

    @property
    def confirmed(self) -> Sums:
        """What the outermost fence counted, without its unconfirmed part."""
        return Sums(*map(int.__sub__, self.booked, sums(self.fences[0].unconfirmed)))

    @property
    def read(self) -> Sums:
        """What the provider told, where its reply reached the caller."""
        return sums(sum((told for _, told in self._readings() if told), Usage()))

    @property
    def unread(self) -> Sums:
        """The worst cases of the requests, or of the prompts alone, that the caller cannot know."""
        readings = list(self._readings())
        bodies = [exchange.body for exchange, told in readings if not told]
        worst = self.worst_cases(len(bodies), sum(body["max_tokens"] * body.get("n", 1) for body in bodies))
        prompts = self.prompt_bound * sum(
            told is not None and told.output_tokens > 0 and not told.prompt_tokens for _, told in readings
        )
        alone = Sums(0, prompts, 0, prompts, PRICE.worst_case(prompts, 0))
        return Sums(*map(int.__add__, worst, alone))

    def worst_cases(self, calls: int, output_tokens: int) -> Sums:
        """Give what is reserved for so many calls of so many output tokens in all."""
        prompts = self.prompt_bound * calls
        dollars = PRICE.worst_case(prompts, output_tokens)
        return Sums(calls, prompts, output_tokens, prompts + output_tokens, dollars)

    @property
    def short_of_served(self) -> list[str]:
        """Units in which the books say less than was served."""
        pairs = zip(Sums._fields, self.booked, sums(self.server.usage), strict=True)
        return [unit for unit, booked, served in pairs if booked < served]

    def _readings(self) -> Iterator[tuple[Exchange, Usage | None]]:
        """Pair every request with what its caller read of it."""
        last = {number_of(exchange.body): exchange for exchange in self.server.exchanges}
        for exchange in self.server.exchanges:
            number = number_of(exchange.body)
            answered = last[number] is exchange and number in self.completed
            yield exchange, exchange.told if answered or exchange.fault in REFUSED else None


class Weather:
    """How each call fails, attempt by attempt, whatever the order in which they arrive."""

    def __init__(self, faults: Mapping[int, Faults]) -> None:
        self._faults = faults
        self._attempts: dict[int, int] = defaultdict(int)

    def __call__(self, body: Mapping[str, Any]) -> Fault | None:
        number = number_of(body)
        attempt = self._attempts[number]
        self._attempts[number] += 1
        script = self._faults.get(number, ())
        return script[attempt] if attempt < len(script) else None


def every_tenth(turn: int = 0) -> dict[int, Faults]:
    """Give each call of ten its own trouble; `turn` says which call has the first."""
    troubles: tuple[Faults, ...] = (
        (Fault.RATE_LIMITED,),
        (),
        (Fault.FAILED_AFTER,),
        (Fault.STALL, Fault.STALL),
        (Fault.NO_USAGE,),
        (Fault.CUT, Fault.CUT),
        (Fault.BAD_REQUEST,),
        (Fault.MALFORMED,),
        (Fault.UNAVAILABLE,),
        (Fault.SLOW,),
    )
    return {number: troubles[(number + turn) % len(troubles)] for number in range(CALLS)}


def odd_usage(turn: int = 0) -> dict[int, Faults]:
    """Give each call an odd usage report of its own, behind a failure in every third."""
    scripts: list[Faults] = [(fault,) for fault in ODD_USAGE]
    scripts[::3] = [(Fault.FAILED_AFTER, *script) for script in scripts[::3]]
    return {number: scripts[(number + turn) % len(scripts)] for number in range(CALLS)}


def stalled(faults: Mapping[int, Faults]) -> frozenset[int]:
    """Give the calls that end in silence."""
    return frozenset(number for number, script in faults.items() if Fault.STALL in script)


def model_of(server: CountingServer, **options: Any) -> Model:
    """Give a model that the server stands behind."""
    given: dict[str, Any] = {"retries": 1, "timeout": 60.0, "price": PRICE} | options
    return Model("openai/test", api_base=server.url, api_key="x", **given)


def question(number: int) -> str:
    """Give the prompt of a call: equally long for all of them."""
    return f"call {number:03d}"


def number_of(body: Mapping[str, Any]) -> int:
    """Give the number of the call that a request is for."""
    return int(body["messages"][-1]["content"].split()[1])


def prompt_bound(model: Model) -> int:
    """Give the prompt tokens that are reserved for any one of the calls."""
    return asyncio.run(model.worst_case(question(0), max_output_tokens=ASKED)).prompt_tokens


def cap_worth(calls: int, unit: str, model: Model) -> Budget:
    """Give the budget that holds the worst cases of so many calls, in one unit."""
    prompt = prompt_bound(model)
    worth = {
        "output_tokens": ASKED * calls,
        "total_tokens": (prompt + ASKED) * calls,
        "usd": PRICE.worst_case(prompt, ASKED) * calls / PICODOLLARS,
        "calls": calls,
    }
    return Budget(**{unit: worth[unit]})


def limits(budget: Budget, usage: Sums) -> Iterable[tuple[str, int, int]]:
    """Pair each limit with what was spent, in integers."""
    spent = usage._asdict() | {"usd": usage.picodollars}
    for unit, limit in budget:
        if limit is not None and unit in spent:
            yield unit, picodollars(limit) if unit == "usd" else limit, spent[unit]


def sums(usage: Usage) -> Sums:
    """Give a usage in integers; what the server counted has no price yet."""
    cost = round(usage.usd * PICODOLLARS) if usage.usd else PRICE.cost(usage)
    return Sums(usage.calls, usage.prompt_tokens, usage.output_tokens, usage.total_tokens, cost)


async def ask_all(
    model: Model, numbers: Iterable[int], server: CountingServer, cancelled: frozenset[int] = frozenset()
) -> dict[int, Outcome]:
    """Offer the calls at once; those in `cancelled` are, as soon as the server has read them."""
    tasks = {
        number: asyncio.create_task(model.complete(question(number), max_output_tokens=ASKED))
        for number in numbers
    }
    watches = [_cancel_when_read(tasks[number], number, server) for number in tasks if number in cancelled]
    await asyncio.gather(*watches)
    outcomes = await asyncio.gather(*tasks.values(), return_exceptions=True)
    return dict(zip(tasks, outcomes, strict=True))  # type: ignore[arg-type]  # `foreign` looks at the rest


async def _cancel_when_read(task: asyncio.Task[Completion], number: int, server: CountingServer) -> None:
    while not task.done():
        if any(number_of(exchange.body) == number for exchange in server.exchanges):
            task.cancel()
            return
        await asyncio.sleep(0.005)


def over_asyncio(
    server: CountingServer, fences: Fences, model: Model, cancelled: frozenset[int] = frozenset()
) -> Storm:
    """Offer all calls on one event loop, a task group per group of them."""
    storm = Storm(server, prompt_bound(model))

    async def groups() -> None:
        parts = (_group(storm, fences, model, numbers, cancelled) for numbers in _groups())
        await asyncio.gather(*parts)

    with _entered(storm, fences):
        asyncio.run(groups())
    return storm


def over_threads(
    server: CountingServer, fences: Fences, model: Model, cancelled: frozenset[int] = frozenset()
) -> Storm:
    """Offer all calls at once from a thread per group of them, each with an event loop of its own."""
    storm = Storm(server, prompt_bound(model))
    with _entered(storm, fences), ThreadPoolExecutor(GROUPS) as threads:

        def run(numbers: range) -> None:
            asyncio.run(_group(storm, fences, model, numbers, cancelled))

        list(threads.map(storm.fences[-1].bind(run), _groups()))
    return storm


WAYS: dict[str, Callable[..., Storm]] = {"asyncio": over_asyncio, "threads": over_threads}


def _groups() -> list[range]:
    return [range(start, CALLS, GROUPS) for start in range(GROUPS)]


@contextmanager
def _entered(storm: Storm, fences: Fences) -> Iterator[None]:
    first, *narrower = fences.path
    with ExitStack() as stack:
        storm.fences.append(stack.enter_context(Ledger(first, name="fence 0")))
        for depth, budget in enumerate(narrower, 1):
            inner = storm.fences[-1].allot(budget, name=f"fence {depth}")
            storm.fences.append(stack.enter_context(inner))
        yield


async def _group(
    storm: Storm, fences: Fences, model: Model, numbers: range, cancelled: frozenset[int]
) -> None:
    innermost = storm.fences[len(fences.path) - 1]
    narrower = innermost.allot(fences.group, name="group") if fences.group else nullcontext()
    with narrower as fence:
        outcomes = await ask_all(model, numbers, storm.server, cancelled)
    storm.outcomes |= outcomes
    if fence is not None:
        storm.fences.append(fence)


def told_to(server: CountingServer, wanted: Callable[[int], bool]) -> Usage:
    """Sum up what the server told the callers that are `wanted`."""
    told = [exchange.told for exchange in server.exchanges if wanted(number_of(exchange.body))]
    return sum((usage for usage in told if usage), Usage())
