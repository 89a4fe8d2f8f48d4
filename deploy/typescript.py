"""JSON Schema, of the kind that msgspec makes, as TypeScript: for programs that read our messages."""

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["declarations"]

_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


_HEAD = "/** Penchant's messages: `penchant schemas --typescript`. */"


def declarations(definitions: Mapping[str, Mapping[str, Any]]) -> str:
    """A file with an interface for each object among some definitions, in their order."""
    interfaces = [_interface(name, schema) for name, schema in definitions.items() if schema.get("type") == "object"]
    return "\n\n".join([_HEAD, *interfaces]) + "\n"


def _interface(name: str, schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    fields = [
        f"  {field}{'' if field in required else '?'}: {type_of(about)};"
        for field, about in schema.get("properties", {}).items()
    ]
    lines = [f" * {line.strip()}".rstrip() for line in schema.get("description", "").splitlines()]
    return "\n".join(["/**", *lines, " */", f"export interface {name} {{", *fields, "}"])


def type_of(schema: Mapping[str, Any]) -> str:
    """The type of one value.

    >>> type_of({"anyOf": [{"type": "string"}, {"type": "null"}]})
    'string | null'
    >>> type_of({"type": "array", "items": {"$ref": "#/$defs/Reason"}})
    'Reason[]'
    """
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    if "enum" in schema:
        return _either(f'"{value}"' for value in schema["enum"])
    if "anyOf" in schema:
        return _either(map(type_of, schema["anyOf"]))
    kind = schema.get("type", "")
    return _array(schema) if kind == "array" else _object(schema) if kind == "object" else _PLAIN.get(kind, "unknown")


def _array(schema: Mapping[str, Any]) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(map(type_of, schema['prefixItems']))}]"
    inner = type_of(schema.get("items", {}))
    return f"({inner})[]" if " | " in inner else f"{inner}[]"


def _object(schema: Mapping[str, Any]) -> str:
    more = schema.get("additionalProperties")
    return f"Record<string, {type_of(more) if isinstance(more, Mapping) else 'unknown'}>"


def _either(types: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(types))
