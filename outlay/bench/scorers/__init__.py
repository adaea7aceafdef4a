"""Whether an answer is right: scorers by name, each a number from 0 to 1 or an error, never a silent 0."""

from outlay.bench.scorers.score import Score, Scorer
from outlay.bench.scorers.spec import SCORERS, scorer_from_spec

__all__ = ["SCORERS", "Score", "Scorer", "scorer_from_spec"]
