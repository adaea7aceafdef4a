"""What Outlay costs beside what it stands on, measured side by side in one run.

    python bench/perf.py [--json] [--quick]

The server that all of them ask runs in a process of its own, so its CPU is nobody's. Ratios are
medians over interleaved repetitions: what else the machine does falls on all sides alike.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

from figures import Effort, Row, Spent, table
from own_work import PRICE, booking, starting

from outlay import Budget, Ledger, Model
from outlay.agents import ParallelDistillRefine
from outlay.calls import on_calls_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from typing import Any

    Call = Callable[[], Coroutine[Any, Any, object]]

SERVE = """
import sys
from outlay.testing import CountingServer
with CountingServer("one two three four", delay=float(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""
QUESTION = "What is six times seven?"
OURS = "Model.complete"
FAN = 8
WIDTHS = (8, 4, 1)
CROWD = 1_000
CROWD_SECONDS = 300
DELAY = 0.05


@contextmanager
def server(delay: float) -> Iterator[str]:
    """Run a counting server in a process of its own, and give its address."""
    with subprocess.Popen(  # noqa: S603 - this interpreter, our own text
        [sys.executable, "-c", SERVE, str(delay)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        yield process.stdout.readline().strip()
        process.stdin.close()


async def spent(call: Call, times: int) -> Spent:
    """Give what one call takes, of so many in a row."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(times):
        await call()
    return Spent((time.process_time() - cpu) / times, (time.perf_counter() - wall) / times)


@asynccontextmanager
async def callers(url: str) -> AsyncIterator[dict[str, Call]]:
    """Give the ways of making the same call; what is not ours keeps to one loop, as its users would."""
    import litellm  # noqa: PLC0415 - only this process pays for it
    import openai  # noqa: PLC0415

    client = openai.AsyncOpenAI(base_url=url, api_key="x", max_retries=0)
    model = Model("openai/test", api_base=url, api_key="x", price=PRICE)
    messages: Any = [{"role": "user", "content": QUESTION}]
    yield {
        "raw openai client": lambda: client.chat.completions.create(
            model="test", messages=messages, max_tokens=8
        ),
        "litellm.acompletion": lambda: litellm.acompletion(
            model="openai/test", messages=messages, max_tokens=8, api_base=url, api_key="x", max_retries=0
        ),
        OURS: lambda: model.complete(messages, max_output_tokens=8),
    }
    await on_calls_loop(client.close())


async def spent_by(name: str, call: Call, times: int, width: int = 1) -> Spent:
    """Give what calls take, `width` of them at once.

    LiteLLM starts anew whenever it is used from another loop, and `Model` uses it from the calls
    loop: so there is where the others run too, while ours is called from outside.
    """

    async def fan() -> None:
        await asyncio.gather(*(call() for _ in range(width)))

    work = spent(call if width == 1 else fan, times)
    return await (work if name == OURS else on_calls_loop(work))


async def one_call(url: str, effort: Effort) -> list[Row]:
    """Compare one call after the other: what each costs the caller."""
    rows = []
    async with callers(url) as calls:
        rounds: dict[str, list[Spent]] = {name: [] for name in calls}
        for name, call in calls.items():
            await spent_by(name, call, 10)
        for turn in range(effort.repetitions):
            for name in list(calls) if turn % 2 else list(reversed(calls)):
                rounds[name].append(await spent_by(name, calls[name], effort.calls))
    for name, found in rounds.items():
        rows.append(Row(f"{name}, CPU per call", 1e3 * statistics.median(s.cpu for s in found), "ms"))
        rows.append(Row(f"{name}, wall per call", 1e3 * statistics.median(s.wall for s in found), "ms"))
    pairs = list(zip(rounds[OURS], rounds["litellm.acompletion"], strict=True))
    cpu = statistics.median(ours.cpu / theirs.cpu for ours, theirs in pairs)
    wall = statistics.median(ours.wall / theirs.wall for ours, theirs in pairs)
    return [
        *rows,
        Row(f"{OURS} / litellm.acompletion, CPU", cpu, "x", 1.3),
        Row(f"{OURS} / litellm.acompletion, wall", wall, "x"),
    ]


async def fan_out(url: str, effort: Effort) -> list[Row]:
    """Compare eight calls at once with one, where each takes 50 ms to answer."""
    rows = []
    async with callers(url) as calls:
        for name, call in calls.items():
            await spent_by(name, call, 1, FAN)
            pairs = [
                (await spent_by(name, call, 1), await spent_by(name, call, 1, FAN))
                for _ in range(3 * effort.repetitions)
            ]
            ratio = statistics.median(many.wall / one.wall for one, many in pairs)
            took = 1e3 * statistics.median(many.wall for _, many in pairs)
            rows.append(Row(f"{name}, {FAN} at once at 50 ms, wall", took, "ms"))
            target = 1.2 if name == OURS else None
            rows.append(Row(f"{name}, {FAN} at once / one, wall", ratio, "x", target))
    return rows


async def rounds(url: str, effort: Effort) -> list[Row]:
    """Compare three rounds of drafts with three calls one after another, where each call takes 50 ms.

    The first round's drafts share a prompt: one request where the server takes n (13 drafts are then 6
    requests), one each where it does not. What a request costs above its 50 ms is LiteLLM's CPU.
    """
    return [
        row
        for max_n, how in ((WIDTHS[0], "sharing a prompt"), (1, "a request each"))
        for row in await _rounds(
            Model("openai/test", api_base=url, api_key="x", price=PRICE, max_n=max_n), how, effort
        )
    ]


async def _rounds(model: Model, how: str, effort: Effort) -> list[Row]:
    strategy = ParallelDistillRefine(
        model, widths=WIDTHS, distill="random-k", agreement=None, max_output_tokens=8, min_draft_tokens=1
    )

    async def chain() -> None:
        for _ in WIDTHS:
            await model.complete(QUESTION, max_output_tokens=8)

    async def refine() -> None:
        await strategy.arun(QUESTION)

    await refine()
    pairs = [(await spent(chain, 1), await spent(refine, 1)) for _ in range(3 * effort.repetitions)]
    ratio = statistics.median(many.wall / one.wall for one, many in pairs)
    took = 1e3 * statistics.median(many.wall for _, many in pairs)
    name = f"parallel-distill-refine {WIDTHS}, {how}"
    return [
        Row(f"{name}, at 50 ms, wall", took, "ms"),
        Row(f"{name} / {len(WIDTHS)} calls in a row, wall", ratio, "x", 1.3),
    ]


async def crowd(url: str) -> list[Row]:
    """Make a thousand calls at once, to a host that must be looked up by name."""
    model = Model("openai/test", api_base=url.replace("127.0.0.1", "localhost"), api_key="x", price=PRICE)
    with Ledger(name="crowd") as ledger:
        cpu, wall = time.process_time(), time.perf_counter()
        calls = (model.complete(QUESTION, max_output_tokens=8) for _ in range(CROWD))
        async with asyncio.timeout(CROWD_SECONDS):
            answered = len(await asyncio.gather(*calls))
        took = time.perf_counter() - wall
        busy = time.process_time() - cpu
    lost = CROWD - answered + ledger.unconfirmed.calls
    return [
        Row(f"{CROWD} calls at once by host name, wall", took, "s"),
        Row(f"{CROWD} calls at once by host name, CPU per call", 1e3 * busy / CROWD, "ms"),
        Row(f"{CROWD} calls at once by host name, not answered", lost, "calls", 0),
    ]


def allow_many_connections() -> None:
    """Raise the limit on open files as far as it goes without asking anyone."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def measure(effort: Effort) -> list[Row]:
    """Measure everything."""
    allow_many_connections()
    rows = starting(effort) + booking(effort)
    return rows + asyncio.run(calling(effort))


async def calling(effort: Effort) -> list[Row]:
    """Measure everything that asks a server."""
    with Ledger(Budget(usd=1_000.0)):
        with server(0.0) as url:
            rows = await one_call(url, effort)
        with server(DELAY) as url:
            return rows + await fan_out(url, effort) + await rounds(url, effort) + await crowd(url)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--quick", action="store_true", help="few repetitions: to see that it runs")
    arguments = parser.parse_args()
    rows = measure(Effort(3, 20, 500) if arguments.quick else Effort(7, 100, 2_000))
    if arguments.json:
        print(json.dumps({"rows": [asdict(row) | {"verdict": row.verdict} for row in rows]}, indent=2))
    else:
        print(table(rows))


if __name__ == "__main__":
    main()
