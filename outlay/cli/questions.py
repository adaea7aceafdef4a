"""Questions with known answers as they are named on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outlay.bench.items import Item

SIMULATED_DATA: Final = "simulated:"
"""What stands before the number of simulated questions."""


@dataclass(frozen=True, kw_only=True)
class QuestionsOrder:
    """Which questions, and how answers to them are scored."""

    data: str
    limit: int | None = None
    only: tuple[str, ...] = ()
    """`LABEL=VALUE,VALUE...` each."""
    sample: int | None = None
    sample_seed: int = 0
    fields: str | None = None
    subset: str | None = None
    split: str = "test"
    scorer: str | None = None


def read_items(order: QuestionsOrder) -> tuple[Item, ...]:
    """Load the questions.

    Raises:
        ConfigurationError: There are none, or the order is wrong.
    """
    from outlay.bench.sources import chosen  # noqa: PLC0415

    only = _only(order.only)
    # Nothing after the limit is read; which are the first with certain labels shows only in all of them.
    items = _loaded(order, None if only else order.limit)
    return chosen(items, only=only, limit=order.limit, sample=order.sample, seed=order.sample_seed)


def source_of(order: QuestionsOrder) -> str:
    """Name the items for reports: a file without its folders, a data set with its part."""
    if Path(order.data).is_file():
        return Path(order.data).name
    if order.data.startswith(SIMULATED_DATA):
        return order.data
    return "/".join(part for part in (order.data, order.subset, order.split) if part)


def _loaded(order: QuestionsOrder, limit: int | None) -> tuple[Item, ...]:
    from outlay.bench.simulation import simulated_items  # noqa: PLC0415
    from outlay.bench.sources import load  # noqa: PLC0415

    fields = dict(_pair(part) for part in order.fields.split(",")) if order.fields else {}
    if not f"{order.data}:".startswith(SIMULATED_DATA):
        return load(order.data, limit=limit, fields=fields, subset=order.subset, split=order.split)
    count = order.data.partition(":")[2]
    if not count.isdigit() or not int(count):
        raise ConfigurationError(f"cannot read {order.data!r}: write simulated:COUNT")
    return simulated_items(min(int(count), limit or int(count)))


def _only(written: Iterable[str]) -> dict[str, tuple[str, ...]]:
    only: dict[str, tuple[str, ...]] = {}
    for text in written:
        label, equals, values = text.partition("=")
        parts = tuple(part.strip() for part in values.split(",") if part.strip())
        if not equals or not label.strip() or not parts:
            raise ConfigurationError(f"cannot read --only {text}: write LABEL=VALUE,VALUE, e.g. category=1,4")
        if label.strip() in only:
            raise ConfigurationError(f"--only {label.strip()}= is given twice: write its values once")
        only[label.strip()] = parts
    return only


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not equals:
        raise ConfigurationError(f"cannot read --fields {text}: write question=THEIRS,answer=THEIRS")
    return ours.strip(), theirs.strip()
