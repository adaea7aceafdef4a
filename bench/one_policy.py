"""One policy for all trade-offs beside one for each, on two toys whose best tiers are known.

    python bench/one_policy.py [--seeds 10] [--updates 600] [--one-updates 600] [--world page] [--json]

All are rewarded on the same fixed scale and learn with the same PPO from as many questions per update; the
one for all may be given more updates, as it stands for seven. The rewards are exact: those of the likeliest
tiers of every kind of question. Of the page's toy one constant answer is right at every trade-off; of the
graded one, another at nearly each. With `--entropy 0.03` fewer policies get stuck than with the paper's 0.01.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.console import Console
from rich.table import Table

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the toys are the tests'

from routers.tiers.sweeping import LEARNING, alone, best, graded, one, page

from outlay.routers.tiers import SWEEP

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from routers.tiers.sweeping import World

WITHIN = 0.02
"""Of the reward of a policy that was trained for that trade-off alone."""
WORLDS = {"page": page, "graded": graded}


def main() -> None:
    """Train, compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--updates", type=int, default=600, help="of each policy")
    parser.add_argument("--one-updates", type=int, help="of the one for all; unless given as many")
    parser.add_argument("--world", choices=[*WORLDS, "both"], default="both")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--entropy", type=float, default=0.01, help="its coefficient, for all; the paper's")
    asked = parser.parse_args()
    torch.set_num_threads(1)  # these tensors are too small to be divided
    names = list(WORLDS) if asked.world == "both" else [asked.world]
    found = [
        _compared(
            WORLDS[name](), asked.seeds, asked.updates, asked.one_updates or asked.updates, asked.entropy
        )
        for name in names
    ]
    if asked.json:
        print(json.dumps(found))
        return
    for result in found:
        _show(result)


def _compared(world: World, seeds: int, updates: int, one_updates: int, entropy: float) -> dict[str, Any]:
    started = time.process_time()
    ppo = LEARNING.model_copy(update={"entropy_coefficient": entropy})
    each, together = alone(world, SWEEP, seeds, updates, ppo), one(world, SWEEP, seeds, one_updates, ppo)
    shares = together.mean(1) / each.mean(1)
    return {
        "world": world.name,
        "seeds": seeds,
        "updates": updates,
        "one_updates": one_updates,
        "entropy_coefficient": entropy,
        "cpu_seconds": time.process_time() - started,
        "trade_off": list(SWEEP),
        "best": best(world, SWEEP).tolist(),
        "alone": _summary(each),
        "one": _summary(together),
        "share": shares.tolist(),
        "within": bool((shares >= 1 - WITHIN).all()),
    }


def _summary(rewards: NDArray[Any]) -> dict[str, list[float]]:
    return {"mean": rewards.mean(1).tolist(), "least": rewards.min(1).tolist()}


def _show(result: dict[str, Any]) -> None:
    table = Table(title=f"{result['world']}: reward, mean of {result['seeds']} seeds (least)")
    for heading in ("lambda", "best there is", "one for each", "one for all", "of that"):
        table.add_column(heading, justify="right")
    for place, trade_off in enumerate(result["trade_off"]):
        told = [
            f"{result[who]['mean'][place]:.4f} ({result[who]['least'][place]:.4f})"
            for who in ("alone", "one")
        ]
        table.add_row(
            f"{trade_off:g}", f"{result['best'][place]:.4f}", *told, f"{result['share'][place]:.2%}"
        )
    console = Console()
    console.print(table)
    verdict = "at every one" if result["within"] else "NOT at every one"
    console.print(f"within {WITHIN:.0%}: {verdict}; {result['cpu_seconds']:.0f} s of CPU")


if __name__ == "__main__":
    main()
