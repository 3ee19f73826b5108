"""Notification channels, subscriptions, and what the topics of a flow and of its executions say."""

from __future__ import annotations

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, answer, records
from controller.simulator.endpoint import ServedEndpoint
from controller.simulator.execution import Execution
from controller.simulator.flow import SimulatedFlow
from controller.simulator.notifications import SimulatedChannel
from controller.simulator.operation import SimulatedOperation
from controller.simulator.problem import not_found
from controller.simulator.simulator import Simulator
from controller.simulator.time import iso

_URI = "/api/v2/notifications/channels"
_SUBSCRIPTIONS = f"{_URI}/{{channelId}}/subscriptions"
_AVAILABLE = "/api/v2/notifications/availabletopics"
_TOPICS = (
    ("v2.flows.{id}", "A flow changed", "architect:flow:view", ["/api/v2/flows/{flowId}"]),
    (
        "v2.flows.instances.flow.{id}",
        "An execution of a flow ended",
        "architect:flowInstance:view",
        ["/api/v2/flows/instances/{instanceId}"],
    ),
    (
        "v2.architect.dependencytracking.build",
        "The build of the dependency index changed",
        "architect:dependencyTracking:view",
        ["/api/v2/architect/dependencytracking/build"],
    ),
)
"""What can be subscribed to: its name, what it tells, the permission that it needs, the routes that tell as much."""


def announce_to(simulator: Simulator) -> None:
    """Let every change of a flow and every execution be announced to the channels that subscribed; once is enough."""
    organization = simulator.organization
    if simulator.notifications.announcing:
        return
    simulator.notifications.announcing = True

    def changed(flow: SimulatedFlow) -> None:
        simulator.notifications.send(f"v2.flows.{flow.id}", _flow_event(flow), organization.id)

    def ran(execution: Execution) -> None:
        flow = organization.state.flows[execution.flow_id]
        topic = f"v2.flows.instances.flow.{flow.id}"
        simulator.notifications.send(topic, _execution_event(flow, execution), organization.id)

    organization.listeners.append(changed)
    organization.watchers.append(ran)


def _flow_event(flow: SimulatedFlow) -> views.JSON:
    shown: views.JSON = {
        "id": flow.id,
        "name": flow.name,
        "description": flow.description,
        "deleted": flow.deleted,
    }
    if flow.latest:
        shown["checkedInVersion"] = {"id": flow.latest.id}
        shown["savedVersion"] = {"id": flow.draft.id if flow.draft else flow.latest.id}
    if flow.published:
        shown["publishedVersion"] = {"id": flow.published.id}
    if flow.operation:
        shown["currentOperation"] = _operation_event(flow.operation)
    return shown


def _operation_event(operation: SimulatedOperation) -> views.JSON:
    """As in an answer, but with a word for deactivating, and without the addresses of who did it."""
    shown = views.operation(operation) | {"actionName": str(operation.action)}
    actor = {"id": operation.actor.id, "name": operation.actor.name}
    return shown | {"user" if operation.actor.person else "client": actor}


def _execution_event(flow: SimulatedFlow, execution: Execution) -> views.JSON:
    errors = [{"reason": execution.error, "executionId": execution.id, "objectId": flow.id}] if execution.error else []
    return {
        "executionId": execution.id,
        "conversationId": execution.conversation_id,
        "flowId": flow.id,
        "flowType": flow.type,
        "flowVersion": execution.version,
        "flowExitReason": "FLOW_ERROR_DISCONNECT" if execution.error else "COMPLETED",
        "errors": errors,
        "warnings": [],
        "execution": [],
        "executionItemsTruncated": False,
    }


def available_topics(_call: ServedCall) -> Response:
    """`GET /api/v2/notifications/availabletopics`: all that can be subscribed to; every field but the schema."""
    return answer({"entities": [_available(*topic) for topic in _TOPICS]})


def _available(topic: str, description: str, permission: str, routes: list[str]) -> views.JSON:
    return {
        "id": topic,
        "description": description,
        "requiresPermissions": [permission],
        "permissionDetails": [],
        "requiresDivisionPermissions": False,
        "requiresAnyValidator": False,
        "requiresCurrentUser": False,
        "requiresCurrentUserOrPermission": False,
        "enforced": True,
        "visibility": "Public",
        "transports": ["Websocket"],
        "publicApiTemplateUriPaths": routes,
        "topicParameters": ["id"] if "{id}" in topic else [],
    }


def open_channel(call: ServedCall) -> Response:
    """`POST /api/v2/notifications/channels`: with the address of its websocket."""
    identifier = call.organization.next_id("channel")
    channel = call.simulator.notifications.open(identifier, call.actor.id, call.now, call.simulator.settings)
    return answer(_channel(call, channel))


def list_channels(call: ServedCall) -> Response:
    own = call.simulator.notifications.of(call.actor.id, call.now)
    return answer({"entities": [_channel(call, channel) for channel in own]})


def check_channel(call: ServedCall) -> Response:
    """`HEAD …/channels/{channelId}`: 200 as long as it is alive."""
    _own_channel(call)
    return Response(status_code=200)


def _channel(call: ServedCall, channel: SimulatedChannel) -> views.JSON:
    address = call.url(f"/_channels/{channel.id}").replace("http", "ws", 1)
    return {"connectUri": address, "id": channel.id, "expires": iso(channel.expires_at)}


def subscribe(call: ServedCall) -> Response:
    """`POST …/subscriptions`, body `[{"id": topic}]`: adds topics."""
    return _subscribe(call, replace=False)


def replace_subscriptions(call: ServedCall) -> Response:
    """`PUT …/subscriptions`: these topics and no others."""
    return _subscribe(call, replace=True)


def _subscribe(call: ServedCall, *, replace: bool) -> Response:
    channel = _own_channel(call)
    topics = [topic.get("id") for topic in records(call.json_value(), "topics")]
    call.simulator.notifications.subscribe(channel, topics, call.now, call.simulator.settings, replace=replace)
    return subscriptions(call)


def subscriptions(call: ServedCall) -> Response:
    topics = [
        {"id": topic, "state": "Permitted", "selfUri": f"/api/v2/notifications/availabletopics/{topic}"}
        for topic in _own_channel(call).topics
    ]
    return answer({"entities": topics})


def unsubscribe(call: ServedCall) -> Response:
    _own_channel(call).topics.clear()
    return Response(status_code=204)


def _own_channel(call: ServedCall) -> SimulatedChannel:
    channel = call.simulator.notifications.get(call.path["channelId"], call.now)
    if channel is None or channel.client_id != call.actor.id:
        raise not_found()
    return channel


ENDPOINTS = (
    ServedEndpoint("GET", _AVAILABLE, available_topics),
    ServedEndpoint("POST", _URI, open_channel),
    ServedEndpoint("GET", _URI, list_channels),
    ServedEndpoint("HEAD", f"{_URI}/{{channelId}}", check_channel),
    ServedEndpoint("POST", _SUBSCRIPTIONS, subscribe),
    ServedEndpoint("PUT", _SUBSCRIPTIONS, replace_subscriptions),
    ServedEndpoint("GET", _SUBSCRIPTIONS, subscriptions),
    ServedEndpoint("DELETE", _SUBSCRIPTIONS, unsubscribe),
)
