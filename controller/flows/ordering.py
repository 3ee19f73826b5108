"""Which siblings changed their order: as few as possible, so that one action that moved up is one line."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from controller.flows.elements import Element
from controller.flows.matching import Matching


def misplaced_elements(matching: Matching, older: Sequence[Element], newer: Sequence[Element]) -> frozenset[Element]:
    """The fewest newer elements whose moving explains the new order, among siblings that stayed where they were.

    Variables have no order. All others stay that form a longest increasing run of their old positions (Fredman, "On
    computing the length of longest increasing subsequences", 1975): n log n for each list.
    """
    ranks = {element: index for index, element in enumerate(older)}
    moved: set[Element] = set()
    for parent in newer:
        lists: dict[tuple[str, str], list[Element]] = {}
        for child in parent.children:
            if _stayed(child, matching):
                lists.setdefault((child.kind, child.slot), []).append(child)
        for siblings in lists.values():
            run = _longest_run([ranks[matching.older[child]] for child in siblings])
            moved.update(child for index, child in enumerate(siblings) if index not in run)
    return frozenset(moved)


def previous_siblings(elements: Iterable[Element]) -> Mapping[Element, Element]:
    """For each element the one of its kind that stands right before it; the first ones are missing."""
    previous: dict[Element, Element] = {}
    for parent in elements:
        last: dict[tuple[str, str], Element] = {}
        for child in parent.children:
            key = (child.kind, child.slot)
            if key in last:
                previous[child] = last[key]
            last[key] = child
    return previous


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
