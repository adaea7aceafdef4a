"""Code from outside Outlay: by its import path, or by an entry point of an installed distribution."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import cache, reduce
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outlay.errors import ConfigurationError, OutlayError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.metadata import EntryPoint


def installed(group: str) -> Mapping[str, EntryPoint]:
    """Give the entry points of a group by their names; of two with one name, the first on `sys.path`."""
    return _scanned(tuple(sys.path)).get(group, {})


def described(entry: EntryPoint) -> str:
    """Name an entry point and its distribution, for messages."""
    return f"entry point {entry.name!r} of the distribution {distribution(entry)}"


def distribution(entry: EntryPoint) -> str:
    """Give the name and version of the distribution that an entry point comes from."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "(unknown)"


def loaded(entry: EntryPoint) -> Any:
    """Import what an entry point names.

    Raises:
        ConfigurationError: It cannot be imported; the message names the distribution.
    """
    with blamed_on(described(entry)):
        return entry.load()


def imported(path: str) -> Any:
    """Import what `module:attribute` names. The current directory is searched after `sys.path`.

    Raises:
        ConfigurationError: There is no such module or attribute, or the import fails.
    """
    name, _, attribute = path.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    with blamed_on(repr(path)):
        try:
            module = import_module(name)
        except ModuleNotFoundError as exc:
            if exc.name is None or not f"{name}.".startswith(f"{exc.name}."):
                raise
            raise ConfigurationError(
                f"there is no module {exc.name!r} for {path!r}: run outlay in its directory, or install it"
            ) from exc
    try:
        return reduce(getattr, attribute.split("."), module)
    except AttributeError as exc:
        where = getattr(module, "__file__", None) or "built in"
        raise ConfigurationError(f"module {name!r} ({where}) has no {attribute!r}: correct the name") from exc


@contextmanager
def blamed_on(what: str) -> Iterator[None]:
    """Turn any error of code from outside Outlay into one that says whose it is."""
    try:
        yield
    except (OutlayError, KeyboardInterrupt):
        raise
    except BaseException as exc:  # a module may even exit
        said = f"{type(exc).__name__}: {exc}".rstrip(": ")
        raise ConfigurationError(f"{what} cannot be loaded ({said}): correct it, or leave it out") from exc


@cache
def _scanned(_: tuple[str, ...]) -> dict[str, dict[str, EntryPoint]]:
    """Give our groups of entry points; the path is what the cache goes by, as this reads many files."""
    found: dict[str, dict[str, EntryPoint]] = {}
    seen = set[str]()
    for one in metadata.distributions():
        name = one.metadata["Name"] or ""
        if name not in seen:  # else an older copy further down the path
            seen.add(name)
            for entry in _entries(one):
                found.setdefault(entry.group, {}).setdefault(entry.name, entry)
    return found


def _entries(one: metadata.Distribution) -> tuple[EntryPoint, ...]:
    try:
        return tuple(entry for entry in one.entry_points if entry.group.startswith("outlay."))
    except (TypeError, ValueError):  # a damaged file of a distribution that may have nothing to do with us
        return ()
