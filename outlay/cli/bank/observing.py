"""What a student's samples and a teacher's answer say of labelled questions: what a calibration reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from outlay.agents.in_context_distillation.asking import Asking, Wave
from outlay.agents.in_context_distillation.retrieving import similar
from outlay.calls import InARow, side_by_side
from outlay.environments import OneStep, Turn
from outlay.errors import (
    BudgetExhaustedError,
    ConfigurationError,
    ModelError,
    ModelUnavailableError,
    OutlayError,
    ScorerError,
)
from outlay.outcome import outcome_of
from outlay.routers.cascade import Observation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from outlay.agents.in_context_distillation import Config
    from outlay.agents.in_context_distillation.state import State
    from outlay.bench.items import Item
    from outlay.cli.spending import Spending
    from outlay.memory.demonstrations import Bank
    from outlay.model import Completion, Model
    from outlay.outcome import Outcome


class Cut(NamedTuple):
    """An item that says nothing of either model, since answers to it were cut at their token limit."""

    student: int
    """How many of the student's."""
    teacher: int


@dataclass
class Observing:
    """One run over labelled items.

    Args:
        student: Draws the samples.
        teacher: Answers once.
        bank: Whose demonstrations the student sees, never an item's own.
        config: How they are asked.
        right: Says whether an answer is right.
        spending: The fence, and the store that keeps what was generated.
        tell: Hears of each item: its observation, which answers were cut, or `None` where something failed.
    """

    student: Model
    teacher: Model
    bank: Bank
    config: Config
    right: Callable[[Item, Outcome], Awaitable[bool]]
    spending: Spending
    tell: Callable[[Observation | Cut | None], None]
    ending: Literal["finished", "budget"] = "finished"
    failures: list[str] = field(default_factory=list)
    _ending: InARow = field(default_factory=lambda: InARow("items"))

    async def run(self, items: Sequence[Item], concurrency: int) -> tuple[Observation, ...]:
        """Observe every item, as far as the money goes; in their order, without those cut or failed.

        Raises:
            ConfigurationError: A model has no price, or cannot be used as asked.
            ModelUnavailableError: Nothing but failures came back.
        """
        for model in (self.student, self.teacher):
            await _check_price(model)
        found: dict[str, Observation | Cut] = {}
        waiting = iter(items)
        await side_by_side(self._work(waiting, found) for _ in range(concurrency))
        if self.failures and not found:
            raise ModelUnavailableError(f"every item failed, the first one with: {self.failures[0]}")
        came = (found.get(item.id) for item in items)
        return tuple(one for one in came if isinstance(one, Observation))

    async def _work(self, waiting: Iterator[Item], found: dict[str, Observation | Cut]) -> None:
        for item in waiting:
            if self.ending != "finished":
                return
            observation: Observation | Cut | None = None
            try:
                with self.spending.journal.run():
                    observation = await self._observe(item)
            except BudgetExhaustedError:
                self.ending = "budget"
                return
            except (ModelError, ScorerError) as exc:
                self.failures.append(str(exc))
            if self.spending.ledger.reached:
                # Cut short by what may be spent, and not by its cap: no observation.
                self.ending = "budget"
                return
            if observation is not None:
                found[item.id] = observation
            self._count(observation)

    def _count(self, observation: Observation | Cut | None) -> None:
        self.tell(observation)
        self._ending.count(None if observation is not None else self.failures[-1])

    async def _observe(self, item: Item) -> Observation | Cut:
        environment = OneStep(item.asked, task=item.id)
        asking, state = Asking(self.config), _beginning(item)
        shown = await similar(self.bank, self.config, environment)
        prompt = await asking.prompt(self.student, environment, state, shown)
        cap = self.config.max_output_tokens or self.student.default_max_output_tokens
        wave = Wave(self.config.n, cap)
        drawn = await asking.sample(self.student, prompt.messages, wave, state["turn"], first=0)
        said = _all_came(drawn)
        taught, _ = await asking.teach(self.teacher, environment, state, ())
        cut = Cut(sum(map(_is_cut, said)), int(_is_cut(taught)))
        if any(cut):
            return cut
        return Observation(
            values=tuple(asking.read(one, environment, state["turn"]).value for one in said),
            right=tuple([await self._is_right(item, one) for one in said]),
            usd=tuple(one.usage.usd or 0.0 for one in said),
            teacher_right=await self._is_right(item, taught),
            teacher_usd=taught.usage.usd or 0.0,
        )

    async def _is_right(self, item: Item, said: Completion) -> bool:
        return await self.right(item, outcome_of(said))


def _is_cut(said: Completion) -> bool:
    return said.is_cut


def _all_came(said: Sequence[Completion | OutlayError]) -> list[Completion]:
    """Give the samples.

    Raises:
        OutlayError: One of them failed, or was not paid for.
    """
    for one in said:
        if isinstance(one, OutlayError):
            raise one
    return [one for one in said if not isinstance(one, OutlayError)]


def _beginning(item: Item) -> State:
    """Give the state of a question of which nothing is done; its prompts read no more of it."""
    empty = {"question": item.asked, "turn": Turn(observation=""), "plan": "", "taken": (), "samples": ()}
    return cast("State", empty)


async def _check_price(model: Model) -> None:
    if (await model.worst_case("?", max_output_tokens=1)).price is None:
        raise ConfigurationError(
            f"the price of {model.name} is unknown, so nobody can say what pays: give --price for the "
            "student, --teacher-price for the teacher"
        )
