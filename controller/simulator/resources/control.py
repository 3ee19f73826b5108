"""`/_simulator/resources`: shows, loads and removes resources from outside, as no client of the API could."""

from __future__ import annotations

from starlette.responses import Response

from controller.domain.errors.process import SettingsInvalid
from controller.flows.suggestion import did_you_mean
from controller.simulator.architect import views
from controller.simulator.call import INTERNAL, ServedCall, ServedEndpoint, answer
from controller.simulator.problem import bad_request, not_found
from controller.simulator.resources import inventory, loading, parts
from controller.simulator.resources.kinds import KINDS, SimulatedKind
from controller.simulator.resources.resource import SimulatedResource

_URI = f"{INTERNAL}/resources"


def show(call: ServedCall) -> Response:
    """`GET /_simulator/resources?kind=`: by kind, and the kinds of which the organisation has no others."""
    wanted = _kind(call)
    kinds = [wanted] if wanted else list(KINDS.values())
    listed = {
        kind.name: [_shown(call, one) for one in inventory.resources_of(call.organization, kind)] for kind in kinds
    }
    complete = [kind.name for kind in kinds if inventory.complete(call.organization, kind)]
    return answer({"resources": listed, "complete": complete})


def _shown(call: ServedCall, resource: SimulatedResource) -> views.JSON:
    users = [str(flow.key) for flow in inventory.users(call.organization, resource)] if call.flag("users") else None
    shown: views.JSON = {"id": resource.id, "name": resource.key, "division": resource.division}
    if resource.kind == "data-table":
        properties = parts.schema(call.organization, resource).get("properties")
        shown["columns"] = [name for name in properties if name != "key"] if isinstance(properties, dict) else []
    return shown | ({} if users is None else {"users": users})


def add(call: ServedCall) -> Response:
    """`POST /_simulator/resources`: `{kind: [name or {name, …}]}`, or `"from-flows"`."""
    value = call.json_value()
    if value == loading.FROM_FLOWS:
        loading.load_from_flows(call.organization)
        return show(call)
    try:
        loading.load(call.organization, loading.parse_resources(value), call.now)
    except SettingsInvalid as error:
        raise bad_request("; ".join(part for part in (error.message, error.hint) if part)) from error
    return show(call)


def remove(call: ServedCall) -> Response:
    """`DELETE /_simulator/resources?kind=&name=`: one, all of a kind, or everything, whether or not flows use it.

    Without `name`, everything that was known of these kinds is forgotten: they are as before anything was loaded.
    """
    kind, name = _kind(call), call.text("name")
    if name is None:
        _forget(call, [kind] if kind else list(KINDS.values()))
        return show(call)
    if kind is None:
        raise bad_request("[name] needs a [kind].")
    there = {one.key: one for one in inventory.resources_of(call.organization, kind)}
    if name not in there:
        hint = did_you_mean(name, there) or "GET /_simulator/resources lists them"
        raise not_found(f"There is no {kind.name} [{name}]; {hint}")
    inventory.remove(call.organization, there[name])
    return show(call)


def _forget(call: ServedCall, kinds: list[SimulatedKind]) -> None:
    resources, names = call.organization.state.resources, {kind.name for kind in kinds}
    for resource in [one for one in resources.by_id.values() if one.kind in names]:
        inventory.remove(call.organization, resource)
    resources.complete -= names
    resources.removed = {label for label in resources.removed if label.partition("/")[0] not in names}


def _kind(call: ServedCall) -> SimulatedKind | None:
    """The kind in the query. Raises 400 for an unknown one."""
    name = call.text("kind")
    if name is None:
        return None
    if name not in KINDS:
        raise bad_request(f"[{name}] is no kind of resource; {did_you_mean(name, KINDS) or ', '.join(KINDS)}")
    return KINDS[name]


ENDPOINTS = (
    ServedEndpoint("GET", _URI, show, filters=("kind", "users")),
    ServedEndpoint("POST", _URI, add, fields=None, filters=("kind",)),
    ServedEndpoint("DELETE", _URI, remove, filters=("kind", "name")),
)
