"""Everything that a bench is to measure: conditions times items times seeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from outlay.agents.spec import canonical, parse_spec, strategy_named
from outlay.bench.trial import Condition
from outlay.budget import Budget
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from outlay.bench.items import Item

BASELINE_SAMPLES: Final = (3, 5)
"""n of the majority votes that every strategy is set beside."""

SEEDS_APART: Final = 1000
"""Between the sampling seeds of two repetitions: a strategy numbers its own samples from its seed."""


@dataclass(frozen=True)
class Job:
    """One item with one seed: its conditions run one after another, so that they share generations."""

    item: Item
    seed: int


@dataclass(frozen=True)
class Sweep:
    """Conditions times items times seeds; each is one record.

    Args:
        conditions: The loosest budget first: a generation serves every smaller cap by its prefix.
        items: What is asked.
        seeds: Repetitions.
    """

    conditions: tuple[Condition, ...]
    items: tuple[Item, ...]
    seeds: int = 1

    @cached_property
    def in_turn(self) -> tuple[Condition, ...]:
        """The conditions in the order they are run on an item.

        Of one budget, those that draw the most samples of a prompt come first: one request for all of them
        then serves every smaller number.
        """
        budgets = list(dict.fromkeys(condition.budget for condition in self.conditions))
        return tuple(sorted(self.conditions, key=lambda c: (budgets.index(c.budget), -_samples(c))))

    @property
    def models(self) -> tuple[str | None, ...]:
        """The models that answer; `None`: the only one."""
        return tuple(dict.fromkeys(condition.model for condition in self.conditions))

    def __len__(self) -> int:
        return len(self.conditions) * len(self.items) * self.seeds

    def jobs(self) -> Iterator[Job]:
        """Give what can run side by side, in order."""
        for seed in range(self.seeds):
            for item in self.items:
                yield Job(item, seed)


def conditions(
    specs: Sequence[str], budgets: Iterable[Budget], models: Sequence[str] = ()
) -> tuple[Condition, ...]:
    """Give every strategy under every budget with every model, the loosest budget of a unit first.

    Args:
        specs: The strategies.
        budgets: None: without a limit.
        models: Where several are compared.

    Raises:
        ConfigurationError: A strategy is unknown, is given twice, or carries a seed; or there is none; or a
            model is given twice.
    """
    names = [canonical(spec) for spec in specs]
    if not names:
        raise ConfigurationError("there is nothing to measure: give a --strategy")
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"strategy {name!r} is given twice: leave one out")
        if "seed" in parse_spec(name)[1]:
            raise ConfigurationError(f"{name!r} fixes its seed: leave it out, --seeds gives one to each")
    if twice := [model for model in models if models.count(model) > 1]:
        raise ConfigurationError(f"model {twice[0]!r} is given twice: leave one out")
    ordered = sorted(set(budgets), key=_loosest_first) or [Budget()]
    return tuple(
        Condition(strategy=name, budget=budget, model=model)
        for budget in ordered
        for model in models or (None,)
        for name in names
    )


def with_baselines(specs: Sequence[str], samples: Iterable[int] = BASELINE_SAMPLES) -> tuple[str, ...]:
    """Add one call, and majority votes over so many samples, where they are not among `specs`."""
    baselines = ["direct", *(canonical(f"self-consistency:n={n}") for n in samples)]
    named = [canonical(spec) for spec in specs]
    return (*(b for b in baselines if b not in named), *named)


def budgets_of(**limits: Sequence[float]) -> tuple[Budget, ...]:
    """Give a budget for each value of each unit: `output_tokens=(128, 256)` is two."""
    return tuple(Budget(**{unit: value}) for unit, values in limits.items() for value in values)


def _samples(condition: Condition) -> int:
    name, written = parse_spec(condition.strategy)
    usual: dict[str, Any] = dict(strategy_named(name).Config())
    return int(written.get("n", usual.get("n", 1)))


def _loosest_first(budget: Budget) -> tuple[object, ...]:
    limits = budget.model_dump(exclude_none=True)
    return (tuple(limits), tuple(-limit for limit in limits.values()))
