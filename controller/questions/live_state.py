"""Tells the state of organisations and flows from the store alone: what the last passes found, and what runs now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Final

from controller.domain.documents import filled
from controller.domain.identity import FlowKey
from controller.domain.status import Health, StepState
from controller.domain.suspension import Suspension
from controller.planning.rendering.document_model import ChangeDocument
from controller.questions.action_document import ActionStateDocument
from controller.questions.live_document import (
    FlowDocument,
    FlowsDocument,
    FlowStateDocument,
    OpenProblemDocument,
    OrganizationDocument,
    OrganizationsDocument,
    OrganizationStateDocument,
    RefusalDocument,
    RunningDocument,
    RunningFlowDocument,
    RunningPassDocument,
    SeenDriftDocument,
    WaitingChangeDocument,
)
from controller.questions.open_drift import drift_documents
from controller.questions.stored_plan import change_of
from controller.questions.suspension_document import SuspensionStateDocument
from controller.questions.sync_log import last_sync_document, step_document
from controller.store.flow_filter import FlowFilter, FlowSort
from controller.store.records import SyncRecord
from controller.store.running import ENDED, PlannedChange, RunningFlow, RunningPass
from controller.store.store import Store
from controller.store.views import FlowView, OrganizationView

_MOST_WAITING: Final = 100
"""Changes that are listed; a delivery may have ten thousand."""
Visible = Callable[[str], bool]
"""Whether the asker may see the organisation of this name."""
_DONE: Final = ENDED | {StepState.HEALTHY.value}
"""States of a change for which no other one waits any more."""


@dataclass(frozen=True, slots=True)
class FlowPageChoice:
    """Which page of an organisation's flows."""

    wanted: FlowFilter
    sort: FlowSort = FlowSort.FLOW
    limit: int = 100
    offset: int = 0


def organizations_now(store: Store, visible: Visible, now: datetime) -> OrganizationsDocument:
    """The organisations that the manifests name. A number of queries that does not grow. Raises StoreFailed."""
    views = [view for view in store.views.organizations() if visible(view.organization)]
    return OrganizationsDocument(organizations=_states(store, views, now))


def organization_now(store: Store, view: OrganizationView, now: datetime) -> OrganizationDocument:
    """One organisation. Raises StoreFailed."""
    state = _states(store, [view], now)[0]
    running = None if state.running is None else _with_waiting(store, state.running)
    return OrganizationDocument(
        organization=replace(state, running=running),
        summary=None if view.plan is None else view.plan["summary"],
        actions=[filled(ActionStateDocument, action) for action in store.actions.recent(view.organization)],
    )


def flows_now(store: Store, organization: str, choice: FlowPageChoice) -> FlowsDocument:
    """A page of the flows of an organisation, in two queries. Raises StoreFailed."""
    page = store.views.flows(organization, choice.wanted, sort=choice.sort, limit=choice.limit, offset=choice.offset)
    return FlowsDocument(
        organization=organization,
        total=page.total,
        limit=choice.limit,
        offset=choice.offset,
        flows=[filled(FlowStateDocument, flow) for flow in page.items],
    )


def flow_now(store: Store, view: OrganizationView, flow: FlowView, now: datetime) -> FlowDocument:
    """One flow with all that is known about it now. Raises StoreFailed."""
    key = FlowKey(flow.type, flow.name)
    kept_as = view.kept_as or view.organization
    running = store.running.of(view.organization)
    moving = next((each for each in running.flows if each.flow == flow.flow), None) if running else None
    step = store.sync_list.latest_step(kept_as, key)
    change = change_of(view.plan, flow.flow)
    return FlowDocument(
        organization=view.organization,
        flow=filled(FlowStateDocument, flow),
        running=None if moving is None else _running_flow(moving, now),
        waiting=None if running is None or moving is not None else _waiting_change(store, running, flow.flow),
        last_change=None if step is None else step_document(step),
        problems=list(_problems(store, view, flow, change)),
        drift=drift_documents(store, kept_as, str(key)),
        change=change,
    )


