"""The JSON Schema of a document, from its dataclasses and their docstrings."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter

from controller.domain.documents import can_be_left_out, can_be_null

Schema = dict[str, Any]
_PYDANTIC_ONLY = ("title", "default", "description")


def schema_of(document: type) -> Schema:
    """The JSON Schema (2020-12) of a document. Programs have to ignore fields that they do not know.

    Its title is what its field `schema` says, else the name of the class. A class's docstring is the `description` of
    its objects, a field's that of the field.
    """
    raw: Schema = TypeAdapter(document).json_schema(mode="validation")
    name = next((each.default for each in fields(document) if each.name == "schema"), document.__name__)
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name, **_object(raw, document)}
    if "$defs" in raw:
        classes = {each.__name__: each for each in _classes(document)}
        found["$defs"] = {key: _definition(each, classes.get(key)) for key, each in raw["$defs"].items()}
    return found


def _definition(raw: Schema, document: type | None) -> Schema:
    return _cleaned(raw) if document is None else _object(raw, document)


def _object(raw: Schema, document: type) -> Schema:
    """The schema of one dataclass, with the names and the required fields of its JSON."""
    meanings, found = _meanings(document), _cleaned({**raw, "$defs": {}})
    found = {"description": inspect.getdoc(document), **found, "properties": {}}
    for each in fields(document):
        part = _cleaned(raw["properties"][each.name])
        part = part if can_be_null(each) else _without_null(part)
        meaning = {"description": meanings[each.name]} if each.name in meanings else {}
        found["properties"][each.name.rstrip("_")] = {**part, **meaning}
    found["required"] = [each.name.rstrip("_") for each in fields(document) if not can_be_left_out(each)]
    return found


def _cleaned(part: Schema) -> Schema:
    """Without pydantic's titles, defaults and definitions."""
    found = {key: value for key, value in part.items() if key not in {*_PYDANTIC_ONLY, "$defs"}}
    for key in ("items", "additionalProperties"):
        if isinstance(part.get(key), dict):
            found[key] = _cleaned(part[key])
    if "anyOf" in part:
        found["anyOf"] = [_cleaned(each) for each in part["anyOf"]]
    return found


def _without_null(part: Schema) -> Schema:
    kept = [each for each in part.get("anyOf", ()) if each != {"type": "null"}]
    return kept[0] if len(kept) == 1 else part


def _classes(document: type) -> Iterator[type]:
    """The dataclass, and all that its fields hold."""
    pending, seen = [document], {document}
    while pending:
        each = pending.pop()
        yield each
        found = {part for hint in get_type_hints(each).values() for part in _parts(hint)} - seen
        seen |= found
        pending.extend(found)


def _parts(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for part in get_args(hint):
        yield from _parts(part)


def _meanings(document: type) -> dict[str, str]:
    """The docstrings below the fields of a dataclass and of those that it extends, as one line each."""
    found: dict[str, str] = {}
    for each in reversed(document.__mro__):
        if not is_dataclass(each):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for field, text in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                found[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return found
