from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
import time

import pytest

from outlay.calls import calls_loop, on_calls_loop, run_on_calls_loop, run_sync

colour: contextvars.ContextVar[str] = contextvars.ContextVar("colour", default="none")


async def thread_name() -> str:
    return threading.current_thread().name


async def seen_colour() -> str:
    return colour.get()


def test_calls_run_on_a_thread_of_their_own() -> None:
    assert asyncio.run(on_calls_loop(thread_name())) == "outlay-calls"


def test_the_callers_context_reaches_the_calls_loop_and_its_executor() -> None:
    async def in_executor() -> str:
        return await asyncio.to_thread(colour.get)

    token = colour.set("red")
    assert asyncio.run(on_calls_loop(seen_colour())) == "red"
    assert run_on_calls_loop(in_executor()).result() == "red"
    colour.reset(token)


def test_a_call_made_on_the_calls_loop_does_not_wait_for_it() -> None:
    async def nested() -> str:
        return await on_calls_loop(thread_name())

    assert asyncio.run(on_calls_loop(nested())) == "outlay-calls"


def test_cancelling_the_caller_cancels_the_call() -> None:
    ended = threading.Event()

    async def call() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async def scenario() -> None:
        task = asyncio.create_task(on_calls_loop(call()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert ended.wait(10)


def test_an_error_keeps_its_type() -> None:
    async def call() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        asyncio.run(on_calls_loop(call()))


def test_the_callers_executor_is_not_the_calls_loops() -> None:
    async def scenario() -> bool:
        release = threading.Event()
        loop = asyncio.get_running_loop()
        blocked = [loop.run_in_executor(None, release.wait) for _ in range(64)]
        found = await on_calls_loop(asyncio.to_thread(lambda: True))
        release.set()
        await asyncio.gather(*blocked)
        return found

    assert asyncio.run(scenario())


def test_synchronous_code_may_wait_where_a_loop_is_running() -> None:
    async def scenario() -> str:
        return run_sync(seen_colour())

    token = colour.set("blue")
    assert asyncio.run(scenario()) == "blue"
    assert run_sync(seen_colour()) == "blue"
    colour.reset(token)


def test_there_is_one_calls_loop() -> None:
    assert calls_loop() is calls_loop()


FORKED = """
import asyncio, os
from outlay.calls import run_on_calls_loop
async def answer(): return 42
assert run_on_calls_loop(answer()).result() == 42
child = os.fork()
if child == 0:
    os._exit(0 if run_on_calls_loop(answer()).result(20) == 42 else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
LEFT = """
import asyncio
from outlay.calls import run_on_calls_loop
run_on_calls_loop(asyncio.sleep(3600))
"""


def ended(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_starts_its_own() -> None:
    assert ended(FORKED).returncode == 0


def test_a_call_in_flight_does_not_hold_up_the_end() -> None:
    started = time.monotonic()
    assert (ended(LEFT).returncode, ended(LEFT).stderr) == (0, "")
    assert time.monotonic() - started < 3600