def running_now(store: Store, visible: Visible, now: datetime) -> RunningDocument:
    """The passes that run. Raises StoreFailed."""
    passes = [_running_pass(each, now) for each in store.running.all() if visible(each.organization)]
    return RunningDocument(at=now, passes=[_with_waiting(store, each) for each in passes])


def _states(store: Store, views: list[OrganizationView], now: datetime) -> list[OrganizationStateDocument]:
    running = {each.organization: each for each in store.running.all()}
    suspended = {each.organization: each for each in store.suspensions.active()}
    roster = store.replicas.roster()
    last = store.sync_list.latest([view.kept_as or view.organization for view in views])
    return [
        replace(
            _state(
                view,
                running.get(view.organization),
                suspended.get(view.organization),
                last.get(view.kept_as or view.organization),
                now,
            ),
            replica=roster.holder(view.organization),
        )
        for view in views
    ]


def _state(
    view: OrganizationView,
    running: RunningPass | None,
    suspension: Suspension | None,
    last: SyncRecord | None,
    now: datetime,
) -> OrganizationStateDocument:
    return filled(
        OrganizationStateDocument,
        view,
        name=view.organization,
        drift=[filled(SeenDriftDocument, SimpleNamespace(**each)) for each in view.drift],
        held_back=[filled(RefusalDocument, SimpleNamespace(**each)) for each in view.held_back],
        at_work=None if running is None else running.holder,
        replica=None,
        suspended=None if suspension is None else filled(SuspensionStateDocument, suspension),
        last_sync=None if last is None else last_sync_document(last),
        running=None if running is None else _running_pass(running, now),
    )


def _running_pass(each: RunningPass, now: datetime) -> RunningPassDocument:
    flows = [_running_flow(flow, now) for flow in each.flows]
    return filled(RunningPassDocument, each, flows=flows, waiting=None, waiting_total=None)


def _with_waiting(store: Store, each: RunningPassDocument) -> RunningPassDocument:
    found = waiting_changes(store.running.planned(each.organization), {flow.flow: flow.state for flow in each.flows})
    return replace(each, waiting=found[:_MOST_WAITING], waiting_total=len(found))


def _waiting_change(store: Store, running: RunningPass, flow: str) -> WaitingChangeDocument | None:
    states = {each.flow: each.state for each in running.flows}
    found = waiting_changes(store.running.planned(running.organization), states)
    return next((each for each in found if each.flow == flow), None)


def _running_flow(flow: RunningFlow, now: datetime) -> RunningFlowDocument:
    return filled(RunningFlowDocument, flow, percent=flow.progress(now))


def _problems(
    store: Store, view: OrganizationView, flow: FlowView, change: ChangeDocument | None
) -> Iterator[OpenProblemDocument]:
    if change is not None and change.blocked is not None:
        yield filled(OpenProblemDocument, change.blocked, hint=None)
    for refusal in view.held_back:
        if refusal["flow"] == flow.flow:
            yield filled(OpenProblemDocument, SimpleNamespace(**refusal))
    key = FlowKey(flow.type, flow.name)
    for quarantined in store.quarantines.active(view.kept_as or view.organization):
        if quarantined.key == key:
            message = f"{quarantined.wanted} was rolled back and is not delivered again: {quarantined.reason}"
            yield OpenProblemDocument(code="quarantined", message=message, hint=_RETRY)
    if flow.health in (Health.DEGRADED, Health.MISSING):
        yield OpenProblemDocument(code=flow.health.lower(), message=flow.message, hint=None)


_RETRY = "change it in git, or let it be tried again: `penstock retry`"


def waiting_changes(planned: Sequence[PlannedChange], states: Mapping[str, str]) -> list[WaitingChangeDocument]:
    """The changes that have not begun, in the order of the plan; `states` are those of the others, by flow."""
    open_ones = {each.flow for each in planned if states.get(each.flow) not in _DONE}
    return [
        WaitingChangeDocument(
            flow=each.flow,
            kind=each.kind,
            wave=each.wave,
            waits_for=[flow for flow in each.depends_on if flow in open_ones],
        )
        for each in planned
        if each.flow not in states
    ]
