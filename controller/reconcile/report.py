"""The result of a pass: written once, read by the command line, the service and notifications."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from controller.delivery.result import Outcome, SyncResult
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import (
    DeliveryPaused,
    LeaseHeld,
    NotConfirmed,
    SafetyLimit,
    SyncSuspended,
    WindowClosed,
)
from controller.domain.errors.process import Interrupted, StoreFailed
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.recorded import RecordedState
from controller.domain.status import Health, StepState, SyncStatus
from controller.planning.model import Change, Drift, Plan
from controller.reconcile.health import organization_health
from controller.reconcile.pass_ import Located, Mode, Observed, Pass
from controller.reconcile.workspace import Workspace
from controller.repository.record import RecordedCommit

_REFUSALS = (DeliveryPaused, LeaseHeld, NotConfirmed, SafetyLimit, SyncSuspended, WindowClosed)
"""Policy or another controller refused a plan that is still valid."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a delivery left, and the states behind that."""

    plan: Plan
    """What there is to do now."""
    live: dict[FlowKey, LiveFlow]
    recorded: RecordedState | None


class Failed(Protocol):
    """What could not be done for an organisation."""

    @property
    def organization(self) -> str: ...

    @property
    def error(self) -> PenstockError | None: ...


@dataclass(frozen=True, slots=True)
class PassReport:
    organization: str
    mode: Mode
    revision: str | None
    plan: Plan | None
    result: SyncResult | None
    commit: RecordedCommit | None
    error: PenstockError | None
    recovered: tuple[str, ...]
    live: dict[FlowKey, LiveFlow]
    recorded: RecordedState | None
    duration_s: float
    trigger: str
    health: Health
    """The worst health of the managed flows or of this delivery; Unknown without an observation."""
    unpushed: PenstockError | None
    """Why `apply` would refuse the revision: the followed branch does not hold it, or it is not verified."""
    kept_as: str
    """The name under which the store keeps the organisation's history; empty until the organisation is known."""
    looked_fully_at: datetime | None
    """When all flows of the organisation were last read, by our clock; None without a look."""
    left: Left | None = None
    """What the delivery left; None without one, where only another look can tell, and in a report to a command."""

    def plan_or_raise(self) -> Plan:
        """The plan, or the error that prevented it."""
        if self.plan is None:
            raise self.error or AssertionError("a pass ended with neither a plan nor an error")
        return self.plan

    @property
    def blocked(self) -> tuple[Change, ...]:
        """Needed changes that are blocked: by a lock, a quarantine, a cycle."""
        return tuple(change for change in self.plan.actions if change.blocked) if self.plan else ()

    @property
    def delivered(self) -> bool:
        """Whether the desired state is completely live: nothing failed, and nothing was held back."""
        succeeded = self.result is None or self.result.outcome is Outcome.SUCCEEDED
        return self.error is None and not self.blocked and succeeded

    @property
    def was_stopped(self) -> bool:
        """Whether a shutdown signal ended it early."""
        if self.result is not None:
            return self.result.outcome is Outcome.STOPPED
        return isinstance(self.error, Interrupted)

    @property
    def saw_nothing(self) -> bool:
        """Whether the pass ended before it looked: the previous report is still the best."""
        return isinstance(self.error, Interrupted | LeaseHeld) and self.plan is None

    @property
    def leaves_the_unknown(self) -> bool:
        """Whether only another look can tell what the delivery left. After a fault, the next pass comes soon anyway."""
        if self.result is None or self.left is not None or self.error is not None:
            return False
        return self.result.undetermined is None

    @property
    def sync_status(self) -> SyncStatus:
        """Synced only if a complete observation found no change to make, no drift, and no running change."""
        ended_early = self.error is not None and self.result is None and not isinstance(self.error, _REFUSALS)
        if self.plan is None or ended_early:
            return SyncStatus.UNKNOWN
        if self.plan.suspended and len(self.plan.suspended) == len(self.plan.changes):
            return SyncStatus.UNKNOWN  # all is left alone, whatever git asks for
        if self.mode is Mode.APPLY and self.result is not None:
            rest = not self.moved if self.left is None else _at_rest(self.left.plan)
            return SyncStatus.SYNCED if self.delivered and rest else SyncStatus.OUT_OF_SYNC
        return SyncStatus.SYNCED if _at_rest(self.plan) else SyncStatus.OUT_OF_SYNC

    @property
    def moved(self) -> tuple[Drift, ...]:
        """Out-of-band changes, without flows that are only open in an editor."""
        return _moved(self.plan) if self.plan else ()

    def log_fields(self) -> dict[str, object]:
        """The report as fields of one log event."""
        return {
            "organization": self.organization,
            "mode": self.mode.value,
            "revision": self.revision,
            "status": self.sync_status.value,
            "changes": None if self.plan is None else len(self.plan.actions),
            "drift": None if self.plan is None else len(self.plan.drift),
            "health": self.health.value,
            "outcome": None if self.result is None else self.result.outcome.value,
            "commit": None if self.commit is None else self.commit.sha,
            "error": None if self.error is None else self.error.code,
            "duration_s": round(self.duration_s, 3),
        }


