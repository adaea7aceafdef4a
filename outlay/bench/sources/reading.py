"""Files as text and JSON, with the line of whatever is wrong with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from outlay.bench.sources.rows import wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Give the lines of a UTF-8 file with their numbers from 1; a byte order mark is left out.

    Raises:
        ConfigurationError: A line is not UTF-8.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            yield number, _decoded(path, number, line)


def parsed(place: str, text: str, *, hint: str = "") -> object:
    """Give what a JSON text says.

    Args:
        place: Where it stands.
        text: One JSON value.
        hint: What to change, should it be none.

    Raises:
        ConfigurationError: It is not JSON; NaN and infinities are none.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as exc:
        where = f"column {exc.colno}" if exc.lineno == 1 else f"line {exc.lineno}, column {exc.colno}"
        raise wrong(place, f"not JSON at {where} ({exc.msg}): {hint or 'correct it'}") from exc
    except (ValueError, RecursionError) as exc:
        raise wrong(place, f"not JSON that can be read ({exc}): {hint or 'correct it'}") from exc


def _decoded(path: Path, number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as exc:
        found = f"byte {line[exc.start]:#04x} at position {exc.start + 1}"
        raise wrong(f"{path}, line {number}", f"not UTF-8 ({found}): save the file as UTF-8") from exc


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
