"""`Model`: a language model that is asked inside fences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from typing import Unpack

    from outlay.budget import Price
    from outlay.errors import ModelError
    from outlay.ledger import Claim, Ledger
    from outlay.model.options import Options
    from outlay.model.provider import Provider
    from outlay.model.records import Completion, Message, Parsed, Schema, StreamEvent
    from outlay.replay import Replay


class Model:
    """A language model."""

    def __init__(
        self,
        name: str,
        *,
        price: Price | None = None,
        api_base: str | None = None,
        api_key: str | None = None,
        ledger: Ledger | None = None,
        replay: Replay | None = None,
        provider: Provider | None = None,
        default_max_output_tokens: int = 1024,
        max_n: int | None = None,
        retries: int = 2,
        timeout: float = 600.0,
        **defaults: Any,
    ) -> None:
        self.name = name

    async def complete(self, messages: str | Sequence[Message], **options: Unpack[Options]) -> Completion:
        """Ask once."""
        raise NotImplementedError

    @overload
    async def sample(
        self,
        messages: str | Sequence[Message],
        n: int,
        *,
        first: int | None = None,
        return_failures: Literal[False] = False,
        **options: Unpack[Options],
    ) -> tuple[Completion, ...]: ...
    @overload
    async def sample(
        self,
        messages: str | Sequence[Message],
        n: int,
        *,
        first: int | None = None,
        return_failures: Literal[True],
        **options: Unpack[Options],
    ) -> tuple[Completion | ModelError, ...]: ...
    async def sample(
        self,
        messages: str | Sequence[Message],
        n: int,
        *,
        first: int | None = None,
        return_failures: bool = False,
        **options: Unpack[Options],
    ) -> tuple[Completion | ModelError, ...]:
        """Ask for `n` answers to the same messages."""
        raise NotImplementedError

    async def parse(
        self,
        messages: str | Sequence[Message],
        schema: type[Schema],
        *,
        repair: int = 1,
        **options: Unpack[Options],
    ) -> Parsed[Schema]:
        """Ask for a pydantic object."""
        raise NotImplementedError

    def stream(
        self, messages: str | Sequence[Message], **options: Unpack[Options]
    ) -> AsyncIterator[StreamEvent]:
        """Ask once, and give the answer as it comes."""
        raise NotImplementedError

    async def worst_case(
        self, messages: str | Sequence[Message], *, n: int = 1, **options: Unpack[Options]
    ) -> Claim:
        """Give the most that such a call can cost, for `Ledger.set_aside`."""
        raise NotImplementedError

    async def count_tokens(self, text: str) -> int:
        """Count the tokens of `text`, from above where the tokenizer cannot be asked."""
        raise NotImplementedError
