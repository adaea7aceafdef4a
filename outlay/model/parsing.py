"""Structured replies: the schema that is asked for, the object that is read, and the request for a repair."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import ValidationError

from outlay.budget import Usage
from outlay.errors import BudgetExhaustedError, ContextOverflowError, OutlayError, OutputInvalidError
from outlay.model.records import Parsed
from outlay.reading import LONGEST_TEXT, json_values

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import BaseModel

    from outlay.model.records import Completion, Message, Schema

LONGEST_FAULTS: Final = 1000
MOST_VALUES: Final = 100
"""JSON values of a reply that are tried."""

_FENCED: Final = re.compile(
    r"^[ \t]*+```[ \t]*+(\w*+)[^\n]*+\n(.*?)(?:^[ \t]*+```|\Z)", re.MULTILINE | re.DOTALL
)
_JSON_FENCES: Final = frozenset({"", "json", "json5", "jsonc", "jsonl"})


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
            value = read_reply(attempts[-1].text, schema)
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


def read_reply(text: str, schema: type[Schema]) -> Schema:
    """Return the first object in `text` that fits `schema`.

    The text may be the object alone, or have words, code fences and further objects around it. What
    stands in a fence of another language than JSON is tried last. `outlay.reading` says which faults of
    the JSON do no harm.

    Raises:
        ValidationError: No object fits; the error is that of the first one.
    """
    fault: ValidationError | None = None
    written = (json.dumps(value, ensure_ascii=False) for value in reply_values(text))
    for candidate in (text[:LONGEST_TEXT], *written):
        try:
            # Half a surrogate is no UTF-8.
            return schema.model_validate_json(candidate.encode("utf-8", "replace"))
        except ValidationError as exc:
            fault = fault if fault and _is_json(fault) else exc
    raise cast("ValidationError", fault)


def reply_values(text: str) -> list[Any]:
    """Return the JSON objects and arrays in a reply, those in fences of other languages last.

    The item of an array of one stands for the array, too.
    """
    foreign = [
        range(*found.span(2))
        for found in _FENCED.finditer(text[:LONGEST_TEXT])
        if found[1].lower() not in _JSON_FENCES
    ]
    values = sorted(
        islice(json_values(text), MOST_VALUES),
        key=lambda found: any(found.start in span for span in foreign),
    )
    return [value for found in values for value in (found.value, *_only_item(found.value))]


def _only_item(value: Any) -> list[Any]:
    return value if isinstance(value, list) and len(value) == 1 else []


def _is_json(error: ValidationError) -> bool:
    return all(fault["type"] != "json_invalid" for fault in error.errors())


def repair_messages(completion: Completion, error: ValidationError) -> tuple[Message, Message]:
    """Show the model its reply and what is wrong with it."""
    faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'reply'}: {e['msg']}" for e in error.errors())
    shorter = " It was cut off: write less." if completion.is_cut else ""
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
