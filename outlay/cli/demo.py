"""`outlay demo`: the strategies on the embedded model, over a few questions it can do."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.table import Table

from outlay.agents.spec import STRATEGIES as STRATEGIES_BY_NAME
from outlay.agents.spec import collaborators, parse_spec, takes_teacher
from outlay.cli.asking import Session, open_session, say_answer
from outlay.cli.exits import ANSWERED, print_json
from outlay.cli.live import paper, say
from outlay.cli.order import Order
from outlay.cli.running import watch
from outlay.memory.conversations import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlay.outcome import Answer

OUTPUT_TOKENS: Final = 300
"""The budget of each run."""

NOTE: Final = (
    "The embedded model is SmolLM2-135M-Instruct, 135 million parameters: it can recall short facts, copy or "
    "choose, and little more. Where a strategy has a teacher, the same model is the teacher. The demo shows "
    "budgets at work, not good answers."
)


@dataclass(frozen=True)
class Question:
    """A question with the answer it should get."""

    text: str
    expected: str
    wrong: tuple[str, ...] = ()
    """Words of the question that must not stand beside it."""


QUESTIONS: Final = (
    Question("What is the capital of Japan?", "Tokyo"),
    Question("Ann has a red hat and Bob has a blue hat. What color is Bob's hat?", "blue", ("red",)),
    Question("How many days are in a week?", "7"),
)

STRATEGIES: Final = (
    "direct",
    "self-consistency:n=3,max_output_tokens=90,seed=1",
    "plan-and-budget",
    "parallel-distill-refine:widths=[3,1],max_output_tokens=40,min_draft_tokens=20,seed=1",
    "sequential-refinement:rounds=1,max_output_tokens=50,seed=1",
    "in-context-distillation:n=2,max_output_tokens=50,seed=1",
    "budget-mem:k=3,top_k=2,max_output_tokens=60,max_answer_tokens=20",
)

TALK: Final = (
    "Ann: I have a red hat.",
    "Bob: My hat is blue, and I wear it seven days a week.",
    "Ann: We flew to Tokyo, the capital of Japan, last spring.",
)
"""What a strategy with a memory remembers."""
REMEMBERING: Final = (
    "faiss",
    "sentence_transformers",
    "tokenizers",
    "bm25s",
    "textblob",
    "dateparser",
    "nltk",
)
"""What a memory needs; without them such a strategy has only the question."""


def demonstrate(*, as_json: bool) -> int:
    """Run every strategy on every question. Gives the exit status."""
    console = paper()
    if not as_json:
        say(NOTE)
    runs: list[tuple[Question, Session, Answer]] = []
    with _remembered() as memory:
        for question in QUESTIONS:
            for strategy in STRATEGIES:
                session = open_session(
                    Order(
                        strategy=f"{strategy},{memory}" if memory and _remembers(strategy) else strategy,
                        question=question.text,
                        teacher="local" if takes_teacher(strategy) else None,
                        limits={"output_tokens": OUTPUT_TOKENS},
                        as_json=as_json,
                    )
                )
                runs.append((question, session, _run(session)))
    if as_json:
        print_json({"note": NOTE, "runs": [_facts(*run) for run in runs]})
    else:
        console.print(_summary(runs))
        say(NOTE)
    return ANSWERED


def _remembers(strategy: str) -> bool:
    return "memory" in collaborators(STRATEGIES_BY_NAME[parse_spec(strategy)[0]])


@contextmanager
def _remembered() -> Iterator[str | None]:
    """Give the parameter that names a memory of the talk, as long as it is there."""
    if not all(map(find_spec, REMEMBERING)):
        yield None
        return
    with TemporaryDirectory(prefix="outlay-demo-") as folder:
        directory = Path(folder) / "memory"
        with Memory.create(directory, chunk_tokens=24) as memory:
            memory.append(*TALK)
        yield f"memory={directory}"


def _run(session: Session) -> Answer:
    console = paper()
    if not session.order.as_json:
        console.rule(session.title, align="left")
        say(session.question)
    with session.output:
        answer = watch(
            session.strategy, session.question, session.ledger, title=session.title, last_words=session.part
        )
    if not session.order.as_json:
        say_answer(answer)
        session.say_bill(answer)
    return answer


def _right(question: Question, answer: Answer) -> bool:
    """Whether the answer, often a whole sentence, has the expected word and none of the wrong ones."""
    said = re.findall(r"\w+", (answer.value or answer.text).lower())
    return question.expected.lower() in said and not any(word in said for word in question.wrong)


def _facts(question: Question, session: Session, answer: Answer) -> dict[str, Any]:
    outcome = answer.model_dump(mode="json", include={"text", "value", "stop_reason", "degraded"})
    right = {"expected": question.expected, "right": _right(question, answer)}
    return {"question": question.text, "answer": outcome.pop("text"), **right, **outcome, **session.facts()}


def _summary(runs: Sequence[tuple[Question, Session, Answer]]) -> Table:
    table = Table(title="All runs", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("strategy", "question", "answer", "right"):
        table.add_column(heading)
    for heading in ("calls", "output", "of", "seconds"):
        table.add_column(heading, justify="right")
    table.add_column("stopped")
    for question, session, answer in runs:
        spent = (answer.usage.calls, answer.usage.output_tokens, OUTPUT_TOKENS)
        took = max((entry.ended for entry in answer.trace), default=0.0)
        table.add_row(
            session.strategy.name,
            question.text,
            answer.value or "-",
            "yes" if _right(question, answer) else "no",
            *(str(figure) for figure in spent),
            f"{took:.1f}",
            answer.stop_reason,
        )
    return table
