"""Checks an answer against the models of Genesys' Python SDK more strictly than the SDK itself does.

The SDK drops unknown fields, turns unknown enum values into a marker, and believes every type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.support import genesys_sdk

_SDK = genesys_sdk.imported()

UNKNOWN_ENUM = "outdated_sdk_version"
_PRIMITIVES: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float), "bool": bool}


def mistakes(value: Any, kind: str, path: str = "$") -> Iterator[str]:
    """Everything in a JSON value that the model named `kind` does not know or types differently."""
    if inner := re.fullmatch(r"list\[(.*)\]", kind):
        if not isinstance(value, list):
            yield f"{path}: not a list"
            return
        for number, item in enumerate(value):
            yield from mistakes(item, inner.group(1), f"{path}[{number}]")
    elif entries := re.fullmatch(r"dict\(str, (.*)\)", kind):
        for key, item in value.items():
            yield from mistakes(item, entries.group(1), f"{path}.{key}")
    elif kind in ("datetime", "LocalDateTime"):
        yield from _date(value, path, local=kind == "LocalDateTime")
    elif kind in _PRIMITIVES:
        right = isinstance(value, _PRIMITIVES[kind]) and (kind == "bool" or not isinstance(value, bool))
        if not right:
            yield f"{path}: {value!r} is no {kind}"
    elif kind != "object":
        yield from _model(value, kind, path)


def _date(value: Any, path: str, *, local: bool) -> Iterator[str]:
    """A local moment has no offset; the SDK reads it like any other."""
    try:
        right = (datetime.fromisoformat(value).tzinfo is None) is local
    except (TypeError, ValueError):
        right = False
    if not right:
        yield f"{path}: {value!r} is no moment"


def _model(value: Any, kind: str, path: str) -> Iterator[str]:
    model = getattr(_SDK.models, kind)()
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {kind}"
        return
    fields = {json_name: name for name, json_name in model.attribute_map.items()}
    for key, item in value.items():
        if key not in fields:
            yield f"{path}.{key}: {kind} has no such field"
            continue
        yield from mistakes(item, model.swagger_types[fields[key]], f"{path}.{key}")
        if isinstance(item, str):
            # Only the setters know the enums; some fields are read-only and have none.
            try:
                setattr(model, fields[key], item)
            except AttributeError:
                continue
            if getattr(model, fields[key]) == UNKNOWN_ENUM:
                yield f"{path}.{key}: {item!r} is not a value of {kind}"
