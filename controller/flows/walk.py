"""Walks over a flow's content and knows the action at every place. No recursion, because flows nest deep."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from controller.flows.canonical import volatile

ACTION_LISTS = frozenset({"actions", "startUpTaskActions", "choices"})
"""Keys with lists of actions: each item is a mapping from the action's kind to its settings."""
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]*\Z")


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One value in a flow's content and the path to it."""

    key: str | int
    """The key or index of the value in its parent."""
    value: object
    parent: Place | None
    outer_action: Place | None
    """The nearest enclosing action, other than the value itself."""
    is_action: bool
    depth: int

    @property
    def action(self) -> Place | None:
        """The nearest enclosing action, or the value itself if it is one."""
        return self if self.is_action else self.outer_action

    @property
    def action_kind(self) -> str:
        """The kind of the nearest action (`callData`); outside of actions, the setting at the flow's top level."""
        if self.action is not None:
            return str(self.action.key)
        way = self.way()
        return str(way[1].key if len(way) > 1 else way[0].key)

    def way(self) -> list[Place]:
        """All places from the root key down to this one."""
        way: list[Place] = []
        place: Place | None = self
        while place is not None:
            way.append(place)
            place = place.parent
        return way[::-1]

    @property
    def path(self) -> str:
        """The path for display: `inboundCall.tasks[0].task.actions[2].callData`."""
        return "".join(_step(place.key) for place in self.way()).removeprefix(".")


def walk(root: str, content: object) -> Iterator[Place]:
    """Every mapping entry and list item below a flow's root key, in document order, without volatile entries."""
    waiting = [_place(root, content, None, is_action=False)]
    while waiting:
        place = waiting.pop()
        yield place
        waiting.extend(reversed(_children(place)))


def _children(place: Place) -> list[Place]:
    value = place.value
    if isinstance(value, Mapping):
        action = isinstance(place.key, int) and place.parent is not None and place.parent.key in ACTION_LISTS
        return [
            _place(key, item, place, is_action=action)
            for key, item in value.items()
            if not volatile(key, item, place.depth)
        ]
    if isinstance(value, list):
        return [_place(index, item, place, is_action=False) for index, item in enumerate(value)]
    return []


def _place(key: str | int, value: object, parent: Place | None, *, is_action: bool) -> Place:
    depth = 1 if parent is None else parent.depth + 1
    around = None if parent is None else parent.action
    return Place(key, value, parent, around, is_action, depth)


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if _PLAIN_KEY.match(key) else f"[{json.dumps(key, ensure_ascii=False)}]"
