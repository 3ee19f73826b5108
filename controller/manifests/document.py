"""Reads the YAML documents of one file into nodes: bounded in depth and expansion, iterative, never a traceback.

A mistake that leaves the rest readable (a duplicate key) is noted and reading goes on; one that does not (a tab as
indentation) ends the file, and what was read before it still counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from controller.flows.conflict import MARKER_FOUND, MARKER_HINT, conflict_line
from controller.flows.scalars import STR, TAG, FlowLoader, scalar, tag_of
from controller.manifests.node import Node, Position
from controller.manifests.wording import quoted

MAXIMUM_DEPTH = 64
"""Levels of nesting; the kinds themselves need eight."""
MAXIMUM_NODES = 200_000
"""Values in one file once aliases are expanded."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake in a text, before it is known which file it came from."""

    position: Position
    message: str
    hint: str | None = None


@dataclass(slots=True)
class Reading:
    """What one text holds."""

    documents: list[Node] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    complete: bool = True
    """False when reading ended at a fault and documents may be missing."""


class _Unreadable(Exception):  # noqa: N818 - it never leaves this module
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(slots=True)
class _Frame:
    """A collection that is being read."""

    position: Position
    mapping: dict[str, Node] | None
    items: list[Node] = field(default_factory=list)
    keys: dict[str, Position] = field(default_factory=dict)
    anchor: str | None = None
    key: str | None = None
    dropped: bool = False
    """Whether the value that follows belongs to a key that was refused."""
    size: int = 1
    height: int = 1


def read_documents(text: str) -> Reading:
    """The documents of a text, in order, without the empty ones."""
    reading = Reading()
    try:
        builder = _Builder(text, reading)
        reading.documents.extend(node for node in builder.documents() if node.value is not None)
    except _Unreadable as error:
        reading.faults.append(error.fault)
        reading.complete = False
    except yaml.reader.ReaderError as error:
        reading.faults.append(_forbidden_character(text, error))
        reading.complete = False
    except yaml.MarkedYAMLError as error:
        reading.faults.append(_malformed(text, error))
        reading.complete = False
    return reading


class _Builder:
    """Builds nodes from libyaml's events; one instance reads one text."""

    def __init__(self, text: str, reading: Reading) -> None:
        self._loader = FlowLoader(text)
        self._reading = reading
        self._frames: list[_Frame] = []
        self._anchors: dict[str, Node | None] = {}
        self._nodes = 0
        self._done: list[Node] = []

    def documents(self) -> Iterator[Node]:
        try:
            while (event := self._loader.get_event()) is not None and not isinstance(event, yaml.StreamEndEvent):
                self._take(event)
                yield from self._done
                self._done.clear()
        finally:
            self._loader.dispose()

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._anchors = {}
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()

    def _expects_key(self) -> _Frame | None:
        frame = self._frames[-1] if self._frames else None
        return frame if frame is not None and frame.mapping is not None and frame.key is None else None

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        frame = self._expects_key()
        if frame is not None:
            self._key(frame, event)
            return
        node = Node(self._value(event), _position(event))
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        self._add(node)

    def _value(self, event: yaml.ScalarEvent) -> object:
        tag = event.tag
        if tag is None:
            tag = tag_of(event.value, plain=bool(event.implicit[0]))
        try:
            return scalar(STR if tag == "!" else tag, event.value)
        except ValueError:
            self._reading.faults.append(
                Fault(_position(event), "this value does not fit its tag, or is too long a number")
            )
            return event.value

    def _key(self, frame: _Frame, event: yaml.ScalarEvent) -> None:
        key, position = event.value, _position(event)
        frame.key = key
        if key == "<<" and event.implicit[0]:
            self._refuse(frame, position, "merge keys (<<) are not part of YAML 1.2", "write the merged keys out")
        elif key in frame.keys:
            first = frame.keys[key]
            self._refuse(frame, position, f"the key {quoted(key)} stands twice; first in line {first[0]}", "keep one")
        else:
            frame.keys[key] = position

    def _refuse(self, frame: _Frame, position: Position, message: str, hint: str) -> None:
        self._reading.faults.append(Fault(position, message, hint))
        frame.dropped = True

    def _alias(self, event: yaml.AliasEvent) -> None:
        position = _position(event)
        if self._expects_key() is not None:
            raise _Unreadable(Fault(position, "an alias cannot be a key", "write the key out"))
        if event.anchor not in self._anchors:
            raise _Unreadable(Fault(position, f"there is no anchor &{event.anchor} above"))
        node = self._anchors[event.anchor]
        if node is None:
            raise _Unreadable(Fault(position, f"*{event.anchor} stands inside what it repeats"))
        self._count(node, position)
        self._add(node)

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        position = _position(event)
        if self._expects_key() is not None:
            raise _Unreadable(Fault(position, "a mapping key must be text, not a collection"))
        if event.tag not in (None, "!", TAG + "map", TAG + "seq"):
            self._reading.faults.append(
                Fault(position, f"the tag {event.tag.replace(TAG, '!!')} is not one that a manifest may use")
            )
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._frames.append(
            _Frame(position, {} if isinstance(event, yaml.MappingStartEvent) else None, anchor=event.anchor)
        )
        self._check_depth(1, position)

    def _end(self) -> None:
        frame = self._frames.pop()
        value = frame.mapping if frame.mapping is not None else frame.items
        node = Node(value, frame.position, frame.keys, frame.size, frame.height)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = node
        self._add(node)

    def _add(self, node: Node) -> None:
        """Put a finished node into the collection around it."""
        self._count(None, node.position)
        self._check_depth(node.height, node.position)
        if not self._frames:
            self._done.append(node)
            return
        frame = self._frames[-1]
        frame.size += node.size
        frame.height = max(frame.height, node.height + 1)
        if frame.mapping is None:
            frame.items.append(node)
        elif frame.key is not None:
            if not frame.dropped:
                frame.mapping[frame.key] = node
            frame.key, frame.dropped = None, False

    def _check_depth(self, height: int, position: Position) -> None:
        if len(self._frames) + height > MAXIMUM_DEPTH:
            raise _Unreadable(Fault(position, f"nested deeper than {MAXIMUM_DEPTH} levels"))

    def _count(self, repeated: Node | None, position: Position) -> None:
        self._nodes += repeated.size if repeated is not None else 1
        if self._nodes > MAXIMUM_NODES:
            hint = "split the file, or write fewer aliases"
            raise _Unreadable(Fault(position, f"more than {MAXIMUM_NODES} values once aliases are expanded", hint))


def _position(event: yaml.Event) -> Position:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def position_at(text: str, offset: int) -> Position:
    """Line and column of a character offset."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _malformed(text: str, error: yaml.MarkedYAMLError) -> Fault:
    line = conflict_line(text)
    if line is not None:
        return Fault((line, 1), MARKER_FOUND, MARKER_HINT)
    mark = error.problem_mark or error.context_mark
    position = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = ", ".join(part for part in (error.context, error.problem) if part)
    hint = "indent with spaces" if "\\t" in problem or "tab" in problem else "check quotes and indentation here"
    return Fault(position, f"not valid YAML: {problem}", hint)


def _forbidden_character(text: str, error: yaml.reader.ReaderError) -> Fault:
    """libyaml counts bytes; the character itself is found again in the text."""
    before = text.encode("utf-8")[: error.position].decode("utf-8", "ignore")
    message = "a control character that YAML does not allow"
    return Fault(position_at(text, len(before)), message, "remove it, or write it as an escape in quotes")
