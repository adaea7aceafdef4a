"""LangChain's tools, as the tools of an environment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from httpx import HTTPError
from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool, ToolException
from langchain_core.tools import tool as make_tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ValidationError

from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURES: Final = (ToolException, ValueError, TypeError, LookupError, ArithmeticError, OSError, HTTPError)
"""What a tool raises that cannot use what it was given, or reach what it needs: files, servers.

An actor can go on after these. Anything else, as a fence or a model inside the tool, ends the run.
"""


@dataclass(frozen=True)
class AdaptedTool:
    """A LangChain tool that answers with a text, whatever it is called with."""

    name: str
    description: str
    parameters: dict[str, Any]
    """The JSON schema of each parameter, by name."""
    required: tuple[str, ...]
    tool: BaseTool

    async def call(self, args: dict[str, Any]) -> str:
        """Give the tool's result as text, or say what is wrong with the call, or why the tool failed."""
        if unknown := args.keys() - self.parameters.keys():
            known = ", ".join(self.parameters) or "none"
            return f"{self.name} has no parameter {', '.join(sorted(unknown))}. Its parameters are: {known}."
        try:
            return _text(await self.tool.ainvoke(args))
        except ValidationError as exc:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors())
            return f"{self.name} was called with wrong arguments: {wrong}."
        except FAILURES as exc:
            return f"{self.name} failed: {exc or type(exc).__name__}"


def adapted(tool: BaseTool | Callable[..., Any]) -> AdaptedTool:
    """Take a LangChain tool, or make one of a function that has a docstring and annotations.

    Raises:
        ConfigurationError: It can be made no tool of.
    """
    try:
        ready = tool if isinstance(tool, BaseTool) else make_tool(tool)
        described = convert_to_openai_tool(ready)["function"]
    except (ValueError, TypeError) as exc:
        raise ConfigurationError(f"{tool!r} is no tool: {exc}") from exc
    schema = described.get("parameters", {})
    return AdaptedTool(
        name=described["name"],
        description=described.get("description", ""),
        parameters=schema.get("properties", {}),
        required=tuple(schema.get("required", ())),
        tool=ready,
    )


def _text(result: object) -> str:
    if isinstance(result, BaseMessage):
        return str(result.text)
    return result if isinstance(result, str) else json.dumps(result, default=str, ensure_ascii=False)
