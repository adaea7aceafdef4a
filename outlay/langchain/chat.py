"""An Outlay `Model` as a LangChain chat model, so that any LangGraph agent fits inside a fence."""

from __future__ import annotations

from contextlib import aclosing
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableLambda, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel, ValidationError

from outlay.budget import Usage
from outlay.calls import run_on_calls_loop, run_sync
from outlay.errors import BudgetExhaustedError, ConfigurationError, OutputInvalidError
from outlay.langchain.messages import (
    ai_message,
    exhausted,
    last_piece,
    openai_messages,
    openai_tool,
    openai_tool_choice,
    options_of,
    piece,
    refusal_of,
)
from outlay.model import Model  # noqa: TC001 - pydantic reads the annotation
from outlay.model.parsing import read_reply, reply_values, strict_schema
from outlay.reading import UnreadableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable

WhenExhausted = Literal["raise", "answer"]

CLOSING_SECONDS: Final = 1.0


class OutlayChatModel(BaseChatModel):
    """An Outlay `Model` for LangChain: each of its calls is made inside the fence around it."""

    model: Model
    """The model that is asked."""
    when_exhausted: WhenExhausted = "raise"
    """What a call the fences refuse gives: `BudgetExhaustedError`, or a message that says so."""

    @property
    def model_name(self) -> str:
        """The model's name, where LangChain's tracing looks for it."""
        return self.model.name

    @property
    def _llm_type(self) -> str:
        return "outlay"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model.name, "when_exhausted": self.when_exhausted}

    def bind_tools(
        self,
        tools: Sequence[Any],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer `tools`: functions, LangChain tools, pydantic classes or OpenAI's JSON.

        Args:
            tools: What the model may call.
            tool_choice: `"auto"`, `"none"`, `"any"` or `"required"` (some tool), a tool's name, or
                OpenAI's JSON; `True`: some tool.
            strict: Whether calls must fit the tools' schemas exactly, where the provider has that.
            kwargs: Bound as they are, e.g. `parallel_tool_calls`.

        Raises:
            ConfigurationError: One of them is no tool.
        """
        if tool_choice is not None:
            kwargs["tool_choice"] = openai_tool_choice(tool_choice)
        return self.bind(tools=[openai_tool(tool, strict) for tool in tools], **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: Literal["json_schema", "json_mode", "function_calling"] = "json_schema",
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Make replies fit `schema`, by constrained decoding where the provider has it.

        Args:
            schema: A pydantic class (replies are its instances), a TypedDict or a JSON schema (dicts).
            include_raw: Give `{"raw", "parsed", "parsing_error"}` and do not raise on a bad reply.
            method: `"function_calling"` asks by a forced tool call instead.
            kwargs: Bound as they are.

        Raises:
            OutputInvalidError: On a call whose reply does not fit.
            BudgetExhaustedError: On a call that was refused, whatever `when_exhausted` says.
        """
        kind = schema if isinstance(schema, type) and issubclass(schema, BaseModel) else None
        strict = kwargs.pop("strict", None)
        if method == "function_calling":
            tool = openai_tool(schema, strict)
            asked = self.bind_tools(
                [tool],
                tool_choice="any",
                ls_structured_output_format={"kwargs": {"method": method}, "schema": schema},
                **kwargs,
            )
            read: Runnable[AIMessage, Any] = RunnableLambda(lambda message: _read_call(kind, message))
        else:
            shape = strict_schema(kind) if kind else _strict_schema(schema)
            asked = self.bind(
                response_schema=shape,
                schema_name=shape["title"],
                ls_structured_output_format={"kwargs": {"method": "json_schema"}, "schema": schema},
                **kwargs,
            )
            read = RunnableLambda(lambda message: _read(kind, message), name="read")
        return _with_raw(asked, read) if include_raw else asked | read

    def get_num_tokens(self, text: str) -> int:
        """Count the tokens of `text`: by the model's own tokenizer, else from above."""
        return len(self.get_token_ids(text))

    def get_token_ids(self, text: str) -> list[int]:
        """Return a number for each token of `text`, for counting only: `Model` does not tell ids.

        `custom_get_token_ids` is asked instead where it is set.
        """
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        return list(range(run_sync(self.model.count_tokens(text))))

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Count the prompt's tokens as a fence reserves them, tools included.

        It is exact where the model's tokenizer can be asked, and an upper bound elsewhere.
        """
        if not messages:
            return 0
        offered: Any = {"tools": [openai_tool(tool, None) for tool in tools]} if tools else {}
        claim = self.model.worst_case(openai_messages(messages), max_output_tokens=1, **offered)
        return run_sync(claim).prompt_tokens

    def _should_stream(self, **kwargs: Any) -> bool:
        # LangGraph streams every call while it is streamed itself; several samples come whole.
        several = (kwargs.get("n") or 1) > 1 and "stream" not in kwargs
        return not several and super()._should_stream(**kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        return run_sync(self._agenerate(messages, stop, run_manager, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,  # noqa: ARG002 - LangChain passes it by name
        **kwargs: Any,
    ) -> ChatResult:
        options = options_of(stop, kwargs)
        n = options.pop("n", None) or 1
        prompt = openai_messages(messages)
        try:
            if n > 1:
                answers = [ai_message(c) for c in await self.model.sample(prompt, n, **options)]
            else:
                answers = [ai_message(await self.model.complete(prompt, **options))]
        except BudgetExhaustedError as exc:
            answers = [self._refused(exc)]
        return ChatResult(generations=[ChatGeneration(message=answer) for answer in answers])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from _blocking(self._astream(messages, stop, run_manager, **kwargs))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,  # noqa: ARG002 - LangChain passes it by name
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        options = options_of(stop, kwargs)
        if (options.pop("n", None) or 1) > 1:
            raise ConfigurationError("a stream gives one answer: leave out n, or use invoke")
        async with aclosing(self._pieces(openai_messages(messages), options)) as pieces:
            try:
                async for chunk in pieces:
                    yield ChatGenerationChunk(message=chunk)
            except BudgetExhaustedError as exc:
                refused = self._refused(exc).model_dump(exclude={"type"})
                yield ChatGenerationChunk(message=AIMessageChunk(**refused, chunk_position="last"))

    async def _pieces(self, prompt: list[dict[str, Any]], options: Any) -> AsyncGenerator[AIMessageChunk]:
        async with aclosing(self.model.stream(prompt, **options)) as events:
            async for event in events:
                # Also an empty piece before a tool call: it keeps invalid calls invalid.
                if event.text or event.reasoning or (event.completion and event.completion.tool_calls):
                    yield piece(event.text, event.reasoning)
                if event.completion is not None:
                    yield last_piece(event.completion)

    def _refused(self, refusal: BudgetExhaustedError) -> AIMessage:
        if self.when_exhausted == "raise":
            raise refusal
        return exhausted(refusal, self.model.name)


def chat_model(model: Model, *, when_exhausted: WhenExhausted = "raise") -> OutlayChatModel:
    """Give `model` as a LangChain chat model; see `Model.as_chat_model`."""
    if when_exhausted not in {"raise", "answer"}:
        raise ConfigurationError(f"when_exhausted is 'raise' or 'answer', not {when_exhausted!r}")
    return OutlayChatModel(model=model, when_exhausted=when_exhausted)


def _strict_schema(schema: dict[str, Any] | type) -> dict[str, Any]:
    if isinstance(schema, dict) and not schema.keys() & {"title", "name", "function"}:
        schema = {"title": "reply", **schema}
    try:
        return convert_to_json_schema(schema, strict=True)
    except (ValueError, KeyError) as exc:
        raise ConfigurationError(f"the schema is not a JSON schema, a class or a TypedDict: {exc}") from exc


def _read(kind: type[BaseModel] | None, message: AIMessage) -> Any:
    if refusal := refusal_of(message):
        raise refusal
    try:
        return read_reply(message.text, kind) if kind else _first_object(message.text)
    except (ValidationError, UnreadableError) as exc:
        raise _unfit(message, str(exc)) from exc


def _read_call(kind: type[BaseModel] | None, message: AIMessage) -> Any:
    if refusal := refusal_of(message):
        raise refusal
    if not message.tool_calls:
        wrong = "; ".join(call["error"] or "" for call in message.invalid_tool_calls)
        raise _unfit(message, wrong or "the model called no tool")
    args = message.tool_calls[0]["args"]
    try:
        return kind.model_validate(args) if kind else args
    except ValidationError as exc:
        raise _unfit(message, str(exc)) from exc


def _unfit(message: AIMessage, problem: str) -> OutputInvalidError:
    was_cut = message.response_metadata["finish_reason"] == "length"
    advice = (
        "it was cut short: raise max_output_tokens" if was_cut else "use a simpler schema or a stronger model"
    )
    return OutputInvalidError(
        f"the reply does not fit the schema ({problem}): {advice}",
        model=message.response_metadata["model_name"],
        usage=Usage(**message.response_metadata["outlay"]["usage"]),
    )


def _first_object(text: str) -> dict[str, Any]:
    for value in reply_values(text):
        if isinstance(value, dict):
            return value
    raise UnreadableError("no JSON object in it")


def _with_raw(
    asked: Runnable[LanguageModelInput, AIMessage], read: Runnable[AIMessage, Any]
) -> Runnable[LanguageModelInput, Any]:
    parsed = RunnablePassthrough.assign(
        parsed=RunnableLambda(lambda given: given["raw"]) | read, parsing_error=lambda _: None
    )
    unparsed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asked) | parsed.with_fallbacks(
        [unparsed],
        exceptions_to_handle=(OutputInvalidError, BudgetExhaustedError),
        exception_key="parsing_error",
    )


def _blocking(chunks: AsyncIterator[ChatGenerationChunk]) -> Iterator[ChatGenerationChunk]:
    """Drain `chunks` on the calls loop, whatever loop the caller's thread runs; closing cancels."""
    arrived: SimpleQueue[ChatGenerationChunk | None] = SimpleQueue()

    async def drain() -> None:
        try:
            async for chunk in chunks:
                arrived.put(chunk)
        finally:
            arrived.put(None)

    draining = run_on_calls_loop(drain())
    try:
        while (chunk := arrived.get()) is not None:
            yield chunk
        draining.result()
    finally:
        if draining.cancel():
            _await_end(arrived)


def _await_end(arrived: SimpleQueue[ChatGenerationChunk | None]) -> None:
    # Bounded: a drain that is cancelled before its first step never says that it ended.
    try:
        while arrived.get(timeout=CLOSING_SECONDS) is not None:
            pass
    except Empty:
        pass
