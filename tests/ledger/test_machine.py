"""No interleaving of what can be done to a tree of fences breaks one of them."""

import asyncio
from concurrent.futures import Future

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from outlay.budget import Budget, Price, Usage
from outlay.errors import BudgetExhaustedError, ConfigurationError
from outlay.ledger import Claim, Ledger, Reservation, SetAside
from outlay.ledger.admission import abandon
from outlay.ledger.turn import Turn
from outlay.ledger.waiter import Waiter

PRICE = Price(input=1, output=3)
LIMITS = st.one_of(st.none(), st.integers(0, 300))
BUDGETS = st.builds(
    Budget,
    output_tokens=LIMITS,
    total_tokens=LIMITS,
    calls=st.one_of(st.none(), st.integers(0, 8)),
    usd=st.one_of(st.none(), st.floats(0, 0.001)),
)
CLAIMS = st.builds(
    Claim,
    prompt_tokens=st.integers(0, 30),
    max_output_tokens=st.integers(1, 120),
    min_output_tokens=st.integers(1, 10),
    n=st.integers(1, 3),
    price=st.just(PRICE),
)


class Fences(RuleBasedStateMachine):
    """A tree of fences, calls in flight, waiting calls and set-asides; nobody over-reports."""

    ledgers = Bundle("ledgers")
    waiters = Bundle("waiters")
    reservations = Bundle("reservations")
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.root = Ledger(Budget(output_tokens=400, calls=12, usd=0.01), name="root")
        self.every = [self.root]
        self.pending: list[Waiter] = []
        self.flying: list[Reservation] = []
        with Turn():
            self.root.reopen(None)

    @rule(target=ledgers, parent=st.one_of(st.none(), ledgers), budget=BUDGETS)
    def allot(self, parent: Ledger | None, budget: Budget) -> Ledger:
        child = (parent or self.root).allot(budget, name="child")
        with Turn():
            child.reopen(parent or self.root)
        self.every.append(child)
        return child

    @rule(
        target=waiters, ledger=st.one_of(st.none(), ledgers), claim=CLAIMS, hold=st.one_of(st.none(), holds)
    )
    def offer(
        self, ledger: Ledger | None, claim: Claim, hold: SetAside | None
    ) -> Waiter | MultipleResults[Waiter]:
        fence = ledger or self.root
        try:
            if hold is None:
                waiter = fence._offer(claim)
            else:
                with hold.open():
                    waiter = fence._offer(claim)
        except BudgetExhaustedError:
            return multiple()
        except ConfigurationError:
            assert any(around.closed for around in fence.path)
            return multiple()
        self.pending.append(waiter)
        return waiter

    @rule(
        waiter=consumes(waiters),
        use=st.floats(0, 1),
        outcome=st.sampled_from(["settle", "release", "forfeit"]),
    )
    def end(self, waiter: Waiter, use: float, outcome: str) -> None:
        self.pending.remove(waiter)
        if waiter.granted is None:
            abandon(waiter)
        elif outcome == "settle":
            output = int(use * waiter.granted.max_output_tokens) * waiter.claim.n
            prompt = int(use * waiter.claim.prompt_tokens)
            waiter.granted.settle(
                Usage(calls=1, generations=waiter.claim.n, prompt_tokens=prompt, output_tokens=output)
            )
        else:
            getattr(waiter.granted, outcome)()

    @rule(target=holds, ledger=st.one_of(st.none(), ledgers), claim=CLAIMS)
    def set_aside(self, ledger: Ledger | None, claim: Claim) -> SetAside | MultipleResults[SetAside]:
        try:
            return (ledger or self.root).set_aside(claim, name=f"hold {len(self.every)} {claim!r}")
        except (BudgetExhaustedError, ConfigurationError):
            return multiple()

    @rule(hold=consumes(holds))
    def give_back(self, hold: SetAside) -> None:
        hold.give_back()

    @rule(ledger=consumes(ledgers))
    def close(self, ledger: Ledger) -> None:
        ledger._entries = 1
        ledger.__exit__()

    @invariant()
    def no_fence_is_overspent(self) -> None:
        for fence in self.every:
            for limit, spent, held, reserved in zip(
                fence.limit, fence.spent, fence.held, fence.reserved, strict=True
            ):
                assert min(spent, held, reserved) >= 0
                assert spent + held + reserved <= limit

    @invariant()
    def with_nothing_in_flight_nobody_waits(self) -> None:
        if not self.root.in_flight:
            assert not self.root.queue

    @invariant()
    def what_is_booked_is_what_is_spent(self) -> None:
        for fence in self.every:
            assert fence.usage.output_tokens == fence.spent[1]
            assert fence.usage.total_tokens == fence.spent[2]

    def teardown(self) -> None:
        for waiter in self.pending:
            if waiter.granted is None:
                abandon(waiter)
        for waiter in self.pending:
            if waiter.granted is not None:
                waiter.granted.release()
        for fence in self.every:
            assert (fence.reserved, fence.in_flight) == ([0] * 4, 0)
        assert not self.root.queue


TestFences = Fences.TestCase
TestFences.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_waiter_of_a_loop_that_ended_does_not_stop_the_queue() -> None:
    with Ledger(Budget(output_tokens=100)) as fence:
        first = fence.reserve(Claim(max_output_tokens=100))

        async def give_up() -> None:
            task = asyncio.ensure_future(fence.areserve(Claim(max_output_tokens=100)))
            await asyncio.sleep(0)
            assert not task.done()

        asyncio.run(give_up())
        outcome: Future[Reservation] = Future()
        waiter = fence._offer(Claim(max_output_tokens=100))
        waiter.future.add_done_callback(lambda done: outcome.set_result(done.result()))
        first.release()
        assert outcome.result(5).max_output_tokens == 100
