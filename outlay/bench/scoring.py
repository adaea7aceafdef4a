"""The scorer of a bench: checked before anything is paid, and a judge with the fence of earlier runs."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from outlay.bench.directory import JUDGE
from outlay.bench.scorers import scorer_from_spec
from outlay.bench.scorers.judge import Judge
from outlay.errors import ConfigurationError, ScorerError
from outlay.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from outlay.bench.directory import Directory
    from outlay.bench.items import Item
    from outlay.bench.scorers import Scorer
    from outlay.model import Model


def check_items(items: Iterable[Item], spec: str) -> None:
    """Refuse items whose answers the scorer could not judge.

    Raises:
        ConfigurationError: There is such an item, or the scorer is unknown.
    """
    scorer = scorer_from_spec(spec)
    for item in items:
        try:
            scorer.check(item)
        except ScorerError as exc:
            raise ConfigurationError(str(exc)) from exc


def lasting_scorer(spec: str, directory: Directory, model_named: Callable[[str], Model]) -> Scorer:
    """Make a scorer; a judge goes on with the fence that it had in earlier runs on the directory."""
    scorer = scorer_from_spec(spec, model_named=model_named)
    before = directory.snapshot(JUDGE)
    if not isinstance(scorer, Judge) or before is None:
        return scorer
    return replace(scorer, ledger=Ledger.restore(before.model_copy(update={"budget": scorer.ledger.budget})))


@contextmanager
def scoring(scorer: Scorer, replayed: AbstractContextManager[None], directory: Directory) -> Iterator[None]:
    """Replay a judge's calls, and keep what they cost; a kill may lose the count of those in flight."""
    with replayed:
        try:
            yield
        finally:
            if isinstance(scorer, Judge):
                directory.keep(JUDGE, scorer.ledger.snapshot())
