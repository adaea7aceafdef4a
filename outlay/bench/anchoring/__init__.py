"""Whether a model should refine at all: what it does with a workspace of right drafts, or of wrong ones.

The oracle and wrong-candidate injection of Parallel-Distill-Refine (Madaan et al. 2025, arXiv 2510.01123).
For each item a pool of drafts is drawn and scored; then a refinement is asked for with right drafts only in
its workspace (C+), and one with wrong drafts only (C-). A model that copies has 100% and 0%, one that does
not look has the same in both.

```python
items = load("sums.jsonl")
plan = AnchoringPlan(items=items, source="sums", scorer="numeric", out=Path("study"), model="local")
injections = await inject(plan)
found = anchoring(plan, injections.cases)
```

`anchoring` is in `outlay.bench.anchoring.findings`, its words in `outlay.bench.anchoring.words`: they need
the extra `[bench]`.
"""

from outlay.bench.anchoring.cases import Case, Injection, Refined, Said
from outlay.bench.anchoring.harness import Injections, inject
from outlay.bench.anchoring.plan import AnchoringPlan

__all__ = ["AnchoringPlan", "Case", "Injection", "Injections", "Refined", "Said", "inject"]
