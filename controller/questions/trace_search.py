"""Which executions a person asks about: checked before any call, then found in the organisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from controller.diagnosis import LiveModule, check_trace_request, retention
from controller.domain.desired import Organization
from controller.domain.errors import CapabilityMissing, PermissionMissing
from controller.domain.platform import ExecutionSummary
from controller.domain.traces import SnapshotRange, TraceRequest
from controller.reconcile.flow_choice import flow_id
from controller.reconcile.services import Services


@dataclass(frozen=True, slots=True)
class ExecutionQuestion:
    """The question; the times are aware."""

    since: datetime
    until: datetime
    asked_at: datetime
    """Against which `since` is held: a range of all that is kept stays valid while it is asked for."""
    flow: str | None = None
    """As a person names it."""
    version: str | None = None
    conversation: str | None = None
    session: str | None = None
    snapshots: tuple[SnapshotRange, ...] = ()
    tier: str = "standard"
    """How long the organisation keeps traces (versioned dialect): `standard` or `enterprise`."""


async def find_executions(
    services: Services, organization: Organization, question: ExecutionQuestion
) -> Sequence[ExecutionSummary]:
    """The executions in order of their start, those without one first.

    Raises TraceRequestInvalid before any call when the range is not kept or too long, SettingsInvalid for an unknown
    flow, CapabilityMissing when the dialect knows no sessions.
    """
    platform = services.platform(organization)
    executions = platform.executions
    if executions is None:
        raise CapabilityMissing(f"{organization.name}: the {platform.dialect} dialect does not tell of executions")
    request = _checked(organization, question)
    if question.session and platform.traces is None:
        raise CapabilityMissing(
            f"{organization.name}: the {platform.dialect} dialect knows no sessions",
            hint="ask for a conversation: --conversation ID",
        )
    if question.flow is not None:
        request = replace(request, flow_id=await flow_id(platform, organization.flows, question.flow))
    try:
        found = [summary async for summary in executions.found(request)]
    except PermissionMissing as error:
        error.hint = error.hint or "check that execution data is enabled and that the client may search it"
        raise
    return sorted(found, key=lambda summary: (summary.started_at or question.since, summary.id))


def _checked(organization: Organization, question: ExecutionQuestion) -> TraceRequest:
    request = TraceRequest(
        start=question.since,
        end=question.until,
        flow_id=question.flow,
        flow_version=question.version,
        session_token=question.session,
        conversation_id=question.conversation,
        snapshot_ranges=question.snapshots,
    )
    rules = retention(organization.dialect, question.tier)
    check_trace_request(request, now=question.asked_at, rules=rules)
    return request


async def live_modules(services: Services, organization: Organization) -> dict[str, LiveModule]:
    """The published versions by flow id; without those that have no known time of publishing.

    Costs one listing. Raises what the listing raises.
    """
    listing = await services.platform(organization).flows.listing()
    return {
        flow.id: LiveModule(flow.published_version, flow.published_at)
        for flow in listing.flows
        if flow.published_version is not None and flow.published_at is not None
    }
