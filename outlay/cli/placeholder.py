"""A value that fits a JSON schema, for a reply that nobody writes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LIST_ITEMS: Final = 4
"""Items of a list whose schema does not say how many there may be."""


def instance(schema: Mapping[str, Any]) -> Any:
    """Give a value that fits `schema`: outer lists as long as they may be, inner ones as short.

    No two strings in it are equal, unless the schema lists them.
    """
    return _Filling(schema.get("$defs", {})).fill(schema, inner=False)


@dataclass
class _Filling:
    definitions: Mapping[str, Any]
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def fill(self, schema: Mapping[str, Any], *, inner: bool) -> Any:
        if "$ref" in schema:
            return self.fill(self.definitions[schema["$ref"].rpartition("/")[2]], inner=inner)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        for choices in ("anyOf", "oneOf", "allOf"):
            if choices in schema:
                return self.fill(schema[choices][0], inner=inner)
        return self._of_type(schema, inner=inner)

    def _of_type(self, schema: Mapping[str, Any], *, inner: bool) -> Any:
        match schema.get("type"):
            case "object":
                properties = schema.get("properties", {})
                return {name: self.fill(part, inner=inner) for name, part in properties.items()}
            case "array":
                least = schema.get("minItems", 0)
                count = least if inner else schema.get("maxItems", max(least, LIST_ITEMS))
                return [self.fill(schema.get("items", {}), inner=True) for _ in range(count)]
            case "integer" | "number":
                return _number(schema)
            case "boolean":
                return True
            case "null":
                return None
        text = f"part {next(self._numbers)}".ljust(schema.get("minLength", 0), ".")
        return text[: schema.get("maxLength")]


def _number(schema: Mapping[str, Any]) -> float:
    least: float = schema.get("minimum", schema.get("exclusiveMinimum", 0) + ("exclusiveMinimum" in schema))
    most: float = schema.get("maximum", max(least, 1))
    return max(least, min(1, most))
