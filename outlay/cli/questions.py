"""Questions with known answers as they are named on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from outlay.bench.items import Item

SIMULATED_DATA: Final = "simulated:"
"""What stands before the number of simulated questions."""


@dataclass(frozen=True, kw_only=True)
class QuestionsOrder:
    """Which questions, and how answers to them are scored."""

    data: str
    limit: int | None = None
    fields: str | None = None
    subset: str | None = None
    split: str = "test"
    scorer: str | None = None


def read_items(order: QuestionsOrder) -> tuple[Item, ...]:
    """Load the questions.

    Raises:
        ConfigurationError: There are none, or the order is wrong.
    """
    from outlay.bench.simulation import simulated_items  # noqa: PLC0415
    from outlay.bench.sources import load  # noqa: PLC0415

    fields = dict(_pair(part) for part in order.fields.split(",")) if order.fields else {}
    if not f"{order.data}:".startswith(SIMULATED_DATA):
        return load(order.data, limit=order.limit, fields=fields, subset=order.subset, split=order.split)
    count = order.data.partition(":")[2]
    if not count.isdigit() or not int(count):
        raise ConfigurationError(f"cannot read {order.data!r}: write simulated:COUNT")
    return simulated_items(min(int(count), order.limit or int(count)))


def source_of(order: QuestionsOrder) -> str:
    """Name the items for reports: a file without its folders, a data set with its part."""
    if Path(order.data).is_file():
        return Path(order.data).name
    if order.data.startswith(SIMULATED_DATA):
        return order.data
    return "/".join(part for part in (order.data, order.subset, order.split) if part)


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not equals:
        raise ConfigurationError(f"cannot read --fields {text}: write question=THEIRS,answer=THEIRS")
    return ours.strip(), theirs.strip()
