"""Compares two versioned definitions: nodes and transitions by their ids, and all other content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from controller.domain.redaction import masked_patterns
from controller.flows.diff_model import DiffEntry, DiffKind, FlowDiff, quoted
from controller.flows.settings import FlatSettings, flatten
from controller.flows.settings_diff import Shower, table_entries

_Parts = dict[str, tuple[str, FlatSettings]]
"""Title and settings by identity."""


def diff_definitions(
    before: Mapping[str, object], after: Mapping[str, object], *, mask: Callable[[str], str] = masked_patterns
) -> FlowDiff:
    """Compare two definitions of the versioned dialect; masks secrets as `diff_sources` does."""
    shower = Shower(mask, {})
    entries = list(_compared({"": ("flow", _rest(before))}, {"": ("flow", _rest(after))}, shower))
    entries.extend(_compared(_nodes(before), _nodes(after), shower))
    entries.extend(_compared(_transitions(before), _transitions(after), shower))
    return FlowDiff(tuple(shower.clean(entry) for entry in entries))


def _compared(before: _Parts, after: _Parts, shower: Shower) -> Iterator[DiffEntry]:
    for identity, (title, settings) in after.items():
        if identity not in before:
            yield DiffEntry(DiffKind.ADDED, title)
        else:
            for entry in table_entries(before[identity][1], settings, shower):
                yield replace(entry, what=title)
    for identity, (title, _) in before.items():
        if identity not in after:
            yield DiffEntry(DiffKind.REMOVED, title)


def _rest(definition: Mapping[str, object]) -> FlatSettings:
    """The content that is neither a proper mapping of nodes nor a proper list of transitions."""
    proper = {"nodes": Mapping, "transitions": list}
    return _table({key: value for key, value in definition.items() if not isinstance(value, proper.get(key, ()))})


def _nodes(definition: Mapping[str, object]) -> _Parts:
    nodes = definition.get("nodes")
    if not isinstance(nodes, Mapping):
        return {}
    parts: _Parts = {}
    for key, node in nodes.items():
        kind = node.get("type") if isinstance(node, Mapping) else None
        parts[str(key)] = (f"node {quoted(str(key))} ({kind or 'unknown'})", _table(node))
    return parts


def _transitions(definition: Mapping[str, object]) -> _Parts:
    transitions = definition.get("transitions")
    parts: _Parts = {}
    for transition in transitions if isinstance(transitions, list) else ():
        identity = title = _identity(transition)
        number = 1
        while title in parts:
            number += 1
            title = f"{identity} #{number}"
        parts[title] = (f"transition {quoted(title)}", _table(transition))
    return parts


def _identity(transition: object) -> str:
    """The id of a transition; without one, its two ends."""
    if not isinstance(transition, Mapping):
        return str(transition)
    own = transition.get("id")
    if own is not None:
        return str(own)
    return f"{transition.get('from')} -> {transition.get('to')}"


def _table(value: object) -> FlatSettings:
    content = value if isinstance(value, Mapping) else {"value": value}
    return flatten(content, lambda _, item: item)
