from __future__ import annotations

import pickle

from outlay.budget import Usage
from outlay.errors import ScorerError


def test_a_scorers_error_pickles_with_what_the_judge_was_billed() -> None:
    error = pickle.loads(pickle.dumps(ScorerError("no verdict", usage=Usage(calls=2))))  # noqa: S301 - our own
    assert (type(error), str(error), error.usage) == (ScorerError, "no verdict", Usage(calls=2))
