"""One change while it is being carried out: what the plan asks, what the journal says, what was learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from controller.domain.desired import DesiredFlow, Gate, PinnedVersion, SourceFile
from controller.domain.errors import (
    AuthenticationFailed,
    CircuitOpen,
    NotFound,
    PenstockError,
    PermissionMissing,
    RateLimited,
    RequestRejected,
)
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.platform import Export
from controller.domain.status import Cause, StepState
from controller.planning.model import Change, ChangeKind
from controller.store import StepRecord, WriteOutcome, WriteRecord

DESTRUCTIVE = frozenset({ChangeKind.UNPUBLISH, ChangeKind.DELETE})
NEW_FLOW = frozenset({ChangeKind.CREATE, ChangeKind.RENAME})

EFFECTIVE = frozenset({"publish", "switch", "upload", "unpublish", "delete"})
"""Actions of the journal that can change what is live; others (register, unlock, launch) cannot."""

TOLD_TO_STOP = "the controller was told to stop before it began"

PREVIOUS_DIGEST = "previous_digest"
"""For the intent of a write: the dependency digest of what is replaced, for the way back after a crash."""

_REFUSED = frozenset(
    {
        AuthenticationFailed.code,
        CircuitOpen.code,
        NotFound.code,
        PermissionMissing.code,
        RateLimited.code,
        RequestRejected.code,
    }
)
"""With what the organisation refused a write, so that it certainly came to nothing."""
_CONFLICT = 409
NO_EFFECT = {"effect": "none"}
"""What the journal keeps of a write of which it turned out later that it came to nothing."""


class _WhyFacts(TypedDict):
    reason: str
    cause: Cause
    error_code: str | None


@dataclass(frozen=True, slots=True)
class Why:
    """Why a change is taken back."""

    reason: str
    """For people."""
    cause: Cause = Cause.FAILURE
    error_code: str | None = None
    """Of the failure."""

    @property
    def facts(self) -> _WhyFacts:
        """What the journal notes with the change's new state."""
        reason = f"on request: {self.reason}" if self.cause.asked_for else self.reason
        return {"reason": reason, "cause": self.cause, "error_code": self.error_code}


@dataclass(slots=True, eq=False)
class Work:
    """Mutable on purpose, and owned by the one task that works on the change."""

    change: Change
    record: StepRecord
    began_at: float
    """Monotonic."""
    export: Export | None = None
    export_digest: str | None = None
    seen: LiveFlow | None = None
    """The flow as it was when it was found to be what the plan was made on."""
    noted: Mapping[str, object] = field(default_factory=dict)
    """For the intent of its write: what tells apart what others publish from then on."""
    drafts: list[Export] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    error: PenstockError | None = None
    cause: PenstockError | None = None
    """Why it is taken back: what it failed with, also in an earlier process, as far as the journal tells."""
    parked: bool = False
    """Left as it stands, for the rollback or for the next process."""
    paused: bool = False
    """A gate could not decide about it in this pass: only more executions or a person can."""
    held_back: bool = False
    """Not begun, because the process was told to stop."""
    ended_at: float | None = None
    going_back_since: float | None = None
    """Monotonic: since when it is being taken back."""

    @property
    def state(self) -> StepState:
        return self.record.state

    @property
    def key(self) -> FlowKey:
        return self.change.key

    @property
    def desired(self) -> DesiredFlow | None:
        return self.change.desired

    @property
    def flow_id(self) -> str | None:
        return self.record.flow_id

    @property
    def expected_version(self) -> str | None:
        """What must be live before anything is written: what the plan was made on."""
        return self.record.previous_version

    @property
    def source(self) -> SourceFile | None:
        desired = self.desired
        return desired.source if desired is not None and isinstance(desired.source, SourceFile) else None

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates in the manifest's order; none where the manifest asks for something else by now."""
        return self.desired.gates if self.desired is not None else ()

    @property
    def gated(self) -> bool:
        """Whether what it published was to be judged by gates, as it was sent; they may be gone from git since."""
        return any(write.action in EFFECTIVE and write.details.get("gates") for write in self.record.writes)

    @property
    def on_request(self) -> bool:
        """Whether it is taken back because nobody wants it any more; nothing failed then."""
        return self.state.going_back and self.record.cause is not None and self.record.cause.asked_for

    @property
    def paused_before(self) -> bool:
        """Whether an earlier pass left it paused."""
        return self.record.paused

    @property
    def unread(self) -> bool:
        """Whether it was left because the organisation did not tell what became of it."""
        return self.parked and self.error is not None and self.state is StepState.PUBLISHING

    @property
    def touched(self) -> bool:
        """Whether it may have changed what is live."""
        return any(map(_may_have_changed, self.record.writes))

    @property
    def staged(self) -> bool:
        """Whether its version was sent to be published in stages: some traffic may be on it, whatever is live."""
        return any(
            write.action == "publish" and write.details.get("stages") and write.outcome is not WriteOutcome.FAILED
            for write in self.record.writes
        )

    @property
    def effective(self) -> bool:
        """Whether the organisation accepted a call of ours that can change what is live."""
        return any(write.action in EFFECTIVE and write.outcome is WriteOutcome.DONE for write in self.record.writes)

    @property
    def may_publish(self) -> bool:
        """Whether something may still be published or taken back for it."""
        unpublishing = self.change.kind in DESTRUCTIVE or self.change.kind is ChangeKind.ADOPT
        return not (unpublishing or self.state.final or self.change.blocked)

    def last_write(self, action: str) -> WriteRecord | None:
        """The newest call of this kind that was announced for the change."""
        return next((write for write in reversed(self.record.writes) if write.action == action), None)

    @property
    def first_write(self) -> int:
        """Orders changes by when they first touched the organisation."""
        return min((write.id for write in self.record.writes if _may_have_changed(write)), default=0)


def _may_have_changed(write: WriteRecord) -> bool:
    """What was refused came to nothing; but the other operation of a conflict may be our own."""
    result = write.result or {}
    failed = write.outcome is WriteOutcome.FAILED and result.get("status") != _CONFLICT
    in_vain = NO_EFFECT.items() <= result.items() or (failed and result.get("error") in _REFUSED)
    return write.action in EFFECTIVE and not in_vain


def wanted_of(change: Change) -> str:
    """What the change asks for, as the journal and quarantines name it."""
    if change.desired is not None:
        return change.desired.wanted
    return f"{change.kind.value} {change.flow}"


def source_digest_of(change: Change) -> str | None:
    desired = change.desired
    if desired is None or isinstance(desired.source, PinnedVersion):
        return None
    return desired.source.digest
