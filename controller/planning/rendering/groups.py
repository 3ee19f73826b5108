"""Groups of changes that have the same reason, so that renderings give the reason once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from controller.planning.model import Change, ChangeKind

SMALLEST_GROUP = 3
"""Fewer changes with one reason are shown one by one."""


@dataclass(frozen=True, slots=True)
class Group:
    """One change, or at least `SMALLEST_GROUP` changes of one kind with the same reason, block and warnings."""

    changes: tuple[Change, ...]

    @property
    def single(self) -> Change | None:
        """The only change; None for a real group."""
        return self.changes[0] if len(self.changes) == 1 else None

    @property
    def subject(self) -> str:
        """`10 callers` if they are published again because of a module or bot, else `10 flows`."""
        return f"{len(self.changes)} {'callers' if self.changes[0].follows else 'flows'}"

    @property
    def reason(self) -> str:
        """Their common reason, with versions where they are the same for all; `follow Branded Greeting` for callers."""
        first = self.changes[0]
        if self.single is None and first.follows:
            return f"follow {', '.join(key.name for key in first.follows)}"
        same = all(change.reason == first.reason for change in self.changes)
        return first.reason if same else first.shared_reason


def grouped(changes: Iterable[Change]) -> list[Group]:
    """All changes, each in one group, by the place of each group's first change. A group keeps the order."""
    alike: dict[Hashable, list[Change]] = {}
    for change in changes:
        alike.setdefault(_likeness(change), []).append(change)
    found: list[Group] = []
    for members in alike.values():
        if len(members) < SMALLEST_GROUP:
            found += [Group((change,)) for change in members]
        else:
            found.append(Group(tuple(members)))
    return found


def _likeness(change: Change) -> Hashable:
    """Equal for changes that a group may hold. Flows in sync and members of a deployment group stay alone."""
    if change.kind is ChangeKind.NONE or change.group:
        return change.flow
    return (change.kind, change.follows or change.shared_reason, change.blocked, change.warnings)
