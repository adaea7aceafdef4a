"""The accuracy-cost frontier of strategies on questions with known answers, measured.

```python
items = load("questions.jsonl")
sweep = Sweep(conditions(["direct", "plan-and-budget"], budgets_of(output_tokens=(128, 256))), items)
plan = Plan(sweep=sweep, source="questions", scorer="numeric", out=Path("study"), model="local")
await measure(plan)
bench = Directory(plan.out)
findings = analyse(bench.manifest(), bench.items(), bench.trials())
```

`analyse` is in `outlay.bench.analysis`, the pictures and the page in `outlay.bench.report`: they need
the extra `[bench]`.
"""

from outlay.bench.anchoring import AnchoringPlan, Injection, inject
from outlay.bench.directory import Directory
from outlay.bench.items import Item
from outlay.bench.manifest import Manifest
from outlay.bench.measuring import Plan, measure
from outlay.bench.scorers import SCORERS, Score, Scorer, scorer_from_spec
from outlay.bench.simulation import simulated_items
from outlay.bench.sources import default_scorer, load
from outlay.bench.sweep import Sweep, budgets_of, conditions, with_baselines
from outlay.bench.trial import Condition, Failure, Trial

__all__ = [
    "SCORERS",
    "AnchoringPlan",
    "Condition",
    "Directory",
    "Failure",
    "Injection",
    "Item",
    "Manifest",
    "Plan",
    "Score",
    "Scorer",
    "Sweep",
    "Trial",
    "budgets_of",
    "conditions",
    "default_scorer",
    "inject",
    "load",
    "measure",
    "scorer_from_spec",
    "simulated_items",
    "with_baselines",
]
