"""Says which answers are right, inside a judge's own fence where a judge is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.bench.scoring import lasting_scorer, scoring
from outlay.bench.trial import Failure, storable
from outlay.errors import ScorerError
from outlay.model import Model
from outlay.outcome import Outcome

if TYPE_CHECKING:
    from outlay.bench.anchoring.cases import Said
    from outlay.bench.anchoring.plan import AnchoringPlan
    from outlay.bench.directory import Directory
    from outlay.bench.items import Item
    from outlay.replay import Replay

RIGHT: Final = 0.5
"""The score from which an answer counts as right; most scorers give 0 or 1."""


class Grader:
    """The plan's scorer; a judge goes on with the fence it had in earlier runs on the directory."""

    def __init__(self, plan: AnchoringPlan, directory: Directory, replay: Replay) -> None:
        def model_named(name: str) -> Model:
            return Model(name, replay=replay, timeout=plan.timeout)

        self._scorer = lasting_scorer(plan.scorer, directory, model_named)
        self._directory = directory
        self._replay = replay

    async def grade(self, item: Item, said: Said) -> Said:
        """Say whether it is right, or why that is not known."""
        if said.failure is not None:
            return said
        try:
            with scoring(self._scorer, self._replay.run(), self._directory):
                score = await self._scorer.score(item, Outcome(text=said.text, value=said.value))
        except ScorerError as exc:
            failure = Failure(stage="score", kind=type(exc).__name__, message=storable(str(exc)))
            return said.model_copy(update={"failure": failure})
        return said.model_copy(update={"right": score.value >= RIGHT})
