from __future__ import annotations

import asyncio
import os
import signal
import sys
from concurrent.futures import Future
from contextlib import suppress
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from outlay.bench.directory import Directory
from outlay.bench.engine import InProcess
from outlay.bench.ray_engine import Ray, _Seat
from outlay.bench.runner import Runner
from outlay.bench.scorers import scorer_from_spec
from outlay.bench.simulation import known_questions, simulated_items
from outlay.bench.sweep import Sweep, budgets_of, conditions
from outlay.bench.totals import Totals
from outlay.bench.trial import Condition
from outlay.bench.worker import Setup, Task
from outlay.budget import Budget, Usage
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from outlay.bench.engine import Engine
    from outlay.bench.runner import Ending
    from outlay.bench.trial import Trial
    from outlay.bench.worker import Result
    from outlay.ledger import Snapshot

pytestmark = [
    # Not `importorskip`: the engine says where Ray listens before it imports it.
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.timeout(300),  # on a busy machine its processes take a minute to start
]

ITEMS = simulated_items(30)
SETUP = Setup(model="simulated:ability=0.7", questions=known_questions(ITEMS))
DIRECT = conditions(["direct"], budgets_of(output_tokens=(128,)))
PLENTY = Budget(output_tokens=100_000)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ray]:
    """Ray takes seconds to start: the tests share one, and each a part of the items."""
    store = tmp_path_factory.mktemp("ray") / "replay.sqlite"
    termination = signal.getsignal(signal.SIGTERM)
    engine = Ray(SETUP.model_copy(update={"replay": store}), workers=2)
    assert signal.getsignal(signal.SIGTERM) is termination
    pids = engine.pids()
    yield engine
    engine.close()
    assert not any(alive(pid) for pid in pids)


@pytest.fixture
def ray(started: Ray) -> Iterator[Ray]:
    pids = started.pids()
    yield started
    for pid in filter(alive, pids):  # a failed test may leave one stopped
        os.kill(pid, signal.SIGCONT)


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def task(number: int) -> Task:
    return Task(condition=DIRECT[0], item=ITEMS[number], seed=0)


def run(
    engine: Engine,
    sweep: Sweep,
    out: Path,
    totals: Totals | None = None,
    tell: Callable[[Trial, Usage], None] = lambda *_: None,
) -> Ending:
    with Directory(out).appending() as appender:
        runner = Runner(
            sweep=sweep,
            engine=engine,
            scorer=scorer_from_spec("numeric"),
            totals=totals or Totals(Budget(), keep=lambda _: None),
            appender=appender,
            tell=tell,
        )
        return asyncio.run(runner.run(concurrency=4))


def records(out: Path) -> dict[tuple[str, str, int], dict[str, Any]]:
    times: Any = {"seconds": True, "trace": {"__all__": {"started", "ended"}}}
    return {
        (trial.condition.label, trial.item, trial.seed): trial.model_dump(exclude=times)
        for trial in Directory(out).trials()
    }


def test_the_records_are_those_of_one_process(ray: Ray, tmp_path: Path) -> None:
    specs = ["direct", "self-consistency:n=3", "plan-and-budget"]
    sweep = Sweep(conditions(specs, budgets_of(output_tokens=(128, 256))), ITEMS[:5], seeds=2)
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    in_process = InProcess(SETUP.model_copy(update={"replay": tmp_path / "replay.sqlite"}))
    run(in_process, sweep, here)
    in_process.close()
    run(ray, sweep, there)
    assert len(records(there)) == len(sweep)
    assert records(there) == records(here)


def test_tasks_side_by_side_are_spread_over_the_workers(ray: Ray) -> None:
    stopped, _ = ray.pids()
    os.kill(stopped, signal.SIGSTOP)

    async def side_by_side() -> tuple[bool, bool]:
        first, second = (asyncio.create_task(ray.run(task(number))) for number in (5, 6))
        await second
        waiting = not first.done()
        os.kill(stopped, signal.SIGCONT)
        return waiting, await first is not None

    assert asyncio.run(side_by_side()) == (True, True)


def test_a_lost_worker_gives_nothing_and_is_replaced(ray: Ray) -> None:
    before = ray.pids()
    os.kill(before[0], signal.SIGSTOP)

    async def lose() -> list[bool]:
        both = [asyncio.create_task(ray.run(task(number))) for number in (7, 8)]
        await both[1]
        os.kill(before[0], signal.SIGKILL)
        return [result is None for result in await asyncio.gather(*both)]

    assert asyncio.run(lose()) == [True, False]
    after = ray.pids()
    assert (after[0] != before[0], after[1]) == (True, before[1])


