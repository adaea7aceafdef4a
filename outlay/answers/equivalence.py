"""Whether two expressions in TeX are equal as mathematics: math-verify's parser, compared by value.

Expressions are equal if they have the same value wherever both have one. Values are compared relative to
their size, so that nothing is equal because it is near 0: exact ones to many digits, decimals to
`TOLERANCE`. Relations are equal if one is a multiple of the other. Sets and whatever else sympy knows are
left to math-verify.

Run as a script, by its path, this is a process that answers pairs and can be killed: pairs in, verdicts or
errors out, as JSON. So it imports nothing of Outlay and starts as fast as sympy does.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from typing import Any, Final

READY = "ready"
TOLERANCE: Final = 1e-6
"""Relative, where one of the two has a decimal."""
DIGITS: Final = 60
"""To which exact values are computed."""
MOST_DIGITS: Final = 500
"""How many of the difference of two exact values must be 0."""
_SAID = 200
"""Characters of an error that are handed over."""
_SHOWN: Final = 5
"""At how many points two expressions with variables must agree."""
_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What sympy and its parser raise over mathematics that has no sense; any other error ends the process."""
_POINTS: Final = ("7/5", "17/11", "29/9", "-13/7", "3/10", "-5/13", "41/3", "5", "-8", "12")
"""Values that variables take in turn."""


class UnreadableError(ValueError):
    """math-verify cannot say, and that is not the fault of the given answer alone."""


def equivalent(gold: str, given: str) -> bool:
    """Whether two expressions in TeX are equal as mathematics; not, where the given one is none.

    Symmetric where both can be read: a vote does not know which answer is the right one.

    Raises:
        UnreadableError: The right answer is no mathematics.
    """
    right, said = _read(gold), _read(given)
    if right is None:
        raise UnreadableError("it cannot read the right answer")
    return said is not None and _equal(right, said)


def _read(answer: str) -> Any | None:
    """Read the whole of an answer into an expression; `None` if it is none or has no value.

    Without math-verify's fallback, which takes any number out of what it cannot read, and without its list of
    units, which takes the end of a formula for one.
    """
    # Takes seconds, which the parent waits for apart.
    from latex2sympy2_extended import NormalizationConfig  # type: ignore[import-untyped]  # noqa: PLC0415
    from math_verify import LatexExtractionConfig, parse  # type: ignore[import-untyped]  # noqa: PLC0415

    config = LatexExtractionConfig(
        normalization_config=NormalizationConfig(malformed_operators=True, boxed="none")
    )
    try:
        found = parse(
            f"${answer}$", [config], fallback_mode="no_fallback", parsing_timeout=None, raise_on_error=True
        )
        return found[0] if found and _is_sound(found[0]) else None
    except _ERRORS:
        return None


def _is_sound(read: Any) -> bool:
    """Whether an expression is one that has a value."""
    import sympy  # type: ignore[import-untyped]  # noqa: PLC0415

    if isinstance(read, str):
        return False
    if not isinstance(read, sympy.Expr):
        return True
    value = read.doit()
    return not value.has(sympy.nan, sympy.zoo)


def _equal(one: Any, other: Any) -> bool:
    import sympy  # noqa: PLC0415

    try:
        if isinstance(one, sympy.Expr) and isinstance(other, sympy.Expr):
            return _same_value(one, other)
        if isinstance(one, sympy.core.relational.Relational) and type(one) is type(other):
            return _same_relation(one, other)
        if _mirrored(one, other):
            return _same_relation(one, other.reversed)
        return _verified(one, other)
    except _ERRORS:
        # Both can be read and no rule shows them to be equal.
        return False


def _mirrored(one: Any, other: Any) -> bool:
    import sympy  # noqa: PLC0415

    relational = sympy.core.relational.Relational
    both = isinstance(one, relational) and isinstance(other, relational)
    return both and type(one) is type(other.reversed)


def _verified(one: Any, other: Any) -> bool:
    """Ask math-verify, which is not symmetric."""
    from math_verify import verify  # noqa: PLC0415

    for pair in ((one, other), (other, one)):
        try:
            if verify(*pair, timeout_seconds=None, raise_on_error=True):
                return True
        except _ERRORS:
            continue
    return False


