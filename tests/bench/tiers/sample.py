"""Logs of the toy, and a router that knows its kinds of question: what a comparison must say is known."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from routers.tiers.toy import KINDS
from routers.tiers.worlds import Vectors, designed

from outlay.bench.tiers.comparing import compare
from outlay.bench.tiers.facts import LogFacts
from outlay.bench.tiers.learnt import Learnt
from outlay.bench.tiers.logs import Log
from outlay.memory.modules.routing import MODULES, Choice, Decision, Tier
from outlay.routers.tiers import PPO, Fitting, FixedReward, FixedRouter, fit_from_log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outlay.bench.tiers.findings import Findings

TRADE_OFFS = (0.0, 0.3)
REWARD = FixedReward(low=0.0, high=0.04, alpha=0.5)
RIGHT_AND_RUN = {"easy": (0, 0, 0, 0, 0), "hard": (2, 1, 2, 0, 1)}
"""The cheapest of the design that is right: 5e-4 dollars in the mean."""


class ByKind(NamedTuple):
    """Chooses by the kind of question, which it reads off the vector."""

    tiers: Mapping[str, Sequence[int]]

    def choose(self, decision: Decision) -> Choice:
        kind = KINDS[int(np.argmax(decision.question[: len(KINDS)]))]
        return Choice(Tier(self.tiers[kind][MODULES.index(decision.module)]))


def log(name: str, numbers: range, *, simulated: bool = False) -> Log:
    facts = LogFacts(embedder="toy", model="m", scorer="exact", simulated=simulated)
    return Log(Path(name), designed(numbers), facts)


KNOWN = log("known", range(32))
TEST = log("test", range(100, 130))


@cache
def learnt(policy: Path) -> Learnt:
    """Fit for two updates, and write what became of it beside `policy`."""
    fitting = Fitting(trade_offs=TRADE_OFFS, updates=2, every=1, hidden=8, policies=2)
    fitted = fit_from_log(KNOWN.episodes, Vectors(), fitting)
    fitted.router.save(policy)
    found = Learnt.of(KNOWN, fitted, fitting, PPO(), policy).model_copy(update={"reward": REWARD})
    found.write(policy)
    return found


def by_kind(own: Learnt, test: Log | None = TEST) -> Findings:
    return compare(ByKind(RIGHT_AND_RUN), own, KNOWN, test, draws=500)


def constant(own: Learnt) -> Findings:
    return compare(FixedRouter(Tier.MID), own, KNOWN, TEST, draws=500)
