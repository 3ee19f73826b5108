"""What is wrong with an organisation: errors of its pass, what holds its plan back, its deliveries and its drift."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from controller.delivery.result import Outcome
from controller.domain.errors.branches import PenstockError, Transient, Waiting
from controller.domain.errors.delivery import (
    DeliveryPaused,
    NotConfirmed,
    SafetyLimit,
    SyncSuspended,
    WindowClosed,
)
from controller.domain.identity import FlowKey
from controller.domain.notification import NotificationEvent, NotificationSeverity
from controller.domain.status import StepCause, StepState
from controller.notify.events import DriftNews, SyncNews
from controller.notify.troubles import Topic, Trouble
from controller.planning.guard import Confirmations, confirmed_part, refusals
from controller.planning.limits import deliverable
from controller.planning.model import Blocked, Change, Plan
from controller.reconcile.findings import PassView
from controller.reconcile.health import paused_reason
from controller.store.audit import AuditEntry
from controller.store.records import StepRecord, SyncRecord, SyncState

OUTAGE_S: Final = 300.0
"""An error that usually passes by itself is told once it has lasted so long."""
_BY_THE_PLAN: Final = (DeliveryPaused, NotConfirmed, SafetyLimit, SyncSuspended, WindowClosed)
"""Errors of a pass of which the plan, or the journal, tells more."""
_PASSES_BY_ITSELF: Final = frozenset({"live-undetermined", "consumers-unknown"})
_EVENTS: Final = {
    SyncState.FAILED: NotificationEvent.FAILED,
    SyncState.ROLLBACK_FAILED: NotificationEvent.FAILED,
    SyncState.ROLLED_BACK: NotificationEvent.ROLLED_BACK,
}
_UNDELIVERED: Final = frozenset({StepState.FAILED, StepState.ROLLED_BACK, StepState.ROLLBACK_FAILED, StepState.SKIPPED})


def standing_now(view: PassView) -> tuple[Trouble, ...]:
    """All that stands after the pass, but drift. Raises StoreFailed."""
    return (*_of_pass(view), *_of_plan(view), *_paused(view))


# Deliveries.


def sync_news(sync: SyncRecord, view: PassView) -> SyncNews:
    """A delivery that has ended: its healthy flows, and where it failed the others, those that failed first."""
    delivered = frozenset(step.flow for step in sync.steps if step.state.delivered)
    event = _EVENTS.get(sync.state)
    if event is None:
        return SyncNews(sync_id=sync.id, delivered=delivered)
    asked = event is NotificationEvent.ROLLED_BACK and all(
        step.cause is not None and step.cause.asked_for for step in sync.steps if step.state.going_back
    )
    severity = NotificationSeverity.INFO if asked else NotificationSeverity.ERROR
    steps = (step for step in sync.steps if step.state in _UNDELIVERED and step.cause is not StepCause.INTERRUPTED)
    troubles = tuple(_of_step(step, event, severity, view) for step in sorted(steps, key=_by_cause))
    return SyncNews(sync_id=sync.id, delivered=delivered, troubles=troubles)


def _by_cause(step: StepRecord) -> tuple[bool, bool, str]:
    """Those that failed by themselves say why, those that were never begun say least."""
    return step.state is StepState.SKIPPED, step.error_code is None, step.flow


def _of_step(step: StepRecord, event: NotificationEvent, severity: NotificationSeverity, view: PassView) -> Trouble:
    desired = view.flows.get(step.key)
    live = event is not NotificationEvent.ROLLED_BACK and step.live_version is not None
    return Trouble(
        topic=Topic.DELIVERY,
        object=step.flow,
        event=event,
        severity=severity,
        outcome=step.error_code or step.state.value,
        digest=step.wanted,
        why=step.reason or "",
        type=step.key.type,
        name=step.key.name,
        from_version=step.previous_version,
        to_version=step.live_version if live else step.target_version,
        labels={} if desired is None else desired.labels,
        group=f"sync {step.sync_id}",
    )


def _paused(view: PassView) -> Iterator[Trouble]:
    approvals, name = view.services.store.approvals, view.organization.name
    for step in view.unfinished:
        why = paused_reason(step)
        if why is not None and approvals.promotion(name, step.id) is None:
            found = _of_step(step, NotificationEvent.PAUSED, NotificationSeverity.WARNING, view)
            yield replace(found, outcome=DeliveryPaused.code, why=why, group="")


# Drift.


def drift_news(entry: AuditEntry, view: PassView) -> DriftNews:
    """Drift that began or ended, as the audit log has it."""
    details, key = entry.details, FlowKey.parse(entry.flow or "")
    desired = view.flows.get(key)
    return DriftNews(
        trouble=Trouble(
            topic=Topic.DRIFT,
            object=str(key) if desired is None else desired.id,
            event=NotificationEvent.DRIFT_BEGAN,
            severity=NotificationSeverity.WARNING,
            outcome=str(details.get("kind", "")),
            digest=f"{details.get('expected')} {details.get('actual')}",
            why=_why(entry),
            type=key.type,
            name=key.name,
            from_version=entry.target_version,
            to_version=entry.version,
            labels={} if desired is None else desired.labels,
        ),
        began=entry.status == "begun",
    )


def _why(entry: AuditEntry) -> str:
    if entry.status == "begun":
        return str(entry.details.get("message", ""))
    healed = entry.details.get("by_change")
    return f"a delivery ended it ({healed})" if healed else "it is as recorded again, or another drift replaced it"


# The whole organisation.


def _of_pass(view: PassView) -> Iterator[Trouble]:
    error, result = view.report.error, view.report.result
    if error is None and result is not None and result.outcome is Outcome.UNDETERMINED:
        error = result.undetermined
    if error is not None and not isinstance(error, _BY_THE_PLAN):
        yield of_error(error, view.report.revision)


def of_error(error: PenstockError, revision: str | None) -> Trouble:
    """An error that ended a pass. One that usually passes is told later, and not again for each commit."""
    passes = isinstance(error, Transient | Waiting)
    return Trouble(
        topic=Topic.PASS,
        event=NotificationEvent.FAILED,
        severity=NotificationSeverity.ERROR,
        outcome=error.code,
        digest="" if passes else revision or "",
        why=error.message,
        next_step=error.hint or "",
        hold_s=OUTAGE_S if passes else 0.0,
    )


def _of_plan(view: PassView) -> Iterator[Trouble]:
    """What keeps changes from being delivered. Raises StoreFailed."""
    plan, organization, store = view.plan, view.organization, view.services.store
    if plan is None or not plan.actions:
        return
    if deliverable(plan):
        approved = store.approvals.of(organization.name, plan.digest) is not None
        said = Confirmations(approved_digest=plan.digest if approved else None)
        allowed = confirmed_part(plan, organization, said)
        suspension = store.suspensions.of(organization.name)
        yield from _held_back(refusals(allowed, organization, view.services.clock.now(), said, suspension), plan)
    for change in plan.actions:
        if change.blocked is not None:
            yield _blocked(change, change.blocked)


def _held_back(errors: Iterable[PenstockError], plan: Plan) -> Iterator[Trouble]:
    """One trouble for all refusals of a plan."""
    found = list(errors)
    if not found:
        return
    wanted = any(isinstance(error, NotConfirmed) for error in found)
    waits = all(isinstance(error, WindowClosed | SyncSuspended) for error in found)
    hints = [
        f"look at the plan, then: penstock approve {plan.digest}" if isinstance(error, NotConfirmed) else error.hint
        for error in found
    ]
    yield Trouble(
        topic=Topic.POLICY,
        event=NotificationEvent.APPROVAL_WANTED if wanted else NotificationEvent.BLOCKED,
        severity=NotificationSeverity.INFO if waits else NotificationSeverity.WARNING,
        outcome=found[0].code,
        digest=plan.digest,
        why="; ".join(error.message for error in found),
        next_step="; ".join(dict.fromkeys(hint for hint in hints if hint)),
    )


def _blocked(change: Change, block: Blocked) -> Trouble:
    return Trouble(
        topic=Topic.DELIVERY,
        object=change.flow,
        event=NotificationEvent.BLOCKED,
        severity=NotificationSeverity.WARNING,
        outcome=block.code,
        digest=change.desired.wanted if change.desired is not None else change.to_version or "",
        why=block.message,
        type=change.key.type,
        name=change.key.name,
        from_version=change.from_version,
        to_version=change.to_version,
        labels={} if change.desired is None else change.desired.labels,
        hold_s=OUTAGE_S if block.code in _PASSES_BY_ITSELF else 0.0,
    )
