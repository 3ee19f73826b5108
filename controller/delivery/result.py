"""The results of a delivery: values that the caller commits, reports and notifies about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from controller.domain.errors.branches import PenstockError
from controller.domain.identity import FlowKey
from controller.domain.platform import Export
from controller.domain.status import StepState
from controller.planning.model import Change

BIND_ANEW = "commit a change to it, or to a module that it is bound to: either publishes it again"
"""The hint for a caller that was rolled back but could not be bound again."""


class Outcome(StrEnum):
    SUCCEEDED = "succeeded"
    INCOMPLETE = "incomplete"
    """Nothing failed, and some changes were not started: they were blocked, or the process ended before them."""
    FAILED = "failed"
    """A change failed, and by policy it was left as it is."""
    UNDETERMINED = "undetermined"
    """The result of a change could not be determined: the next pass reads it first."""
    ROLLED_BACK = "rolled-back"
    ROLLBACK_FAILED = "rollback-failed"
    """A person is needed: at least one flow is not at the version that it should be at."""
    STOPPED = "stopped"
    """Shutdown signal; the next pass resumes the parked changes."""
    PAUSED = "paused"
    """A gate could not decide: more executions or a person can, and every pass asks again."""


@dataclass(frozen=True, slots=True)
class SyncContext:
    """The requester, trigger and commit of a sync."""

    revision: str
    actor: str
    trigger: str
    dirty: bool = False
    author: str | None = None
    """Who wrote the commit."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One change as it ended."""

    change: Change
    state: StepState
    step_id: int
    flow_id: str | None = None
    version: str | None = None
    """The live version, as far as this change knows: the new one, or after a rollback the restored one."""
    previous_version: str | None = None
    """The live version before the sync."""
    export: Export | None = None
    """The export of the live version; None when there is nothing to commit."""
    export_digest: str | None = None
    source_digest: str | None = None
    """Digest of the source that `version` came from, after a rollback too; None for a pinned version, and where the
    journal does not know."""
    dependency_digest: str = ""
    """Digest over the delivered content of `version` and all that it consumes; empty if unknown."""
    consumed: Mapping[FlowKey, str] = field(default_factory=dict)
    """Versions of the flows that it consumes, at the moment when it was published."""
    drafts: tuple[Export, ...] = ()
    """Drafts under locks that were broken (`onLocked: unlock`)."""
    error: PenstockError | None = None
    messages: tuple[str, ...] = ()
    """Warnings and the organisation's own words, with secrets masked."""
    duration_s: float = 0.0
    recorded: bool = False
    """The caller has committed the version already; only its export is missing."""
    parked: bool = False
    """Left in its state, by a shutdown signal or undetermined; the next pass resumes it or rolls it back."""
    paused: str | None = None
    """Why a person has to decide about the live version."""
    revision: str = ""
    dirty: bool = False

    @property
    def to_record(self) -> bool:
        """Whether the caller must commit a record for it: of a delivered version, or of a rollback.

        A rollback to the recorded version leaves nothing to commit, unless a person requested it. A live version
        without an export is recorded without one.
        """
        if self.parked:
            return False
        if self.state is StepState.EXPORTED:
            return True
        if self.state is StepState.HEALTHY:
            return self.version is not None and not self.recorded
        if self.state is not StepState.ROLLED_BACK or self.version is None:
            return False
        return self.version != self.previous_version or self.version == self.change.to_version


@dataclass(frozen=True, slots=True)
class SyncResult:
    """One sync as it ended; `steps` are in deployment order."""

    sync_id: int
    organization: str
    outcome: Outcome
    steps: tuple[StepResult, ...]
    started_at: datetime
    finished_at: datetime
    deployment_success_rate: float | None = None
    """Of the organisation's newest changes, this sync's included; from 0 to 1, None before the first one."""

    @property
    def totals(self) -> Mapping[str, int]:
        """How many changes ended in each state, plus `parked`, and how many of how many were not done."""
        counts: dict[str, int] = {}
        for step in self.steps:
            counts[step.state.value] = counts.get(step.state.value, 0) + 1
        parked = sum(step.parked for step in self.steps)
        return counts | {"parked": parked, "undone": len(self.undone), "changes": len(self.steps)}

    @property
    def undone(self) -> tuple[StepResult, ...]:
        """The changes that were not started, or that ended without effect and without a failure of their own."""
        return tuple(step for step in self.steps if step.state is StepState.SKIPPED)

    @property
    def to_record(self) -> tuple[StepResult, ...]:
        return tuple(step for step in self.steps if step.to_record)

    @property
    def failures(self) -> tuple[StepResult, ...]:
        """The changes that failed by themselves, not those that were skipped or rolled back because of them."""
        return tuple(step for step in self.steps if step.error is not None and step.state is not StepState.SKIPPED)

    @property
    def undetermined(self) -> PenstockError | None:
        """Why a change's publish result could not be determined; its dependents wait."""
        waiting = (step for step in self.steps if step.parked and step.state is StepState.PUBLISHING)
        return next((step.error for step in waiting if step.error is not None), None)


@dataclass(frozen=True, slots=True)
class RecoveryResult:
    """The syncs that earlier processes left open, finished now."""

    syncs: tuple[SyncResult, ...] = ()

    @property
    def to_record(self) -> tuple[StepResult, ...]:
        """The changes to commit before anything new begins, oldest first."""
        return tuple(step for sync in self.syncs for step in sync.to_record)

    @property
    def paused(self) -> tuple[StepResult, ...]:
        """The changes that wait for more executions, or for a person's decision."""
        return tuple(step for sync in self.syncs for step in sync.steps if step.paused is not None)

    @property
    def clean(self) -> bool:
        return not self.syncs
