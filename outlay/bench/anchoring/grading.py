"""Says which answers are right, inside a judge's own fence where a judge is asked."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from outlay.bench.directory import JUDGE
from outlay.bench.scorers import scorer_from_spec
from outlay.bench.scorers.judge import Judge
from outlay.bench.trial import Failure, storable
from outlay.errors import ConfigurationError, ScorerError
from outlay.ledger import Ledger
from outlay.model import Model
from outlay.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlay.bench.anchoring.cases import Said
    from outlay.bench.anchoring.plan import AnchoringPlan
    from outlay.bench.directory import Directory
    from outlay.bench.items import Item
    from outlay.bench.scorers import Scorer
    from outlay.replay import Replay

RIGHT: Final = 0.5
"""The score from which an answer counts as right; most scorers give 0 or 1."""


class Grader:
    """The plan's scorer; a judge goes on with the fence it had in earlier runs on the directory."""

    def __init__(self, plan: AnchoringPlan, directory: Directory, replay: Replay) -> None:
        self._scorer = _lasting(
            scorer_from_spec(
                plan.scorer, model_named=lambda name: Model(name, replay=replay, timeout=plan.timeout)
            ),
            directory,
        )
        self._directory = directory
        self._replay = replay

    async def grade(self, item: Item, said: Said) -> Said:
        """Say whether it is right, or why that is not known."""
        if said.failure is not None:
            return said
        try:
            with self._kept():
                score = await self._scorer.score(item, Outcome(text=said.text, value=said.value))
        except ScorerError as exc:
            failure = Failure(stage="score", kind=type(exc).__name__, message=storable(str(exc)))
            return said.model_copy(update={"failure": failure})
        return said.model_copy(update={"right": score.value >= RIGHT})

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Replay a judge's calls, and keep what they cost."""
        with self._replay.run():
            try:
                yield
            finally:
                if isinstance(self._scorer, Judge):
                    self._directory.keep(JUDGE, self._scorer.ledger.snapshot())


def check_items(plan: AnchoringPlan) -> None:
    """Refuse items whose answers the scorer could not judge, before anything is paid for them.

    Raises:
        ConfigurationError: There is such an item, or the scorer is unknown.
    """
    scorer = scorer_from_spec(plan.scorer)
    for item in plan.items:
        try:
            scorer.check(item)
        except ScorerError as exc:
            raise ConfigurationError(str(exc)) from exc


def _lasting(scorer: Scorer, directory: Directory) -> Scorer:
    before = directory.snapshot(JUDGE)
    if not isinstance(scorer, Judge) or before is None:
        return scorer
    return replace(scorer, ledger=Ledger.restore(before.model_copy(update={"budget": scorer.ledger.budget})))
