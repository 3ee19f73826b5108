"""The stack of scopes that own variables while an execution runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controller.diagnosis.model import ScopeKind, Variable

ROOT = -1
"""Opening index of the outermost scope: before the first step."""

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
    """Variables not observed since an inner scope began, with the step that opened that scope."""
    leftover: set[str] = field(default_factory=set)
    """Variables left over from ended inner scopes. The next full view of the state decides whether they are gone."""


def owners(name: str) -> frozenset[ScopeKind] | None:
    """The kinds of scope that can own a variable of this name; None for a name without a known prefix."""
    prefix, dot, _ = name.partition(".")
    return _OWNERS.get(prefix) if dot else None


class ScopeStack:
    """The open scopes, the outermost first. There is always at least one."""

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
        """The scope that holds the variable as seen from the innermost scope; None if none does."""
        kinds = owners(name)
        for scope in self.inside_out():
            if name in scope.variables:
                return scope
            if kinds is not None and not across_borders and scope.kind in _BORDERS:
                return None
        return None

    def border_above(self, home: Scope) -> Scope | None:
        """The innermost flow, module or bot inside `home`; None if there is none."""
        for scope in self.inside_out():
            if scope is home:
                return None
            if scope.kind in _BORDERS:
                return scope
        return None

    def owner(self, name: str) -> Scope:
        """The owner of a new variable of this name."""
        kinds = owners(name)
        for scope in self.inside_out():
            if kinds is None or scope.kind in kinds:
                return scope
            if scope.kind in _BORDERS:
                break
        return self.innermost
