"""The stack of scopes that own variables while an execution runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controller.diagnosis.model import ScopeKind, Variable

ROOT = -1
"""Where the outermost scope begins: before the first step."""

_OWNERS: Mapping[str, frozenset[ScopeKind]] = {
    "Flow": frozenset({ScopeKind.FLOW, ScopeKind.MODULE, ScopeKind.BOT}),
    "Common": frozenset({ScopeKind.MODULE}),
    "Task": frozenset({ScopeKind.TASK}),
    "State": frozenset({ScopeKind.STATE}),
    "Slot": frozenset({ScopeKind.BOT}),
    "Loop": frozenset({ScopeKind.LOOP}),
}
_BORDERS = frozenset({ScopeKind.FLOW, ScopeKind.MODULE, ScopeKind.BOT})
"""A flow, a module or a bot does not see its caller's variables."""


@dataclass(slots=True)
class Scope:
    kind: ScopeKind
    name: str
    opened_at: int
    variables: dict[str, Variable] = field(default_factory=dict)
    hidden_by: dict[str, int] = field(default_factory=dict)
    """Variables that were not seen since an inner scope began, with the step that opened it."""
    leftover: set[str] = field(default_factory=set)
    """Variables of inner scopes that ended: the next full view of the state decides whether they are gone."""


def owners(name: str) -> frozenset[ScopeKind] | None:
    """The kinds of scope that can own a variable of this name; None when the name does not tell."""
    prefix, dot, _ = name.partition(".")
    return _OWNERS.get(prefix) if dot else None


class ScopeStack:
    """The scopes that are open, the outermost first. There is always one."""

    def __init__(self, scopes: list[Scope] | None = None) -> None:
        self.scopes = scopes or [Scope(ScopeKind.FLOW, "", ROOT)]

    @property
    def innermost(self) -> Scope:
        return self.scopes[-1]

    def inside_out(self) -> Iterator[Scope]:
        return reversed(self.scopes)

    def drop(self, first: int) -> list[Scope]:
        """Close the scopes that were opened at step `first` or later and return them, the outermost first."""
        place = len(self.scopes)
        while place > 1 and self.scopes[place - 1].opened_at >= first:
            place -= 1
        dropped = self.scopes[place:]
        del self.scopes[place:]
        for scope in self.scopes if dropped else ():
            scope.hidden_by = {name: by for name, by in scope.hidden_by.items() if by < first}
        return dropped

    def find(self, name: str, *, across_borders: bool) -> Scope | None:
        """The scope that holds the variable, as seen from the innermost one."""
        kinds = owners(name)
        for scope in self.inside_out():
            if name in scope.variables:
                return scope
            if kinds is not None and not across_borders and scope.kind in _BORDERS:
                return None
        return None

    def border_above(self, home: Scope) -> Scope | None:
        """The innermost flow, module or bot that stands inside `home`; None when there is none."""
        for scope in self.inside_out():
            if scope is home:
                return None
            if scope.kind in _BORDERS:
                return scope
        return None

    def owner(self, name: str) -> Scope:
        """The scope that a new variable of this name belongs to."""
        kinds = owners(name)
        for scope in self.inside_out():
            if kinds is None or scope.kind in kinds:
                return scope
            if scope.kind in _BORDERS:
                break
        return self.innermost
