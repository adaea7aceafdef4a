"""Items for a simulated model, and what it must know of others': each way between questions and items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.bench.items import Item
from outlay.testing import SimulatedQuestion, drawn_difficulty, simulated_questions
from outlay.testing.simulated import SIMULATED

if TYPE_CHECKING:
    from collections.abc import Iterable

HARDEST: Final = 5
"""The highest level that an item's difficulty is read from."""


def is_simulated(model: str) -> bool:
    """Whether a model's name asks for a simulation."""
    return model.partition(":")[0] == SIMULATED


def simulated_items(count: int, *, seed: int = 0) -> tuple[Item, ...]:
    """Give so many simulated questions as items; the difficulty is among their labels.

    Raises:
        ConfigurationError: `count` is below 1.
    """
    return tuple(
        Item(
            id=f"{SIMULATED}-{place}",
            question=made.question,
            answers=(made.answer,),
            labels={"difficulty": made.difficulty},
        )
        for place, made in enumerate(simulated_questions(count, seed=seed))
    )


def known_questions(items: Iterable[Item], *, alone: bool = False) -> tuple[SimulatedQuestion, ...]:
    """Give what a simulated model must know to be asked `items`; where nobody rated one, a draw does.

    Args:
        items: That it is asked.
        alone: Whether it may be asked without their contexts; of items that are then the same, the first
            counts.
    """
    asked = [(item.asked, item) for item in items]
    if alone:
        first = {item.question: item for _, item in reversed(asked) if item.context}
        asked += [(text, item) for text, item in first.items() if text not in dict(asked)]
    return tuple(
        SimulatedQuestion(question=text, answer=item.answers[0], difficulty=_difficulty(item))
        for text, item in asked
    )


def _difficulty(item: Item) -> float:
    said = item.labels.get("difficulty")
    if isinstance(said, int | float):
        return min(1.0, max(0.0, float(said)))
    if item.level is None:
        return drawn_difficulty(item.asked)
    return min(1.0, max(0.0, (item.level - 1) / (HARDEST - 1)))
