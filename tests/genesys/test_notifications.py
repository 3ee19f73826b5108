"""Pushed events: subscribed over the API, heard over a websocket, ended without harm."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from controller.delivery.signals import PublishEvents
from controller.domain.clock import Clock, SystemClock
from controller.domain.desired import Endpoint
from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.errors.organization import BadAnswer, Unreachable
from controller.domain.events import ExecutionEvent, FlowEvent
from controller.genesys.architect.notifications import ArchitectNotifications
from controller.genesys.connect import open_transport
from controller.genesys.settings import TransportSettings
from controller.genesys.transport import Transport
from tests.genesys.scripted import Reply, ScriptedOrganization, reply, script
from tests.support.clock import SteppedClock


def _transport(
    organization: ScriptedOrganization, api: str = "http://127.0.0.1:1", clock: Clock | None = None
) -> Transport:
    return open_transport(
        Endpoint(None, api, api),
        "client",
        "secret",
        clock=clock or SystemClock(),
        settings=TransportSettings(retries=0),
        http=httpx.MockTransport(organization),
    )


def _channel(uri: str) -> Reply:
    return reply(body={"id": "channel-1", "connectUri": uri})


@asynccontextmanager
async def _refuser(status: int, location: str | None) -> AsyncIterator[str]:
    """A server that answers the handshake with something else; its URI."""

    def refuse(connection: ServerConnection, _request: Request) -> Response:
        answer = connection.respond(HTTPStatus(status), "not here")
        if location is not None:
            answer.headers["Location"] = location
        return answer

    async def speak(_connection: ServerConnection) -> None:
        """Nobody gets here."""

    async with serve(speak, "127.0.0.1", 0, process_request=refuse) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/channels/s3cr3t"


@asynccontextmanager
async def _speaker(*messages: object) -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """A websocket server that says these things and closes; its URI and the headers that it saw."""
    seen: list[dict[str, str]] = []

    async def speak(connection: ServerConnection) -> None:
        assert connection.request
        seen.append({name.lower(): value for name, value in connection.request.headers.raw_items()})
        for message in messages:
            await connection.send(message if isinstance(message, str) else json.dumps(message))

    async with serve(speak, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/channels/1", seen


def _event(flow_id: str = "f1", **body: Any) -> dict[str, object]:
    return {"topicName": f"v2.flows.{flow_id}", "version": "2", "eventBody": {"id": flow_id, **body}}


async def test_events_of_the_subscribed_flows_arrive_until_the_channel_ends() -> None:
    operation = {"id": "o1", "actionName": "PUBLISH", "actionStatus": "SUCCESS", "complete": True}
    messages = (
        {"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}},
        _event("f1", publishedVersion={"id": "3.0"}, currentOperation=operation),
        _event("f2", deleted=True),
    )
    async with _speaker(*messages) as (uri, seen):
        organization = script(_channel(uri), reply(body={"entities": []}))
        events = [event async for event in ArchitectNotifications(_transport(organization)).flow_events({"f2", "f1"})]
    assert events == [FlowEvent("f1", "3.0", "PUBLISH", "SUCCESS"), FlowEvent("f2", deleted=True)]
    create, subscribe = organization.requests
    assert (create.method, create.url.path) == ("POST", "/api/v2/notifications/channels")
    assert (subscribe.method, subscribe.url.path) == ("PUT", "/api/v2/notifications/channels/channel-1/subscriptions")
    assert json.loads(subscribe.content) == [{"id": "v2.flows.f1"}, {"id": "v2.flows.f2"}]
    assert "authorization" not in seen[0]


@pytest.mark.parametrize(
    "message",
    ["no json", "[" * 50_000, [], {}, {"topicName": 5}, {"topicName": "v2.flows.f1", "eventBody": []}, _event(id=7)],
)
async def test_what_is_no_event_is_skipped(message: object) -> None:
    async with _speaker(message, _event("f1")) as (uri, _seen):
        transport = _transport(script(_channel(uri), reply()))
        assert [event async for event in ArchitectNotifications(transport).flow_events({"f1"})] == [FlowEvent("f1")]


async def test_executions_say_their_version_and_whether_they_failed() -> None:
    topic = "v2.flows.instances.flow.f1"
    good = {"flowId": "f1", "flowVersion": "2.0", "errors": []}
    bad = {"flowId": "f1", "flowVersion": "1.0", "errors": [{"reason": "X"}]}
    others = [
        {"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}},
        {"topicName": "v2.flows.f1", "eventBody": {"id": "f1"}},
        {"topicName": topic, "eventBody": {"flowId": "f1"}},
        {"topicName": topic, "eventBody": None},
    ]
    async with _speaker(*others, *({"topicName": topic, "eventBody": body} for body in (good, bad))) as (uri, _):
        organization = script(_channel(uri), reply())
        events = [event async for event in ArchitectNotifications(_transport(organization)).execution_events({"f1"})]
    assert events == [ExecutionEvent("f1", "2.0", failed=False), ExecutionEvent("f1", "1.0", failed=True)]
    assert json.loads(organization.requests[1].content) == [{"id": topic}]


async def test_a_channel_is_left_when_it_is_about_to_be_closed() -> None:
    closing = {"topicName": "v2.system.socket_closing", "eventBody": {"message": "closing"}}
    async with _speaker(_event("f1"), closing, _event("f2")) as (uri, _seen):
        events = [
            event
            async for event in ArchitectNotifications(_transport(script(_channel(uri), reply()))).flow_events(
                {"f1", "f2"}
            )
        ]
    assert events == [FlowEvent("f1")]


async def test_a_channel_is_left_before_its_day_is_over(clock: SteppedClock) -> None:
    """What comes after 23 hours is still heard; then the channel is left, whether it is silent or not."""
    async with _speaker(*(_event(flow_id) for flow_id in ("f1", "f2", "f3"))) as (uri, _seen):
        transport = _transport(script(_channel(uri), reply()), clock=clock)
        heard = []
        async for event in ArchitectNotifications(transport).flow_events({"f1"}):
            heard.append(event.flow_id)
            clock.advance(11.5 * 3600)
    assert heard == ["f1", "f2"]


async def test_a_channel_that_cannot_be_opened_is_unreachable() -> None:
    transport = _transport(script(_channel("ws://127.0.0.1:1/x"), reply()))
    with pytest.raises(Unreachable, match="notification channel"):
        await anext(aiter(ArchitectNotifications(transport).flow_events({"f1"})))


@pytest.mark.parametrize(
    "uri", ["ws://streaming.test/x", "http://127.0.0.1/x", "wss-://x", "ws://user@evil.test/x", "wss://[streaming/x"]
)
async def test_a_channel_that_is_not_reached_over_tls_is_refused(uri: str) -> None:
    transport = _transport(script(_channel(uri), reply()), api="https://api.genesys.test")
    with pytest.raises(BadAnswer, match="wss"):
        await anext(aiter(ArchitectNotifications(transport).flow_events({"f1"})))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_the_channel_is_not_followed(status: int) -> None:
    """Not even to a host that would speak: nothing of the channel's address goes there, and no token."""
    async with _speaker(_event("f1")) as (elsewhere, seen), _refuser(status, f"{elsewhere}?listen=s3cr3t") as uri:
        transport = _transport(script(_channel(uri), reply()))
        with pytest.raises(HostNotAllowed, match=rf"answered {status}, a redirect to 127\.0\.0\.1; .* never") as caught:
            await anext(aiter(ArchitectNotifications(transport).flow_events({"f1"})))
    assert seen == []
    assert "s3cr3t" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("location", ["/elsewhere", "", "http://[", "javascript:alert(1)", None])
