"""How much of the fence each part of a run may take."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from outlay.agents.parallel_distill_refine.prompts import distilling_prompt, draft_prompt, refine_prompt
from outlay.agents.parallel_distill_refine.shape import Operator, Shape, Sizes, Terms, fit
from outlay.errors import BudgetExhaustedError
from outlay.ledger import require_fence
from outlay.tracing import current_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.agents.parallel_distill_refine.workspace import Draft
    from outlay.ledger import Claim
    from outlay.model import Model

HOLD: Final = "answer"
"""The name under which the answer is set aside."""
PROSE: Final = "the total number of apples that both of them have left at the end of the day"
PROSE_TOKENS: Final = 17
"""Of `PROSE`, a token a word; where the tokenizer cannot be asked, its bound is several times that."""


@dataclass(frozen=True)
class Allotting:
    """Fits the rounds into the fence around it.

    Args:
        model: What is asked, and counts its prompts.
        k: Drafts in a workspace that is made of drafts.
        kappa: Most tokens of a workspace.
        most: Output tokens of a draft that are enough.
        least: Output tokens below which there are rather fewer drafts.
    """

    model: Model
    k: int
    kappa: int
    most: int
    least: int

    async def sizes(self, question: str, distill: Operator) -> Sizes:
        """Measure the prompts of a question."""
        blank = [""] * 2
        kinds = (0, 2) if distill == "global-summary" else (2,)  # drafts too, where no summary can be had
        return Sizes(
            question=(await self._claim(draft_prompt(question))).prompt_tokens,
            refining=max([await self._refining(question, drafts) for drafts in kinds]),
            distilling=(await self._claim(distilling_prompt(distill, question, blank, 1))).prompt_tokens,
            kappa=self.kappa,
            weight=ceil(await self.model.count_tokens(PROSE) / PROSE_TOKENS),
            per_request=await self.model.most_samples(),
        )

    async def fit(
        self,
        widths: Sequence[int],
        sizes: Sizes,
        distill: Operator,
        drafts: Sequence[Draft] = (),
        *,
        held: int = 0,
    ) -> Shape | None:
        """Fit rounds into what the fence has left; the arguments are those of `shape.fit`."""
        price = (await self._claim("?")).price
        return fit(
            widths,
            Terms(operator=distill, k=self.k, sizes=sizes, price=price),
            require_fence().remaining,
            most=self.most,
            least=self.least,
            drafts=[draft.tokens for draft in drafts],
            held=held,
        )

    async def set_aside(self, sizes: Sizes, shape: Shape, distill: Operator) -> None:
        """Keep what the answer may cost, on the run's own fence, as far as it can hold it."""
        run = current_run.get()
        if run is None or len(shape.widths) == 1 or HOLD in run.fence.set_asides:
            return
        terms = Terms(operator=distill, k=self.k, sizes=sizes)
        claim = await self._claim("?", shape.tokens)
        claim = claim.model_copy(update={"prompt_tokens": terms.refining(shape.tokens)})
        with suppress(BudgetExhaustedError):
            run.fence.set_aside(claim, name=HOLD)

    @staticmethod
    def held() -> int:
        """Give the output tokens that are set aside for the answer.

        A run that goes on after a restart, or as a part of somebody's graph, has none.
        """
        run = current_run.get()
        kept = run.fence.set_asides.get(HOLD) if run else None
        return kept.output_tokens if kept else 0

    async def _refining(self, question: str, drafts: int) -> int:
        return (await self._claim(refine_prompt(question, "", drafts=drafts))).prompt_tokens

    async def _claim(self, prompt: str, tokens: int = 1) -> Claim:
        return await self.model.worst_case(prompt, max_output_tokens=tokens)
