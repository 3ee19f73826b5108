"""Creates, changes and deletes resources of every kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, ServedEndpoint, answer, records
from controller.simulator.flow import Action, SimulatedOperation
from controller.simulator.problem import ApiError, bad_request, conflict
from controller.simulator.resources import inventory, listings, parts
from controller.simulator.resources.kinds import KINDS, SimulatedKind
from controller.simulator.resources.resource import SimulatedResource

_OWN = frozenset({"id", "name", "division", "selfUri", "resources", "category", "currentOperation", "homeDivision"})
"""Fields that have a place of their own, or that a client cannot write."""
_FORCE = {"data-table": "force", "division": "force", "queue": "forceDelete"}
"""The query parameter that deletes one although it is in use."""


def create(kind: SimulatedKind, call: ServedCall) -> Response:
    """`POST`: 400 without a name, 409 when the name is taken."""
    name = call.string("name")
    if name is None or not name.strip():
        raise bad_request("The name must not be empty.", code="invalid.name")
    parent = _parent(kind, call)
    fields, division = _fields(kind, call.json()), _division(kind, call)
    resource = inventory.add(call.organization, kind, name, call.now, parent=parent)
    resource.fields, resource.division = fields, division or resource.division
    call.organization.altered(resource)
    shown = listings.expanded(call, resource)
    return answer(shown | ({"schema": parts.schema(call.organization, resource)} if kind.name == "data-table" else {}))


def _parent(kind: SimulatedKind, call: ServedCall) -> str:
    """The category of a data action, the first library of a response. Raises 400 without one, 404."""
    if not kind.parent:
        return ""
    if kind.name == "data-action":
        category = call.string("category")
        if category is None:
            raise bad_request("A data action needs a [category].")
        return category
    libraries = records(call.json().get("libraries"), "libraries")
    if not libraries:
        raise bad_request("A response needs one of [libraries].")
    return inventory.get(call.organization, KINDS["response-library"], str(libraries[0].get("id"))).name


def change(kind: SimulatedKind, call: ServedCall) -> Response:
    """`PUT` and `PATCH`: the given fields; 409 when another resource has the new name."""
    resource = inventory.get(call.organization, kind, call.path["resourceId"])
    fields, division, name = _fields(kind, call.json()), _division(kind, call), call.string("name")
    inventory.keep(call.organization, resource)
    if name and name.strip():
        inventory.rename(call.organization, kind, resource, name)
    resource.fields |= fields
    resource.division, resource.changed_at = division or resource.division, call.now
    call.organization.altered(resource)
    if kind.name == "flow-outcome":
        operation = SimulatedOperation(
            call.organization.next_id("operation"), Action.UPDATE, call.actor, call.now, None, call.now
        )
        return answer(views.operation(operation))
    return answer(listings.expanded(call, resource))


def delete(kind: SimulatedKind, call: ServedCall) -> Response:
    """`DELETE`: 409 while a flow uses it, 400 while anything belongs to the division, unless that is forced."""
    resource = inventory.get(call.organization, kind, call.path["resourceId"])
    if kind.name == "division" and resource.id == call.organization.division_id:
        raise bad_request("The home division cannot be deleted.")
    if not call.flag(_FORCE.get(kind.name, "")):
        _refuse_in_use(call, kind, resource)
    shown = listings.expanded(call, resource)
    inventory.remove(call.organization, resource)
    return answer(shown) if kind.name == "knowledge-base" else Response(status_code=204)


def _refuse_in_use(call: ServedCall, kind: SimulatedKind, resource: SimulatedResource) -> None:
    users = [f"flow '{flow.name}'" for flow in inventory.users(call.organization, resource)]
    if kind.name == "division":
        stored = call.organization.state.resources.by_id.values()
        others = [one for one in stored if one.division == resource.name]
    else:
        others = inventory.referring(call.organization, resource.id)
    users += [f"{one.kind.replace('-', ' ')} '{one.name}'" for one in others]
    listed = ", ".join(users[:5])
    if kind.name == "division" and users:
        raise ApiError(400, "bad.request", f"Division '{resource.name}' holds {listed}.", entity=resource.entity)
    if users:
        what = kind.name.replace("-", " ").capitalize()
        raise conflict(f"{what} '{resource.name}' is in use by {listed}.", entity=resource.entity)


def _fields(kind: SimulatedKind, body: Mapping[str, object]) -> dict[str, object]:
    """The further fields of a body. Raises 400 for a schema that is none."""
    given = {name: value for name, value in body.items() if value is not None and name not in {*_OWN, *kind.dates}}
    if kind.name == "data-table" and "schema" in given:
        schema = given["schema"]
        properties = schema.get("properties") if isinstance(schema, dict) else None
        if not isinstance(properties, dict) or "key" not in properties:
            raise bad_request(
                "The schema of a data table needs the property [key].", code="flows.datatables.syntax.error"
            )
    return given


def _division(kind: SimulatedKind, call: ServedCall) -> str | None:
    """The name of the division in the body, which gives its id. Raises 404 for one that is not there."""
    given = call.mapping("division").get("id") if kind.divided else None
    if not isinstance(given, str) or not given:
        return None
    return inventory.get(call.organization, KINDS["division"], given).name


_CHANGES = {"POST": (create, "add"), "PUT": (change, "edit"), "PATCH": (change, "edit"), "DELETE": (delete, "delete")}


def _endpoints(kind: SimulatedKind) -> Iterator[ServedEndpoint]:
    for method in kind.writes.split():
        handler, right = _CHANGES[method]
        uri = kind.uri if method == "POST" else f"{kind.uri}/{{resourceId}}"
        yield ServedEndpoint(method, uri, partial(handler, kind), kind.permission(right))


ENDPOINTS = tuple(endpoint for kind in KINDS.values() for endpoint in _endpoints(kind))
