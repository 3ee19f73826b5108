"""What several tests do to a simulated organisation."""

from __future__ import annotations

from typing import Any

import httpx

from controller.simulator.simulator import Simulator
from tests.support.clock import SteppedClock

Json = dict[str, Any]


async def register(api: httpx.AsyncClient, body: Json | None = None) -> Json:
    answer = await api.post("/api/v2/flows/jobs", json=body)
    return dict(answer.raise_for_status().json())


async def put(simulator_client: httpx.AsyncClient, job: Json, text: str) -> httpx.Response:
    """Send the file as a stranger would: with the job's headers and nothing else."""
    request = httpx.Request("PUT", job["presignedUrl"], headers=job["headers"], content=text.encode())
    return await simulator_client.send(request)


async def upload(api: httpx.AsyncClient, clock: SteppedClock, text: str, body: Json | None = None) -> Json:
    """Register, send, wait for the end: the job as it is then."""
    job = await register(api, body)
    assert (await put(api, job, text)).status_code == 200
    clock.advance(10)
    return dict((await api.get(f"/api/v2/flows/jobs/{job['id']}?expand=messages")).json())


async def export(api: httpx.AsyncClient, clock: SteppedClock, *flows: Json) -> Json:
    """An export job at its end."""
    answer = await api.post("/api/v2/flows/export/jobs", json={"flows": [{"flow": flow} for flow in flows]})
    clock.advance(10)
    uri = answer.raise_for_status().json()["selfUri"]
    return dict((await api.get(uri, params={"expand": "messages"})).json())


async def publish(api: httpx.AsyncClient, flow_id: str, version: str | None = None) -> httpx.Response:
    query = {"flow": flow_id} | ({"version": version} if version else {})
    return await api.post("/api/v2/flows/actions/publish", params=query)


def main_id(simulator: Simulator) -> str:
    return simulator.flow("inboundcall", "Main IVR").id


def texts(job: Json) -> list[str]:
    return [message["text"] for message in job["messages"]]
