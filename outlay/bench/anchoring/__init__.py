"""Whether a model should refine, and when: what it makes of right drafts, of wrong ones, and as they come.

The oracle and wrong-candidate injection of Parallel-Distill-Refine (Madaan et al. 2025, arXiv 2510.01123).
For each item a pool of drafts is drawn and scored; then a refinement is asked for with right drafts only in
its workspace (C+), one with wrong drafts only (C-), and one with drafts as they come (C). A model that copies
has 100% and 0%, one that does not look has the same in both; one that tells right from wrong is right where
both stand before it. When to vote and when to refine is read off C, beside the vote of the pool.

```python
items = load("sums.jsonl")
plan = AnchoringPlan(items=items, source="sums", scorer="numeric", out=Path("study"), model="local")
injections = await inject(plan)
found = anchoring(plan, injections.cases)
```

`anchoring` is in `outlay.bench.anchoring.findings`, its words in `outlay.bench.anchoring.words`: they need
the extra `[bench]`.
"""

from outlay.bench.anchoring.cases import Case, Drawn, Injection, Refined, Said
from outlay.bench.anchoring.harness import Injections, inject
from outlay.bench.anchoring.plan import AnchoringPlan

__all__ = ["AnchoringPlan", "Case", "Drawn", "Injection", "Injections", "Refined", "Said", "inject"]
