"""The promise under any weather: a state machine that offers, fails and cancels calls at random."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import storm
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from storm import LONG, PRICE, Storm

from outlay.budget import PICODOLLARS, Budget
from outlay.errors import BudgetExhaustedError, ModelError
from outlay.ledger import Ledger
from outlay.testing import ODD_USAGE, CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from outlay.model import Completion

FENCES = 3
"""The outermost, one inside it, one inside that."""

FAULTS = st.lists(
    st.sampled_from([
        None,
        None,
        Fault.RATE_LIMITED,
        Fault.BAD_REQUEST,
        Fault.FAILED_BEFORE,
        Fault.FAILED_AFTER,
        Fault.MALFORMED,
        Fault.NO_CHOICES,
        Fault.NO_USAGE,
        Fault.ZERO_USAGE,
        Fault.CUT,
        *ODD_USAGE,
    ]),
    max_size=1,
)

LIMITS = {
    "output_tokens": st.integers(1, 300),
    "total_tokens": st.integers(200, 3_000),
    "usd": st.integers(1, 12).map(lambda calls: calls * PRICE.worst_case(190, 20) / PICODOLLARS),
    "calls": st.integers(1, 12),
}
BUDGETS = st.one_of(st.just(Budget()), *(st.builds(Budget, **{u: limit}) for u, limit in LIMITS.items()))


class Call(NamedTuple):
    """A call to be offered."""

    place: int
    faults: list[Fault | None]
    n: int
    asked: int
    least: int


CALLS = st.builds(
    Call,
    place=st.integers(0, FENCES - 1),
    faults=FAULTS,
    n=st.integers(1, 3),
    asked=st.integers(10, 60),
    least=st.integers(1, 10),
)
ALL_AT_ONCE = st.lists(CALLS, min_size=5, max_size=15)


@dataclass
class Offered:
    """A call that was offered."""

    future: Future[tuple[Completion, ...]]
    cancelled: bool = False


class Fenced:
    """Nested fences on an event loop of their own, each kept open by a task that makes calls inside it."""

    def __init__(self, budgets: list[Budget]) -> None:
        self.ledgers: list[Ledger] = []
        self._calls: set[asyncio.Task[Any]] = set()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._stop = self.on_loop(self._begin()).result()
        self._opened = threading.Event()
        self._kept = self.on_loop(self._keep(budgets))
        self._opened.wait()

    def on_loop(self, coroutine: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def offer(self, place: int, coroutine: Any) -> Future[Any]:
        return self.on_loop(self._bound(place, coroutine))

    def close(self) -> None:
        self.on_loop(self._ended()).result()
        self.loop.call_soon_threadsafe(self._stop.set)
        self._kept.result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _begin(self) -> asyncio.Event:
        return asyncio.Event()

    async def _bound(self, place: int, coroutine: Any) -> Any:
        async def inside() -> Any:
            return await coroutine

        call = asyncio.current_task()
        assert call is not None
        self._calls.add(call)
        return await self.ledgers[place].bind(inside)()

    async def _ended(self) -> None:
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _keep(self, budgets: list[Budget]) -> None:
        if not budgets:
            self._opened.set()
            await self._stop.wait()
            return
        budget, *narrower = budgets
        around = self.ledgers[-1] if self.ledgers else None
        name = f"fence {len(self.ledgers)}"
        with around.allot(budget, name=name) if around else Ledger(budget, name=name) as ledger:
            self.ledgers.append(ledger)
            await self._keep(narrower)


class AnyWeather(RuleBasedStateMachine):
    """Calls with random failures, samples and limits, inside random fences."""

    @initialize(budgets=st.tuples(*[BUDGETS] * FENCES), short=st.booleans(), calls=ALL_AT_ONCE)
    def open(self, budgets: tuple[Budget, ...], *, short: bool, calls: list[Call]) -> None:
        self.weather: dict[int, list[Fault | None]] = {}
        self.attempts: dict[int, int] = {}
        text = "some words" if short else LONG
        self.server = CountingServer(text, faults=self.fault, delay=0.002).__enter__()
        self.fenced = Fenced(list(budgets))
        self.model = storm.model_of(self.server, retries=1)
        self.offered: list[Offered] = []
        self.offer(calls)

    def fault(self, body: Mapping[str, Any]) -> Fault | None:
        number = storm.number_of(body)
        attempt = self.attempts.get(number, 0)
        self.attempts[number] = attempt + 1
        script = self.weather[number]
        return script[attempt] if attempt < len(script) else None

    @rule(calls=ALL_AT_ONCE)
    def offer(self, calls: list[Call]) -> None:
        for call in calls:
            number = len(self.offered)
            self.weather[number] = call.faults
            samples = self.model.sample(
                storm.question(number), call.n, max_output_tokens=call.asked, min_output_tokens=call.least
            )
            self.offered.append(Offered(self.fenced.offer(call.place, samples)))

    @precondition(lambda self: self.offered)
    @rule(which=st.integers(0))
    def cancel(self, which: int) -> None:
        offered = self.offered[which % len(self.offered)]
        offered.cancelled = offered.future.cancel() or offered.cancelled

    @precondition(lambda self: self.offered)
    @rule(which=st.integers(0))
    def wait(self, which: int) -> None:
        self.outcome(self.offered[which % len(self.offered)])

    @invariant()
    def no_fence_is_overspent(self) -> None:
        if hasattr(self, "fenced"):
            assert Storm(self.server, 0, self.fenced.ledgers).overshoot == []

    def outcome(self, offered: Offered) -> object:
        if offered.cancelled:
            return None
        try:
            return offered.future.result(60)
        except (BudgetExhaustedError, ModelError) as exc:
            return exc

    def teardown(self) -> None:
        if not hasattr(self, "fenced"):
            return
        outcomes = [self.outcome(offered) for offered in self.offered]
        self.fenced.close()
        assert self.server.wait_idle()
        self.server.__exit__(None, None, None)
        result = Storm(self.server, 0, self.fenced.ledgers)
        assert result.overshoot == []
        assert result.short_of_served == []
        self.judge(result, outcomes)

    def judge(self, result: Storm, outcomes: list[object]) -> None:
        """What was confirmed is what was told; of cancelled calls, only the server knows which."""
        answered = {number for number, outcome in enumerate(outcomes) if isinstance(outcome, tuple)}
        unsure = {number for number, offered in enumerate(self.offered) if offered.cancelled}
        good = [exchange for exchange in self.server.exchanges if exchange.fault is None]
        heard = {storm.number_of(exchange.body) for exchange in good} - unsure
        assert heard <= answered
        least = storm.sums(storm.told_to(self.server, lambda number: number not in unsure))
        most = storm.sums(storm.told_to(self.server, lambda _number: True))
        assert all(
            low <= found <= high for low, found, high in zip(least, result.confirmed, most, strict=True)
        )


AnyWeather.TestCase.settings = settings(
    max_examples=10,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestAnyWeather = AnyWeather.TestCase
