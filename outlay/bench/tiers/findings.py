"""What a comparison of routers finds.

Everything a report says comes from here. Questions are the units of every mean, and of every resampling too
unless the log knows of enough groups of them, such as conversations; intervals are 95% bootstrap intervals.
Task rewards are from 0 to 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from outlay.bench.analysis.findings import Estimate, Verdict
from outlay.bench.tiers.facts import LogFacts
from outlay.budget import Record
from outlay.memory.modules.routing import MODULES, Tier
from outlay.routers.tiers.information import Awareness
from outlay.routers.tiers.weighing import Support

if TYPE_CHECKING:
    from collections.abc import Sequence

LEARNED: Final = "learned"
BEST: Final = "best constant"
RANDOM: Final = "random"
"""The mean of what was logged: a tier vector of the log, each as likely."""
ORACLE: Final = "oracle"


MOSTLY_RUN: Final = 0.9
"""The share of questions below which what was run says nothing of a router: too much is of other tiers."""


class Difference(Estimate):
    """A reward less the best constant's, on the same questions at the same trade-off."""

    p: float
    """Two-sided, of a permutation that flips the signs of questions."""
    p_holm: float
    """The same, adjusted for the number of trade-offs."""
    verdict: Verdict | Literal["not run"]
    """`not run`: of the tiers that either chose, too few were run to tell."""


class Mixture(Estimate):
    """Task reward less what mixing constants earns for the same dollars; with a basic bootstrap interval.

    The value keeps the bias that the best of noisy constants lies too high, the interval does not.
    """


class Foreseen(Record):
    """What a router comes to at the tiers that it really chose, where not all of them were run.

    As a model of what was learnt from predicts it, moved to the level of what was logged of each question.
    That is not doubly robust: tiers that could not be run have no weight that would correct them. The
    intervals are over questions; what the model gets wrong is not in them.
    """

    task: Estimate
    usd: Estimate
    reward: Estimate


class Row(Record):
    """What a router came to at a trade-off: means over questions."""

    name: str
    trade_off: float
    task: Estimate
    usd: Estimate
    """Dollars of all modules of a question."""
    tokens: float
    """Of all modules of a question."""
    reward: Estimate
    run: float
    """The share of questions whose chosen tiers were really run; for the others, the nearest run counts."""
    foreseen: Foreseen | None
    """`None`: all that it chose was run."""
    shares: tuple[tuple[float, float, float], ...]
    """By module: how often LOW, MID and HIGH were chosen."""
    vectors: tuple[tuple[str, float], ...]
    """Tier vectors chosen, and how often, the most frequent first."""
    over_best: Difference | None
    """`None`: it is the best constant itself."""
    gain: Mixture | None
    """`None` where no vector was run for every question."""
    awareness: Awareness | None
    """What the tiers chosen say of the kind of question; `None`: the log knows of fewer than two kinds."""

    @property
    def is_mostly_run(self) -> bool:
        """Whether what was run says something of the router."""
        return self.run >= MOSTLY_RUN

    @property
    def constant(self) -> str | None:
        """The tier vector, where it was the same for every question."""
        return self.vectors[0][0] if len(self.vectors) == 1 else None


class Constant(Record):
    """What a tier vector came to at which every question was run."""

    name: str
    task: Estimate
    usd: Estimate
    tokens: float


class Findings(Record):
    """What a report says."""

    log: str
    """What was learnt from."""
    test: str
    """What all were tried on."""
    facts: LogFacts
    """Of the test."""
    simulated: bool
    """Whether either log is of a simulated model."""
    learnt_questions: int
    learnt_episodes: int
    questions: int
    """Tried on."""
    groups: int
    """Of those questions, such as conversations; as many as questions where none are known."""
    units: int
    """What is drawn anew and changes signs: groups where there are enough of them, else questions."""
    episodes: int
    is_held_out: bool
    """Whether these are the questions held out in fitting, by which the policy was chosen."""
    shared: int
    """How many questions of a test log were learnt from."""
    shared_groups: int
    """How many groups of those tried on were learnt from."""
    kinds: tuple[tuple[str, int], ...]
    """Kinds of question tried on, and how many of each, the most frequent first."""
    trade_offs: tuple[float, ...]
    rows: tuple[Row, ...]
    constants: tuple[Constant, ...]
    """The cheapest first."""
    incomplete: tuple[str, ...]
    """Tier vectors that are none of them, as runs of some questions learnt from, or tried on, are missing."""
    support: tuple[Support, ...]
    """Of the log that was learnt from, by trade-off."""

    def of(self, name: str) -> tuple[Row, ...]:
        """Give a router's rows, by trade-off."""
        return tuple(row for row in self.rows if row.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The routers, in order."""
        return tuple(dict.fromkeys(row.name for row in self.rows))


def vector_words(tiers: Sequence[int]) -> str:
    """Name a tier vector: `all HIGH`, or the tiers in the order of the modules."""
    names = [Tier(tier).name for tier in tiers]
    return f"all {names[0]}" if len(set(names)) == 1 and len(names) == len(MODULES) else " ".join(names)
