"""`outlay strategies`: what there is to choose from."""

from __future__ import annotations

import inspect
import json
import re
import types
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

from rich import box
from rich.table import Table
from rich.text import Text

from outlay.agents.spec import STRATEGIES, collaborators, plugins, strategy_named
from outlay.cli.exits import ANSWERED, print_json
from outlay.cli.live import paper, say_aside
from outlay.errors import ConfigurationError
from outlay.plugins import distribution
from outlay.redaction import mask

if TYPE_CHECKING:
    from outlay.strategy import Strategy

OWN: Final = "outlay"
"""The distribution of Outlay's own strategies."""
_ARXIV: Final = re.compile(r"arXiv[: ]\s*(\d{4}\.\d{4,5})")


def list_strategies(*, as_json: bool) -> int:
    """Print every strategy with its paper, what the budget buys, and its parameters.

    One of another distribution that cannot be loaded is named, and the others are listed all the same.
    """
    entries = [describe(kind) for kind in STRATEGIES.values()]
    broken: list[dict[str, str]] = []
    for name, entry in plugins().items():
        source = distribution(entry)
        try:
            entries.append({**describe(strategy_named(name)), "name": name, "distribution": source})
        except ConfigurationError as exc:
            broken.append({"name": name, "distribution": source, "error": str(exc)})
    if as_json:
        print_json({"strategies": entries, "broken": broken})
        return ANSWERED
    _show(entries)
    for one in broken:
        say_aside(f"outlay: {mask(one['error'])}")
    return ANSWERED


def _show(entries: list[dict[str, Any]]) -> None:
    console = paper()
    for entry in entries:
        source = f"  arXiv {entry['arxiv']}" if entry["arxiv"] else ""
        source += f"  from {entry['distribution']}" if entry["distribution"] != OWN else ""
        console.print(Text.assemble((entry["name"], "bold cyan"), (source, "dim")), soft_wrap=True)
        console.print(f"  the budget buys: {entry['summary']}", soft_wrap=True)
        if further := entry["models"][1:]:
            console.print(f"  further models, given as parameters: {', '.join(further)}")
        if entry["stored"]:
            console.print(f"  given by its path: {', '.join(entry['stored'])}")
        console.print(_parameters(entry["parameters"]))


def describe(kind: type[Strategy[Any]]) -> dict[str, Any]:
    """Give what the command line says of a strategy."""
    source = _ARXIV.search(inspect.getdoc(inspect.getmodule(kind)) or "")
    return {
        "name": kind.name,
        "distribution": OWN,
        "arxiv": source[1] if source else None,
        "summary": kind.summary,
        "models": [name for name in collaborators(kind) if name not in kind.stored],
        "stored": sorted(kind.stored),
        "parameters": [
            {
                "name": name,
                "type": type_name(field.annotation),
                "default": _written(field.get_default(call_default_factory=True)),
                "about": " ".join((field.description or "").split()),
            }
            for name, field in kind.Config.model_fields.items()
        ],
    }


def type_name(annotation: Any) -> str:
    """Write a type as a person would: the choices of a `Literal`, the parts of a union."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is type(None):
        return "none"
    if origin is Literal:
        return " | ".join(str(choice) for choice in arguments)
    if origin in {Union, types.UnionType}:
        return " | ".join(type_name(part) for part in arguments)
    if origin in {tuple, list, frozenset}:
        return f"list of {type_name(arguments[0])}" if arguments else "list"
    if origin is Annotated:
        return type_name(arguments[0])
    return getattr(annotation, "__name__", str(annotation))


def _parameters(parameters: list[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=True, padding=(0, 1))
    table.add_column("name", no_wrap=True)
    table.add_column("type", style="dim", max_width=28)
    table.add_column("about")
    for parameter in parameters:
        table.add_row(
            f"{parameter['name']}={parameter['default']}", f"<{parameter['type']}>", parameter["about"]
        )
    return table


def _written(default: Any) -> str:
    """Write a default as it would be given on the command line."""
    if default is None:
        return "none"
    if isinstance(default, (bool, list, tuple)):
        return json.dumps(default).replace(" ", "")
    return f"{default:g}" if isinstance(default, float) else str(default)
