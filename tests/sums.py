"""Sums to be asked, and a server that gets some of them right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from outlay.bench.items import Item

if TYPE_CHECKING:
    from collections.abc import Mapping


def sums(count: int) -> tuple[Item, ...]:
    return tuple(
        Item(id=f"sum-{n}", question=f"What is {n} plus 1?", answers=(str(n + 1),)) for n in range(count)
    )


def number_in(body: Mapping[str, Any]) -> int:
    """Which of the sums a request is about."""
    found = re.search(r"What is (\d+) plus 1", str(body["messages"]))
    assert found is not None
    return int(found[1])


def reply(body: Mapping[str, Any], index: int) -> str:
    """Right for two of three sums, after some words."""
    number = number_in(body)
    return "counting up " * 8 + f"\\boxed{{{number + 1 if number % 3 else number}}}"
