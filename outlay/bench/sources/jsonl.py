"""JSON lines: an object on each line; blank lines are skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.bench.sources.reading import lines, parsed
from outlay.bench.sources.rows import Row, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def rows(path: Path) -> Iterator[Row]:
    """Give the records of a file, called `line-7` after their lines."""
    for number, line in lines(path):
        place = f"{path}, line {number}"
        if line.strip():
            record = parsed(place, line.rstrip(), hint="write one JSON object on each line")
            if not isinstance(record, dict):
                raise wrong(place, "a JSON value that is no object: write one JSON object on each line")
            yield Row(place=place, id=f"line-{number}", values=record)
