"""Any source by its name: a file, a folder, or a data set on the Hugging Face hub."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from outlay.bench.sources import document, hotpotqa, hugging_face, jsonl, table
from outlay.bench.sources.rows import FIELDS, as_item, wrong
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from outlay.bench.items import Item
    from outlay.bench.sources.rows import Row

FILES: Final[Mapping[str, Callable[[Path], Iterator[Row]]]] = {
    ".jsonl": jsonl.rows,
    ".ndjson": jsonl.rows,
    ".csv": table.rows,
    ".json": document.rows,
}


def load(
    source: str,
    *,
    limit: int | None = None,
    fields: Mapping[str, str] = {},
    subset: str | None = None,
    split: str = "test",
) -> tuple[Item, ...]:
    """Give the items of a source, in its order.

    Args:
        source: A `.jsonl`, `.csv` or `.json` file, a folder that `datasets` can load, or a name on
            the Hugging Face hub, e.g. `openai/gsm8k`.
        limit: The first so many; nothing after them is read.
        fields: The source's name for a field where it is not ours, e.g. `{"question": "problem"}`.
        subset: Of a data set, e.g. `main`.
        split: Of a data set.

    Raises:
        ConfigurationError: There is no such source, or something in it is wrong: file, line, and
            what to change.
    """
    _check(limit, fields)
    try:
        with closing(_rows(source, subset, split)) as rows:
            items = _items(islice(rows, limit), fields)
    except OSError as exc:
        raise ConfigurationError(
            f"{source} cannot be read ({exc.strerror or exc}): check its name and who may read it"
        ) from exc
    if not items:
        raise ConfigurationError(f"{source} holds no items: give a source with at least one record")
    return items


def _items(rows: Iterable[Row], fields: Mapping[str, str]) -> tuple[Item, ...]:
    items: list[Item] = []
    places: dict[str, str] = {}
    for row in rows:
        item = as_item(hotpotqa.told(row) if hotpotqa.knows(row.values) else row, fields)
        if item.id in places:
            raise wrong(row.place, f"the id {item.id!r} is taken ({places[item.id]}): give it another")
        items.append(item)
        places[item.id] = row.place
    return tuple(items)


def _check(limit: int | None, fields: Mapping[str, str]) -> None:
    if limit is not None and limit < 1:
        raise ConfigurationError(f"the limit is {limit}: ask for at least one item")
    for ours in fields:
        if ours not in FIELDS:
            raise ConfigurationError(f"items have no field {ours!r}: name one of {', '.join(FIELDS)}")


def _rows(source: str, subset: str | None, split: str) -> Generator[Row, None, None]:
    path = Path(source)
    if path.is_file():
        yield from _in_file(path, subset)
    elif source.strip() and (path.is_dir() or not _looks_like_a_path(source, path)):
        yield from hugging_face.rows(str(path) if path.is_dir() else source, subset, split)
    else:
        raise ConfigurationError(f"{source!r} does not exist: check the path")


def _in_file(path: Path, subset: str | None) -> Iterator[Row]:
    if path.suffix.lower() not in FILES:
        raise ConfigurationError(f"{path} is of no known kind: name it {', '.join(FILES)}, whichever it is")
    if subset is not None:
        raise ConfigurationError(f"{path} is a file and has no subset {subset!r}: leave it out")
    return FILES[path.suffix.lower()](path)


def _looks_like_a_path(source: str, path: Path) -> bool:
    named = path.suffix.lower() in {*FILES, ".txt", ".tsv", ".parquet"}
    return named or source.startswith((".", "/", "~", "\\")) or source.count("/") > 1 or "\\" in source
