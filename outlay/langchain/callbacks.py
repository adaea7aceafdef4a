"""The answer of a strategy, reported to LangChain's callbacks as the run of a chat model.

LangGraph's `stream_mode="messages"` and LangChain's `astream_events` are callback handlers that
listen for chat models. They see no call of an Outlay `Model`, so a strategy reports its answer.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, LLMResult
from langchain_core.runnables.config import get_async_callback_manager_for_config, var_child_runnable_config
from langchain_core.tracers._streaming import _StreamingCallbackHandler

from outlay.langchain.messages import chat_messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from langchain_core.callbacks import AsyncCallbackManager
    from langchain_core.callbacks.manager import AsyncCallbackManagerForLLMRun

    from outlay.model import Message

CLASS: Final = {"lc": 1, "type": "not_implemented", "id": ["outlay", "strategy"]}
"""What LangChain's tracers take for the class of the chat model."""


class AnswerReport:
    """Reports one answer to the callbacks around it.

    Args:
        manager: The callbacks.
        name: The strategy's name.
        prompt: The conversation that is answered.
        message_id: The id of the message that the answer becomes.
    """

    def __init__(
        self, manager: AsyncCallbackManager, name: str, prompt: Sequence[Message], message_id: str
    ) -> None:
        self.streams = any(isinstance(handler, _StreamingCallbackHandler) for handler in manager.handlers)
        """Whether any handler takes tokens."""
        self._manager = manager
        self._name = name
        self._prompt = prompt
        self._id = message_id
        self._run: AsyncCallbackManagerForLLMRun | None = None
        self._loop = asyncio.get_running_loop()
        self._tokens: asyncio.Queue[str | None] = asyncio.Queue()
        self._forwarding = asyncio.create_task(self._forward())
        self._said: list[str] = []

    def tell(self, text: str) -> None:
        """Report a piece of the answer; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._tokens.put_nowait, text)

    async def begin(self) -> AsyncCallbackManagerForLLMRun:
        """Report the run's beginning, unless that was done before."""
        if self._run is None:
            prompt = chat_messages(self._prompt)
            (self._run,) = await self._manager.on_chat_model_start(CLASS, [prompt], name=self._name)
        return self._run

    async def end(self, message: AIMessage | None = None) -> None:
        """Report the run's end with its message; without one, what was told makes the message."""
        await self._drain()
        if message is None and self._run is None:
            return
        run, told = await self.begin(), "".join(self._said)
        message = message or AIMessage(told)
        message.id = self._id
        if self.streams:
            fields = message.model_dump(include={"id", "usage_metadata", "response_metadata"})
            rest = message.text if not told else ""
            await self._chunk(run, AIMessageChunk(content=rest, **fields, chunk_position="last"))
        await run.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]))

    async def fail(self, error: BaseException) -> None:
        """Report that there is no answer."""
        await self._drain()
        if self._run is not None:
            await self._run.on_llm_error(error)

    async def _drain(self) -> None:
        self._loop.call_soon_threadsafe(self._tokens.put_nowait, None)
        await self._forwarding

    async def _forward(self) -> None:
        while (text := await self._tokens.get()) is not None:
            self._said.append(text)
            await self._chunk(await self.begin(), AIMessageChunk(content=text, id=self._id))

    async def _chunk(self, run: AsyncCallbackManagerForLLMRun, chunk: AIMessageChunk) -> None:
        await run.on_llm_new_token(str(chunk.text), chunk=ChatGenerationChunk(message=chunk))


@asynccontextmanager
async def reporting(
    name: str, prompt: Sequence[Message], message_id: str, *, silent: bool = False
) -> AsyncIterator[AnswerReport | None]:
    """Give a report for an answer, or `None` where nothing listens for chat models, or it is `silent`."""
    config = None if silent else var_child_runnable_config.get()
    manager: Any = get_async_callback_manager_for_config(config) if config else None
    if manager is None or not manager.handlers:
        yield None
        return
    report = AnswerReport(manager, name, prompt, message_id)
    try:
        yield report
    except BaseException as exc:
        await report.fail(exc)
        raise
