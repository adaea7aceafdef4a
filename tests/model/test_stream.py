from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import pytest

from outlay.budget import Budget
from outlay.errors import BudgetExhaustedError, ModelUnavailableError
from outlay.ledger import Ledger
from outlay.model import Choice, Model, StreamEvent
from outlay.testing import CountingServer, Fault, ScriptedModel

Served = Callable[..., Model]


async def heard(model: Model, **options: int) -> list[StreamEvent]:
    return [event async for event in model.stream("hi there", **options)]  # type: ignore[arg-type]


def test_pieces_add_up_to_the_completion_that_ends_them(model: Model, server: CountingServer) -> None:
    async def scenario() -> None:
        with Ledger() as ledger:
            *pieces, last = await heard(model, max_output_tokens=5)
        assert last.completion is not None
        assert len(pieces) > 1
        assert "".join(piece.text for piece in pieces) == last.completion.text == "one two three four five"
        assert last.completion.finish_reason == "length"
        assert ledger.usage.model_copy(update={"usd": 0.0}) == server.usage

    asyncio.run(scenario())


def test_thinking_is_told_apart_while_it_comes() -> None:
    async def scenario() -> None:
        *pieces, last = await heard(ScriptedModel(["<think>six times seven</think>it is 42"]))
        assert last.completion is not None
        assert "".join(piece.text for piece in pieces) == last.completion.text == "it is 42"
        assert "".join(piece.reasoning for piece in pieces) == last.completion.reasoning == "six times seven"

    asyncio.run(scenario())


def test_a_providers_own_thinking_comes_as_thinking() -> None:
    async def scenario() -> None:
        *pieces, last = await heard(ScriptedModel([Choice(reasoning="hm", text="42")]))
        assert [(piece.reasoning, piece.text) for piece in pieces] == [("hm", ""), ("", "42")]
        assert last.completion is not None
        assert last.completion.reasoning == "hm"

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.ENDED_EARLY, Fault.MALFORMED, Fault.STALL])
def test_a_cut_stream_is_an_error_and_stays_spent(fault: Fault, served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(faults=[fault]) as server, Ledger() as ledger:
            with pytest.raises(ModelUnavailableError):
                await heard(served(server, timeout=1, retries=0), max_output_tokens=9)
            assert ledger.unconfirmed.output_tokens == ledger.usage.output_tokens == 9

    asyncio.run(scenario())


def test_a_stream_without_usage_keeps_its_answer_at_the_price_of_its_reservation(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(faults=[Fault.NO_USAGE]) as server, Ledger() as ledger:
            *_, last = await heard(served(server), max_output_tokens=20)
            assert last.completion is not None
            assert last.completion.text.startswith("one two")
            assert ledger.unconfirmed.output_tokens == ledger.usage.output_tokens == 20

    asyncio.run(scenario())


def test_a_stream_that_fails_before_its_first_piece_is_tried_again(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(faults=[Fault.UNAVAILABLE]) as server, Ledger() as ledger:
            *_, last = await heard(served(server), max_output_tokens=5)
            assert last.completion is not None
            assert (ledger.usage.calls, ledger.unconfirmed.calls) == (2, 1)

    asyncio.run(scenario())


def test_a_stream_closed_early_is_settled_at_once_and_its_request_ends(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(pause=0.1) as server, Ledger(Budget(output_tokens=8)) as ledger:
            stream = served(server).stream("hi", max_output_tokens=8)
            await anext(stream)
            await stream.aclose()
            assert ledger.unconfirmed.output_tokens == ledger.usage.output_tokens == 8

    asyncio.run(scenario())


def test_a_stream_that_is_dropped_is_settled_when_it_is_collected(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(pause=0.1) as server, Ledger(Budget(output_tokens=8)) as ledger:
            stream = served(server).stream("hi", max_output_tokens=8)
            await anext(stream)
            del stream
            gc.collect()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert ledger.unconfirmed.output_tokens == 8

    asyncio.run(scenario())


def test_a_stream_that_no_fence_can_hold_is_refused() -> None:
    async def scenario() -> None:
        with Ledger(Budget(calls=0)), pytest.raises(BudgetExhaustedError):
            await heard(ScriptedModel(["a"]))

    asyncio.run(scenario())
