"""Learning a policy from a log, under a bar, and saying what was learnt."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from outlay.agents.budget_mem import Config
from outlay.agents.spec import parse_spec
from outlay.bench.tiers.comparing import shares_of
from outlay.bench.tiers.learnt import Learnt, beside
from outlay.bench.tiers.logs import open_log
from outlay.bench.tiers.words import SIMULATED, THOUSAND, support_words
from outlay.budget import Usage
from outlay.cli.exits import ANSWERED, print_json
from outlay.cli.live import paper, say
from outlay.cli.progress import LongCommand, Progress
from outlay.cli.train_router.order import read_fitting
from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import MODULES
from outlay.retrieval.embedders import HASH, USUAL, embedder_named, found_again
from outlay.retrieval.sentences import PACKAGED_DIMENSION
from outlay.routers.tiers import PPO, fit_from_log
from outlay.routers.tiers.outcomes import of_one_dimension
from outlay.routers.tiers.taken import by_router
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from outlay.bench.tiers.facts import LogFacts
    from outlay.bench.tiers.logs import Log
    from outlay.cli.train_router.order import FitOrder
    from outlay.memory.modules.routing import Tiering
    from outlay.retrieval import Embedder
    from outlay.routers.tiers import Fitted, Fitting
    from outlay.routers.tiers import Progress as Step
    from outlay.routers.tiers.taken import Taken


@dataclass
class FitProgress(Progress):
    """How far learning is."""

    last: Step | None = None

    def tell(self, step: Step) -> None:
        """Take in an update."""
        self.last = step
        self.made += 1
        self.step()

    def known(self) -> str:
        return f"{self.made} of {self.records} updates are done"

    def spending(self) -> str:
        return "no model is called"

    def rows(self) -> Iterator[tuple[str, ...]]:
        if self.last is not None:
            yield "reward", f"{self.last.reward:.3f}"
            yield "task reward", f"{self.last.task:.3f}"
            yield "dollars per 1,000", f"{THOUSAND * self.last.usd:.4g}"
            yield "entropy", f"{self.last.diagnostics.entropy:.2f} nats"


def run_fit(order: FitOrder) -> int:
    """Learn, write the policy, and say what it does. Gives the exit status."""
    fitting = read_fitting(order)
    given = {"learning_rate": order.learning_rate, "entropy_coefficient": order.entropy}
    ppo = PPO(**{name: value for name, value in given.items() if value is not None})
    _check_place(order.out)
    log = open_log(order.log)
    progress = FitProgress(f"learning from {log.name}", records=fitting.updates)
    command = LongCommand(
        progress, order.as_json, lambda: {"updates": progress.made}, lambda: "nothing is written"
    )

    def then(fitted: Fitted) -> int:
        fitted.router.save(order.out)
        learnt = Learnt.of(log, fitted, fitting, ppo, order.out)
        written = learnt.write(order.out)
        taken = _on_held_out(log, fitted, fitting)
        if order.as_json:
            print_json({"policy": str(order.out), "learnt": str(written), **_told(learnt, taken)})
        else:
            show(learnt, taken)
            say(f"written: {order.out}, {written}")
        return ANSWERED

    return command.run(_fitted(log, order.embedder, fitting, ppo, progress), then)


def show(learnt: Learnt, taken: Sequence[Taken]) -> None:
    """Print what was learnt, by trade-off, and how far to believe it."""
    if learnt.facts.simulated:
        say(SIMULATED)
    paper().print(_table(learnt, taken), crop=False, soft_wrap=False)
    best = learnt.chosen
    say(
        f"Kept is the policy after update {best.update} of {learnt.fitting.updates}, the best of "
        f"{len(learnt.trials)} trials on the {len(learnt.held_out)} questions held out; there, "
        f"{best.run:.0%} of its choices were really run, and what the others come to is predicted. "
        "As it was chosen by these questions, their figures flatter it."
    )
    say(support_words(learnt.support))


def find_embedder(log: Log, named: str | None) -> Embedder:
    """Give what made a log's vectors.

    Args:
        log: The log.
        named: As users name it, where the log does not say.

    Raises:
        ConfigurationError: It cannot be told, or is not the same any more.
    """
    dimension, kept = of_one_dimension(log.episodes), log.facts.embedder
    found: Embedder | None
    if named is not None:
        found = HashEmbedder(dimension) if named == HASH else embedder_named(named)
    elif kept:
        found = found_again(kept, dimension)
    else:
        found = embedder_named(USUAL) if dimension == PACKAGED_DIMENSION else None
    if found is None:
        said = (
            f"{kept!r}, which is no usual one" if kept else f"one that is not known, of {dimension} numbers"
        )
        raise ConfigurationError(
            f"the embedder of the log {log.path} is {said}: say which with --embedder, or learn in Python "
            "with fit_from_log"
        )
    if kept and found.name != kept:
        raise ConfigurationError(
            f"the log {log.path} was made with the embedder {kept!r}, and here is {found.name!r}: learn "
            "where that one is, or collect again"
        )
    return found


def tiering_of(facts: LogFacts) -> Tiering | None:
    """Give what a higher tier bought in a log; `None`: nothing says how it was made."""
    if not facts.strategy:
        return None
    _, written = parse_spec(facts.strategy)
    return Config.model_validate({k: v for k, v in written.items() if k == "tiering"}).tiering


async def _fitted(
    log: Log, embedder: str | None, fitting: Fitting, ppo: PPO, progress: FitProgress
) -> Fitted:
    def learn() -> Fitted:
        found = find_embedder(log, embedder)
        progress.begin(fitting.updates, 0, Usage())
        return fit_from_log(
            log.episodes, found, fitting, ppo, tiering=tiering_of(log.facts), tell=progress.tell
        )

    return await asyncio.to_thread(learn)


def _check_place(policy: Path) -> None:
    """Refuse a place that cannot be written to before minutes are spent."""
    beside(policy)
    if policy.is_dir() or not policy.absolute().parent.is_dir():
        cure = "name a file in a folder that exists"
        raise ConfigurationError(f"the policy cannot be written to {policy}: {cure}")


def _on_held_out(log: Log, fitted: Fitted, fitting: Fitting) -> tuple[Taken, ...]:
    """Give what the policy chooses for the questions held out, at each trade-off."""
    kept = [e for e in log.episodes if e.id in fitted.course.held_out]
    return tuple(by_router(fitted.router, kept, at, name="learned") for at in fitting.trade_offs)


def _table(learnt: Learnt, taken: Sequence[Taken]) -> Table:
    laid = Table(
        title=f"{learnt.log}: {learnt.questions} questions, {learnt.episodes} runs",
        title_justify="left",
        caption="task: a question's reward, $/1,000: dollars of 1,000 questions; held out, and predicted "
        "where their tiers were not run. Modules: how often they are at LOW/MID/HIGH there, in %. Run: "
        "questions of the log that were run at the tiers that the policy takes, in %, and the episodes that "
        "those are worth (ESS); draws: of its draws, were it to draw them, those that could have been run, "
        "in %.",
        caption_justify="left",
        box=None,
        padding=(0, 1),
    )
    for heading in ("trade-off", "task", "$/1,000", *MODULES, "run", "ESS", "draws"):
        laid.add_column(heading, justify="right", no_wrap=True)
    for place, (one, support) in enumerate(zip(taken, learnt.support, strict=True)):
        laid.add_row(
            f"{support.trade_off:g}",
            f"{learnt.chosen.task[place]:.3f}",
            f"{THOUSAND * learnt.chosen.usd[place]:.4g}",
            *("/".join(f"{100 * share:.0f}" for share in module) for module in shares_of(one.chosen)),
            f"{100 * support.run:.0f}",
            f"{support.run_sample_size:.1f}",
            f"{100 * support.coverage:.0f}",
        )
    return laid


def _told(learnt: Learnt, taken: Sequence[Taken]) -> dict[str, Any]:
    """Give what a program wants to know; every update is in the file."""
    return {
        **learnt.model_dump(mode="json", exclude={"progress", "trials", "policy"}),
        "simulated": learnt.facts.simulated,
        "tiers": [
            {
                "trade_off": one.trade_off,
                "run": one.run,
                "shares": dict(zip(MODULES, shares_of(one.chosen), strict=True)),
            }
            for one in taken
        ],
        "support_is_thin": [one.trade_off for one in learnt.support if one.thin],
    }
