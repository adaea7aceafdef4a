"""The five modules, each at three tiers, under three tierings.

BudgetMem (arXiv 2602.06025): a question over a long history is answered from what is extracted at query
time. A tiering is a table, not a copy of the modules: `implementation` has rules at LOW and MID and a model
at HIGH; `reasoning` has one model that is told to reason more; `capacity` has a larger model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from outlay.errors import ConfigurationError, ModelError
from outlay.memory.modules.descending import MANNERS, Asking, Reached, Task, descend
from outlay.memory.modules.extracted import Extracted
from outlay.memory.modules.prompts import asked
from outlay.memory.modules.reading import read_lines, read_scores, read_text
from outlay.memory.modules.routing import Tier
from outlay.memory.modules.rules import entities, filtering, summaries, temporal, topics
from outlay.memory.modules.showing import excerpts
from outlay.prompts import delimited
from outlay.retrieval import SentenceEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outlay.ledger import Claim
    from outlay.memory.conversations import Chunk
    from outlay.memory.modules.routing import Tiering
    from outlay.model import Model
    from outlay.retrieval import Embedder

    ByWords = Callable[[str, Sequence[Chunk], int], tuple[str, ...]]
    ByMeaning = Callable[[str, Sequence[Chunk], int, Embedder], tuple[str, ...]]

T = TypeVar("T")

RULES: Final[Mapping[str, tuple[ByWords, ByMeaning]]] = {
    "entity": (entities.by_grammar, entities.by_sentence),
    "temporal": (temporal.as_said, temporal.worked_out),
    "topic": (topics.by_mention, topics.by_meaning),
}
"""What extracts at LOW and at MID without a model."""

HEADINGS: Final = ("People, places and things", "What happened when", "Subjects")
"""Of the three lists, in a summary and in what is asked for one."""


@dataclass(frozen=True)
class Modules:
    """The modules with what they need; holds no state, and may be used by several tasks at once.

    Every call goes through the model's fences, under the names they have there: what a module cost is in the
    ledger, and not here.

    Raises:
        ConfigurationError: A number is below 1, the tiering is unknown, or a tier has no model.
    """

    models: Model | Mapping[Tier, Model]
    """One for every tier, or one for each tier that asks one (under `implementation` only HIGH)."""
    tiering: Tiering = "implementation"
    top_k: int = 5
    """Chunks that the filter keeps at most."""
    max_output_tokens: int = 512
    """Of one call; small models and small fences want 64 to 128."""
    most_lines: int = 12
    """Lines that a module without a model lists at most."""
    temperature: float | None = 0.0
    """`None`: the model's own."""
    embedder: Embedder = field(default_factory=SentenceEmbedder)
    """For MID under `implementation`; give the history's own, which knows its texts already."""

    def __post_init__(self) -> None:
        if min(self.top_k, self.max_output_tokens, self.most_lines) < 1:
            raise ConfigurationError("top_k, max_output_tokens and most_lines must be at least 1")
        if self.tiering not in MANNERS:
            raise ConfigurationError(f"tiering={self.tiering!r}: give one of {', '.join(MANNERS)}")
        if isinstance(self.models, Mapping):
            missing = [tier.name for tier in MANNERS[self.tiering] if tier not in self.models]
        else:
            missing = [] if self.tiering != "capacity" else [tier.name for tier in Tier]
        if missing:
            raise ConfigurationError(
                f"tiering {self.tiering!r} needs models for {', '.join(missing)}: map them to their tiers"
            )

    async def filter(
        self, question: str, chunks: Sequence[Chunk], similarities: Sequence[float], tier: Tier
    ) -> Extracted:
        """Choose at most `top_k` of `chunks`, the most useful first; at least one where there are any.

        Args:
            question: That is to be answered.
            chunks: As retrieved, best first.
            similarities: The cosine of each with the question.
            tier: What is paid.

        Raises:
            ConfigurationError: Chunks and similarities do not match, or a package is missing.
        """
        if len(chunks) != len(similarities):
            raise ConfigurationError(f"{len(chunks)} chunks and {len(similarities)} similarities")
        if len(chunks) <= 1:
            return Extracted(tier=tier, chunks=tuple(chunk.id for chunk in chunks))

        def read(answer: str) -> tuple[int, ...] | None:
            scores = read_scores(answer, len(chunks))
            return filtering.by_scores(chunks, scores, self.top_k) if scores else None

        def rule(at: Tier) -> tuple[int, ...]:
            if at == Tier.LOW:
                return filtering.by_words(question, chunks, self.top_k)
            return filtering.by_meaning(question, chunks, similarities, self.top_k)

        material = excerpts(chunks, numbered=True)
        ask = partial(asked, "filter", question, material, count=len(chunks))
        task = Task("filter", ask, read, rule)
        done = await self._do(task, tier)
        return Extracted(tier=tier, used=done.used, by_rule=done.by_rule, chunks=done.value, notes=done.notes)

    async def extract(
        self,
        name: Literal["entity", "temporal", "topic"],
        question: str,
        chunks: Sequence[Chunk],
        tier: Tier,
    ) -> Extracted:
        """List what `chunks` say that helps to answer the question, as one of three modules.

        Nothing is listed, and no model asked, where there are no chunks.

        Raises:
            ConfigurationError: A package is missing.
        """
        if not chunks:
            return Extracted(tier=tier)
        by_words, by_meaning = RULES[name]

        def rule(at: Tier) -> tuple[str, ...]:
            if at == Tier.LOW:
                return by_words(question, chunks, self.most_lines)
            return by_meaning(question, chunks, self.most_lines, self.embedder)

        task = Task(name, partial(asked, name, question, excerpts(chunks)), read_lines, rule)
        done = await self._do(task, tier)
        return Extracted(tier=tier, used=done.used, by_rule=done.by_rule, lines=done.value, notes=done.notes)

    async def worst_case(
        self,
        name: Literal["entity", "temporal", "topic"],
        question: str,
        chunks: Sequence[Chunk],
        tier: Tier,
    ) -> Claim | None:
        """Give the most that `extract` can cost at that tier; `None` where it asks no model, or it fails.

        A model that cannot count a prompt cannot be called either: `extract` falls to a lower tier.
        """
        manner = MANNERS[self.tiering].get(tier)
        if manner is None or not chunks:
            return None
        asking = self._asking(tier)
        prompt = asked(name, question, excerpts(chunks), manner)
        try:
            return await asking.model.worst_case(prompt, max_output_tokens=asking.max_output_tokens)
        except ModelError:
            return None

    async def summarise(
        self,
        question: str,
        chunks: Sequence[Chunk],
        entity: Sequence[str],
        temporal: Sequence[str],
        topic: Sequence[str],
        tier: Tier,
    ) -> Extracted:
        """Write the text that the question is answered from.

        A model gets the lists alone, and the chunks only where all three are empty. Where there are no chunks
        either, the text is empty and no model is asked.

        Raises:
            ConfigurationError: A package is missing.
        """
        lists = (entity, temporal, topic)
        listed = summaries.under_headings(dict(zip(HEADINGS, lists, strict=True)))
        if not chunks and not listed:
            return Extracted(tier=tier)

        def rule(at: Tier) -> str:
            return self.by_rule(chunks, lists, at)

        material = partial(
            asked, "summary", question, delimited("notes", listed) if listed else excerpts(chunks)
        )
        done = await self._do(Task("summary", material, read_text, rule), tier)
        return Extracted(tier=tier, used=done.used, by_rule=done.by_rule, text=done.value, notes=done.notes)

    @staticmethod
    def by_rule(chunks: Sequence[Chunk], lists: Sequence[Sequence[str]], tier: Tier) -> str:
        """Give the summary that LOW or MID write without a model.

        Args:
            chunks: Best first.
            lists: Of entity, temporal and topic.
            tier: Of the two.
        """
        write = summaries.strung if tier == Tier.LOW else summaries.sectioned
        return write(chunks, dict(zip(HEADINGS, lists, strict=True)))

    async def _do(self, task: Task[T], tier: Tier) -> Reached[T]:
        return await descend(task, Tier(tier), self.tiering, self._asking)

    def _asking(self, tier: Tier) -> Asking:
        model = self.models[tier] if isinstance(self.models, Mapping) else self.models
        return Asking(model, self.max_output_tokens, self.temperature)
