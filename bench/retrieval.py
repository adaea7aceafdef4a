"""What an index costs beside the FAISS it stands on, and what it finds: 1e3, 1e5 and 1e6 vectors.

    python bench/retrieval.py [--sizes 1000,100000,1000000] [--kind auto] [--out DIR] [--json]

20,000 sentences out of the standard library's docstrings and comments are embedded with MiniLM; 1,024 of them
are held back as queries, the others are repeated up to size with noise, so that vectors lie in bunches as
those of similar texts do. Of each size, in one process: recall@6 against an exact search, queries per second
in batches of 64, ids only, ours and raw FAISS taking turns over the same file; what looking up and fetching
the records adds; and memory. The largest size needs 8 GB of memory and 6 GB of disk, and is built by batches.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table
from vectors import DIMENSION, FILES, K, embedded, write_exact, write_vectors

from outlay.retrieval import Entry, Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

BATCH = 64
ADDED = 10_000
"""Entries per transaction."""
REPEATS = 5
MEGABYTE = 1e6


@dataclass(frozen=True)
class Row:
    """What was measured at one size."""

    vectors: int
    kind: str
    recall: float
    ours_per_second: float
    raw_per_second: float
    ratio: float
    """Our time by the clock, as a multiple of raw FAISS's."""
    cpu_ratio: float
    """The same in CPU time, which tells more where others use the machine."""
    found_per_second: float
    """Queries with their records looked up and fetched."""
    fetching_ms: float
    """What that adds, milliseconds of CPU per batch."""
    ours_mb: float
    raw_mb: float
    build_seconds: float
    build_peak_mb: float
    open_seconds: float


class Rows:
    """An embedder to whom a text is the number of a row: what is measured is the index."""

    name = "rows"
    dimension = DIMENSION

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def embed(self, texts: Iterable[str]) -> Vectors:
        return np.array(self._vectors[[int(text) for text in texts]])


