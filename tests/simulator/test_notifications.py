"""Notifications come over a websocket when what was started takes effect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.simulator.steps import main_id


@pytest.fixture
def served(folder: Path) -> Iterator[tuple[Simulator, httpx.Client]]:
    simulator = Simulator(settings=SimulatorSettings(publish_s=0.05))
    simulator.load_folder(folder)
    with running(simulator) as url, httpx.Client(base_url=url, timeout=60) as client:
        form = {"grant_type": "client_credentials"}
        token = client.post("/oauth/token", data=form, auth=("penstock", "penstock-secret")).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield simulator, client


def test_a_publish_is_announced_when_it_begins_and_when_it_ends(served: tuple[Simulator, httpx.Client]) -> None:
    simulator, client = served
    flow_id = main_id(simulator)
    channel = client.post("/api/v2/notifications/channels").json()
    topic = f"v2.flows.{flow_id}"
    uri = f"/api/v2/notifications/channels/{channel['id']}/subscriptions"
    assert client.post(uri, json=[{"id": topic}]).json()["entities"][0]["state"] == "Permitted"
    with connect(channel["connectUri"]) as socket:
        socket.send(json.dumps({"message": "ping"}))
        assert json.loads(socket.recv(timeout=60))["eventBody"] == {"message": "pong"}
        client.post("/api/v2/flows/actions/publish", params={"flow": flow_id, "version": "1.0"})
        begun, ended = (json.loads(socket.recv(timeout=60)) for _ in range(2))
    assert (begun["topicName"], begun["eventBody"]["currentOperation"]["complete"]) == (topic, False)
    assert ended["eventBody"]["currentOperation"]["actionStatus"] == "SUCCESS"
    assert ended["eventBody"]["publishedVersion"] == {"id": "1.0"}


def test_executions_are_announced_with_their_errors(served: tuple[Simulator, httpx.Client]) -> None:
    simulator, client = served
    topic = f"v2.flows.instances.flow.{main_id(simulator)}"
    channel = client.post("/api/v2/notifications/channels").json()
    uri = f"/api/v2/notifications/channels/{channel['id']}/subscriptions"
    client.put(uri, json=[{"id": topic}])
    demand = {"flow": "inboundcall/Main IVR", "count": 1, "error_rate": 1.0, "reason": "BROKEN"}
    client.post("/_simulator/executions", json=demand)
    with connect(channel["connectUri"]) as socket:
        event = json.loads(socket.recv(timeout=60))["eventBody"]
    assert (event["flowVersion"], event["errors"][0]["reason"]) == ("1.0", "BROKEN")


def test_topics_that_nobody_knows_and_channels_of_others_are_refused(served: tuple[Simulator, httpx.Client]) -> None:
    _, client = served
    channel = client.post("/api/v2/notifications/channels").json()
    uri = f"/api/v2/notifications/channels/{channel['id']}/subscriptions"
    assert client.post(uri, json=[{"id": "v2.weather"}]).status_code == 400
    assert client.post(uri.replace(channel["id"], "unknown"), json=[]).status_code == 404
    assert client.delete(uri).status_code == 204
    assert client.get(uri).json() == {"entities": []}
