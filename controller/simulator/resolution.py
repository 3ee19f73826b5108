"""Resolves the references of a content to flows of the organisation, and finds their mistakes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.domain.identity import FlowKey
from controller.domain.references import FlowReference, Resolution
from controller.flows.checks import nested_modules
from controller.flows.suggestion import did_you_mean
from controller.simulator.content import ROOTS, read
from controller.simulator.flow import OperationProblem, SimulatedFlow
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import not_found
from controller.simulator.resources.inventory import missing, missing_columns


@dataclass(frozen=True, slots=True)
class ResolvedReference:
    """A static reference, with its flow, if there is one."""

    reference: FlowReference
    flow: SimulatedFlow | None


def resolve(organization: SimulatedOrganization, text: str) -> Iterator[ResolvedReference]:
    """Static references in the order of the content. Dynamic ones cannot be resolved."""
    for reference in read(text).references:
        if reference.resolution is Resolution.STATIC:
            yield ResolvedReference(reference, meant(organization, reference.name, reference.types))


def meant(organization: SimulatedOrganization, name: str, types: Sequence[str]) -> SimulatedFlow | None:
    """The flow of this name with the first matching type, of these types or of all if none are given."""
    for flow_type in types or sorted(ROOTS):
        if found := organization.find(FlowKey(flow_type, name)):
            return found
    return None


def needed_flow(organization: SimulatedOrganization, name: str) -> SimulatedFlow:
    """The flow with this id or `type/name`. Raises 404 with a suggestion for an unknown one."""
    found = organization.state.flows.get(organization.state.names.get(name, name))
    if found is None or found.deleted:
        hint = did_you_mean(name, organization.state.names)
        message = f"There is no flow with the id, or type/name, [{name}]" + (f"; {hint}" if hint else ".")
        raise not_found(message, code="architect.flow.not.found")
    return found


def problems(organization: SimulatedOrganization, key: FlowKey, text: str) -> list[OperationProblem]:
    """Problems that prevent a publish, each once: modules in modules, missing and unpublished flows, resources."""
    found = {problem.message: problem for problem in _nested(organization, key, text)}
    for resolved in resolve(organization, text):
        reference = resolved.reference
        if resolved.flow is None:
            kind = reference.types[0] if reference.types else "flow"
            # A new flow may refer to itself before it exists.
            if FlowKey(kind, reference.name) != key:
                message = f"find '{kind}' by value of '{reference.name}' - no matches"
                found.setdefault(message, OperationProblem("flow.reference.missing", message))
        elif resolved.flow.published is None and resolved.flow.key != key:
            message = f"Flow '{reference.name}' version 'published' is missing. (not.found)"
            found.setdefault(message, OperationProblem("flow.reference.unpublished", message))
    for needed in missing(organization, text):
        message = f"find '{needed.kind.replace('-', ' ')}' by value of '{needed.name}' - no matches"
        found.setdefault(message, OperationProblem("flow.resource.missing", message))
    for table, column in missing_columns(organization, text):
        message = f"find 'column' of data table '{table}' by value of '{column}' - no matches"
        found.setdefault(message, OperationProblem("flow.resource.missing", message))
    if cycle := _cycle(organization, key, text):
        message = f"Circular reference between modules: {' -> '.join(str(one) for one in cycle)}"
        found[message] = OperationProblem("flow.reference.circular", message)
    return list(found.values())


def _nested(organization: SimulatedOrganization, key: FlowKey, text: str) -> Iterator[OperationProblem]:
    """Modules that this module uses, if the organisation does not allow nesting."""
    if organization.settings.nested_modules:
        return
    for reference in nested_modules(key.type, read(text).references):
        message = f"Common module '{key.name}' uses common module '{reference.name}': modules cannot use modules."
        yield OperationProblem("flow.reference.nested", message)


def _cycle(organization: SimulatedOrganization, key: FlowKey, text: str) -> list[FlowKey]:
    """The shortest path along bound references (modules, bots) from this content to its own flow; usually empty."""
    before: dict[FlowKey, FlowKey] = {}
    waiting = deque([(key, text)])
    while waiting:
        current, content = waiting.popleft()
        for resolved in resolve(organization, content):
            flow = resolved.flow
            if flow is None or not resolved.reference.binds_at_publish or flow.published is None:
                continue
            if flow.key == key:
                return [*reversed(list(_back(before, current))), key]
            if flow.key not in before:
                before[flow.key] = current
                waiting.append((flow.key, flow.published.text))
    return []


def _back(before: Mapping[FlowKey, FlowKey], key: FlowKey) -> Iterator[FlowKey]:
    """The path from this flow back to the start of the search."""
    yield key
    while key in before:
        key = before[key]
        yield key


def bindings(organization: SimulatedOrganization, text: str) -> Mapping[str, str]:
    """Flow id to version for everything that a publish now would bind."""
    bound: dict[str, str] = {}
    for resolved in resolve(organization, text):
        flow = resolved.flow
        if flow and flow.published and resolved.reference.binds_at_publish:
            bound[flow.id] = flow.published.id
    return bound


def consumers(organization: SimulatedOrganization, flow: SimulatedFlow) -> list[SimulatedFlow]:
    """Flows with a published version that refers to this one."""
    return [
        other
        for other in organization.flows()
        if other is not flow
        and other.published
        and any(resolved.flow is flow for resolved in resolve(organization, other.published.text))
    ]
