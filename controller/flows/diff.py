"""Compares two versions of a flow: sources in the terms that Architect shows to authors, definitions by their ids."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from controller.domain.redaction import masked_patterns
from controller.flows.diff_model import DiffEntry, DiffKind, FlowDiff, quoted
from controller.flows.elements import Element, elements
from controller.flows.settings import FlatSettings, Shower, flatten, table_entries

Key = Callable[[Element], Hashable]
"""A key that two versions of one element share; None for elements that the rule does not cover."""

_AMONG_SIBLINGS: tuple[Key, ...] = (
    lambda one: (one.slot, one.type, one.name, one.whole),
    lambda one: (one.slot, one.type, one.name, one.mark),
    lambda one: (one.slot, one.type, one.name),
    lambda one: (one.type, one.name, one.whole),
    lambda one: (one.slot, one.type, one.mark, len(one.children)) if one.kind == "action" else None,
    lambda one: (one.type, one.number) if one.number and one.kind != "action" else None,
    lambda one: (one.slot, one.name) if one.kind == "variable" else None,
)
_ANYWHERE: tuple[Key, ...] = (
    lambda one: (one.type, one.name, one.whole) if one.kind != "variable" else None,
    lambda one: (one.type, one.name, one.mark) if one.kind != "variable" else None,
)


class Matching:
    """Pairs of elements, in both directions."""

    def __init__(self, before: Sequence[Element], after: Sequence[Element]) -> None:
        self.newer: dict[Element, Element] = {}
        self.older: dict[Element, Element] = {}
        self._pair(before[0], after[0])
        for rule in (*_ANYWHERE, _by_unique_name(self._left(before), self._right(after))):
            for one, other in _pairs(self._left(before), self._right(after), rule):
                if one not in self.newer and other not in self.older:
                    self._pair(one, other)

    def _left(self, before: Iterable[Element]) -> list[Element]:
        return [element for element in before if element not in self.newer]

    def _right(self, after: Iterable[Element]) -> list[Element]:
        return [element for element in after if element not in self.older]

    def _pair(self, before: Element, after: Element) -> None:
        self.newer[before], self.older[after] = after, before
        waiting = [(before, after)]
        while waiting:
            one, other = waiting.pop()
            for rule in _AMONG_SIBLINGS:
                for pair in _pairs(self._left(one.children), self._right(other.children), rule):
                    self.newer[pair[0]], self.older[pair[1]] = pair[1], pair[0]
                    waiting.append(pair)


def _pairs(before: Iterable[Element], after: Iterable[Element], rule: Key) -> list[tuple[Element, Element]]:
    """Pairs of elements with equal keys, in order."""
    buckets: dict[Hashable, deque[Element]] = {}
    for element in after:
        buckets.setdefault(rule(element), deque()).append(element)
    buckets.pop(None, None)
    pairs = []
    for element in before:
        candidates = buckets.get(rule(element))
        if candidates:
            pairs.append((element, candidates.popleft()))
    return pairs


def _by_unique_name(before: Iterable[Element], after: Iterable[Element]) -> Key:
    """A rule by type and name for elements that are unique on both sides: they were moved and changed."""
    counts = [Counter((element.type, element.name) for element in side) for side in (before, after)]

    def key(element: Element) -> Hashable:
        own = (element.type, element.name)
        alone = all(count[own] == 1 for count in counts)
        return own if alone and element.name and element.kind != "variable" else None

    return key


def misplaced_elements(matching: Matching, older: Sequence[Element], newer: Sequence[Element]) -> frozenset[Element]:
    """The fewest newer elements that must have moved, among siblings that stayed, to explain the new order.

    Variables have no order. All others stay that form a longest increasing run of their old positions (Fredman, "On
    computing the length of longest increasing subsequences", 1975): n log n for each list.
    """
    ranks = {element: index for index, element in enumerate(older)}
    moved: set[Element] = set()
    for parent in newer:
        for siblings in _lists(child for child in parent.children if _stayed(child, matching)):
            run = _longest_run([ranks[matching.older[child]] for child in siblings])
            moved.update(child for index, child in enumerate(siblings) if index not in run)
    return frozenset(moved)


def previous_siblings(elements: Iterable[Element]) -> Mapping[Element, Element]:
    """For each element its predecessor of the same kind; first elements are left out."""
    lists = (siblings for parent in elements for siblings in _lists(parent.children))
    return {child: before for siblings in lists for before, child in pairwise(siblings)}


def _lists(children: Iterable[Element]) -> Iterable[list[Element]]:
    """The children of one element by kind and slot."""
    lists: dict[tuple[str, str], list[Element]] = {}
    for child in children:
        lists.setdefault((child.kind, child.slot), []).append(child)
    return lists.values()


def _stayed(child: Element, matching: Matching) -> bool:
    one = matching.older.get(child)
    if one is None or one.parent is None or child.kind == "variable":
        return False
    return matching.newer.get(one.parent) is child.parent and one.slot == child.slot


def _longest_run(ranks: Sequence[int]) -> frozenset[int]:
    """The indices of a longest increasing subsequence of distinct ranks."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int | None] = []
    for index, rank in enumerate(ranks):
        place = bisect_left(tails, rank)
        before.append(ends[place - 1] if place else None)
        tails[place : place + 1] = [rank]
        ends[place : place + 1] = [index]
    run: set[int] = set()
    index_of: int | None = ends[-1] if ends else None
    while index_of is not None:
        run.add(index_of)
        index_of = before[index_of]
    return frozenset(run)


def diff_sources(
    before: Mapping[str, object], after: Mapping[str, object], *, mask: Callable[[str], str] = masked_patterns
) -> FlowDiff:
    """Compare two parsed Archy documents (`FlowFile.document`).

    Volatile numbers and the order of keys never show. Values under a secret's name are masked, as are those that `mask`
    knows. Takes time in proportion to the size of the two documents.
    """
    older, newer = elements(before), elements(after)
    previous = previous_siblings([*older, *newer])
    matching = Matching(older, newer)
    shower = Shower(mask, _renamed(matching))
    entries: list[DiffEntry] = []
    misplaced = misplaced_elements(matching, older, newer)
    for element in newer:
        one = matching.older.get(element)
        if one is None:
            entries.extend(_alone(element, matching.older, DiffKind.ADDED))
        else:
            entries.extend(_moved(one, element, matching, misplaced, previous))
            entries.extend(_settings_entries(one, element, shower))
    for element in older:
        if element not in matching.newer:
            entries.extend(_alone(element, matching.newer, DiffKind.REMOVED))
    return FlowDiff(tuple(shower.clean(entry) for entry in entries))


def _renamed(matching: Matching) -> dict[str, str]:
    """Old and new titles of tasks, menus and states: jumps to them did not change."""
    return {one.title: other.title for one, other in matching.newer.items() if one.kind not in ("action", "variable")}


def _alone(element: Element, matched: Mapping[Element, Element], kind: DiffKind) -> Iterator[DiffEntry]:
    """An element that only one side has; the elements inside it are not listed."""
    if element.parent is None or element.parent in matched:
        count = _count_inside(element, matched)
        inside = f"with {count} more inside" if count else None
        before, after = (None, inside) if kind is DiffKind.ADDED else (inside, None)
        yield DiffEntry(kind, element.title, element.where, "", before, after)


def _count_inside(element: Element, matched: Mapping[Element, Element]) -> int:
    count, waiting = 0, list(element.children)
    while waiting:
        child = waiting.pop()
        if child not in matched:
            count += 1
            waiting.extend(child.children)
    return count


def _after(sibling: Element | None) -> str:
    return "first" if sibling is None else f"after {sibling.title}"


def _moved(
    one: Element, other: Element, matching: Matching, misplaced: frozenset[Element], previous: Mapping[Element, Element]
) -> Iterator[DiffEntry]:
    if other.parent is None or one.parent is None:
        return
    if matching.newer.get(one.parent) is not other.parent or one.slot != other.slot:
        before, after = (element.where or "the top level" for element in (one, other))
        yield DiffEntry(DiffKind.MOVED, other.title, "", "", before, after)
    elif other in misplaced:
        before, after = (_after(previous.get(element)) for element in (one, other))
        yield DiffEntry(DiffKind.MOVED, other.title, other.where, "", before, after)


def _settings_entries(one: Element, other: Element, shower: Shower) -> Iterator[DiffEntry]:
    """All differences between two versions of one element, without the elements inside it."""
    for setting, before, after in (("name", one.name, other.name), ("type", one.type, other.type)):
        if before != after:
            yield DiffEntry(DiffKind.CHANGED, other.title, other.where, setting, f'"{before}"', f'"{after}"')
    if one.mark == other.mark:
        return
    for entry in table_entries(one.settings, other.settings, shower):
        yield replace(entry, what=other.title, where=other.where)


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
