"""How a memory grows with what is said: ten thousand turns, appended one by one and looked for.

    python bench/memory.py [--turns 10000] [--every 1000] [--embedder minilm] [--out DIR] [--json]

The turns are sentences out of the standard library's docstrings and comments, twenty to a session, said by
two in turn. After every thousand: what an append took; a retrieve that finds a thousand new turns (it chunks
and embeds them); one that finds a single new turn; one that finds nothing new; and a whole answer of
BudgetMem with all modules at MID, where rules do the work and a scripted model answers at once. At
the end the memory is opened, and made again from its turns alone. With `--embedder hash` no model is in the
way: what is left is Outlay.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from sentences import sentences

from outlay.agents.budget_mem import BudgetMem
from outlay.memory.conversations import Memory, Utterance
from outlay.retrieval import SentenceEmbedder
from outlay.testing import HashEmbedder, ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outlay.model import Request
    from outlay.retrieval import Embedder

K = 5
PER_SESSION = 20
SINGLE = 20
"""Turns that are looked for as soon as they are appended, of every thousand."""
ANSWERS = 20
QUESTIONS = 100 + ANSWERS


@dataclass(frozen=True)
class Row:
    """What was measured when so many turns were there; milliseconds of wall time."""

    turns: int
    chunks: int
    append_ms: float
    """Median of one turn, on the disk."""
    append_p99_ms: float
    catch_up_ms: float
    """The first retrieve after all of these turns."""
    after_one_ms: float
    """Median retrieve after one new turn."""
    retrieve_ms: float
    """Median retrieve when nothing is new, of questions not asked before."""
    answer_ms: float
    """Median of a whole answer but for its model."""
    megabytes: float


@dataclass(frozen=True)
class End:
    """What opening took when all was there, in seconds."""

    open_s: float
    """To the first answer, of what is whole."""
    rebuild_s: float
    """To the first answer, of turns alone."""
    batch_append_s: float
    """All turns in one call."""


def main() -> None:
    """Measure, and print a row per thousand turns."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=1_000)
    parser.add_argument("--embedder", choices=("minilm", "hash"), default="minilm")
    parser.add_argument("--out", type=Path, help="Keep the memory here; a directory that is not there.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with TemporaryDirectory() as scratch:
        path = options.out or Path(scratch) / "memory"
        texts = sentences(options.turns + QUESTIONS * (options.turns // options.every))
        turns = [_turn(number, text) for number, text in enumerate(texts[: options.turns])]
        questions = iter(texts[options.turns :])
        rows = list(_growing(path, options.embedder, turns, questions, options.every))
        end = _ended(path, options.embedder, turns, Path(scratch) / "batch")
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "end": asdict(end)}, indent=1))
    else:
        _show(rows, end)


def _turn(number: int, text: str) -> Utterance:
    session = f"session {number // PER_SESSION}"
    return Utterance(text=text, speaker=("Ann", "Bob")[number % 2], session=session, time=session)


def _growing(
    path: Path, embedder: str, turns: list[Utterance], questions: Iterator[str], every: int
) -> Iterator[Row]:
    with Memory.create(path, _embedder(embedder)) as memory:
        memory.embedder.embed(["what loads the model is not measured"])
        for first in range(0, len(turns), every):
            some = turns[first : first + every]
            appends = [_ms(lambda one=one: memory.append(one)) for one in some[:-SINGLE]]
            catch_up = _ms(lambda: memory.retrieve(next(questions), K))
            after_one = []
            for one in some[-SINGLE:]:
                appends.append(_ms(lambda one=one: memory.append(one)))
                after_one.append(_ms(lambda: memory.retrieve(next(questions), K)))
            asked = QUESTIONS - SINGLE - 1 - ANSWERS
            answering = BudgetMem(ScriptedModel(_answer), memory, "mid")
            yield Row(
                turns=first + len(some),
                chunks=len(memory),
                append_ms=statistics.median(appends),
                append_p99_ms=statistics.quantiles(appends, n=100)[-1],
                catch_up_ms=catch_up,
                after_one_ms=statistics.median(after_one),
                retrieve_ms=statistics.median(
                    _ms(lambda: memory.retrieve(next(questions), K)) for _ in range(asked)
                ),
                answer_ms=statistics.median(
                    _ms(lambda answering=answering: answering.run(next(questions))) for _ in range(ANSWERS)
                ),
                megabytes=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6,
            )


def _ended(path: Path, embedder: str, turns: list[Utterance], batch: Path) -> End:
    def opened() -> None:
        with Memory.open(path, model) as memory:
            memory.retrieve("What was said?", K)

    def appended() -> None:
        with Memory.create(batch, model) as memory:
            memory.append(*turns)

    model = _embedder(embedder)
    model.embed(["what loads the model is not measured"])
    open_ms = _ms(opened)
    shutil.rmtree(path / "chunks")
    return End(open_ms / 1e3, _ms(opened) / 1e3, _ms(appended) / 1e3)


def _embedder(name: str) -> Embedder:
    return SentenceEmbedder() if name == "minilm" else HashEmbedder()


def _answer(_request: Request) -> str:
    return "vase"


def _ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3


def _show(rows: list[Row], end: End) -> None:
    names = "turns", "chunks", "append", "p99", "all new", "1 new", "none new", "answer", "MB"
    table = Table(*names, title="milliseconds: append, retrieve, answer", title_justify="left")
    for row in rows:
        values = asdict(row).values()
        table.add_row(*(f"{value:,}" if isinstance(value, int) else f"{value:,.2f}" for value in values))
    Console(width=100).print(table)
    print(f"opened and asked in {end.open_s:.2f} s; made again from its turns in {end.rebuild_s:.1f} s; ")
    print(f"all turns appended in one call in {end.batch_append_s:.2f} s")


if __name__ == "__main__":
    main()
