"""What is in a bank, run by run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.table import Table

from outlay.cli.bank.opening import open_to_read
from outlay.cli.bill import dollars
from outlay.cli.exits import ANSWERED, print_json
from outlay.cli.live import paper, say
from outlay.errors import ConfigurationError
from outlay.redaction import printable
from outlay.specs import unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from outlay.memory.demonstrations import Trajectory

LONGEST_TASK: Final = 32
LONGEST_GOAL: Final = 48
"""Characters of a column."""


def list_runs(bank: Path, *, failed: bool, as_json: bool) -> int:
    """List the demonstrations, or the failures. Gives the exit status."""
    with open_to_read(bank) as opened:
        runs = [run for run in opened.runs() if not run.success] if failed else list(opened.trajectories())
    if as_json:
        print_json({"bank": str(bank), "failed": failed, "runs": [_facts(run) for run in runs]})
        return ANSWERED
    if runs:
        paper().print(_table(runs), crop=False, soft_wrap=False)
    say(f"{len(runs)} {'failed runs' if failed else 'demonstrations'}")
    return ANSWERED


def show_task(bank: Path, task: str, *, as_json: bool) -> int:
    """Show all runs of a task. Gives the exit status.

    Raises:
        ConfigurationError: The bank has none.
    """
    with open_to_read(bank) as opened:
        runs = opened.get(task)
        if not runs:
            raise ConfigurationError(_no_such(task, [run.task for run in opened.runs()]))
    if as_json:
        print_json({"bank": str(bank), "runs": [run.model_dump(mode="json") for run in runs]})
        return ANSWERED
    for run in runs:
        for line in _told(run):
            say(line)
    return ANSWERED


def _no_such(task: str, known: Sequence[str]) -> str:
    few = f"{unknown('task', task, known).partition('known: ')[0]}"
    return f"{few}outlay bank list shows them all, with --failed those that failed"


def _facts(run: Trajectory) -> dict[str, Any]:
    return {
        "task": run.task,
        "goal": run.goal,
        "steps": len(run.steps),
        "teacher": run.teacher,
        "usd": run.usage.usd,
        "output_tokens": run.usage.output_tokens,
    }


def _table(runs: Sequence[Trajectory]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("task", "goal"):
        table.add_column(heading, no_wrap=True)
    table.add_column("steps", justify="right", no_wrap=True)
    table.add_column("teacher", no_wrap=True)
    table.add_column("dollars", justify="right", no_wrap=True)
    for run in runs:
        texts = (_short(run.task, LONGEST_TASK), _short(run.goal, LONGEST_GOAL))
        table.add_row(*texts, str(len(run.steps)), run.teacher, dollars(run.usage.usd))
    return table


def _short(text: str, most: int) -> str:
    line = " ".join(printable(text).split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def _told(run: Trajectory) -> Iterator[str]:
    steps = f"{len(run.steps)} step{'' if len(run.steps) == 1 else 's'}"
    yield f"{run.task}: {'succeeded' if run.success else 'failed'}, {steps}"
    usage = run.usage
    spent = f"{usage.prompt_tokens:,} prompt tokens, {usage.output_tokens:,} output tokens"
    yield f"by {run.teacher or 'an unnamed teacher'}, {spent}, {dollars(usage.usd)}"
    yield f"goal: {run.goal}"
    if run.plan:
        yield f"plan: {run.plan}"
    for place, step in enumerate(run.steps, 1):
        yield ""
        yield from filter(None, (f"[{place}] {step.observation}".rstrip(), step.reasoning))
        yield f"> {step.action}"
