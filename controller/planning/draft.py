"""A change while the plan is being made: decided, but not yet ordered."""

from __future__ import annotations

from dataclasses import dataclass, replace

from controller.planning.decide import Decision
from controller.planning.model import Blocked, ChangeKind
from controller.planning.situation import Situation

_NEW_VERSION = frozenset({ChangeKind.CREATE, ChangeKind.PUBLISH, ChangeKind.REPUBLISH, ChangeKind.RENAME})
_KEEPS_LIVE = frozenset({ChangeKind.NONE, ChangeKind.ADOPT})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What will be live of a flow once the plan is carried out."""

    version: str | None
    """None where nothing is published, or where the organisation will choose the number."""
    anew: bool
    """Whether this plan publishes a version that does not exist yet."""
    blocked: bool = False
    """Whether a change to it is wanted and cannot be made."""

    @property
    def available(self) -> bool:
        """Whether other flows can refer to it."""
        return self.anew or self.version is not None


@dataclass(frozen=True, slots=True)
class Draft:
    """The decision about one managed flow, what stands against it, and what must be done before it."""

    situation: Situation
    decision: Decision
    blocked: Blocked | None = None
    depends_on: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    """Ids of all changes that are deployed as one with it, itself included, in order; empty where it goes alone."""
    warnings: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.situation.flow.id

    @property
    def acts(self) -> bool:
        return self.decision.kind is not ChangeKind.NONE

    @property
    def writes(self) -> bool:
        """Whether it would change the organisation; adopting only records."""
        return self.decision.kind not in _KEEPS_LIVE

    @property
    def outcome(self) -> Outcome:
        if self.blocked is not None or not self.writes:
            return Outcome(self.situation.live_version, anew=False, blocked=self.blocked is not None)
        return Outcome(self.decision.to_version, anew=self.decision.kind in _NEW_VERSION)

    def block(self, blocked: Blocked | None) -> Draft:
        """The same draft, blocked; the first reason stays. Flows that nothing is done to are never blocked."""
        return (
            self if self.blocked is not None or blocked is None or not self.writes else replace(self, blocked=blocked)
        )
