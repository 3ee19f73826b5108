"""Notification channels, subscriptions, and the messages about flows and their executions."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, ServedEndpoint, answer, records
from controller.simulator.execution import Execution
from controller.simulator.flow import SimulatedFlow, SimulatedOperation
from controller.simulator.notifications import JSON, SimulatedChannel
from controller.simulator.problem import ApiError, not_found
from controller.simulator.resources.resource import SimulatedResource
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
        "v2.architect.prompts.{id}",
        "A user prompt changed",
        "architect:userPrompt:view",
        ["/api/v2/architect/prompts/{promptId}"],
    ),
    (
        "v2.flows.outcomes.{id}",
        "A flow outcome changed",
        "architect:flowOutcome:view",
        ["/api/v2/flows/outcomes/{flowOutcomeId}"],
    ),
    (
        "v2.architect.dependencytracking.build",
        "The build of the dependency index changed",
        "architect:dependencyTracking:view",
        ["/api/v2/architect/dependencytracking/build"],
    ),
)
"""A topic: its name, its description, the permission that it needs, the routes with the same information."""

_RESOURCE_TOPICS = {"user-prompt": "v2.architect.prompts.{id}", "flow-outcome": "v2.flows.outcomes.{id}"}
"""The topics that tell of changes of resources, by kind."""


def announce_to(simulator: Simulator) -> None:
    """Announce changes of flows, prompts and outcomes, and executions, to the subscribed channels. Idempotent."""
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

    def altered(resource: SimulatedResource) -> None:
        topic = _RESOURCE_TOPICS.get(resource.kind)
        if topic:
            shown = {"id": resource.id, "name": resource.name, "description": resource.fields.get("description", "")}
            simulator.notifications.send(topic.format(id=resource.id), shown, organization.id)

    organization.resource_listeners.append(altered)
    organization.listeners.append(changed)
    organization.watchers.append(ran)


def _flow_event(flow: SimulatedFlow) -> views.JSON:
    shown: views.JSON = {"id": flow.id, "name": flow.name, "description": flow.description, "deleted": flow.deleted}
    if flow.latest:
        shown["checkedInVersion"] = {"id": flow.latest.id}
        shown["savedVersion"] = {"id": flow.draft.id if flow.draft else flow.latest.id}
    if flow.published:
        shown["publishedVersion"] = {"id": flow.published.id}
    if flow.operation:
        shown["currentOperation"] = _operation_event(flow.operation)
    return shown


def _operation_event(operation: SimulatedOperation) -> views.JSON:
    """The operation as in an answer, but with an action name for deactivation and without the actor's addresses."""
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
    """`GET /api/v2/notifications/availabletopics`: all topics, with every field but the schema."""
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
    """`POST /api/v2/notifications/channels`: a channel with the address of its websocket."""
    identifier = call.organization.next_id("channel")
    channel = call.simulator.notifications.open(identifier, call.actor.id, call.now, call.simulator.settings)
    return answer(_channel(call, channel))


def list_channels(call: ServedCall) -> Response:
    own = call.simulator.notifications.of(call.actor.id, call.now)
    return answer({"entities": [_channel(call, channel) for channel in own]})


def check_channel(call: ServedCall) -> Response:
    """`HEAD …/channels/{channelId}`: 200 until it expires."""
    _own_channel(call)
    return Response(status_code=200)


def _channel(call: ServedCall, channel: SimulatedChannel) -> views.JSON:
    address = call.url(f"/_channels/{channel.id}").replace("http", "ws", 1)
    return {"connectUri": address, "id": channel.id, "expires": iso(channel.expires_at)}


def subscribe(call: ServedCall) -> Response:
    """`POST …/subscriptions`, body `[{"id": topic}]`: add topics. `PUT` replaces all topics."""
    channel = _own_channel(call)
    topics = [topic.get("id") for topic in records(call.json_value(), "topics")]
    replaces = call.request.method == "PUT"
    call.simulator.notifications.subscribe(channel, topics, call.now, call.simulator.settings, replace=replaces)
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
    ServedEndpoint("PUT", _SUBSCRIPTIONS, subscribe),
    ServedEndpoint("GET", _SUBSCRIPTIONS, subscriptions),
    ServedEndpoint("DELETE", _SUBSCRIPTIONS, unsubscribe),
)


