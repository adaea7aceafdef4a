"""What is to be logged: read from an order, and refused where it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from outlay.agents.budget_mem import BudgetMem
from outlay.agents.budget_mem.runs import Question
from outlay.agents.budget_mem.ways import at_vectors, by_policy
from outlay.agents.spec import canonical, models_in, parse_spec, strategy_from_spec
from outlay.bench.manifest import shown_model
from outlay.bench.scoring import check_items
from outlay.bench.simulation import is_simulated, known_questions
from outlay.bench.sources import default_scorer
from outlay.bench.tiers.facts import LogFacts
from outlay.budget import FREE, Budget
from outlay.cli.order import read_price, read_prices, refuse_policy
from outlay.cli.questions import read_items, source_of
from outlay.cli.train_router.order import read_trade_offs
from outlay.errors import ConfigurationError
from outlay.memory.conversations import Memory
from outlay.memory.conversations.turns import FILE as MEMORY
from outlay.memory.modules import MODULES
from outlay.model import Model
from outlay.retrieval.embedders import embedder_named
from outlay.routers.tiers.design import FEWEST, tier_vectors
from outlay.testing import simulated_from_spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outlay.agents.budget_mem.ways import Way
    from outlay.bench.items import Item
    from outlay.budget import Price
    from outlay.cli.train_router.order import CollectOrder
    from outlay.memory.modules import Tier
    from outlay.replay import Replay
    from outlay.retrieval import Embedder

KINDS: Final = ("category", "type")
"""The labels that say of what kind a question is: LoCoMo's, HotpotQA's."""
GROUP: Final = "conversation"
"""The label that says which questions are about one text: LoCoMo's."""


@dataclass(frozen=True)
class Work:
    """What is to be logged, read."""

    order: CollectOrder
    items: tuple[Item, ...]
    scorer: str
    spec: str
    vectors: tuple[tuple[Tier, ...], ...]
    trade_offs: tuple[float, ...]
    """At which the policy is asked, if there is one."""
    budget: Budget
    price: Price | None
    prices: Mapping[str, Price]

    def ways(self, strategy: BudgetMem) -> tuple[Way, ...]:
        """Give how each question is run.

        Raises:
            PolicyError: The policy cannot be read, or does not fit.
        """
        stated = at_vectors(self.vectors)
        if self.order.policy is None:
            return stated
        from outlay.routers.tiers import LearnedRouter  # noqa: PLC0415 - it loads torch

        embedder = self.embedder(strategy)
        policy = LearnedRouter.load(self.order.policy, embedder=embedder, tiering=strategy.config.tiering)
        return stated + by_policy(policy, self.trade_offs)

    def embedder(self, strategy: BudgetMem) -> Embedder:
        """Give what makes the vectors: that of the strategy's own memory, where it has one."""
        if strategy.memory is not None:
            return strategy.memory.embedder
        return embedder_named(self.order.embedder)

    @property
    def title(self) -> str:
        """What is running, in a few words."""
        return f"{source_of(self.order.questions)} on {shown_model(self.order.model)}"

    @property
    def simulated(self) -> bool:
        """Whether a model is a simulation."""
        return any(map(is_simulated, (self.order.model, *models_in(self.spec))))

    def strategy(self, replay: Replay | None) -> BudgetMem:
        """Make what answers.

        Raises:
            ConfigurationError: A model or a parameter is wrong.
        """
        model = self._model(self.order.model, self.price, replay, self.order.api_base)

        def named(name: str) -> Model:
            return self._model(name, self.prices.get(name), replay)

        made = strategy_from_spec(self.spec, model, model_named=named)
        assert isinstance(made, BudgetMem)  # noqa: S101 - `read_work` has seen to it
        return made

    def _model(
        self, name: str, price: Price | None, replay: Replay | None, api_base: str | None = None
    ) -> Model:
        if is_simulated(name):
            priced = {} if price is None else {"price": price}
            return simulated_from_spec(name, known_questions(self.items, alone=True), replay=replay, **priced)
        return Model(name, price=price, api_base=api_base, timeout=self.order.timeout, replay=replay)


