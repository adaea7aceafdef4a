"""A value that fits a JSON schema, for a reply that nobody writes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Told = Callable[[str, Mapping[str, Any]], Any]

LIST_ITEMS: Final = 4
"""Items of a list whose schema does not say how many there may be."""


def _nothing(_name: str, _schema: Mapping[str, Any]) -> None:
    return None


def instance(schema: Mapping[str, Any], told: Told = _nothing) -> Any:
    """Give a value that fits `schema`: outer lists as long as they may be, inner ones as short.

    No two strings in it are equal, unless the schema lists them, or `told` gives them.

    Args:
        schema: What to fit.
        told: Gives the value of a string, a number, a boolean or an enumeration by the name of the
            property that it stands in, and its schema, which a string need not fit in length; `None`
            leaves it open.
    """
    return _Filling(schema.get("$defs", {}), told).fill(schema)


@dataclass
class _Filling:
    definitions: Mapping[str, Any]
    told: Told
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def fill(self, schema: Mapping[str, Any], name: str = "", *, inner: bool = False) -> Any:
        if "$ref" in schema:
            return self.fill(self.definitions[schema["$ref"].rpartition("/")[2]], name, inner=inner)
        for choices in ("anyOf", "oneOf", "allOf"):
            if choices in schema:
                return self.fill(schema[choices][0], name, inner=inner)
        match schema.get("type"):
            case "object":
                properties = schema.get("properties", {})
                return {key: self.fill(part, key, inner=inner) for key, part in properties.items()}
            case "array":
                least = schema.get("minItems", 0)
                count = least if inner else schema.get("maxItems", max(least, LIST_ITEMS))
                return [self.fill(schema.get("items", {}), name, inner=True) for _ in range(count)]
        return self._scalar(schema, name)

    def _scalar(self, schema: Mapping[str, Any], name: str) -> Any:
        if "const" in schema or schema.get("type") == "null":
            return schema.get("const")
        value = self.told(name, schema)
        if "enum" in schema:
            return schema["enum"][0] if value is None else value
        match schema.get("type"):
            case "integer" | "number":
                return _number(schema) if value is None else value
            case "boolean":
                return True if value is None else value
        text = f"part {next(self._numbers)}" if value is None else str(value)
        return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]


def _number(schema: Mapping[str, Any]) -> float:
    least: float = schema.get("minimum", schema.get("exclusiveMinimum", 0) + ("exclusiveMinimum" in schema))
    most: float = schema.get("maximum", max(least, 1))
    return max(least, min(1, most))
