"""Banks out of files of JSON lines, and into them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from outlay.cli.bank.opening import open_or_create, open_to_read
from outlay.cli.exits import ANSWERED, print_json
from outlay.cli.live import say
from outlay.cli.output import CleanOutput
from outlay.errors import ConfigurationError
from outlay.memory.demonstrations import read_trajectories, write_trajectories

if TYPE_CHECKING:
    from pathlib import Path


def import_file(bank: Path, file: Path, *, teacher: str, embedder: str | None, as_json: bool) -> int:
    """Add a file to a bank, and say what became of its lines. Gives the exit status."""
    trajectories = read_trajectories(file, teacher=teacher)
    if not trajectories:
        raise ConfigurationError(f"{file} has no line: give a file of trajectories, or of answered questions")
    with CleanOutput(wanted=as_json), open_or_create(bank, embedder) as opened:
        added = opened.add(trajectories)
        size = opened.stats().trajectories
    if as_json:
        print_json({
            "bank": str(bank),
            "lines": len(trajectories),
            **added.model_dump(),
            "demonstrations": size,
        })
        return ANSWERED
    parts = [f"{added.kept} kept", f"{added.failed} failed", f"{added.duplicates} duplicates"]
    parts += [f"{added.empty} without a step to show"] * bool(added.empty)
    say(f"{len(trajectories)} lines: {', '.join(parts)}. The bank {bank} has {size} demonstrations.")
    return ANSWERED


def export_file(bank: Path, file: Path | None, *, as_json: bool) -> int:
    """Write a bank's runs to a file, or to standard output. Gives the exit status."""
    with open_to_read(bank) as opened:
        runs = opened.runs()
    if file is None:
        for run in runs:
            # ASCII, so that no terminal's encoding can break it.
            sys.stdout.write(json.dumps(run.model_dump(mode="json")) + "\n")
        return ANSWERED
    written = write_trajectories(file, runs)
    if as_json:
        print_json({"file": str(file), "runs": written})
    else:
        say(f"{written} runs are written to {file}")
    return ANSWERED
