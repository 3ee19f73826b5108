"""Documents for programs: frozen dataclasses that become JSON here, and nowhere else.

A field's place in the class is its place in the JSON. A trailing underscore of its name is left out (`from_`), and so
is a field made by `optional` while it is None. `penstock schema --of plan/v1` prints the JSON Schema of a document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Protocol, TypeVar


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


D = TypeVar("D", bound=_Dataclass)

_LEFT_OUT_WITH = "left-out-with"


def optional(beside: str | None = None) -> Any:
    """A field that only some documents have: None leaves it out.

    With `beside` it is left out where the field of that name is None; else it is there, and may be null.
    """
    return field(default=None, metadata={_LEFT_OUT_WITH: beside})


def can_be_left_out(each: Field[Any]) -> bool:
    """Whether only some documents have the field."""
    return _LEFT_OUT_WITH in each.metadata


def can_be_null(each: Field[Any]) -> bool:
    """Whether the field can be null where its type says so."""
    return not can_be_left_out(each) or each.metadata[_LEFT_OUT_WITH] is not None


def filled(document: type[D], *sources: object, **given: object) -> D:
    """A document with the given fields; each other one is that of the first source which has an attribute so named."""
    names = [name for name in _required(document) if name not in given]
    found = {name: getattr(source, name) for source in reversed(sources) for name in names if hasattr(source, name)}
    return document(**found | given)


def plain(value: object) -> Any:
    """The value in JSON's types: dataclasses are objects, times ISO 8601, sequences lists."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping) or (is_dataclass(value) and not isinstance(value, type)):
        return {key: plain(item) for key, item in one_level(value).items()}
    return one_level(value) if isinstance(value, Enum | datetime) else value


def one_level(value: object) -> Any:
    """The value in JSON's types, and what is inside it as it is; for encoders, which then ask for each part.

    Raises TypeError for a value that has no place in a document.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {
            name: getattr(value, attribute)
            for name, attribute, needed in _members(type(value))
            if needed is None or getattr(value, needed) is not None
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    raise TypeError(f"a document cannot hold {type(value).__name__}")


@cache
def _members(document: type[_Dataclass]) -> tuple[tuple[str, str, str | None], ...]:
    """Name in the JSON and in the class of each field, and which one must not be None for it to be there."""
    return tuple(
        (
            each.name.rstrip("_"),
            each.name,
            (each.metadata[_LEFT_OUT_WITH] or each.name) if can_be_left_out(each) else None,
        )
        for each in fields(document)
    )


@cache
def _required(document: type[_Dataclass]) -> tuple[str, ...]:
    return tuple(each.name for each in fields(document) if each.default is MISSING)


def json_chunks(document: _Dataclass) -> Iterator[str]:
    """The text of `json_text(document, ascii_only=True)` in pieces that end between two items of a list.

    Holds the text of some items at a time only, and makes it several times as fast as json's indenting encoder, which
    is not written in C.
    """
    opening = "{"
    for name, value in one_level(document).items():
        yield f"{opening}\n  {_quoted(name)}: "
        opening = ","
        if isinstance(value, list | tuple) and value:
            yield from _items(value)
        else:
            yield _indented(value, "\n  ")
    yield "\n}"


_ITEMS_OF_A_PIECE = 500


def _items(values: Sequence[object]) -> Iterator[str]:
    opening = "["
    for start in range(0, len(values), _ITEMS_OF_A_PIECE):
        piece = values[start : start + _ITEMS_OF_A_PIECE]
        yield opening + ",".join([f"\n    {_indented(item, _OF_AN_ITEM)}" for item in piece])
        opening = ","
    yield "\n  ]"


_CONSTANTS = {None: "null", True: "true", False: "false"}
_OF_AN_ITEM = "\n    "
_quoted = json.encoder.encode_basestring_ascii


def _indented(value: object, margin: str) -> str:
    """The value as indented JSON in ASCII; `margin` is the line end and indentation of the line that it begins on."""
    if isinstance(value, str):  # an enumeration's word, too
        return _quoted(value)
    if value is None or value is True or value is False:
        return _CONSTANTS[value]
    if isinstance(value, int | float):
        return json.dumps(value)
    deeper = margin + "  "
    if isinstance(value, list | tuple):
        parts = [_indented(item, deeper) for item in value]
        return f"[{deeper}{f',{deeper}'.join(parts)}{margin}]" if parts else "[]"
    if is_dataclass(value) and not isinstance(value, type) and (row := _row(type(value), margin)) is not None:
        read, template = row
        return template % tuple(
            [
                "null" if each is None else _quoted(each) if isinstance(each, str) else _indented(each, deeper)
                for each in read(value)
            ]
        )
    level = one_level(value)
    if not isinstance(level, dict):
        return _indented(level, margin)
    fields_ = [f"{_quoted(key)}: {_indented(item, deeper)}" for key, item in level.items()]
    return f"{{{deeper}{f',{deeper}'.join(fields_)}{margin}}}" if fields_ else "{}"


@cache
def _row(document: type[_Dataclass], margin: str) -> tuple[Callable[[object], tuple[object, ...]], str] | None:
    """What reads all values of such a document, and the text to put them in; None if fields can be left out."""
    members = _members(document)
    if len(members) < 2 or any(needed is not None for _, _, needed in members):
        return None
    names = f",{margin}  ".join(f"{_quoted(name)}: %s" for name, _, _ in members)
    return attrgetter(*(attribute for _, attribute, _ in members)), f"{{{margin}  {names}{margin}}}"


def json_text(document: object, *, ascii_only: bool = False) -> str:
    """The document as indented JSON without a newline at the end; `ascii_only` escapes all other characters."""
    return json.dumps(plain(document), indent=2, ensure_ascii=ascii_only)
