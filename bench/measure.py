"""Accuracy, output tokens and E3 of strategies on a JSONL of questions: resumable, one table.

    python bench/measure.py --data FILE.jsonl --model gguf:/path/to/model.gguf --limit 40 \
        --output-tokens 200 --strategy direct --strategy self-consistency:n=5 --out DIR

Every finished (strategy, budget, item) is a line in DIR/records.jsonl; a run that was stopped
continues there. Conditions share generations through DIR/replay.sqlite, each billed as if it had
paid: run the loosest budget first, and tighter ones are served as its prefixes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from outlay.agents.plan_and_budget.metric import e3
from outlay.agents.spec import strategy_from_spec
from outlay.answers import same
from outlay.budget import Budget
from outlay.errors import ModelError
from outlay.model import Model
from outlay.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlay.strategy import Answer

PLANNING = ("plan", "assess")


def main() -> None:
    """Run what is missing, then print the table."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    lines = options.data.read_text(encoding="utf-8").splitlines()[: options.limit]
    items = [json.loads(line) for line in lines]
    if not options.report_only:
        asyncio.run(_measure(options, items))
    _report(list(_records(options.out)), {item["id"] for item in items})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="local")
    parser.add_argument("--strategy", action="append", default=[])
    parser.add_argument("--output-tokens", type=int, action="append", default=[])
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--report-only", action="store_true")
    return parser.parse_args()


async def _measure(options: argparse.Namespace, items: list[dict[str, str]]) -> None:
    done = {(r["strategy"], r["budget"], r["id"]) for r in _records(options.out) if "error" not in r}
    conditions = [(spec, tokens) for tokens in options.output_tokens for spec in options.strategy]
    missing = [(s, b, i) for s, b in conditions for i in items if (s, b, i["id"]) not in done]
    turns = asyncio.Semaphore(options.concurrency)
    with (
        Replay(options.out / "replay.sqlite") as replay,
        (options.out / "records.jsonl").open("a", encoding="utf-8") as file,
        Progress(console=Console(stderr=True)) as progress,
    ):
        model = Model(options.model, replay=replay, timeout=3600)
        bar = progress.add_task("items", total=len(missing))

        async def one(spec: str, tokens: int, item: dict[str, str]) -> None:
            async with turns:
                record = await _answer(spec, model, tokens, item)
            file.write(json.dumps(record) + "\n")
            file.flush()
            progress.advance(bar)

        await asyncio.gather(*(one(*condition) for condition in missing))


async def _answer(spec: str, model: Model, tokens: int, item: dict[str, str]) -> dict[str, Any]:
    started = time.monotonic()
    record: dict[str, Any] = {"strategy": spec, "budget": tokens, "id": item["id"], "gold": item["answer"]}
    try:
        answer = await strategy_from_spec(spec, model).arun(item["question"], Budget(output_tokens=tokens))
    except ModelError as exc:
        return record | {"error": f"{type(exc).__name__}: {exc}"}
    return record | _measured(answer, item["answer"]) | {"seconds": round(time.monotonic() - started, 2)}


def _measured(answer: Answer, gold: str) -> dict[str, Any]:
    planning = sum(c.usage.output_tokens for c in answer.report.children if c.name in PLANNING)
    return {
        "value": answer.value,
        "correct": answer.value is not None and same(answer.value, gold),
        "output_tokens": answer.usage.output_tokens,
        "planning_tokens": planning,
        "prompt_tokens": answer.usage.prompt_tokens,
        "calls": answer.usage.calls,
        "stop_reason": answer.stop_reason,
        "degraded": answer.degraded,
        "text": answer.text,
    }


def _records(out: Path) -> Iterator[dict[str, Any]]:
    file = out / "records.jsonl"
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            # A run that was killed may have left half a line.
            with suppress(json.JSONDecodeError):
                yield json.loads(line)


def _report(records: list[dict[str, Any]], ids: set[str]) -> None:
    table = Table(title="95% intervals: bootstrap over items")
    for column in (
        "strategy",
        "budget",
        "n",
        "accuracy %",
        "tokens",
        "planning",
        "E3",
        "E3 total",
        "cut",
        "failed",
    ):
        table.add_column(column, justify="left" if column == "strategy" else "right", overflow="fold")
    conditions = sorted({(r["budget"], r["strategy"]) for r in records})
    for budget, spec in conditions:
        asked = [r for r in records if (r["budget"], r["strategy"]) == (budget, spec) and r["id"] in ids]
        # The last record of an item counts: one that failed was asked again.
        rows = list({record["id"]: record for record in asked}.values())
        table.add_row(spec, str(budget), *_summary(rows))
    Console(width=160).print(table)


def _summary(rows: list[dict[str, Any]]) -> list[str]:
    right = [100.0 * r.get("correct", False) for r in rows]
    accuracy = sum(right) / len(rows)
    total = sum(r.get("output_tokens", 0) for r in rows) / len(rows)
    planning = sum(r.get("planning_tokens", 0) for r in rows) / len(rows)
    low, high = _interval(right)
    return [
        str(len(rows)),
        f"{accuracy:.1f} [{low:.0f}, {high:.0f}]",
        f"{total:.0f}",
        f"{planning:.0f}",
        _e3(accuracy, total - planning),
        _e3(accuracy, total),
        str(sum(r.get("stop_reason") == "budget" for r in rows)),
        str(sum("error" in r for r in rows)),
    ]


def _e3(accuracy: float, tokens: float) -> str:
    return f"{e3(accuracy, tokens):.2f}" if tokens > 0 else "-"


def _interval(values: list[float], draws: int = 2000) -> tuple[float, float]:
    rng = random.Random(0)  # noqa: S311
    means = sorted(sum(rng.choices(values, k=len(values))) / len(values) for _ in range(draws))
    return means[int(draws * 0.025)], means[int(draws * 0.975)]


if __name__ == "__main__":
    main()
