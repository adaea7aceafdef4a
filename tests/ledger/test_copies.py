"""There is one of every fence: copies and forked processes are refused."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from outlay.agents import Direct, SelfConsistency
from outlay.budget import Budget, Price, Usage
from outlay.errors import ConfigurationError
from outlay.ledger import Claim, Ledger
from outlay.model import Model
from outlay.testing import CountingServer, ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Callable

CLAIM = Claim(model="m", prompt_tokens=5, max_output_tokens=10)

COPIES: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    pickle.dumps,
    lambda thing: copy.deepcopy({"in": [thing]}),
]


@pytest.mark.parametrize("make_copy", COPIES, ids=["copy", "deepcopy", "pickle", "deepcopy of a dict"])
@pytest.mark.parametrize("what", ["ledger", "allotment", "reservation", "set-aside"])
def test_what_counts_cannot_be_copied(what: str, make_copy: Callable[[Any], Any]) -> None:
    with Ledger(Budget(calls=5)) as ledger:
        things = {
            "ledger": ledger,
            "allotment": ledger.allot(name="inner"),
            "reservation": ledger.reserve(CLAIM),
            "set-aside": ledger.set_aside(CLAIM, name="later"),
        }
        with pytest.raises(ConfigurationError, match="second full fence"):
            make_copy(things[what])


@pytest.mark.parametrize("make_copy", [copy.deepcopy, pickle.dumps, dataclasses.asdict])
def test_a_strategy_with_a_fenced_model_cannot_be_copied_deep(make_copy: Callable[[Any], Any]) -> None:
    with Ledger(Budget(calls=1)) as ledger, pytest.raises(ConfigurationError, match="snapshot"):
        make_copy(Direct(Model("openai/test", ledger=ledger)))


def test_a_shallow_copy_of_a_fenced_model_spends_from_the_same_fence() -> None:
    with Ledger(Budget(calls=1)) as ledger:
        model = ScriptedModel(["a", "b"], ledger=ledger)
        assert Direct(copy.copy(model)).run("q").stop_reason == "finished"
        assert Direct(copy.copy(model)).run("q").stop_reason == "budget"


def test_a_strategy_that_is_replaced_spends_from_the_same_fence() -> None:
    with Ledger(Budget(calls=2)) as ledger:
        first = SelfConsistency(ScriptedModel(["a"] * 9, ledger=ledger), n=1)
        dataclasses.replace(first).run("q")
        dataclasses.replace(first).run("q")
        assert dataclasses.replace(first).run("q").stop_reason == "budget"
    assert ledger.usage.calls == 2


@pytest.mark.parametrize("make_copy", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])  # noqa: S301
def test_a_model_without_a_fence_may_be_copied(make_copy: Callable[[Model], Model]) -> None:
    with CountingServer() as server:
        model = make_copy(
            Model("openai/test", api_base=server.url, api_key="x", price=Price(input=1, output=2))
        )
        with Ledger(Budget(calls=1)) as ledger:
            Direct(model).run("q")
            assert Direct(model).run("q").stop_reason == "budget"
        Direct(model).run("q")
    assert (ledger.usage.calls, server.requests) == (1, 2)


def test_a_snapshot_is_no_copy() -> None:
    with Ledger(Budget(calls=5)) as ledger:
        ledger.reserve(CLAIM).settle(Usage(calls=1))
    assert Ledger.restore(pickle.loads(pickle.dumps(ledger.snapshot()))).usage.calls == 1  # noqa: S301


FORK = """
import asyncio, json, multiprocessing, os, sys, warnings
warnings.simplefilter("ignore")
from outlay import Budget, Ledger, Model, Price, require_fence
from outlay.agents import Direct
from outlay.errors import ConfigurationError
from outlay.testing import CountingServer

def ask(model):
    asyncio.run(model.complete("hi", max_output_tokens=5))

def attempt(work, *args):
    try:
        work(*args)
    except ConfigurationError as exc:
        return "refused" if "split the budget" in str(exc) else repr(exc)
    return "done"

def with_share(model):
    with Ledger(Budget(calls=2)) as share:
        ask(model)
        ask(model)
    assert share.usage.calls == 2

def with_no_limit(model):
    with Ledger():
        ask(model)

def entered(fence, model):
    with fence:
        ask(model)

def forked(works):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, json.dumps([attempt(*work) for work in works]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return json.loads(os.read(reading, 10**6))

def started(works):
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=lambda: queue.put([attempt(*work) for work in works]))
    process.start()
    process.join()
    return queue.get()

with CountingServer() as server:
    terms = {"api_base": server.url, "api_key": "x", "price": Price(input=1, output=2)}
    plain = Model("openai/test", **terms)
    with Ledger(Budget(calls=5)) as ledger:
        ask(plain)
        own = Model("openai/test", ledger=ledger, **terms)
        hold = ledger.allot(name="inner")
        spawned = started([(ask, plain), (ask, own), (with_no_limit, plain), (with_share, plain)])
        found = forked([
            (ask, plain), (ask, own), (entered, ledger, plain), (entered, hold, plain), (require_fence,),
            (with_no_limit, plain), (Direct(plain).run, "q"), (Direct(plain).run, "q", Budget(calls=9)),
            (ledger.bind(ask), plain), (lambda: Model("openai/test", ledger=ledger),),
            (lambda: ledger.allot(name="x"),), (with_share, plain),
        ])
        for _ in range(4):
            ask(plain)
    outside = forked([(ask, plain), (ask, own), (with_no_limit, plain), (Direct(plain).run, "q")])
    seen = {"inside": found, "spawned": spawned, "outside": outside}
    seen |= {"calls": ledger.usage.calls, "served": server.requests}
    print(json.dumps(seen))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.timeout(300)
def test_a_forked_process_spends_nothing_from_its_parents_fence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == {
        "inside": ["refused"] * 11 + ["done"],
        "spawned": ["refused"] * 3 + ["done"],
        "outside": ["done", "refused", "done", "done"],
        "calls": 5,
        "served": 5 + 2 + 2 + 3,
    }
