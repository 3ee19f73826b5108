"""The quick way to read a flow file: one pass over libyaml's events, with one place for each mapping.

It reads only what well-formed files of Architect hold. Where it meets anything else (an anchor, an alias, a tag, a
repeated or merged key, a second document, a limit), it gives up, and `yaml_reader` decides what the text means and
what is wrong with it. So both agree on every text, and only `yaml_reader` knows mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from controller.flows.scalars import FlowLoader, scalar, tag_of
from controller.flows.yaml_events import read_events

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

    `depth` and `values` are its limits. Raises FlowFileInvalid for a text that is not YAML, as `read_events` does.
    """
    try:
        return _read(text, depth, values)
    except _Unusual:
        return None


class _Unusual(Exception):  # noqa: N818 - not an error: the other reader reads on
    """The text holds what this reader does not know."""


def _read(text: str, most_depth: int, most_values: int) -> PlainDocument:
    top: list[object] = []
    begins: dict[int, yaml.Mark] = {}
    around: list[_Collection] = []
    here: _Collection = top
    key: str | None = None
    count = documents = 0
    events: Iterator[Any] = read_events(text)  # an event's attributes depend on its type
    for event in events:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            if key is None and type(here) is dict:
                key = _new_key(event, here)
                continue
            _add(here, key, _value(event))
        elif kind in _STARTS:
            _require_plain(event)
            inner = _STARTS[kind]()
            begins[id(inner)] = event.start_mark
            _add(here, key, inner)
            around.append(here)
            here = inner
        elif kind in _ENDS:
            here = around.pop()
        else:
            documents += kind is yaml.DocumentStartEvent
        key = None
        count += 1
        if kind is yaml.AliasEvent or documents > 1 or count > most_values or len(around) + 2 > most_depth:
            raise _Unusual
    return PlainDocument(top[0] if top else None, begins)


def _require_plain(event: Any) -> None:
    if event.anchor is not None or event.tag is not None:
        raise _Unusual


def _new_key(event: yaml.ScalarEvent, here: dict[str, object]) -> str:
    _require_plain(event)
    key: str = event.value
    if key == "<<" or key in here:
        raise _Unusual
    return key


def _add(here: _Collection, key: str | None, value: object) -> None:
    if type(here) is list:
        here.append(value)
    elif type(here) is dict and key is not None:
        here[key] = value
    else:
        raise _Unusual  # a collection as a key


def _value(event: yaml.ScalarEvent) -> object:
    _require_plain(event)
    value: str = event.value
    if not event.implicit[0] or value[:1] not in _RESOLVED:
        return value
    try:
        return scalar(tag_of(value, plain=True), value)
    except ValueError as error:
        raise _Unusual from error


_RESOLVED = frozenset(FlowLoader.yaml_implicit_resolvers)
"""What plain scalars that may be no text begin with; empty for an empty scalar."""
