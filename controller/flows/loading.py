"""Reading YAML text into plain dicts, lists and scalars: bounded in size, depth and expansion, without recursion.

libyaml delivers events; the tree is built here, so that duplicate keys, alias bombs and deep nesting are refused with
the line and the column where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import yaml

from controller.domain.errors import FlowFileInvalid
from controller.flows import surrogates
from controller.flows.conflict import MARKER_FOUND, MARKER_HINT, conflict_line
from controller.flows.scalars import STR, TAG, FlowLoader, scalar, tag_of

MAXIMUM_CHARACTERS = 20_000_000
MAXIMUM_NODES = 1_000_000
"""Nodes after aliases are expanded. The largest public flow has fewer than 20,000."""
MAXIMUM_DEPTH = 300
"""Levels of nesting. The deepest public flow has 51."""
_KEY_HINT = "a {{placeholder}} stands in quotes, or gets its value under spec.source.substitutions"

Position = tuple[int, int]
"""Line and column, both from 1."""


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One parsed document, and where things stand in it."""

    value: object
    positions: dict[tuple[str, ...], Position] = field(default_factory=dict)
    """Of the keys of the first two levels."""
    mappings: dict[int, Position] = field(default_factory=dict, repr=False)
    """Where each mapping begins, by its `id`."""

    def begin_of(self, mapping: object) -> Position | None:
        """Where a mapping of this document begins, which in block style is its first key; None for anything else."""
        return self.mappings.get(id(mapping))


def load_yaml(text: str) -> object:
    """The one document of a YAML 1.2 text as dicts, lists, str, int, float, bool and None; None for an empty text.

    Mapping keys are always strings, as they are written. Raises FlowFileInvalid, with line and column, for anything
    else than one well-formed document within the bounds of this module: duplicate, merged or compound keys, unknown
    tags, several documents, aliases to themselves.
    """
    return load_document(text).value


def load_document(text: str) -> YamlDocument:
    """As `load_yaml`, with positions."""
    return _Builder(read_events(text)).build()


def read_events(text: str) -> Iterator[yaml.Event]:
    """The events of a YAML text, with the resolvers of `FlowLoader`.

    Raises FlowFileInvalid, with line and column, where the text is too long or not YAML; aliases are not expanded.
    """
    if len(text) > MAXIMUM_CHARACTERS:
        raise FlowFileInvalid(f"the file has {len(text)} characters; at most {MAXIMUM_CHARACTERS} are read")
    text = text.removeprefix("\ufeff")
    hidden = surrogates.hide(text)
    try:
        for event in _events(text if hidden is None else hidden):
            if hidden is not None and isinstance(event, yaml.ScalarEvent):
                _restore(event)
            yield event
    except yaml.reader.ReaderError as error:
        raise _unreadable(text, error) from error
    except yaml.MarkedYAMLError as error:
        raise _malformed(text, error) from error
    except UnicodeEncodeError as error:
        line, column = _position_at(text, error.start)
        raise FlowFileInvalid("half of a surrogate pair is not a character", line=line, column=column) from error


def _events(text: str) -> Iterator[yaml.Event]:
    loader = FlowLoader(text)
    try:
        while loader.check_event():
            event = loader.get_event()
            if event is not None:
                yield event
    finally:
        loader.dispose()


def _restore(event: yaml.ScalarEvent) -> None:
    try:
        event.value = surrogates.restore(event.value, escaped=event.style == '"')
    except ValueError as error:
        raise _at(_position(event), str(error)) from error


@dataclass(slots=True)
class _Frame:
    """A collection that is being read."""

    node: dict[str, object] | list[object]
    position: Position
    anchor: str | None = None
    key: str | None = None
    size: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: object
    size: int
    height: int


