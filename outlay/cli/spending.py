"""What a command may spend in all the times it is run, held also over kills."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from outlay.bench.directory import FENCE, Directory
from outlay.errors import ConfigurationError
from outlay.ledger import Ledger
from outlay.private_files import create, make_directory
from outlay.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from outlay.budget import Budget, Usage
    from outlay.replay import Recorded


class Spending:
    """A fence that lasts over runs, and what keeps a run from paying for a call twice.

    What a call may cost stands on the disk before it is sent, and what it did cost when it is back: after a
    kill, calls that were in flight count as unconfirmed. Replayed calls take nothing from the limits.

    Args:
        directory: Where both are kept.
        budget: The limits over all runs.
        name: What the fence is called in messages.
    """

    def __init__(self, directory: Path, budget: Budget, name: str) -> None:
        self.directory = Directory(directory)
        before = self.directory.snapshot(FENCE)
        if before is None:
            self.ledger = Ledger(budget, name=name, backstop=True)
        else:
            self.ledger = Ledger.restore(before.model_copy(update={"budget": budget, "name": name}))
            self.ledger.backstop = True
        self.journal = Journal(self)
        self._keeping = Lock()

    @property
    def paid(self) -> Usage:
        """What was really paid, by earlier runs too: replayed calls are not."""
        return self.ledger.usage.less(self.ledger.replayed)

    def keep(self) -> None:
        """Write down what was spent, with what is reserved."""
        with self._keeping:
            self.directory.keep(FENCE, self.ledger.snapshot())


class Journal(Replay):
    """Completions as they come, beside the fence that pays for them."""

    def __init__(self, spending: Spending) -> None:
        super().__init__(spending.directory.replay)
        self._spending = spending

    def lookup(self, key: str, sample: int, cap: int) -> Recorded | None:
        """Look a completion up; its reservation is written down first."""
        found = super().lookup(key, sample, cap)
        if found is None:
            self._spending.keep()
        return found

    def record(self, *args: Any, **kwargs: Any) -> None:
        """Keep a completion, then what was spent."""
        try:
            super().record(*args, **kwargs)
        finally:
            self._spending.keep()


@contextmanager
def lasting(directory: Path, budget: Budget, *, name: str) -> Iterator[Spending]:
    """Give the fence of all runs on a directory, entered; nobody else may write there meanwhile.

    Raises:
        ConfigurationError: Somebody else does, or the directory cannot be written.
    """
    with _alone(directory):
        spending = Spending(directory, budget, name)
        try:
            with spending.journal, spending.ledger:
                yield spending
        finally:
            spending.keep()


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    try:
        from filelock import FileLock, Timeout  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            "keeping what was spent needs filelock: pip install 'outlay[retrieval]'"
        ) from exc
    lock = FileLock(directory / "lock", timeout=0)
    try:
        create(make_directory(directory) / "lock")
        lock.acquire()
    except Timeout as exc:
        raise ConfigurationError(f"another command is at work in {directory}: wait for it to end") from exc
    except OSError as exc:
        raise ConfigurationError(f"{directory} cannot be written ({exc}): name another one") from exc
    try:
        yield
    finally:
        lock.release()