def _same_value(one: Any, other: Any) -> bool:
    """Whether two expressions have the same value at each point where both have a real one."""
    import sympy  # noqa: PLC0415

    one, other = _plain(one), _plain(other)
    names = sorted({symbol.name for symbol in one.free_symbols | other.free_symbols})
    if not names:
        return _near(one.doit(), other.doit(), approximate=one.has(sympy.Float) or other.has(sympy.Float))
    approximate = bool(one.has(sympy.Float) or other.has(sympy.Float))
    shown = 0
    for values in _points(names):
        pair = one.subs(values).doit(), other.subs(values).doit()
        if not all(_has_value(value, real=not one.has(sympy.I)) for value in pair):
            continue
        if not _near(*pair, approximate=approximate):
            return False
        shown += 1
        if shown == _SHOWN:
            return True
    return bool(one == other) if not shown else shown > 1


def _plain(expression: Any) -> Any:
    """Take off what holds sympy back from computing, and name functions of unknown rule as variables."""
    import sympy  # noqa: PLC0415
    from sympy.core.function import AppliedUndef  # type: ignore[import-untyped]  # noqa: PLC0415

    def named(part: Any) -> Any:
        return sympy.Symbol(re.sub(r"\s", "", str(part)))

    constants = {"e": sympy.E, "i": sympy.I}
    expression = expression.replace(lambda part: isinstance(part, AppliedUndef), named)
    expression = expression.replace(
        lambda part: isinstance(part, sympy.log) and len(part.args) > 1,
        lambda part: sympy.log(part.args[0]) / sympy.log(part.args[1]),
    )
    return expression.replace(
        lambda part: isinstance(part, sympy.Symbol),
        lambda part: constants.get(part.name, sympy.Symbol(part.name)),
    )


def _points(names: list[str]) -> list[dict[Any, Any]]:
    """Give what to put in for the variables: rational numbers, some of them integers."""
    import sympy  # noqa: PLC0415

    places = range(len(_POINTS))
    return [
        {
            sympy.Symbol(name): sympy.Rational(_POINTS[(place * (index + 1) + 3 * index) % len(_POINTS)])
            for index, name in enumerate(names)
        }
        for place in places
    ]


def _has_value(value: Any, *, real: bool = True) -> bool:
    number = value.evalf(20)
    return bool(number.is_number and number.is_finite and (number.is_real or not real))


def _near(one: Any, other: Any, *, approximate: bool) -> bool:
    """Whether two values without variables are equal: decimals relative to their size, others exactly."""
    if one == other:
        return True
    if one.is_Rational and other.is_Rational and not approximate:
        return False
    first, second = one.evalf(DIGITS), other.evalf(DIGITS)
    if not all(number.is_number and number.is_finite for number in (first, second)):
        return False
    size = max(abs(first), abs(second))
    if approximate:
        return bool(abs(first - second) <= TOLERANCE * (1 + 1e-9) * size)
    return bool(abs(first - second) <= 10.0 ** (10 - DIGITS) * max(size, 1)) and _vanishes(one - other)


def _vanishes(difference: Any) -> bool:
    """Whether a value is 0 in every digit that can be computed."""
    from sympy.core.evalf import PrecisionExhausted  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        return bool(difference.evalf(2, maxn=MOST_DIGITS, strict=True) == 0)
    except PrecisionExhausted:
        return True


def _same_relation(one: Any, other: Any) -> bool:
    """Whether `left - right` of one is a multiple of the other's, a positive one for an inequality."""
    import sympy  # noqa: PLC0415

    if any(isinstance(side, sympy.Set) for side in (*one.args, *other.args)):
        return bool(one.lhs == other.lhs) and _equal(one.rhs, other.rhs)
    if not all(isinstance(side, sympy.Expr) for side in (*one.args, *other.args)):
        return _verified(one, other)
    first, second = (_plain(side.lhs - side.rhs).doit() for side in (one, other))
    if not (first.free_symbols and second.free_symbols):
        return bool(first == second)
    ratio = _ratio(first, second)
    is_inequality = not isinstance(one, sympy.Eq | sympy.Ne)
    return ratio is not None and (ratio > 0 or not is_inequality) and _same_value(first, ratio * second)


def _ratio(first: Any, second: Any) -> Any | None:
    """Give how many times the second value the first one is, where both have one that is not 0."""
    names = sorted({symbol.name for symbol in first.free_symbols | second.free_symbols})
    for values in _points(names):
        pair = first.subs(values).doit(), second.subs(values).doit()
        if all(_has_value(value) and abs(value.evalf(20)) > 1e-15 for value in pair):  # noqa: PLR2004
            return pair[0] / pair[1]
    return None


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
        return {"error": str(error)[:_SAID]}


def _limit(seconds: float) -> None:
    """Have the system end this process once it has computed for so long; 0: never."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    answer_pairs()
