"""The quick way to read a flow file: one pass over libyaml's events, with one place for each mapping.

It reads only what well-formed files of Architect hold. Where it meets anything else (an anchor, an alias, a tag, a
repeated or merged key, a second document, a limit), it gives up, and `yaml_reader` decides what the text means and
what is wrong with it. So both agree on every text, and only `yaml_reader` knows mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from controller.flows.scalars import FlowLoader, scalar, tag_of
from controller.flows.yaml_events import event_stream

_Collection = dict[str, object] | list[object]
_STARTS: dict[type[yaml.Event], type[_Collection]] = {yaml.MappingStartEvent: dict, yaml.SequenceStartEvent: list}
_ENDS = frozenset({yaml.MappingEndEvent, yaml.SequenceEndEvent})


@dataclass(frozen=True, slots=True)
class PlainDocument:
    """A document's value, and where its collections begin."""

    value: object
    begins: dict[int, yaml.Mark] = field(repr=False)
    """The first character of each collection, by its `id`."""


def read_plain(text: str, *, depth: int, values: int) -> PlainDocument | None:
    """The only document of a text; None where `yaml_reader` must read it.

    `depth` and `values` are its limits. Raises FlowFileInvalid for a text that is not YAML, as `event_stream` does.
    """
    try:
        return _read(text, depth, values)
    except _Unusual:
        return None


class _Unusual(Exception):  # noqa: N818 - not an error: the other reader reads on
    """The text holds what this reader does not know."""


def _read(text: str, most_depth: int, most_values: int) -> PlainDocument:
    begins: dict[int, yaml.Mark] = {}
    top: list[object] = []
    around: list[Any] = []
    here: Any = top  # the open collection, a dict or a list
    key: str | None = None
    count = 0
    event: Any  # its attributes depend on its type
    with event_stream(text) as events:
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                if key is None and type(here) is dict:
                    key = _new_key(event, here)
                    continue
                value = _value(event)
            elif kind in _STARTS:
                value = _opened(event, key, here)
                begins[id(value)] = event.start_mark
                around.append(here)
            elif kind in _ENDS:
                here = around.pop()
                continue
            else:
                _require_first(kind, top)
                continue
            count += 1
            if count > most_values or len(around) + 2 > most_depth:
                raise _Unusual
            if key is None:
                here.append(value)
            else:
                here[key] = value
                key = None
            if kind is not yaml.ScalarEvent:
                here = value
    return PlainDocument(top[0] if top else None, begins)


def _require_first(kind: type[yaml.Event], top: list[object]) -> None:
    if kind is yaml.AliasEvent or (kind is yaml.DocumentStartEvent and top):
        raise _Unusual


def _new_key(event: yaml.ScalarEvent, here: dict[str, object]) -> str:
    key: str = event.value
    if event.anchor is not None or event.tag is not None or key == "<<" or key in here:
        raise _Unusual
    return key


def _opened(event: Any, key: str | None, here: _Collection) -> _Collection:
    """A new collection. Raises _Unusual for one with an anchor or a tag, or as a key."""
    if event.anchor is not None or event.tag is not None or (key is None and type(here) is dict):
        raise _Unusual
    return _STARTS[type(event)]()


def _value(event: Any) -> object:
    if event.anchor is not None or event.tag is not None:
        raise _Unusual
    value: str = event.value
    if not event.implicit[0] or value[:1] not in _RESOLVED:
        return value
    try:
        return _short(value) if len(value) <= _SHORT else scalar(tag_of(value, plain=True), value)
    except ValueError as error:
        raise _Unusual from error


@lru_cache(maxsize=4096)
def _short(value: str) -> object:
    """The value of a plain scalar such as `true` or `0.7`, which flows repeat."""
    return scalar(tag_of(value, plain=True), value)


_SHORT = 24
_RESOLVED = frozenset(FlowLoader.yaml_implicit_resolvers)
"""What plain scalars that may be no text begin with; empty for an empty scalar."""
