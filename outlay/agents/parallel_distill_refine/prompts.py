"""What drafting, distilling and refining models are asked, in words that small models follow.

The question comes first in each, for the provider's prompt cache; where to put the answer comes last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.answers import FINAL_ANSWER, asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.agents.parallel_distill_refine.shape import Operator

ATTEMPT: Final = "Attempt {number}:\n{text}"
"""How a draft stands in a prompt."""
BETWEEN: Final = "\n\n"

REFINE: Final = """\
{question}

Earlier attempts at this problem:

{workspace}

Each of them may be wrong, and all of them may be. Where they differ, work out which one is right; where \
none convinces you, solve the problem in another way. Solve it now, and check each step. {final}"""

REFINE_ONE: Final = """\
{question}

An earlier attempt at this problem:

{workspace}

It may be wrong. Check each step: keep what holds, correct what does not, or solve the problem in another \
way. Solve it now. {final}"""

REFINE_NOTES: Final = """\
{question}

Notes on earlier attempts at this problem:

{workspace}

The notes may be wrong, and so may every attempt. Use what holds, and where nothing convinces you, solve the \
problem in another way. Solve it now, and check each step. {final}"""

SUMMARISE: Final = """\
{question}

Attempts at this problem, some of which may be wrong:

{drafts}

Do not solve the problem again. Write short notes for whoever solves it next: what the attempts agree on; \
where they contradict each other, and which side the problem supports; which results hold; what is still \
open; what to do next."""

SELECT: Final = """\
{question}

Attempts at this problem:

{drafts}

Which {k} of the {count} attempts are most likely right? Give their numbers, the best one first, as JSON: \
{{"picks": [...]}}"""

ANALYSE: Final = """\
{question}

An attempt at this problem:

{drafts}

Do not solve the problem again. List what is wrong in the attempt, a short line each: misread facts, wrong \
steps, wrong arithmetic. If nothing is wrong, say only: nothing."""

FLAWS: Final = "{draft}\n\nWhat somebody found wrong in it:\n{flaws}"


def attempts(texts: Sequence[str]) -> str:
    """Set drafts one below the other; a single one stands without a number."""
    if len(texts) == 1:
        return texts[0]
    return BETWEEN.join(ATTEMPT.format(number=n, text=text) for n, text in enumerate(texts, 1))


def draft_prompt(question: str) -> str:
    """Ask plainly: the prompt of one call and of a vote, so that drafts and samples are the same."""
    return asked(question)


def refine_prompt(question: str, workspace: str, *, drafts: int) -> str:
    """Ask for a better answer.

    Args:
        question: The question.
        workspace: C, what earlier drafts come to.
        drafts: How many of them stand in it verbatim; 0: it is a summary.
    """
    words = REFINE_NOTES if not drafts else REFINE_ONE if drafts == 1 else REFINE
    return words.format(question=question, workspace=workspace, final=FINAL_ANSWER)


def distilling_prompt(operator: Operator, question: str, texts: Sequence[str], k: int) -> str:
    """Ask for a summary of all drafts, the numbers of the k best, or one draft's flaws."""
    words = {"global-summary": SUMMARISE, "error-analysis": ANALYSE}.get(operator, SELECT)
    return words.format(question=question, drafts=attempts(texts), k=k, count=len(texts))
