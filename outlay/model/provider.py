"""What stands behind a `Model`: the one place to implement for another way to reach a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from outlay.errors import ModelRefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from outlay.budget import Price
    from outlay.model.records import Chunk, Reply, Request
    from outlay.model.tokenizers import Tokenizer


class ParameterRenamedError(ModelRefusedError):
    """The server takes a parameter under another name, which the next attempt uses.

    The attempt was refused and is billed as one; the next one is admitted as any other.
    """


@runtime_checkable
class Provider(Protocol):
    """Makes requests; knows nothing of fences, retries or replay.

    Its failures are `ModelError`s, whose `sent`, `unknown` and `usage` say how they are billed;
    anything else that it raises is billed in full, as unconfirmed. All its methods run on the
    calls loop (`outlay.calls`).
    """

    async def complete(self, request: Request) -> Reply:
        """Make one request."""
        ...

    def stream(self, request: Request) -> AsyncIterator[Chunk]:
        """Make one request of one sample, and give the reply as it comes."""
        ...

    async def count_prompt(self, request: Request) -> int:
        """Count the prompt's tokens: exactly where it can be asked, else from above."""
        ...

    async def split_tokens(self, text: str) -> tuple[str, ...] | None:
        """Split `text` into the model's tokens; `None` where its tokenizer cannot be asked."""
        ...

    async def max_n(self) -> int:
        """Give the most samples that one request may ask for."""
        ...

    async def context_window(self) -> int | None:
        """Give the tokens that prompt and output share, where there is such a limit and it is known."""
        ...

    def price(self, prompt_tokens: int) -> Price | None:
        """Give what a token costs at this length of prompt; `None` where that is unknown."""
        ...


@runtime_checkable
class Tokenizing(Protocol):
    """A provider that tells how it counts prompts; a provider need not."""

    def tokenizer(self) -> Tokenizer:
        """Return what counts prompts."""
        ...
