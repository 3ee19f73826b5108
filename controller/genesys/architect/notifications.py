"""Events about flows, pushed by the organisation over a websocket.

A channel ends after a day or earlier, and can miss events. Callers poll as well.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from contextlib import aclosing
from urllib.parse import urlsplit

import structlog
import websockets

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.errors.organization import BadAnswer, Unreachable
from controller.domain.events import ExecutionEvent, FlowEvent
from controller.domain.excerpt import excerpt
from controller.genesys.call import ApiCall
from controller.genesys.part import PlatformPart
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import WireChannel

log = structlog.get_logger()

_CHANNELS = "/api/v2/notifications/channels"
_FLOW = "v2.flows."
"""The prefix of a flow's topic, followed by its id."""
_EXECUTIONS = "v2.flows.instances.flow."
"""The prefix of the topic of a flow's executions, followed by the flow's id."""
MOST_TOPICS = 1000
"""Topics that one channel can hold."""
_CLOSING = "v2.system.socket_closing"
"""The topic of a message that precedes the closing of the connection by up to a minute."""
_LONGEST_S = 23 * 3600.0
"""A channel ends a day after the subscription. This one is left earlier, while events still arrive."""


class ArchitectNotifications(PlatformPart):
    """Implements `EventStreams`."""

    async def flow_events(
        self, flow_ids: Collection[str], *, on_open: Callable[[], None] | None = None
    ) -> AsyncIterator[FlowEvent]:
        """Events of up to 1,000 flows until the connection ends or is about to end.

        Raises Unreachable when the channel cannot be opened, HostNotAllowed when it leads to another host, and the
        transport's errors.
        """
        async with aclosing(_contents(self._transport, _FLOW, flow_ids, on_open)) as contents:
            async for content in contents:
                event = _flow_event(content)
                if event is not None:
                    yield event

    async def execution_events(self, flow_ids: Collection[str]) -> AsyncIterator[ExecutionEvent]:
        """Executions of up to 1,000 flows as they end, until the connection ends. Raises as `flow_events` does."""
        async with aclosing(_contents(self._transport, _EXECUTIONS, flow_ids)) as contents:
            async for content in contents:
                event = _execution_event(content)
                if event is not None:
                    yield event


async def _contents(
    transport: Transport, topic: str, flow_ids: Collection[str], on_open: Callable[[], None] | None = None
) -> AsyncGenerator[Mapping[str, object], None]:
    """The messages on one topic of each flow; all others are ignored."""
    topics = [{"id": f"{topic}{flow_id}"} for flow_id in sorted(flow_ids)[:MOST_TOPICS]]
    channel = await transport.fetch(ApiCall("POST", _CHANNELS, body={}, repeatable=True), WireChannel)
    path = {"channelId": channel.id}
    subscribe = ApiCall("PUT", f"{_CHANNELS}/{{channelId}}/subscriptions", path, body=topics, repeatable=True)
    await transport.send(subscribe)
    _check_uri(transport, channel.connect_uri)
    try:
        async with _websocket(channel.connect_uri) as socket:
            if on_open is not None:
                on_open()
            ends_s = transport.clock.monotonic() + _LONGEST_S
            async for message in socket:
                content = _content(message)
                body = content.get("eventBody")
                if isinstance(body, dict) and str(content.get("topicName", "")).startswith(topic):
                    yield body
                # A heartbeat every half minute lets a silent channel come here too.
                if content.get("topicName") == _CLOSING or transport.clock.monotonic() >= ends_s:
                    break
    except websockets.InvalidStatus as error:
        raise _refusal(error.response) from error
    except (OSError, TimeoutError, websockets.WebSocketException) as error:
        raise Unreachable(f"the notification channel failed ({type(error).__name__})") from error
    log.info("notifications.ended", flows=len(topics))


def _websocket(uri: str) -> websockets.connect:
    # websockets imports a part of itself when it is first named: only a delivery or the service pays for the client.
    class StaysAtHost(websockets.connect):
        """The library would follow a redirect to any host."""

        def process_redirect(self, exc: Exception) -> Exception | str:
            return exc

    return StaysAtHost(uri, max_size=1024 * 1024, open_timeout=10, close_timeout=2)


def _check_uri(transport: Transport, uri: str) -> None:
    """Check the URI, which carries the right to listen: it needs TLS, except on the host of a plain-http API."""
    api = urlsplit(transport.api_url)
    try:
        there = urlsplit(uri)
        plain = there.scheme == "ws" and api.scheme == "http" and there.hostname == api.hostname
        allowed = there.scheme == "wss" or plain
    except ValueError:
        allowed = False
    if not allowed:
        raise BadAnswer(f"POST {_CHANNELS}: the organisation names a channel that is not reached over wss")


def _refusal(answer: websockets.Response) -> PenstockError:
    """The error for an answer that opens no websocket. A redirect shows only its host: its URL may carry rights."""
    if not 300 <= answer.status_code < 400:
        return Unreachable(f"the notification channel failed: the answer is {answer.status_code}")
    [location, *_] = *answer.headers.get_all("Location"), ""
    return HostNotAllowed(
        f"the notification channel is answered {answer.status_code}, a redirect to "
        f"{excerpt(_host(location), limit=100)}; redirects are never followed",
        hint="correct the proxy between, or set PENSTOCK_NOTIFICATIONS=false; flows are looked at all the same",
    )


def _host(location: str) -> str:
    try:
        return urlsplit(location).hostname or "the same host"
    except ValueError:
        return "an invalid address"


def _content(message: str | bytes) -> Mapping[str, object]:
    """The message; empty unless it is a JSON object."""
    try:
        content = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _flow_event(body: Mapping[str, object]) -> FlowEvent | None:
    flow_id = body.get("id")
    if not isinstance(flow_id, str):
        return None
    published, operation = body.get("publishedVersion"), body.get("currentOperation")
    return FlowEvent(
        flow_id=flow_id,
        published_version=_field(published, "id"),
        action=_field(operation, "actionName"),
        status=_field(operation, "actionStatus"),
        deleted=body.get("deleted") is True,
    )


def _execution_event(body: Mapping[str, object]) -> ExecutionEvent | None:
    """The event of an ended execution. Versions are numbers as strings; debug runs (`debug`) are ignored."""
    flow_id, version = _field(body, "flowId"), _field(body, "flowVersion")
    if flow_id is None or version is None:
        return None
    return ExecutionEvent(flow_id, version, failed=bool(body.get("errors")))


def _field(value: object, name: str) -> str | None:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None
