"""`Model`: a language model that is asked inside fences."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from copy import copy
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar, overload

from outlay.calls import on_calls_loop, run_on_calls_loop
from outlay.errors import ConfigurationError, OutlayError
from outlay.ledger import Ledger, current_ledger
from outlay.model.exchange import Exchange, Samples, Terms, claim_of
from outlay.model.in_flight import InFlight
from outlay.model.listener import Listener, Mailbox
from outlay.model.options import as_messages, check_spelling, request_for
from outlay.model.parsing import parsed, strict_schema
from outlay.model.provider import Tokenizing
from outlay.model.records import Completion, Parsed, StreamEvent
from outlay.model.routes import provider_for
from outlay.model.sampling import Sampling
from outlay.model.tokenizers import BYTES, tokenizer_of
from outlay.redaction import Keys, StreamMask, mask

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
    from typing import Unpack

    from langchain_core.language_models import BaseChatModel

    from outlay.budget import Price
    from outlay.ledger import Claim
    from outlay.model.options import Options
    from outlay.model.provider import Provider
    from outlay.model.records import Message, Request, Schema
    from outlay.replay import Replay

T = TypeVar("T", Completion, Completion | OutlayError)

INSTRUCTIONS: Final = frozenset({"system", "developer"})
"""The roles of messages that stand before every turn."""

on_completion: ContextVar[Callable[[Request, Completion], None] | None] = ContextVar(
    "outlay_on_completion", default=None
)
"""Called with every completion of a `Model` in this context, and with the request it answers."""


class Model:
    """A language model; every call is reserved, made and settled inside the fences around it.

    Args:
        name: `local` for the embedded model, `gguf:PATH` for any GGUF file, `llama.cpp/NAME` for a
            llama.cpp server at `api_base`, else provider/model as LiteLLM spells it.
        price: Dollars per million tokens; without it LiteLLM's map is asked.
        api_base: Where the server is, if not where the provider has it.
        api_key: If not in the provider's environment variable.
        ledger: A fence for all calls, besides the one around each.
        replay: Where completions are looked up before they are paid for.
        provider: Another way to reach a model.
        tokenizer: What counts prompts, instead of what `Model.tokenizer` shows: `o200k_base` or
            `cl100k_base` (tiktoken's encodings), `bytes`, or a function from a text to its tokens.
            A margin for the provider's template is added to its counts.
        attachment_tokens: The most tokens that an image, a file, a search or a tool that the provider
            runs itself puts into the prompt. Without it, a fence that limits total tokens or dollars
            refuses requests with any of these.
        default_max_output_tokens: What a call may generate if it does not say.
        max_n: The most samples in one request, if the provider's own answer is wrong.
        retries: Further attempts after an error that is worth one.
        timeout: Seconds without an answer after which a request is given up.
        defaults: Options for every call, e.g. `temperature=0.7`.

    Raises:
        ConfigurationError: The name or a number is wrong, or the fence is closed.
    """

    def __init__(  # noqa: PLR0913 - all keyword-only, all with a default
        self,
        name: str,
        *,
        price: Price | None = None,
        api_base: str | None = None,
        api_key: str | None = None,
        ledger: Ledger | None = None,
        replay: Replay | None = None,
        provider: Provider | None = None,
        tokenizer: str | Callable[[str], int] | None = None,
        attachment_tokens: int | None = None,
        default_max_output_tokens: int = 1024,
        max_n: int | None = None,
        retries: int = 2,
        timeout: float = 600.0,
        **defaults: Any,
    ) -> None:
        if default_max_output_tokens < 1 or (max_n is not None and max_n < 1):
            raise ConfigurationError("a model needs default_max_output_tokens and max_n of at least 1")
        if retries < 0 or not timeout > 0:
            raise ConfigurationError(
                f"a model needs retries= of at least 0 and timeout= above 0, not {retries} and {timeout:g}"
            )
        self._keys = Keys(api_key=api_key, url=api_base, headers=defaults.get("extra_headers"))
        if attachment_tokens is not None and attachment_tokens < 0:
            raise ConfigurationError("attachment_tokens is a number of tokens, of at least 0")
        if provider is not None and tokenizer is not None:
            raise ConfigurationError("the provider given counts its prompts itself: leave tokenizer= out")
        if ledger is not None:
            ledger.check_usable()
        self.name = name
        self._shown = mask(str(name))
        self.replay = replay
        self.provider = provider or provider_for(
            name,
            api_base=api_base,
            api_key=api_key,
            timeout=timeout,
            tokenizer=None if tokenizer is None else tokenizer_of(tokenizer),
        )
        self._terms = Terms(self.provider, name, price, retries, timeout, replay, attachment_tokens)
        self._ledger = ledger
        self._unfenced = Ledger(name=name)
        self.default_max_output_tokens = default_max_output_tokens
        self._max_n = max_n
        check_spelling(defaults)
        self._defaults = defaults
        self._history: tuple[Message, ...] = ()

    def with_history(self, messages: Sequence[Message]) -> Self:
        """Return a copy of this model that sends `messages` before those of each call.

        System messages of the history and of a call come first, joined into one.
        """
        model = copy(self)
        model._history = (*self._history, *messages)  # noqa: SLF001 - a copy of its own
        return model

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_unfenced"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _unfenced=Ledger(name=state["name"]))

    def __repr__(self) -> str:
        return f"Model({self._shown!r})"

    def __str__(self) -> str:
        return self._shown

    async def complete(self, messages: str | Sequence[Message], **options: Unpack[Options]) -> Completion:
        """Ask once.

        Raises:
            BudgetExhaustedError: A fence could not hold the call.
            ModelError: The provider failed.
            ConfigurationError: The call is wrong.
        """
        request, least = self._request(messages, options)
        in_flight = InFlight()
        exchange = self._exchange(request, least, in_flight, self._samples(request, None))
        return (await _made(exchange.run(), in_flight, request))[0]

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
    ) -> tuple[Completion | OutlayError, ...]: ...
    async def sample(
        self,
        messages: str | Sequence[Message],
        n: int,
        *,
        first: int | None = None,
        return_failures: bool = False,
        **options: Unpack[Options],
    ) -> tuple[Completion | OutlayError, ...]:
        """Ask for `n` answers, in as few requests as the provider can make of it.

        The prompt is paid once per request. Samples whose request failed or was refused are left
        out, unless all are.

        Args:
            messages: The same for all of them.
            n: How many.
            first: The sample number of the first in the replay store; absent: the next ones there.
            return_failures: Give the errors in their places instead of leaving them out.
            options: As for `complete`.

        Raises:
            BudgetExhaustedError: No request was admitted.
            ModelError: Every request failed; the first failure.
            ConfigurationError: The call is wrong.
        """
        if n < 1:
            raise ConfigurationError(f"sample needs n of at least 1, not {n}")
        request, least = self._request(messages, options, n)
        in_flight = InFlight()
        samples = self._samples(request, first)
        exchange = self._exchange(request.seeded(first or 0), least, in_flight, samples)
        found = await _made(Sampling(exchange, self._max_n).run(), in_flight, request)
        completions = tuple(item for item in found if isinstance(item, Completion))
        if not completions:
            raise next(item for item in found if isinstance(item, OutlayError))
        return found if return_failures else completions

    async def parse(
        self,
        messages: str | Sequence[Message],
        schema: type[Schema],
        *,
        repair: int = 1,
        **options: Unpack[Options],
    ) -> Parsed[Schema]:
        """Ask for a pydantic object, by constrained decoding where the provider offers it.

        Args:
            messages: What to ask.
            schema: The object's class; its field docstrings reach the model.
            repair: How often a reply that does not parse is sent back with what is wrong.
            options: As for `complete`.

        Raises:
            OutputInvalidError: No attempt parsed, or no fence could hold another; its usage is
                that of all attempts.
            BudgetExhaustedError: A fence could not hold the first attempt.
            ModelError: The provider failed.
        """
        options = {"schema_name": schema.__name__, "response_schema": strict_schema(schema), **options}

        async def ask(asked: tuple[Message, ...]) -> Completion:
            return await self.complete(asked, **options)

        return await parsed(ask, as_messages(messages), schema, repair)

    async def stream(
        self, messages: str | Sequence[Message], **options: Unpack[Options]
    ) -> AsyncGenerator[StreamEvent, None]:
        """Ask once, and give the answer as it comes; the last event has the completion.

        A stream that is closed early cancels its request, whose reservation stays spent.

        Raises:
            BudgetExhaustedError: A fence could not hold the call.
            ModelError: The provider failed, or cut the stream.
            ConfigurationError: The call is wrong.
        """
        request, least = self._request(messages, options)
        in_flight, mailbox = InFlight(), Mailbox()
        listener = Listener(mailbox.put)
        exchange = self._exchange(request, least, in_flight, self._samples(request, None), listener)
        made = run_on_calls_loop(exchange.run())
        made.add_done_callback(lambda _: mailbox.put(None))
        text, reasoning = StreamMask(), StreamMask()
        try:
            while (event := await mailbox.get()) is not None:
                said = {"text": text.feed(event.text), "reasoning": reasoning.feed(event.reasoning)}
                shown = event.model_copy(update=said)
                if shown.text or shown.reasoning:
                    yield shown
            (completion,) = made.result()
            _report(request, (completion,))
            unheard = "" if listener.heard else completion.text
            yield StreamEvent(text=text.end() + unheard, reasoning=reasoning.end(), completion=completion)
        finally:
            if not made.done():
                in_flight.abandon()
                made.cancel()

    async def worst_case(
        self, messages: str | Sequence[Message], *, n: int = 1, **options: Unpack[Options]
    ) -> Claim:
        """Give the most that such a call can cost, for `Ledger.set_aside`.

        `sample` may need several requests for n; each of them carries the prompt again, so ask for
        their worst cases one by one where the provider has a smaller `max_n`.
        """
        request, least = self._request(messages, options, n)
        return await on_calls_loop(claim_of(self._terms, request, least))

    async def most_samples(self) -> int:
        """Give the most samples that one request can ask for, and that then share its prompt."""
        return self._max_n or int(await on_calls_loop(self.provider.max_n()))

    async def context_window(self) -> int | None:
        """Give the tokens that prompt and output share; `None` where that is not known."""
        return await on_calls_loop(self.provider.context_window())

    async def count_tokens(self, text: str) -> int:
        """Count the tokens of `text`, from above where the model's tokenizer is not known."""
        pieces = await on_calls_loop(self.provider.split_tokens(text))
        return (await asyncio.to_thread(self._count, text)) if pieces is None else len(pieces)

    @property
    def tokenizer(self) -> str:
        """What counts prompts, e.g. `tiktoken o200k_base + margin` or `UTF-8 bytes + margin`."""
        return (
            self.provider.tokenizer().name if isinstance(self.provider, Tokenizing) else "the provider's own"
        )

    def _count(self, text: str) -> int:
        tokenizer = self.provider.tokenizer() if isinstance(self.provider, Tokenizing) else BYTES
        return tokenizer.count(text)

    def as_chat_model(self, *, when_exhausted: Literal["raise", "answer"] = "raise") -> BaseChatModel:
        """Give it as a LangChain chat model, for any LangChain or LangGraph agent.

        Args:
            when_exhausted: What a refused call becomes: the error, or a message that says so.
        """
        from outlay.langchain.chat import chat_model  # noqa: PLC0415 - langchain_core takes a second

        return chat_model(self, when_exhausted=when_exhausted)

    def _request(self, messages: str | Sequence[Message], options: Any, n: int = 1) -> tuple[Request, int]:
        check_spelling(options)
        said = {**self._defaults, **{name: value for name, value in options.items() if value is not None}}
        default = self.default_max_output_tokens
        sent = _after(self._history, messages)
        request = request_for(self.name, sent, said, default_max_output_tokens=default, n=n)
        return request, int(said.get("min_output_tokens", 1))

    def _exchange(
        self,
        request: Request,
        min_output_tokens: int,
        in_flight: InFlight,
        samples: Samples,
        listener: Listener | None = None,
    ) -> Exchange:
        fence = self._ledger or current_ledger() or self._unfenced_here()
        return Exchange(self._terms, fence, in_flight, request, min_output_tokens, samples, listener)

    def _unfenced_here(self) -> Ledger:
        # A forked process counts for itself.
        if self._unfenced.is_foreign:
            self._unfenced = Ledger(name=self.name)
        return self._unfenced

    def _samples(self, request: Request, first: int | None) -> Samples:
        replay = self._terms.replay
        if replay is None:
            return Samples("", tuple(range(request.n)))
        # Numbered on the caller's side, where concurrent calls start in a fixed order.
        key = replay.key(request)
        if first is None:
            return Samples(key, tuple(replay.next_sample(key) for _ in range(request.n)))
        return Samples(key, tuple(range(first, first + request.n)))


async def _made(
    call: Coroutine[Any, Any, tuple[T, ...]], in_flight: InFlight, request: Request
) -> tuple[T, ...]:
    try:
        found = await on_calls_loop(call)
    except asyncio.CancelledError:
        in_flight.abandon()
        raise
    _report(request, found)
    return found


def _report(request: Request, found: Sequence[Completion | OutlayError]) -> None:
    if (hear := on_completion.get()) is None:
        return
    for completion in found:
        if isinstance(completion, Completion):
            hear(request, completion)


def _after(history: tuple[Message, ...], messages: str | Sequence[Message]) -> str | Sequence[Message]:
    if not history:
        return messages
    whole = (*history, *as_messages(messages))
    instructions = [message for message in whole if message.get("role") in INSTRUCTIONS]
    turns = [message for message in whole if message.get("role") not in INSTRUCTIONS]
    # Many chat templates take one system message only, and take it only at the beginning.
    if len(instructions) > 1 and all(isinstance(message["content"], str) for message in instructions):
        text = "\n\n".join(message["content"] for message in instructions)
        instructions = [{**instructions[0], "content": text}]
    return [*instructions, *turns]
