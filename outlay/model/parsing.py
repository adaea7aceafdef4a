"""Pydantic objects out of replies: the schema asked for, the text read, the repair asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from outlay.model.records import Completion, Message

LONGEST_FAULTS = 1000


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
