"""The fields of a shape as rows of a Markdown table, as docs/reference/manifests.md shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from controller.manifests.schema import json_schema

WORDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "number": "number"}
HEAD = "| field | value | default | meaning |\n|---|---|---|---|"


def rows(shape: str) -> Iterator[str]:
    """One row for each field of the shape, in the order of the code."""
    definitions: dict[str, Any] = json_schema()["$defs"]  # type: ignore[assignment]
    definition = definitions[shape]
    for name, field in definition.get("properties", {}).items():
        target = definitions.get(str(field.get("$ref", "")).rsplit("/", 1)[-1], {})
        full = {**target, **field}
        required = name in definition.get("required", ())
        meaning = " ".join(full["description"].split()).replace("|", "\\|")
        yield f"| `{name}` | {value(full, definitions)} | {default(full, required=required)} | {meaning} |"


def default(field: dict[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    if field.get("default") in (None, []):
        return ""
    written = field["default"]
    if isinstance(written, float):
        written = int(written)
    return f"`{written if isinstance(written, str) else json.dumps(written)}`"


def value(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "const" in field or "enum" in field:
        words = field.get("enum", [field.get("const")])
        return ", ".join(f"`{word}`" for word in words) if len(words) <= 5 else "one of those below"
    if "90s" in field.get("examples", ()):
        return "duration"
    if "anyOf" in field and {"string", "number"} <= {variant.get("type") for variant in field["anyOf"]}:
        return "percentage"
    if "anyOf" in field:
        return " or ".join(value(variant, definitions) for variant in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {value(resolved(field['items'], definitions), definitions)}"
    if field.get("type") == "object":
        return "mapping"
    return WORDS.get(field.get("type", ""), "any value")


def resolved(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    return {**definitions.get(str(field.get("$ref", "")).rsplit("/", 1)[-1], {}), **field}
