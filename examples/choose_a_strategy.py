"""Which strategy is worth its tokens? Measured on a simulated model, so that it runs at once and offline.

    python examples/choose_a_strategy.py

With `model="gguf:..."` or a provider's model, and `load("questions.jsonl")` for your own questions, it is
the same program. `outlay bench run` and `outlay bench report` do this from the command line.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from outlay.bench import (
    Directory,
    Plan,
    Sweep,
    budgets_of,
    conditions,
    measure,
    simulated_items,
    with_baselines,
)
from outlay.bench.analysis import analyse
from outlay.bench.report.words import sentences


def main() -> None:
    """Measure three strategies under two budgets, and say what came out."""
    strategies = with_baselines(["plan-and-budget"], samples=[3])
    sweep = Sweep(conditions(strategies, budgets_of(output_tokens=(128, 256))), simulated_items(40))
    with TemporaryDirectory() as out:
        plan = Plan(
            sweep=sweep, source="simulated questions", scorer="numeric", out=Path(out), model="simulated"
        )
        print("ended:", asyncio.run(measure(plan)))
        bench = Directory(plan.out)
        findings = analyse(bench.manifest(), bench.items(), bench.trials())
    for figures in findings.figures:
        if figures.accuracy and figures.spend:
            mean = f"{figures.accuracy.value:.0f}%, {figures.spend.output_tokens:.0f} output tokens"
            print(f"{figures.condition.label}: {mean}")
    print(*sentences(findings), sep="\n")


if __name__ == "__main__":
    main()
