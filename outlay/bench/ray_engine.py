"""Tasks run by Ray: in processes of this machine, or of a whole cluster."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from outlay.bench.engine import InProcess
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlay.bench.worker import Result, Setup, Task

OBJECT_STORE: Final = 128 * 2**20
"""Bytes of shared memory of a Ray on this machine: records are small, and Ray would take a third of it."""
ALONE: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # nor on Linux: it listens on the loopback address only
}
"""Environment variables of a Ray that is started here."""
QUIET: Final[dict[str, Any]] = {"log_to_driver": False, "logging_level": logging.ERROR}
PATIENCE: Final = 10.0
"""Seconds until a cluster must have answered."""


class Ray:
    """Runs tasks in a pool of Ray's actors, each with models of its own; the least loaded takes the next.

    Conditions share generations through the replay store's file, which is one on each machine: tasks that
    land on different machines share none, and a cluster pays more than one machine does for the same records.

    Args:
        setup: What every worker builds its models from.
        workers: How many actors.
        address: The cluster, as `ray.init` takes it. `None`: the Ray that this process uses already, else
            one that is started here and ends with `close`.

    Raises:
        ConfigurationError: Ray is not installed, does not start, or cannot be reached.
    """

    def __init__(self, setup: Setup, workers: int = 2, address: str | None = None) -> None:
        self._setup = setup
        self._ours = _join(address, workers)
        self._seats = [self._seat() for _ in range(workers)]

    async def run(self, task: Task) -> Result | None:
        """Run a task; `None`: its worker was lost, and another one has taken its place.

        Raises:
            ConfigurationError: A model cannot be used as asked, or workers do not start.
        """
        import ray  # noqa: PLC0415 - an extra
        from ray.exceptions import ObjectLostError, RayActorError, RayError, RayTaskError  # noqa: PLC0415

        seat = min(self._seats, key=lambda seat: seat.busy)
        seat.busy += 1
        asked = seat.actor.run.remote(task)
        try:
            result: Result = await asyncio.wrap_future(asked.future())
        except asyncio.CancelledError:
            ray.cancel(asked)
            raise
        except RayActorError as exc:
            if exc.actor_init_failed:
                raise ConfigurationError(f"Ray's workers do not start: {_last_line(exc)}") from exc
            self._replace(seat)
            return None
        except ObjectLostError:
            return None
        except RayTaskError as exc:
            raise exc.cause from exc
        except RayError:  # out of memory, a node gone, a task that somebody else cancelled
            self._replace(seat)
            return None
        finally:
            seat.busy -= 1
        return result

    def pids(self) -> list[int]:
        """Give the process of each worker; waits until they have started."""
        import ray  # noqa: PLC0415 - an extra

        return list(ray.get([seat.actor.pid.remote() for seat in self._seats]))

    def close(self) -> None:
        """End the workers at once, and Ray where this engine started it."""
        import ray  # noqa: PLC0415 - an extra

        seats, self._seats = self._seats, []
        for seat in seats:
            ray.kill(seat.actor)
        if self._ours:
            self._ours = False
            ray.shutdown()

    def _seat(self) -> _Seat:
        import ray  # noqa: PLC0415 - an extra

        # Ray itself may neither restart an actor nor repeat a task: the bench has to hear of what was lost.
        kind = ray.remote(Actor).options(max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD")
        return _Seat(kind.remote(self._setup))

    def _replace(self, lost: _Seat) -> None:
        import ray  # noqa: PLC0415 - an extra

        if lost in self._seats:
            ray.kill(lost.actor)  # one that is only out of reach would go on spending
            self._seats[self._seats.index(lost)] = self._seat()


class Actor:
    """What one of Ray's processes does."""

    def __init__(self, setup: Setup) -> None:
        self._engine = InProcess(setup)

    async def run(self, task: Task) -> Result | None:
        """Run a task beside the others that are in flight."""
        return await self._engine.run(task)

    async def pid(self) -> int:
        """Give the process."""
        return os.getpid()


@dataclass(eq=False)
class _Seat:
    """A place in the pool."""

    actor: Any
    busy: int = 0


def _join(address: str | None, workers: int) -> bool:
    """Connect this process to Ray, unless it is; gives whether this did."""
    if address is None:
        for name, value in ALONE.items():  # before the import, which reads them
            os.environ.setdefault(name, value)
    try:
        import ray  # noqa: PLC0415 - an extra
        from ray.exceptions import RayError  # noqa: PLC0415
    except ImportError as exc:
        raise ConfigurationError("--engine ray needs Ray: pip install 'outlay[ray]'") from exc

    if address is None and ray.is_initialized():
        return False
    try:
        with _own_signals():
            if address is None:
                _start(workers)
            else:
                _reach(address)
                ray.init(address, **QUIET)
    except (OSError, RuntimeError, ValueError, ImportError, RayError) as exc:
        where = f"cannot use the Ray cluster at {address}" if address else "Ray does not start here"
        raise ConfigurationError(f"{where}: {_last_line(exc)}") from exc
    return True


def _start(workers: int) -> None:
    import ray  # noqa: PLC0415 - an extra

    ray.init(
        "local",  # `None` would be RAY_ADDRESS
        num_cpus=workers,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE,
        **QUIET,
    )


def _reach(address: str) -> None:
    """Find out whether somebody listens at HOST:PORT: Ray asks on for minutes, and ends the process then."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what a termination does: Ray sets its own action for it."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGTERM, before)


def _last_line(error: Exception) -> str:
    return str(error).strip().rpartition("\n")[2] or type(error).__name__
