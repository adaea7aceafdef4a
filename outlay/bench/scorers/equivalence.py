"""math-verify in a process of its own, which can be killed: pairs in, verdicts or errors out, as JSON.

Run as a script, by its path: it imports nothing of Outlay, so it starts as fast as sympy does.
"""

from __future__ import annotations

import json
import os
import signal
import sys

READY = "ready"
_SAID = 200
"""Characters of an error that are handed over."""
_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What sympy and its parser raise over mathematics that has no sense; any other error ends the process."""


class UnreadableError(ValueError):
    """math-verify cannot say, and that is not the fault of the given answer alone."""


def equivalent(gold: str, given: str) -> bool:
    """Whether two answers in LaTeX are equal as mathematics; not, where the given one is none.

    math-verify is not symmetric, and a vote does not know which answer is the right one: asked both ways, a
    scorer and a vote agree.

    Raises:
        UnreadableError: The right answer is no mathematics, or comparing broke on two that are.
    """
    right, said = _read(gold), _read(given)
    equal, broken = _compared(right, said)
    if equal:
        return True
    if not _is_sound(right):
        raise UnreadableError("it cannot read the right answer")
    if broken and _is_sound(said):
        raise UnreadableError(f"comparing them broke: {broken}")
    return False


def _read(answer: str) -> list[object]:
    """Read an answer into an expression, if it is one, and the text it was read from."""
    # Takes seconds, which the parent waits for apart.
    from math_verify import parse  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        return list(parse(f"${_bare(answer)}$", parsing_timeout=None, raise_on_error=True))
    except _ERRORS:
        return []


def _compared(one: list[object], other: list[object]) -> tuple[bool, str]:
    """Say whether two are equal either way, and what went wrong in comparing them."""
    from math_verify import verify  # noqa: PLC0415

    broken = ""
    for pair in ((one, other), (other, one)):
        try:
            if verify(*pair, timeout_seconds=None, raise_on_error=True):
                return True, ""
        except _ERRORS as error:
            broken = f"{type(error).__name__}: {error}"[:_SAID]
    return False, broken


def _is_sound(side: list[object]) -> bool:
    """Whether it holds an expression, and one that can be compared with a number."""
    is_read = any(not isinstance(part, str) for part in side)
    return is_read and not _compared(side, _read("1"))[1]


def answer_pairs() -> None:
    """Answer until standard input ends."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # What the libraries print must not be taken for a verdict.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    equivalent("1", "2")
    print(READY, file=replies, flush=True)
    for line in sys.stdin:
        gold, given, seconds = json.loads(line)
        _limit(seconds)
        print(json.dumps(_reply(gold, given)), file=replies, flush=True)
        _limit(0)


def _reply(gold: str, given: str) -> dict[str, bool | str]:
    try:
        return {"equal": equivalent(gold, given)}
    except UnreadableError as error:
        return {"error": str(error)}


def _limit(seconds: float) -> None:
    """Have the system end this process once it has computed for so long; 0: never."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _bare(value: str) -> str:
    """Take off what marks mathematics, and dollar signs that mean money, which the parser does not know."""
    return value.replace(r"\$", "").strip().strip("$").replace("$", r"\$")


if __name__ == "__main__":
    answer_pairs()
