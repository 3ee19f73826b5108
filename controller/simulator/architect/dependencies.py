"""Dependency tracking: `/api/v2/architect/dependencytracking`. A stale index answers 206."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain

from starlette.responses import Response

from controller.simulator import tracking
from controller.simulator.architect import views
from controller.simulator.architect.filters import wildcard
from controller.simulator.call import ServedCall, ServedEndpoint, answer
from controller.simulator.faults import FaultKind
from controller.simulator.flow import SimulatedFlow, Version
from controller.simulator.problem import bad_request, not_found
from controller.simulator.resolution import resolve
from controller.simulator.resources.inventory import missing
from controller.simulator.time import iso
from controller.simulator.tracking import IndexEntry

_URI = "/api/v2/architect/dependencytracking"


def consumed_resources(call: ServedCall) -> Response:
    """The objects that one version of a flow consumes."""
    flow = call.organization.flow(call.required("id"))
    version = call.organization.version(flow, call.required("version"))
    if call.required("objectType").upper() != tracking.object_type(flow.type):
        raise bad_request("The [objectType] does not fit the object.")
    entries = _of_types(_consumed(call, version), call.many("resourceType"))
    return _answer(call, views.page(call, entries, _entry))


def consuming_resources(call: ServedCall) -> Response:
    """The versions of flows that consume an object."""
    call.required("objectType")
    entries = tracking.consuming(call.organization, call.required("id"), call.now, call.text("flowFilter"))
    return _answer(call, views.page(call, _of_types(list(entries), call.many("resourceType")), _entry))


def search(call: ServedCall) -> Response:
    """Objects by name, on demand with their consumed and consuming objects."""
    fits = wildcard(call.required("name"))
    types = {kind.upper() for kind in call.many("objectType")}
    flows = [flow for flow in call.organization.flows() if fits(flow.name)]
    chosen = [flow for flow in flows if not types or tracking.object_type(flow.type) in types]
    return _answer(call, views.page(call, chosen, partial(_object, call)))


def one_object(call: ServedCall) -> Response:
    """One object by id; flows, and resources that some flow consumes."""
    flow = call.organization.state.flows.get(call.required("id"))
    if flow:
        return _answer(call, _object(call, flow))
    versions = (version for flow in call.organization.flows() for version in flow.versions)
    entries = chain.from_iterable(tracking.consumed(call.organization, version) for version in versions)
    entry = next((entry for entry in entries if entry.id == call.required("id")), None)
    if entry is None:
        raise not_found()
    shown = _entry(entry)
    if call.flag("consumingResources"):
        users = tracking.consuming(call.organization, entry.id, call.now, None)
        shown["consumingResources"] = [_entry(user) for user in users]
    return _answer(call, shown)


def updated_consumers(call: ServedCall) -> Response:
    """Flows with a published version that is bound to an outdated version of another flow."""
    published = _published(call)
    outdated = [flow for flow, live in published if any(entry.updated for entry in _consumed(call, live))]
    return _answer(call, views.page(call, outdated, partial(_object, call, updated=True)))


def deleted_consumers(call: ServedCall) -> Response:
    """Flows with a published version that refers to a missing flow or resource."""
    broken = [
        flow
        for flow, live in _published(call)
        if any(not one.flow for one in resolve(call.organization, live.text))
        or any(True for _ in missing(call.organization, live.text))
    ]
    return _answer(call, views.page(call, broken, partial(_object, call)))


def _published(call: ServedCall) -> list[tuple[SimulatedFlow, Version]]:
    """The published flows whose name fits, each with its live version."""
    fits = wildcard(call.text("name") or "*")
    return [(flow, flow.published) for flow in call.organization.flows() if flow.published and fits(flow.name)]


def types(call: ServedCall) -> Response:
    every = sorted({*tracking.FLOW_TYPES, *tracking.RESOURCE_TYPES.values()})
    return answer(views.page(call, every, _type))


def one_type(call: ServedCall) -> Response:
    name = call.path["typeId"]
    if name not in tracking.FLOW_TYPES and name not in tracking.RESOURCE_TYPES.values():
        raise not_found()
    return answer(_type(name))


def _type(name: str) -> views.JSON:
    return {"id": name, "name": name, "versioned": name in tracking.FLOW_TYPES, "selfUri": f"{_URI}/types/{name}"}


def build_status(call: ServedCall) -> Response:
    """`GET …/build`: a `DependencyStatus`."""
    index = call.organization.state.index
    shown: views.JSON = {
        "id": call.organization.identifier("index"),
        "name": "dependency tracking",
        "status": tracking.status(call.organization, call.now),
        "failedObjects": [],
        "selfUri": f"{_URI}/build",
    }
    if index.built_at and index.ready_at:
        shown["dateStarted"] = iso(index.built_at)
        shown["buildId"] = call.organization.identifier("build", iso(index.built_at))
        if call.now >= index.ready_at:
            shown["dateCompleted"] = iso(index.ready_at)
    return answer(shown)


def build(call: ServedCall) -> Response:
    """`POST …/build`: start a rebuild. Answers are partial until it ends."""
    tracking.build(call.organization, call.now)
    return Response(status_code=202)


def _consumed(call: ServedCall, version: Version) -> list[IndexEntry]:
    known = tracking.indexed(call.organization, version, call.now)
    return list(tracking.consumed(call.organization, version)) if known else []


def _of_types(entries: Sequence[IndexEntry], wanted: Sequence[str]) -> list[IndexEntry]:
    upper = {kind.upper() for kind in wanted}
    return [entry for entry in entries if not upper or entry.type in upper]


def _object(call: ServedCall, flow: SimulatedFlow, *, updated: bool = False) -> views.JSON:
    version = flow.published or flow.latest
    wanted = call.text("version")
    if wanted:
        version = call.organization.version(flow, wanted)
    kind = tracking.object_type(flow.type)
    entry = IndexEntry(flow.id, flow.name, kind, version.id if version else None, flow.deleted, updated)
    shown = _entry(entry)
    if call.flag("consumedResources") and version:
        entries = _of_types(_consumed(call, version), call.many("consumedResourceType"))
        shown["consumedResources"] = [_entry(one) for one in entries]
    if call.flag("consumingResources"):
        users = list(tracking.consuming(call.organization, flow.id, call.now, None))
        shown["consumingResources"] = [_entry(one) for one in _of_types(users, call.many("consumingResourceType"))]
    return shown


def _entry(entry: IndexEntry) -> views.JSON:
    shown: views.JSON = {
        "id": entry.id,
        "name": entry.name,
        "type": entry.type,
        "deleted": entry.deleted,
        "updated": entry.updated,
        "stateUnknown": False,
        "selfUri": f"{_URI}/object?id={entry.id}&objectType={entry.type}",
    }
    return shown | ({"version": entry.version} if entry.version else {})


def _answer(call: ServedCall, shown: views.JSON) -> Response:
    """Answer 206 if the index is unreliable. A fault makes it so and hides the last entry."""
    stale = tracking.status(call.organization, call.now) != tracking.OPERATIONAL
    entities = shown.get("entities")
    if call.fault({FaultKind.STALE_INDEX}):
        stale = True
        if isinstance(entities, list):
            shown["entities"] = entities[:-1]
    return answer(shown, 206 if stale else 200)


_VIEW = ("architect:dependencyTracking:view",)
ENDPOINTS = (
    ServedEndpoint("GET", _URI, search, _VIEW),
    ServedEndpoint("GET", f"{_URI}/consumedresources", consumed_resources, _VIEW),
    ServedEndpoint("GET", f"{_URI}/consumingresources", consuming_resources, _VIEW),
    ServedEndpoint("GET", f"{_URI}/object", one_object, _VIEW),
    ServedEndpoint("GET", f"{_URI}/updatedresourceconsumers", updated_consumers, _VIEW),
    ServedEndpoint("GET", f"{_URI}/deletedresourceconsumers", deleted_consumers, _VIEW),
    ServedEndpoint("GET", f"{_URI}/types", types, _VIEW),
    ServedEndpoint("GET", f"{_URI}/types/{{typeId}}", one_type, _VIEW),
    ServedEndpoint("GET", f"{_URI}/build", build_status, _VIEW),
    ServedEndpoint("POST", f"{_URI}/build", build, ("architect:dependencyTracking:rebuild",)),
)
