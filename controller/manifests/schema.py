"""JSON Schema of the kinds: for editors, and for the known keys in messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel

from controller.manifests.flow import FlowShape
from controller.manifests.organization import OrganizationShape

KINDS: Mapping[str, type[BaseModel]] = {"Flow": FlowShape, "Organization": OrganizationShape}
"""The shape of each kind."""


def json_schema() -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of one manifest document of any kind."""
    kinds = {kind: shape_schema(KINDS[kind]) for kind in sorted(KINDS)}
    definitions: dict[str, object] = {}
    for kind, schema in kinds.items():
        definitions |= schema["$defs"]
        definitions[kind] = {key: value for key, value in schema.items() if key != "$defs"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Penstock manifest",
        "description": "One document of a repository that Penstock deploys from.",
        "type": "object",
        "properties": {"kind": {"enum": sorted(KINDS)}},
        "required": ["apiVersion", "kind"],
        "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in kinds],
        "$defs": dict(sorted(definitions.items())),
    }


@cache
def shape_schema(shape: type[BaseModel]) -> dict[str, Any]:
    """The schema of one shape, with its own `$defs`. Shared: not to be changed."""
    return _tidied_mapping(shape.model_json_schema(by_alias=True))


def _tidied(schema: object) -> object:
    """Without the titles and nulls that pydantic adds: a field that is not given is left out, never null."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    return _tidied_mapping(schema) if isinstance(schema, dict) else schema


def _tidied_mapping(schema: Mapping[str, Any]) -> dict[str, Any]:
    result = {key: _tidied(value) for key, value in schema.items()}
    if isinstance(result.get("title"), str):
        del result["title"]
    variants = result.get("anyOf")
    if isinstance(variants, list) and {"type": "null"} in variants:
        others = [variant for variant in variants if variant != {"type": "null"}]
        del result["anyOf"], result["default"]
        result = {**others[0], **result} if len(others) == 1 else {**result, "anyOf": others}
    return result


def document_schema(shape: type[BaseModel], title: str) -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of a document with this shape."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **shape_schema(shape)}


def known_keys(shape: type[BaseModel], path: Sequence[str | int]) -> tuple[str, ...]:
    """The keys that a mapping at this path may have."""
    return tuple(_at(shape, path).get("properties", ()))


def known_words(shape: type[BaseModel], path: Sequence[str | int]) -> tuple[str, ...]:
    """The words that a field at this path may hold; empty when it is free."""
    found = _at(shape, path)
    words: Iterable[object] = found.get("enum", [found["const"]] if "const" in found else ())
    return tuple(str(word) for word in words)


def meaning(shape: type[BaseModel], path: Sequence[str | int]) -> str | None:
    """The meaning of a field, as a short clause for hints."""
    text = _at(shape, path).get("description")
    if not isinstance(text, str):
        return None
    first = text.splitlines()[0].rstrip(".")
    return first[0].lower() + first[1:]


def _at(shape: type[BaseModel], path: Sequence[str | int]) -> dict[str, Any]:
    """The schema at a path; an empty one where the path leads nowhere."""
    root = shape_schema(shape)
    found: dict[str, Any] = root
    for part in path:
        if isinstance(part, int):
            found = found.get("items", {})
        else:
            properties = found.get("properties", {})
            found = properties.get(part) or found.get("additionalProperties") or {}
        found = _resolved(root, found) if isinstance(found, dict) else {}
    return found


def _resolved(root: Mapping[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference; of several variants the one that has keys."""
    for variant in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if "$ref" in variant:
            schema = {**schema, **variant}
    reference = schema.get("$ref")
    if reference is None:
        return schema
    target = root["$defs"][reference.rsplit("/", 1)[-1]]
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