class _Builder:
    """Builds the tree from the events of one text."""

    def __init__(self, events: Iterable[yaml.Event]) -> None:
        self._events = events
        self._frames: list[_Frame] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._document = YamlDocument(None)
        self._documents = 0
        self._nodes = 0
        self._handlers: dict[type[yaml.Event], Callable[..., None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.DocumentStartEvent: self._new_document,
        }

    def build(self) -> YamlDocument:
        for event in self._events:
            if type(event) in self._handlers:
                self._handlers[type(event)](event)
        return self._document

    def _new_document(self, event: yaml.Event) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _at(_position(event), "a second document begins here; a flow file holds one")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        frame = self._frames[-1] if self._frames else None
        if frame is not None and frame.key is None and isinstance(frame.node, dict):
            self._key(frame, frame.node, event)
            return
        value = self._value(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, 1, 1)
        self._add(value, 1, 1, _position(event))

    def _value(self, event: yaml.ScalarEvent) -> object:
        plain = bool(event.implicit[0])
        tag = event.tag
        if tag is None:
            tag = tag_of(event.value, plain=plain)
        elif tag == "!":
            tag = STR
        try:
            return scalar(tag, event.value)
        except ValueError as error:
            raise _at(_position(event), _reason(tag, error)) from error

    def _key(self, frame: _Frame, node: dict[str, object], event: yaml.ScalarEvent) -> None:
        key, position = event.value, _position(event)
        if key == "<<" and event.implicit[0]:
            raise _at(position, "merge keys (<<) are not part of YAML 1.2", "write the merged keys out")
        if key in node:
            raise _at(position, f"the key {key!r} stands twice in one mapping", "keep one of the two")
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(key, 1, 1)
        frame.key = key
        if len(self._frames) <= 2:
            path = (*(outer.key for outer in self._frames if outer.key is not None),)
            if len(path) == len(self._frames):
                self._document.positions[path] = position

    def _alias(self, event: yaml.AliasEvent) -> None:
        position = _position(event)
        if event.anchor not in self._anchors:
            raise _at(position, f"there is no anchor &{event.anchor} above")
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise _at(position, f"*{event.anchor} stands inside what it repeats")
        self._add(anchored.value, anchored.size, anchored.height, position)

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        position = _position(event)
        frame = self._frames[-1] if self._frames else None
        if frame is not None and frame.key is None and isinstance(frame.node, dict):
            raise _at(position, "a mapping key must be text, not a collection", _KEY_HINT)
        if event.tag not in (None, "!", TAG + "map", TAG + "seq"):
            raise _at(position, f"the tag {event.tag.replace(TAG, '!!')} is not one that a flow file may use")
        if len(self._frames) >= MAXIMUM_DEPTH:
            raise _at(position, f"nested deeper than {MAXIMUM_DEPTH} levels")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._frames.append(_Frame(node, position, event.anchor))

    def _end(self, _event: yaml.Event) -> None:
        frame = self._frames.pop()
        if isinstance(frame.node, dict):
            self._document.mappings[id(frame.node)] = frame.position
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchored(frame.node, frame.size, frame.height)
        self._add(frame.node, frame.size, frame.height, frame.position, counted=True)

    def _add(self, value: object, size: int, height: int, position: Position, *, counted: bool = False) -> None:
        """Put a finished value into the collection around it, and bound what aliases expand to."""
        self._nodes += 1 if counted else size
        if self._nodes > MAXIMUM_NODES:
            raise _at(position, f"more than {MAXIMUM_NODES} values once aliases are expanded")
        if len(self._frames) + height > MAXIMUM_DEPTH:
            raise _at(position, f"nested deeper than {MAXIMUM_DEPTH} levels")
        if not self._frames:
            self._document = replace(self._document, value=value)
            return
        frame = self._frames[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        if isinstance(frame.node, list):
            frame.node.append(value)
        elif frame.key is not None:
            frame.node[frame.key] = value
            frame.key = None


def _position(event: yaml.Event) -> Position:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def _position_at(text: str, offset: int) -> Position:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _at(position: Position, message: str, hint: str | None = None) -> FlowFileInvalid:
    return FlowFileInvalid(message, line=position[0], column=position[1], hint=hint)


def _reason(tag: str, error: ValueError) -> str:
    """Why a scalar was refused, without its text: that may hold a substituted secret."""
    if tag in (TAG + "int", TAG + "float") and "literal" in str(error):
        return "this is not a number"
    if "could not convert" in str(error):
        return "this is not a number"
    return str(error)


def _malformed(text: str, error: yaml.MarkedYAMLError) -> FlowFileInvalid:
    line = conflict_line(text)
    if line is not None:
        return _at((line, 1), MARKER_FOUND, MARKER_HINT)
    mark = error.problem_mark or error.context_mark
    position = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    parts = [part for part in (error.context, error.problem) if part]
    return _at(position, f"not valid YAML: {', '.join(parts)}", "check quotes and indentation on this line")


def _unreadable(text: str, error: yaml.reader.ReaderError) -> FlowFileInvalid:
    """libyaml counts bytes; the character itself is found again in the text."""
    encoded = text.encode("utf-8", "surrogatepass")[: error.position]
    position = _position_at(text, len(encoded.decode("utf-8", "ignore")))
    return _at(position, "a control character that YAML does not allow", "remove it or write it as an escape in quotes")
