"""Tracks the values of variables step by step, in memory that does not grow with the number of steps.

A step reports variables in two ways. A *write* names the new value, so the change is explained. An *observation* shows
the value after the step without its writer; a change is then explained only when

- a step that may set variables (`TraceStep.may_write`) ran since the variable was last observed,
- the variable came with a scope that began or ended with its scope, or
- nothing had been observed before.

Every other difference is drift. Steps that captured no variables between two observations count like all others.

A module has its own variables. They end with the module, and the caller sees its own values again. If the module's last
value stays visible after the module ended, the module returned it. Neither case is drift.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controller.diagnosis.changes import ChangeCause, VariableChange, VariableChangeKind, kind_of_change
from controller.diagnosis.model import ScopeKind, TraceStep, Variable

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

    def __init__(self) -> None:
        self.scopes = [Scope(ScopeKind.FLOW, "", ROOT)]

    @property
    def innermost(self) -> Scope:
        return self.scopes[-1]

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
        for scope in reversed(self.scopes):
            if name in scope.variables:
                return scope
            if kinds is not None and not across_borders and scope.kind in _BORDERS:
                return None
        return None

    def border_above(self, home: Scope) -> Scope | None:
        """The innermost flow, module or bot inside `home`; None if there is none."""
        for scope in reversed(self.scopes):
            if scope is home:
                return None
            if scope.kind in _BORDERS:
                return scope
        return None

    def owner(self, name: str) -> Scope:
        """The owner of a new variable of this name."""
        kinds = owners(name)
        for scope in reversed(self.scopes):
            if kinds is None or scope.kind in kinds:
                return scope
            if scope.kind in _BORDERS:
                break
        return self.innermost


class StateTracker:
    """Feed it the steps of one execution in order."""

    def __init__(self) -> None:
        self._stack = ScopeStack()
        self._full = False
        """Whether full views of the state were seen. They then decide when a variable is gone."""
        self._seen = False
        self._may_have_written = False
        self._opened: int | None = None
        """The first step that opened a scope since the last full view."""
        self._handed_out: dict[str, Variable] = {}
        """Last values from scopes that ended since the last full view, for names that their callers also have."""

    @property
    def variables(self) -> dict[str, Variable]:
        """All variables after the last step by name. An inner scope's variable hides an outer one."""
        return {name: variable for scope in self._stack.scopes for name, variable in scope.variables.items()}

    def apply(self, step: TraceStep) -> tuple[VariableChange, ...]:
        """Apply one step. Returns changes by ended scopes and by writes first, then observed changes."""
        self._full = self._full or step.complete
        self._may_have_written = self._may_have_written or step.may_write
        # The outputs of a task that ends belong to the task: write them before its scope closes.
        ends_itself = step.opens is None and any(scope.opened_at == step.closes for scope in self._stack.scopes)
        changes = list(self._write(step)) if ends_itself else []
        if step.closes is not None:
            changes += self._close(step.closes)
        if step.opens:
            self._stack.scopes.append(Scope(step.opens, step.name, step.index))
            self._opened = step.index if self._opened is None else self._opened
        if not ends_itself:
            changes += self._write(step)
        return (*changes, *self._observe(step))

    def _close(self, first: int) -> Iterator[VariableChange]:
        dropped = self._stack.drop(first)
        if self._opened is not None and self._opened >= first:
            self._opened = None
        for scope in dropped:
            for name, variable in scope.variables.items():
                if not self._full:
                    yield VariableChange(name, VariableChangeKind.GONE, ChangeCause.SCOPE_ENDED, old=variable)
                elif self._stack.find(name, across_borders=True) is None:
                    self._stack.innermost.variables[name] = variable
                    self._stack.innermost.leftover.add(name)
                else:
                    self._handed_out[name] = variable

    def _write(self, step: TraceStep) -> Iterator[VariableChange]:
        for variable in step.writes:
            home = self._stack.find(variable.name, across_borders=self._full) or self._stack.owner(variable.name)
            yield from _put(home, variable, ChangeCause.WRITTEN)

    def _observe(self, step: TraceStep) -> Iterator[VariableChange]:
        if step.observed is None:
            return
        for variable in step.observed:
            yield from self._see(step, variable)
        if step.complete:
            yield from self._miss({variable.name for variable in step.observed})
            self._may_have_written, self._opened = False, None
            self._handed_out.clear()
        self._seen = True

    def _see(self, step: TraceStep, variable: Variable) -> Iterator[VariableChange]:
        name = variable.name
        home = self._stack.find(name, across_borders=self._full)
        own = home is not self._stack.innermost and step.opens is not None and step.opens in (owners(name) or ())
        if home is None or own:  # a new scope's own variable can hide one of the same name
            fresh = not self._seen or self._opened is not None
            change = _put(
                self._stack.owner(name), variable, ChangeCause.DECLARED if fresh else self._explanation(variable)
            )
            yield from (
                change if home is None or not self._full or kind_of_change(home.variables[name], variable) else ()
            )
            return
        home.hidden_by.pop(name, None)
        home.leftover.discard(name)
        border = self._stack.border_above(home) if self._full else None
        yield from _put(home, variable, self._explanation(variable), into=border)

    def _explanation(self, variable: Variable) -> ChangeCause:
        """The cause of a known variable's new value."""
        if self._may_have_written:
            return ChangeCause.POSSIBLE
        out = self._handed_out.get(variable.name)
        return ChangeCause.SCOPE_ENDED if out and kind_of_change(out, variable) is None else ChangeCause.UNEXPLAINED

    def _miss(self, seen: set[str]) -> Iterator[VariableChange]:
        """Handle the variables that are missing from a full view."""
        for scope in self._stack.scopes:
            border = self._stack.border_above(scope)
            for name in [name for name in scope.variables if name not in seen]:
                if name in scope.hidden_by:
                    continue
                if self._opened is not None and scope.opened_at < self._opened and name not in scope.leftover:
                    scope.hidden_by[name] = self._opened
                    continue
                cause = ChangeCause.SCOPE_ENDED if name in scope.leftover else ChangeCause.UNEXPLAINED
                yield VariableChange(name, VariableChangeKind.GONE, cause, old=scope.variables[name])
                if border is None:
                    scope.leftover.discard(name)
                    del scope.variables[name]
                else:  # gone in the module; its caller may still have it
                    scope.hidden_by[name] = border.opened_at


def _put(home: Scope, variable: Variable, cause: ChangeCause, *, into: Scope | None = None) -> Iterator[VariableChange]:
    """Store the variable at `home`; a different value goes to `into` if it is given."""
    old = home.variables.get(variable.name)
    kind = kind_of_change(old, variable)
    (home if kind is None or into is None else into).variables[variable.name] = variable
    if kind is not None:
        yield VariableChange(variable.name, kind, cause, old, variable)
