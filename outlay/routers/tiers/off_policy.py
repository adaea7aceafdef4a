"""Learning from a log, without another model call.

The questions of the log are divided in two, those of one group (a conversation) together. From one part an
outcome model is fitted, which with what was logged says what each question earns and costs at every tier
vector (`Outcomes`); the policy is trained in that table by the same PPO as it would be live, at trade-offs
that vary, so that one policy serves them all. Every so often it is tried on the other part, and what was best
there, its costs weighed in, is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import numpy as np
import torch
from pydantic import Field, field_validator

from outlay.budget import Budget, Record, Settings
from outlay.errors import ConfigurationError
from outlay.routers.tiers.checkpoint import Card, descriptions_of
from outlay.routers.tiers.dividing import divided
from outlay.routers.tiers.features import Features
from outlay.routers.tiers.learned import LearnedRouter
from outlay.routers.tiers.outcomes import Outcomes, earnings, fitted, of_one_dimension
from outlay.routers.tiers.policy import HIDDEN, ActorCritic
from outlay.routers.tiers.ppo import PPO
from outlay.routers.tiers.rewards import FixedReward
from outlay.routers.tiers.side_by_side import SideBySide
from outlay.routers.tiers.training import Progress, train
from outlay.routers.tiers.walking import LogRollout, walk
from outlay.routers.tiers.weighing import Support, support

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from numpy.typing import NDArray

    from outlay.memory.modules.routing import Tiering
    from outlay.retrieval import Embedder
    from outlay.routers.tiers.episode import Episode
    from outlay.routers.tiers.policy import Policy

SWEEP: Final = (0.0, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9)
"""The trade-offs of the paper's figures."""
_GOLDEN: Final = (5**0.5 - 1) / 2
"""Its multiples, without what is before the point, lie evenly between 0 and 1 however many there are."""


class Fitting(Settings):
    """How to learn from a log."""

    trade_offs: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = Field(SWEEP, min_length=1)
    """Lambdas; several make a policy that is told lambda, one a policy for that one alone."""
    whole: Budget | None = None
    """What pays for every module at its dearest tier, in total tokens or in dollars, which are what a log
    knows. Given, the policy is told what is left as a share of it, and half of the questions are asked, and
    tried, under fences of up to as much."""
    updates: int = Field(default=600, gt=0)
    every: int = Field(default=20, gt=0)
    """Updates between two trials on the questions held out."""
    held_out: float = Field(default=0.25, gt=0, lt=1)
    """The share of questions to choose by."""
    policies: int = Field(default=1, gt=0)
    """Trained side by side from different weights; the best is kept."""
    hidden: int = Field(default=HIDDEN, gt=0)
    """Width of the network."""
    most_weight: float = Field(default=1.0, gt=0)
    """At which importance weights are clipped in the table of outcomes."""
    seed: int = 0

    @field_validator("whole")
    @classmethod
    def _in_a_unit_of_the_log(cls, whole: Budget | None) -> Budget | None:
        limits = {} if whole is None else {unit: limit for unit, limit in whole if limit is not None}
        if whole is not None and (len(limits) != 1 or not (limits.get("total_tokens") or limits.get("usd"))):
            raise ValueError("a whole is above 0, in total_tokens or in usd: a log knows no other unit")
        return whole


class Trial(Record):
    """What the greedy policy came to on questions held out."""

    update: int
    """After how many."""
    policy: int
    """Which of those side by side."""
    reward: float
    """Mean over questions and trade-offs; where the policy is told what is left, half of it under fences."""
    task: tuple[float, ...]
    """Mean task reward without a fence, by trade-off."""
    usd: tuple[float, ...]
    """Mean dollars without a fence, by trade-off."""
    run: float
    """The share of its choices that were really run; the others' outcomes are predicted."""


class Course(Record):
    """How learning went."""

    reward: FixedReward
    """The scale on which it was learnt, and on which to compare."""
    progress: tuple[Progress, ...]
    """Of every update."""
    trials: tuple[Trial, ...]
    """On the questions held out, before the first update and then every so often."""
    chosen: Trial
    """The one whose policy was kept: optimistic, as it was chosen by it."""
    held_out: tuple[str, ...]
    """Ids of the questions held out."""
    support: tuple[Support, ...]
    """How much of the log speaks for the policy, by trade-off."""


class Fitted(NamedTuple):
    """What was learnt."""

    router: LearnedRouter
    course: Course


