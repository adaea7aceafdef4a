from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

from outlay.budget import Budget, Price, Usage
from outlay.ledger import Ledger
from outlay.model import Model
from outlay.replay import Replay
from outlay.testing import CountingServer, ScriptedModel

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PRICE = Price(input=1, output=2)


def test_a_second_run_pays_for_nothing_and_is_billed_all_the_same(tmp_path: Path) -> None:
    async def run(script: list[str]) -> tuple[list[str], Usage, Usage, int]:
        with Replay(tmp_path / "journal") as replay, replay.run(), Ledger() as ledger:
            model = ScriptedModel(script, price=PRICE, max_n=2, replay=replay)
            one = await model.complete("hi there")
            more = await model.sample("hi there", 2)
            said = [c.text for c in (one, *more)]
            return said, ledger.usage, ledger.replayed, len(model.requests)

    first = asyncio.run(run(["a", "b c", "d e f"]))
    second = asyncio.run(run([]))
    assert first[0] == second[0] == ["a", "b c", "d e f"]
    assert first[1] == second[1] == second[2]
    assert first[2] == Usage()
    assert (first[3], second[3]) == (2, 0)


def test_only_missing_samples_are_asked_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        with Replay(tmp_path / "journal") as replay, Ledger() as ledger:
            await ScriptedModel(["a"], max_n=8, replay=replay).sample("hi", 1, first=1)
            model = ScriptedModel(["b", "c"], max_n=8, replay=replay)
            completions = await model.sample("hi", 3, first=0)
            assert [(c.text, c.replayed) for c in completions] == [("b", False), ("a", True), ("c", False)]
            assert [request.n for request in model.requests] == [2]
            assert ledger.replayed.generations == 1

    asyncio.run(scenario())


def test_samples_of_which_some_are_recorded_are_billed_as_one_request_would_be(tmp_path: Path) -> None:
    async def scenario() -> None:
        with Replay(tmp_path / "journal") as replay:
            await ScriptedModel(["a"], price=PRICE, max_n=8, replay=replay).sample("hi there", 1, first=0)
            with Ledger() as divided:
                model = ScriptedModel(["b c", "d"], price=PRICE, max_n=8, replay=replay)
                await model.sample("hi there", 3, first=0)
        with Ledger() as together:
            await ScriptedModel(["a", "b c", "d"], price=PRICE, max_n=8).sample("hi there", 3)
        assert divided.usage == together.usage

    asyncio.run(scenario())


def test_a_longer_greedy_generation_serves_a_shorter_cap(tmp_path: Path) -> None:
    async def scenario() -> None:
        with Replay(tmp_path / "journal") as replay:
            model = ScriptedModel(["one two three four"], replay=replay, temperature=0.0)
            with replay.run():
                await model.complete("hi", max_output_tokens=10)
            with replay.run(), Ledger(Budget(output_tokens=2)):
                short = await model.complete("hi", max_output_tokens=10)
        assert (short.text.strip(), short.finish_reason, short.replayed) == ("one two", "length", True)
        assert short.usage.output_tokens == 2

    asyncio.run(scenario())


def test_a_stream_is_replayed_whole(tmp_path: Path) -> None:
    async def scenario() -> None:
        with Replay(tmp_path / "journal") as replay:
            with replay.run():
                await ScriptedModel(["one two"], replay=replay).complete("hi")
            with replay.run():
                events = [event async for event in ScriptedModel([], replay=replay).stream("hi")]
        assert "".join(event.text for event in events) == "one two"
        assert events[-1].completion is not None
        assert events[-1].completion.replayed

    asyncio.run(scenario())


def test_a_reply_that_cannot_be_recorded_is_delivered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    replay = Replay(tmp_path / "journal")

    def reply(_body: object, _index: int) -> str:
        replay.close()
        return "paid for"

    with CountingServer(reply) as server, Ledger() as ledger:
        model = Model("openai/test", api_base=server.url, api_key="x", price=PRICE, replay=replay)
        completion = asyncio.run(model.complete("hi there"))
        assert (completion.text, server.requests) == ("paid for", 1)
    assert ledger.usage.calls == 1
    assert [record.levelname for record in caplog.records if record.name.startswith("outlay")] == ["WARNING"]


def test_a_row_with_a_count_below_0_is_asked_again_and_gives_no_room_back(tmp_path: Path) -> None:
    def run(server: CountingServer) -> Usage:
        with Replay(tmp_path / "journal") as replay, replay.run(), Ledger() as ledger:
            model = Model("openai/test", api_base=server.url, api_key="x", price=PRICE, replay=replay)
            asyncio.run(model.complete("hi there"))
        return ledger.usage

    with CountingServer() as server:
        first = run(server)
        with sqlite3.connect(tmp_path / "journal") as database:
            database.execute("UPDATE completions SET usage = replace(usage, '_tokens\": ', '_tokens\": -9')")
        database.close()
        assert run(server) == run(server) == first
        assert server.requests == 2