_NO_SUCH_CHANNEL = 4404
_METADATA = "channel.metadata"


@dataclass(frozen=True, slots=True)
class Streaming:
    """Serves `/_channels/{channelId}`."""

    simulator: Simulator

    async def __call__(self, socket: WebSocket) -> None:
        now = self.simulator.clock.now()
        channel = self.simulator.notifications.get(socket.path_params["channelId"], now)
        if channel is None:
            await socket.close(_NO_SUCH_CHANNEL)
            return
        await socket.accept()
        ending: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        channel.connect(ending, now)
        try:
            await _until(ending, self._send(socket, channel), self._receive(socket, channel))
        finally:
            channel.disconnected(ending)
        if ending.done():
            with contextlib.suppress(WebSocketDisconnect):
                await socket.close(ending.result())

    async def _receive(self, socket: WebSocket, channel: SimulatedChannel) -> None:
        """Answer the messages of the client until it leaves; anything else is skipped."""
        while True:
            received = await socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            try:
                message = json.loads(received.get("text") or received.get("bytes") or b"")
            except (ValueError, RecursionError):
                continue
            if isinstance(message, dict):
                self._answer(channel, message)

    def _answer(self, channel: SimulatedChannel, message: JSON) -> None:
        word, topics = message.get("message"), message.get("topics")
        if word == "ping":
            channel.put(_metadata("pong"))
        elif word in ("subscribe", "unsubscribe"):
            said = self._subscribed(channel, str(word), topics if isinstance(topics, list) else [])
            channel.put(said | {"correlationId": message.get("correlationId")})

    def _subscribed(self, channel: SimulatedChannel, word: str, topics: list[object]) -> JSON:
        now, settings = self.simulator.clock.now(), self.simulator.settings
        if word == "unsubscribe":
            channel.topics = {topic: None for topic in channel.topics if topic not in topics}
            return {"result": "200", "status": "unsubscribed"}
        try:
            self.simulator.notifications.subscribe(channel, topics, now, settings)
        except ApiError as error:
            return {"result": str(error.status), "status": "failure", "message": error.message}
        return {"result": "200", "status": "subscribed"}

    async def _send(self, socket: WebSocket, channel: SimulatedChannel) -> None:
        """Send queued messages, and a heartbeat whenever one is due, as Genesys does on busy channels too."""
        now_s = asyncio.get_running_loop().time
        beat_at_s = now_s() + self.simulator.settings.heartbeat_s
        while True:
            channel.look(self.simulator.settle())
            wait_s = max(0.0, min(self._next_s(), beat_at_s - now_s()))
            with contextlib.suppress(TimeoutError):
                await socket.send_json(await asyncio.wait_for(channel.waiting.get(), wait_s))
            if now_s() >= beat_at_s:
                await socket.send_json(_metadata("WebSocket Heartbeat"))
                beat_at_s = now_s() + self.simulator.settings.heartbeat_s

    def _next_s(self) -> float:
        """Seconds until the next effect is due, at most one: a call may schedule an earlier one."""
        due = self.simulator.organization.state.due
        if not due:
            return 1.0
        until_s = (due[0].at - self.simulator.clock.now()).total_seconds()
        return min(1.0, max(0.001, until_s))


async def _until(ending: asyncio.Future[int], *parts: Coroutine[Any, Any, None]) -> None:
    """Run these coroutines until one ends or `ending` is set. A lost connection is not an error."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        ends: set[asyncio.Future[Any]] = {ending, *tasks}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        faults = await asyncio.gather(*tasks, return_exceptions=True)
    for fault in faults:
        if isinstance(fault, Exception) and not isinstance(fault, WebSocketDisconnect):
            raise fault


def _metadata(message: str) -> JSON:
    return {"topicName": _METADATA, "eventBody": {"message": message}}
