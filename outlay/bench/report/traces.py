"""What each strategy did on each item, cut to size and packed for a page that opens it on demand."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from outlay.bench.report.phrases import budget_words

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from outlay.bench.items import Item
    from outlay.bench.trial import Trial

TEXT_LIMIT: Final = 4_000
"""Characters kept of a question, a context and an answer."""

WRITTEN_LIMIT: Final = 1_500
"""Characters kept of each string that a node wrote."""

PARTS_LIMIT: Final = 60
"""Entries kept of each list and mapping that a node wrote, and of a trace."""

PACKED_LIMIT: Final = 5_000_000
"""Bytes that all packed traces of a page may take."""

RAW_PER_PACKED: Final = 12
"""Answers rarely compress better than this, so no more of them than this is held in memory."""

CHUNK: Final = 150_000
"""Characters of JSON after which a chunk is closed: what is decoded to open one item."""


@dataclass(frozen=True)
class Packed:
    """The traces that fit, in chunks."""

    chunks: tuple[str, ...]
    """Each the packed JSON of `{item number: {item, records}}`."""
    chunk_of: Mapping[int, int]
    """By the item's number, the chunk that holds it; items left out are missing."""


def pack(text: bytes) -> str:
    """Compress and write as base64, the same bytes for the same text."""
    return base64.b64encode(gzip.compress(text, compresslevel=6, mtime=0)).decode("ascii")


def compact(value: object) -> str:
    """Write `value` as JSON without spaces, in the characters it has."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def cut(value: Any, limit: int = WRITTEN_LIMIT) -> Any:
    """Shorten strings, lists and mappings, each saying what is missing of it."""
    match value:
        case str() if len(value) > limit:
            return f"{value[:limit]} … (+{len(value) - limit:,} characters)"
        case dict() if len(value) > PARTS_LIMIT:
            kept = {key: cut(value[key], limit) for key in list(value)[:PARTS_LIMIT]}
            return kept | {"…": f"(+{len(value) - PARTS_LIMIT:,} entries)"}
        case dict():
            return {key: cut(part, limit) for key, part in value.items()}
        case list() if len(value) > PARTS_LIMIT:
            return [*cut(value[:PARTS_LIMIT], limit), f"… (+{len(value) - PARTS_LIMIT:,} entries)"]
        case list():
            return [cut(part, limit) for part in value]
        case _:
            return value


def record_of(trial: Trial) -> dict[str, Any]:
    """Give what the page shows of a record: what it holds besides defaults, with its texts cut."""
    kept = trial.model_dump(mode="json", exclude_defaults=True, exclude={"item", "trace", "budget", "model"})
    trace = [_entry_of(entry.model_dump(mode="json")) for entry in trial.trace[:PARTS_LIMIT]]
    more = {"untraced": missing} if (missing := len(trial.trace) - PARTS_LIMIT) > 0 else {}
    shown: dict[str, Any] = cut(kept, TEXT_LIMIT)
    named = {"strategy": trial.condition.name, "budget": budget_words(trial.budget)}
    return shown | more | named | {"trace": trace}


def item_of(item: Item) -> dict[str, Any]:
    """Give what the page shows of an item, with its texts cut."""
    kept: dict[str, Any] = cut(item.model_dump(mode="json", exclude_defaults=True), TEXT_LIMIT)
    return kept


def measured(trials: Iterable[Trial], sizes: Counter[str]) -> Iterator[Trial]:
    """Pass `trials` on, adding to `sizes` what the records of each item take."""
    for trial in trials:
        sizes[trial.item] += len(compact(record_of(trial)))
        yield trial


def pack_traces(
    items: Sequence[Item],
    preference: Sequence[int],
    sizes: Mapping[str, int],
    trials: Iterable[Trial],
    limit: int = PACKED_LIMIT,
) -> Packed:
    """Pack the records of as many items as fit, holding only those that may.

    Args:
        items: All items.
        preference: The numbers of `items`, those first that should be kept.
        sizes: As `measured`, by the item's id.
        trials: The records, in any order.
        limit: Bytes that the chunks may take together.
    """
    kept = _affordable(items, preference, sizes, limit * RAW_PER_PACKED)
    held: dict[str, list[str]] = {items[i].id: [] for i in kept}
    for trial in trials:
        if trial.item in held:
            held[trial.item].append(compact(record_of(trial)))
    texts = ((i, _item_text(items[i], held.pop(items[i].id))) for i in kept)
    return _packed(texts, limit)


def _entry_of(entry: dict[str, Any]) -> dict[str, Any]:
    usage = {name: count for name, count in entry["usage"].items() if count != 0}
    return entry | {
        "started": round(entry["started"], 4),
        "ended": round(entry["ended"], 4),
        "usage": usage,
        "update": cut(entry["update"]),
    }


def _item_text(item: Item, records: Sequence[str]) -> str:
    return f'{{"item":{compact(item_of(item))},"records":[{",".join(records)}]}}'


def _affordable(
    items: Sequence[Item], preference: Sequence[int], sizes: Mapping[str, int], limit: int
) -> tuple[int, ...]:
    kept = []
    for i in preference:
        if 0 < (size := sizes.get(items[i].id, 0)) <= limit:
            kept.append(i)
            limit -= size
    return tuple(kept)


def _packed(items: Iterable[tuple[int, str]], limit: int) -> Packed:
    chunks: list[str] = []
    chunk_of: dict[int, int] = {}
    for numbers, text in _chunked(items):
        chunk = pack(text.encode(errors="replace"))
        if len(chunk) > limit:
            continue
        limit -= len(chunk)
        chunk_of |= dict.fromkeys(numbers, len(chunks))
        chunks.append(chunk)
    return Packed(chunks=tuple(chunks), chunk_of=chunk_of)


def _chunked(items: Iterable[tuple[int, str]]) -> Iterator[tuple[list[int], str]]:
    numbers: list[int] = []
    parts: list[str] = []
    size = 0
    for i, text in items:
        numbers.append(i)
        parts.append(f'"{i}":{text}')
        size += len(text)
        if size >= CHUNK:
            yield numbers, f"{{{','.join(parts)}}}"
            numbers, parts, size = [], [], 0
    if parts:
        yield numbers, f"{{{','.join(parts)}}}"
