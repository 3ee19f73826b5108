"""Reads YAML text into trees: bounded in size, depth and expansion, without recursion.

libyaml delivers events; the tree is built here, so that duplicate keys, alias bombs and deep nesting are refused with
line and column. A flow file becomes plain values; manifests and lock files become `YamlNode`s, which keep positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import yaml

from controller.domain.errors.manifest import FlowFileInvalid
from controller.flows.scalars import STR, TAG, scalar, tag_of
from controller.flows.suggestion import quoted
from controller.flows.yaml_events import Position, mistake_at, position_of, read_events

T = TypeVar("T")
Keys = Mapping[str, Position]
"""Positions of the keys of a mapping; empty for everything else."""


@dataclass(frozen=True, slots=True)
class YamlRules:
    """The limits for one kind of text."""

    depth: int
    """Levels of nesting."""
    values: int
    """Values in all documents after expansion of aliases."""
    single: bool = True
    """Whether a second document is an error."""
    scalar: Callable[[str, str], object] = scalar
    """Converts a scalar by tag and text. Raises ValueError with the reason."""
    key_hint: str | None = None
    """The hint for a collection that is used as a key."""


@dataclass(frozen=True, slots=True)
class YamlNode:
    """A scalar, a mapping or a sequence, with its place in the text."""

    value: object
    """A scalar's value, a dict of nodes, or a list of nodes."""
    position: Position
    keys: Keys = field(default_factory=dict)

    def plain(self) -> object:
        """The value without positions: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    def get(self, *path: str | int) -> YamlNode | None:
        """The node at a path, or None."""
        node: YamlNode | None = self
        for part in path:
            node = node.child(part) if node is not None else None
        return node

    def child(self, part: str | int) -> YamlNode | None:
        """The node under one key or index, or None."""
        found: object = None
        if isinstance(self.value, dict):
            found = self.value.get(part)
        elif isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            found = self.value[part]
        return found if isinstance(found, YamlNode) else None

    def locate(self, path: Sequence[str | int], *, at_key: bool = False) -> Position:
        """The position of a path: a scalar's own, a collection's key, or that of the deepest existing part."""
        node, position = self, self.position
        for part in path:
            child = node.child(part)
            if child is None:
                break
            key = node.keys.get(part) if isinstance(part, str) else None
            collection = isinstance(child.value, dict | list)
            position = key if key is not None and (at_key or collection) else child.position
            node = child
        return position


def refuse(mistake: FlowFileInvalid) -> None:
    """Raise the first mistake."""
    raise mistake


def read_nodes(
    text: str, rules: YamlRules, on_mistake: Callable[[FlowFileInvalid], None] = refuse
) -> Iterator[YamlNode]:
    """The documents of a text as nodes, one after the other; mistakes as in `read_trees`."""
    return read_trees(text, rules, YamlNode, on_mistake)


def read_trees(
    text: str,
    rules: YamlRules,
    make: Callable[[object, Position, Keys], T],
    on_mistake: Callable[[FlowFileInvalid], None] = refuse,
) -> Iterator[T]:
    """The documents of a text, each built by `make` from the bottom up.

    A mistake that leaves the rest readable (a duplicate key) goes to `on_mistake`; any other raises FlowFileInvalid,
    with line and column, after the documents before it.
    """
    return _TreeBuilder(rules, make, on_mistake).documents(read_events(text))


@dataclass(slots=True)
class _OpenCollection(Generic[T]):
    """A collection while it is read."""

    position: Position
    content: dict[str, T] | list[T]
    anchor: str | None
    keys: dict[str, Position] = field(default_factory=dict)
    key: str | None = None
    """The key that has no value yet."""
    dropped: bool = False
    """Whether the key was refused, so that its value is skipped."""
    size: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class _Anchored(Generic[T]):
    value: T
    size: int
    height: int


class _TreeBuilder(Generic[T]):
    def __init__(
        self,
        rules: YamlRules,
        make: Callable[[object, Position, Keys], T],
        on_mistake: Callable[[FlowFileInvalid], None],
    ) -> None:
        self._rules = rules
        self._make = make
        self._on_mistake = on_mistake
        self._frames: list[_OpenCollection[T]] = []
        self._anchors: dict[str, _Anchored[T] | None] = {}
        """By name; None while the anchored collection is incomplete."""
        self._finished: list[T] = []
        self._begun = 0
        self._values = 0
        self._handlers: dict[type[yaml.Event], Callable[..., None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.DocumentStartEvent: self._new_document,
        }

    def documents(self, events: Iterable[yaml.Event]) -> Iterator[T]:
        for event in events:
            handler = self._handlers.get(type(event))
            if handler is not None:
                handler(event)
            if self._finished:
                yield self._finished.pop()

    def _new_document(self, event: yaml.Event) -> None:
        self._begun += 1
        self._anchors = {}
        if self._rules.single and self._begun > 1:
            raise mistake_at(position_of(event), "a second document begins here; the file may hold one")

    def _awaits_key(self) -> _OpenCollection[T] | None:
        frame = self._frames[-1] if self._frames else None
        return frame if frame is not None and frame.key is None and isinstance(frame.content, dict) else None

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        frame, position = self._awaits_key(), position_of(event)
        if frame is not None:
            self._key(frame, event, position)
            return
        value = self._make(self._value(event, position), position, {})
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, 1, 1)
        self._add(value, 1, 1, position)

    def _value(self, event: yaml.ScalarEvent, position: Position) -> object:
        tag = event.tag
        if tag is None:
            tag = tag_of(event.value, plain=bool(event.implicit[0]))
        elif tag == "!":
            tag = STR
        try:
            return self._rules.scalar(tag, event.value)
        except ValueError as error:
            self._on_mistake(mistake_at(position, _reason(error)))
            return event.value

    def _key(self, frame: _OpenCollection[T], event: yaml.ScalarEvent, position: Position) -> None:
        key = frame.key = event.value
        if key == "<<" and event.implicit[0]:
            self._refuse_key(frame, position, "merge keys (<<) are not part of YAML 1.2", "write the merged keys out")
        elif key in frame.keys:
            line = frame.keys[key][0]
            self._refuse_key(frame, position, f"the key {quoted(key)} occurs twice; first in line {line}", "keep one")
        else:
            frame.keys[key] = position
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(self._make(key, position, {}), 1, 1)

    def _refuse_key(self, frame: _OpenCollection[T], position: Position, message: str, hint: str) -> None:
        frame.dropped = True
        self._on_mistake(mistake_at(position, message, hint))

    def _alias(self, event: yaml.AliasEvent) -> None:
        position = position_of(event)
        if self._awaits_key() is not None:
            raise mistake_at(position, "an alias cannot be a key", "write the key out")
        if event.anchor not in self._anchors:
            raise mistake_at(position, f"there is no anchor &{event.anchor} above")
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise mistake_at(position, f"*{event.anchor} is inside the value that it repeats")
        self._add(anchored.value, anchored.size, anchored.height, position, repeated=True)

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        position = position_of(event)
        if self._awaits_key() is not None:
            raise mistake_at(position, "a mapping key must be text, not a collection", self._rules.key_hint)
        if event.tag not in (None, "!", TAG + "map", TAG + "seq"):
            self._on_mistake(mistake_at(position, f"the tag {event.tag.replace(TAG, '!!')} is not allowed"))
        # Until the collection ends, an alias to it would be a cycle.
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        content: dict[str, T] | list[T] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._frames.append(_OpenCollection(position, content, event.anchor))
        self._check_depth(1, position)

    def _end(self, _event: yaml.Event) -> None:
        frame = self._frames.pop()
        value = self._make(frame.content, frame.position, frame.keys)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchored(value, frame.size, frame.height)
        self._add(value, frame.size, frame.height, frame.position)

    def _add(self, value: T, size: int, height: int, position: Position, *, repeated: bool = False) -> None:
        """Add a complete value to the enclosing collection."""
        # Values inside a collection were counted when they were added; an alias repeats all of them.
        self._values += size if repeated else 1
        if self._values > self._rules.values:
            message = f"more than {self._rules.values} values once aliases are expanded"
            raise mistake_at(position, message, "split the file, or write fewer aliases")
        self._check_depth(height, position)
        if not self._frames:
            self._finished.append(value)
            return
        frame = self._frames[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        if isinstance(frame.content, list):
            frame.content.append(value)
        elif frame.key is not None:
            if not frame.dropped:
                frame.content[frame.key] = value
            frame.key, frame.dropped = None, False

    def _check_depth(self, height: int, position: Position) -> None:
        if len(self._frames) + height > self._rules.depth:
            raise mistake_at(position, f"nested deeper than {self._rules.depth} levels")


def _reason(error: ValueError) -> str:
    """The reason for refusing a scalar, without its text, which may contain a substituted secret."""
    reason = str(error)
    return "this is not a number" if "literal" in reason or "could not convert" in reason else reason
