"""Some of a source's items: those with certain labels, or so many drawn at random."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from outlay.errors import ConfigurationError
from outlay.specs import unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outlay.bench.items import Item

MOST_VALUES: Final = 20
"""Of a label, that a message lists."""


def chosen(
    items: Sequence[Item],
    *,
    only: Mapping[str, Sequence[str]] = {},
    limit: int | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> tuple[Item, ...]:
    """Give some of `items`, in their order.

    Args:
        items: Of a source.
        only: The values that each of these labels may have, as written; of a label that is a list, one of
            its members must be among them.
        limit: The first so many of those.
        sample: So many of those, drawn without replacement.
        seed: Of the draw.

    Raises:
        ConfigurationError: No item has such a label or value, none has them together, or there are too few
            to draw from.
    """
    left = list(items)
    for label, values in only.items():
        _check_known(items, label, values)
        left = [item for item in left if _said(item, label) & set(values)]
    if not left:
        asked = " and ".join(f"{label}={','.join(values)}" for label, values in only.items())
        raise ConfigurationError(f"no item has {asked}: ask for less")
    left = left[:limit]
    if sample is None:
        return tuple(left)
    if not 1 <= sample <= len(left):
        raise ConfigurationError(f"a sample of {sample} out of {len(left)} items: draw 1 to {len(left)}")
    places = sorted(Random(seed).sample(range(len(left)), sample))  # noqa: S311 - a stated draw, no secret
    return tuple(left[place] for place in places)


def _check_known(items: Sequence[Item], label: str, values: Sequence[str]) -> None:
    labels = sorted({name for item in items for name in item.labels})
    if label not in labels:
        raise ConfigurationError(unknown("label", label, labels))
    there = set[str]().union(*(_said(item, label) for item in items))
    for value in values:
        if value not in there:
            shown = sorted(there) if len(there) <= MOST_VALUES else [f"{len(there)} values"]
            raise ConfigurationError(unknown(f"value of label {label}", value, shown))


def _said(item: Item, label: str) -> set[str]:
    """Give what an item has under a label, as it is written on the command line."""
    value = item.labels.get(label)
    if isinstance(value, list):
        return {str(part) for part in value}
    return set() if value is None else {str(value)}
