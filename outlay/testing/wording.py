"""What a simulated model writes: words that count, and a marked answer; or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outlay.testing.words import Cut, cut, split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outlay.model import Request
    from outlay.testing.questions import SimulatedQuestion
    from outlay.testing.simulation import Draw, Sight

_THOUGHTS: Final = (
    " Simulated thinking, by a formula and no language model: one part of the question comes after another,"
    " each is looked at, and what was found is kept;"
)
_LENGTHS: Final = tuple(len("".join(split(_THOUGHTS)[:n])) for n in range(len(split(_THOUGHTS)) + 1))
_PERIOD: Final = len(_LENGTHS) - 1


def generation(length: int, answer: str, request: Request) -> Cut:
    """Write `length` words that end in the answer, as far as the request lets them go."""
    ending = f"\nThe simulated answer is \\boxed{{{answer}}}"
    thinking = max(1, length - len(ending.split()))
    if thinking >= request.max_output_tokens and not request.stop:
        return Cut(_thoughts(request.max_output_tokens), request.max_output_tokens, "length")
    text = _thoughts(thinking) + ending
    if request.stop or request.max_output_tokens < thinking + len(ending.split()):
        return cut(text, request.max_output_tokens, request.stop)
    return Cut(text, thinking + len(ending.split()), "stop")


def _thoughts(words: int) -> str:
    periods, rest = divmod(words, _PERIOD)
    return (_THOUGHTS * periods + _THOUGHTS[: _LENGTHS[rest]])[1:]


class Told:
    """Fills the fields of a structured reply."""

    def __init__(self, question: SimulatedQuestion, draw: Draw, sight: Sight, p: float) -> None:
        self._question, self._draw, self._p = question, draw, p
        self._verdict = (not sight.wrong) == (draw.verdict >= (1 - p) / 2)
        self._dice = draw.dice()
        self._parts = 0

    def __call__(self, name: str, schema: Mapping[str, Any]) -> Any:
        if "enum" in schema:
            return schema["enum"][0 if self._verdict else -1]
        match schema.get("type"):
            case "boolean":
                return self._verdict
            case "integer" | "number":
                return self._number(name, schema)
        if "answer" in name.lower():
            return self._draw.answer(self._question, self._p)
        self._parts += 1
        return f"simulated part {self._parts}, to be found from what the question says"

    def _number(self, name: str, schema: Mapping[str, Any]) -> float | None:
        if "minimum" not in schema or "maximum" not in schema:
            return None
        rated = name.lower() in {"level", "difficulty"}
        share = self._question.difficulty if rated else self._dice.random()
        number: float = schema["minimum"] + share * (schema["maximum"] - schema["minimum"])
        return round(number) if schema["type"] == "integer" else number
