"""Which flows of the organisation a content refers to, and what is wrong with its references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from controller.domain.identity import FlowKey
from controller.domain.references import FlowReference, Resolution
from controller.simulator.content import ROOTS, read
from controller.simulator.flow import Flow
from controller.simulator.operation import Problem
from controller.simulator.organization import Organization


@dataclass(frozen=True, slots=True)
class Resolved:
    """A reference whose name stands in the content, with the flow that it means, if there is one."""

    reference: FlowReference
    flow: Flow | None


def resolve(organization: Organization, text: str) -> Iterator[Resolved]:
    """Static references in the order of the content. Dynamic ones cannot be followed by anybody."""
    for reference in read(text).references:
        if reference.resolution is Resolution.STATIC:
            yield Resolved(reference, _meant(organization, reference))


def _meant(organization: Organization, reference: FlowReference) -> Flow | None:
    for flow_type in reference.types or sorted(ROOTS):
        if found := organization.find(FlowKey(flow_type, reference.name)):
            return found
    return None


def problems(organization: Organization, key: FlowKey, text: str) -> list[Problem]:
    """What keeps this content from being published: missing and unpublished flows, each named once."""
    found: dict[str, Problem] = {}
    for resolved in resolve(organization, text):
        reference = resolved.reference
        if resolved.flow is None:
            kind = reference.types[0] if reference.types else "flow"
            if FlowKey(kind, reference.name) != key:
                message = f"find '{kind}' by value of '{reference.name}' - no matches"
                found.setdefault(message, Problem("flow.reference.missing", message))
        elif resolved.flow.published is None and resolved.flow.key != key:
            message = f"Flow '{reference.name}' version 'published' is missing. (not.found)"
            found.setdefault(message, Problem("flow.reference.unpublished", message))
    return list(found.values())


def bindings(organization: Organization, text: str) -> Mapping[str, str]:
    """Flow id to version of everything that this content binds if it is published now."""
    bound: dict[str, str] = {}
    for resolved in resolve(organization, text):
        flow = resolved.flow
        if flow and flow.published and resolved.reference.binds_at_publish:
            bound[flow.id] = flow.published.id
    return bound


def consumers(organization: Organization, flow: Flow) -> list[Flow]:
    """Flows whose published version refers to this one."""
    return [
        other
        for other in organization.flows()
        if other is not flow
        and other.published
        and any(resolved.flow is flow for resolved in resolve(organization, other.published.text))
    ]
