"""The differences between two versions of a flow as values, with text and JSON renderings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class DiffKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    CHANGED = "changed"


_SIGNS: Mapping[DiffKind, str] = {
    DiffKind.ADDED: "+",
    DiffKind.REMOVED: "-",
    DiffKind.MOVED: ">",
    DiffKind.CHANGED: "~",
}


@dataclass(frozen=True, slots=True)
class DiffEntry:
    """One difference. All texts are short, on one line, and without secrets and control characters."""

    kind: DiffKind
    what: str
    """`action 'Play greeting' (playAudio)`, `task 'Main'`, `variable 'Flow.x' (stringVariable)`, `flow 'Main IVR'`."""
    where: str = ""
    """The path to it (`task 'Main' > action 'Open?' (decision) > yes`); empty at the flow's top level."""
    setting: str = ""
    """The changed setting (`target queue`); empty if the whole element was added, removed or moved."""
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        text = f"{_SIGNS[self.kind]} {self.what}"
        if self.where:
            text += f" in {self.where}"
        if self.setting:
            text += f": {self.setting}"
        values = [value for value in (self.before, self.after) if value is not None]
        return f"{text}: {' -> '.join(values)}" if values else text


@dataclass(frozen=True, slots=True)
class FlowDiff:
    """All differences, in the order of the newer content; removals come last."""

    entries: tuple[DiffEntry, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.entries

    def summary(self) -> dict[str, int]:
        """Number of entries by kind, zeros included."""
        counts = Counter(entry.kind for entry in self.entries)
        return {kind.value: counts[kind] for kind in DiffKind}


def quoted(name: str) -> str:
    """A name in single quotes, on one line, with control and formatting characters escaped."""
    return f"'{one_line(name)}'"


def one_line(text: str) -> str:
    """The text with all unprintable characters escaped."""
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or f"\\u{ord(character):04x}"