def main() -> None:
    """Measure each size in processes of its own, and print a table."""
    asked = _arguments()
    if asked.step:
        print(json.dumps(STEPS[asked.step](asked)))
        return
    with TemporaryDirectory() as temporary:
        out = Path(asked.out or temporary)
        out.mkdir(parents=True, exist_ok=True)
        base = embedded(out)
        rows = [_measured(base, int(size), out, asked.kind) for size in asked.sizes.split(",")]
    if asked.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        _show(rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", default="1000,100000,1000000", help="numbers of vectors")
    parser.add_argument("--kind", default="auto", choices=["auto", "flat", "hnsw", "ivf"])
    parser.add_argument("--out", help="keep embeddings and indexes there; else they are deleted")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--step", choices=list(STEPS), help=argparse.SUPPRESS)
    return parser.parse_args()


def _measured(base: Vectors, size: int, out: Path, kind: str) -> Row:
    place = out / f"{size}-{kind}"
    place.mkdir(exist_ok=True)
    queries = write_vectors(base, size, place)
    write_exact(queries, size, place)
    built = {} if (place / "built.json").exists() else _step("build", place, kind)
    if built:
        (place / "built.json").write_text(json.dumps(built))
    built = json.loads((place / "built.json").read_text())
    return Row(vectors=size, **built, **_step("search", place, kind))


def _step(step: str, place: Path, kind: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--step", step, "--out", str(place), "--kind", kind]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _build(asked: argparse.Namespace) -> dict[str, Any]:
    vectors = np.memmap(Path(asked.out) / FILES[0], dtype=np.float32, mode="r").reshape(-1, DIMENSION)
    started = time.perf_counter()
    with Index.create(Path(asked.out) / "index", Rows(vectors), kind=asked.kind) as index:
        for first in range(0, len(vectors), ADDED):
            numbers = range(first, min(first + ADDED, len(vectors)))
            index.add(Entry(record=_record(number), keys={"text": (str(number),)}) for number in numbers)
        index.save()
    return {"build_seconds": time.perf_counter() - started, "build_peak_mb": _peak() / MEGABYTE}


def _record(number: int) -> dict[str, Any]:
    return {"number": number, "text": f"What was said about the thing of number {number}. " * 4}


def _search(asked: argparse.Namespace) -> dict[str, Any]:
    import faiss  # noqa: PLC0415 - so that its memory is in what is there before

    place = Path(asked.out)
    queries, exact = np.load(place / FILES[1]), np.load(place / FILES[2])
    before = _resident()
    started = time.perf_counter()
    index = Index.open(place / "index", Rows(queries))
    opened = time.perf_counter() - started
    with_ours = _resident()
    [file] = (place / "index").glob("*.faiss")
    whole = faiss.read_index(str(file))
    with_raw = _resident()
    raw = _unwrapped(faiss, whole, index.kinds["text"])
    _, found = index.search_vectors("text", queries, K)
    # Rows count from 1, and were added in order.
    hits = sum(
        len(set(near) & set(true)) for near, true in zip((found - 1).tolist(), exact.tolist(), strict=True)
    )
    batches = [queries[first : first + BATCH] for first in range(0, len(queries), BATCH)]
    names = [[str(n) for n in range(first, first + BATCH)] for first in range(0, len(queries), BATCH)]
    ours, theirs = _in_turn(
        len(batches),
        lambda turn: index.search_vectors("text", batches[turn], K),
        lambda turn: raw.search(batches[turn], K),
    )
    plain, fetched = _in_turn(
        len(batches),
        lambda turn: index.search_vectors("text", batches[turn], K),
        lambda turn: _fetch(index, names[turn]),
    )
    return {
        "kind": index.kinds["text"],
        "recall": hits / exact.size,
        "ours_per_second": ours.per_second,
        "raw_per_second": theirs.per_second,
        "ratio": sum(ours.wall) / sum(theirs.wall),
        "cpu_ratio": statistics.median(ours.cpu) / statistics.median(theirs.cpu),
        "found_per_second": fetched.per_second,
        "fetching_ms": 1e3 * (statistics.median(fetched.cpu) - statistics.median(plain.cpu)),
        "ours_mb": (with_ours - before) / MEGABYTE,
        "raw_mb": (with_raw - with_ours) / MEGABYTE,
        "open_seconds": opened,
    }


STEPS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {"build": _build, "search": _search}


def _unwrapped(faiss: Any, whole: Any, kind: str) -> Any:
    """Give the bare index of `kind`, as somebody without us would search it, at the same settings."""
    from outlay.retrieval import shapes  # noqa: PLC0415

    if kind == "ivf":
        whole.nprobe = shapes.probes_for(whole.nlist)
        return whole
    bare = faiss.downcast_index(whole.index)
    if kind == "hnsw":
        bare.hnsw.efSearch = shapes.width_for(whole.ntotal)
    return bare


def _fetch(index: Index, queries: list[str]) -> None:
    found = {hit.id for hits in index.search("text", queries, K) for hit in hits}
    assert len(index.records(tuple(found))) == len(found) >= K  # noqa: S101


@dataclass
class Timed:
    """Seconds that one way of searching took, batch by batch."""

    wall: list[float]
    cpu: list[float]

    @property
    def per_second(self) -> float:
        """Queries, by the clock."""
        return BATCH / statistics.mean(self.wall)


def _in_turn(turns: int, *actions: Callable[[int], object]) -> list[Timed]:
    """Time each action at each turn, in an order that changes, after a round that does not count.

    On a busy machine it is whoever comes after a long run that waits for the processor.
    """
    times = [Timed([], []) for _ in actions]
    for number in range(turns * (REPEATS + 1)):
        order = list(zip(actions, times, strict=True))
        random.Random(number).shuffle(order)  # noqa: S311
        for action, its in order:
            wall, cpu = time.perf_counter(), time.process_time()
            action(number % turns)
            its.cpu.append(time.process_time() - cpu)
            its.wall.append(time.perf_counter() - wall)
    return [Timed(its.wall[turns:], its.cpu[turns:]) for its in times]


def _peak() -> int:
    # Not getrusage's, which a process inherits from the one that started it.
    [kilobytes] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) * 1024


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _show(rows: list[Row]) -> None:
    table = Table(title=f"recall@{K} and queries per second, batches of {BATCH}, {DIMENSION} dimensions")
    for heading in ("", *(f"{row.vectors:,}" for row in rows)):
        table.add_column(heading, justify="right" if heading else "left")
    for name, form in SHOWN.items():
        table.add_row(name, *(form(row) for row in rows))
    Console().print(table)


SHOWN: dict[str, Callable[[Row], str]] = {
    "kind": lambda row: row.kind,
    f"recall@{K}": lambda row: f"{row.recall:.3f}",
    "queries/s, ids only": lambda row: f"{row.ours_per_second:,.0f}",
    "queries/s, raw FAISS": lambda row: f"{row.raw_per_second:,.0f}",
    "time, of raw FAISS's": lambda row: f"{row.ratio:.2f}x",
    "CPU, of raw FAISS's": lambda row: f"{row.cpu_ratio:.2f}x",
    "queries/s, with records": lambda row: f"{row.found_per_second:,.0f}",
    "fetching adds, CPU ms a batch": lambda row: f"{row.fetching_ms:.1f}",
    "memory, MB": lambda row: f"{row.ours_mb:,.0f}",
    "memory of raw FAISS, MB": lambda row: f"{row.raw_mb:,.0f}",
    "build, s": lambda row: f"{row.build_seconds:,.0f}",
    "build, peak MB": lambda row: f"{row.build_peak_mb:,.0f}",
    "open, s": lambda row: f"{row.open_seconds:.2f}",
}


if __name__ == "__main__":
    main()