@dataclass(slots=True)
class PassProgress:
    """The progress of a pass. The loop fills it and the report reads it; no step sees it."""

    start: Pass
    workspace: Workspace | None = None
    unpushed: PenstockError | None = None
    located: Located | None = None
    observed: Observed | None = None
    plan: Plan | None = None
    result: SyncResult | None = None
    commit: RecordedCommit | None = None
    recovered: tuple[str, ...] = ()
    left: Left | None = None


def make_report(reached: PassProgress, error: PenstockError | None, duration_s: float) -> PassReport:
    """The report of a pass that ended at any point."""
    request, observed = reached.start.request, reached.observed
    return PassReport(
        organization=request.organization,
        mode=request.mode,
        revision=None if reached.workspace is None else reached.workspace.revision,
        plan=reached.plan,
        result=reached.result,
        commit=reached.commit,
        error=error,
        recovered=reached.recovered,
        live=dict(observed.live.flows) if observed else {},
        recorded=observed.recorded if observed else None,
        duration_s=duration_s,
        trigger=request.trigger,
        health=_health(reached),
        unpushed=reached.unpushed,
        kept_as=reached.located.kept_as if reached.located else "",
        looked_fully_at=observed.look.full_at if observed and observed.look else None,
        left=reached.left,
    )


def rests(observed: Observed, plan: Plan) -> bool:
    """Whether a complete observation leaves nothing to do, and nothing that a person has to decide about."""
    return _at_rest(plan) and not observed.live.partial


def only_for_people(mode: Mode, observed: Observed, plan: Plan) -> bool:
    """Whether a complete observation leaves nothing that a pass of this mode delivers; it may leave drift."""
    return (plan.empty or mode is Mode.PLAN) and not plan.under_way and not observed.live.partial


def leaves_doubt(reached: PassProgress, error: PenstockError | None) -> bool:
    """Whether the next look has to read all flows: something failed, changed, or is left to deliver."""
    if isinstance(error, LeaseHeld | Interrupted):
        return False
    if error is not None or reached.result is not None or reached.recovered:
        return True
    if reached.observed is None or reached.plan is None:
        return False
    return not only_for_people(reached.start.request.mode, reached.observed, reached.plan)


def _at_rest(plan: Plan) -> bool:
    return plan.empty and not _moved(plan) and not plan.under_way


def _moved(plan: Plan) -> tuple[Drift, ...]:
    return tuple(drift for drift in plan.drift if not drift.informative)


def _health(reached: PassProgress) -> Health:
    if reached.result is not None and reached.result.outcome is Outcome.ROLLBACK_FAILED:
        return Health.DEGRADED
    if reached.located is None or reached.observed is None:
        return Health.UNKNOWN
    published = {key: live.published_version for key, live in reached.observed.live.flows.items()}
    for step in reached.result.steps if reached.result is not None else ():
        if step.version is not None or step.state is StepState.ROLLED_BACK:
            published[step.change.key] = step.version
    latest = reached.observed.latest
    try:
        if reached.result is not None:
            latest = reached.start.services.store.journal.latest(reached.located.kept_as)
    except StoreFailed:
        return Health.UNKNOWN
    return organization_health(reached.located.organization, published, latest)
