"""The semantic difference between two versions of a flow's source, in the words that Architect shows to authors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from controller.domain.redaction import masked_patterns
from controller.flows.diff_model import DiffEntry, DiffKind, FlowDiff
from controller.flows.elements import Element, elements
from controller.flows.matching import Matching
from controller.flows.ordering import misplaced_elements, previous_siblings
from controller.flows.settings_diff import Shower, settings_entries


def diff_sources(
    before: Mapping[str, object], after: Mapping[str, object], *, mask: Callable[[str], str] = masked_patterns
) -> FlowDiff:
    """Compare two parsed Archy documents (`FlowFile.document`).

    Volatile numbers and the order of keys never show. What stands under a secret's name is masked, as is what `mask`
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
            entries.extend(settings_entries(one, element, shower))
    for element in older:
        if element not in matching.newer:
            entries.extend(_alone(element, matching.newer, DiffKind.REMOVED))
    return FlowDiff(tuple(shower.clean(entry) for entry in entries))


def _renamed(matching: Matching) -> dict[str, str]:
    """Titles of tasks, menus and states before, and what they are called after: jumps to them did not change."""
    return {one.title: other.title for one, other in matching.newer.items() if one.kind not in ("action", "variable")}


def _alone(element: Element, matched: Mapping[Element, Element], kind: DiffKind) -> Iterator[DiffEntry]:
    """An element that only one side has; what is inside it goes without saying."""
    if element.parent is None or element.parent in matched:
        count = _count_inside(element, matched)
        inside = f"with {count} more inside" if count else None
        added = kind is DiffKind.ADDED
        yield DiffEntry(
            kind, element.title, element.where, before=None if added else inside, after=inside if added else None
        )


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
    one: Element,
    other: Element,
    matching: Matching,
    misplaced: frozenset[Element],
    previous: Mapping[Element, Element],
) -> Iterator[DiffEntry]:
    if other.parent is None or one.parent is None:
        return
    if matching.newer.get(one.parent) is not other.parent or one.slot != other.slot:
        before, after = (element.where or "the top level" for element in (one, other))
        yield DiffEntry(DiffKind.MOVED, other.title, "", "", before, after)
    elif other in misplaced:
        before, after = (_after(previous.get(element)) for element in (one, other))
        yield DiffEntry(DiffKind.MOVED, other.title, other.where, "", before, after)
