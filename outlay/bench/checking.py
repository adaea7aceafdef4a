"""What is refused before anything is paid: strategies, a teacher or prices that do not fit the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.agents.spec import STRATEGIES, parse_spec
from outlay.bench.playing import acts
from outlay.bench.scorers.success import SUCCESS
from outlay.bench.sources.games import is_alfworld
from outlay.bench.teachers import EXPERT, is_policy
from outlay.budget import FREE
from outlay.errors import ConfigurationError
from outlay.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outlay.bench.sweep import Sweep
    from outlay.bench.trial import Condition
    from outlay.bench.worker import Setup, Worker
    from outlay.budget import Budget


def check_strategies(conditions: Iterable[Condition], worker: Worker) -> None:
    """Make every strategy once, which opens its bank.

    Raises:
        ConfigurationError: One cannot be made, or is to hand steps to a teacher that is not there.
        RetrievalError: A bank cannot be opened.
    """
    for spec, model in dict.fromkeys((condition.strategy, condition.model) for condition in conditions):
        worker.strategy(spec, model=model)
        written = parse_spec(spec)[1]
        taught = worker.setup.teacher is not None or "teacher" in written
        if written.get("defer", "never") not in {"never", "disagreement"} and not taught:
            raise ConfigurationError(f"{spec!r} hands steps to a teacher, and there is none: give --teacher")


def check_playing(sweep: Sweep, setup: Setup, scorer: str) -> None:
    """Refuse games to what only answers, and questions to what only plays.

    Raises:
        ConfigurationError: A strategy, the scorer or the teacher does not fit the items.
    """
    playing = setup.games is not None
    if playing != (scorer == SUCCESS.name):
        fits = f"games are scored by {SUCCESS.name!r}" if playing else f"{scorer!r} is for games"
        raise ConfigurationError(f"the scorer is {scorer!r}, and {fits}: use another, or leave it out")
    if is_policy(setup.teacher) and not (playing and all(map(is_alfworld, sweep.items))):
        raise ConfigurationError(f"the teacher {EXPERT} plays nothing but games of ALFWorld: give a model")
    idle = [c.strategy for c in sweep.conditions if not acts(c.strategy)] if playing else []
    if idle:
        able = ", ".join(name for name in STRATEGIES if acts(name))
        raise ConfigurationError(
            f"{idle[0]!r} answers questions and cannot play a game: leave it out, --baselines too; "
            f"these can: {able}"
        )


def check_prices(
    budgets: Iterable[Budget],
    worker: Worker,
    further: Iterable[str] = (),
    models: Iterable[str | None] = (None,),
) -> None:
    """Refuse budgets in dollars where nobody knows what a call costs.

    A teacher without a price that runs on this machine is free; beside a model with one, that is refused too.
    The same holds for the `further` models that strategies name.

    Raises:
        ConfigurationError: A price is missing.
    """
    if all(budget.usd is None for budget in budgets):
        return
    setup, teacher = worker.setup, worker.teacher
    for name in models:
        given = setup.price is not None or name in setup.prices
        if not given and (model := worker.answering(name)).provider.price(1) is None:
            raise ConfigurationError(_unpriced(model.name, f"--price-of {name}=" if name else "--price "))
    if isinstance(teacher, Model) and setup.teacher_price is None and not _is_priced(teacher, setup):
        raise ConfigurationError(_unpriced(f"the teacher {teacher.name}", "--teacher-price "))
    for name in dict.fromkeys(further):
        if name not in setup.prices and not _is_priced(worker.model_named(name), setup):
            raise ConfigurationError(_unpriced(name, f"--price-of {name}="))


def _is_priced(model: Model, setup: Setup) -> bool:
    known = model.provider.price(1)
    return known is not None and (known != FREE or setup.price is None)


def _unpriced(whose: str, option: str) -> str:
    return f"a budget in dollars needs the price of {whose}: give {option}IN,OUT, dollars per million tokens"
