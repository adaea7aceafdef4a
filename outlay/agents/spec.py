"""Strategies by name: `'self-consistency:n=3,threshold=0.9'` read into an object.

The command line and the bench share it; `outlay.specs` says how such a text is read. A name is one of
Outlay's own, one of an entry point in the group `outlay.strategies`, or an import path: `module:Class`, and
after a further colon the parameters. What stands before the first colon is taken for a known name where it
is one. Else the text begins with an import path if two names, with a colon between them, are followed by
the end or another colon.
"""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from outlay.agents.budget_mem import BudgetMem
from outlay.agents.direct import Direct
from outlay.agents.in_context_distillation import InContextDistillation
from outlay.agents.parallel_distill_refine import ParallelDistillRefine, SequentialRefinement
from outlay.agents.plan_and_budget import PlanAndBudget
from outlay.agents.self_consistency import SelfConsistency
from outlay.errors import ConfigurationError
from outlay.plugins import described, imported, installed, loaded
from outlay.specs import import_path_in, name_in, read, split_known, write
from outlay.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoint

    from outlay.model import Model

STRATEGIES: Final[Mapping[str, type[Strategy[Any]]]] = {
    kind.name: kind
    for kind in (
        Direct,
        SelfConsistency,
        PlanAndBudget,
        ParallelDistillRefine,
        SequentialRefinement,
        InContextDistillation,
        BudgetMem,
    )
}
"""Outlay's own strategies, by their names on the command line."""


def strategy_from_spec(
    spec: str,
    model: Model | str,
    *,
    teacher: Model | str | None = None,
    seed: int | None = None,
    model_named: Callable[[str], Model] | None = None,
) -> Strategy[Any]:
    """Make the strategy that `spec` names.

    Args:
        spec: A name, and after a colon parameters as `name=value`, separated by commas; the name of
            a further model, such as a planner, is one, too, and so is the path of a bank or a memory.
        model: What answers.
        teacher: The dearer model, for a strategy that has one.
        seed: Overrides the seed in `spec`, for a strategy that has one.
        model_named: Makes the models named in `spec`; absent: with nothing but their name.

    Raises:
        ConfigurationError: The strategy or a parameter is unknown, a value does not fit, or the
            strategy has no use for a teacher or a seed.
    """
    name, written = parse_spec(spec)
    kind = strategy_named(name)
    known = kind.Config.model_fields
    models: dict[str, Model | str] = {
        key: model_named(written[key]) if model_named and key not in kind.stored else written[key]
        for key in written
        if key not in known
    }
    parameters = _parameters(kind, written)
    if seed is not None:
        if "seed" not in known:
            raise ConfigurationError(f"strategy {name!r} takes no seed: leave the seed out")
        parameters["seed"] = seed
    models["model"] = model
    if teacher is not None:
        if "teacher" not in collaborators(kind):
            raise ConfigurationError(f"strategy {name!r} has no teacher: leave the teacher out")
        models["teacher"] = teacher
    return kind(**models, **parameters)


def parse_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Split `spec` into a known strategy's name and its parameters, known ones, as written.

    Raises:
        ConfigurationError: It is not of that form, or something in it is unknown.
    """
    known: dict[str, tuple[str, ...]] = dict.fromkeys((*STRATEGIES, *plugins()), ())
    path = "" if name_in(spec) in known else import_path_in(spec)
    name = path or name_in(spec)
    if path or name in known:
        kind = strategy_named(name)
        known[name] = (*kind.Config.model_fields, *collaborators(kind)[1:])
    return split_known(spec, "strategy", known, path)


def plugins() -> dict[str, EntryPoint]:
    """Give the entry points of strategies by their names; one with the name of our own is out of reach."""
    found = {name_in(name): entry for name, entry in installed("outlay.strategies").items()}
    return {name: entry for name, entry in found.items() if name not in STRATEGIES}


def strategy_named(name: str) -> type[Strategy[Any]]:
    """Give the strategy that `parse_spec` gave the name of.

    Raises:
        ConfigurationError: It cannot be imported, or is no strategy.
    """
    if name in STRATEGIES:
        return STRATEGIES[name]
    if ":" in name:
        return _strategy(repr(name), imported(name))
    entry = plugins()[name]
    return _strategy(described(entry), loaded(entry))


def canonical(spec: str) -> str:
    """Give the one way to write `spec`: what differs from the defaults, in their order, then further models.

    Raises:
        ConfigurationError: It is not of that form, something in it is unknown, or a value does not fit.
    """
    name, written = parse_spec(spec)
    kind = strategy_named(name)
    usual = dict(kind.Config())
    said = {
        key: write(value) for key, value in kind.Config(**_parameters(kind, written)) if value != usual[key]
    }
    said |= {key: written[key] for key in collaborators(kind) if key in written}
    parameters = ",".join(f"{key}={value}" for key, value in said.items())
    return f"{name}:{parameters}" if parameters else name


def takes_teacher(spec: str) -> bool:
    """Whether the strategy that `spec` names has a teacher."""
    return "teacher" in collaborators(strategy_named(parse_spec(spec)[0]))


def collaborators(kind: type[Strategy[Any]]) -> tuple[str, ...]:
    """Name what a strategy works with, in order: models, and what it keeps (`stored`)."""
    return tuple(field.name for field in fields(kind) if field.name != "config")


def models_in(spec: str) -> tuple[str, ...]:
    """Name the further models that `spec` names, in order.

    Raises:
        ConfigurationError: It is not of that form, or something in it is unknown.
    """
    name, written = parse_spec(spec)
    kind = strategy_named(name)
    return tuple(written[key] for key in collaborators(kind) if key in written and key not in kind.stored)


def _strategy(what: str, found: Any) -> type[Strategy[Any]]:
    """Refuse what cannot be a strategy of the command line."""
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise ConfigurationError(f"{what} is no subclass of outlay.strategy.Strategy: name one that is")
    lacks = [name for name in ("name", "summary", "Config") if not hasattr(found, name)]
    lacks += ["build()"] * inspect.isabstract(found)
    if lacks:
        raise ConfigurationError(f"{what} has no {', '.join(lacks)}: define what is missing in the class")
    if collaborators(found)[:1] != ("model",):
        raise ConfigurationError(
            f"{what} needs `model: Model` as its first field, below @dataclass(frozen=True, init=False)"
        )
    return found


def _parameters(kind: type[Strategy[Any]], written: Mapping[str, str]) -> dict[str, Any]:
    known = kind.Config.model_fields
    return {key: read(value, known[key].annotation) for key, value in written.items() if key in known}
