"""Validates a document against its shape; every error of pydantic becomes a mistake with its position."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from controller.domain.desired import Origin
from controller.flows.yaml_reader import YamlNode
from controller.manifests.report import Report
from controller.manifests.schema import known_keys, known_words, meaning
from controller.manifests.substitutions import TEXT_FORM, VARIABLE_FORM
from controller.manifests.wording import Path, did_you_mean, dotted, one_of, quoted

S = TypeVar("S", bound=BaseModel)
Finding = tuple[str, str | None]
"""A message and a hint."""
_FREE = ("inputs", "equals")
"""Keys that may hold any value, null included."""
_MAPPINGS = ("model_type", "model_attributes_type", "mapping_type", "dict_type")
_FORMS_BELOW = "substitutions"
_FORMS = ((TEXT_FORM,), (VARIABLE_FORM,))
_MANY = 8
"""More words than this are listed only when none of them is close."""
_TYPES: Mapping[str, str] = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    **dict.fromkeys(_MAPPINGS, "must be a mapping of keys"),
}


def validated(shape: type[S], node: YamlNode, file: str, report: Report) -> S | None:
    """The document as its shape, or None after reporting each mistake."""
    before = len(report)
    value = _without_nulls(node, (), file, report)
    try:
        result = shape.model_validate(value)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            _tell(details, shape, node, file, report)
        return None
    return result if len(report) == before else None


def _without_nulls(node: YamlNode, path: Path, file: str, report: Report) -> object:
    """The plain value; a key without a value is a mistake of its own and is left out."""
    if path and path[-1] in _FREE:
        return node.plain()
    if isinstance(node.value, list):
        return [_without_nulls(item, (*path, index), file, report) for index, item in enumerate(node.value)]
    if not isinstance(node.value, dict):
        return node.value
    result: dict[str, object] = {}
    for key, item in node.value.items():
        here = (*path, key)
        if item.value is None:
            origin = Origin(file, *node.keys[key])
            report.add(origin, f"{dotted(here)} has no value", hint="give it one or remove the key")
        else:
            result[key] = _without_nulls(item, here, file, report)
    return result


def _tell(details: ErrorDetails, shape: type[BaseModel], node: YamlNode, file: str, report: Report) -> None:
    path = _written_path(details["loc"])
    if _reported_already(details["type"], node.get(*path)):
        return
    message, hint = _HANDLERS.get(details["type"], _other)(details, shape, path)
    position = node.locate(path, at_key=details["type"] == "extra_forbidden")
    report.add(Origin(file, *position), message, hint=hint)


def _written_path(location: tuple[str | int, ...]) -> Path:
    """The keys as the manifest has them: pydantic puts the form of a substitution's value behind the value's name.

    A manifest's own key may look like a form, so only this one place is read as a form.
    """
    if _FORMS_BELOW not in location:
        return location
    form = location.index(_FORMS_BELOW) + 2
    return location[:form] + location[form + 1 :] if location[form : form + 1] in _FORMS else location


def _reported_already(kind: str, found: YamlNode | None) -> bool:
    """Whether the error only follows from a key without a value, which is reported on its own."""
    if found is None:
        return False
    empty = isinstance(found.value, dict) and any(item.value is None for item in found.value.values())
    return kind == "missing" or (kind == "expectation" and empty)


def _missing(_details: ErrorDetails, shape: type[BaseModel], path: Path) -> Finding:
    return f"{dotted(path)} is missing", meaning(shape, path)


def _unknown_key(_details: ErrorDetails, shape: type[BaseModel], path: Path) -> Finding:
    keys = known_keys(shape, path[:-1])
    hint = did_you_mean(str(path[-1]), keys) or f"known keys: {', '.join(keys)}"
    *parent, key = path
    where = f" in {dotted(parent)}" if parent else ""
    return f"unknown key {quoted(str(key))}{where}", hint


def _unknown_word(details: ErrorDetails, shape: type[BaseModel], path: Path) -> Finding:
    words = known_words(shape, path)
    given = details["input"]
    if not isinstance(given, str):
        return f"{dotted(path)} must be {one_of(words) if len(words) <= _MANY else 'text'}", None
    if len(words) > _MANY:
        return f"{dotted(path)} cannot be {quoted(given)}", did_you_mean(given, words) or f"known are {one_of(words)}"
    return f"{dotted(path)} must be {one_of(words)}, and not {quoted(given)}", did_you_mean(given, words)


def _wrong_type(details: ErrorDetails, shape: type[BaseModel], path: Path) -> Finding:
    words = known_words(shape, path)
    expected = f"must be {one_of(words)}" if 0 < len(words) <= _MANY else _TYPES[details["type"]]
    hint = None
    if details["type"] in _MAPPINGS:
        keys = known_keys(shape, path)
        hint = f"known keys: {', '.join(keys)}" if keys else None
    elif details["type"] == "string_type" and isinstance(details["input"], bool | int | float):
        hint = "put it in quotes"
    elif details["type"] in ("bool_type", "int_type") and isinstance(details["input"], str):
        hint = "without quotes" if details["input"] in ("true", "false") or details["input"].isdigit() else None
    return f"{dotted(path) or 'the document'} {expected}", hint


def _expectation(details: ErrorDetails, _shape: type[BaseModel], path: Path) -> Finding:
    context: dict[str, Any] = details.get("ctx", {})
    return f"{dotted(path)} {context['expectation']}", context.get("hint")


def _bound(details: ErrorDetails, _shape: type[BaseModel], path: Path) -> Finding:
    context: dict[str, Any] = details.get("ctx", {})
    limit = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
    return f"{dotted(path)} must be {limit}", None


def _other(details: ErrorDetails, _shape: type[BaseModel], path: Path) -> Finding:
    return f"{dotted(path)}: {details['msg'][:1].lower()}{details['msg'][1:]}", None


_HANDLERS: Mapping[str, Callable[[ErrorDetails, type[BaseModel], Path], Finding]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "enum": _unknown_word,
    "literal_error": _unknown_word,
    "expectation": _expectation,
    "greater_than_equal": _bound,
    "less_than_equal": _bound,
    **dict.fromkeys(_TYPES, _wrong_type),
}
