"""Finds, adds and removes the resources of an organisation, and tells which of them flows use or lack.

Of a kind that is not complete the organisation also has everything that a flow names, unless it was removed: nobody has
to load resources to publish flows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from controller.domain.references import Resolution, ResourceReference
from controller.simulator.content import Needs, needs, read
from controller.simulator.flow import SimulatedFlow
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import conflict, not_found
from controller.simulator.resources.kinds import KINDS, SimulatedKind
from controller.simulator.resources.resource import SimulatedResource

HOME = "Home"
"""The name of the division that every organisation has."""
_BUILT_IN = ("on_hold_music", "processing")
"""System prompts that public flows name. Every organisation has them and many more."""
_ALWAYS = datetime(2020, 1, 1, tzinfo=UTC)
"""The creation of what every organisation has."""
_CHILD_OF = {"integration": "data-action", "response-library": "response"}
"""Kinds that resources of another kind belong to and name."""


def complete(organization: SimulatedOrganization, kind: SimulatedKind) -> bool:
    """Whether the organisation has no others of this kind than its state holds.

    Nobody makes system prompts, so there may be more of them than are known unless they were loaded.
    """
    strict = organization.settings.strict_resources and kind.name != "system-prompt"
    return strict or kind.name in organization.state.resources.complete


def find(organization: SimulatedOrganization, kind: SimulatedKind, key: str) -> SimulatedResource | None:
    """The resource with this name, or `category / action`, in the state; None if there is none."""
    resources = organization.state.resources
    found = resources.ids.get(f"{kind.name}/{key}")
    return resources.by_id[found] if found else None


def get(organization: SimulatedOrganization, kind: SimulatedKind, resource_id: str) -> SimulatedResource:
    """The resource with this id. Raises 404."""
    found = organization.state.resources.by_id.get(resource_id)
    if found is None:
        found = next((one for one in _implied(organization, kind) if one.id == resource_id), None)
    if found is None or found.kind != kind.name:
        if kind.name == "data-table":
            raise not_found("Not found", code="flows.datatables.table.not.found")
        raise not_found()
    return found


def resource_id(organization: SimulatedOrganization, kind: str, key: str) -> str:
    """The id of the resource with this name, also of one that only a flow names."""
    found = organization.state.resources.ids.get(f"{kind}/{key}")
    return found or _first_id(organization, kind, key)


def _first_id(organization: SimulatedOrganization, kind: str, key: str) -> str:
    if kind == "division":
        return organization.division_id if key == HOME else organization.identifier(kind, key)
    return organization.identifier("resource", kind, key)


def resources_of(organization: SimulatedOrganization, kind: SimulatedKind) -> list[SimulatedResource]:
    """All resources of this kind, by name."""
    stored = [one for one in organization.state.resources.by_id.values() if one.kind == kind.name]
    return sorted([*stored, *_implied(organization, kind)], key=lambda one: (one.name.lower(), one.id))


def _implied(organization: SimulatedOrganization, kind: SimulatedKind) -> Iterator[SimulatedResource]:
    """The resources that are in no state: those that are always there, and those that only flows name."""
    for key, since in _implied_keys(organization, kind):
        if find(organization, kind, key) is None:
            yield _resource(organization, kind, key, since)


def _implied_keys(organization: SimulatedOrganization, kind: SimulatedKind) -> Iterator[tuple[str, datetime]]:
    if kind.name == "division":
        yield HOME, _ALWAYS
    if kind.name == "system-prompt":
        yield from ((name, _ALWAYS) for name in _BUILT_IN)
    if not complete(organization, kind):
        yield from _named_by_flows(organization, kind)


def _named_by_flows(organization: SimulatedOrganization, kind: SimulatedKind) -> Iterator[tuple[str, datetime]]:
    """The names that flows give, each once, with the creation of the first flow that gives it."""
    removed = organization.state.resources.removed
    seen: set[str] = {HOME} if kind.name == "division" else set()
    for flow in organization.flows():
        for key in _keys_of(flow, kind):
            if key not in seen and f"{kind.name}/{key}" not in removed:
                seen.add(key)
                yield key, flow.created_at


def needs_of(flow: SimulatedFlow) -> Iterator[Needs]:
    """What a flow needs: its live version and its latest one, once where they have the same text."""
    for text in {version.text for version in (flow.published, flow.latest) if version}:
        yield needs(text)


def _keys_of(flow: SimulatedFlow, kind: SimulatedKind) -> set[str]:
    """The names of this kind that a flow gives; of integrations, the categories of its data actions."""
    keys = {flow.division} if kind.name == "division" else set()
    child = _CHILD_OF.get(kind.name)
    for needed in needs_of(flow):
        for named, key in needed.resources:
            if named == kind.name:
                keys.add(key)
            elif named == child and " / " in key:
                keys.add(key.partition(" / ")[0])
    return keys


def _resource(organization: SimulatedOrganization, kind: SimulatedKind, key: str, at: datetime) -> SimulatedResource:
    """A resource of this name that is not in the state."""
    parent, found, name = key.partition(" / ") if kind.parent else ("", "", key)
    if not found:
        parent, name = "", key
    return SimulatedResource(_first_id(organization, kind.name, key), kind.name, name, at, parent)


def add(
    organization: SimulatedOrganization, kind: SimulatedKind, name: str, now: datetime, *, parent: str = ""
) -> SimulatedResource:
    """Add a resource to the state. Raises 409 when the name is taken by one that is there."""
    resources = organization.state.resources
    key = f"{parent} / {name}" if parent else name
    if find(organization, kind, key) or (kind.name == "division" and key == HOME):
        raise conflict(f"A {kind.name.replace('-', ' ')} with the name '{name}' already exists.")
    label = f"{kind.name}/{key}"
    first = _first_id(organization, kind.name, key)
    free = label not in resources.removed and first not in resources.by_id
    added = SimulatedResource(first if free else organization.next_id("resource"), kind.name, name, now, parent)
    keep(organization, added)
    return added


def keep(organization: SimulatedOrganization, resource: SimulatedResource) -> None:
    """Put a resource into the state, such as one that only flows named before it was changed."""
    resources = organization.state.resources
    resources.by_id[resource.id] = resource
    resources.ids[f"{resource.kind}/{resource.key}"] = resource.id
    resources.removed.discard(f"{resource.kind}/{resource.key}")


def rename(organization: SimulatedOrganization, kind: SimulatedKind, resource: SimulatedResource, name: str) -> None:
    """Rename a resource. Raises 409 when the name is taken. Flows and resources follow a renamed division."""
    if name == resource.name:
        return
    old, renamed = resource.key, f"{resource.parent} / {name}" if resource.parent else name
    if find(organization, kind, renamed):
        raise conflict(
            f"A {kind.name.replace('-', ' ')} with the name '{name}' already exists.", entity=resource.entity
        )
    organization.state.resources.ids.pop(f"{kind.name}/{old}", None)
    organization.state.resources.removed.add(f"{kind.name}/{old}")
    resource.name = name
    keep(organization, resource)
    if kind.name == "division":
        _move(organization, old, name)


def _move(organization: SimulatedOrganization, old: str, new: str) -> None:
    """Let flows and resources follow a division to its new name."""
    for flow in organization.state.flows.values():
        flow.division = new if flow.division == old else flow.division
    for resource in organization.state.resources.by_id.values():
        resource.division = new if resource.division == old else resource.division


def remove(organization: SimulatedOrganization, resource: SimulatedResource) -> None:
    """Remove a resource, whether or not something uses it."""
    resources = organization.state.resources
    resources.by_id.pop(resource.id, None)
    resources.ids.pop(f"{resource.kind}/{resource.key}", None)
    resources.removed.add(f"{resource.kind}/{resource.key}")


def users(organization: SimulatedOrganization, resource: SimulatedResource) -> list[SimulatedFlow]:
    """The flows whose live or latest version names this resource, or that belong to this division."""
    kind = KINDS[resource.kind]
    return [flow for flow in organization.flows() if resource.key in _keys_of(flow, kind)]


def referring(organization: SimulatedOrganization, identifier: str) -> list[SimulatedResource]:
    """The resources that name this id: the groups of a schedule, the queues of an in-queue flow."""
    stored = organization.state.resources.by_id.values()
    return [one for one in stored if one.id != identifier and _names(one.fields, identifier)]


def _names(value: object, identifier: str) -> bool:
    if isinstance(value, dict):
        return value.get("id") == identifier or any(_names(item, identifier) for item in value.values())
    return isinstance(value, list) and any(_names(item, identifier) for item in value)


def missing(organization: SimulatedOrganization, text: str) -> Iterator[ResourceReference]:
    """The references of a content to resources that the organisation does not have."""
    return lacking(organization, read(text).resources)


def missing_columns(organization: SimulatedOrganization, text: str) -> Iterator[tuple[str, str]]:
    """Data tables and the columns of them that a content reads and that their schemas do not have.

    A flow names a column by its title, or by its name where it has none.
    """
    for name, columns in needs(text).columns.items():
        table = find(organization, KINDS["data-table"], name)
        schema = table.fields.get("schema") if table else None
        properties = schema.get("properties") if isinstance(schema, dict) else None
        if isinstance(properties, dict):
            titles = {str(column.get("title")) for column in properties.values() if isinstance(column, dict)}
            yield from ((name, column) for column in sorted(columns - titles - properties.keys()))


def lacking(
    organization: SimulatedOrganization, references: Sequence[ResourceReference]
) -> Iterator[ResourceReference]:
    """Those of the references whose resource the organisation does not have."""
    resources, strict = organization.state.resources, organization.settings.strict_resources
    if not (strict or resources.complete or resources.removed):
        return
    for reference in references:
        kind = KINDS.get(reference.kind)
        if kind is None or reference.resolution is not Resolution.STATIC or _always(kind, reference.name):
            continue
        label = f"{kind.name}/{reference.name}"
        if label not in resources.ids and (complete(organization, kind) or label in resources.removed):
            yield reference


def _always(kind: SimulatedKind, key: str) -> bool:
    """Whether every organisation has this one."""
    return (kind.name == "division" and key == HOME) or (kind.name == "system-prompt" and key in _BUILT_IN)