async def test_a_redirect_that_leads_nowhere_is_refused_as_well(location: str | None) -> None:
    async with _refuser(302, location) as uri:
        with pytest.raises(HostNotAllowed, match="redirects are never followed"):
            await anext(aiter(ArchitectNotifications(_transport(script(_channel(uri), reply()))).flow_events({"f1"})))


async def test_a_delivery_whose_channel_is_redirected_goes_on_looking() -> None:
    async with _speaker(_event("f1")) as (elsewhere, seen), _refuser(302, elsewhere) as uri:
        events = PublishEvents()
        await events.follow_flows(ArchitectNotifications(_transport(script(_channel(uri), reply()))), {"f1"})
    assert not events.reliable("f1")
    assert seen == []


async def test_a_channel_whose_handshake_is_refused_is_unreachable() -> None:
    async with _refuser(503, None) as uri:
        with pytest.raises(Unreachable, match="503"):
            await anext(aiter(ArchitectNotifications(_transport(script(_channel(uri), reply()))).flow_events({"f1"})))


async def test_a_channel_holds_at_most_a_thousand_topics() -> None:
    async with _speaker() as (uri, _seen):
        organization = script(_channel(uri), reply())
        _ = [
            event
            async for event in ArchitectNotifications(_transport(organization)).flow_events(
                {f"f{number}" for number in range(1500)}
            )
        ]
    assert len(json.loads(organization.requests[1].content)) == 1000
