"""The three calls that publish a flow file, as every client of the Platform API makes them."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from controller.domain.clock import Clock
from controller.simulator.settings import PENSTOCK

_REFUSED = 429


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What a peer took for a workload."""

    makespan_s: float
    calls: int
    """Those that count against the limit of a token."""


class PublishError(Exception):
    """A job failed: the workload or the peer is wrong."""


class Session:
    """Calls with one token. Too many requests are answered by the pause that the organisation asks for."""

    def __init__(self, client: httpx.AsyncClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._token = ""

    async def login(self) -> None:
        form = {"grant_type": "client_credentials"}
        answer = await self._client.post("/oauth/token", data=form, auth=(PENSTOCK.id, PENSTOCK.secret))
        self._token = answer.raise_for_status().json()["access_token"]

    async def register(self) -> dict[str, object]:
        return await self._call("POST", "/api/v2/flows/jobs")

    async def upload(self, job: dict[str, object], text: str) -> None:
        headers = job["headers"]
        assert isinstance(headers, dict)
        answer = await self._client.put(str(job["presignedUrl"]), content=text.encode(), headers=headers)
        answer.raise_for_status()

    async def ended(self, job: dict[str, object]) -> str | None:
        """Look at a job: the id of its flow at its end, None before. Raises PublishError."""
        shown = await self._call("GET", f"/api/v2/flows/jobs/{job['id']}?expand=messages")
        if shown["status"] == "Failure":
            raise PublishError(str(shown["messages"]))
        flow = shown.get("flow")
        return str(flow["id"]) if shown["status"] == "Success" and isinstance(flow, dict) else None

    async def read(self, path: str) -> dict[str, object]:
        return await self._call("GET", path)

    async def _call(self, method: str, path: str) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {self._token}"}
        while (answer := await self._client.request(method, path, headers=headers)).status_code == _REFUSED:
            await self._clock.sleep(float(answer.headers["Retry-After"]))
        found: dict[str, object] = answer.raise_for_status().json()
        return found