def fit_from_log(
    episodes: Sequence[Episode],
    embedder: Embedder,
    fitting: Fitting | None = None,
    ppo: PPO | None = None,
    *,
    tiering: Tiering | None = None,
    held_out: Collection[str] | None = None,
    tell: Callable[[Progress], object] | None = None,
) -> Fitted:
    """Learn a router from complete episodes that were run at stated tiers.

    Args:
        episodes: The log, of at least four questions.
        embedder: What made the vectors in it.
        fitting: How.
        ppo: The hyper-parameters of learning.
        tiering: What a higher tier bought in the log: what is learnt is for that; `None`: not known.
        held_out: Ids of the questions to choose by; `None`: drawn.
        tell: Told how training stands after every update.

    Raises:
        ConfigurationError: The log is too small, is of another embedder, or has vectors of several
            dimensions; or no question, or every question, would be held out.
    """
    fitting, ppo = fitting or Fitting(), ppo or PPO()
    if of_one_dimension(episodes) != embedder.dimension:
        raise ConfigurationError(
            f"the log's vectors have {of_one_dimension(episodes)} dimensions and those of "
            f"{embedder.name!r} {embedder.dimension}: give the embedder it was made with"
        )
    known, kept = divided(episodes, fitting.held_out, fitting.seed, held_out)
    model = fitted(known)
    reward = FixedReward.of(*earnings(known).T)
    card = _card(embedder, fitting, tiering)
    fit = _Fit(
        card=card,
        fitting=fitting,
        ppo=ppo,
        known=Outcomes.of(known, model, most_weight=fitting.most_weight, whole=fitting.whole),
        kept=Outcomes.of(kept, model, most_weight=fitting.most_weight, whole=fitting.whole),
        reward=reward,
    )
    policy, progress, trials, chosen = fit.train(descriptions_of(embedder), tell or _unheard)
    router = LearnedRouter(policy, card)
    course = Course(
        reward=reward,
        progress=tuple(progress),
        trials=tuple(trials),
        chosen=chosen,
        held_out=tuple(dict.fromkeys(e.id for e in kept)),
        support=tuple(support(router, episodes, trade_off) for trade_off in fitting.trade_offs),
    )
    return Fitted(router, course)


@dataclass(frozen=True, eq=False)
class _Fit:
    card: Card
    fitting: Fitting
    ppo: PPO
    known: Outcomes
    kept: Outcomes
    reward: FixedReward

    def train(
        self, descriptions: torch.Tensor, tell: Callable[[Progress], object]
    ) -> tuple[Policy, list[Progress], list[Trial], Trial]:
        policies = [
            self.card.model_copy(update={"seed": self.card.seed + number}).new(descriptions)
            for number in range(self.fitting.policies)
        ]
        together, best = SideBySide(policies), policies[0]
        trials, progress = self._tried(together, 0), list[Progress]()
        chosen = max(trials, key=_worth)
        together.load_into(best, chosen.policy)
        for step in train(together, self._rollout(), self.reward, self.ppo, updates=self.fitting.updates):
            progress.append(step)
            tell(step)
            if step.update % self.fitting.every and step.update != self.fitting.updates:
                continue
            trials += (tried := self._tried(together, step.update))
            if _worth(new := max(tried, key=_worth)) > _worth(chosen):
                chosen = new
                together.load_into(best, new.policy)
        return best.eval(), progress, trials, chosen

    def _rollout(self) -> LogRollout:
        return LogRollout(
            outcomes=self.known,
            features=self.card.features,
            trade_offs=self.fitting.trade_offs,
            shape=(self.ppo.batch, self.fitting.policies),
            generator=torch.Generator().manual_seed(self.fitting.seed),
        )

    @torch.no_grad()
    def _tried(self, together: ActorCritic, update: int) -> list[Trial]:
        """Try every policy on all questions held out, at every trade-off."""
        count, sweep = len(self.kept.ids), np.asarray(self.fitting.trade_offs, dtype=np.float32)
        shape = (count * len(sweep), self.fitting.policies)
        asked = np.broadcast_to(np.tile(np.arange(count), len(sweep))[:, None], shape)
        trade_off = np.broadcast_to(np.repeat(sweep, count)[:, None], shape)
        way = walk(together, self.kept, self.card.features, asked, trade_off)
        task, usd = self.kept.task[asked, way.codes], self.kept.usd[asked, way.codes]
        rewards = self.reward(task, usd, trade_off).mean(0)
        if self.fitting.whole is not None:
            rewards = (rewards + self._fenced(together, asked, trade_off)) / 2
        run = self.kept.run[asked, way.codes].mean(0)
        by_trade_off = np.stack([task, usd]).reshape(2, len(sweep), count, -1).mean(2)
        return [
            Trial(
                update=update,
                policy=number,
                reward=float(rewards[number]),
                task=tuple(map(float, by_trade_off[0, :, number])),
                usd=tuple(map(float, by_trade_off[1, :, number])),
                run=float(run[number]),
            )
            for number in range(self.fitting.policies)
        ]

    def _fenced(
        self, together: ActorCritic, asked: NDArray[np.int64], trade_off: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Give mean rewards by policy, each question under a fence that is the same in every trial."""
        shares = np.modf(_GOLDEN * np.arange(1, len(asked) + 1))[0].astype(np.float32)
        fence = np.broadcast_to(shares[:, None], asked.shape)
        way = walk(together, self.kept, self.card.features, asked, trade_off, fence=fence)
        task, usd = self.kept.task[asked, way.codes], self.kept.usd[asked, way.codes]
        return np.asarray(self.reward(task, usd, trade_off).mean(0))


def _unheard(_step: Progress) -> None:
    """Stand for a listener where there is none."""


def _worth(trial: Trial) -> float:
    return trial.reward


def _card(embedder: Embedder, fitting: Fitting, tiering: Tiering | None) -> Card:
    sweep = fitting.trade_offs
    return Card(
        features=Features(dimension=embedder.dimension, trade_off=len(sweep) > 1, whole=fitting.whole),
        embedder=embedder.name,
        tiering=tiering,
        hidden=fitting.hidden,
        seed=fitting.seed,
        trade_offs=(min(sweep), max(sweep)),
    )
