r"""Scorer of mathematical answers: equal as votes take them to be equal, by math-verify, under a time-out.

math-verify stands on sympy, which computes `9^{9^{9^9}}` for ever. Its own time-outs are alarm signals, which
only a main thread gets and which wait for the end of one long multiplication; so it runs in a process that is
killed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import weakref
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Lock, Timer
from typing import TYPE_CHECKING, Final

from outlay.answers import equivalence, normalise
from outlay.answers.equality import equal
from outlay.bench.scorers.score import Comparison, value_of
from outlay.errors import ConfigurationError, ScorerError

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS: Final = 10.0
"""That a pair of answers may compute."""
PATIENCE: Final = 6
"""How many times that long, by the clock, a pair may take on a busy machine."""
START_SECONDS: Final = 120.0
_COMPUTED_TOO_LONG: Final = int(getattr(signal, "SIGPROF", 0))
"""The signal that ends the process at its limit of computing; 0 where there is none."""


def mathematics(seconds: float = SECONDS) -> Comparison[str]:
    """Make the scorer `math`.

    Args:
        seconds: Of computing that a pair of answers may take, before it is given up as a `ScorerError`.

    Raises:
        ConfigurationError: math-verify is not installed.
    """
    if find_spec("math_verify") is None:
        raise ConfigurationError("math needs math-verify: run `pip install 'outlay[bench]'`")
    verifier = Verifier(seconds)

    def alike(gold: str, given: str) -> float:
        return float(equal(gold, given, verifier.equivalent))

    return Comparison("math", value_of, lambda text: text if normalise(text) else None, alike, slow=True)


class Verifier:
    """A process that says whether answers are equal, one pair after the other, and is replaced when it hangs.

    It starts with the first pair, and ends with this object or the interpreter.

    Args:
        seconds: Of computing that a pair may take.
        program: Another script to ask, for tests.
    """

    def __init__(self, seconds: float = SECONDS, *, program: str = equivalence.__file__) -> None:
        self.seconds = seconds
        self._program = Path(program)
        self._turn = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._end: Callable[[], object] = lambda: None

    def equivalent(self, gold: str, given: str) -> bool:
        """Whether two answers are equal; blocks.

        Raises:
            ScorerError: It took too long, the process died of it, the right answer cannot be read, or
                comparing broke.
        """
        pair = f"whether {given!r:.80} is {gold!r:.80}"
        with self._turn:
            process = self._process or self._start()
            line = json.dumps([gold, given, self.seconds])
            reply, in_time = _asked(process, line, self.seconds * PATIENCE)
            if not reply.endswith("\n"):
                self._stop()
                raise ScorerError(_ended(process.returncode if in_time else None, pair, self.seconds))
        said = json.loads(reply)
        if "error" in said:
            raise ScorerError(f"math-verify cannot say {pair}, for {said['error']}: take the item out")
        return bool(said["equal"])

    def _start(self) -> subprocess.Popen[str]:
        self._process = process = subprocess.Popen(  # noqa: S603 - no part of the command comes from outside
            [sys.executable, "-P", str(self._program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self._end = weakref.finalize(self, _killed, process)
        if _asked(process, "", START_SECONDS)[0].strip() != equivalence.READY:
            self._stop()
            raise ScorerError("math-verify does not start: run `python -c 'import math_verify'` to see why")
        return process

    def _stop(self) -> None:
        self._end()
        self._process = None


def _ended(status: int | None, pair: str, seconds: float) -> str:
    """Say why there is no reply: the process took too long (`None`: by the clock), or crashed."""
    if status is None or status == -_COMPUTED_TOO_LONG:
        return (
            f"math-verify did not say within {seconds:g} s of computing {pair}: allow more by "
            "math:seconds=..., or take the item out"
        )
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return f"math-verify crashed ({how}) over {pair}: see whether memory ran out, or take the item out"


def _asked(process: subprocess.Popen[str], line: str, seconds: float) -> tuple[str, bool]:
    """Write a line, if any, and read one: empty or in part if the process ended.

    Returns:
        The line, and whether it did not have to be killed for taking too long.
    """
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    late = Event()

    def give_up() -> None:
        late.set()
        process.kill()

    patience = Timer(seconds, give_up)
    patience.daemon = True
    patience.start()
    reply = ""
    try:
        if line:
            print(line, file=process.stdin, flush=True)
        reply = process.stdout.readline()
    except BrokenPipeError:
        pass
    finally:
        patience.cancel()
    return reply, not late.is_set()


def _killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()
