"""The scorer of episodes: whether the environment said that the goal was reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from outlay.bench.scorers.score import Score
from outlay.errors import ScorerError

if TYPE_CHECKING:
    from outlay.bench.items import Item
    from outlay.outcome import Outcome


@dataclass(frozen=True)
class Success:
    """Scores 1 for an episode that ended in success, 0 for one that did not, or did not end."""

    name: str = "success"

    def check(self, item: Item) -> None:
        pass

    async def score(self, item: Item, answer: Outcome) -> Score:
        if answer.episode is None:
            raise ScorerError(f"item {item.id!r} was answered and not acted on: use another scorer")
        return Score(value=float(answer.episode.success is True))


SUCCESS: Final = Success()
