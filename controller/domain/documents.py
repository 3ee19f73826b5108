"""Documents for programs: frozen dataclasses that become JSON here, and nowhere else.

A field's place in the class is its place in the JSON. A trailing underscore of its name is left out (`from_`), and so
is a field made by `optional` while it is None. `penstock schema --of plan/v1` prints the JSON Schema of a document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, Protocol, TypeVar


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


D = TypeVar("D", bound=_Dataclass)

_LEFT_OUT_WHEN_NONE = "left-out-when-none"
_PYDANTIC_ONLY = ("title", "default", "description")


def optional() -> Any:
    """A field that only some documents have: None leaves it out."""
    return field(default=None, metadata={_LEFT_OUT_WHEN_NONE: True})


def filled(document: type[D], *sources: object, **given: object) -> D:
    """A document with the given fields; each other one is that of the first source which has an attribute so named."""
    names = [each.name for each in fields(document) if each.default is MISSING]
    found = {name: getattr(source, name) for source in reversed(sources) for name in names if hasattr(source, name)}
    return document(**found | given)


def plain(value: object) -> Any:
    """The value in JSON's types: dataclasses are objects, times ISO 8601, sequences lists."""
    if is_dataclass(value) and not isinstance(value, type):
        found = ((each, getattr(value, each.name)) for each in fields(value))
        return {
            each.name.rstrip("_"): plain(item)
            for each, item in found
            if item is not None or _LEFT_OUT_WHEN_NONE not in each.metadata
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def json_text(document: object, *, ascii_only: bool = False) -> str:
    """The document as indented JSON without a newline at the end; `ascii_only` escapes all other characters."""
    return json.dumps(plain(document), indent=2, ensure_ascii=ascii_only)


def schema_of(document: type) -> dict[str, Any]:
    """The JSON Schema of a document. Programs have to ignore fields that they do not know."""
    from pydantic import TypeAdapter  # takes long, and only this function needs it

    schema: dict[str, Any] = TypeAdapter(document).json_schema(mode="validation")
    name = next(each.default for each in fields(document) if each.name == "schema")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name, **_cleaned(schema)}


def _cleaned(part: dict[str, Any]) -> dict[str, Any]:
    """Without pydantic's titles and defaults, and with the names and the required fields of the JSON."""
    found = {key: value for key, value in part.items() if key not in _PYDANTIC_ONLY}
    for key in ("properties", "$defs"):
        if key in part:
            found[key] = {name.rstrip("_"): _cleaned(each) for name, each in part[key].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(part.get(key), dict):
            found[key] = _cleaned(part[key])
    if "anyOf" in part:
        found["anyOf"] = [_cleaned(each) for each in part["anyOf"]]
    if "properties" in part:
        constants = (name for name, each in part["properties"].items() if "const" in each)
        found["required"] = [name.rstrip("_") for name in (*constants, *part.get("required", ()))]
        for name in found["properties"].keys() - found["required"]:
            found["properties"][name] = _without_null(found["properties"][name])
    return found


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    """An optional field is absent, never null."""
    kept = [each for each in part.get("anyOf", ()) if each != {"type": "null"}]
    return kept[0] if len(kept) == 1 else part
