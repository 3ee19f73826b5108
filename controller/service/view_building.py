"""Makes views of an organisation and its flows: from a pass' report and status, and before that from the manifests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from controller.delivery.result import StepResult
from controller.domain.desired import DesiredFlow, Organization
from controller.domain.documents import plain
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.status import Health, StepState, SyncStatus
from controller.planning.limits import REMOVALS
from controller.planning.model import Change, ChangeKind, Drift
from controller.planning.rendering.document import plan_document
from controller.questions.status import FlowStatus, OrganizationStatus
from controller.reconcile.report import PassReport
from controller.service.board import NOT_LOOKED_YET
from controller.store.views import FlowView, OrganizationView

_DELIVERED = "delivered"
_NOT_SEEN = "no pass has found its state yet"


def unseen_organization(name: str, at: datetime) -> OrganizationView:
    """The view of an organisation that no pass has seen."""
    return OrganizationView(
        organization=name,
        revision=None,
        sync=SyncStatus.UNKNOWN,
        health=Health.UNKNOWN,
        message=NOT_LOOKED_YET,
        trigger="",
        at=at,
    )


def awaited_organization(organization: Organization, at: datetime) -> OrganizationView:
    """What is known of an organisation before the first pass over it has ended."""
    flows = {Health.UNKNOWN.value: len(organization.flows)} if organization.flows else {}
    return replace(unseen_organization(organization.name, at), flows=flows)


def awaited_flows(organization: Organization, at: datetime) -> Sequence[FlowView]:
    """What the manifests say of its flows."""
    return [_awaited_flow(organization.name, flow, at) for flow in organization.flows]


def _awaited_flow(organization: str, flow: DesiredFlow, at: datetime) -> FlowView:
    return FlowView(
        organization=organization,
        flow=flow.id,
        type=flow.key.type,
        name=flow.key.name,
        labels=dict(flow.labels),
        sync=SyncStatus.UNKNOWN,
        health=Health.UNKNOWN,
        wanted=flow.wanted,
        change=ChangeKind.NONE.value,
        message=_NOT_SEEN,
        at=at,
    )


def after_delivery(report: PassReport) -> PassReport:
    """The report with the plan and the states that its delivery left; the report itself without a delivery.

    Where only another look can tell what there is to do now, the plan says what is left of the one that was delivered.
    """
    if report.plan is None or report.result is None:
        return report
    if report.left is not None:
        return replace(report, plan=report.left.plan, live=report.left.live, recorded=report.left.recorded)
    steps = {step.change.key: step for step in report.result.steps}
    changes = [_left(change, steps.get(change.key)) for change in report.plan.changes]
    live = dict(report.live)
    for key, step in steps.items():
        if step.state.delivered or step.state is StepState.ROLLED_BACK:
            live |= _live_after(key, step, live.get(key))
    plan = replace(report.plan, changes=tuple(filter(None, changes)), under_way=(), held_back=())
    return replace(report, plan=plan, live=live)


def _left(change: Change, step: StepResult | None) -> Change | None:
    """What is left of a change; None for a removed flow, which no manifest names."""
    if step is None or not step.state.delivered:
        return change
    if change.kind in REMOVALS and change.desired is None:
        return None
    return replace(
        change,
        kind=ChangeKind.NONE,
        from_version=step.version,
        to_version=step.version,
        reason=_DELIVERED,
        blocked=None,
    )


def _live_after(key: FlowKey, step: StepResult, live: LiveFlow | None) -> dict[FlowKey, LiveFlow]:
    if live is not None:
        return {key: replace(live, published_version=step.version)}
    return {key: LiveFlow(step.flow_id, key, step.version)} if step.flow_id else {}


def organization_view(report: PassReport, status: OrganizationStatus, of_pass: Mapping[str, Any]) -> OrganizationView:
    """The organisation with its plan; `of_pass` has the fields that each pass has of its own."""
    plan = report.plan_or_raise()
    # What a delivery left, where only another look can tell, is no plan that anybody may approve.
    holds = report.result is None or report.left is not None
    return OrganizationView(
        organization=status.name,
        flows=dict(Counter(flow.health.value for flow in status.flows)),
        unmanaged=status.unmanaged,
        plan_digest=plan.digest if holds else None,
        plan=plain(plan_document([plan]).organizations[0]) if holds else None,
        warnings=tuple(status.warnings),
        drift=tuple(_drift(each, report.live) for each in plan.drift),
        held_back=tuple(plain(status.held_back)),
        **of_pass,
    )


def flow_views(report: PassReport, status: OrganizationStatus, at: datetime) -> Sequence[FlowView]:
    """All managed flows."""
    desired = {change.flow: change for change in report.plan_or_raise().changes}
    return [_flow_view(report, flow, desired[flow.flow], at) for flow in status.flows]


def _flow_view(report: PassReport, flow: FlowStatus, change: Change, at: datetime) -> FlowView:
    live = report.live.get(change.key)
    record = report.recorded.flows.get(change.key) if report.recorded is not None else None
    return FlowView(
        organization=report.organization,
        flow=flow.flow,
        type=flow.type,
        name=flow.name,
        labels=dict(change.desired.labels) if change.desired is not None else {},
        sync=flow.sync,
        health=flow.health,
        wanted=None if change.desired is None else change.desired.wanted,
        recorded=record.version if record is not None else None,
        version=flow.version,
        flow_id=live.id if live is not None else change.flow_id,
        change=flow.change,
        locked_by=flow.locked_by,
        message=flow.message,
        at=at,
    )


def _drift(drift: Drift, live: Mapping[FlowKey, LiveFlow]) -> dict[str, Any]:
    """With who published the version that drifted and when, as far as the listing says so."""
    found = live.get(drift.key)
    published = found is not None and drift.kind == "version" and found.published_version is not None
    return {
        "flow": drift.flow,
        "type": drift.key.type,
        "name": drift.key.name,
        "kind": drift.kind,
        "expected": drift.expected,
        "version": drift.actual,
        "message": drift.message,
        "by": found.published_by if found is not None and published else None,
        "at": found.published_at.isoformat() if found is not None and published and found.published_at else None,
    }
