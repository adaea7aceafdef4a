"""A set of tools as an environment."""

from __future__ import annotations

import json
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final, Protocol

from outlay.environments.episodic import Episodic
from outlay.environments.protocol import Turn
from outlay.environments.tool_calls import UnreadableCallError, read_call
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from langchain_core.tools import BaseTool

    from outlay.environments.tool_calls import ToolCall

FINISH: Final = "finish"
_FORM: Final = 'An action is one call of a tool, as JSON: {"tool": "NAME", "args": {"PARAMETER": VALUE}}.'
_ENDING: Final = f'- {FINISH}: ends the task. Parameters: {{"answer": {{"type": "string"}}}}'


class Tool(Protocol):
    """What can be called in an episode."""

    @property
    def name(self) -> str:
        """What an action calls it."""

    @property
    def description(self) -> str:
        """What it does."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON schema of each parameter, by name."""

    @property
    def required(self) -> tuple[str, ...]:
        """The parameters that must be given."""

    async def call(self, args: dict[str, Any]) -> str:
        """Give the result as text, or say in a text what is wrong with the call."""


class ToolEnvironment(Episodic):
    """A goal that is reached by calling tools, one per action.

    An action is `{"tool": name, "args": {...}}`, or `name(arg=value)`; what is seen next is the tool's
    result. What cannot be read, an unknown tool, arguments that do not fit and a tool that refuses them
    are told the actor in the same way. `finish` with an `answer` ends the episode.

    Args:
        goal: What is to be reached.
        tools: LangChain tools, or functions with a docstring and annotations.
        success: Tells whether an answer reaches the goal (or whether the tools' work did, which then is
            something that it can see); without it, nobody knows.
        max_steps: After how many steps the episode is over, without an answer.
        task: What tells this task from others; else the goal.

    Raises:
        ConfigurationError: Two tools have one name, or one has the name `finish`.
    """

    def __init__(
        self,
        goal: str,
        tools: Sequence[BaseTool | Callable[..., Any]],
        *,
        success: Callable[[str], bool | Awaitable[bool]] | None = None,
        max_steps: int | None = 30,
        task: str = "",
    ) -> None:
        from outlay.langchain.tools import adapted  # noqa: PLC0415 - imports langchain_core

        super().__init__(max_steps)
        self.goal = goal
        self.task = task or goal
        self.answer: str | None = None
        """What the last episode was finished with; `None` for one that was not."""
        found = [adapted(tool) for tool in tools]
        self._tools: dict[str, Tool] = {tool.name: tool for tool in found}
        self._success = success
        if len(self._tools) < len(found) or FINISH in self._tools:
            raise ConfigurationError(
                f"every tool needs a name of its own, and {FINISH!r} is taken: rename one"
            )

    @property
    def instructions(self) -> str:
        """The form of actions, and every tool's name, description and parameters."""
        return "\n".join([_FORM, "Tools:", *map(_described, self._tools.values()), _ENDING])

    async def _begin(self) -> Turn:
        self.answer = None
        return Turn(observation="", success=self._unfinished())

    async def _advance(self, action: str) -> Turn:
        try:
            call = read_call(action)
            if call.tool == FINISH:
                return await self._finish(call)
            seen = await self._call(call)
        except UnreadableCallError as exc:
            seen = f"This is no action: {exc}. {_FORM}"
        return Turn(observation=seen, success=self._unfinished())

    async def _call(self, call: ToolCall) -> str:
        tool = self._tools.get(call.tool)
        if tool is None:
            return f"There is no tool {call.tool!r}. The tools are: {', '.join([*self._tools, FINISH])}."
        return await tool.call(call.named(tuple(tool.parameters)))

    async def _finish(self, call: ToolCall) -> Turn:
        answer = call.named(("answer",)).get("answer", "")
        self.answer = answer if isinstance(answer, str) else json.dumps(answer, default=str)
        return Turn(observation="", done=True, success=await self._judged(self.answer))

    async def _judged(self, answer: str) -> bool | None:
        if self._success is None:
            return None
        verdict = self._success(answer)
        return bool(await verdict if isawaitable(verdict) else verdict)

    def _unfinished(self) -> bool | None:
        return None if self._success is None else False


def _described(tool: Tool) -> str:
    description = " ".join(tool.description.split())
    needed = f"; required: {', '.join(tool.required)}" if tool.required else ""
    return f"- {tool.name}: {description} Parameters: {json.dumps(tool.parameters)}{needed}"
