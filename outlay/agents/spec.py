"""Strategies by name: `'self-consistency:n=3,threshold=0.9'` read into an object.

The command line and the bench share it; `outlay.specs` says how such a text is read.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from outlay.agents.budget_mem import BudgetMem
from outlay.agents.direct import Direct
from outlay.agents.in_context_distillation import InContextDistillation
from outlay.agents.parallel_distill_refine import ParallelDistillRefine, SequentialRefinement
from outlay.agents.plan_and_budget import PlanAndBudget
from outlay.agents.self_consistency import SelfConsistency
from outlay.errors import ConfigurationError
from outlay.specs import read, split_known, write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from outlay.model import Model
    from outlay.strategy import Strategy

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
"""Every strategy, by its name on the command line."""


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
    kind = STRATEGIES[name]
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
    known = {name: (*kind.Config.model_fields, *collaborators(kind)[1:]) for name, kind in STRATEGIES.items()}
    return split_known(spec, "strategy", known)


def canonical(spec: str) -> str:
    """Give the one way to write `spec`: what differs from the defaults, in their order, then further models.

    Raises:
        ConfigurationError: It is not of that form, something in it is unknown, or a value does not fit.
    """
    name, written = parse_spec(spec)
    kind = STRATEGIES[name]
    usual = dict(kind.Config())
    said = {
        key: write(value) for key, value in kind.Config(**_parameters(kind, written)) if value != usual[key]
    }
    said |= {key: written[key] for key in collaborators(kind) if key in written}
    parameters = ",".join(f"{key}={value}" for key, value in said.items())
    return f"{name}:{parameters}" if parameters else name


def takes_teacher(spec: str) -> bool:
    """Whether the strategy that `spec` names has a teacher."""
    return "teacher" in collaborators(STRATEGIES[parse_spec(spec)[0]])


def collaborators(kind: type[Strategy[Any]]) -> tuple[str, ...]:
    """Name what a strategy works with, in order: models, and what it keeps (`stored`)."""
    return tuple(field.name for field in fields(kind) if field.name != "config")


def models_in(spec: str) -> tuple[str, ...]:
    """Name the further models that `spec` names, in order.

    Raises:
        ConfigurationError: It is not of that form, or something in it is unknown.
    """
    name, written = parse_spec(spec)
    kind = STRATEGIES[name]
    return tuple(written[key] for key in collaborators(kind) if key in written and key not in kind.stored)


def _parameters(kind: type[Strategy[Any]], written: Mapping[str, str]) -> dict[str, Any]:
    known = kind.Config.model_fields
    return {key: read(value, known[key].annotation) for key, value in written.items() if key in known}
