"""Walks over a flow's content and knows the action at every place. No recursion, because flows nest deep."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from controller.flows.canonical import VOLATILE_KEYS, volatile

ACTION_LISTS = frozenset({"actions", "startUpTaskActions", "choices"})
"""Keys with lists of actions: each item is a mapping from the action's kind to its settings."""
MERGING_KEYS = frozenset({"ref", "refArray"})
"""Keys of references to another part of the file that stand for it, where they are an object's only key."""
_COLLECTIONS = frozenset({dict, list})
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w-]*\Z")


@dataclass(slots=True, eq=False)
class Place:
    """One value in a flow's content and the path to it; never changed (a frozen one takes three times as long)."""

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


def walk(root: str, content: object, told: Callable[[str], bool] | None = None) -> Iterator[Place]:
    """Every mapping entry and list item below a flow's root key, in document order, without volatile entries.

    With `told`, the only scalars are the entries with keys that it picks, and all collections must be a dict or a list.
    """
    waiting = [Place(root, content, None, None, False, 1)]  # noqa: FBT003 - by position, because there are so many
    while waiting:
        place = waiting.pop()
        yield place
        if type(place.value) in _COLLECTIONS or isinstance(place.value, Mapping):
            waiting.extend(reversed(_children(place, told)))


def _children(place: Place, told: Callable[[str], bool] | None) -> list[Place]:
    value, depth = place.value, place.depth + 1
    around = place if place.is_action else place.outer_action
    if isinstance(value, list):
        return [
            Place(index, item, place, around, False, depth)  # noqa: FBT003 - as above
            for index, item in enumerate(value)
            if told is None or type(item) in _COLLECTIONS
        ]
    if type(value) is not dict and not isinstance(value, Mapping):
        return []
    action = isinstance(place.key, int) and place.parent is not None and place.parent.key in ACTION_LISTS
    return [
        Place(key, item, place, around, action, depth)
        for key, item in value.items()
        if (told is None or type(item) in _COLLECTIONS or told(key))
        and not (key in VOLATILE_KEYS and volatile(key, item, place.depth))
    ]


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if _PLAIN_KEY.match(key) else f"[{json.dumps(key, ensure_ascii=False)}]"
