"""`/_simulator`: inspects the organisation from outside and changes it as no client of the API could.

Its edits are those of people in Architect, unknown to the controller: the drift that it must detect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from starlette.responses import Response

from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.identity import FlowKey
from controller.simulator import locking, publishing, tracking
from controller.simulator.call import INTERNAL, ServedCall, ServedEndpoint, answer
from controller.simulator.content import empty, read
from controller.simulator.definition import raw_text
from controller.simulator.execution import ERROR_REASON, Execution, Traffic
from controller.simulator.flow import Actor, Happening, SimulatedFlow
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import ApiError, bad_request, conflict
from controller.simulator.resolution import needed_flow
from controller.simulator.time import iso


@dataclass(frozen=True, slots=True)
class UserEdit:
    """One edit of one flow by a person."""

    flow: SimulatedFlow
    person: Actor
    text: str | None = None
    """New content; None for the current content."""
    version: str | None = None
    """An existing version to publish, in place of new content."""


def person(organization: SimulatedOrganization, name: str) -> Actor:
    """A user of the organisation; one name always gives the same id."""
    return Actor(organization.identifier("user", name), name, person=True)


def publish(organization: SimulatedOrganization, edit: UserEdit, now: datetime) -> None:
    """Publish an existing version, or a new one with the given or the latest content, at once."""
    if edit.version:
        version = organization.version(edit.flow, edit.version)
    else:
        version = organization.add_version(edit.flow, _content(edit), edit.person, now)
    publishing.go_live(organization, edit.flow, version, edit.person, now)


def check_in(organization: SimulatedOrganization, edit: UserEdit, now: datetime) -> None:
    """Check in a new version without publishing it."""
    organization.add_version(edit.flow, _content(edit), edit.person, now)


def archive(organization: SimulatedOrganization, edit: UserEdit, now: datetime) -> None:  # noqa: ARG001 - as all deeds are
    """Archive a version. Raises 409 for the live one."""
    version = organization.version(edit.flow, edit.version or "latest")
    if edit.flow.published is version:
        raise conflict(f"Version '{version.id}' of flow '{edit.flow.name}' is live.", entity=edit.flow.entity)
    version.archived = True
    organization.changed(edit.flow)


def draft(organization: SimulatedOrganization, edit: UserEdit, now: datetime) -> None:
    locking.save(organization, edit.flow, _content(edit), edit.person, now)


EDITS: Mapping[str, Callable[[SimulatedOrganization, UserEdit, datetime], None]] = MappingProxyType(
    {
        "publish": publish,
        "checkin": check_in,
        "version": check_in,
        "archive": archive,
        "lock": lambda organization, edit, now: locking.check_out(organization, edit.flow, edit.person, now),
        "draft": draft,
        "unlock": lambda organization, edit, now: locking.unlock(organization, edit.flow, edit.person, now),
        "unpublish": lambda organization, edit, now: publishing.deactivate(organization, edit.flow, edit.person, now),
        "delete": lambda organization, edit, now: organization.remove(edit.flow, edit.person, now),
    }
)


def _content(edit: UserEdit) -> str:
    if edit.text is None:
        return edit.flow.latest.text if edit.flow.latest else empty(edit.flow.key)
    try:
        read(edit.text)
    except FlowFileInvalid as error:
        raise no_flow_file(error) from error
    return edit.text


def no_flow_file(error: FlowFileInvalid) -> ApiError:
    """The error for a text that is not a flow file."""
    return bad_request(f"The text is no flow file: line {error.line}, column {error.column}: {error.message}")


def calls(call: ServedCall) -> Response:
    """`GET /_simulator/calls`: `{total, calls: [{method, route, count, statuses}]}`."""
    return answer(call.simulator.calls.report())


def call_log(call: ServedCall) -> Response:
    """`GET /_simulator/calls/log`: the latest calls in order, `?method=&route=&status=&client=&since=&limit=`."""
    log = call.simulator.calls
    found = log.log(
        call.text("method"),
        call.text("route"),
        status=call.number("status", 0, minimum=0) if call.text("status") else None,
        client=call.text("client"),
        since=call.number("since", 0, minimum=0),
    )
    shown = found[-call.number("limit", log.most) :]
    return answer({"calls": [logged.shown() for logged in shown], "dropped": log.dropped})


def reset_calls(call: ServedCall) -> Response:
    """`DELETE /_simulator/calls`: reset the counts and clear the log."""
    call.simulator.calls.clear()
    return Response(status_code=204)


def flows(call: ServedCall) -> Response:
    """`GET /_simulator/flows`: by type and name; deleted ones too with `?deleted=true`."""
    shown = sorted(call.organization.flows(deleted=call.flag("deleted")), key=lambda flow: flow.key)
    return answer({"flows": [_flow(flow) for flow in shown]})


def _flow(flow: SimulatedFlow) -> dict[str, object]:
    """One flow. Its history lists every publish that took effect."""
    return {
        "id": flow.id,
        "type": flow.type,
        "name": flow.name,
        "published_version": flow.published.id if flow.published else None,
        "locked_by": flow.lock.holder.name if flow.lock else None,
        "draft": flow.draft is not None,
        "deleted": flow.deleted,
        "versions": [
            {"version": version.id, "status": version.status, "bindings": version.bindings} for version in flow.versions
        ],
        "history": [_happening(happening) for happening in flow.history],
    }


def _happening(happening: Happening) -> dict[str, object]:
    return {
        "action": happening.action.name.lower(),
        "version": happening.version,
        "at": iso(happening.at),
        "client": happening.actor.name if happening.actor.person else happening.actor.id,
    }


def new_flow(call: ServedCall) -> Response:
    """`POST /_simulator/flows`, body `{"text": "…", "by": "Ada Lovelace"}`: a person creates and publishes a flow.

    For a flow without Archy source, `{"definition": {…}, "name", "type"}` replaces `text`.
    """
    kind, name = call.string("type") or "", call.string("name") or ""
    text = call.string("text") or _raw(call, FlowKey(kind.lower(), name))
    if text is None:
        raise bad_request("[text] must hold an Archy file, or [definition] nodes and transitions.")
    try:
        key = read(text).key
    except FlowFileInvalid as error:
        raise no_flow_file(error) from error
    actor = person(call.organization, _by(call))
    flow = call.organization.create(key, actor, call.now)
    publish(call.organization, UserEdit(flow, actor, text), call.now)
    return answer(_flow(flow))


def by_hand(call: ServedCall) -> Response:
    """`POST /_simulator/flows/{flowId}/{edit}`, body `{"by": "Ada Lovelace", "text": "…", "version": "1.0"}`.

    `{type}/{name}` may replace the id, and a `definition` may replace `text`.
    """
    edit = EDITS.get(call.path["edit"])
    if edit is None:
        raise bad_request(f"[{call.path['edit']}] is none of {', '.join(EDITS)}.")
    actor = person(call.organization, _by(call))
    named = "flowId" not in call.path
    flow = needed_flow(call.organization, f"{call.path['type'].lower()}/{call.path['name']}") if named else call.flow()
    text = call.string("text") or _raw(call, flow.key)
    edit(call.organization, UserEdit(flow, actor, text, call.string("version")), call.now)
    return answer(_flow(flow))


def _raw(call: ServedCall, key: FlowKey) -> str | None:
    """The content, if it is given as a definition."""
    given = call.json().get("definition")
    return None if given is None else raw_text(key, given)


def _by(call: ServedCall) -> str:
    return call.string("by") or "A person in Architect"


_CHOICE = ("method", "route", "status", "client", "since", "limit")
_EDIT_FIELDS = ("by", "text", "definition", "version")


def streams(call: ServedCall) -> Response:
    """`GET /_simulator/executions`: the current streams."""
    shown = [
        {
            "flow": traffic.flow_id,
            "version": traffic.version,
            "per_minute": traffic.per_minute,
            "error_rate": traffic.error_rate,
            "reason": traffic.reason,
            "since": iso(traffic.since),
        }
        for traffic in call.organization.state.traffic
    ]
    return answer({"streams": shown, "stored": len(call.organization.state.executions)})


def demand(call: ServedCall) -> Response:
    """`POST /_simulator/executions`: a stream (`per_minute`), or a number of executions that just ended (`count`).

    Body: `{"flow": id or type/name, "version"?, "error_rate"?, "reason"?, "per_minute" | "count"}`. A stream replaces
    the one of the same flow and version.
    """
    body, flow, wanted = call.json(), _named_flow(call), call.string("version")
    said = call.string("reason") or ERROR_REASON
    if ("count" in body) == ("per_minute" in body):
        raise bad_request("A stream needs [per_minute], so many executions at once need [count].")
    rate = _number(call, "error_rate", 0.0, maximum=1.0)
    if "count" in body:
        _add(call, flow, wanted, int(_number(call, "count", 0.0, maximum=100_000)), rate, said)
    else:
        per_minute = _number(call, "per_minute", 0.0, maximum=60_000)
        kept = [one for one in call.organization.state.traffic if (one.flow_id, one.version) != (flow.id, wanted)]
        new = [Traffic(flow.id, call.now, per_minute, rate, wanted, said)] if per_minute else []
        call.organization.state.traffic = kept + new
    return streams(call)


def _add(call: ServedCall, flow: SimulatedFlow, wanted: str | None, count: int, rate: float, reason: str) -> None:
    """Add `count` executions that end now; exactly the given share fails."""
    version = call.organization.version(flow, wanted or "published")
    failures = round(count * rate)
    for number in range(count):
        execution_id = call.organization.next_id("execution")
        execution = Execution(
            execution_id,
            flow.id,
            version.id,
            call.now - timedelta(milliseconds=100),
            call.now,
            reason if number < failures else None,
            call.organization.identifier("conversation", execution_id),
        )
        call.organization.state.executions[execution_id] = execution
        call.organization.finished(execution)


def clear(call: ServedCall) -> Response:
    """`DELETE /_simulator/executions`: remove all streams and stored executions."""
    call.organization.state.traffic.clear()
    call.organization.state.executions.clear()
    return streams(call)


def index(call: ServedCall) -> Response:
    """`POST /_simulator/index`, body `{"status": "OPERATIONALNEEDSREBUILD"}`; null lets the builds determine it."""
    status = call.json().get("status")
    if status is not None and status not in tracking.STATUSES:
        raise bad_request(f"[status] is none of {', '.join(tracking.STATUSES)}.")
    call.organization.state.index.status = str(status) if status else None
    return answer({"status": tracking.status(call.organization, call.now)})


def _named_flow(call: ServedCall) -> SimulatedFlow:
    name = call.string("flow")
    if name is None:
        raise bad_request("[flow] must be the id, or type/name, of a flow.")
    return needed_flow(call.organization, name)


def _number(call: ServedCall, name: str, default: float, *, maximum: float) -> float:
    value = call.json().get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= maximum:
        raise bad_request(f"[{name}] must be a number from 0 to {maximum:g}.")
    return float(value)


_DEMAND = ("flow", "version", "per_minute", "count", "error_rate", "reason")
ENDPOINTS = (
    ServedEndpoint("GET", f"{INTERNAL}/calls", calls),
    ServedEndpoint("GET", f"{INTERNAL}/calls/log", call_log, filters=_CHOICE),
    ServedEndpoint("DELETE", f"{INTERNAL}/calls", reset_calls),
    ServedEndpoint("GET", f"{INTERNAL}/flows", flows, filters=("deleted",)),
    ServedEndpoint("POST", f"{INTERNAL}/flows", new_flow, fields=("text", "by", "definition", "name", "type")),
    ServedEndpoint("POST", f"{INTERNAL}/flows/{{flowId}}/{{edit}}", by_hand, fields=_EDIT_FIELDS),
    ServedEndpoint("POST", f"{INTERNAL}/flows/{{type}}/{{name:path}}/{{edit}}", by_hand, fields=_EDIT_FIELDS),
    ServedEndpoint("GET", f"{INTERNAL}/executions", streams),
    ServedEndpoint("POST", f"{INTERNAL}/executions", demand, fields=_DEMAND),
    ServedEndpoint("DELETE", f"{INTERNAL}/executions", clear),
    ServedEndpoint("POST", f"{INTERNAL}/index", index, fields=("status",)),
)
