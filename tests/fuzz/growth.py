"""Print, for every reader, the CPU time of its slowest hostile text of 25, 50 and 100 kB.

Run `python tests/fuzz/growth.py [SECONDS]`: pieces alone and in pairs are repeated, behind openings that
lead a reader into its inner parts. Pairs are drawn at random for so many seconds a reader. The slowest text
at 25 kB is then doubled twice; linear work doubles each time.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from itertools import product
from random import Random
from time import process_time
from typing import TYPE_CHECKING, Final

sys.path.insert(0, __file__.rpartition("/fuzz/")[0])

from fuzz.hostile import PIECES
from fuzz.readers import READERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OPENINGS: Final = ("", '{"a": "', "f(x=", "1", "[", "Action: ", '{"steps": ["', "```\n", "answer", "hint")
LENGTHS: Final = (25_000, 50_000, 100_000)


def _text(opening: str, unit: str, length: int) -> str:
    return (opening + unit * (length // len(unit) + 1))[:length]


def _seconds(read: Callable[[str], None], text: str) -> float:
    start = process_time()
    with suppress(AssertionError):
        read(text)
    return process_time() - start


def _pairs(random: Random) -> Iterator[tuple[str, str]]:
    yield from product(("",), PIECES)
    while True:
        unit = "".join(random.choices(PIECES, k=random.choice((1, 2, 2, 3))))
        yield random.choice(OPENINGS), unit


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(seconds: float) -> None:
    """Print a line a reader."""
    say("| reader | slowest text | 25 kB | 50 kB | 100 kB | texts |\n|---|---|---|---|---|---|")
    for name, read in READERS.items():
        slowest, tried, end = (0.0, "", "x"), 0, process_time() + seconds
        for opening, unit in _pairs(Random(1)):  # noqa: S311 - no secret
            slowest = max(slowest, (_seconds(read, _text(opening, unit, LENGTHS[0])), opening, unit))
            tried += 1
            if process_time() > end:
                break
        times = (min(_seconds(read, _text(*slowest[1:], length)) for _ in range(3)) for length in LENGTHS)
        shown = " | ".join(f"{1000 * taken:.0f} ms" for taken in times)
        say(f"| {name} | `{(slowest[1] + ' ' + slowest[2]).strip()[:40]!a}` | {shown} | {tried} |")


if __name__ == "__main__":
    main(float(sys.argv[1]) if sys.argv[1:] else 10)
