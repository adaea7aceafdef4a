"""The command, run inside the test's process."""

from __future__ import annotations

import json
import logging
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from outlay.cli import main
from outlay.testing import CountingServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def outlay(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    # The command sets these for its process, and puts none of them back.
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(logging.getLogger("asyncio"), "level", logging.getLogger("asyncio").level)
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")

    def run(*arguments: str) -> Ran:
        status = main(arguments)
        said = capsys.readouterr()
        return Ran(status, said.out, said.err)

    return run


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer(reply="The answer is 42.") as counting:
        yield counting


@pytest.fixture
def served(server: CountingServer) -> tuple[str, ...]:
    """The options that ask `server`, at a price."""
    return ("--model", "openai/test", "--api-base", server.url, "--price", "1,2")
