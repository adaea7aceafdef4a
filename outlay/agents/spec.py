"""Strategies by name: `'self-consistency:n=3,threshold=0.9'` read into an object.

The command line and the bench share it. Values are read by the type of the parameter: `none`,
fractions such as `1/3`, and JSON lists and objects are understood where the type takes them.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from outlay.agents.direct import Direct
from outlay.agents.plan_and_budget import PlanAndBudget
from outlay.agents.self_consistency import SelfConsistency
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from outlay.model import Model
    from outlay.strategy import Strategy

STRATEGIES: Final[Mapping[str, type[Strategy[Any]]]] = {
    kind.name: kind for kind in (Direct, SelfConsistency, PlanAndBudget)
}
"""Every strategy, by its name on the command line."""

_FRACTION: Final = re.compile(r"-?\d+/[1-9]\d*")
_PARAMETER: Final = re.compile(r"""(?:[^,\[{"]|\[[^]]*\]|\{[^}]*\}|"[^"]*")+""")
"""What stands between commas that are not inside a list, an object or a string."""


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
            a further model, such as a planner, is one, too.
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
        key: model_named(written[key]) if model_named else written[key] for key in written if key not in known
    }
    parameters = {key: _read(value, known[key].annotation) for key, value in written.items() if key in known}
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
    name, _, rest = spec.partition(":")
    name = name.strip().replace("_", "-")
    if name not in STRATEGIES:
        raise ConfigurationError(_unknown("strategy", name, STRATEGIES))
    known = [*STRATEGIES[name].Config.model_fields, *collaborators(STRATEGIES[name])[1:]]
    parameters: dict[str, str] = {}
    for key, value in _parameters(rest):
        if key not in known:
            raise ConfigurationError(_unknown(f"parameter of {name}", key, known))
        if key in parameters:
            raise ConfigurationError(f"parameter {key!r} of {name} is given twice: leave one out")
        parameters[key] = value
    return name, parameters


def collaborators(kind: type[Strategy[Any]]) -> tuple[str, ...]:
    """Name the models that a strategy needs, in order."""
    return tuple(field.name for field in fields(kind) if field.name != "config")


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    for part in _PARAMETER.findall(text):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ConfigurationError(
                f"cannot read {part.strip()!r} as a strategy's parameter: write name=value, between commas"
            )
        yield key.strip().replace("-", "_"), value.strip()


def _read(text: str, annotation: Any) -> Any:
    """Give the first reading of `text` that the type takes; the text itself when none does."""
    kind: TypeAdapter[Any] = TypeAdapter(annotation)
    for candidate in _readings(text):
        try:
            return kind.validate_python(candidate)
        except ValidationError:
            continue
    return text


def _readings(text: str) -> Iterator[Any]:
    if text.lower() == "none":
        yield None
    yield text
    if _FRACTION.fullmatch(text):
        yield float(Fraction(text))
    if text[:1] in {"[", "{"}:
        try:
            yield json.loads(text)
        except json.JSONDecodeError:
            return


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {what} {name!r}: {meant}known: {', '.join(known) or 'none'}"
