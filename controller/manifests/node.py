"""A YAML value that remembers where it stands, so that every mistake can name line and column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from controller.manifests.wording import quoted

Position = tuple[int, int]
"""Line and column, both from 1."""
Path = tuple[str | int, ...]
"""Mapping keys and list indices from the document's root: `("spec", "gates", 0, "http")`."""
_PLAIN_KEY = re.compile(r"[\w.-]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, a mapping or a sequence, with its place in the file."""

    value: object
    """A scalar's value, a dict of nodes, or a list of nodes."""
    position: Position
    keys: Mapping[str, Position] = field(default_factory=dict)
    """Where a mapping's keys stand."""
    size: int = 1
    """How many values it holds once aliases are expanded."""
    height: int = 1
    """How many levels it nests."""

    def plain(self) -> object:
        """The value without positions: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    def get(self, *path: str | int) -> Node | None:
        """The node at a path, or None where there is none."""
        node: Node | None = self
        for part in path:
            node = node.child(part) if node is not None else None
        return node

    def child(self, part: str | int) -> Node | None:
        """The node under one key or index, or None."""
        if isinstance(self.value, dict):
            found = self.value.get(part)
            return found if isinstance(found, Node) else None
        if isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            found = self.value[part]
            return found if isinstance(found, Node) else None
        return None

    def locate(self, path: Sequence[str | int], *, at_key: bool = False) -> Position:
        """Where a path stands: a scalar's own place, a collection's key; as far down as the path exists."""
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


def dotted(path: Sequence[str | int]) -> str:
    """How people write a path: `spec.gates[0].http`; keys that are no plain words are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{quoted(part)}]"
    return text
