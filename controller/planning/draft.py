"""A change in the making: decided, but not yet ordered."""

from __future__ import annotations

from dataclasses import dataclass, replace

from controller.domain.desired import SourceFile
from controller.domain.resources import MissingResource
from controller.planning.decide import Decision
from controller.planning.model import Blocked, ChangeKind
from controller.planning.situation import Situation

NEW_VERSION = frozenset({ChangeKind.CREATE, ChangeKind.PUBLISH, ChangeKind.REPUBLISH, ChangeKind.RENAME})
_KEEPS_LIVE = frozenset({ChangeKind.NONE, ChangeKind.ADOPT})


@dataclass(frozen=True, slots=True)
class LiveOutcome:
    """The live version of a flow after the plan is carried out."""

    version: str | None
    """None if nothing is published, or if the organisation will choose the number."""
    anew: bool
    """Whether this plan publishes a version that does not exist yet."""
    blocked: bool = False
    """Whether the flow needs a change that cannot be made."""

    @property
    def available(self) -> bool:
        """Whether other flows can refer to the flow."""
        return self.anew or self.version is not None


@dataclass(frozen=True, slots=True)
class Draft:
    """The decision about one managed flow, its block, and the changes that must come first."""

    situation: Situation
    decision: Decision
    blocked: Blocked | None = None
    depends_on: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    """Ids of the changes deployed as one with it, itself included, in order; empty for a change of its own."""
    warnings: tuple[str, ...] = ()
    missing: tuple[MissingResource, ...] = ()
    """The resources that its flow file names and the organisation lacks."""

    @property
    def id(self) -> str:
        return self.situation.flow.id

    @property
    def acts(self) -> bool:
        return self.decision.kind is not ChangeKind.NONE

    @property
    def writes(self) -> bool:
        """Whether it would change the organisation. Adopting only records."""
        return self.decision.kind not in _KEEPS_LIVE

    @property
    def uploads(self) -> bool:
        """Whether it would publish the flow file."""
        return self.decision.kind in NEW_VERSION and isinstance(self.situation.flow.source, SourceFile)

    @property
    def outcome(self) -> LiveOutcome:
        if self.blocked is not None or not self.writes:
            return LiveOutcome(self.situation.live_version, anew=False, blocked=self.blocked is not None)
        return LiveOutcome(self.decision.to_version, anew=self.decision.kind in NEW_VERSION)

    def block(self, blocked: Blocked | None) -> Draft:
        """The draft, blocked unless it has a reason already. Drafts that write nothing are never blocked."""
        return replace(self, blocked=self.blocked or blocked) if self.writes else self
