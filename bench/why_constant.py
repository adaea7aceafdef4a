"""Why a policy is no better than a constant: the questions, what is seen of them, or the training.

    python bench/why_constant.py LOG --policy policy.pt --test TEST [--json]

Rewards per question, at every trade-off, of what was logged of the questions of TEST. The oracle is the
ceiling of the questions. Constants by kind of question show what knowing the kind would be worth: chosen on
LOG, and in hindsight on TEST itself. The outcome model shows what the question's vector is worth without any
reinforcement learning: it takes the run that it predicts to be best. The last columns are of the training:
what the policy earns in the table that it was trained in, beside the best constant and the best tiers of each
question there; where it earns much in the table and little on TEST, it is not the training that fails.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from outlay.bench.tiers.learnt import read_learnt
from outlay.bench.tiers.logs import open_log
from outlay.routers.tiers import LearnedRouter
from outlay.routers.tiers.episode import unpacked
from outlay.routers.tiers.outcomes import VECTORS, Outcomes, codes, fitted
from outlay.routers.tiers.taken import best_vector, by_oracle, by_question, by_router
from outlay.routers.tiers.walking import walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.bench.tiers.learnt import Learnt
    from outlay.routers.tiers import Episode, FixedReward
    from outlay.routers.tiers.taken import Vector

TESTED: Final = ("constant", "policy", "by vector", "by kind", "by kind, hindsight", "oracle")
TRAINED: Final = ("table: constant", "table: policy", "table: oracle")


def main() -> None:
    """Read, compute and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    learnt, router = read_learnt(asked.policy), LearnedRouter.load(asked.policy)
    known = [e for e in open_log(asked.log).episodes if e.id not in learnt.held_out]
    tried = open_log(asked.test).episodes
    rows = [
        {
            "trade_off": at,
            **_tested(router, known, tried, learnt.reward, at),
            **_trained(router, known, learnt, at),
        }
        for at in learnt.fitting.trade_offs
    ]
    print(json.dumps(rows, indent=1)) if asked.json else _show(rows)


def _tested(
    router: LearnedRouter, known: Sequence[Episode], tried: Sequence[Episode], reward: FixedReward, at: float
) -> dict[str, float]:
    def mean(episodes: Sequence[Episode]) -> float:
        return float(np.mean([_worth(e, reward, at) for e in episodes]))

    questions, constant = by_question(tried), best_vector(known, reward, at)
    kinds, hindsight = _by_kind(known, reward, at), _by_kind(tried, reward, at)
    return {
        "constant": mean([_at(own, constant) for own in questions]),
        "policy": mean(by_router(router, tried, at, name="learned").episodes),
        "by vector": mean(_foreseen(known, questions, reward, at)),
        "by kind": mean([_at(own, kinds.get(own[0].kind, constant)) for own in questions]),
        "by kind, hindsight": mean([_at(own, hindsight[own[0].kind]) for own in questions]),
        "oracle": mean(by_oracle(tried, reward, at).episodes),
    }


def _trained(router: LearnedRouter, known: Sequence[Episode], learnt: Learnt, at: float) -> dict[str, float]:
    table = Outcomes.of(
        known, fitted(known), most_weight=learnt.fitting.most_weight, whole=learnt.fitting.whole
    )
    worth = learnt.reward(table.task, table.usd, at)
    asked = np.arange(len(table.ids))
    with torch.no_grad():
        told = np.full(len(asked), at, dtype=np.float32)
        way = walk(router.policy, table, router.card.features, asked, told)
    return {
        "table: constant": float(worth.mean(0).max()),
        "table: policy": float(worth[asked, way.codes].mean()),
        "table: oracle": float(worth.max(1).mean()),
    }


def _worth(episode: Episode, reward: FixedReward, at: float) -> float:
    return float(reward(episode.task, episode.total_usd, at))


def _at(own: Sequence[Episode], vector: Vector) -> Episode:
    """Give a question's run at a vector, or the nearest to it."""
    return max(own, key=lambda e: sum(a == b for a, b in zip(e.tiers, vector, strict=True)))


def _by_kind(episodes: Sequence[Episode], reward: FixedReward, at: float) -> dict[str, Vector]:
    kinds: defaultdict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        kinds[episode.kind].append(episode)
    return {kind: best_vector(own, reward, at) for kind, own in kinds.items()}


def _foreseen(
    known: Sequence[Episode], questions: Sequence[Sequence[Episode]], reward: FixedReward, at: float
) -> list[Episode]:
    """Take of each question the run that the outcome model says is best."""
    model = fitted(known)
    asked = np.stack([unpacked(own[0].question) for own in questions])
    predicted = model.predict(asked, VECTORS)
    worth = reward(predicted[..., 0], np.maximum(predicted[..., 1], 0.0), at)
    return [
        max(own, key=lambda e, row=row: row[codes(np.array(e.tiers))])  # type: ignore[misc]
        for own, row in zip(questions, worth, strict=True)
    ]


def _show(rows: Sequence[dict[str, float]]) -> None:
    table = Table(title="reward of a question, beside the best constant's", title_justify="left")
    table.add_column("λ", justify="right")
    for name in (*TESTED, *TRAINED):
        table.add_column(name, justify="right")
    for row in rows:
        beside = {name: row["table: constant" if name in TRAINED else "constant"] for name in row}
        cells = [
            f"{row[name]:.3f}" if name.endswith("constant") else f"{row[name] - beside[name]:+.3f}"
            for name in (*TESTED, *TRAINED)
        ]
        table.add_row(f"{row['trade_off']:g}", *cells)
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