def read_work(order: CollectOrder) -> Work:
    """Read everything that was asked for; nothing is called yet.

    Raises:
        ConfigurationError: Something in the order is wrong.
    """
    refuse_policy(order.model)
    if (order.out / MEMORY).exists():
        raise ConfigurationError(f"{order.out} is a memory: give another OUT")
    spec = canonical(order.strategy)
    name, written = parse_spec(spec)
    if name != BudgetMem.name:
        raise ConfigurationError(f"{name!r} has no modules: give --strategy {BudgetMem.name}:...")
    if "router" in written:
        raise ConfigurationError(
            "every question is run at every tier vector: leave router= out of --strategy"
        )
    items = read_items(order.questions)
    scorer = order.questions.scorer or default_scorer(items)
    check_items(items, scorer)
    if "memory" not in written and not all(item.remembered for item in items):
        raise ConfigurationError(
            "there are questions about no text, which leave nothing to remember: take others, or name a "
            "memory: --strategy budget-mem:memory=DIR"
        )
    return Work(
        order=order,
        items=items,
        scorer=scorer,
        spec=spec,
        vectors=_vectors(order),
        trade_offs=_trade_offs(order),
        budget=Budget(**order.limits),
        price=read_price(order.price),
        prices=read_prices(order.prices),
    )


def _vectors(order: CollectOrder) -> tuple[tuple[Tier, ...], ...]:
    """Read how many tier vectors there are to be, or which."""
    written = order.vectors
    if written is None:
        return () if order.policy else tier_vectors(FEWEST)
    parts = [part.strip() for part in written.split(",")]
    if len(parts) == 1 and written.isdecimal() and len(written) < len(MODULES):
        return tier_vectors(int(written))
    if not all(len(part) == len(MODULES) and set(part) <= set("012") for part in parts):
        raise ConfigurationError(
            f"cannot read --vectors {written}: give a number, or vectors with commas between, a tier from 0 "
            f"to 2 for each of {', '.join(MODULES)}: 20012,00222"
        )
    return tuple(way.vector for way in at_vectors([[int(tier) for tier in part] for part in parts]))


def _trade_offs(order: CollectOrder) -> tuple[float, ...]:
    if order.policy is None:
        if order.trade_offs is not None:
            raise ConfigurationError("--trade-offs are a policy's: give one with --policy")
        return ()
    from outlay.routers.tiers import SWEEP, LearnedRouter  # noqa: PLC0415 - it loads torch
    from outlay.routers.tiers.checkpoint import check_trade_off  # noqa: PLC0415

    card = LearnedRouter.load(order.policy).card
    if order.trade_offs is not None:
        asked = read_trade_offs(order.trade_offs)
        for trade_off in asked:
            check_trade_off(card, trade_off)
        return asked
    least, greatest = card.trade_offs
    between = {trade_off for trade_off in SWEEP if least <= trade_off <= greatest}
    return tuple(sorted({*between, least, greatest}))


def question_of(item: Item) -> Question:
    """Give what is asked of an item, with its kind and its group."""
    kind = next((str(item.labels[label]) for label in KINDS if label in item.labels), "")
    group = str(item.labels.get(GROUP, ""))
    return Question(id=item.id, text=item.question, kind=kind, group=group)


def check_prices(work: Work) -> None:
    """Refuse models of unknown price, and modules that cost nothing: there is then nothing to weigh.

    Raises:
        ConfigurationError: There are such.
    """
    strategy = work.strategy(None)
    if isinstance(strategy.memory, Memory):
        strategy.memory.close()
    given = {work.order.model: work.price, **work.prices}
    ask = [strategy.high or strategy.model]
    if strategy.config.tiering != "implementation":
        ask += [strategy.low or strategy.model, strategy.mid or strategy.model]
    prices = {
        model.name: given.get(model.name) or model.provider.price(1) for model in [strategy.model, *ask]
    }
    for name, price in prices.items():
        if price is None:
            option = "--price " if name == work.order.model else f"--price-of {name}="
            raise ConfigurationError(
                f"the price of {name} is unknown, and an unknown price is not 0: give {option}IN,OUT, "
                "dollars per million tokens"
            )
    if all(prices[model.name] == FREE for model in ask):
        raise ConfigurationError(
            f"the modules cost nothing with {ask[0].name}, so that a router would have nothing to save: give "
            "a price, --price IN,OUT or --price-of MODEL=IN,OUT, dollars per million tokens"
        )


def facts_of(work: Work, strategy: BudgetMem) -> LogFacts:
    """Say how a log is made, before anything is in it."""
    return LogFacts(
        embedder=work.embedder(strategy).name,
        model=work.order.model,
        price=work.price,
        prices=dict(work.prices),
        strategy=work.spec,
        vectors=tuple(tuple(map(int, vector)) for vector in work.vectors),
        source=source_of(work.order.questions),
        scorer=work.scorer,
        simulated=work.simulated,
        questions={item.id: item.digest for item in work.items},
    )
