"""Notification channels have Genesys' limits: how many, how many topics, how long, and one connection at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from controller.simulator.notifications import EXPIRED, MAINTENANCE, REPLACED
from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.simulator.conftest import token
from tests.simulator.steps import Json
from tests.support.clock import SteppedClock

CHANNELS = "/api/v2/notifications/channels"
DAY_S = 86_400


def topics(count: int, first: int = 0) -> list[Json]:
    return [{"id": f"v2.flows.{UUID(int=number)}"} for number in range(first, first + count)]


async def opened(api: httpx.AsyncClient) -> str:
    return str((await api.post(CHANNELS)).raise_for_status().json()["id"])


async def known(api: httpx.AsyncClient) -> list[str]:
    return [channel["id"] for channel in (await api.get(CHANNELS)).json()["entities"]]


async def test_a_client_has_twenty_channels_and_the_least_used_one_makes_room(
    api: httpx.AsyncClient, clock: SteppedClock
) -> None:
    ids = []
    for _ in range(20):
        ids.append(await opened(api))
        clock.advance(1)
    assert (await api.put(f"{CHANNELS}/{ids[0]}/subscriptions", json=topics(1))).status_code == 200
    newest = await opened(api)
    assert await known(api) == [ids[0], *ids[2:], newest], "the first was used since, so the second one went"
    assert (await api.get(f"{CHANNELS}/{ids[1]}/subscriptions")).status_code == 404


async def test_every_client_has_its_own_twenty(api: httpx.AsyncClient, anonymous: httpx.AsyncClient) -> None:
    first = await opened(api)
    await api.post("/_simulator/clients", json={"id": "other", "secret": "s"})
    anonymous.headers["Authorization"] = f"Bearer {await token(anonymous, 'other', 's')}"
    for _ in range(25):
        await opened(anonymous)
    assert await known(api) == [first]
    assert len(await known(anonymous)) == 20
    assert (await anonymous.head(f"{CHANNELS}/{first}")).status_code == 404


async def test_a_channel_holds_a_thousand_topics(api: httpx.AsyncClient) -> None:
    uri = f"{CHANNELS}/{await opened(api)}/subscriptions"
    assert (await api.post(uri, json=topics(1_000))).status_code == 200
    assert (await api.post(uri, json=topics(10))).status_code == 200, "these are known already"
    refused = await api.post(uri, json=topics(1, first=1_000))
    assert (refused.status_code, refused.json()["code"]) == (400, "bad.request")
    assert "1001" in refused.json()["message"]
    assert (await api.put(uri, json=topics(1_001))).status_code == 400
    assert len((await api.get(uri)).json()["entities"]) == 1_000, "a refusal changes nothing"
    assert (await api.put(uri, json=topics(1, first=1_000))).status_code == 200


async def test_a_channel_lives_for_a_day_after_it_was_subscribed_with(
    api: httpx.AsyncClient, simulator: Simulator, clock: SteppedClock
) -> None:
    simulator.configure(SimulatorSettings(token_lifetime_s=10 * DAY_S))
    api.headers["Authorization"] = f"Bearer {await token(api)}"
    used, idle = await opened(api), await opened(api)
    clock.advance(DAY_S - 1)
    assert (await api.put(f"{CHANNELS}/{used}/subscriptions", json=topics(1))).status_code == 200
    assert (await api.head(f"{CHANNELS}/{idle}")).status_code == 200
    clock.advance(1)
    assert (await api.head(f"{CHANNELS}/{idle}")).status_code == 404
    assert await known(api) == [used]
    clock.advance(DAY_S - 1)
    assert (await api.put(f"{CHANNELS}/{used}/subscriptions", json=[])).status_code == 404


@pytest.mark.parametrize("body", [None, {}, "x", [5], [{"id": 5}], [{"name": "v2.flows.x"}], [{"id": "v2.weather"}]])
async def test_topics_that_are_none_get_400(api: httpx.AsyncClient, body: object) -> None:
    refused = await api.put(f"{CHANNELS}/{await opened(api)}/subscriptions", json=body)
    assert refused.status_code == 400


@pytest.fixture
def client(folder: Path) -> Iterator[httpx.Client]:
    simulator = Simulator(settings=SimulatorSettings(publish_s=0.05, channels_per_client=2))
    simulator.load_folder(folder)
    with running(simulator) as url, httpx.Client(base_url=url, timeout=60) as client:
        form = {"grant_type": "client_credentials"}
        token = client.post("/oauth/token", data=form, auth=("penstock", "penstock-secret")).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def channel(client: httpx.Client) -> Json:
    return dict(client.post(CHANNELS).raise_for_status().json())


def said(socket: ClientConnection) -> Json:
    return dict(json.loads(socket.recv(timeout=60)))


def closing_code(socket: ClientConnection) -> int | None:
    """With which code the other side closes."""
    try:
        while True:
            socket.recv(timeout=60)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


def test_channels_that_nobody_listens_to_make_room_first(client: httpx.Client) -> None:
    listening, idle = channel(client), channel(client)
    with connect(listening["connectUri"]) as socket:
        newer = channel(client)
        assert [one["id"] for one in client.get(CHANNELS).json()["entities"]] == [listening["id"], newer["id"]]
        assert client.head(f"{CHANNELS}/{idle['id']}").status_code == 404
        with connect(newer["connectUri"]):
            channel(client)
            assert closing_code(socket) == REPLACED


def test_a_second_connection_takes_the_channel_over(client: httpx.Client) -> None:
    one = channel(client)
    with connect(one["connectUri"]) as first, connect(one["connectUri"]) as second:
        assert closing_code(first) == REPLACED
        second.send(json.dumps({"message": "ping"}))
        assert said(second)["eventBody"] == {"message": "pong"}


def test_a_connection_ends_with_its_channels_life(client: httpx.Client) -> None:
    with connect(channel(client)["connectUri"]) as socket:
        client.post("/_simulator/clock", json={"advance_s": DAY_S})
        assert closing_code(socket) == EXPIRED


def test_maintenance_is_announced_and_the_channel_can_be_connected_to_again(client: httpx.Client) -> None:
    one = channel(client)
    with connect(one["connectUri"]) as socket:
        assert client.post("/_simulator/channels/close").json() == {"connections": 1}
        assert said(socket)["topicName"] == "v2.system.socket_closing"
        socket.send(json.dumps({"message": "ping"}))
        assert said(socket)["eventBody"] == {"message": "pong"}, "there is a minute left"
        client.post("/_simulator/clock", json={"advance_s": 60})
        assert closing_code(socket) == MAINTENANCE
    with connect(one["connectUri"]) as again:
        again.send(json.dumps({"message": "ping"}))
        assert said(again)["eventBody"] == {"message": "pong"}
    assert client.post("/_simulator/channels/close", json={"after_s": "soon"}).status_code == 400


def test_topics_are_subscribed_over_the_websocket_too(client: httpx.Client) -> None:
    one = channel(client)
    [topic, other] = [topic["id"] for topic in topics(2)]
    uri = f"{CHANNELS}/{one['id']}/subscriptions"
    with connect(one["connectUri"]) as socket:
        for wanted in ("no json", b"\x00", json.dumps(["ping"]), json.dumps({"message": "sing"})):
            socket.send(wanted)
        socket.send(json.dumps({"message": "subscribe", "topics": [topic, other], "correlationId": "c1"}))
        assert said(socket) == {"result": "200", "status": "subscribed", "correlationId": "c1"}
        socket.send(json.dumps({"message": "unsubscribe", "topics": [topic]}))
        assert said(socket)["status"] == "unsubscribed"
        assert [entity["id"] for entity in client.get(uri).json()["entities"]] == [other]
        socket.send(json.dumps({"message": "subscribe", "topics": ["v2.weather"]}))
        assert (said(socket)["result"], client.get(uri).json()["entities"][0]["id"]) == ("400", other)
