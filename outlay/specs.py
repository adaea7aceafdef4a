"""Things named in one text: `'self-consistency:n=3,threshold=0.9'` read into a name and parameters.

Strategies, scorers and simulated models are named so, on the command line and in Python. A comma inside
`[...]`, `{...}` or `"..."` separates nothing; `none`, fractions such as `1/3`, and JSON lists and objects are
understood where a parameter's type takes them.
"""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_OPENING: Final = frozenset('[{"')
_PART: Final = re.compile(r"""(?:[^,\[{"]|\[[^]]*\]|\{[^}]*\}|"[^"]*")+|[\[{"]""")
"""What stands between separating commas; the last alternative is what was opened and not closed."""
_FRACTION: Final = re.compile(r"-?\d+/[1-9]\d*")
_IMPORT_PATH: Final = re.compile(r"\s*([^\W\d][\w.]*:[^\W\d][\w.]*)(?=:|\Z)")


def name_in(spec: str) -> str:
    """Give what stands before the colon, with hyphens for underscores."""
    return spec.partition(":")[0].strip().replace("_", "-")


def import_path_in(spec: str) -> str:
    """Give the import path that `spec` begins with, or `""`: `module:Name`, then the end or a colon."""
    found = _IMPORT_PATH.match(spec.rstrip())
    return found[1] if found else ""


def split(spec: str, path: str = "") -> tuple[str, dict[str, str]]:
    """Split `spec` into its name and its parameters as written, with underscores for hyphens.

    Args:
        spec: The text.
        path: The import path that it begins with, if its name is one.

    Raises:
        ConfigurationError: It is not of the form `name:parameter=value,...`, or says something twice.
    """
    name, parameters = path or name_in(spec), dict[str, str]()
    written = spec.strip()[len(path) :] if path else spec
    for part in filter(str.strip, _PART.findall(written.partition(":")[2])):
        if part in _OPENING:
            raise ConfigurationError(f"cannot read {spec!r}: the {part} in it is not closed")
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key:
            raise ConfigurationError(
                f"cannot read {part.strip()!r} in {spec!r}: write name=value once, between commas"
            )
        key = key.replace("-", "_")
        if key in parameters:
            raise ConfigurationError(
                f"parameter {key!r} of {name} is given twice: write name=value once, between commas"
            )
        parameters[key] = value
    return name, parameters


def split_known(
    spec: str, what: str, known: Mapping[str, Iterable[str]], path: str = ""
) -> tuple[str, dict[str, str]]:
    """Split `spec`, which must be among the `known` names, with parameters of those listed there.

    Args:
        spec: As `split` takes it.
        what: Is named, in a word.
        known: Every name, and the parameters it takes.
        path: The import path that `spec` begins with, if its name is one.

    Raises:
        ConfigurationError: It is not of that form, or something in it is unknown.
    """
    name = path or name_in(spec)
    if name not in known:  # said first: a text that names nothing may hold anything
        raise ConfigurationError(unknown(what, name, known))
    name, parameters = split(spec, path)
    takes = list(known[name])
    for key in parameters:
        if key not in takes:
            raise ConfigurationError(unknown(f"parameter of {name}", key, takes))
    return name, parameters


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Say that `name` is not among those `known`, and which of them was probably meant."""
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {what} {name!r}: {meant}known: {', '.join(names) or 'none'}"


def read(text: str, annotation: Any) -> Any:
    """Give the first reading of `text` that the type takes; the text itself when none does."""
    kind: TypeAdapter[Any] = TypeAdapter(annotation)
    for candidate in _readings(text):
        try:
            return kind.validate_python(candidate)
        except ValidationError:
            continue
    return text


def write(value: object) -> str:
    """Write a value that was read, so that `read` gives it again."""
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


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
