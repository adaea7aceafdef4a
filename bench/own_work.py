"""What Outlay does by itself: its ledger's bookings, and its start."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack

from figures import Effort, Row, Spent

from outlay import Budget, Ledger, Price, Usage
from outlay.ledger import Claim

PRICE = Price(input=0.4, output=1.6)


def booking(effort: Effort) -> list[Row]:
    """Measure what the ledger itself takes for a call, on one thread."""
    return [
        Row(f"reserve + settle at depth {depth}, CPU", _booking(depth, effort), "us", 50) for depth in (1, 4)
    ]


def _booking(depth: int, effort: Effort) -> float:
    budget = Budget(output_tokens=10**9, total_tokens=10**10, usd=10**4, calls=10**8, seconds=10**6)
    claim = Claim(model="test", prompt_tokens=200, max_output_tokens=300, price=PRICE)
    usage = Usage(calls=1, generations=1, prompt_tokens=150, output_tokens=120)
    rounds = []
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(budget))
        for level in range(1, depth):
            ledger = stack.enter_context(ledger.allot(budget, name=f"level {level}"))
        for _ in range(2 * effort.repetitions):
            began = time.thread_time()
            for _ in range(effort.bookings):
                reservation = ledger.reserve(claim)
                reservation.settle(usage)
            rounds.append((time.thread_time() - began) / effort.bookings)
    return 1e6 * statistics.median(rounds)


def starting(effort: Effort) -> list[Row]:
    """Measure what a process pays before it does anything, the interpreter's own start included."""
    commands = {
        "python -c pass": (["-c", "pass"], None),
        "import outlay": (["-c", "import outlay"], 0.3),
        "outlay --help": (["-m", "outlay", "--help"], 0.5),
    }
    rows = []
    for name, (arguments, target) in commands.items():
        _start(arguments)
        found = [_start(arguments) for _ in range(effort.repetitions)]
        rows.append(Row(f"{name}, wall", statistics.median(s.wall for s in found), "s", target))
        rows.append(Row(f"{name}, CPU", statistics.median(s.cpu for s in found), "s"))
    return rows


def _start(arguments: list[str]) -> Spent:
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - wall
    return Spent(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, took)
