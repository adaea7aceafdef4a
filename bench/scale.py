"""How a bench grows with its records: records per second and memory, from ten thousand samples to a million.

    python bench/scale.py [--samples 10000,100000,1000000] [--votes 10] [--per-request 1] [--out DIR]

A simulated model answers at once, so all that is measured is Outlay: each item is answered directly and by a
vote, through fences, ledger, records and report. With `--per-request 1` each sample is a call of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import resource

BENCH = (sys.executable, "-m", "outlay", "bench")
COLUMNS = (
    "samples",
    "calls",
    "records",
    "seconds",
    "records/s",
    "CPU s",
    "peak MB",
    "file MB",
    "report s",
    "report MB",
)


def main() -> None:
    """Run each size in a process of its own, and print what they took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", default="10000,100000,1000000")
    parser.add_argument("--votes", type=int, default=10, help="Samples of a vote.")
    parser.add_argument("--per-request", type=int, default=1, help="Samples in one request.")
    parser.add_argument("--out", type=Path, help="Keep the records here.")
    options = parser.parse_args()
    table = Table(*COLUMNS)
    with TemporaryDirectory() as scratch:
        for samples in map(int, options.samples.split(",")):
            out = (options.out or Path(scratch)) / str(samples)
            table.add_row(*_measured(samples, options.votes, options.per_request, out))
            Console(width=120).print(table)


def _measured(samples: int, votes: int, per_request: int, out: Path) -> tuple[str, ...]:
    run = [*BENCH, "run", "--data", f"simulated:{samples // (votes + 1)}", "--out", str(out), "--json"]
    run += ["--model", f"simulated:ability=0.6,seed=1,max_n={per_request}", "--strategy", "direct"]
    run += ["--strategy", f"self-consistency:n={votes},waves=false", "--baselines", "none"]
    run += ["--no-replay", "--no-traces"]
    started = time.monotonic()
    said, used = _ended(run)
    seconds = time.monotonic() - started
    ended = json.loads(said)
    started = time.monotonic()
    _, reporting = _ended([*BENCH, "report", str(out)])
    reported = time.monotonic() - started
    return (
        f"{ended['billed']['generations']:,}",
        f"{ended['billed']['calls']:,}",
        f"{ended['made']:,}",
        f"{seconds:.0f}",
        f"{ended['made'] / seconds:.0f}",
        f"{used.ru_utime + used.ru_stime:.0f}",
        f"{used.ru_maxrss / 1024:.0f}",
        f"{(out / 'records.jsonl').stat().st_size / 1e6:.1f}",
        f"{reported:.1f}",
        f"{reporting.ru_maxrss / 1024:.0f}",
    )


def _ended(command: list[str]) -> tuple[bytes, resource.struct_rusage]:
    """Run a command to its end; gives what it said, and what it alone used."""
    with TemporaryFile() as said:
        running = subprocess.Popen(command, stdout=said, stderr=subprocess.DEVNULL)  # noqa: S603
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {running.returncode}")
        said.seek(0)
        return said.read(), used


if __name__ == "__main__":
    main()
