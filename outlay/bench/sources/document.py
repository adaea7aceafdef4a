"""One JSON document: LoCoMo's conversations, or a list of records (HotpotQA's, or anyone's)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.bench.sources import locomo
from outlay.bench.sources.reading import lines, parsed
from outlay.bench.sources.rows import Row, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def rows(path: Path) -> Iterator[Row]:
    """Give the records of a file, called `record-7` after their places in it, from 1."""
    text = "".join(line for _, line in lines(path))
    records = parsed(str(path), text, hint="correct it; a file of one object per line is called .jsonl")
    if not isinstance(records, list):
        raise wrong(str(path), "its JSON is no list: make it a list of objects")
    for number, record in enumerate(records, 1):
        place = f"{path}, record {number}"
        if not isinstance(record, dict):
            raise wrong(place, "no JSON object: make the file a list of objects")
        if locomo.knows(record):
            yield from locomo.rows(place, record)
        else:
            yield Row(place=place, id=f"record-{number}", values=record)
