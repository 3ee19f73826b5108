"""Renders the organisation's values in the shapes of the version endpoints.

On a route that both dialects share, the answer holds the fields of both.
"""

from __future__ import annotations

from controller.simulator.architect import views
from controller.simulator.definition import definition
from controller.simulator.flow import SimulatedFlow, Version
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.time import iso

JSON = dict[str, object]


def flow(organization: SimulatedOrganization, a_flow: SimulatedFlow) -> JSON:
    """A flow with the definition of its live version, else of its latest version, else of its draft."""
    shown = views.flow(organization, a_flow)
    current = a_flow.published or a_flow.latest
    text = current.text if current else a_flow.draft.text if a_flow.draft else None
    metadata: JSON = {
        "status": status(a_flow, current) if current else "draft",
        "type": a_flow.type,
        "dateCreated": iso(a_flow.created_at),
    }
    if not organization.settings.tells_types:
        del shown["type"], metadata["type"]
    if a_flow.lock:
        metadata |= {"lockedBy": a_flow.lock.holder.name, "dateLocked": iso(a_flow.lock.since)}
    if current:
        metadata |= _dates(current)
    return shown | {
        "version": current.id if current else None,
        "metadata": metadata,
        "locked": a_flow.lock is not None,
        "definition": definition(organization, text) if text else {"nodes": {}, "transitions": []},
    }


def version_id(organization: SimulatedOrganization, a_flow: SimulatedFlow, a_version: Version) -> str:
    """The id of a version in the version endpoints: its number, or an opaque id."""
    if not organization.settings.opaque_version_ids:
        return a_version.id
    return organization.identifier("version", a_flow.id, a_version.id)


def version(organization: SimulatedOrganization, a_flow: SimulatedFlow, a_version: Version) -> JSON:
    """One row of a flow's versions."""
    id_ = version_id(organization, a_flow, a_version)
    return {
        "id": id_,
        "version": a_version.id,
        "status": status(a_flow, a_version),
        "dateCreated": iso(a_version.created_at),
        "createdBy": a_version.created_by.name,
        **_dates(a_version),
        "selfUri": views.version_uri(a_flow, id_),
    }


def version_with_definition(organization: SimulatedOrganization, a_flow: SimulatedFlow, a_version: Version) -> JSON:
    """One version with its whole content. The dates are those of the architect dialect."""
    return views.version(a_flow, a_version) | {
        "flowId": a_flow.id,
        "version": a_version.id,
        "status": status(a_flow, a_version),
        "definition": definition(organization, a_version.text),
    }


def status(a_flow: SimulatedFlow, a_version: Version) -> str:
    """`draft`, `published`, `deployed` or `archived`. The version of a staged rollout counts as published."""
    rollout = a_flow.rollout
    coming = rollout is not None and rollout.stage is not None and rollout.version == a_version.id
    return "published" if coming and a_version.status == "draft" else a_version.status


def _dates(a_version: Version) -> JSON:
    shown = views.dates(datePublished=a_version.published_at, datePublishedEnd=a_version.published_until)
    return shown | ({"publishedBy": a_version.published_by.name} if a_version.published_by else {})
