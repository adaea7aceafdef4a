"""`outlay ask`: a strategy run on a question, then its answer and its bill."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from outlay.agents.spec import strategy_from_spec
from outlay.budget import Budget
from outlay.cli.bill import bill, limits, seconds_by_node, waiting
from outlay.cli.episode import account
from outlay.cli.exits import ANSWERED, print_json, say_error, status_of, with_options
from outlay.cli.live import paper, say
from outlay.cli.order import Order, read_price, read_question, refuse_policy, refuse_simulation
from outlay.cli.output import CleanOutput
from outlay.cli.running import watch
from outlay.errors import OutlayError
from outlay.ledger import Ledger
from outlay.model import Model
from outlay.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlay.model import Provider
    from outlay.outcome import Answer
    from outlay.strategy import Strategy

_TOLD: Final = {"text", "value", "stop_reason", "degraded", "trace"}


@dataclass
class Session:
    """One question on its way to an answer."""

    strategy: Strategy[Any]
    question: str
    ledger: Ledger
    order: Order
    output: CleanOutput
    started: float = field(default_factory=time.monotonic)

    @property
    def title(self) -> str:
        """What is running, in a few words."""
        return f"{self.order.strategy} on {self.order.model}"

    def facts(self) -> dict[str, Any]:
        """Give what a program wants to know of a run, however it ended."""
        return {
            "strategy": self.strategy.name,
            "config": self.strategy.config.model_dump(mode="json"),
            "model": self.order.model,
            "budget": self.ledger.budget.model_dump(mode="json"),
            "usage": self.ledger.usage.model_dump(mode="json"),
            "report": self.ledger.report().model_dump(mode="json"),
            "seconds": round(time.monotonic() - self.started, 3),
        }

    def say_bill(self, answer: Answer | None = None) -> None:
        """Print the bill so far."""
        console = paper()
        seconds = seconds_by_node(answer.trace) if answer else None
        sequential = answer.sequential if answer else None
        console.print(bill(self.ledger.report(), seconds, sequential=sequential))
        episode = answer.episode if answer else None
        for line in (*(account(episode) if episode else ()), *limits(self.ledger)):
            console.print(line)
        for line in waiting(self.ledger):
            say(line)

    def part(self) -> None:
        """Say the last words of a run that was interrupted: the bill so far."""
        self.output.give_back()
        if not self.order.as_json:
            self.say_bill()
        facts = self.facts() if self.order.as_json else {}
        say_error(
            "Interrupted", "interrupted; the bill holds what was spent", as_json=self.order.as_json, **facts
        )


def answer(order: Order) -> int:
    """Answer a question, and show the answer and the bill. Gives the exit status."""
    session = open_session(order)
    try:
        with session.output:
            found = watch(
                session.strategy,
                session.question,
                session.ledger,
                title=session.title,
                last_words=session.part,
            )
    except OutlayError as exc:
        return _failed(session, exc)
    if order.as_json:
        outcome = found.model_dump(mode="json", include=_TOLD)
        if found.degraded:
            outcome["degraded"] = with_options(found.degraded)
        if found.episode is not None:
            outcome["episode"] = found.episode.model_dump(mode="json")
        print_json({"answer": outcome.pop("text"), **outcome, **session.facts()})
    else:
        say_answer(found)
        session.say_bill(found)
    return ANSWERED


def open_session(
    order: Order, stand_in: Callable[[Provider], Provider] | None = None, *, question: str | None = None
) -> Session:
    """Read everything that was asked for, and build it; nothing is called yet.

    Args:
        order: What was asked for.
        stand_in: Gives what stands in for a model's provider, if that is not to be called.
        question: The question, if it was read before: standard input can be read only once.

    Raises:
        ConfigurationError: Something in the order is wrong.
    """
    question = read_question(order.question) if question is None else question
    ledger = Ledger(Budget(**order.limits), name="run")
    return Session(build(order, stand_in), question, ledger, order, CleanOutput(wanted=order.as_json))


def build(order: Order, stand_in: Callable[[Provider], Provider] | None = None) -> Strategy[Any]:
    """Build the strategy with its models.

    Raises:
        ConfigurationError: One of them cannot be made as asked.
    """
    refuse_policy(order.teacher)
    replay = Replay(order.journal) if order.journal and not stand_in else None

    def model_named(name: str, **options: Any) -> Model:
        refuse_simulation(name)
        options = {"retries": order.retries, "timeout": order.timeout, **options}
        model = Model(name, replay=replay, **options)
        return Model(name, provider=stand_in(model.provider), **options) if stand_in else model

    model = model_named(order.model, price=read_price(order.price), api_base=order.api_base)
    teacher = None
    if order.teacher:
        teacher = model_named(
            order.teacher, price=read_price(order.teacher_price), api_base=order.teacher_api_base
        )
    return strategy_from_spec(
        order.strategy, model, teacher=teacher, seed=order.seed, model_named=model_named
    )


def say_answer(found: Answer) -> None:
    """Print the answer, and how it came to its end."""
    console = paper()
    say(found.text or "(no answer)")
    console.print()
    console.print(f"stopped: {found.stop_reason}", *([f"(answer: {found.value})"] if found.value else []))
    if found.degraded:
        say(f"degraded: {with_options(found.degraded)}")


def _failed(session: Session, error: OutlayError) -> int:
    as_json = session.order.as_json
    spent = session.ledger.usage.calls > 0
    if spent and not as_json:
        session.say_bill()
    say_error(
        type(error).__name__, str(error), as_json=as_json, **(session.facts() if spent and as_json else {})
    )
    return status_of(error)
