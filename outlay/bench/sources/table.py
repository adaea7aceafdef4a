"""CSV: a header with the fields' names, then a record on each row; blank lines are skipped."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from outlay.bench.sources.reading import lines
from outlay.bench.sources.rows import Row, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def rows(path: Path) -> Iterator[Row]:
    """Give the records of a file, called `line-7` after the lines they begin on."""
    header: list[str] = []
    for number, cells in _cells(path):
        place = f"{path}, line {number}"
        if not header:
            header = _header(place, cells)
        elif len(cells) != len(header):
            raise wrong(
                place,
                f"{len(cells)} cells under a header of {len(header)}: "
                "quote cells that hold commas, and give each row as many as the header",
            )
        else:
            yield Row(place=place, id=f"line-{number}", values=dict(zip(header, cells, strict=True)))


def _cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Give the rows that are not blank, each with the line it begins on."""
    reader = csv.reader((line for _, line in lines(path)), strict=True)
    first = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as exc:
            raise wrong(f"{path}, line {first}", f"not CSV ({exc}): correct it, or use JSON lines") from exc
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield first, cells
        first = reader.line_num + 1


def _header(place: str, cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    for name in header:
        if not name or header.count(name) > 1:
            raise wrong(place, f"a header with {name!r} twice or empty: give each column a name of its own")
    return header