def test_what_a_lost_worker_may_have_spent_stays_spent_and_its_record_is_made(
    ray: Ray, tmp_path: Path
) -> None:
    victims = ray.pids()[:1]
    os.kill(victims[0], signal.SIGSTOP)

    def tell(_: Trial, __: Usage) -> None:
        while victims:
            os.kill(victims.pop(), signal.SIGKILL)

    sweep = Sweep(DIRECT, ITEMS[9:11])
    with (totals := Totals(PLENTY, keep=lambda _: None)).ledger:
        ending = run(ray, sweep, tmp_path, totals, tell)
    assert (ending, len(records(tmp_path))) == ("finished", 2)
    assert totals.ledger.unconfirmed.output_tokens == 128
    made = sum(trial.usage.output_tokens for trial in Directory(tmp_path).trials())
    assert totals.ledger.usage.output_tokens == 128 + made


def test_the_total_holds(ray: Ray, tmp_path: Path) -> None:
    kept: list[Snapshot] = []
    sweep = Sweep(conditions(["self-consistency:n=3"], budgets_of(output_tokens=(128,))), ITEMS[11:26])
    with (totals := Totals(Budget(output_tokens=600), keep=kept.append)).ledger:
        ending = run(ray, sweep, tmp_path, totals)
    assert ending == "budget"
    assert 0 < len(records(tmp_path)) < len(sweep)
    assert 600 - 128 < totals.ledger.usage.output_tokens <= 600
    assert sum(trial.usage.output_tokens for trial in Directory(tmp_path).trials()) <= 600
    assert kept


def test_a_cancelled_task_ends_at_once_and_its_worker_goes_on(ray: Ray) -> None:
    before = ray.pids()
    os.kill(before[0], signal.SIGSTOP)

    async def cancel() -> None:
        waiting = asyncio.create_task(ray.run(task(26)))
        await asyncio.sleep(0.1)
        waiting.cancel()
        await waiting

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
    os.kill(before[0], signal.SIGCONT)
    assert asyncio.run(ray.run(task(26))) is not None
    assert ray.pids() == before


def test_the_callers_mistake_is_said_as_in_one_process(ray: Ray) -> None:
    wrong = task(27).model_copy(update={"condition": Condition(strategy="direct:words=3", budget=PLENTY)})
    with pytest.raises(ConfigurationError, match="words") as said:
        asyncio.run(ray.run(wrong))
    assert type(said.value) is ConfigurationError
    assert asyncio.run(ray.run(task(27))) is not None


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("127.0.0.1:1", "cannot use the Ray cluster at 127.0.0.1:1: .*refused"),
        ("nowhere", "cannot use the Ray cluster at nowhere: "),
    ],
    ids=["nobody listens", "no address"],
)
def test_a_cluster_that_is_not_there_is_said(address: str, match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        Ray(SETUP, address=address)


class Losing(Ray):
    """An engine whose only seat loses every task, without a Ray: what Ray says of it is all that counts."""

    def __init__(self, error: Exception) -> None:
        failed: Future[Result] = Future()
        failed.set_exception(error)
        asked = SimpleNamespace(future=lambda: failed)
        self.seat = _Seat(SimpleNamespace(run=SimpleNamespace(remote=lambda _: asked)))
        self.replaced: list[_Seat] = []
        self._seats = [self.seat]

    def _replace(self, lost: _Seat) -> None:
        self.replaced.append(lost)


@pytest.mark.parametrize(
    "kind",
    ["OutOfMemoryError", "NodeDiedError", "WorkerCrashedError", "TaskCancelledError", "OutOfDiskError"],
)
def test_whatever_else_ray_says_is_a_lost_worker(kind: str) -> None:
    losing = Losing(getattr(exceptions(), kind)("gone"))
    assert asyncio.run(losing.run(task(28))) is None
    assert losing.replaced == [losing.seat]
    assert losing.seat.busy == 0


def exceptions() -> Any:
    from ray import exceptions as of_ray  # noqa: PLC0415 - an extra

    return of_ray


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'outlay\[ray\]'"):
        Ray(SETUP)
