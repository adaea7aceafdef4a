"""Benches for tests of what is made of them: records written by hand, no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from outlay.bench.items import Item
from outlay.bench.manifest import Manifest
from outlay.bench.trial import Failure, Trial
from outlay.budget import Budget, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TIGHT, LOOSE = Budget(output_tokens=100), Budget(output_tokens=200)
TIMED_OUT = Failure(stage="run", kind="ModelUnavailableError", message="no answer in 60 s")


def manifest(**changes: Any) -> Manifest:
    said = {"outlay": "0.1.0", "model": "some-model", "source": "sums.jsonl", "scorer": "numeric"}
    return Manifest(**{**said, **changes})


def items(number: int) -> tuple[Item, ...]:
    return tuple(Item(id=str(place), question="How many?", answers=("1",)) for place in range(number))


def trial(item: int, score: float | None, *, spend: tuple[int, int] = (10, 30), **said: Any) -> Trial:
    """Give a record that spent `spend`: output and prompt tokens, at a dollar a million."""
    output, prompt = spend
    usage = Usage(calls=1, prompt_tokens=prompt, output_tokens=output, usd=(output + prompt) * 1e-6)
    plain = {"strategy": "direct", "budget": TIGHT, "seed": 0, "usage": usage, "stop_reason": "finished"}
    return Trial(**{**plain, "item": str(item), "score": score, **said})


def failed(item: int, **said: Any) -> Trial:
    return trial(item, None, failure=TIMED_OUT, **{"stop_reason": None, **said})


def trials(scores: Iterable[float], **said: Any) -> list[Trial]:
    """Give a record for each score, on the first items."""
    return [trial(place, score, **said) for place, score in enumerate(scores)]


def right(wanted: int, of: int) -> Sequence[float]:
    """Give scores of which so many are right, spread evenly."""
    return [float((place * wanted) % of < wanted) for place in range(of)]
