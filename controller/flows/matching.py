"""Which element of the older content is which of the newer: by place and name first, by content when it moved.

Each rule puts elements into buckets by a key and pairs equal keys in order, so all of it takes linear time. The idea of
pairing from the top down and looking for what moved last follows Falleri et al., "Fine-grained and Accurate Source
Code Differencing" (ASE 2014).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Sequence

from controller.flows.elements import Element

Key = Callable[[Element], Hashable]
"""What two elements must have in common to be the same one; None for elements that the rule does not speak of."""

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
            self._pair_below(_pairs(self._left(before), self._right(after), rule))

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

    def _pair_below(self, pairs: Iterable[tuple[Element, Element]]) -> None:
        for before, after in pairs:
            if before not in self.newer and after not in self.older:
                self._pair(before, after)


def _pairs(before: Iterable[Element], after: Iterable[Element], rule: Key) -> list[tuple[Element, Element]]:
    """Elements with equal keys, the first with the first, the second with the second."""
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
    """Type and name, where just one such element is left on each side: it moved and changed."""
    counts = [Counter((element.type, element.name) for element in side) for side in (before, after)]

    def key(element: Element) -> Hashable:
        own = (element.type, element.name)
        alone = all(count[own] == 1 for count in counts)
        return own if alone and element.name and element.kind != "variable" else None

    return key
