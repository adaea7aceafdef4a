"""Scorers by name: `'numeric'`, `'judge:model=openai/gpt-4.1-mini,usd=0.5'` read into an object."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from outlay.bench.scorers.judge import Judge
from outlay.bench.scorers.locomo import Locomo
from outlay.bench.scorers.mathematics import SECONDS, mathematics
from outlay.bench.scorers.score import Scorer
from outlay.bench.scorers.success import SUCCESS
from outlay.bench.scorers.values import CHOICE, EXACT, NUMERIC
from outlay.bench.scorers.words import EXACT_MATCH, F1, rouge_l
from outlay.budget import Budget, Settings
from outlay.errors import ConfigurationError
from outlay.ledger import Ledger
from outlay.plugins import blamed_on, described, installed, loaded
from outlay.specs import name_in, read, split_known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from importlib.metadata import EntryPoint

    from outlay.model import Model

    ModelNamed = Callable[[str], Model]


class NoParameters(Settings):
    """Of most scorers."""


class MathParameters(Settings):
    """Of `math`."""

    seconds: float = Field(default=SECONDS, gt=0, allow_inf_nan=False)
    """Of computing that a pair of answers may take."""


class JudgeParameters(Budget):
    """Of `judge`; the limits are those of its fence, over the whole bench."""

    model: str = Field(min_length=1)
    """Its name, as `--model` takes it."""
    max_output_tokens: int = Field(default=Judge.max_output_tokens, gt=0)
    """Per attempt to give a verdict."""


PARAMETERS: Final[Mapping[str, type[Settings]]] = {
    "numeric": NoParameters,
    "exact": NoParameters,
    "choice": NoParameters,
    "math": MathParameters,
    "f1": NoParameters,
    "exact-match": NoParameters,
    "locomo": NoParameters,
    "rouge-l": NoParameters,
    "success": NoParameters,
    "judge": JudgeParameters,
}
PLAIN: Final = (NUMERIC, EXACT, CHOICE, F1, EXACT_MATCH, SUCCESS)
SCORERS: Final = tuple(PARAMETERS)
"""Outlay's own scorers, by their names on the command line."""


def scorer_from_spec(spec: str, *, model_named: ModelNamed | None = None) -> Scorer:
    """Make the scorer that `spec` names.

    An entry point in the group `outlay.scorers` names a function, or a class, that makes a scorer. Its
    keywords are the parameters, and their annotations say how these are read.

    Args:
        spec: A name, and after a colon parameters as `name=value`, separated by commas.
        model_named: Makes the model named in `spec`; absent: with nothing but its name.

    Raises:
        ConfigurationError: The scorer or a parameter is unknown, a value does not fit, or a library it needs
            is not installed, or an entry point fails.
    """
    known: dict[str, Iterable[str]] = {name: kind.model_fields for name, kind in PARAMETERS.items()}
    plugins = {name_in(name): entry for name, entry in installed("outlay.scorers").items()}
    named = name_in(spec)
    if named in plugins and named not in PARAMETERS:
        return _from_plugin(plugins[named], spec)
    name, written = split_known(spec, "scorer", dict.fromkeys(plugins, ()) | known)
    settings = PARAMETERS[name](**written)
    match name, settings:
        case "judge", JudgeParameters():
            return _judge(settings, model_named)
        case "math", MathParameters():
            return mathematics(settings.seconds)
        case "rouge-l", _:
            return rouge_l()
        case "locomo", _:
            return Locomo()
    return next(scorer for scorer in PLAIN if scorer.name == name)


def _from_plugin(entry: EntryPoint, spec: str) -> Scorer:
    make = loaded(entry)
    with blamed_on(described(entry)):
        takes = signature(make, eval_str=True).parameters
    _, written = split_known(spec, "scorer", {name_in(spec): takes})
    with blamed_on(described(entry)):
        made = make(**{key: _read(text, takes[key]) for key, text in written.items()})
    if not isinstance(made, Scorer):
        raise ConfigurationError(f"{described(entry)} gave {type(made).__name__}, which is no Scorer")
    return made


def _read(text: str, parameter: Parameter) -> Any:
    return text if parameter.annotation is Parameter.empty else read(text, parameter.annotation)


def _judge(settings: JudgeParameters, model_named: ModelNamed | None) -> Judge:
    from outlay.model import Model  # noqa: PLC0415 - brings what only a judge needs

    budget = Budget(**settings.model_dump(include=set(Budget.model_fields)))
    model = (model_named or Model)(settings.model)
    return Judge(model, Ledger(budget, name=Judge.name), settings.max_output_tokens)
