"""Pydantic objects out of replies: the schema asked for, the text read, the repair asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from outlay.budget import Usage
from outlay.errors import BudgetExhaustedError, ContextOverflowError, OutlayError, OutputInvalidError
from outlay.model.records import Parsed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import BaseModel

    from outlay.model.records import Completion, Message, Schema

LONGEST_FAULTS: Final = 1000


async def parsed(
    ask: Callable[[tuple[Message, ...]], Awaitable[Completion]],
    messages: tuple[Message, ...],
    schema: type[Schema],
    repair: int,
) -> Parsed[Schema]:
    """Ask until the reply parses; each further attempt shows the model what was wrong.

    Raises:
        OutputInvalidError: `repair` further attempts did not help, or could not be held.
    """
    attempts: list[Completion] = []
    fault: ValidationError | OutlayError | None = None
    for _ in range(repair + 1):
        try:
            attempts.append(await ask(messages))
            value = schema.model_validate_json(json_text(attempts[-1].text))
            return Parsed(value=value, completions=tuple(attempts), usage=_bill(attempts))
        except ValidationError as exc:
            fault = exc
            messages = (*messages, *repair_messages(attempts[-1], exc))
        except (BudgetExhaustedError, ContextOverflowError) as exc:
            if not attempts:
                raise
            fault = exc
            break
    raise OutputInvalidError(
        f"no valid {schema.__name__} in {len(attempts)} attempts: use a simpler schema, a stronger model or "
        "more max_output_tokens",
        model=attempts[-1].model,
        usage=_bill(attempts),
    ) from fault


def _bill(attempts: list[Completion]) -> Usage:
    return sum((attempt.usage for attempt in attempts), Usage())


def strict_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Give the JSON schema of `schema` in the form that constrained decoding takes everywhere.

    Every property is required and no other is allowed, as OpenAI's strict mode demands.
    """
    found: dict[str, Any] = _strict(schema.model_json_schema())
    return found


def json_text(text: str) -> str:
    """Give the JSON in `text`: without a code fence, or words around the outermost object."""
    text = text.strip()
    if text.startswith("```"):
        text = text.split("\n", 1)[-1].rsplit("```", 1)[0].strip()
    if not text.startswith(("{", "[")) and "{" in text:
        text = text[text.index("{") : text.rfind("}") + 1] or text
    return text


def repair_messages(completion: Completion, error: ValidationError) -> tuple[Message, Message]:
    """Show the model its reply and what is wrong with it."""
    faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'reply'}: {e['msg']}" for e in error.errors())
    shorter = " It was cut off: write less." if completion.finish_reason == "length" else ""
    faults = faults[:LONGEST_FAULTS]
    ask = f"That reply is not valid: {faults}.{shorter} Reply again with the whole corrected JSON only."
    return {"role": "assistant", "content": completion.text or "(nothing)"}, {"role": "user", "content": ask}


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _strict(value) for key, value in node.items() if key != "default"}
    if "properties" in node:
        made["properties"] = {name: _strict(value) for name, value in node["properties"].items()}
        made["required"] = list(node["properties"])
        made["additionalProperties"] = False
    return made
