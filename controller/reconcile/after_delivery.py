"""Makes the plan that a delivery leaves, from the observation before it and from what it did, without a call.

Where a call would be needed to know what is live, or what a plan needs to know of it, there is no such plan: the next
look makes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import structlog

from controller.delivery.result import StepResult, SyncResult
from controller.domain.desired import Organization, PinnedVersion, SourceFile
from controller.domain.errors.branches import PenstockError
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow, LiveState
from controller.domain.recorded import RecordedState
from controller.domain.status import StepState
from controller.domain.versions import VersionInfo
from controller.planning.model import ChangeKind
from controller.reconcile import steps
from controller.reconcile.observe import Delivered
from controller.reconcile.own_deliveries import own_versions
from controller.reconcile.pass_ import Held, Observed
from controller.reconcile.report import Left
from controller.reconcile.switches import switchable
from controller.repository.record import RecordedCommit

log = structlog.get_logger()

_UNTOUCHED = frozenset({StepState.PENDING, StepState.VALIDATED, StepState.SKIPPED})
_IN_DOUBT = frozenset({StepState.PUBLISHING, StepState.ROLLING_BACK, StepState.ROLLBACK_FAILED})
"""States in which nobody knows which version is live."""


async def plan_left(held: Held, before: Observed, result: SyncResult, commit: RecordedCommit | None) -> Left | None:
    """What the delivery left to do, and the states behind it; None where that needs a look. Raises nothing of ours."""
    # What was tried again on request is no longer asked for once that is over.
    at = replace(held, request=replace(held.request, retry=False))
    try:
        recorded = await _recorded(at, before, commit)
        latest = at.services.store.journal.latest(at.kept_as)

        def own(flows: Mapping[FlowKey, LiveFlow]) -> set[FlowKey]:
            return own_versions(at, recorded, latest, flows)

        live = live_after(at.organization, before.live, recorded, own, result.steps)
        if live is None:
            return None
        observed = Observed(recorded, live, before.look, latest)
        return Left(await steps.plan(at, observed), dict(live.flows), recorded)
    except PenstockError as error:
        log.info("plan.left-unknown", organization=at.organization.name, error=error.message)
        return None


async def _recorded(at: Held, before: Observed, commit: RecordedCommit | None) -> RecordedState:
    """The record in the commit of the delivery; what it was where nothing was recorded."""
    repository, organization = at.workspace.repository, at.organization
    if commit is None:
        return before.recorded
    if commit.sha is None:
        return await steps.read_record(at)
    state = await asyncio.to_thread(repository.recorded_in, commit.sha, organization.name, organization.artifacts)
    return state.of(at.identity.organization_id)


def live_after(
    organization: Organization,
    before: LiveState,
    recorded: RecordedState,
    own: Delivered,
    done: Sequence[StepResult],
) -> LiveState | None:
    """The live state after these changes; None where it cannot be known without a call."""
    if before.partial or before.undetermined:
        return None
    flows: dict[FlowKey, LiveFlow] | None = dict(before.flows)
    touched = {step.change.key for step in done if step.state not in _UNTOUCHED}
    for step in done:
        flows = None if flows is None else _flows_after(flows, step)
    if flows is None or _asks_more(organization, before, recorded, flows):
        return None
    digests = _digests(organization, before, recorded, flows)
    wanted = switchable(organization, recorded, own(flows), flows)
    versions = None if touched & {flow.key for flow, _ in wanted} else _versions(before, wanted)
    if digests is None or versions is None:
        return None
    return replace(before, flows=flows, digests=digests, versions=versions, consumers={}, consumers_unknown={})


def _flows_after(flows: dict[FlowKey, LiveFlow], step: StepResult) -> dict[FlowKey, LiveFlow] | None:
    """The flows after one more change; None where it is not known what it did."""
    key, state, version = step.change.key, step.state, step.version
    if state in _IN_DOUBT:
        return None
    if state in _UNTOUCHED or (state is StepState.FAILED and version is None):
        return flows
    gone = step.change.kind is ChangeKind.DELETE and state.delivered
    if step.flow_id is None:
        return None
    kept = {other: flow for other, flow in flows.items() if flow.id != step.flow_id}
    if gone:
        return kept
    known = flows.get(key) or next((flow for flow in flows.values() if flow.id == step.flow_id), None)
    if known is not None and known.published_version == version and known.key == key:
        return flows
    found = (
        LiveFlow(step.flow_id, key, version)
        if known is None
        else replace(
            known,
            key=key,
            published_version=version,
            locked_by=None,
            published_at=None,
            published_by=None,
            author_id=None,
        )
    )
    return kept | {key: found}


def _asks_more(
    organization: Organization, before: LiveState, recorded: RecordedState, flows: Mapping[FlowKey, LiveFlow]
) -> bool:
    """Whether flows are left that may be pruned, of which the consumers are asked for, or a pin has a new name."""
    asked = before.consumers.keys() | before.consumers_unknown.keys()
    if any(key in recorded.flows and key in flows for key in asked):
        return True
    pinned = (flow.key for flow in organization.flows if isinstance(flow.source, PinnedVersion))
    return any(key in flows and key not in before.flows for key in pinned)


def _digests(
    organization: Organization, before: LiveState, recorded: RecordedState, flows: Mapping[FlowKey, LiveFlow]
) -> dict[FlowKey, str] | None:
    """The digests of live versions without a record; None where a version would have to be exported for that."""
    known = {key: digest for key, digest in before.digests.items() if key not in recorded.flows}
    for flow in organization.flows:
        if not isinstance(flow.source, SourceFile) or flow.key in recorded.flows:
            continue
        then, now = before.flows.get(flow.key), flows.get(flow.key)
        if now is not None and now.published_version not in (None, then.published_version if then else None):
            return None
    return known


def _versions(
    before: LiveState, wanted: Iterable[tuple[LiveFlow, str]]
) -> dict[FlowKey, tuple[VersionInfo, ...]] | None:
    """The versions of the flows that a change may switch; None where they would have to be read."""
    keys = [flow.key for flow, _ in wanted]
    return {key: before.versions[key] for key in keys} if all(key in before.versions for key in keys) else None
