"""How things stand: sync status and health of every managed flow, from one look and the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.domain.desired import DesiredFlow, Organization
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.status import Health, StepState, SyncStatus, worst
from controller.planning import Change, ChangeKind, Plan
from controller.reconcile.report import PassReport
from controller.store import Store, SyncRecord

_IN_FLIGHT = frozenset(
    {
        StepState.VALIDATED,
        StepState.PUBLISHING,
        StepState.LIVE,
        StepState.BAKING,
        StepState.ROLLING_BACK,
    }
)


@dataclass(frozen=True, slots=True)
class FlowStatus:
    flow: str
    type: str
    name: str
    sync: SyncStatus
    health: Health
    version: str | None
    change: str
    """The kind of change that a plan made now would bring."""
    locked_by: str | None
    message: str


@dataclass(frozen=True, slots=True)
class OrganizationStatus:
    name: str
    revision: str
    sync: SyncStatus
    health: Health
    flows: tuple[FlowStatus, ...]
    drift: tuple[str, ...]
    unmanaged: int
    last_sync: SyncRecord | None


def organization_status(report: PassReport, store: Store) -> OrganizationStatus:
    """The status of one organisation after a planning pass over it. Raises the pass' error."""
    plan = report.plan_or_raise()
    history = store.journal.history(plan.organization)
    latest = _latest_states(history)
    flows = tuple(_flow_status(change, plan, report, latest.get(change.flow)) for change in plan.changes)
    return OrganizationStatus(
        name=plan.organization,
        revision=plan.revision,
        sync=report.sync_status,
        health=worst(*(flow.health for flow in flows)) if flows else Health.HEALTHY,
        flows=tuple(sorted(flows, key=lambda flow: flow.flow)),
        drift=tuple(drift.message for drift in plan.drift),
        unmanaged=plan.unmanaged,
        last_sync=history[0] if history else None,
    )


def managed_health(organization: Organization, live: Mapping[FlowKey, LiveFlow], store: Store) -> dict[FlowKey, Health]:
    """The health of every managed flow, from what is live and from the journal."""
    latest = _latest_states(store.journal.history(organization.name))
    return {flow.key: _health(flow, live.get(flow.key), latest.get(flow.id)) for flow in organization.flows}


def _latest_states(history: list[SyncRecord]) -> dict[str, StepState]:
    """Where each flow's latest step that did anything stands; history comes newest first."""
    latest: dict[str, StepState] = {}
    for sync in history:
        for step in sync.steps:
            if step.state not in (StepState.SKIPPED, StepState.PENDING):
                latest.setdefault(step.flow, step.state)
    return latest


def _flow_status(change: Change, plan: Plan, report: PassReport, latest: StepState | None) -> FlowStatus:
    live = report.live.get(change.key)
    drifted = [drift for drift in plan.drift if drift.flow == change.flow]
    in_sync = change.kind is ChangeKind.NONE and all(drift.informative for drift in drifted)
    message = change.blocked.message if change.blocked else drifted[0].message if drifted else change.reason
    return FlowStatus(
        flow=change.flow,
        type=change.key.type,
        name=change.key.name,
        sync=SyncStatus.SYNCED if in_sync else SyncStatus.OUT_OF_SYNC,
        health=_health(change.desired, live, latest),
        version=live.published_version if live else None,
        change=change.kind.value,
        locked_by=live.locked_by.name if live and live.locked_by else None,
        message=message,
    )


def _health(desired: DesiredFlow | None, live: LiveFlow | None, latest: StepState | None) -> Health:
    if latest is StepState.ROLLBACK_FAILED:
        return Health.DEGRADED
    if desired is not None and desired.suspended:
        return Health.SUSPENDED
    if latest in _IN_FLIGHT:
        return Health.PROGRESSING
    if live is None or live.published_version is None:
        return Health.MISSING
    return Health.HEALTHY
