"""The dependency index: consumed and consuming objects of each version. It can lag behind and be rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.domain.references import Resolution, ResourceReference
from controller.simulator.content import ROOTS, read
from controller.simulator.flow import SimulatedFlow, Version
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.resolution import resolve
from controller.simulator.resources.inventory import find, lacking, resource_id
from controller.simulator.resources.kinds import KINDS

OPERATIONAL = "OPERATIONAL"
STATUSES = (
    "BUILDINCOMPLETE",
    "BUILDINITIALIZING",
    "BUILDINPROGRESS",
    "BUILDQUEUED",
    "NOTBUILT",
    OPERATIONAL,
    "OPERATIONALNEEDSREBUILD",
)
BUILD_S = 30.0
"""Seconds that a rebuild takes."""
RESOURCE_TYPES = {
    "bot-connector": "BOTCONNECTORBOT",
    "contact-list": "CONTACTLIST",
    "data-action": "DATAACTION",
    "data-table": "DATATABLE",
    "decision-table": "DECISIONTABLE",
    "division": "DIVISION",
    "emergency-group": "EMERGENCYGROUP",
    "flow-milestone": "FLOWMILESTONE",
    "flow-outcome": "FLOWOUTCOME",
    "grammar": "GRAMMAR",
    "group": "GROUP",
    "guide": "GUIDE",
    "knowledge-base": "KNOWLEDGEBASE",
    "language-skill": "ACDLANGUAGE",
    "queue": "QUEUE",
    "response": "RESPONSE",
    "schedule": "SCHEDULE",
    "schedule-group": "SCHEDULEGROUP",
    "script": "COMPOSERSCRIPT",
    "skill": "ACDSKILL",
    "stt-engine": "STTENGINE",
    "system-prompt": "SYSTEMPROMPT",
    "survey-form": "SURVEYFORM",
    "tts-engine": "TTSENGINE",
    "user": "USER",
    "user-prompt": "USERPROMPT",
    "utilization-label": "UTILIZATIONLABEL",
    "virtual-agent": "AGENTICVIRTUALAGENT",
    "worktype": "WORKTYPE",
    "wrap-up-code": "ACDWRAPUPCODE",
}
"""Kinds of resources to `Dependency.type`."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One object of the index, consuming or consumed."""

    id: str
    name: str
    type: str
    version: str | None = None
    deleted: bool = False
    updated: bool = False
    """Whether it has a newer version than its consumer was published with."""


def object_type(flow_type: str) -> str:
    """`COMMONMODULEFLOW` for `commonmodule`; a workflow is a WORKFLOW."""
    return "WORKFLOW" if flow_type == "workflow" else f"{flow_type.upper()}FLOW"


FLOW_TYPES = {object_type(flow_type): flow_type for flow_type in ROOTS}
"""`Dependency.type` to the API's flow type: the versioned ones."""


def status(organization: SimulatedOrganization, now: datetime) -> str:
    """`DependencyStatus.status`."""
    index = organization.state.index
    if index.status:
        return index.status
    return "BUILDINPROGRESS" if index.ready_at and now < index.ready_at else OPERATIONAL


def build(organization: SimulatedOrganization, now: datetime) -> None:
    """Start a rebuild of the index."""
    index = organization.state.index
    index.built_at, index.status = now, None
    index.ready_at = now + timedelta(seconds=organization.settings.duration_s(BUILD_S))


def indexed(organization: SimulatedOrganization, version: Version, now: datetime) -> bool:
    """Whether the index contains this version already."""
    settings = organization.settings
    return version.created_at + timedelta(seconds=settings.duration_s(settings.index_s)) <= now


def consumed(organization: SimulatedOrganization, version: Version) -> Iterator[IndexEntry]:
    """The objects that a version consumes, each once."""
    seen: set[str] = set()
    for resolved in resolve(organization, version.text):
        flow = resolved.flow
        if flow and flow.id not in seen:
            seen.add(flow.id)
            live = flow.published.id if flow.published else None
            # A caller is bound to the version that was live when the caller was published.
            bound = version.bindings.get(flow.id, live)
            yield IndexEntry(flow.id, flow.name, object_type(flow.type), bound, flow.deleted, updated=bound != live)
    for resource in read(version.text).resources:
        kind = resource_type(organization, resource)
        identifier = resource_id(organization, resource.kind, resource.name)
        if kind and resource.resolution is Resolution.STATIC and identifier not in seen:
            seen.add(identifier)
            gone = any(True for _ in lacking(organization, (resource,)))
            yield IndexEntry(identifier, resource.name, kind, deleted=gone)


def resource_type(organization: SimulatedOrganization, reference: ResourceReference) -> str | None:
    """`Dependency.type` of a resource; None for kinds that the index does not know."""
    kind = KINDS.get(reference.kind)
    resource = find(organization, kind, reference.name) if kind else None
    if resource is not None and resource.kind == "data-action" and resource.fields.get("secure"):
        return "SECUREACTION"
    return RESOURCE_TYPES.get(reference.kind)


def consuming(
    organization: SimulatedOrganization, object_id: str, now: datetime, flow_filter: str | None
) -> Iterator[IndexEntry]:
    """Every version of every flow that consumes an object, or only the checked in or published ones."""
    for flow in organization.flows():
        for version in _versions(flow, flow_filter):
            known = indexed(organization, version, now)
            if known and any(entry.id == object_id for entry in consumed(organization, version)):
                yield IndexEntry(flow.id, flow.name, object_type(flow.type), version.id)


def _versions(flow: SimulatedFlow, flow_filter: str | None) -> list[Version]:
    if flow_filter == "published":
        return [flow.published] if flow.published else []
    if flow_filter == "checkedIn":
        return [flow.latest] if flow.latest else []
    return flow.versions
