"""What tests of the versioned dialect do to the organisation, and the definitions they do it with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from tests.support.clock import SteppedClock

URL = "http://simulator.test"
Json = dict[str, Any]
STAGES = ((10, 15), (50, 30), (100, 0))
QUEUED_S, PREPARED_S = 0.5, 2.5
"""When a publish leaves the queue, and when its first stage begins."""


def definition(greeting: str = "Hello", **nodes: Json) -> Json:
    """Begin, a choice between two ways, an end; more nodes on demand."""
    return {
        "nodes": {
            "begin": {"type": "start", "name": "Begin", "variables": {"Flow.Greeting": greeting}},
            "open": {"type": "decision", "name": "Open?"},
            "serve": {"type": "task", "name": "Serve"},
            "closed": {"type": "task", "name": "Closed"},
            "bye": {"type": "end", "name": "Bye"},
            **nodes,
        },
        "transitions": [
            {"id": "t1", "from": "begin", "to": "open", "condition": None},
            {"id": "t2", "from": "open", "to": "serve", "condition": "yes"},
            {"id": "t3", "from": "open", "to": "closed", "condition": "no"},
            {"id": "t4", "from": "serve", "to": "bye", "condition": None},
            {"id": "t5", "from": "closed", "to": "bye", "condition": None},
        ],
    }


async def make(api: httpx.AsyncClient, name: str, content: Json | None = None) -> Json:
    """A flow that never was Archy, published at 1.0."""
    body = {"name": name, "type": "inboundcall", "definition": content or definition()}
    return dict((await api.post("/_simulator/flows", json=body)).raise_for_status().json())


async def by_hand(api: httpx.AsyncClient, flow_id: str, deed: str, **details: Any) -> Json:
    answer = await api.post(f"/_simulator/flows/{flow_id}/{deed}", json={"by": "Ada Lovelace", **details})
    return dict(answer.raise_for_status().json())


async def new_version(api: httpx.AsyncClient, flow_id: str, **content: Any) -> Json:
    """A version that is not published."""
    return await by_hand(api, flow_id, "version", definition=definition(**content))


def order(*stages: tuple[float, float], **details: Any) -> Json:
    """The body of a publish; stages are percentages and minutes."""
    rollout = {
        "staged": bool(stages),
        "stages": [{"percentage": percentage, "durationMinutes": minutes} for percentage, minutes in stages],
    }
    metadata = {"releaseVersion": "abc", "deployedBy": "penstock", "environment": "test", "timestamp": "2026-01-05"}
    body = {"publishType": "standard", "metadata": metadata, "dependencyValidationHash": f"sha256:{'0' * 64}"}
    return body | {"rolloutConfig": rollout} | details


async def publish(
    api: httpx.AsyncClient, flow_id: str, version: str, *stages: tuple[float, float], **details: Any
) -> httpx.Response:
    return await api.post(f"/api/v2/flows/{flow_id}/versions/{version}/publish", json=order(*stages, **details))


async def standing(api: httpx.AsyncClient, flow_id: str, version: str) -> Json:
    answer = await api.get(f"/api/v2/flows/{flow_id}/versions/{version}/publishstatus")
    return dict(answer.raise_for_status().json())


async def switch(api: httpx.AsyncClient, flow_id: str, version: str) -> httpx.Response:
    body = {"version": version, "description": "rollback to 1.0"}
    return await api.put(f"/api/v2/routing/flows/{flow_id}", json=body)


async def statuses(api: httpx.AsyncClient, flow_id: str) -> dict[str, str]:
    """Version to status."""
    answer = await api.get(f"/api/v2/routing/flows/{flow_id}/versions")
    return {row["version"]: row["status"] for row in answer.raise_for_status().json()["entities"]}


async def entity(api: httpx.AsyncClient, flow_id: str) -> Json:
    """The flow in the listing with definitions."""
    answer = await api.get("/api/v2/flows", params={"expand": "definition", "pageSize": 1000})
    return dict(next(row for row in answer.raise_for_status().json()["entities"] if row["id"] == flow_id))


async def traffic(api: httpx.AsyncClient, flow_id: str, **details: Any) -> None:
    (await api.post("/_simulator/executions", json={"flow": flow_id, **details})).raise_for_status()


async def query(api: httpx.AsyncClient, clock: SteppedClock, subject: str | None, **details: Any) -> Json:
    """Traces of the last hour, or as the details say: of a flow, or of one version as `flow:version`."""
    flow, _, version = (subject or "").partition(":")
    ids: dict[str, str] = {}
    if version:
        rows = (await api.get(f"/api/v2/routing/flows/{flow}/versions")).raise_for_status().json()["entities"]
        ids = {row["version"]: row["id"] for row in rows}
    body = {
        "flow_version_id": ids.get(version),
        "session_token": "anybody",
        "start_date_time": (clock.now() - timedelta(hours=1)).isoformat(),
        "end_date_time": clock.now().isoformat(),
        "page_size": 100,
    }
    answer = await api.post("/api/v2/flows/debug/traces/query", json=body | details)
    found = dict(answer.raise_for_status().json())
    return found | {"entities": [row for row in found["entities"] if flow in ("", row["flowId"])]}
