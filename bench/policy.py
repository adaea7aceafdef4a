"""What the policy costs: decisions and training steps per second, on the processor and on CUDA.

    python bench/policy.py [--dimension 384] [--hidden 256] [--seconds 3] [--devices cpu,cuda] [--json]

A decision goes from vectors to a tier and its probability, one at a time or 256 at once. A training step is
one PPO update: 32 questions of five decisions, four epochs. All figures are medians of repeated measurements.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from outlay.memory.modules.routing import MODULES, Decision
from outlay.routers.tiers import PPO, Batch, Card, Features, LearnedRouter, States, adam, ppo_update

if TYPE_CHECKING:
    from collections.abc import Callable

TOGETHER = 256
FEWEST = 5
"""Repetitions, however long they take."""
MICROSECONDS = 1e6


def main() -> None:
    """Measure every device there is, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dimension", type=int, default=384, help="of the embedder's vectors; MiniLM: 384")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each figure")
    parser.add_argument("--devices", default="cpu,cuda", help="those that are not there are left out")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    there = [name for name in asked.devices.split(",") if name == "cpu" or torch.cuda.is_available()]
    rows = [_measured(name, asked) for name in there]
    if asked.json:
        print(json.dumps(rows))
    else:
        _show(rows)


def _measured(device: str, asked: argparse.Namespace) -> dict[str, Any]:
    card = Card(
        features=Features(dimension=asked.dimension, trade_off=True),
        embedder="random",
        hidden=asked.hidden,
        trade_offs=(0.0, 1.0),
    )
    router = LearnedRouter(card.new(torch.randn(len(MODULES), asked.dimension)).to(device), card)
    decisions = _decisions(TOGETHER, asked.dimension)
    one = _median(lambda: router.choose(decisions[0]), device, asked.seconds)
    many = _median(lambda: router.choose_all(decisions), device, asked.seconds)
    ppo, batch = PPO(), _batch(PPO().batch, card.features, device)
    optimiser = adam(router.policy, ppo)
    step = _median(lambda: ppo_update(router.policy, optimiser, batch, ppo), device, asked.seconds)
    return {
        "device": torch.cuda.get_device_name()
        if device == "cuda"
        else f"cpu, {torch.get_num_threads()} threads",
        "parameters": sum(p.numel() for p in router.policy.parameters()),
        "one_at_a_time_per_second": 1 / one,
        "one_microseconds": one * MICROSECONDS,
        "together_per_second": TOGETHER / many,
        "together_microseconds": many * MICROSECONDS,
        "training_steps_per_second": 1 / step,
    }


def _decisions(count: int, dimension: int) -> list[Decision]:
    rows = np.random.default_rng(0).standard_normal((count, 2, dimension)).astype(np.float32)
    return [
        Decision(MODULES[number % len(MODULES)], asked, given, trade_off=0.3)
        for number, (asked, given) in enumerate(rows)
    ]


def _batch(questions: int, features: Features, device: str) -> Batch:
    shape = (questions, len(MODULES))
    states = States(
        torch.randn(*shape, features.size, device=device),
        torch.arange(len(MODULES), device=device).expand(shape),
    )
    actions = torch.randint(3, shape, device=device)
    return Batch(
        states, actions, torch.full(shape, -1.1, device=device), torch.rand(questions, device=device)
    )


def _median(action: Callable[[], object], device: str, seconds: float) -> float:
    """Give the median seconds of an action, after one that does not count."""
    _timed(action, device)
    times: list[float] = []
    while len(times) < FEWEST or sum(times) < seconds:
        times.append(_timed(action, device))
    return statistics.median(times)


def _timed(action: Callable[[], object], device: str) -> float:
    started = time.perf_counter()
    action()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _show(rows: list[dict[str, Any]]) -> None:
    table = Table(title=f"the policy, {rows[0]['parameters']:,} parameters")
    table.add_column("")
    for row in rows:
        table.add_column(row["device"], justify="right")
    figures = {
        "decisions/s, one at a time": "one_at_a_time_per_second",
        f"decisions/s, {TOGETHER} together": "together_per_second",
        "microseconds, one": "one_microseconds",
        f"microseconds, {TOGETHER} together": "together_microseconds",
        "PPO updates/s, 32 questions": "training_steps_per_second",
    }
    for name, key in figures.items():
        table.add_row(name, *(f"{row[key]:,.0f}" for row in rows))
    Console().print(table)


if __name__ == "__main__":
    main()
